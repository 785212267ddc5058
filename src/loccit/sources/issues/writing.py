"""Writing to a tracker: comments of our own, reactions and labels. Nothing else: nobody is assigned, nothing
is closed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from loccit.core.errors import InputError
from loccit.sources.issues.locations import TrackerKind, TrackerLocation
from loccit.sources.options import SourceOptions

if TYPE_CHECKING:
    from loccit.sources.issues.api import Token


class Reaction(StrEnum):
    """What a small picture below somebody's comment says."""

    DONE = "done"
    CONFUSED = "confused"


@dataclass(frozen=True, slots=True)
class OwnComment:
    """A comment that we wrote: its id at the tracker, and its text as it is there."""

    id: str
    body: str


class TrackerWriter(Protocol):
    """What may be written to the issues of one tracker, with a token that may do it.

    All raise TrackerUnreachable where it is not known whether something was done, and TrackerRefused.
    """

    def own_comment(self, issue: str, marker: str) -> OwnComment | None:
        """The oldest comment on an issue that holds the marker and was written by us, by nobody else."""
        ...

    def post(self, issue: str, body: str) -> OwnComment:
        """A new comment."""
        ...

    def edit(self, issue: str, comment: str, body: str) -> OwnComment | None:
        """A comment of ours with another text; None where it is no longer there."""
        ...

    def react(self, issue: str, comment: str, reaction: Reaction) -> None:
        """A reaction below a comment; there is never more than one of a kind."""
        ...

    def add_labels(self, issue: str, labels: tuple[str, ...]) -> None:
        """More labels; those that are there stay."""
        ...

    def close(self) -> None:
        """End the connection."""
        ...


def open_writer(
    location: TrackerLocation, *, token: Token, options: SourceOptions | None = None
) -> TrackerWriter:
    """What writes to the tracker at a location. Raises InputError for one that is a file, UnsafeSource."""
    chosen = options or SourceOptions()
    if location.kind is TrackerKind.GITHUB:
        from loccit.sources.issues.github_writing import GitHubWriter

        return GitHubWriter(location, token=token, options=chosen)
    if location.kind is TrackerKind.GITLAB:
        from loccit.sources.issues.gitlab_writing import GitLabWriter

        return GitLabWriter(location, token=token, options=chosen)
    raise InputError(
        f"{location.source!r} takes no comments", next_step="write github:owner/name or gitlab:group/name"
    )
