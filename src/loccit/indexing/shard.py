"""A shard: one repository's segments and snapshots on disk, published by renaming a manifest.

    shard/manifest.json     what is published: segments, snapshots, format
    shard/segments/*.seg    immutable inverted files
    shard/snapshots/*.snap  one file table per published snapshot
    shard/changes.arr       which commit changed which files
    shard/lock              held by the one indexer at work

Readers open what the manifest names and never wait. No file that a manifest names is ever written again. A
file that no manifest names is rubbish of a killed run; the next indexer deletes it.
"""

from __future__ import annotations

import json
import os
import shutil
import time
import zlib
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, cast, get_args

import numpy as np
import numpy.typing as npt

from loccit.core.errors import IndexBroken, IndexFormatMismatch, LimitExceeded, NotIndexed
from loccit.indexing.arrays import Array, broken, read_arrays, storage_failed, write_arrays
from loccit.indexing.changes import ChangeTable, read_table, write_table
from loccit.indexing.documents import Remembered, from_fields, read_document, replace_document, sweep_drafts
from loccit.indexing.lexical import KEY_BYTES, FileRecord
from loccit.indexing.paths import NAMES, PathIndex
from loccit.indexing.segment import (
    MAX_DOCUMENTS,
    MAX_RECORD_DOCUMENTS,
    Segment,
    as_keys,
    build_segment,
    merge_segments,
    open_segment,
)
from loccit.indexing.view import FileTable, SnapshotView

FORMAT = 2
# More small segments than this are merged: a query pays for each. Bigger ones stay, or large repositories
# would be written anew at every commit.
_MAX_SMALL_SEGMENTS = 6

_CHANGES = "changes.arr"
_TABLE_COLUMNS = {"paths", "blobs", "keys", "roles", *NAMES}

