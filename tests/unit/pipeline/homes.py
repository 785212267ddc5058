"""Home folders for tests: indexing into one, and what is found there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from loccit.core.evidence import Hit
from loccit.indexing.options import IndexingOptions
from loccit.indexing.shard import Shard
from loccit.library import Loccit
from loccit.settings import Settings

# Words, a name, a compound, a path and a number that the repositories of these tests hold.
QUERIES = (
    "parse the config",
    "load_config",
    "ParserError in tool.py",
    "cache 7",
    "where is the reader closed",
)


def loccit_at(home: Path, *, kept_snapshots: int = 8) -> Loccit:
    """A system over this home, parsing in this process."""
    options = IndexingOptions(workers=1, kept_snapshots=kept_snapshots)
    return Loccit(settings=Settings(home=home, indexing=options))


def found(
    loccit: Loccit,
    *,
    rev: str | None = None,
    repos: Sequence[str] = (),
    collection: str | None = None,
    paths: Sequence[str] = (),
    languages: Sequence[str] = (),
    history: bool = False,
    queries: Sequence[str] = QUERIES,
) -> list[tuple[Hit, ...]]:
    """What each query finds, all of it: scores bit for bit, reasons, matched words."""
    return [
        loccit.search(
            query,
            rev=rev,
            repos=repos,
            collection=collection,
            paths=paths,
            languages=languages,
            history=history,
            limit=50,
        )
        for query in queries
    ]


def fresh(folder: Path, repository: Path, rev: str, *, history: bool = False) -> list[tuple[Hit, ...]]:
    """What is found at a revision by a home that has never seen anything else."""
    loccit = loccit_at(folder)
    loccit.index(repository, rev=rev, history=history)
    return found(loccit, rev=rev, history=history)


def places_only(hits: Sequence[Hit]) -> list[Hit]:
    """The same hits without what names the commit: for comparing sources of equal files."""
    return [replace(hit, place=replace(hit.place, commit=None, tree="", repo="")) for hit in hits]


def shard_of(home: Path) -> Shard:
    """The one shard of a home."""
    (folder,) = (home / "repositories").glob("*/shard")
    return Shard(folder)


def assert_no_rubbish(home: Path) -> None:
    """Every file of every shard is named by its manifest, and no draft is left."""
    for folder in (home / "repositories").glob("*/shard"):
        manifest = Shard(folder).manifest()
        segments = {name for names in manifest.segments.values() for name in names}
        assert {path.name for path in (folder / "segments").iterdir()} == segments
        assert {path.name for path in (folder / "snapshots").iterdir()} == {
            record.table for record in manifest.snapshots
        }
        assert {path.name for path in folder.iterdir()} - {"lock", "changes.arr"} == {
            "manifest.json",
            "segments",
            "snapshots",
        }
    assert not list(home.glob(".*.tmp"))


# What a child process runs: indexes a repository into a home and prints what it did, or the error's class.
_CHILD = """
import json, resource, signal, sys
from pathlib import Path
from loccit.core.errors import LoccitError
from loccit.indexing.options import IndexingOptions
from loccit.library import Loccit
from loccit.settings import Settings

asked = json.loads(sys.argv[1])
if asked["file_bytes"] is not None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (asked["file_bytes"], asked["file_bytes"]))
print("waiting" if asked["gate"] else "ready", flush=True)
if asked["gate"]:
    sys.stdin.readline()
options = IndexingOptions(workers=asked["workers"], kept_snapshots=2)
loccit = Loccit(settings=Settings(home=Path(asked["home"]), indexing=options))
try:
    report = loccit.index(asked["repository"], rev=asked["rev"], rebuild=asked["rebuild"])
except LoccitError as error:
    print(json.dumps({"error": type(error).__name__, "message": str(error), "next": error.next_step}))
else:
    print(json.dumps({"commit": report.files.snapshot.id, "parsed": report.files.parsed}))
"""


def start_indexing(
    home: Path,
    repository: Path,
    *,
    rev: str | None = None,
    rebuild: bool = False,
    workers: int = 1,
    file_bytes: int | None = None,
    gate: bool = False,
) -> subprocess.Popen[str]:
    """A child process that has said its first line: from here on it indexes, with a `gate` once it is sent a
    line.

    `file_bytes` is the size beyond which it can write no file, as on a full disk.
    """
    asked = {
        "home": str(home),
        "repository": str(repository),
        "rev": rev,
        "rebuild": rebuild,
        "workers": workers,
        "file_bytes": file_bytes,
        "gate": gate,
    }
    process = subprocess.Popen(
        [sys.executable, "-c", _CHILD, json.dumps(asked)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == ("waiting\n" if gate else "ready\n")
    return process


def outcome(process: subprocess.Popen[str]) -> dict[str, str | int]:
    """What the child printed last, when it has ended well."""
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 0, printed
    return json.loads(printed.splitlines()[-1])
