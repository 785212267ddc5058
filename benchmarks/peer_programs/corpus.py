"""What a peer is given and hands back, as JSON. Runs in the peer's own environment."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

# Passages looked at to find ten files.
LIMIT = 30
_NAME_ENDS = re.compile(r"[^A-Za-z0-9._-]")

Search = Callable[[str], Sequence[str]]


def serve(name: str, build: Callable[[list[str], list[str]], Search]) -> None:
    """Index each corpus that standard input names, ask its questions, print seconds, milliseconds, rankings.

    `build` takes paths and texts and returns a search from a question to paths, best first, which may repeat.
    """
    task = json.load(sys.stdin)
    results: list[dict[str, Any]] = []
    for corpus in task["corpora"]:
        paths, texts = _read(Path(corpus["file"]))
        started = time.perf_counter()
        search = build(paths, texts)
        seconds = time.perf_counter() - started
        search(corpus["questions"][0])
        times: list[float] = []
        rankings: list[list[str]] = []
        for question in corpus["questions"]:
            began = time.perf_counter()
            found = search(question)
            times.append(1000 * (time.perf_counter() - began))
            rankings.append(list(dict.fromkeys(found))[:10])
        results.append({"index_seconds": seconds, "milliseconds": times, "rankings": rankings})
    print(json.dumps({"corpora": results, "install_bytes": installed_bytes(name)}))


def _read(file: Path) -> tuple[list[str], list[str]]:
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return [path for path, _ in rows], [text for _, text in rows]


def installed_bytes(name: str) -> int:
    """What a distribution and everything it requires here take, bytecode aside."""
    sizes: dict[str, int] = {}
    left = [name]
    while left:
        wanted = left.pop().lower().replace("_", "-")
        if wanted in sizes:
            continue
        try:
            found = distribution(wanted)
        except PackageNotFoundError:
            continue  # required elsewhere only: another platform, an extra
        files = [path.locate() for path in found.files or () if path.suffix != ".pyc"]
        sizes[wanted] = sum(Path(path).stat().st_size for path in files if Path(path).is_file())
        for requirement in found.requires or ():
            if "extra ==" not in requirement:
                left.append(_NAME_ENDS.split(requirement, maxsplit=1)[0])
    return sum(sizes.values())
