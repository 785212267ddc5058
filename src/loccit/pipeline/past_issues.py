"""The past issues of a repository's tracker, opened for a triage: compared, and with places to cite."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from loccit.core.answers import SnapshotInfo
from loccit.core.errors import IndexBroken
from loccit.core.evidence import Place
from loccit.core.issues import Issue, tracker_name
from loccit.core.progress import Progress
from loccit.indexing.shard import Shard
from loccit.pipeline.ingest_issues import ingest_issues
from loccit.pipeline.labels import SimilarIssue
from loccit.pipeline.triage_document import PastIssues
from loccit.retrieval.duplicates import DuplicateCandidate, IssueIndex, find_duplicates
from loccit.sources.issues import IssueStore, ranges_of

_EVIDENCE = 3


def open_past_issues(
    store: IssueStore, shard: Shard, *, repo: str, as_of: int | None, progress: Progress
) -> PastIssues | None:
    """The issues that are kept of a tracker; None where none was read.

    With `as_of` (seconds since the epoch) as they were then. What the last synchronisation brought is made
    searchable first. Raises IndexBroken, StorageFailed.
    """
    newest = store.newest() if store.exists() else None
    if newest is None:
        return None
    commit = newest.commit
    if shard.manifest().snapshot("issues", commit) is None:
        ingest_issues(shard, store.issues(commit), snapshot_id=commit, repo=repo, progress=progress)
    record, view = shard.open("issues", commit)
    index = IssueIndex(view, lambda issue_id: _read(store, issue_id, commit))
    name = tracker_name(repo)

    def similar(issue: Issue, limit: int) -> tuple[SimilarIssue, ...]:
        found = find_duplicates(issue, index, as_of=as_of, limit=limit)
        return tuple(map(_similar, found.candidates))

    return PastIssues(
        info=SnapshotInfo(
            repo=name,
            commit=commit,
            tree=None,
            indexed_at=datetime.fromtimestamp(int(record.indexed_at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            files=record.files,
        ),
        reader=store.reader,
        similar=similar,
        place_of=lambda issue: _place_of(store, issue, commit, name),
    )


def _read(store: IssueStore, issue_id: str, commit: str) -> Issue:
    stored = store.issue(issue_id, commit)
    if stored is None:
        raise IndexBroken(
            f"the issue {issue_id!r} is indexed, but not kept", next_step="run 'loccit issues sync --full'"
        )
    return stored.issue


def _similar(found: DuplicateCandidate) -> SimilarIssue:
    evidence = tuple(f"both have {shared.text}" for shared in found.evidence[:_EVIDENCE])
    # Votes by the root of the probability: one issue that is all but a duplicate does not decide alone.
    return SimilarIssue(found.issue, math.sqrt(found.probability), found.probability, evidence)


def _place_of(store: IssueStore, issue: Issue, commit: str, name: str) -> Place | None:
    """Where the title of an issue stands; None where it was another one then: a younger one is not told."""
    stored = store.issue(issue.id, commit)
    if stored is None or stored.issue.title != issue.title:
        return None
    start, end = ranges_of(stored.data).title
    if start == end:
        return None
    line = stored.data.count(b"\n", 0, start) + 1
    object_id = store.files(commit)[stored.path]
    return Place(name, commit, "", stored.path, object_id, start, end, line, line)
