"""GitLab's interface: issues and merge requests with notes and events, issue by issue."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from loccit.core.errors import TrackerRefused, TrackerUnreachable
from loccit.core.issues import EventKind, Issue, IssueKind, LinkKind
from loccit.sources.issues import SyncReport
from servers import GitLabServer, status

Kept = Callable[[], dict[str, Issue]]
Sync = Callable[..., SyncReport]
COMMIT = "cd" * 20


def note(number: int, body: str, *, system: bool = False, **fields: object) -> dict[str, object]:
    """A note of the third month."""
    at = f"2024-03-{number:02d}T00:00:00.000Z"
    return {
        "id": number,
        "body": body,
        "author": {"username": "bo"},
        "created_at": at,
        "system": system,
        **fields,
    }


@pytest.fixture
def full(gitlab: GitLabServer) -> GitLabServer:
    """Five issues and two merge requests; the first issue has a life behind it."""
    for number in range(1, 6):
        gitlab.add("issues", number)
    gitlab.add(
        "issues", 1, state="closed", closed_at="2024-03-05T00:00:00.000Z", updated="2024-03-05T00:00:00.000Z"
    )
    gitlab.add("merge_requests", 1, description="Closes #1")
    gitlab.add("merge_requests", 2, state="merged", merged_at="2024-03-05T00:00:00.000Z")
    gitlab.below["issues/1/notes"] = [
        note(1, "seen here too"),
        note(2, "changed title from **{-Old-} name** to **{+New+} name**", system=True),
        note(3, "marked this issue as a duplicate of #2", system=True),
        note(4, f"closed via commit {COMMIT}", system=True),
        note(5, "closed via merge request !2", system=True),
        note(6, "a second page"),
    ]
    gitlab.below["issues/1/resource_state_events"] = [
        {"id": 1, "state": "closed", "created_at": "2024-03-05T00:00:00.000Z"}
    ]
    gitlab.below["issues/1/resource_label_events"] = [
        {"id": 1, "action": "add", "label": {"name": "bug"}, "created_at": "2024-03-02T00:00:00.000Z"},
        {"id": 2, "action": "add", "label": None, "created_at": "2024-03-02T00:00:00.000Z"},
    ]
    gitlab.below["merge_requests/2/notes"] = [
        note(1, "why?", position={"new_path": "a.py", "old_path": None})
    ]
    return gitlab


def test_issues_and_merge_requests_come_with_all_that_happened(
    full: GitLabServer, sync: Sync, kept: Kept
) -> None:
    """Numbers of merge requests are their own; system notes become links and old titles."""
    report = sync(full.source)
    issues = kept()
    assert report.added == len(issues) == 7
    first = issues["1"]
    assert [comment.body for comment in first.comments] == ["seen here too", "a second page"]
    assert {(event.kind, event.value) for event in first.events} == {
        (EventKind.RENAMED, "Old name"),
        (EventKind.LABELLED, "bug"),
        (EventKind.CLOSED, ""),
    }
    assert {(link.kind, link.target) for link in first.links} == {
        (LinkKind.DUPLICATE_OF, "2"),
        (LinkKind.FIXED_BY, COMMIT),
        (LinkKind.FIXED_BY, "!2"),
    }
    assert not first.is_open
    assert issues["!1"].kind is IssueKind.CHANGE
    assert [(link.kind, link.target) for link in issues["!1"].links] == [(LinkKind.FIXES, "1")]
    assert issues["!2"].comments[0].path == "a.py"
    assert issues["!2"].events[0].kind is EventKind.MERGED


def test_a_second_time_costs_two_requests(full: GitLabServer, sync: Sync, kept: Kept) -> None:
    """Entries of the last moment are not read again, and a change costs its own."""
    sync(full.source)
    full.requests.clear()
    sync(full.source)
    assert len(full.requests) == 2
    full.add("issues", 3, updated="2024-05-05T00:00:00.000Z", title="Changed")
    full.requests.clear()
    report = sync(full.source)
    assert (report.changed, kept()["3"].title) == (1, "Changed")
    assert len(full.requests) == 5


def test_a_kill_costs_one_issue(full: GitLabServer, sync: Sync, kept: Kept) -> None:
    """After a fault in the middle of a page, what was read of it is not asked for again."""
    full.after(6, *[status(500)] * 4)
    with pytest.raises(TrackerUnreachable):
        sync(full.source)
    full.faults.clear()
    had = set(kept())
    assert had
    full.requests.clear()
    sync(full.source)
    assert not any(f"/issues/{issue}/notes" in path for path in full.requests for issue in had)
    assert len(kept()) == 7


def test_limits_of_gitlab_are_understood(full: GitLabServer, sync: Sync) -> None:
    """429 with its own headers; one that is too long says until when."""
    full.faults.append(status(429, {"RateLimit-Remaining": "0", "RateLimit-Reset": "1"}))
    assert sync(full.source, tracker_wait_s=5.0).total == 7
    full.faults.append(status(429, {"Retry-After": "3600"}))
    with pytest.raises(TrackerRefused, match="asks to wait until") as caught:
        sync(full.source)
    assert caught.value.retry_at is not None


def test_a_project_that_is_not_there_is_refused(gitlab: GitLabServer, sync: Sync) -> None:
    """404 says which address, and what may be missing."""
    with pytest.raises(TrackerRefused, match=r"404.*token"):
        sync(gitlab.source.replace("g/p", "g/other"))


def test_an_older_gitlab_without_event_lists_still_gives_issues(
    full: GitLabServer, sync: Sync, kept: Kept
) -> None:
    """Lists that it does not have are empty."""
    answer = full.answer
    full.answer = lambda path: (  # type: ignore[method-assign]
        status(404)(None) if "resource_" in path else answer(path)  # type: ignore[arg-type,return-value]
    )
    sync(full.source)
    assert kept()["1"].events[-1].kind is EventKind.CLOSED
