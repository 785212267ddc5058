"""What every kind of tracker offers, and the values in which it tells what is new."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from loccit.core.issue_links import IssueReference
from loccit.core.issues import Issue, IssueComment, IssueEvent, IssueLink

# How far a tracker has been read, as JSON: it means something to the tracker that gave it only.
Cursor = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Addition:
    """What came to an issue that is told of elsewhere, `id` being that issue's."""

    id: str
    comments: tuple[IssueComment, ...] = ()
    events: tuple[IssueEvent, ...] = ()
    links: tuple[IssueLink, ...] = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """Some of what is new. When all of it is kept, reading may go on from `cursor`.

    `notes` are sentences on what could not be had.
    """

    cursor: Cursor
    issues: tuple[Issue, ...] = ()
    additions: tuple[Addition, ...] = ()
    notes: tuple[str, ...] = field(default=())


class Tracker(Protocol):
    """Where issues come from. Reading never changes anything there."""

    @property
    def source(self) -> str:
        """How it is written on the command line, without credentials: the same place, the same text."""
        ...

    @property
    def lists_everything(self) -> bool:
        """Whether every reading tells of all issues, so that one that is not told of is gone."""
        ...

    @property
    def gives_whole_issues(self) -> bool:
        """Whether an issue comes with all its comments, events and links, and replaces what was known."""
        ...

    def changes(self, cursor: Cursor) -> Iterator[Batch]:
        """What is new since `cursor` (all there is, for an empty one); nothing when nothing is.

        Raises TrackerUnreachable, TrackerRefused, MalformedExport, SourceUnreadable. What was given before
        that is good.
        """
        ...

    def issue(self, issue_id: str) -> Issue | None:
        """One issue as it is now; None where there is no such issue."""
        ...

    def is_own(self, reference: IssueReference) -> bool:
        """Whether a reference in one of its texts means an issue of this tracker."""
        ...

    def close(self) -> None:
        """Give back what is held open."""
        ...
