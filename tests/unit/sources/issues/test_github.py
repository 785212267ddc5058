"""GitHub's interface: everything comes, once, in spite of limits, faults and kills, and no token leaves."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

import pytest

from loccit.core.errors import TrackerRefused, TrackerUnreachable
from loccit.core.issues import EventKind, Issue, IssueKind, IssueLink, LinkKind
from loccit.sources.issues import IssueStore, SyncReport
from servers import GitHubServer, drop, raw, redirect, status

Kept = Callable[[], dict[str, Issue]]
Sync = Callable[..., SyncReport]


def at(written: str) -> int:
    return int(datetime.fromisoformat(written).timestamp())


@pytest.fixture
def full(github: GitHubServer) -> GitHubServer:
    """Eight issues of which one is a merged pull request, comments, a review and events."""
    for number in range(1, 8):
        github.add_issue(number)
    github.add_issue(
        8,
        state="closed",
        closed_at="2024-02-08T00:00:00Z",
        title="Fix parsing",
        body="Fixes #3",
        pull_request={"merged_at": "2024-02-08T00:00:00Z"},
    )
    for number in range(1, 6):
        github.add_comment(number, number, f"remark {number}", f"2024-02-0{number}T00:00:00Z")
    github.add_comment(6, 4, "Duplicate of #2", "2024-02-06T00:00:00Z")
    github.add_comment(1, 8, "why not a set?", "2024-02-07T00:00:00Z", path="src/a.py")
    commit = "ab" * 20
    github.add_event(1, 3, "labeled", "2024-02-01T00:00:00Z", label={"name": "bug"})
    github.add_event(2, 3, "renamed", "2024-02-02T00:00:00Z", rename={"from": "Old title", "to": "Issue 3"})
    github.add_event(3, 3, "subscribed", "2024-02-02T00:00:00Z")
    github.add_event(4, 3, "closed", "2024-02-08T00:00:00Z", commit_id=commit)
    github.add_event(5, 8, "merged", "2024-02-08T00:00:00Z", commit_id=commit)
    github.add_issue(3, state="closed", closed_at="2024-02-08T00:00:00Z", updated="2024-02-08T00:00:00Z")
    return github


def test_issues_pulls_comments_reviews_and_events_come_with_their_times(
    full: GitHubServer, sync: Sync, kept: Kept
) -> None:
    """Every kind of entry of every list ends at its issue, over several pages."""
    report = sync(full.source)
    issues = kept()
    assert (report.added, report.total) == (8, 8)
    assert issues["8"].kind is IssueKind.CHANGE
    assert issues["8"].comments[0].path == "src/a.py"
    assert [event.kind for event in issues["8"].events] == [EventKind.MERGED]
    assert IssueLink(LinkKind.FIXES, "3", issues["8"].created) in issues["8"].links
    assert issues["1"].body == "Body of 1\nsecond line"
    assert IssueLink(LinkKind.DUPLICATE_OF, "2", at("2024-02-06T00:00:00Z")) in issues["4"].links
    third = issues["3"]
    assert [event.kind for event in third.events] == [EventKind.LABELLED, EventKind.RENAMED, EventKind.CLOSED]
    assert IssueLink(LinkKind.FIXED_BY, "ab" * 20, at("2024-02-08T00:00:00Z")) in third.links
    past = third.as_of(at("2024-01-31T00:00:00Z"))
    assert past is not None
    assert (past.title, past.is_open, past.labels, past.links) == ("Old title", True, (), ())


def test_a_second_time_asks_only_for_what_changed(
    full: GitHubServer, sync: Sync, kept: Kept, store: IssueStore
) -> None:
    """One request a list; what it gave is not written again, and nothing new makes no commit."""
    sync(full.source)
    first = store.newest()
    full.requests.clear()
    assert (sync(full.source).added, len(full.requests)) == (0, 4)
    full.requests.clear()
    full.statuses.clear()
    before = store.newest()
    report = sync(full.source)
    assert full.statuses == [304] * 4
    assert first is not None
    assert store.newest() == before
    assert report.changed == 0
    full.add_comment(2, 2, "edited", "2024-03-01T00:00:00Z")
    full.add_comment(9, 2, "and new", "2024-03-02T00:00:00Z")
    full.add_event(9, 5, "unlabeled", "2024-03-02T00:00:00Z", label={"name": "old"})
    report = sync(full.source)
    assert (report.added, report.changed) == (0, 2)
    assert [comment.body for comment in kept()["2"].comments] == ["edited", "and new"]
    assert kept()["5"].events[-1].value == "old"


def test_whole_pages_of_one_moment_are_gone_through(github: GitHubServer, sync: Sync, kept: Kept) -> None:
    """A mass change gives many entries one time: the pages of that time are followed by their links."""
    for number in range(1, 15):
        github.add_issue(number, updated="2024-05-05T05:05:05Z")
    sync(github.source)
    assert len(kept()) == 14


def test_an_entry_that_changes_while_pages_are_read_makes_none_slip_through(
    github: GitHubServer, sync: Sync, kept: Kept
) -> None:
    """The first issue moves to the end after the first page; with page numbers the fourth would be lost."""
    for number in range(1, 8):
        github.add_issue(number)

    def moves(_: object) -> None:
        github.add_issue(1, updated="2024-06-01T00:00:00Z", title="moved")

    answer = github.answer
    github.answer = lambda path: (len(github.requests) == 2 and moves(path)) or answer(path)  # type: ignore[method-assign]
    sync(github.source)
    assert sorted(kept(), key=int) == [str(number) for number in range(1, 8)]
    assert kept()["1"].title == "moved"


@pytest.mark.parametrize(
    "faults",
    [
        [status(502), status(503)],
        [drop],
        [raw(b"<html>busy</html>"), raw(b'[{"numb')],
        [status(429, {"Retry-After": "0"})],
        [status(403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1"})],
        [redirect("/repos/o/r/issues?state=all&sort=updated&direction=asc&per_page=100")],
    ],
    ids=["5xx", "dropped", "no JSON", "429", "403 with a reset that is over", "redirect on the same host"],
)
def test_faults_that_pass_are_waited_out(
    full: GitHubServer, sync: Sync, kept: Kept, faults: list[object]
) -> None:
    """Whatever happens to a few requests, everything comes."""
    full.faults.extend(faults)  # type: ignore[arg-type]
    full.after(2, *faults)  # type: ignore[arg-type]
    assert sync(full.source, tracker_wait_s=5.0).total == 8
    assert len(kept()["4"].comments) == 2


def test_a_limit_that_is_longer_than_we_wait_says_when_to_go_on(
    full: GitHubServer, sync: Sync, store: IssueStore, kept: Kept
) -> None:
    """What came before is published as a part; the next time asks for nothing of it again."""
    reset = int(time.time()) + 1000
    full.after(2, status(403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(reset)}))
    with pytest.raises(TrackerRefused) as caught:
        sync(full.source)
    assert caught.value.retry_at is not None
    assert abs(caught.value.retry_at - reset) < 5
    newest = store.newest()
    assert newest is not None
    assert not newest.state.is_complete
    had = len(kept())
    assert had > 2
    full.requests.clear()
    assert sync(full.source).added == 8 - had
    assert "since=" in full.requests[0]
    assert (newest := store.newest()) is not None
    assert newest.state.is_complete


def test_a_tracker_that_vanishes_half_way_loses_nothing(full: GitHubServer, sync: Sync, kept: Kept) -> None:
    """It goes away again and again, a request later each time; what is there at last is all there is."""
    vanished = 0
    for before in range(1, 40):
        full.faults.clear()
        full.after(before, *[status(503)] * 4)
        try:
            sync(full.source)
            break
        except TrackerUnreachable:
            vanished += 1
    assert vanished > 3
    assert len(kept()) == 8
    assert sum(len(issue.comments) for issue in kept().values()) == 7
    assert len(kept()["3"].events) == 3


def test_events_are_gone_on_with_where_they_stopped(full: GitHubServer, sync: Sync, kept: Kept) -> None:
    """Newest first over several pages: a fault after the first page does not make it be read again."""
    for number in range(10, 22):
        full.add_event(number, 5, "labeled", f"2024-03-{number}T00:00:00Z", label={"name": f"l{number}"})
    sync_requests = 0
    full.after(9, *[status(500)] * 4)
    with pytest.raises(TrackerUnreachable):
        sync(full.source)
    full.faults.clear()
    full.add_event(30, 6, "reopened", "2024-04-01T00:00:00Z")
    sync_requests = len(full.requests)
    sync(full.source)
    asked = [path for path in full.requests[sync_requests:] if "events" in path]
    assert "page=" in asked[0].replace("per_page", "")
    sync(full.source)
    assert len(kept()["5"].events) == 12
    assert kept()["6"].events[-1].kind is EventKind.REOPENED


def test_events_beyond_the_page_limit_are_told_of(full: GitHubServer, sync: Sync) -> None:
    """GitHub ends long lists with 422: a lesser result that says so."""
    answer = full.answer
    full.answer = lambda path: (  # type: ignore[method-assign]
        status(422)(None) if "events" in path and "&page=2" in path else answer(path)  # type: ignore[arg-type,return-value]
    )
    assert any("older" in note for note in sync(full.source).notes)


def test_a_comment_on_an_issue_that_was_opened_meanwhile_is_kept(
    github: GitHubServer, sync: Sync, kept: Kept
) -> None:
    """The issue is asked for by itself; one that is gone takes its comment with it."""
    github.add_issue(1)
    github.add_comment(1, 2, "quick remark", "2024-02-01T00:00:00Z")
    github.add_comment(2, 77, "on something deleted", "2024-02-02T00:00:00Z")
    answer = github.answer

    def late(path: str) -> object:
        if "comments" in path and len(github.issues) == 1:
            github.add_issue(2)
        return answer(path)

    github.answer = late  # type: ignore[method-assign,assignment]
    sync(github.source)
    assert [comment.body for comment in kept()["2"].comments] == ["quick remark"]
    assert set(kept()) == {"1", "2"}


def test_what_is_gone_is_marked_by_a_full_reading_and_kept(
    full: GitHubServer, sync: Sync, kept: Kept
) -> None:
    """Only `full` can tell, also when it was interrupted; an issue that is back is no longer marked."""
    sync(full.source)
    gone = full.issues.pop(0)
    assert sync(full.source).deleted == 0
    full.after(2, *[status(500)] * 4)
    with pytest.raises(TrackerUnreachable):
        sync(full.source, full=True)
    full.faults.clear()
    report = sync(full.source)
    assert report.deleted == 1
    assert kept()[str(gone["number"])].is_deleted
    assert kept()[str(gone["number"])].body
    full.issues.append({**gone, "updated_at": "2024-09-09T00:00:00Z"})
    sync(full.source)
    assert not kept()[str(gone["number"])].is_deleted


SECRET = "tok-4711-secret"


def test_the_token_goes_to_its_host_only(full: GitHubServer, sync: Sync) -> None:
    """A redirect and a link to another host are refused, before anything is sent there."""
    other = GitHubServer()
    try:
        full.faults.append(redirect(f"{other.url}/repos/o/r/issues"))
        with pytest.raises(TrackerRefused, match="another host"):
            sync(full.source, token=SECRET)
        full.faults.append(
            lambda _: (
                200,
                {"Link": f'<{other.url}/x?page=2>; rel="next"'},
                b"[]",
            )  # a list that goes on elsewhere
        )
        with pytest.raises(TrackerRefused, match="another host"):
            sync(full.source, token=SECRET)
        assert other.requests == []
        assert full.headers[0]["authorization"] == f"Bearer {SECRET}"
    finally:
        other.close()


@pytest.mark.parametrize("code", [401, 403, 404, 500])
def test_no_error_and_no_file_tells_the_token(
    full: GitHubServer, sync: Sync, store: IssueStore, code: int
) -> None:
    """Even when the tracker repeats it in its answer; and nothing of ours on disk has it."""
    full.faults.extend([status(code, message=f"bad token {SECRET}")] * 4)
    with pytest.raises((TrackerRefused, TrackerUnreachable)) as caught:
        sync(full.source, token=SECRET)
    full.faults.clear()
    assert SECRET not in str(caught.value)
    assert SECRET not in repr(caught.value.__cause__)
    sync(full.source, token=SECRET)
    files = [path for path in store.folder.rglob("*") if path.is_file()]
    assert files
    assert not any(SECRET.encode() in path.read_bytes() for path in files)
    assert store.newest() is not None
    assert SECRET not in repr(store.newest())


def test_an_answer_of_another_shape_is_a_typed_error(full: GitHubServer, sync: Sync) -> None:
    """JSON that is no list, or whose entries miss what they must have."""
    for body in (b'{"message": "hello"}', b'[{"number": "x", "updated_at": "2024-01-01T00:00:00Z"}]', b"[1]"):
        full.faults.extend([raw(body)] * 4)
        with pytest.raises(TrackerUnreachable):
            sync(full.source)
        full.faults.clear()


def test_a_server_that_is_not_there_is_a_typed_error(sync: Sync, store: IssueStore) -> None:
    """Nothing listens: the error names the address, and nothing was begun."""
    server = GitHubServer()
    server.close()
    with pytest.raises(TrackerUnreachable, match=r"127\.0\.0\.1"):
        sync(server.source)
    assert store.newest() is None


def test_a_slow_answer_does_not_hold_us_for_ever(github: GitHubServer, sync: Sync) -> None:
    """Bytes that drip in are given up when the time for one answer is over."""

    def drip(handler: object) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")  # type: ignore[attr-defined]
        with suppress(BrokenPipeError, ConnectionResetError):  # we leave, and that is the point
            for _ in range(20):
                handler.wfile.write(b" ")  # type: ignore[attr-defined]
                time.sleep(0.05)
        handler.close_connection = True  # type: ignore[attr-defined]

    github.faults.append(drip)  # type: ignore[arg-type]
    started = time.monotonic()
    with pytest.raises(TrackerUnreachable, match="longer than"):
        sync(github.source, tracker_timeout_s=0.3, tracker_attempts=1)
    assert time.monotonic() - started < 3
