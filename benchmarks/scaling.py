"""How the cost of indexing grows: three real trees, the largest over fifty times the smallest, cold."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import benchmarks
from benchmarks import processes, repositories

NAME = "scaling"
SUMMARY = "cold index of three trees spanning 50x: exponent of seconds over text"

_REPEATS = 3
# Real trees about a factor of nine apart: Flask's first release, pytest and Django as they are.
_TREES = (("pallets/flask", "0.1"), ("pytest-dev/pytest", "HEAD"), ("django/django", "HEAD"))


def run(setting: benchmarks.Setting) -> dict[str, Any]:
    """Seconds of each tree (median of three) and the slope of a straight line through their logarithms."""
    missing = sorted(name for name, _ in _TREES if setting.repository(name) is None)
    if missing:
        return {"missing_repositories": missing}
    trees: dict[str, dict[str, Any]] = {}
    with TemporaryDirectory(prefix="loccit-bench-") as folder:
        fixed = _seconds(_one_file(Path(folder) / "one.git"), "HEAD")
        for name, revision in _TREES:
            path = setting.repository(name)
            assert path is not None
            repositories.warm(path)
            texts = repositories.text_files(path, revision)
            size = sum(len(data) for _, data in texts)
            seconds = _seconds(path, revision)
            trees[f"{name} {revision}"] = {
                "text_files": len(texts),
                "text_mb": round(size / 1e6, 3),
                "seconds": round(seconds, 3),
                "text_mb_per_second": round(size / 1e6 / (seconds - fixed), 2),
            }
    sizes = [tree["text_mb"] for tree in trees.values()]
    walls = [tree["seconds"] for tree in trees.values()]
    return {
        "missing_repositories": [],
        "span": round(max(sizes) / min(sizes), 1),
        "repeats": _REPEATS,
        "one_file_seconds": round(fixed, 3),
        "exponent": benchmarks.target(_slope(sizes, walls), at_most=1.1),
        "exponent_without_the_seconds_of_one_file": benchmarks.target(
            _slope(sizes, [wall - fixed for wall in walls]), at_most=1.1
        ),
        "exponent_between_the_two_largest": _slope(sizes[1:], walls[1:]),
        "trees": trees,
    }


def _one_file(path: Path) -> Path:
    """A repository of one short file: what it takes to index it is what every index takes."""
    repositories.git(path.parent, "init", "--bare", "--quiet", str(path))
    blob = repositories.git(path, "hash-object", "-w", "--stdin", given=b"print('here')\n").decode().strip()
    row = f"100644 blob {blob}\tone.py\n".encode()
    tree = repositories.git(path, "mktree", given=row).decode().strip()
    commit = repositories.git(path, "commit-tree", tree, "-m", "One file").decode().strip()
    repositories.git(path, "update-ref", "HEAD", commit)
    return path


def _seconds(repository: Path, revision: str) -> float:
    """The median of some cold runs: each has an empty home."""
    seconds: list[float] = []
    for _ in range(_REPEATS):
        with benchmarks.home() as home:
            done = processes.loccit(home, "index", repository, "--rev", revision, "--no-history", "--quiet")
            seconds.append(done.seconds)
    return statistics.median(seconds)


def _slope(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """Slope of the least-squares line through the logarithms."""
    fit = statistics.linear_regression([math.log(s) for s in sizes], [math.log(s) for s in seconds])
    return round(fit.slope, 3)
