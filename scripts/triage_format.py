"""Writes the published schema and example of the triage format; `--check` only says if they are current.

As `answer_format.py` does for answers: the example is about the repository that `example_repository.py`
writes, so that each of its citations can be re-checked.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from loccit.core.triage import Triage, json_schema, seal
from loccit.verification import cite, cite_commit

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"
SCHEMA = REFERENCE / "loccit-triage-1.schema.json"
EXAMPLE = REFERENCE / "loccit-triage-1.example.json"
PAGE = REFERENCE / "triage-format.md"
_EXAMPLE_BLOCK = re.compile(r"(?<=<!-- the example -->\n```json\n).*?(?=```\n)", re.DOTALL)
_TITLE = "Sending fails at noon with a TimeoutError"
_BODY = "It worked before the retries came in.\n\n    TimeoutError: the carrier did not answer\n"


def write_example_repository(folder: Path) -> None:
    """The repository of the documentation's examples."""
    path = ROOT / "scripts" / "example_repository.py"
    spec = importlib.util.spec_from_file_location("example_repository", path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.write_repository(folder)


def _git(folder: Path, *arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, check=True).stdout


def example_triage(folder: Path) -> Triage:
    """A triage of an issue about the example repository in `folder`."""
    commit = _git(folder, "rev-parse", "HEAD").decode().strip()
    tree = _git(folder, "rev-parse", "HEAD^{tree}").decode().strip()
    path = "parcels/retries.py"
    code = _git(folder, "cat-file", "blob", f"{commit}:{path}")
    said = _git(folder, "cat-file", "commit", commit)
    start, subject = code.index(b"def with_retries"), said.index(b"Ask the carrier")
    lines = cite(
        repo="parcels",
        commit=commit,
        tree=tree,
        path=path,
        data=code,
        start_byte=start,
        end_byte=len(code),
    )
    message = cite_commit(
        repo="parcels", commit=commit, data=said, start_byte=subject, end_byte=said.index(b"\n", subject)
    )
    function = {
        "symbol": "with_retries",
        "start_byte": start,
        "end_byte": len(code),
        "start_line": lines.start_line,
        "end_line": lines.end_line,
        "score": 4.2,
    }
    suspect: dict[str, Any] = {
        "path": path,
        "blob": lines.blob,
        "role": "source",
        "score": 2.6,
        "probability": 0.81,
        "reasons": [
            {"kind": "words", "text": "holds TimeoutError, again", "citation": 0},
            {"kind": "recent_change", "text": "changed a day before the report", "citation": 1},
        ],
        "functions": [function],
        "citations": [lines, message],
    }
    return seal(
        issue={
            "origin": "tracker",
            "id": "12",
            "url": "https://tracker.example/issues/12",
            "title": _TITLE,
            "created": "2024-03-09T11:20:00Z",
            "sha256": hashlib.sha256(f"{_TITLE}\n\n{_BODY}".encode()).hexdigest(),
            "characters": len(_TITLE) + 2 + len(_BODY),
            "read": len(_TITLE) + 2 + len(_BODY),
        },
        as_of={"commit": commit, "time": "2024-03-09T23:59:59Z"},
        outcome="triaged",
        abstention=None,
        confidence=0.84,
        suspects=[suspect],
        tests=[],
        docs=[],
        duplicates=[
            {
                "id": "7",
                "url": "https://tracker.example/issues/7",
                "title": "No answer from the carrier around noon",
                "is_open": False,
                "probability": 0.37,
                "evidence": ["both say carrier, noon"],
                "citations": [],
            }
        ],
        similar_fixes=[
            {
                "commit": commit,
                "time": "2024-03-08T09:00:00Z",
                "score": 1.9,
                "paths": [path],
                "citations": [message],
            }
        ],
        culprits=[
            {
                "commit": commit,
                "time": "2024-03-08T09:00:00Z",
                "score": 0.41,
                "reasons": ["changed with_retries", "1 day before the report", "says carrier"],
                "paths": [path],
                "citations": [message],
            }
        ],
        labels=[{"label": "carrier", "share": 0.8, "reasons": ["the likeliest files are below parcels/"]}],
        owners=[
            {
                "name": "example",
                "source": "history",
                "share": 1.0,
                "reasons": ["changed retries.py once, last on 2024-03-08"],
                "citations": [message],
            }
        ],
        ask=[],
        reply_draft=None,
        notes=[{"part": "culprits", "text": "no tag stands for the version 2.1"}],
        snapshots=[
            {
                "repo": "parcels",
                "commit": commit,
                "tree": tree,
                "indexed_at": "2024-03-10T09:30:00Z",
                "files": 4,
                "skipped": [{"reason": "empty", "files": 1}],
                "changed_files": 0,
                "history": "complete",
            }
        ],
        run={
            "trace_id": "0af7651916cd43dd8448eb211c80319c",
            "started_at": "2024-03-10T09:31:00Z",
            "timings_ms": {"read": 0.4, "localise": 41.0, "history": 12.5, "verify": 2.0},
            "cost_usd": 0,
            "index_age_s": 60,
            "version": "0.1.0",
        },
    )


def generated() -> dict[Path, str]:
    """What each generated file should hold."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "parcels"
        write_example_repository(folder)
        triage = example_triage(folder)
    indented = json.dumps(json.loads(triage.to_json()), indent=2, ensure_ascii=False) + "\n"
    return {
        SCHEMA: json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n",
        EXAMPLE: triage.to_json() + "\n",
        PAGE: _EXAMPLE_BLOCK.sub(lambda _: indented, PAGE.read_text(encoding="utf-8"), count=1),
    }


def main(arguments: list[str]) -> int:
    """0 when all is up to date or has been written, 1 when `--check` finds a difference."""
    texts = generated()
    stale = [
        path for path, text in texts.items() if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    if arguments == ["--check"]:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is out of date: run 'python scripts/triage_format.py'")
        return 1 if stale else 0
    for path in stale:
        path.write_text(texts[path], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
