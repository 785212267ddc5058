"""From the issues of a tracker to a searchable snapshot of them: every title they ever had, with its time.

A record holds what an issue says, the title as signature, the body as body, and is keyed by that: the same
words are tokenised once, however often the tracker is read. Comments are no part of it, because they tell
what came later: the one that says "duplicate of" would give the answer away, and no past day could be seen.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from loccit.core.chunks import Chunk, ChunkKind, ParsedFile
from loccit.core.issues import EventKind, Issue, IssueKind
from loccit.core.progress import Progress, silent
from loccit.indexing.lexical import KEY_BYTES, RECORD_VERSION, FileRecord, tokenise
from loccit.indexing.paths import index_paths
from loccit.indexing.segment import as_keys
from loccit.indexing.shard import Shard, SnapshotRecord
from loccit.indexing.terms import ANALYSIS_VERSION
from loccit.indexing.view import FOREVER, FileTable
from loccit.retrieval.issue_vectors import READ_CHARS

_STEP_ISSUES = 500


@dataclass(frozen=True, slots=True)
class IssueVersion:
    """An issue under one title: as it was since `since` (inclusive) until `until` (exclusive).

    Times are in seconds since the epoch; `until` is `FOREVER` for what it is now.
    """

    issue: Issue
    title: str
    since: int
    until: int

    @property
    def key(self) -> bytes:
        """The key of its record: equal for equal words."""
        said = f"{RECORD_VERSION}.{ANALYSIS_VERSION}\0{self.title}\0{self.issue.body}"
        return blake2b(said.encode("utf-8", "surrogatepass"), digest_size=KEY_BYTES).digest()


@dataclass(frozen=True, slots=True)
class IngestedIssues:
    """What indexing a tracker did: the published snapshot, how many texts were tokenised, how many reused."""

    snapshot: SnapshotRecord
    tokenised: int
    reused: int
    seconds: float


def versions_of(issue: Issue) -> Iterator[IssueVersion]:
    """The issue under each of its titles, oldest first; the last ends where it was deleted."""
    since, end = issue.created, FOREVER
    for event in issue.events:
        if event.kind is EventKind.DELETED:
            end = min(end, max(event.time, since))
    for event in issue.events:
        if event.kind is EventKind.RENAMED and since < min(event.time, end):
            yield IssueVersion(issue, event.value, since, min(event.time, end))
            since = event.time
    if since < end:
        yield IssueVersion(issue, issue.title, since, end)


def issue_record(title: str, body: str) -> FileRecord:
    """What an issue says as a record of one document: its title as signature, its body as body."""
    data = body[:READ_CHARS].encode("utf-8", "replace")
    chunk = Chunk(0, len(data), 1, data.count(b"\n") + 1, ChunkKind.TEXT, signature=title[:READ_CHARS])
    return tokenise(ParsedFile("issue", "utf-8", (chunk,)), data)


def ingest_issues(
    shard: Shard,
    issues: Iterable[Issue],
    *,
    snapshot_id: str,
    repo: str,
    progress: Progress = silent,
) -> IngestedIssues:
    """Make the reports among these issues searchable, in place of those that were before.

    `issues` are all that the tracker has, each id once; `snapshot_id` names this state of it (the commit of
    its synchronisation). Proposed changes are left out. Costs what is new; safe to kill and to repeat.
    Raises StorageFailed, and IndexBroken for a damaged shard.
    """
    started = time.monotonic()
    versions = [
        version for issue in issues if issue.kind is IssueKind.ISSUE for version in versions_of(issue)
    ]
    keys = [version.key for version in versions]
    with shard.writing():
        known = shard.present("issues", keys)
        new = {key: one for key, one in zip(keys, versions, strict=True) if key not in known}
        segments = shard.add_segments(_records(new, progress))
        record = shard.publish(
            _snapshot(snapshot_id, repo, versions), _table(versions, keys), segments, keep=1
        )
    return IngestedIssues(record, len(new), len(set(keys)) - len(new), time.monotonic() - started)


def _records(new: dict[bytes, IssueVersion], progress: Progress) -> Iterator[tuple[bytes, FileRecord]]:
    for done, (key, version) in enumerate(new.items(), start=1):
        yield key, issue_record(version.title, version.issue.body)
        if done % _STEP_ISSUES == 0 or done == len(new):
            progress("reading issues", done, len(new), "issues")


def _table(versions: list[IssueVersion], keys: list[bytes]) -> FileTable:
    moments = [(version.issue.created, version.since, version.until) for version in versions]
    return FileTable(
        paths=[version.issue.id for version in versions],
        blobs=[key.hex() for key in keys],
        keys=as_keys(keys),
        roles=np.zeros(len(versions), dtype=np.uint8),
        words=index_paths([]),
        moments=np.array(moments, dtype=np.int64).reshape(-1, 3),
    )


def _snapshot(snapshot_id: str, repo: str, versions: list[IssueVersion]) -> SnapshotRecord:
    return SnapshotRecord(
        id=snapshot_id,
        kind="issues",
        repo=repo,
        commit=None,
        tree=snapshot_id,
        committed_at=max((version.issue.created for version in versions), default=None),
        indexed_at=time.time(),
        files=len({version.issue.id for version in versions}),
        text_bytes=sum(len(v.issue.body.encode("utf-8", "replace")) for v in versions if v.until == FOREVER),
    )
