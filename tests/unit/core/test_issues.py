"""An issue as it stood on a past day: nothing that came later is told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loccit.core.issues import (
    EventKind,
    Issue,
    IssueComment,
    IssueEvent,
    IssueKind,
    IssueLink,
    LinkKind,
    repository_name,
    tracker_name,
)

K = EventKind


def issue(*events: tuple[EventKind, int] | tuple[EventKind, int, str], **fields: object) -> Issue:
    """An issue that was opened at 10."""
    values = {"is_open": True, "labels": (), **fields}
    return Issue(
        id="1",
        kind=IssueKind.ISSUE,
        title="Now",
        body="b",
        author="a",
        created=10,
        events=tuple(IssueEvent(*event) for event in events),
        **values,  # type: ignore[arg-type]
    )


def test_before_it_was_opened_there_is_nothing() -> None:
    """At its second it is there, the second before it is not."""
    assert issue().as_of(9) is None
    assert issue().as_of(10) == issue()


@pytest.mark.parametrize(
    ("events", "is_open_now", "states"),
    [
        ([], True, {10: True, 99: True}),
        ([], False, {10: False}),
        ([(K.CLOSED, 20)], False, {10: True, 19: True, 20: False}),
        ([(K.CLOSED, 20), (K.REOPENED, 30)], True, {15: True, 25: False, 30: True}),
        ([(K.REOPENED, 30)], True, {15: False, 30: True}),
        ([(K.MERGED, 20), (K.CLOSED, 20)], False, {15: True, 20: False}),
        ([(K.LABELLED, 20, "x")], True, {15: True}),
        ([(K.LABELLED, 20, "x")], False, {15: False}),
    ],
)
def test_it_is_open_by_the_last_event_else_by_the_next(
    events: list[tuple[EventKind, int]], is_open_now: bool, states: dict[int, bool]
) -> None:
    """A closing that is still to come means open; without any event it is as it is now."""
    for time, expected in states.items():
        past = issue(*events, is_open=is_open_now).as_of(time)
        assert past is not None
        assert past.is_open is expected, time


def test_titles_and_labels_are_those_of_the_day() -> None:
    """Later renamings and labels are undone from the last."""
    now = issue(
        (K.RENAMED, 20, "First"),
        (K.LABELLED, 25, "new"),
        (K.RENAMED, 30, "Second"),
        (K.UNLABELLED, 35, "old"),
        labels=("new", "kept"),
    )
    told = {at: (past.title, set(past.labels)) for at in (15, 22, 27, 40) if (past := now.as_of(at))}
    assert told == {
        15: ("First", {"kept", "old"}),
        22: ("Second", {"kept", "old"}),
        27: ("Second", {"new", "kept", "old"}),
        40: ("Now", {"new", "kept"}),
    }


def test_a_deletion_is_told_from_its_day_on() -> None:
    """Before that, the issue is like any other."""
    gone = issue((K.DELETED, 50))
    assert gone.is_deleted
    past = gone.as_of(49)
    assert past is not None
    assert not past.is_deleted
    assert past.is_open


times = st.integers(0, 40)


@given(
    st.lists(st.tuples(times, st.sampled_from(list(K)), st.sampled_from(["", "x"]))),
    st.lists(times),
    st.lists(times),
    times,
)
def test_nothing_later_is_ever_told(
    events: list[tuple[int, EventKind, str]], comments: list[int], links: list[int], time: int
) -> None:
    """Whatever happened: a past issue holds nothing later, and seen again it is the same."""
    now = issue(
        *((kind, at, value) for at, kind, value in sorted(events)),
        comments=tuple(IssueComment("a", at, "c") for at in sorted(comments)),
        links=tuple(IssueLink(LinkKind.MENTIONS, str(at), at) for at in sorted(links)),
    )
    past = now.as_of(time)
    if past is None:
        assert time < now.created
        return
    assert all(each.time <= time for each in (*past.events, *past.comments, *past.links))
    assert past.as_of(time) == past


def test_the_name_of_a_tracker_leads_back_to_its_repository() -> None:
    """Both ways, and a repository's own name is left as it is."""
    assert repository_name(tracker_name("github.com/o/r")) == "github.com/o/r"
    assert tracker_name("r") != "r"
    assert repository_name("r") == "r"
