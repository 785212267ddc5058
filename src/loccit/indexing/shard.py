"""A shard: one repository's segments and snapshots on disk, published by renaming a manifest.

    shard/manifest.json     what is published: segments, snapshots, format
    shard/segments/*.seg    immutable inverted files
    shard/snapshots/*.snap  one file table per commit (or folder tree)
    shard/lock              held by the one indexer at work

Readers open what the manifest names and never wait. A file that no manifest names is rubbish of a killed run; the next
indexer deletes it.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from loccit.core.errors import IndexBroken, IndexFormatMismatch, NotIndexed
from loccit.indexing.arrays import Array, broken, read_arrays, storage_failed, write_arrays
from loccit.indexing.lexical import FileRecord
from loccit.indexing.paths import NAMES, PathIndex
from loccit.indexing.segment import (
    MAX_DOCUMENTS,
    Segment,
    as_keys,
    build_segment,
    merge_segments,
    open_segment,
)
from loccit.indexing.view import FileTable, SnapshotView

FORMAT = 1
# More small segments than this are merged: a query pays for each.
_MAX_SEGMENTS = 6

Kind = Literal["files", "history"]


@dataclass(frozen=True, slots=True)
class SnapshotRecord:
    """A published snapshot. `indexed_at` and `used_at` are seconds since the epoch; `id` is the commit, or a folder's tree.

    `skipped` counts, by reason, the files that were left out or are searched with less weight. `complete` is False for a history of
    which the diffs were not all read.
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

    @property
    def file_name(self) -> str:
        """Name of the file table under snapshots/."""
        return f"{self.kind}-{self.id}.snap"


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


EMPTY = Manifest(segments={"files": (), "history": ()}, snapshots=())


