"""What a tracker tells of, alike for every kind of tracker, and as JSON while it waits."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from loccit.core.documents import Text, Value
from loccit.core.errors import IndexBroken
from loccit.core.issues import Issue, IssueKind

MOST_TEXT_CHARS = 200_000


class ToldIssue(Value):
    """An issue as it was when the tracker told of it. Times are seconds since the epoch."""

    id: Text
    title: Text
    body: Text
    author: Text
    created: int
    is_open: bool
    labels: tuple[Text, ...] = Field(strict=False)
    url: Text
    seen_at: float

    def as_issue(self) -> Issue:
        """The issue as triage reads it."""
        return Issue(
            id=self.id,
            kind=IssueKind.ISSUE,
            title=self.title,
            body=self.body,
            author=self.author,
            created=self.created,
            is_open=self.is_open,
            labels=self.labels,
            url=self.url,
        )


class IssueTold(Value):
    """An issue was opened, edited, reopened or closed. `reason` is why it was closed, where that is known."""

    kind: Literal["issue"] = "issue"
    action: Literal["opened", "edited", "reopened", "closed"]
    issue: ToldIssue
    reason: Literal["", "completed", "not_planned", "duplicate"] = ""


class CommentTold(Value):
    """Somebody commented on an issue. `user` is whom `FixFinder.may_write` is asked about, None where the
    tracker says already that they may not write.
    """

    kind: Literal["comment"] = "comment"
    issue: ToldIssue
    comment: Text
    author: Text
    user: Text | None
    body: Text


class ChangeMerged(Value):
    """A pull or merge request was merged into the default branch."""

    kind: Literal["change"] = "change"
    id: Text
    title: Text
    body: Text


class PushedCommit(Value):
    """A commit that was pushed: its message, and the paths that it changed."""

    id: Text
    message: Text
    files: tuple[Text, ...] = Field(strict=False)


class Pushed(Value):
    """Commits came to the default branch."""

    kind: Literal["push"] = "push"
    commits: tuple[PushedCommit, ...] = Field(strict=False)


Event = Annotated[IssueTold | CommentTold | ChangeMerged | Pushed, Field(discriminator="kind")]
_EVENT: TypeAdapter[IssueTold | CommentTold | ChangeMerged | Pushed] = TypeAdapter(Event)


def event_of(text: str) -> IssueTold | CommentTold | ChangeMerged | Pushed:
    """The event in this JSON. Raises IndexBroken."""
    try:
        return _EVENT.validate_json(text)
    except ValidationError as error:
        raise IndexBroken(f"a kept delivery cannot be read: {error.errors()[0]['msg']}") from error


def subject_of(tracker: str, event: IssueTold | CommentTold | ChangeMerged | Pushed) -> str:
    """What an event concerns: those of one subject are dealt with one after another."""
    if isinstance(event, IssueTold | CommentTold):
        return f"{tracker}#{event.issue.id}"
    return f"{tracker} changes"
