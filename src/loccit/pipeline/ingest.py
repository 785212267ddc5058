"""From a repository to a searchable shard: snapshot, parse what is new, publish."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from loccit.core.chunks import ChunkKind
from loccit.core.errors import LimitExceeded
from loccit.core.progress import Progress, silent
from loccit.core.source import CommitRecord, FileEntry, FileRole, SkipReason, Snapshot
from loccit.indexing.blob_cache import BlobCache, cache_key
from loccit.indexing.lexical import FileRecord, decode
from loccit.indexing.options import IndexingOptions
from loccit.indexing.paths import index_paths
from loccit.indexing.segment import MAX_DOCUMENTS, as_keys
from loccit.indexing.shard import Shard, SnapshotRecord
from loccit.indexing.view import ROLES, FileTable
from loccit.parsing import PARSER_VERSION, ParsingOptions, language_of
from loccit.pipeline.analyse import Job, analyse
from loccit.sources import Repository

# What a core parses and indexes in a second, measured on Django's tree (docs/benchmarks.md): for the estimate a person is shown.
_BYTES_PER_S = 2_000_000


@dataclass(frozen=True, slots=True)
class Estimate:
    """What indexing will cost: files and bytes to read that no cache holds, and seconds, roughly."""

    files: int
    text_bytes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Ingested:
    """What indexing did: the published snapshot, how many files were parsed, how many came from the cache or the shard."""

    snapshot: SnapshotRecord
    parsed: int
    reused: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Ingest:
    """The parts that indexing one repository needs."""

    repository: Repository
    shard: Shard
    cache: BlobCache
    parsing: ParsingOptions
    options: IndexingOptions
    progress: Progress = silent
    waiting: Callable[[], None] | None = None

    def estimate(self, snapshot: Snapshot) -> Estimate:
        """The cost of indexing this snapshot now."""
        keys = self._keys(snapshot)
        known = self.cache.present(list(dict.fromkeys(keys)))
        new = [entry for entry, key in zip(snapshot.entries, keys, strict=True) if key not in known]
        size = sum(entry.size for entry in new)
        return Estimate(len(new), size, 0.5 + size / _BYTES_PER_S)

    def files(self, snapshot: Snapshot) -> Ingested:
        """Make the snapshot's files searchable. Costs what changed; safe to kill and to repeat."""
        started = time.monotonic()
        keys = self._keys(snapshot)
        with self.shard.writing(waiting=self.waiting):
            known = self.shard.present("files", list(dict.fromkeys(keys)))
            jobs = {
                key: Job(key, entry.blob, language_of(entry.path), entry.size)
                for entry, key in zip(snapshot.entries, keys, strict=True)
                if key not in known
            }
            lost: dict[str, SkipReason] = {}
            cached = self.cache.present(list(jobs))
            records = self._records(jobs, cached, lost)
            segments = [self.shard.add_segment(group) for group in _fitting(records)]
            record = self.shard.publish(
                _snapshot_record(snapshot, lost), _file_table(snapshot, keys, lost), segments,
                keep=self.options.kept_snapshots,
            )
        new = len(jobs) - len(cached)
        return Ingested(record, new, len(snapshot.entries) - new, time.monotonic() - started)

    def history(self, snapshot: Snapshot) -> Ingested | None:
        """Make the commits that lead to the snapshot searchable; None for a plain folder."""
        if snapshot.commit is None:
            return None
        started = time.monotonic()
        commits = self.repository.ancestors(snapshot.commit)
        keys = [bytes.fromhex(commit)[:16] for commit in commits]
        with self.shard.writing(waiting=self.waiting):
            known = self.shard.present("history", keys)
            names = {c for c, key in zip(commits, keys, strict=True) if key in known}
            new = self.repository.commits(snapshot.commit, names)
            total = len(commits) - len(names)
            records = ((bytes.fromhex(c.commit)[:16], commit_record(c)) for c in self._counted(new, total))
            segments = [self.shard.add_segment(group) for group in _fitting(records)]
            table = FileTable(
                paths=[""] * len(commits),
                blobs=commits,
                keys=as_keys(keys),
                roles=np.zeros(len(commits), dtype=np.uint8),
                words=index_paths([]),
            )
            record = replace(_snapshot_record(snapshot, {}), kind="history", files=len(commits), skipped={})
            record = self.shard.publish(record, table, segments, keep=2)
        return Ingested(record, total, len(names), time.monotonic() - started)

    def _keys(self, snapshot: Snapshot) -> list[bytes]:
        parser = f"{PARSER_VERSION} {self.parsing}"
        return [cache_key(entry.blob, language_of(entry.path), parser) for entry in snapshot.entries]

    def _records(
        self, jobs: dict[bytes, Job], cached: set[bytes], lost: dict[str, SkipReason]
    ) -> Iterator[tuple[bytes, FileRecord]]:
        """The records of these jobs, from the cache or newly parsed and cached; blobs that could not be read go to `lost`."""
        for key, record in self.cache.get(list(cached)):
            yield key, decode(record)
        new = [job for key, job in jobs.items() if key not in cached]
        total, done = sum(job.size for job in new), 0
        for batch in analyse(new, self.repository.reader_spec(), self.parsing, self.options.workers):
            self.cache.put(batch.records)
            lost.update(dict.fromkeys(batch.missing, SkipReason.MISSING))
            lost.update(dict.fromkeys(batch.unreadable, SkipReason.UNREADABLE))
            done += batch.size
            self.progress("reading files", done, total, "bytes")
            yield from ((key, decode(record)) for key, record in batch.records)

    def _counted(self, commits: Iterable[CommitRecord], total: int) -> Iterator[CommitRecord]:
        for done, commit in enumerate(commits, start=1):
            if done % 200 == 0 or done == total:
                self.progress("reading history", done, total, "commits")
            yield commit


