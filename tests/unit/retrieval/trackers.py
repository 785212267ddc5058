"""Small trackers for tests: issues by few words, indexed into a shard."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from loccit.core.issues import Issue, IssueEvent, IssueKind
from loccit.indexing.shard import Shard
from loccit.pipeline.ingest_issues import ingest_issues
from loccit.retrieval.duplicates import IssueIndex

DAY = 86_400
START = 1_600_000_000


def issue(
    name: str,
    title: str,
    body: str = "",
    *,
    day: float = 0,
    kind: IssueKind = IssueKind.ISSUE,
    events: tuple[IssueEvent, ...] = (),
) -> Issue:
    created = START + int(day * DAY)
    return Issue(name, kind, title, body, "somebody", created, is_open=True, events=events)


def indexed(folder: Path, issues: Iterable[Issue], *, snapshot_id: str = "ab12") -> IssueIndex:
    """The issues of a tracker, searchable."""
    known = {one.id: one for one in issues}
    shard = Shard(folder)
    ingest_issues(shard, known.values(), snapshot_id=snapshot_id, repo="example.org/parcels")
    return IssueIndex(shard.open("issues", snapshot_id)[1], known.__getitem__)
