"""Jira's own exports: the JSON of a search, the XML of a search, and its CSV."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, cast

from loccit.core.errors import MalformedExport
from loccit.core.issues import (
    EventKind,
    Issue,
    IssueComment,
    IssueEvent,
    IssueKind,
    IssueLink,
    LinkKind,
)
from loccit.sources.issues.export import Fields, Parsed, csv_rows
from loccit.sources.issues.jira_csv import CLOSED_STATES, dated_resolution, parse_jira_rows
from loccit.sources.issues.texts import parse_time

_FORM = 'expected what Jira\'s search gives as JSON ({"issues": [...]}), as XML, or as CSV'
_DEEPEST_DOCUMENT = 100
_BLOCKS = frozenset("paragraph heading codeBlock blockquote listItem tableRow rule".split())


def parse_jira(text: str) -> Parsed:
    """The issues of an export of Jira's, whichever of the three it is. Raises MalformedExport."""
    start = text.lstrip()[:1]
    if start == "<":
        from loccit.sources.issues.jira_xml import parse_jira_xml

        return parse_jira_xml(text)
    if start not in ("{", "["):
        rows = csv_rows(text)
        return parse_jira_rows(next(rows)[1], rows)
    try:
        document: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MalformedExport(f"it is no JSON: {error}", next_step=_FORM) from error
    issues = cast("dict[str, Any]", document).get("issues") if isinstance(document, dict) else document
    if not isinstance(issues, list):
        raise MalformedExport("it has no list 'issues'", next_step=_FORM)
    found: list[tuple[str, Issue]] = []
    for number, entry in enumerate(cast("list[Any]", issues), start=1):
        place = f"issue {number:,}"
        if not isinstance(entry, dict):
            raise MalformedExport(
                f"{place}: it is {type(entry).__name__}, expected an object", next_step=_FORM
            )
        found.append((place, _issue(cast("dict[str, Any]", entry), place)))
    return Parsed(tuple(found), _cut_short(document, len(found)))


def _cut_short(document: Any, found: int) -> tuple[str, ...]:
    total = cast("dict[str, Any]", document).get("total") if isinstance(document, dict) else None
    if isinstance(total, int) and total > found:
        return (f"the export holds {found:,} of the {total:,} issues that the search found",)
    return ()


def _issue(entry: dict[str, Any], place: str) -> Issue:
    fields = _object(entry.get("fields"))
    found = Fields(
        {
            "id": entry.get("key") or entry.get("id"),
            "title": fields.get("summary"),
            "created": fields.get("created"),
            "resolved": fields.get("resolutiondate"),
        },
        place,
    )
    status = _object(fields.get("status"))
    category = _object(status.get("statusCategory")).get("key")
    is_open = category != "done" and _name(status).lower() not in CLOSED_STATES
    resolved = found.time("resolved") if found.has("resolved") and not is_open else None
    labels, events = dated_resolution(_name(fields.get("resolution")), resolved)
    return Issue(
        id=found.id(),
        kind=IssueKind.ISSUE,
        title=found.text("title"),
        body=text_of(fields.get("description")),
        author=_name(fields.get("reporter")),
        created=found.time("created"),
        is_open=is_open,
        labels=(*_labels(fields), *labels),
        comments=tuple(_comments(fields, place)),
        events=(*events, *_history(entry, place)),
        links=tuple(_links(fields, resolved)),
    )


def _labels(fields: dict[str, Any]) -> Iterator[str]:
    yield from (label for label in _list(fields.get("labels")) if isinstance(label, str))
    for key, label in (("issuetype", "type"), ("priority", "priority")):
        if name := _name(fields.get(key)):
            yield f"{label}: {name}"
    for key, label in (("components", "component"), ("versions", "affects")):
        yield from (f"{label}: {_name(each)}" for each in _list(fields.get(key)) if _name(each))


def _comments(fields: dict[str, Any], place: str) -> Iterator[IssueComment]:
    comments = _list(_object(fields.get("comment")).get("comments"))
    for number, each in enumerate(comments, start=1):
        entry = _object(each)
        found = Fields(entry, f"{place}, comment {number}")
        comment_id = found.id() if found.has("id") else ""
        yield IssueComment(
            _name(entry.get("author")), found.time("created"), text_of(entry.get("body")), id=comment_id
        )


def _history(entry: dict[str, Any], place: str) -> Iterator[IssueEvent]:
    """What the change log says, where the search was asked for it (`expand=changelog`)."""
    histories = _list(_object(entry.get("changelog")).get("histories"))
    for number, each in enumerate(histories, start=1):
        time = Fields(_object(each), f"{place}, history {number}").time("created")
        for item in _list(_object(each).get("items")):
            yield from _changed(_object(item), time)


def _changed(item: dict[str, Any], time: int) -> Iterator[IssueEvent]:
    before, after = str(item.get("fromString") or ""), str(item.get("toString") or "")
    field = item.get("field")
    if field == "summary":
        yield IssueEvent(EventKind.RENAMED, time, before)
    elif field == "labels":
        yield from (
            IssueEvent(EventKind.LABELLED, time, label)
            for label in sorted(set(after.split()) - set(before.split()))
        )
        yield from (
            IssueEvent(EventKind.UNLABELLED, time, label)
            for label in sorted(set(before.split()) - set(after.split()))
        )
    elif field == "status":
        was_closed, is_closed = before.lower() in CLOSED_STATES, after.lower() in CLOSED_STATES
        if was_closed != is_closed:
            yield IssueEvent(EventKind.CLOSED if is_closed else EventKind.REOPENED, time)


def _links(fields: dict[str, Any], resolved: int | None) -> Iterator[IssueLink]:
    # Links have no time of their own here: they hold from the resolution on, or from the last change.
    time = resolved
    if time is None and isinstance(fields.get("updated"), str):
        try:
            time = parse_time(fields["updated"])
        except ValueError:
            return
    for each in _list(fields.get("issuelinks")):
        link = _object(each)
        kind, outward = _object(link.get("type")), _object(link.get("outwardIssue"))
        target = outward.get("key") or _object(link.get("inwardIssue")).get("key")
        if time is None or not isinstance(target, str):
            continue
        is_duplicate = bool(outward) and re.match(
            r"duplicate|clone", str(kind.get("outward", "")), re.IGNORECASE
        )
        yield IssueLink(LinkKind.DUPLICATE_OF if is_duplicate else LinkKind.MENTIONS, target, time)


def text_of(value: Any, depth: int = 0) -> str:
    """A text as it is, or the text of a document in Atlassian's document format."""
    if isinstance(value, str):
        return value
    node = _object(value)
    kind = node.get("type")
    if kind == "text":
        return str(node.get("text", ""))
    if kind == "hardBreak":
        return "\n"
    if depth > _DEEPEST_DOCUMENT:
        return ""
    inner = "".join(text_of(child, depth + 1) for child in _list(node.get("content")))
    return f"{inner}\n" if kind in _BLOCKS and not inner.endswith("\n") else inner


def _name(value: Any) -> str:
    """What a person, a status and so on are called."""
    entry = _object(value)
    found = next(
        (entry[key] for key in ("displayName", "name", "value") if isinstance(entry.get(key), str)), ""
    )
    return cast("str", found)


def _object(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []
