"""Issues, pull requests and merge requests as values, and how they stood on any past day."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

_TRACKER = "#issues"


def tracker_name(repo: str) -> str:
    """What the issues of a repository are called where commits are named: they have commits of their own."""
    return f"{repo}{_TRACKER}"


def repository_name(name: str) -> str:
    """The repository that a name stands for: the inverse of `tracker_name`, for others the same name."""
    return name.removesuffix(_TRACKER)


class IssueKind(StrEnum):
    """What a tracker's entry is: a report, or a proposed change (a pull or merge request)."""

    ISSUE = "issue"
    CHANGE = "change"


class EventKind(StrEnum):
    """What happened to an issue. The value of an event is what it is about: a label, a title, a commit id."""

    OPENED = "opened"
    CLOSED = "closed"
    REOPENED = "reopened"
    MERGED = "merged"
    LABELLED = "labelled"
    UNLABELLED = "unlabelled"
    RENAMED = "renamed"
    DELETED = "deleted"
    """It was no longer in the tracker when that was read at this time; what was known is kept."""


class LinkKind(StrEnum):
    """How an issue stands to another or to a commit."""

    DUPLICATE_OF = "duplicate of"
    FIXED_BY = "fixed by"
    FIXES = "fixes"
    """Said of a proposed change: its text closes the other issue."""
    MENTIONS = "mentions"


@dataclass(frozen=True, slots=True)
class IssueEvent:
    """One event. `time` is in seconds since the epoch; `value` as `EventKind` says, else empty.

    Of a renaming the value is the title before it.
    """

    kind: EventKind
    time: int
    value: str = ""


@dataclass(frozen=True, slots=True)
class IssueComment:
    """One comment, or one remark of a review, then with the path it is about. Times as in `IssueEvent`.

    `id` is the tracker's own, by which an edited comment takes the place of what it was; empty where it has
    none.
    """

    author: str
    time: int
    body: str
    path: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True)
class IssueLink:
    """A link to another issue of the same tracker (its id) or to a commit (its full hex id)."""

    kind: LinkKind
    target: str
    time: int


@dataclass(frozen=True, slots=True)
class Issue:
    """One issue of a tracker.

    `id` is unique within its tracker and written as people write it there, without `#` (`12`, `HADOOP-1`);
    a merge request of GitLab keeps its `!` (`!12`), because it is numbered apart. Times are in seconds since
    the epoch. Comments, events and links are in order of time.
    """

    id: str
    kind: IssueKind
    title: str
    body: str
    author: str
    created: int
    is_open: bool
    labels: tuple[str, ...] = ()
    url: str = ""
    comments: tuple[IssueComment, ...] = ()
    events: tuple[IssueEvent, ...] = ()
    links: tuple[IssueLink, ...] = ()

    @property
    def is_deleted(self) -> bool:
        """Whether the tracker no longer has it."""
        return any(event.kind is EventKind.DELETED for event in self.events)

    def as_of(self, time: int) -> Issue | None:
        """The issue as it stood at `time`: nothing that came later is told. None before it was opened.

        Texts are those of today where they were edited: no tracker says what they were.
        """
        if time < self.created:
            return None
        past = tuple(event for event in self.events if event.time <= time)
        later = [event for event in self.events if event.time > time]
        title = next((event.value for event in later if event.kind is EventKind.RENAMED), self.title)
        return replace(
            self,
            title=title,
            is_open=_is_open(past, later, self.is_open),
            labels=_labels(self.labels, later),
            comments=tuple(comment for comment in self.comments if comment.time <= time),
            events=past,
            links=tuple(link for link in self.links if link.time <= time),
        )


_CLOSING = frozenset({EventKind.CLOSED, EventKind.MERGED})
_OPENING = frozenset({EventKind.OPENED, EventKind.REOPENED})


def _is_open(past: tuple[IssueEvent, ...], later: list[IssueEvent], is_open_now: bool) -> bool:
    """By the last event that said so, else by the next one, else as it is now."""
    for event in reversed(past):
        if event.kind in _CLOSING | _OPENING:
            return event.kind in _OPENING
    for event in later:
        if event.kind in _CLOSING | _OPENING:
            return event.kind in _CLOSING
    return is_open_now


def _labels(now: tuple[str, ...], later: list[IssueEvent]) -> tuple[str, ...]:
    """The labels before the later events, undone from the last."""
    labels = dict.fromkeys(now)
    for event in reversed(later):
        if event.kind is EventKind.LABELLED:
            labels.pop(event.value, None)
        elif event.kind is EventKind.UNLABELLED:
            labels[event.value] = None
    return tuple(labels)