Kind = Literal["files", "history", "issues"]
KINDS: tuple[Kind, ...] = get_args(Kind)

Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class SnapshotRecord:
    """A published snapshot. `indexed_at` is in seconds since the epoch; `id` is the commit, or a folder's
    tree.

    `skipped` counts, by reason, the files that were left out or are searched with less weight. `table` names
    the file below snapshots/ that lists the searched files.
    """

    id: str
    kind: Kind
    repo: str
    commit: str | None
    tree: str
    committed_at: int | None
    indexed_at: float
    files: int
    text_bytes: int
    skipped: dict[str, int] = field(default_factory=dict)
    is_shallow: bool = False
    table: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a shard publishes. Segments are file names, by kind, oldest first; snapshots oldest first."""

    segments: dict[Kind, tuple[str, ...]]
    snapshots: tuple[SnapshotRecord, ...]

    def snapshot(self, kind: Kind, snapshot_id: str) -> SnapshotRecord | None:
        """The snapshot of this kind and id."""
        return next((s for s in self.snapshots if s.kind == kind and s.id == snapshot_id), None)

    def latest(self, kind: Kind) -> SnapshotRecord | None:
        """The snapshot that was published last."""
        return next((s for s in reversed(self.snapshots) if s.kind == kind), None)


EMPTY = Manifest(segments=dict.fromkeys(KINDS, ()), snapshots=())


class Shard:
    """One repository's searchable files, history and issues, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    # Reading

    def manifest(self) -> Manifest:
        """What is published now; `EMPTY` before the first time.

        Raises IndexFormatMismatch for another version's shard, IndexBroken for a damaged manifest.
        """
        return _MANIFESTS.at(self.folder / "manifest.json")

    def open(self, kind: Kind, snapshot_id: str) -> tuple[SnapshotRecord, SnapshotView]:
        """The snapshot's record and view. Raises NotIndexed when it is not published."""
        while True:
            manifest = self.manifest()
            record = manifest.snapshot(kind, snapshot_id)
            if record is None:
                raise NotIndexed(
                    f"{snapshot_id[:12]!r} is not in the index", next_step="run 'loccit index' with '--rev'"
                )
            try:
                return record, SnapshotView(self._segments(manifest, kind), self._files(record))
            except IndexBroken:
                # An indexer may have replaced the files between the two reads: then the manifest has changed.
                if self.manifest() == manifest:
                    raise

    def segments(self, kind: Kind) -> list[Segment]:
        """The published segments of a kind, open."""
        return self._segments(self.manifest(), kind)

    def present(self, kind: Kind, keys: Sequence[bytes]) -> set[bytes]:
        """Which of these record keys the published segments hold."""
        wanted = as_keys(keys)
        found = np.zeros(len(keys), dtype=bool)
        for segment in self.segments(kind):
            found |= segment.find(wanted) >= 0
        return {key for key, here in zip(keys, found.tolist(), strict=True) if here}

    def changes(self) -> ChangeTable | None:
        """What every commit changed, as far as it was kept; None where it was not. Raises IndexBroken."""
        return read_table(self.folder / _CHANGES)

    def keep_changes(self, table: ChangeTable) -> None:
        """Keep what every commit changed, instead of what was kept before. Only under the lock."""
        write_table(self.folder / _CHANGES, table)

    def size_bytes(self) -> int:
        """Bytes on disk of the shard."""
        total = 0
        for path in self.folder.rglob("*"):
            # An indexer at work deletes what it has replaced.
            with suppress(FileNotFoundError):
                total += path.stat().st_size if path.is_file() else 0
        return total

    # Writing: all of it under the lock

    @contextmanager
    def writing(self, *, waiting: Callable[[], None] | None = None, anew: bool = False) -> Generator[None]:
        """Hold the lock and clear away what a killed run left behind.

        With `anew` the next `publish` is to replace everything, so that what is here may be damaged or of
        another format.
        """
        if anew:
            self._make_way()
        with self.locked(waiting=waiting):
            if not anew:
                self._sweep()
            yield

    @contextmanager
    def locked(self, *, waiting: Callable[[], None] | None = None) -> Generator[None]:
        """Hold the shard's lock: indexers of one repository take turns. `waiting()` is called once if it must
        wait.
        """
        from filelock import FileLock, Timeout

        try:
            for name in ("segments", "snapshots"):
                (self.folder / name).mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.folder / "lock")
            try:
                lock.acquire(timeout=0)
            except Timeout:
                if waiting is not None:
                    waiting()
                lock.acquire()
        except OSError as error:
            raise storage_failed(self.folder, error) from error
        try:
            yield
        finally:
            lock.release()

    def add_segments(self, records: Iterable[tuple[bytes, FileRecord]]) -> list[str]:
        """Write these records to segments that are not yet published; returns their names.

        Raises LimitExceeded for a record with more chunks than a segment can number.
        """
        return [self._write_segment(group) for group in fitting(records)]

    def publish(
        self,
        record: SnapshotRecord,
        files: FileTable,
        new_segments: Sequence[str],
        *,
        keep: int,
        anew: bool = False,
    ) -> SnapshotRecord:
        """Publish a snapshot with the segments written for it, all or nothing; older ones beyond `keep` of
        its kind go, with `anew` everything else.

        The record's counts of what the bytes told (binary, generated and so on) are filled in. Returns the
        record as published.
        """
        manifest = EMPTY if anew else self.manifest()
        names = (*manifest.segments[record.kind], *new_segments)
        segments = [open_segment(self.folder / "segments" / name) for name in names]
        view = SnapshotView(segments, files)
        skipped = Counter(record.skipped) + Counter(view.conditions())
        record = replace(record, skipped=dict(sorted(skipped.items())), table=f"{_unused_name()}.snap")
        self._write_files(record, files)
        mine = [s for s in manifest.snapshots if s.kind == record.kind and s.id != record.id]
        others = [s for s in manifest.snapshots if s.kind != record.kind]
        kept = [*others, *(mine[-(keep - 1) :] if keep > 1 else []), record]
        published: dict[Kind, tuple[str, ...]] = {**manifest.segments, record.kind: names}
        manifest = Manifest(published, tuple(kept))
        self._swap(manifest)
        self._merge(manifest, record.kind, segments)
        self._sweep()
        return record

    def compact(self) -> None:
        """Drop the documents that no published snapshot shows."""
        for kind in KINDS:
            manifest = self.manifest()
            self._merge(manifest, kind, self._segments(manifest, kind), wholly=True)
        self._sweep()

    def live_keys(self) -> set[bytes]:
        """The record keys of every published snapshot of files. Only under the lock."""
        tables = [self._keys(record) for record in self.manifest().snapshots if record.kind == "files"]
        # numpy strips zeros off the ends.
        return {key.ljust(KEY_BYTES, b"\0") for table in tables for key in table.tolist()}

    # Inside

    def _write_segment(self, records: Sequence[tuple[bytes, FileRecord]]) -> str:
        name = f"{_unused_name()}.seg"
        build_segment(self.folder / "segments" / name, records)
        return name

    def _keys(self, record: SnapshotRecord) -> Array:
        return self._table(record)[1]["keys"]

    def _table(self, record: SnapshotRecord) -> tuple[dict[str, Any], dict[str, Array]]:
        path = self.folder / "snapshots" / record.table
        meta, arrays = read_arrays(path)
        if not arrays.keys() >= _TABLE_COLUMNS:
            raise broken(path, "it is no list of files")
        return meta, arrays

    def _segments(self, manifest: Manifest, kind: Kind) -> list[Segment]:
        return [open_segment(self.folder / "segments" / name) for name in manifest.segments[kind]]

    def _files(self, record: SnapshotRecord) -> FileTable:
        meta, arrays = self._table(record)
        width = int(meta["id_bytes"])
        ids = arrays["blobs"].tobytes().hex()
        step = 2 * width
        blobs = [ids[i : i + step] for i in range(0, len(ids), step)]
        text = arrays["paths"].tobytes().decode("utf-8", "surrogateescape")
        # A path cannot hold a NUL, and history has no paths at all.
        paths = text.split("\0")[:-1] if text else [""] * len(blobs)
        words = PathIndex(*(arrays[name] for name in NAMES))
        return FileTable(paths, blobs, arrays["keys"], arrays["roles"], words, arrays.get("moments"))

    def _write_files(self, record: SnapshotRecord, files: FileTable) -> None:
        paths = "".join(f"{path}\0" for path in files.paths) if any(files.paths) else ""
        blobs = bytes.fromhex("".join(files.blobs))
        arrays: dict[str, Array] = {
            "paths": np.frombuffer(paths.encode("utf-8", "surrogateescape"), dtype=np.uint8),
            "blobs": np.frombuffer(blobs, dtype=np.uint8),
            "keys": files.keys,
            "roles": files.roles,
            **files.words.arrays(),
        }
        if files.moments is not None:
            arrays["moments"] = files.moments
        meta = {"id_bytes": len(files.blobs[0]) // 2 if files.blobs else 20}
        write_arrays(self.folder / "snapshots" / record.table, meta, arrays)

    def _swap(self, manifest: Manifest) -> None:
        """Publish the manifest: durable, and at once for every later reader."""
        content = {
            "segments": manifest.segments,
            "snapshots": [asdict(snapshot) for snapshot in manifest.snapshots],
        }
        document = {"format": FORMAT, "crc32": _checksum(content), **content}
        replace_document(self.folder / "manifest.json", document)

    def _merge(
        self, manifest: Manifest, kind: Kind, segments: Sequence[Segment], *, wholly: bool = False
    ) -> None:
        """Merge the small segments when there are many, and write anew the mostly dead ones; or all that can
        be smaller or fewer. What no snapshot shows is left out.
        """
        live = self._live_by_segment(manifest, kind, segments)
        worth = [True] * len(segments) if wholly else _worth_merging(segments, live)
        chosen = [(s, k) for s, k, is_worth in zip(segments, live, worth, strict=True) if is_worth]
        merged = [self._merged(group) for group in _groups(chosen)]
        rest = tuple(s.name for s, is_worth in zip(segments, worth, strict=True) if not is_worth)
        names = (*rest, *merged)
        if set(names) != set(manifest.segments[kind]):
            self._swap(replace(manifest, segments=manifest.segments | {kind: names}))

    def _merged(self, group: Sequence[tuple[Segment, Booleans]]) -> str:
        """The name of one segment with what is kept of these; a lone one kept whole stays as it is."""
        if len(group) == 1 and group[0][1].all():
            return group[0][0].name
        name = f"{_unused_name()}.seg"
        merge_segments(self.folder / "segments" / name, [s for s, _ in group], [k for _, k in group])
        return name

    def _live_by_segment(self, manifest: Manifest, kind: Kind, segments: Sequence[Segment]) -> list[Booleans]:
        """For each segment, which of its records some published snapshot shows; a record in two segments
        counts in the first.
        """
        tables = [self._keys(s) for s in manifest.snapshots if s.kind == kind]
        shown = np.unique(np.concatenate([as_keys([]), *tables]))
        seen = np.zeros(len(shown), dtype=bool)
        live: list[Booleans] = []
        for segment in segments:
            keep = np.zeros(len(segment.keys), dtype=bool)
            at = segment.find(shown)
            here = (at >= 0) & ~seen
            keep[at[here]] = True
            seen |= here
            live.append(keep)
        return live

    def _sweep(self) -> None:
        """Delete what no manifest names."""
        manifest = self.manifest()
        named = {name for names in manifest.segments.values() for name in names}
        named |= {record.table for record in manifest.snapshots}
        try:
            for folder in ("segments", "snapshots"):
                for path in (self.folder / folder).iterdir():
                    if path.name not in named:
                        _delete(path)
            for name in ("manifest.json", _CHANGES):
                sweep_drafts(self.folder / name)
        except OSError as error:
            raise storage_failed(self.folder, error) from error

    def _make_way(self) -> None:
        """Delete files that stand where folders of ours belong, and folders that stand where files do."""
        wanted = {"": True, "segments": True, "snapshots": True, "lock": False, "manifest.json": False}
        try:
            for name, is_folder in wanted.items():
                path = self.folder / name
                if os.path.lexists(path) and path.is_dir() != is_folder:
                    _delete(path)
        except OSError as error:
            raise storage_failed(self.folder, error) from error


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _unused_name() -> str:
    """A name that no file here has had: writers hold the lock, and a clock that was set back brings other
    nanoseconds.
    """
    return f"{time.time_ns():x}-{os.getpid():x}"


def fitting(records: Iterable[tuple[bytes, FileRecord]]) -> Iterator[list[tuple[bytes, FileRecord]]]:
    """Groups of records that fit into one segment each, in the order given.

    Raises LimitExceeded for a record with more chunks than a segment can number.
    """
    group: list[tuple[bytes, FileRecord]] = []
    size = 0
    for key, record in records:
        chunks = len(record.chunks)
        if chunks > MAX_RECORD_DOCUMENTS:
            raise LimitExceeded(
                "chunks of one file",
                chunks,
                MAX_RECORD_DOCUMENTS,
                next_step="ignore the file in .loccitignore",
            )
        if group and size + chunks > MAX_DOCUMENTS:
            yield group
            group, size = [], 0
        group.append((key, record))
        size += chunks
    if group:
        yield group


def _documents(segment: Segment, keep: Booleans) -> int:
    """How many documents the kept records have."""
    return int(np.diff(segment.first_doc.astype(np.int64))[keep].sum())


def _worth_merging(segments: Sequence[Segment], live: Sequence[Booleans]) -> list[bool]:
    """The mostly dead segments, and the smallest of the small ones where there are too many."""
    documents = [_documents(segment, keep) for segment, keep in zip(segments, live, strict=True)]
    small = sorted((n, i) for i, n in enumerate(documents) if n <= MAX_DOCUMENTS // 2)
    surplus = len(small) - _MAX_SMALL_SEGMENTS // 2 if len(small) > _MAX_SMALL_SEGMENTS else 0
    chosen = {i for _, i in small[:surplus]}
    return [
        i in chosen or not keep.any() or 2 * n < len(segment)
        for i, (segment, keep, n) in enumerate(zip(segments, live, documents, strict=True))
    ]


def _groups(
    segments: Sequence[tuple[Segment, Booleans]],
) -> Iterator[list[tuple[Segment, Booleans]]]:
    """Runs of segments whose live documents fit into one; segments with nothing live are left out."""
    group: list[tuple[Segment, Booleans]] = []
    size = 0
    for segment, keep in segments:
        if not keep.any():
            continue
        documents = _documents(segment, keep)
        if group and size + documents > MAX_DOCUMENTS:
            yield group
            group, size = [], 0
        group.append((segment, keep))
        size += documents
    if group:
        yield group


def _checksum(content: dict[str, Any]) -> int:
    return zlib.crc32(json.dumps(content, sort_keys=True).encode("ascii"))


def _manifest(path: Path) -> Manifest:
    found = read_document(path)
    if found is None:
        return EMPTY
    if found.get("format") != FORMAT:
        raise IndexFormatMismatch(
            f"the index in {str(path.parent)!r} has format {found.get('format')!r}, "
            f"this version reads {FORMAT}",
            next_step="run 'loccit index --rebuild'",
        )
    try:
        content = {name: found[name] for name in ("segments", "snapshots")}
        if _checksum(content) != found["crc32"]:
            raise broken(path, "its content fails its checksum")
        # What was written before there were issues names none.
        named = {"issues": [], **cast("dict[str, list[str]]", content["segments"])}
        segments: dict[Kind, tuple[str, ...]] = {kind: tuple(named[kind]) for kind in KINDS}
        snapshots = tuple(from_fields(SnapshotRecord, snapshot) for snapshot in content["snapshots"])
    except (KeyError, TypeError) as error:
        raise broken(path, f"unexpected content: {error}") from error
    return Manifest(segments=segments, snapshots=snapshots)


_MANIFESTS = Remembered(_manifest)