def commit_record(commit: CommitRecord) -> FileRecord:
    """A commit as a record of one document: subject as signature, paths as docs, message as body, changed names as symbols."""
    from loccit.core.chunks import Chunk, ParsedFile  # noqa: PLC0415
    from loccit.indexing.lexical import tokenise  # noqa: PLC0415

    message = commit.message.encode()
    paths = "\n".join(commit.paths).encode("utf-8", "replace")
    chunk = Chunk(
        start_byte=0,
        end_byte=len(message) + len(paths),
        start_line=1,
        end_line=1,
        kind=ChunkKind.TEXT,
        defines=commit.symbols,
        signature=commit.message.partition("\n")[0],
        docs=((len(message), len(message) + len(paths)),),
    )
    return tokenise(ParsedFile("commit", "utf-8", (chunk,)), message + paths)


def _fitting(records: Iterable[tuple[bytes, FileRecord]]) -> Iterator[list[tuple[bytes, FileRecord]]]:
    """Groups of records that fit into one segment each."""
    group: list[tuple[bytes, FileRecord]] = []
    size = 0
    for key, record in records:
        chunks = len(record.chunks)
        if chunks > MAX_DOCUMENTS:
            raise LimitExceeded("chunks of one file", chunks, MAX_DOCUMENTS, next_step="ignore it in .loccitignore")
        if group and size + chunks > MAX_DOCUMENTS:
            yield group
            group, size = [], 0
        group.append((key, record))
        size += chunks
    if group:
        yield group


def _file_table(snapshot: Snapshot, keys: Sequence[bytes], lost: dict[str, SkipReason]) -> FileTable:
    here = [(e, k) for e, k in zip(snapshot.entries, keys, strict=True) if e.blob not in lost]
    paths = [entry.path for entry, _ in here]
    return FileTable(
        paths=paths,
        blobs=[entry.blob for entry, _ in here],
        keys=as_keys([key for _, key in here]),
        roles=np.array([ROLES.index(entry.role) for entry, _ in here], dtype=np.uint8),
        words=index_paths(paths),
    )


def _snapshot_record(snapshot: Snapshot, lost: dict[str, SkipReason]) -> SnapshotRecord:
    here = [entry for entry in snapshot.entries if entry.blob not in lost]
    skipped = Counter(str(skipped.reason) for skipped in snapshot.skipped)
    skipped.update(str(lost[entry.blob]) for entry in snapshot.entries if entry.blob in lost)
    skipped.update(_weighed(here))
    return SnapshotRecord(
        id=snapshot.commit or snapshot.tree,
        kind="files",
        repo=snapshot.repo,
        commit=snapshot.commit,
        tree=snapshot.tree,
        committed_at=snapshot.committed_at,
        indexed_at=time.time(),
        files=len(here),
        text_bytes=sum(entry.size for entry in here),
        skipped=dict(sorted(skipped.items())),
        is_shallow=snapshot.is_shallow,
    )


def _weighed(entries: Iterable[FileEntry]) -> Iterator[str]:
    """A line for each file that is searched with less weight because of where it stands."""
    for entry in entries:
        if entry.role in (FileRole.GENERATED, FileRole.VENDORED):
            yield str(entry.role)
