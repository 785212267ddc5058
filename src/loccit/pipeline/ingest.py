"""From a repository to a searchable shard: snapshot, parse what is new, publish."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b

import numpy as np

from loccit.core.chunks import ChunkKind
from loccit.core.errors import IndexBroken
from loccit.core.progress import Progress, silent
from loccit.core.source import CommitRecord, SkipReason, Snapshot
from loccit.indexing.blob_cache import BlobCache, cache_key
from loccit.indexing.changes import ChangeTable, build_table
from loccit.indexing.lexical import KEY_BYTES, FileRecord, decode
from loccit.indexing.options import IndexingOptions
from loccit.indexing.paths import index_paths
from loccit.indexing.segment import as_keys
from loccit.indexing.shard import Shard, SnapshotRecord
from loccit.indexing.view import ROLES, FileTable
from loccit.parsing import PARSER_VERSION, ParsingOptions, language_of
from loccit.pipeline.analyse import Job, analyse
from loccit.sources import Repository

# What a core parses and indexes in a second, measured on Django's tree (docs/benchmarks.md): for the estimate
# a person is shown.
_BYTES_PER_S = 2_000_000


@dataclass(frozen=True, slots=True)
class Estimate:
    """What indexing will cost: files and bytes to read that no cache holds, and seconds, roughly."""

    files: int
    text_bytes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Ingested:
    """What indexing did: the published snapshot, how many files were parsed, how many came from the cache or
    the shard.
    """

    snapshot: SnapshotRecord
    parsed: int
    reused: int
    seconds: float


@dataclass(slots=True)
class _Work:
    """What has been done so far: how many files were parsed, and the blobs that could not be read."""

    parsed: int = 0
    lost: dict[str, SkipReason] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ingest:
    """The parts that indexing one repository needs.

    With `anew` what its shard holds now is neither used nor needed: it goes when the first snapshot is
    published.
    """

    repository: Repository
    shard: Shard
    cache: BlobCache
    parsing: ParsingOptions
    options: IndexingOptions
    progress: Progress = silent
    waiting: Callable[[], None] | None = None
    anew: bool = False

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
        work = _Work()
        with self.shard.writing(waiting=self.waiting, anew=self.anew):
            distinct = list(dict.fromkeys(keys))
            known = set[bytes]() if self.anew else self.shard.present("files", distinct)
            jobs = {
                key: Job(key, entry.blob, language_of(entry.path), entry.size)
                for entry, key in zip(snapshot.entries, keys, strict=True)
                if key not in known
            }
            segments = self.shard.add_segments(self._records(jobs, work))
            record = self.shard.publish(
                _snapshot_record(snapshot, work.lost),
                _file_table(snapshot, keys, work.lost),
                segments,
                keep=self.options.kept_snapshots,
                anew=self.anew,
            )
        reused = len(snapshot.entries) - work.parsed
        return Ingested(record, work.parsed, reused, time.monotonic() - started)

    def history(self, snapshot: Snapshot) -> Ingested | None:
        """Make the commits that lead to the snapshot searchable; None for a plain folder."""
        if snapshot.commit is None:
            return None
        started = time.monotonic()
        commits = self.repository.ancestors(snapshot.commit)
        key_of = dict(zip(commits, _commit_keys(commits, is_shallow=snapshot.is_shallow), strict=True))
        with self.shard.writing(waiting=self.waiting):
            keys = list(key_of.values())
            known = self.shard.present("history", keys)
            # Whatever a whole history leads to is in the segments. Of single commits that are there this
            # cannot be said: what leads to them may have been merged away, or have been beyond the end of a
            # shallow clone.
            whole = [
                s.id for s in self.shard.manifest().snapshots if s.kind == "history" and not s.is_shallow
            ]
            tips = [] if snapshot.is_shallow else whole
            found = self.repository.commits(snapshot.commit, tips)
            new = (commit for commit in found if key_of[commit.commit] not in known)
            total = len(commits) - len(known)
            records = ((key_of[c.commit], commit_record(c)) for c in self._counted(new, total))
            segments = self.shard.add_segments(records)
            table = FileTable(
                paths=[""] * len(commits),
                blobs=commits,
                keys=as_keys(keys),
                roles=np.zeros(len(commits), dtype=np.uint8),
                words=index_paths([]),
            )
            record = replace(_snapshot_record(snapshot, {}), kind="history", files=len(commits), skipped={})
            record = self.shard.publish(record, table, segments, keep=self.options.kept_snapshots)
            self._extend_changes(snapshot.commit, is_shallow=snapshot.is_shallow)
        return Ingested(record, total, len(known), time.monotonic() - started)

    def changes(self, commit: str, *, is_shallow: bool) -> ChangeTable:
        """What the commits that lead to this one changed: the kept table, brought up to it."""
        known = self._kept_changes()
        if known is not None and commit in known.number_of and not is_shallow:
            return known
        with self.shard.writing(waiting=self.waiting):
            return self._extend_changes(commit, is_shallow=is_shallow)

    def _extend_changes(self, commit: str, *, is_shallow: bool) -> ChangeTable:
        # Where a shallow clone ends, a commit seems to have no parent: a deeper one tells another history.
        known = None if is_shallow else self._kept_changes()
        tips = [] if known is None else known.tips()
        table = build_table(self.repository.changes(commit, tips), known)
        if not is_shallow:
            self.shard.keep_changes(table)
        return table

    def _kept_changes(self) -> ChangeTable | None:
        try:
            return self.shard.changes()
        except IndexBroken:
            return None  # it is made again from the repository, whole

    def _keys(self, snapshot: Snapshot) -> list[bytes]:
        parser = f"{PARSER_VERSION} {self.parsing}"
        return [cache_key(entry.blob, language_of(entry.path), parser) for entry in snapshot.entries]

    def _records(self, jobs: dict[bytes, Job], work: _Work) -> Iterator[tuple[bytes, FileRecord]]:
        """The records of these jobs, from the cache or newly parsed and cached."""
        new = dict(jobs)
        for key, data in self.cache.get(list(jobs)):
            try:
                record = decode(data)
            except IndexBroken:
                continue  # a damaged record costs what one that is not there costs: it is parsed again
            del new[key]
            yield key, record
        work.parsed = len(new)
        total, done = sum(job.size for job in new.values()), 0
        for batch in analyse(
            list(new.values()), self.repository.reader_spec(), self.parsing, self.options.workers
        ):
            self.cache.put(batch.records)
            work.lost.update(dict.fromkeys(batch.missing, SkipReason.MISSING))
            work.lost.update(dict.fromkeys(batch.unreadable, SkipReason.UNREADABLE))
            done += batch.size
            self.progress("reading files", done, total, "bytes")
            yield from ((key, decode(record)) for key, record in batch.records)

    def _counted(self, commits: Iterable[CommitRecord], total: int) -> Iterator[CommitRecord]:
        for done, commit in enumerate(commits, start=1):
            if done % 200 == 0 or done == total:
                self.progress("reading history", done, total, "commits")
            yield commit


def _commit_keys(commits: Sequence[str], *, is_shallow: bool) -> list[bytes]:
    """The record key of each commit.

    Where a shallow clone ends, a commit seems to have no parent, and so another change: nothing is shared
    between two depths.
    """
    if not is_shallow:
        return [bytes.fromhex(commit)[:KEY_BYTES] for commit in commits]
    depth = "\0".join(sorted(commits))
    return [blake2b(f"{commit}\0{depth}".encode(), digest_size=KEY_BYTES).digest() for commit in commits]


def commit_record(commit: CommitRecord) -> FileRecord:
    """A commit as a record of one document: subject as signature, paths as docs, message as body, changed
    names as symbols.
    """
    from loccit.core.chunks import Chunk, ParsedFile
    from loccit.indexing.lexical import tokenise

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
