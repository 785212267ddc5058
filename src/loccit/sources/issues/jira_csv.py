"""Jira's CSV export, and the smaller tables that are made from it (GitBugs): columns by Jira's own names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from loccit.core.errors import MalformedExport
from loccit.core.issues import EventKind, Issue, IssueComment, IssueEvent, IssueKind, IssueLink, LinkKind
from loccit.sources.issues.export import Fields, Parsed
from loccit.sources.issues.texts import parse_time

CLOSED_STATES = frozenset(
    "canceled cancelled closed completed done duplicate fixed invalid merged rejected resolved "
    "verified".split()
)
_LABEL_COLUMNS = {
    "issue type": "type",
    "priority": "priority",
    "component/s": "component",
    "components": "component",
    "affects version/s": "affects",
    "affects versions": "affects",
}
# Jira writes a comment as `time;author;text`.
_COMMENT = re.compile(r"(?P<time>[^;]{1,40});(?P<author>[^;]{0,200});(?P<body>.*)", re.DOTALL)
_DUPLICATES = "outward issue link (duplicate)"


def is_jira_header(header: Sequence[str]) -> bool:
    """Whether the columns have Jira's names."""
    names = {name.strip().lower() for name in header}
    return "summary" in names and bool({"issue key", "issue id"} & names)


def parse_jira_rows(header: Sequence[str], rows: Iterator[tuple[str, list[str]]]) -> Parsed:
    """The issues of the rows. Raises MalformedExport."""
    names = [name.strip().lower() for name in header]
    if not is_jira_header(header) or "created" not in names:
        raise MalformedExport(
            f"line 1: the columns are {', '.join(map(repr, names[:20]))}",
            next_step="expected at least 'Summary', 'Created', and 'Issue key' or 'Issue id'",
        )
    issues: list[tuple[str, Issue]] = []
    undated = 0
    for place, values in rows:
        row = _Row(names, values)
        comments = [_comment(written) for written in row.all("comment")]
        dated = tuple(comment for comment in comments if comment is not None)
        undated += len(comments) - len(dated)
        issues.append((place, _issue(row, dated, place)))
    note = f"{undated:,} comments without a time were left out: nobody could say when they were known"
    return Parsed(tuple(issues), (note,) if undated else ())


class _Row:
    """One row. A column may be there several times: Jira has one for each label and each comment."""

    def __init__(self, names: Sequence[str], values: Sequence[str]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in zip(names, values, strict=True):
            if value.strip():
                self._values.setdefault(name, []).append(value)

    def first(self, *names: str) -> str:
        """The first value of the first of these columns that has one; empty without any."""
        return next((self._values[name][0] for name in names if name in self._values), "")

    def all(self, name: str) -> list[str]:
        """The values of a column."""
        return self._values.get(name, [])


def _issue(row: _Row, comments: tuple[IssueComment, ...], place: str) -> Issue:
    """Raises MalformedExport."""
    found = Fields(
        {
            "id": row.first("issue key", "issue id") or None,
            "title": row.first("summary"),
            "created": row.first("created"),
            "resolved": row.first("resolved") or None,
        },
        place,
    )
    created = found.time("created")
    resolved = found.time("resolved") if found.has("resolved") else None
    is_open = row.first("status").strip().lower() not in CLOSED_STATES
    labels = [*row.all("labels")]
    labels += [f"{label}: {v}" for name, label in _LABEL_COLUMNS.items() for v in row.all(name)]
    facts = dated_resolution(row.first("resolution").strip(), None if is_open else resolved)
    return Issue(
        id=found.id(),
        kind=IssueKind.ISSUE,
        title=row.first("summary"),
        body=row.first("description"),
        author=row.first("reporter"),
        created=created,
        is_open=is_open,
        labels=(*labels, *facts[0]),
        comments=comments,
        events=facts[1],
        links=tuple(_links(row, resolved)),
    )


def dated_resolution(resolution: str, resolved: int | None) -> tuple[tuple[str, ...], tuple[IssueEvent, ...]]:
    """The label of a resolution and the events of its time.

    Without a time there is no label: nobody could say since when it holds, and the past must not know it.
    """
    if resolved is None:
        return (), ()
    closed = IssueEvent(EventKind.CLOSED, resolved)
    if not resolution:
        return (), (closed,)
    label = f"resolution: {resolution}"
    return (label,), (closed, IssueEvent(EventKind.LABELLED, resolved, label))


def _comment(written: str) -> IssueComment | None:
    """A comment; None for one that is not written as Jira does."""
    match = _COMMENT.fullmatch(written)
    try:
        return match and IssueComment(match["author"], parse_time(match["time"]), match["body"])
    except ValueError:
        return None


def _links(row: _Row, resolved: int | None) -> Iterator[IssueLink]:
    # The table does not say when a link was made; that it was there when the issue was resolved is likely.
    if resolved is None:
        return
    for target in row.all(_DUPLICATES):
        yield IssueLink(LinkKind.DUPLICATE_OF, target.strip(), resolved)
