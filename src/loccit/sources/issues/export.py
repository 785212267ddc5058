"""Exports in a file: JSON Lines and CSV. The schema is in docs/reference/issue-export.md."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from loccit.core.errors import MalformedExport
from loccit.core.issue_links import IssueReference
from loccit.core.issues import (
    EventKind,
    Issue,
    IssueComment,
    IssueEvent,
    IssueKind,
    IssueLink,
    LinkKind,
)
from loccit.sources.issues.export_file import ExportText, read_export
from loccit.sources.issues.locations import TrackerLocation
from loccit.sources.issues.texts import checked_id, parse_time
from loccit.sources.issues.tracker import Batch, Cursor

_BATCH_ISSUES = 1_000
_MAX_FIELD_CHARACTERS = 64_000_000
_KEYS = frozenset("id title body author created state closed labels url kind comments events links".split())


@dataclass(frozen=True, slots=True)
class Parsed:
    """The issues of an export, each with where it stands ("line 12"), and what was left out."""

    issues: tuple[tuple[str, Issue], ...]
    notes: tuple[str, ...] = ()


Parser = Callable[[str], Parsed]


class ExportTracker:
    """An export in one file. It is read whole before anything is told, and only when it has changed."""

    lists_everything = True
    gives_whole_issues = True

    def __init__(self, location: TrackerLocation, parser: Parser) -> None:
        self.source = location.source
        self._path = location.path
        self._parser = parser

    def changes(self, cursor: Cursor) -> Iterator[Batch]:
        """All issues, or nothing when the file is as it was; see `Tracker.changes`."""
        export = read_export(self._path)
        if cursor.get("sha256") == export.digest:
            return
        issues, notes = self._parse(export)
        for start in range(0, len(issues), _BATCH_ISSUES):
            is_last = start + _BATCH_ISSUES >= len(issues)
            yield Batch(
                {"sha256": export.digest} if is_last else {},
                issues=tuple(issues[start : start + _BATCH_ISSUES]),
                notes=notes if is_last else (),
            )

    def issue(self, issue_id: str) -> Issue | None:
        """One issue as the file has it; None where it has none."""
        issues, _ = self._parse(read_export(self._path))
        return next((issue for issue in issues if issue.id == issue_id), None)

    def is_own(self, reference: IssueReference) -> bool:
        """Whatever names no other repository, and addresses of issues with a key of their own."""
        return reference.repo is None or not reference.id.lstrip("!").isdigit()

    def close(self) -> None:
        """Nothing is held open."""

    def _parse(self, export: ExportText) -> tuple[list[Issue], tuple[str, ...]]:
        """The issues, and notes. Raises MalformedExport that names the file and the place in it."""
        try:
            parsed = self._parser(export.text)
            issues, repeated = _without_repetition(parsed)
        except MalformedExport as error:
            raise MalformedExport(f"{self._path.name}: {error.message}", next_step=error.next_step) from error
        if not issues:
            raise MalformedExport(
                f"the export {str(self._path)!r} holds no issues", next_step="export the issues again"
            )
        notes = (f"{self._path.name}: {note}" for note in (*parsed.notes, *repeated))
        return issues, (*export.notes, *notes)


def _without_repetition(parsed: Parsed) -> tuple[list[Issue], list[str]]:
    """Each issue once. Raises MalformedExport where two that differ have one id."""
    kept: dict[str, tuple[str, Issue]] = {}
    repeated = 0
    for place, issue in parsed.issues:
        first = kept.setdefault(issue.id, (place, issue))
        if first[1] is issue:
            continue
        repeated += 1
        if first[1] != issue:
            raise MalformedExport(
                f"{place}: the id {issue.id!r} was used on {first[0]} already, for another issue",
                next_step="give each issue an id of its own",
            )
    notes = [f"{repeated:,} repeated entries were left out"] if repeated else []
    return [issue for _, issue in kept.values()], notes


def parse_json_lines(text: str) -> Parsed:
    """One JSON object a line; empty lines are passed over. Raises MalformedExport."""
    issues: list[tuple[str, Issue]] = []
    unknown: set[str] = set()
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        place = f"line {number:,}"
        entry = json_object(line, place)
        unknown |= entry.keys() - _KEYS
        issues.append((place, _issue(entry, place)))
    return Parsed(tuple(issues), unknown_note(unknown))


def parse_csv(text: str) -> Parsed:
    """Columns named as the keys of JSON Lines, or as Jira names them. Raises MalformedExport."""
    from loccit.sources.issues.jira_csv import is_jira_header, parse_jira_rows

    rows = csv_rows(text)
    _, header = next(rows)
    if is_jira_header(header):
        return parse_jira_rows(header, rows)
    names = [name.strip().lower() for name in header]
    for wanted in ("id", "title", "created"):
        if wanted not in names:
            raise MalformedExport(
                f"line 1: there is no column {wanted!r}, only {', '.join(map(repr, names[:20]))}",
                next_step="the columns are in docs/reference/issue-export.md",
            )
    issues: list[tuple[str, Issue]] = []
    for place, row in rows:
        entry: dict[str, Any] = {name: value for name, value in zip(names, row, strict=False) if value}
        entry["labels"] = [label.strip() for label in entry.get("labels", "").split(";")]
        known = {key: value for key, value in entry.items() if key in _KEYS}
        issues.append((place, _issue({**known, "title": entry.get("title", "")}, place)))
    return Parsed(tuple(issues), unknown_note(set(names) - _KEYS))


def csv_rows(text: str) -> Iterator[tuple[str, list[str]]]:
    """Each row that is not empty, with the line on which it begins. Raises MalformedExport."""
    before = csv.field_size_limit(_MAX_FIELD_CHARACTERS)
    rows: list[tuple[str, list[str]]] = []
    start = 1
    try:
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        for row in reader:
            if row:
                rows.append((f"line {start:,}", row))
            start = reader.line_num + 1
    except csv.Error as error:
        raise MalformedExport(
            f"line {start:,}: {error}", next_step="fields with quotes or line ends stand in quotes"
        ) from error
    finally:
        csv.field_size_limit(before)
    width = len(rows[0][1])
    for place, row in rows:
        if len(row) != width:
            raise MalformedExport(
                f"{place}: it has {len(row):,} fields, the header has {width:,}",
                next_step="fields that hold a comma, a quote or a line end stand in quotes",
            )
    return iter(rows)


def json_object(text: str, place: str) -> dict[str, Any]:
    """The JSON object. Raises MalformedExport."""
    try:
        entry = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MalformedExport(
            f"{place}: it is no JSON: {error}", next_step="expected one JSON object a line"
        ) from error
    if not isinstance(entry, dict):
        raise MalformedExport(f"{place}: it is a JSON {type(entry).__name__}, expected an object")
    return cast("dict[str, Any]", entry)


def unknown_note(names: set[str]) -> tuple[str, ...]:
    """What is said about columns that mean nothing to us."""
    shown = ", ".join(repr(name) for name in sorted(names)[:10])
    return (f"nothing was made of {shown}",) if names else ()


def _issue(entry: Mapping[str, Any], place: str) -> Issue:
    """Raises MalformedExport."""
    found = Fields(entry, place)
    created = found.time("created")
    closed = found.time("closed") if entry.get("closed") else None
    state = found.text("state", "closed" if closed is not None else "open").lower()
    if state not in ("open", "opened", "reopened", "closed", "merged"):
        raise found.wrong("state", "'open', 'closed' or 'merged'")
    kind = found.text("kind", IssueKind.ISSUE.value)
    if kind not in list(IssueKind):
        raise found.wrong("kind", "'issue' or 'change'")
    is_open = state not in ("closed", "merged")
    events = [_event(each) for each in found.entries("events")]
    if closed is not None and not is_open:
        events.append(IssueEvent(EventKind.MERGED if state == "merged" else EventKind.CLOSED, closed))
    return Issue(
        id=found.id(),
        kind=IssueKind(kind),
        title=found.text("title"),
        body=found.text("body", ""),
        author=found.text("author", ""),
        created=created,
        is_open=is_open,
        labels=found.texts("labels"),
        url=found.text("url", ""),
        comments=tuple(_comment(each) for each in found.entries("comments")),
        events=tuple(events),
        links=tuple(_link(each) for each in found.entries("links")),
    )


def _comment(found: Fields) -> IssueComment:
    return IssueComment(
        author=found.text("author", ""),
        time=found.time("time"),
        body=found.text("body"),
        path=found.text("path", ""),
        id=found.id() if found.has("id") else "",
    )


def _event(found: Fields) -> IssueEvent:
    kind = found.text("kind")
    if kind not in list(EventKind):
        raise found.wrong("kind", f"one of {', '.join(EventKind)}")
    return IssueEvent(EventKind(kind), found.time("time"), found.text("value", ""))


def _link(found: Fields) -> IssueLink:
    kind = found.text("kind")
    if kind not in list(LinkKind):
        raise found.wrong("kind", f"one of {', '.join(LinkKind)}")
    return IssueLink(LinkKind(kind), found.text("target"), found.time("time"))


class Fields:
    """The fields of one entry, each checked when it is read. All raise MalformedExport that says where."""

    def __init__(self, entry: Mapping[str, Any], place: str) -> None:
        self._entry = entry
        self._place = place

    def has(self, key: str) -> bool:
        """Whether there is such a field, and not null."""
        return self._entry.get(key) is not None

    def id(self) -> str:
        """The id: text, or a whole number."""
        value = self._entry.get("id")
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if not isinstance(value, str):
            raise self.wrong("id", "a text or a whole number")
        try:
            return checked_id(value.strip().removeprefix("#"))
        except MalformedExport as error:
            raise MalformedExport(f"{self._place}: {error.message}", next_step=error.next_step) from error

    def text(self, key: str, otherwise: str | None = None) -> str:
        """A text; one that is left out or null is `otherwise`, if that is not None."""
        value = self._entry.get(key)
        if value is None and otherwise is not None:
            return otherwise
        if not isinstance(value, str):
            raise self.wrong(key, "a text")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts; none where it is left out."""
        values = self._list(key)
        if not all(isinstance(value, str) for value in values):
            raise self.wrong(key, "a list of texts")
        return tuple(cast("list[str]", values))

    def time(self, key: str) -> int:
        """A time, in seconds since the epoch."""
        value = self._entry.get(key)
        try:
            if isinstance(value, (str, int)) and not isinstance(value, bool):
                return parse_time(str(value))
        except ValueError:
            pass
        raise self.wrong(key, "a time such as 2021-09-30T17:20:00Z")

    def entries(self, key: str) -> Iterator[Fields]:
        """The entries of a list of objects."""
        for number, value in enumerate(self._list(key), start=1):
            if not isinstance(value, dict):
                raise self.wrong(key, "a list of objects")
            yield Fields(cast("dict[str, Any]", value), f"{self._place}, {key} {number}")

    def wrong(self, key: str, expected: str) -> MalformedExport:
        """The error for a field."""
        shown = repr(self._entry.get(key))
        shown = shown if len(shown) <= 80 else f"{shown[:77]}..."
        what = f"{key!r} is {shown}" if key in self._entry else f"there is no {key!r}"
        return MalformedExport(
            f"{self._place}: {what}, expected {expected}",
            next_step="the form is in docs/reference/issue-export.md",
        )

    def _list(self, key: str) -> list[Any]:
        value: Any = self._entry.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self.wrong(key, "a list")
        return cast("list[Any]", value)
