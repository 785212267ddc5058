"""Texts and times of trackers as we keep them: Unicode without surrogates and NUL, line feeds, UTC."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from loccit.core.errors import MalformedExport
from loccit.core.issues import Issue, IssueComment, IssueEvent, IssueLink

LATEST_TIME = 253_402_300_799
"""The last second of the year 9999."""
_LONGEST_ID = 100
_UNKEPT = re.compile("[\0\ud800-\udfff]")
_SPACES = re.compile(r"\s+")
_MONTHS = {
    name: number for number, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)
}
_JIRA_TIME = re.compile(
    r"(?P<day>\d{1,2})/(?P<month>[A-Za-z]{3})[a-z]*/(?P<year>\d{4}|\d{2})"
    r"(?: (?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}))?(?: (?P<half>[AaPp][Mm]))?)?"
)


def plain_text(text: str) -> str:
    """The text with line feeds only, what is no character replaced by U+FFFD."""
    return _UNKEPT.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))


def one_line_text(text: str) -> str:
    """The text on one line, without spaces around it: for titles, names and labels."""
    return _SPACES.sub(" ", plain_text(text)).strip()


def parse_time(written: str) -> int:
    """Seconds since the epoch of a time as trackers write it. Raises ValueError.

    Takes ISO 8601, a number of seconds, `Thu, 30 Sep 2021 17:20:00 +0000`, and Jira's `30/Sep/21 17:20`.
    A time without a zone is in UTC.
    """
    text = written.strip()
    if re.fullmatch(r"\d{1,12}", text, re.ASCII):
        return _within(int(text))
    if match := _JIRA_TIME.fullmatch(text):
        return _within(int(_jira_time(match).timestamp()))
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = parsedate_to_datetime(text)
    return _within(int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()))


def _jira_time(match: re.Match[str]) -> datetime:
    month = _MONTHS.get(match["month"].lower())
    if month is None:
        raise ValueError(f"no month {match['month']!r}")
    year = int(match["year"]) + (2000 if len(match["year"]) == 2 else 0)
    hour = int(match["hour"] or 0)
    if match["half"]:
        hour = hour % 12 + (12 if match["half"].lower() == "pm" else 0)
    return datetime(year, month, int(match["day"]), hour, int(match["minute"] or 0), tzinfo=UTC)


def _within(time: int) -> int:
    if not 0 <= time <= LATEST_TIME:
        raise ValueError(f"{time} is not a time between 1970 and 9999")
    return time


def cleaned(issue: Issue) -> Issue:
    """The issue as it is kept: clean texts, everything in order of time and without repetition.

    Raises MalformedExport for an id that cannot be one.
    """
    return replace(
        issue,
        id=checked_id(issue.id),
        title=one_line_text(issue.title),
        body=plain_text(issue.body),
        author=one_line_text(issue.author),
        labels=tuple(sorted({one_line_text(label) for label in issue.labels} - {""})),
        url=one_line_text(issue.url),
        comments=clean_comments(issue.comments),
        events=clean_events(issue.events),
        links=clean_links(issue.links),
    )


def checked_id(issue_id: str) -> str:
    """The same id. Raises MalformedExport for one that is empty, long, or not printable on one line."""
    if not 0 < len(issue_id) <= _LONGEST_ID or not issue_id.isprintable() or " " in issue_id:
        raise MalformedExport(
            f"{issue_id[:_LONGEST_ID]!r} cannot be the id of an issue",
            next_step=f"expected 1 to {_LONGEST_ID} printable characters without a space",
        )
    return issue_id


def clean_comments(comments: tuple[IssueComment, ...]) -> tuple[IssueComment, ...]:
    """In order of time; of several with one id the last one given."""
    by_id: dict[object, IssueComment] = {}
    for number, comment in enumerate(comments):
        kept = IssueComment(
            author=one_line_text(comment.author),
            time=comment.time,
            body=plain_text(comment.body),
            path=one_line_text(comment.path),
            id=one_line_text(comment.id),
        )
        by_id[kept.id or (kept.author, kept.time, kept.body, kept.path, number)] = kept
    return tuple(sorted(by_id.values(), key=lambda comment: comment.time))


def clean_events(events: tuple[IssueEvent, ...]) -> tuple[IssueEvent, ...]:
    """In order of time, each once; one without a value gives way to the same one with its value."""
    kept = list(dict.fromkeys(IssueEvent(e.kind, e.time, one_line_text(e.value)) for e in events))
    valued = {(event.kind, event.time) for event in kept if event.value}
    kept = [event for event in kept if event.value or (event.kind, event.time) not in valued]
    return tuple(sorted(kept, key=lambda event: event.time))


def clean_links(links: tuple[IssueLink, ...]) -> tuple[IssueLink, ...]:
    """In order of time; of several to one target of one kind the first."""
    first: dict[tuple[str, str], IssueLink] = {}
    for link in sorted(links, key=lambda link: link.time):
        first.setdefault((link.kind, link.target), link)
    return tuple(first.values())
