"""A report as it comes in: its bytes as text, and how much of it is read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from loccit.core.encodings import encoding_of
from loccit.core.errors import InputError
from loccit.core.issues import Issue
from loccit.core.triage import IssueOrigin

_LOOKED_AT = 8_000


@dataclass(frozen=True, slots=True)
class Report:
    """An issue to triage. Without a title its first line is one. `created` is in seconds since the epoch.

    `notes` say what had to be done to read it.
    """

    body: str
    title: str | None = None
    origin: IssueOrigin = IssueOrigin.TEXT
    id: str | None = None
    url: str | None = None
    created: int | None = None
    notes: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """Title and body."""
        return self.body if self.title is None else f"{self.title}\n\n{self.body}"

    @property
    def sha256(self) -> str:
        """Of the text, as UTF-8."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def report_of(issue: str | bytes | Issue, *, as_of: int | None = None) -> Report:
    """The report that this is; a tracker's with the title that it had at `as_of` (seconds since the epoch).

    Raises InputError for an empty one, for what is no text, and for one that was not there yet.
    """
    if isinstance(issue, bytes):
        return report_of_bytes(issue)
    if isinstance(issue, str):
        return report_of_text(issue)
    then = issue if as_of is None else issue.as_of(as_of)
    if then is None:
        raise InputError(f"the issue {issue.id!r} was not there yet", next_step="name a later moment")
    return report_of_issue(then)


def report_of_bytes(data: bytes) -> Report:
    """The report in these bytes. Raises InputError for an empty one and for what is no text."""
    if b"\0" in data[:_LOOKED_AT] and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError("the issue is binary: it holds NUL bytes", next_step="give it as text")
    encoding = encoding_of(data)
    text = data.decode(encoding).removeprefix("\ufeff")
    controls = sum(character < " " and character not in "\t\n\r\f\x1b" for character in text[:_LOOKED_AT])
    if controls > len(text[:_LOOKED_AT]) / 10:
        raise InputError("the issue is binary: it is full of control characters", next_step="give it as text")
    notes = () if encoding == "utf-8" else (f"it is not valid UTF-8: it was read as {encoding}",)
    return report_of_text(text, notes=notes)


def report_of_text(text: str, *, notes: tuple[str, ...] = ()) -> Report:
    """The report that this text is. Raises InputError for an empty one and for half characters."""
    if not text.strip():
        raise InputError("the issue is empty", next_step="give its title and what it says")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise InputError("the issue is not valid Unicode: it holds half characters", next_step="write UTF-8")
    return Report(text, notes=notes)


def report_of_issue(issue: Issue) -> Report:
    """A tracker's issue as a report: what its author wrote, nothing that came later."""
    if not f"{issue.title}{issue.body}".strip():
        raise InputError(f"the issue {issue.id!r} is empty", next_step="give what it should say as a file")
    return Report(
        body=issue.body,
        title=issue.title,
        origin=IssueOrigin.TRACKER,
        id=issue.id,
        url=issue.url or None,
        created=issue.created,
    )
