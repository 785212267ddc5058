"""Histories without a repository: commits as values, and their messages indexed for real."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha1
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

import numpy as np

from loccit.core.source import Change, ChangedFile, CommitRecord
from loccit.indexing.paths import index_paths
from loccit.indexing.segment import as_keys, build_segment, open_segment
from loccit.indexing.view import FileTable, SnapshotView
from loccit.pipeline.ingest import commit_record


def commit_id(name: str | int) -> str:
    """The id of a made commit."""
    return sha1(str(name).encode()).hexdigest()


def made_change(
    name: str | int,
    parents: Sequence[str | int] = (),
    *,
    edits: Sequence[str] = (),
    moves: Sequence[tuple[str, str]] = (),
    message: str = "Change",
    time: int = 1000,
) -> Change:
    """A commit that edits files and moves others."""
    files = [ChangedFile(path, "1" * 40, "2" * 40) for path in edits]
    for old, new in moves:
        blob = sha1(f"{old} {new}".encode()).hexdigest()
        files += [ChangedFile(old, blob, None), ChangedFile(new, None, blob)]
    return Change(commit_id(name), tuple(map(commit_id, parents)), time, "A", message, tuple(files))


def messages(
    changes: Sequence[Change],
    *,
    segments: int = 1,
    symbols: Mapping[int, Sequence[str]] = MappingProxyType({}),
) -> SnapshotView:
    """The messages of these commits, searchable, spread over so many segments.

    `symbols` are the definitions that the change at a position names.
    """
    commits = [change.commit for change in changes]
    keys = [bytes.fromhex(commit)[:16] for commit in commits]
    table = FileTable(
        paths=[""] * len(commits),
        blobs=commits,
        keys=as_keys(keys),
        roles=np.zeros(len(commits), dtype=np.uint8),
        words=index_paths([]),
    )
    records = [
        (
            key,
            commit_record(
                CommitRecord(
                    c.commit,
                    c.time,
                    c.message,
                    tuple(f.path for f in c.files),
                    tuple(symbols.get(at, ())),
                )
            ),
        )
        for at, (key, c) in enumerate(zip(keys, changes, strict=True))
    ]
    with TemporaryDirectory(prefix="loccit-tests-") as folder:
        opened = []
        for number in range(segments):
            path = Path(folder) / f"{number}.seg"
            build_segment(path, records[number::segments])
            # What is mapped stays when its name goes.
            opened.append(open_segment(path))
        return SnapshotView(opened, table)
