"""What a fixing run is asked: an issue of a repository at a commit, and how far it may go."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from loccit.core.triage import IssueOrigin, TriagedIssue
from loccit.core.visible import visible
from loccit.pipeline.report import Report
from loccit.pipeline.searchable import utc_time

# What of an issue a model is given. Reports that are longer are logs, and their head says what they are of.
MOST_ISSUE_CHARACTERS = 24_000


@dataclass(frozen=True, slots=True)
class FixTask:
    """One issue to fix. All of it is JSON, for a run is continued from it after a kill.

    `location` is where the repository is, `target` the branch that a pull request would be for, `base` a full
    commit id, `time` when the run began in seconds since the epoch. `writes_lesson` says
    that a lesson may become a file on the branch, `pushes` that a fix is to be pushed and proposed.
    """

    repo: str
    location: str
    base: str
    branch: str
    time: int
    text: str
    title: str
    target: str = ""
    issue: str = ""
    url: str = ""
    created: int | None = None
    writes_lesson: bool = False
    pushes: bool = False

    @classmethod
    def of_report(cls, report: Report, **more: Any) -> FixTask:
        """The task that a report is, whole, with what else a task has."""
        return cls(
            text=report.text,
            title=report.title if report.title is not None else _first_line(report.body),
            issue=report.id or "",
            url=report.url or "",
            created=report.created,
            **more,
        )

    @property
    def name(self) -> str:
        """What the issue is called in messages: its number, else its title."""
        return f"#{self.issue}" if self.issue.isdigit() else self.issue or self.title[:60]

    @property
    def is_cut(self) -> bool:
        """Whether a model is given less than all of it."""
        return len(self.text) > MOST_ISSUE_CHARACTERS

    def shown(self) -> str:
        """The issue as a model is given it: fenced, and cut to a length."""
        return fenced(self.text[:MOST_ISSUE_CHARACTERS], "issue")

    def told(self) -> TriagedIssue:
        """The issue as the report has it."""
        return TriagedIssue(
            origin=IssueOrigin.TRACKER if self.issue else IssueOrigin.TEXT,
            id=self.issue or None,
            url=self.url or None,
            title=self.title,
            created=None if self.created is None else utc_time(datetime.fromtimestamp(self.created, UTC)),
            sha256=hashlib.sha256(self.text.encode()).hexdigest(),
            characters=len(self.text),
            read=min(len(self.text), MOST_ISSUE_CHARACTERS),
        )


def fenced(text: str, what: str) -> str:
    """Somebody's text between two lines with an id that it cannot hold: it is made from the text itself."""
    shown = visible(text)
    mark = hashlib.sha256(f"{what}\0{shown}".encode()).hexdigest()[:10]
    while mark in shown:
        mark = hashlib.sha256(f"{mark}\0{shown}".encode()).hexdigest()[:10]
    return f"<<<{mark} {what}\n{shown}\n{mark}>>>"


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")[:200]
