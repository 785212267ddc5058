"""Issues into a shard: every title with its time, only what is new, beside files and history."""

from __future__ import annotations

import json
import zlib
from dataclasses import replace
from pathlib import Path

import pytest

from loccit.core.errors import IndexBroken
from loccit.core.issues import EventKind, Issue, IssueComment, IssueEvent, IssueKind
from loccit.indexing.lexical import Field
from loccit.indexing.shard import Shard
from loccit.indexing.view import FOREVER
from loccit.pipeline.ingest_issues import IngestedIssues, ingest_issues, versions_of


def issue(name: str, title: str, body: str = "", *, created: int = 100, **rest: object) -> Issue:
    kind = IssueKind.ISSUE
    return replace(Issue(name, kind, title, body, "", created, is_open=True), **rest)  # type: ignore[arg-type]


def ingest(shard: Shard, *issues: Issue, snapshot_id: str = "ab") -> IngestedIssues:
    return ingest_issues(shard, issues, snapshot_id=snapshot_id, repo="example.org/parcels")


def renamed(time: int, before: str) -> IssueEvent:
    return IssueEvent(EventKind.RENAMED, time, before)


def test_every_title_has_its_time() -> None:
    """The versions of an issue follow each other without gaps and say what `as_of` says."""
    one = issue("1", "third", events=(renamed(150, "first"), renamed(200, "second")))
    versions = [(v.title, v.since, v.until) for v in versions_of(one)]
    assert versions == [("first", 100, 150), ("second", 150, 200), ("third", 200, FOREVER)]
    for title, since, until in versions:
        for moment in (since, min(until - 1, 10_000)):
            past = one.as_of(moment)
            assert past is not None
            assert past.title == title


def test_a_deleted_issue_ends() -> None:
    """What was deleted has no present; what was deleted as it was opened has no time at all."""
    gone = IssueEvent(EventKind.DELETED, 170)
    one = issue("1", "now", events=(renamed(150, "first"), gone, renamed(200, "late")))
    assert [(v.title, v.since, v.until) for v in versions_of(one)] == [
        ("first", 100, 150),
        ("late", 150, 170),
    ]
    assert list(versions_of(issue("2", "x", events=(replace(gone, time=100),)))) == []


def test_the_title_is_the_signature_and_comments_are_left_out(tmp_path: Path) -> None:
    """A word is found where it stands; what a comment says is not found at all."""
    shard = Shard(tmp_path)
    talk = IssueComment("somebody", 120, "duplicate of elephants")
    ingest(shard, issue("1", "zebras", "giraffes", comments=(talk,)))
    _, view = shard.open("issues", "ab")
    assert len(view.postings(Field.SIGNATURE, "zebra")[0]) == 1
    assert len(view.postings(Field.BODY, "giraff")[0]) == 1
    assert len(view.postings(Field.BODY, "zebra")[0]) == 0
    assert all(len(view.postings(field, "eleph")[0]) == 0 for field in Field)


def test_only_what_is_new_is_tokenised(tmp_path: Path) -> None:
    """The same words are read once; a snapshot replaces the one before, without what is gone."""
    shard = Shard(tmp_path)
    first = ingest(shard, issue("1", "zebras"), issue("2", "lions"))
    assert (first.tokenised, first.reused, first.snapshot.files) == (2, 0, 2)
    second = ingest(shard, issue("1", "zebras"), issue("3", "apes"), snapshot_id="cd")
    assert (second.tokenised, second.reused) == (1, 1)
    assert [s.id for s in shard.manifest().snapshots] == ["cd"]
    _, view = shard.open("issues", "cd")
    assert view.files.paths == ["1", "3"]
    assert len(view.postings(Field.SIGNATURE, "lion")[0]) == 0


def test_proposed_changes_are_left_out(tmp_path: Path) -> None:
    """A pull request is no report."""
    shard = Shard(tmp_path)
    ingest(shard, issue("1", "zebras"), issue("2", "fix zebras", kind=IssueKind.CHANGE))
    assert shard.open("issues", "ab")[1].files.paths == ["1"]


def test_issues_with_equal_words_are_two_issues(tmp_path: Path) -> None:
    """One record serves both, and counts twice."""
    shard = Shard(tmp_path)
    done = ingest(shard, issue("1", "zebras"), issue("2", "zebras", created=300))
    assert done.tokenised == 1
    _, view = shard.open("issues", "ab")
    assert (len(view), view.total_documents) == (1, 2)


@pytest.mark.parametrize("body", ["", "\0" * 100, "\ud800", "word " * 300_000])
def test_any_text_is_taken(tmp_path: Path, body: str) -> None:
    """Empty, binary, broken and huge issues are indexed like any other."""
    shard = Shard(tmp_path)
    ingest(shard, issue("1", "zebras", body))
    assert len(shard.open("issues", "ab")[1].postings(Field.SIGNATURE, "zebra")[0]) == 1


def test_a_shard_from_before_there_were_issues_is_read(tmp_path: Path) -> None:
    """Its manifest names no segments of issues: it has none, and takes some."""
    content = {"segments": {"files": [], "history": []}, "snapshots": []}
    checksum = zlib.crc32(json.dumps(content, sort_keys=True).encode("ascii"))
    manifest = {"format": 2, "crc32": checksum, **content}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest), encoding="ascii")
    shard = Shard(tmp_path)
    assert shard.manifest().segments == {"files": (), "history": (), "issues": ()}
    ingest(shard, issue("1", "zebras"))
    assert shard.open("issues", "ab")[1].files.paths == ["1"]


def test_a_damaged_table_is_told(tmp_path: Path) -> None:
    """A cut table of issues is an error, not fewer issues."""
    shard = Shard(tmp_path)
    done = ingest(shard, issue("1", "zebras"))
    table = tmp_path / "snapshots" / done.snapshot.table
    table.write_bytes(table.read_bytes()[:200])
    with pytest.raises(IndexBroken):
        shard.open("issues", "ab")
