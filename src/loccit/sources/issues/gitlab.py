"""GitLab's REST interface, version 4: issues and merge requests, their notes and events.

GitLab lists notes and events by issue only, so each one that has changed costs three requests; a kill costs
one issue. What the events leave out (duplicates, closing commits, old titles) is said by system notes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel

from loccit.core.issue_links import IssueReference, ReferenceKind, links_in
from loccit.core.issues import (
    EventKind,
    Issue,
    IssueComment,
    IssueEvent,
    IssueKind,
    IssueLink,
    LinkKind,
)
from loccit.sources.addresses import Guard
from loccit.sources.issues.api import Api, Token
from loccit.sources.issues.locations import TrackerLocation
from loccit.sources.issues.paging import SortedList, changed_entries, not_there, position_before
from loccit.sources.issues.reading import read_entry, read_time
from loccit.sources.issues.tracker import Batch, Cursor
from loccit.sources.options import SourceOptions

_SORTED = {"scope": "all", "order_by": "updated_at", "sort": "asc"}
_STATES = {"closed": EventKind.CLOSED, "reopened": EventKind.REOPENED, "merged": EventKind.MERGED}
_LABELS = {"add": EventKind.LABELLED, "remove": EventKind.UNLABELLED}
_CLOSING_COMMIT = re.compile(r"closed via commit (?P<commit>[0-9a-f]{40})\b", re.ASCII)
_MENTIONING_COMMIT = re.compile(r"mentioned in commit (?P<commit>[0-9a-f]{40})\b", re.ASCII)
_CLOSING_REQUEST = re.compile(r"closed via merge request !(?P<number>\d{1,10})\b", re.ASCII)
_RENAMED = re.compile(r"changed title from \*\*(?P<before>.{1,2000}?)\*\* to \*\*", re.DOTALL)


class _User(BaseModel):
    username: str


class _Entry(BaseModel):
    iid: int
    title: str
    description: str | None = None
    author: _User | None = None
    state: str
    created_at: str
    closed_at: str | None = None
    merged_at: str | None = None
    labels: list[str] = []
    web_url: str = ""


class _Position(BaseModel):
    new_path: str | None = None
    old_path: str | None = None


class _Note(BaseModel):
    id: int
    body: str = ""
    author: _User | None = None
    created_at: str
    system: bool = False
    position: _Position | None = None


class _StateEvent(BaseModel):
    state: str
    created_at: str


class _Label(BaseModel):
    name: str


class _LabelEvent(BaseModel):
    action: str
    created_at: str
    label: _Label | None = None


class GitLab:
    """The issues and merge requests of one project of GitLab."""

    lists_everything = False
    gives_whole_issues = True

    def __init__(
        self,
        location: TrackerLocation,
        *,
        token: Token | None,
        options: SourceOptions,
        guard: Guard | None = None,
    ) -> None:
        self.source = location.source
        self._name = location.name
        self._host = location.host
        self._root = f"projects/{quote(location.name, safe='')}"
        headers = {"Accept": "application/json"}
        self._api = Api(location.api, token=token, headers=headers, options=options, guard=guard)

    def changes(self, cursor: Cursor) -> Iterator[Batch]:
        """Issue by issue, then merge request by merge request; see `Tracker.changes`."""
        at = dict(cursor)
        for kind in ("issues", "merge_requests"):
            yield from self._changed(kind, at)

    def issue(self, issue_id: str) -> Issue | None:
        """One issue, or merge request (`!12`); None where there is none."""
        kind = "merge_requests" if issue_id.startswith("!") else "issues"
        answer = self._api.get(f"{self._root}/{kind}/{issue_id.lstrip('!')}")
        return self._whole(kind, answer.document) if answer.status == 200 else None

    def is_own(self, reference: IssueReference) -> bool:
        """`#12`, `!12`, and addresses and long forms that name this project."""
        name = self._name.lower()
        named = reference.repo is None or reference.repo.lower() in (name, f"{self._host}/{name}")
        return named and reference.id.lstrip("!").isdigit()

    def close(self) -> None:
        """End the connection."""
        self._api.close()

    def _changed(self, kind: str, at: dict[str, Any]) -> Iterator[Batch]:
        sought = SortedList(f"{self._root}/{kind}", _SORTED, "updated_after")
        before: dict[str, Any] = at.get(kind, {})
        for entries, after in changed_entries(self._api, sought, before):
            for number, entry in enumerate(entries, start=1):
                issue = self._whole(kind, entry)
                at[kind] = position_before(before, entries[:number])
                yield Batch(dict(at), issues=(issue,))
            at[kind] = before = after
            yield Batch(dict(at))

    def _whole(self, kind: str, entry: Any) -> Issue:
        """An issue with its comments, events and links."""
        found = read_entry(_Entry, entry)
        path = f"{self._root}/{kind}/{found.iid}"
        oldest = {"sort": "asc", "order_by": "created_at"}
        notes = [read_entry(_Note, each) for each in self._all(f"{path}/notes", oldest)]
        states = [read_entry(_StateEvent, each) for each in self._all(f"{path}/resource_state_events")]
        labels = [read_entry(_LabelEvent, each) for each in self._all(f"{path}/resource_label_events")]
        events = [*_own_events(found), *_state_events(states), *_label_events(labels), *_renamings(notes)]
        return Issue(
            id=f"{'!' if kind == 'merge_requests' else ''}{found.iid}",
            kind=IssueKind.CHANGE if kind == "merge_requests" else IssueKind.ISSUE,
            title=found.title,
            body=found.description or "",
            author=found.author.username if found.author else "",
            created=read_time(found.created_at),
            is_open=found.state == "opened",
            labels=tuple(found.labels),
            url=found.web_url,
            comments=tuple(_comment(note) for note in notes if not note.system),
            events=tuple(events),
            links=tuple(link for note in notes if note.system for link in self._links(note)),
        )

    def _all(self, path: str, parameters: dict[str, str] | None = None) -> Iterator[Any]:
        """All entries of a list; none where this GitLab does not have such a list."""
        answer = self._api.get(path, {"per_page": "100", **(parameters or {})})
        while True:
            if answer.status in (404, 410):
                return
            if answer.status != 200:
                raise not_there(answer)
            yield from answer.items()
            if answer.next_url is None:
                return
            answer = self._api.get(answer.next_url)

    def _links(self, note: _Note) -> Iterator[IssueLink]:
        time = read_time(note.created_at)
        for pattern, kind, sign in (
            (_CLOSING_COMMIT, LinkKind.FIXED_BY, ""),
            (_MENTIONING_COMMIT, LinkKind.MENTIONS, ""),
            (_CLOSING_REQUEST, LinkKind.FIXED_BY, "!"),
        ):
            if match := pattern.search(note.body):
                yield IssueLink(kind, f"{sign}{match[1]}", time)
        for reference in links_in(note.body):
            if reference.kind is ReferenceKind.DUPLICATE_OF and self.is_own(reference):
                yield IssueLink(LinkKind.DUPLICATE_OF, reference.id, time)


def _comment(note: _Note) -> IssueComment:
    path = "" if note.position is None else note.position.new_path or note.position.old_path or ""
    author = note.author.username if note.author else ""
    return IssueComment(author, read_time(note.created_at), note.body, path, str(note.id))


def _own_events(found: _Entry) -> Iterator[IssueEvent]:
    """What the entry itself says: events were not kept from the beginning."""
    if found.merged_at:
        yield IssueEvent(EventKind.MERGED, read_time(found.merged_at))
    elif found.closed_at and found.state == "closed":
        yield IssueEvent(EventKind.CLOSED, read_time(found.closed_at))


def _state_events(events: list[_StateEvent]) -> Iterator[IssueEvent]:
    for event in events:
        if event.state in _STATES:
            yield IssueEvent(_STATES[event.state], read_time(event.created_at))


def _label_events(events: list[_LabelEvent]) -> Iterator[IssueEvent]:
    for event in events:
        # A label that was deleted since has lost its name.
        if event.label is not None and event.action in _LABELS:
            yield IssueEvent(_LABELS[event.action], read_time(event.created_at), event.label.name)


def _renamings(notes: list[_Note]) -> Iterator[IssueEvent]:
    for note in notes:
        match = _RENAMED.search(note.body) if note.system else None
        if match:
            before = re.sub(r"\{[-+](.*?)[-+]\}", r"\1", match["before"])
            yield IssueEvent(EventKind.RENAMED, read_time(note.created_at), before)