class Shard:
    """One repository's searchable files and history, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    # Reading

    def manifest(self) -> Manifest:
        """What is published now; `EMPTY` before the first time.

        Raises IndexFormatMismatch for another version's shard, IndexBroken for a damaged manifest.
        """
        path = self.folder / "manifest.json"
        try:
            document = json.loads(path.read_bytes())
        except FileNotFoundError:
            return EMPTY
        except OSError as error:
            raise broken(path, error.strerror or str(error)) from error
        except ValueError as error:
            raise broken(path, "it is not JSON") from error
        return _manifest(path, document)

    def open(self, kind: Kind, snapshot_id: str) -> tuple[SnapshotRecord, SnapshotView]:
        """The snapshot's record and view. Raises NotIndexed when it is not published."""
        for attempt in range(3):
            manifest = self.manifest()
            record = manifest.snapshot(kind, snapshot_id)
            if record is None:
                raise NotIndexed(
                    f"{snapshot_id[:12]!r} is not in the index", next_step="run 'loccit index' with '--rev'"
                )
            try:
                return record, SnapshotView(self._segments(manifest, kind), self._files(record))
            except IndexBroken:
                # A merge may have replaced the segments between the two reads: then the manifest has changed.
                if attempt == 2 or self.manifest() == manifest:
                    raise
        raise AssertionError("unreachable")

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

    def size_bytes(self) -> int:
        """Bytes on disk of the shard."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())

    # Writing: all of it under the lock

    @contextmanager
    def writing(self, *, waiting: Callable[[], None] | None = None) -> Iterator[None]:
        """Hold the lock and clear away what a killed run left behind."""
        with self.locked(waiting=waiting):
            self._sweep()
            yield

    @contextmanager
    def locked(self, *, waiting: Callable[[], None] | None = None) -> Iterator[None]:
        """Hold the shard's lock: indexers of one repository take turns. `waiting()` is called once if it must wait."""
        from filelock import FileLock, Timeout  # noqa: PLC0415 — searches never write

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

    def add_segment(self, records: Iterable[tuple[bytes, FileRecord]]) -> str:
        """Write a segment that is not yet published; returns its name."""
        name = f"{time.time_ns():x}-{os.getpid():x}.seg"
        build_segment(self.folder / "segments" / name, records)
        return name

    def publish(
        self, record: SnapshotRecord, files: FileTable, new_segments: Sequence[str], *, keep: int
    ) -> SnapshotRecord:
        """Publish a snapshot with the segments written for it, all or nothing; older ones beyond `keep` of its kind go.

        The record's counts of what the bytes told (binary, generated and so on) are filled in. Returns the record as published.
        """
        manifest = self.manifest()
        names = (*manifest.segments[record.kind], *new_segments)
        segments = [open_segment(self.folder / "segments" / name) for name in names]
        view = SnapshotView(segments, files)
        record = replace(record, skipped=record.skipped | view.conditions())
        self._write_files(record, files)
        mine = [s for s in manifest.snapshots if s.kind == record.kind and s.id != record.id]
        others = [s for s in manifest.snapshots if s.kind != record.kind]
        kept = [*others, *(mine[-(keep - 1) :] if keep > 1 else []), record]
        self._swap(Manifest(manifest.segments | {record.kind: names}, tuple(kept)))
        self._merge(record.kind)
        self._sweep()
        return record

    def clear(self, *, waiting: Callable[[], None] | None = None) -> None:
        """Forget everything published here, even if it is damaged or of another format."""
        with self.locked(waiting=waiting):
            self._swap(EMPTY)
            self._sweep()

    def compact(self) -> None:
        """Drop the documents that no published snapshot shows."""
        for kind in ("files", "history"):
            self._merge(kind, wholly=True)
        self._sweep()

    def live_keys(self) -> set[bytes]:
        """The record keys of every published snapshot of files."""
        manifest = self.manifest()
        return {
            key.ljust(16, b"\0")
            for record in manifest.snapshots
            if record.kind == "files"
            for key in self._files(record).keys.tolist()
        }

    # Inside

    def _segments(self, manifest: Manifest, kind: Kind) -> list[Segment]:
        return [open_segment(self.folder / "segments" / name) for name in manifest.segments[kind]]

    def _files(self, record: SnapshotRecord) -> FileTable:
        meta, arrays = read_arrays(self.folder / "snapshots" / record.file_name)
        width = int(meta["id_bytes"])
        ids = arrays["blobs"].tobytes().hex()
        step = 2 * width
        blobs = [ids[i : i + step] for i in range(0, len(ids), step)]
        text = arrays["paths"].tobytes().decode("utf-8", "surrogateescape")
        # A path cannot hold a NUL, and history has no paths at all.
        paths = text.split("\0")[:-1] if text else [""] * len(blobs)
        words = PathIndex(*(arrays[name] for name in NAMES))
        return FileTable(paths, blobs, arrays["keys"], arrays["roles"], words)

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
        meta = {"id_bytes": len(files.blobs[0]) // 2 if files.blobs else 20}
        write_arrays(self.folder / "snapshots" / record.file_name, meta, arrays)

    def _swap(self, manifest: Manifest) -> None:
        """Publish the manifest: durable, and at once for every later reader."""
        path = self.folder / "manifest.json"
        document = {
            "format": FORMAT,
            "segments": manifest.segments,
            "snapshots": [asdict(snapshot) for snapshot in manifest.snapshots],
        }
        temporary = path.with_name(f".manifest.{os.getpid()}.tmp")
        try:
            with temporary.open("w") as file:
                json.dump(document, file, separators=(",", ":"))
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
            folder = os.open(self.folder, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise storage_failed(path, error) from error

    def _merge(self, kind: Kind, *, wholly: bool = False) -> None:
        """Merge the small segments when there are many, or all of them, leaving out what no snapshot shows."""
        manifest = self.manifest()
        names = manifest.segments[kind]
        segments = self._segments(manifest, kind)
        if not wholly:
            if len(segments) <= _MAX_SEGMENTS:
                return
            small = {s.name for s in sorted(segments, key=len)[: len(segments) - _MAX_SEGMENTS // 2]}
            segments = [s for s in segments if s.name in small]
        live = self._live_by_segment(manifest, kind, segments)
        merged: list[str] = []
        for group in _groups(segments, live):
            name = f"{time.time_ns():x}-{os.getpid():x}.seg"
            merge_segments(
                self.folder / "segments" / name, [s for s, _ in group], [k for _, k in group]
            )
            merged.append(name)
        gone = {segment.name for segment in segments}
        rest = tuple(name for name in names if name not in gone)
        self._swap(replace(manifest, segments=manifest.segments | {kind: (*rest, *merged)}))

    def _live_by_segment(self, manifest: Manifest, kind: Kind, segments: Sequence[Segment]) -> list[Any]:
        """For each segment, which of its records some published snapshot shows; a record in two segments counts in the first."""
        tables = [self._files(s).keys for s in manifest.snapshots if s.kind == kind]
        shown = np.unique(np.concatenate([as_keys([]), *tables]))
        seen = np.zeros(len(shown), dtype=bool)
        live: list[Any] = []
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
        named |= {record.file_name for record in manifest.snapshots}
        for folder in ("segments", "snapshots"):
            for path in (self.folder / folder).iterdir():
                if path.name not in named:
                    path.unlink(missing_ok=True)
        for path in self.folder.glob(".manifest.*.tmp"):
            path.unlink(missing_ok=True)


def _groups(segments: Sequence[Segment], live: Sequence[Any]) -> Iterator[list[tuple[Segment, Any]]]:
    """Runs of segments whose live documents fit into one; segments with nothing live are left out."""
    group: list[tuple[Segment, Any]] = []
    size = 0
    for segment, keep in zip(segments, live, strict=True):
        documents = int(np.diff(segment.first_doc.astype(np.int64))[keep].sum())
        if not keep.any():
            continue
        if group and size + documents > MAX_DOCUMENTS:
            yield group
            group, size = [], 0
        group.append((segment, keep))
        size += documents
    if group:
        yield group


def _manifest(path: Path, document: Any) -> Manifest:
    found: Mapping[str, Any] = document if isinstance(document, dict) else {}
    if found.get("format") != FORMAT:
        raise IndexFormatMismatch(
            f"the index in {path.parent.name!r} has format {found.get('format')!r}, this version reads {FORMAT}",
            next_step="run 'loccit index --rebuild'",
        )
    try:
        segments = {kind: tuple(found["segments"][kind]) for kind in EMPTY.segments}
        snapshots = tuple(SnapshotRecord(**snapshot) for snapshot in found["snapshots"])
    except (KeyError, TypeError) as error:
        raise broken(path, f"unexpected content: {error}") from error
    return Manifest(segments=segments, snapshots=snapshots)
