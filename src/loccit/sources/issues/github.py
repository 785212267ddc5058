"""GitHub's REST interface: issues and pull requests, comments, review comments and events.

Comments and events come from the lists of the whole repository, 100 a request, because a request for each
issue would use up the hourly limit of a large tracker many times over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, Field

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
from loccit.sources.addresses import Guard
from loccit.sources.issues.api import Api, ApiAnswer, Token
from loccit.sources.issues.locations import TrackerLocation
from loccit.sources.issues.paging import SortedList, changed_entries, not_there
from loccit.sources.issues.reading import read_entry, read_time
from loccit.sources.issues.tracker import Addition, Batch, Cursor
from loccit.sources.options import SourceOptions

HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
_SORTED = {"sort": "updated", "direction": "asc"}
_EVENTS = {
    "closed": EventKind.CLOSED,
    "reopened": EventKind.REOPENED,
    "merged": EventKind.MERGED,
    "labeled": EventKind.LABELLED,
    "unlabeled": EventKind.UNLABELLED,
    "renamed": EventKind.RENAMED,
}


class _User(BaseModel):
    login: str


class _Label(BaseModel):
    name: str


class _PullRequest(BaseModel):
    merged_at: str | None = None


class _Issue(BaseModel):
    number: int
    title: str
    body: str | None = None
    user: _User | None = None
    state: str
    created_at: str
    closed_at: str | None = None
    labels: list[_Label | str] = []
    html_url: str = ""
    pull_request: _PullRequest | None = None


class _Comment(BaseModel):
    id: int
    body: str | None = None
    user: _User | None = None
    created_at: str
    issue_url: str = ""
    pull_request_url: str = ""
    path: str = ""


class _Rename(BaseModel):
    before: str = Field(alias="from")


class _Numbered(BaseModel):
    number: int


class _Event(BaseModel):
    id: int
    event: str
    created_at: str
    commit_id: str | None = None
    label: _Label | None = None
    rename: _Rename | None = None
    issue: _Numbered | None = None


class GitHub:
    """The issues and pull requests of one repository of GitHub, or of a GitHub Enterprise server."""

    lists_everything = False
    gives_whole_issues = False

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
        self._root = f"repos/{location.name}"
        self._api = Api(location.api, token=token, headers=HEADERS, options=options, guard=guard)

    def changes(self, cursor: Cursor) -> Iterator[Batch]:
        """Issues first, then what was said and done; see `Tracker.changes`."""
        at = dict(cursor)
        for entries in self._entries("issues", "issues", {"state": "all"}, at):
            yield Batch(dict(at), issues=tuple(_issue(read_entry(_Issue, entry)) for entry in entries))
        for name, path in (("comments", "issues/comments"), ("reviews", "pulls/comments")):
            for entries in self._entries(name, path, {}, at):
                said = tuple(_comment(read_entry(_Comment, entry)) for entry in entries)
                yield Batch(dict(at), additions=said)
        yield from self._events(at)

    def issue(self, issue_id: str) -> Issue | None:
        """One issue; None where it is not, or no longer, in this repository."""
        answer = self._api.get(f"{self._root}/issues/{issue_id}")
        if answer.status != 200:
            return None
        found = _issue(read_entry(_Issue, answer.document))
        # An issue that was moved to another repository is answered with what it is there.
        return found if found.id == issue_id else None

    def is_own(self, reference: IssueReference) -> bool:
        """`#12`, `GH-12`, and addresses and long forms that name this repository."""
        name = self._name.lower()
        named = reference.repo is None or reference.repo.lower() in (name, f"{self._host}/{name}")
        return named and reference.id.isdigit()

    def close(self) -> None:
        """End the connection."""
        self._api.close()

    def _entries(
        self, name: str, path: str, parameters: Mapping[str, str], at: dict[str, Any]
    ) -> Iterator[list[dict[str, Any]]]:
        """The new entries of a list, page by page; `at[name]` is the position after each page."""
        sought = SortedList(f"{self._root}/{path}", {**_SORTED, **parameters}, "since")
        for entries, position in changed_entries(self._api, sought, at.get(name, {})):
            at[name] = position
            yield entries

    def _events(self, at: dict[str, Any]) -> Iterator[Batch]:
        """Events come newest first: back to the newest one that is known, from where a kill left off."""
        state: Mapping[str, Any] = at.get("events", {})
        known, newest = int(state.get("newest", 0)), int(state.get("going_newest", 0))
        answer = self._first_events(state)
        etag = answer.etag
        while answer.status == 200:
            events = [read_entry(_Event, entry) for entry in answer.items()]
            fresh = [event for event in events if event.id > known]
            newest = max([newest, *(event.id for event in fresh)])
            going = answer.next_url if len(fresh) == len(events) else None
            at["events"] = (
                {"newest": known, "going": going, "going_newest": newest}
                if going
                else {"newest": max(known, newest), "etag": etag}
            )
            if fresh or at["events"] != state:
                yield Batch(dict(at), additions=tuple(_happened(event) for event in reversed(fresh)))
            if going is None:
                return
            answer = self._api.get(going)
        if answer.status == 422:
            at["events"] = {"newest": max(known, newest)}
            yield Batch(dict(at), notes=("the tracker lists no events older than a certain page",))
        elif answer.status != 304:
            raise not_there(answer)

    def _first_events(self, state: Mapping[str, Any]) -> ApiAnswer:
        if state.get("going"):
            answer = self._api.get(state["going"])
            if answer.status == 200:
                return answer
        path = f"{self._root}/issues/events"
        return self._api.get(path, {"per_page": "100"}, etag=state.get("etag", ""))


def _issue(found: _Issue) -> Issue:
    created = read_time(found.created_at)
    merged_at = found.pull_request.merged_at if found.pull_request else None
    events: list[IssueEvent] = []
    if merged_at:
        events.append(IssueEvent(EventKind.MERGED, read_time(merged_at)))
    elif found.closed_at and found.state == "closed":
        events.append(IssueEvent(EventKind.CLOSED, read_time(found.closed_at)))
    return Issue(
        id=str(found.number),
        kind=IssueKind.CHANGE if found.pull_request else IssueKind.ISSUE,
        title=found.title,
        body=found.body or "",
        author=found.user.login if found.user else "",
        created=created,
        is_open=found.state == "open",
        labels=tuple(label if isinstance(label, str) else label.name for label in found.labels),
        url=found.html_url,
        events=tuple(events),
    )


def _comment(found: _Comment) -> Addition:
    """A comment; its id is its own among comments and remarks of reviews alike."""
    is_review = bool(found.pull_request_url)
    number = (found.pull_request_url or found.issue_url).rpartition("/")[2]
    comment = IssueComment(
        author=found.user.login if found.user else "",
        time=read_time(found.created_at),
        body=found.body or "",
        path=found.path,
        id=f"{'review-' if is_review else ''}{found.id}",
    )
    return Addition(number, comments=(comment,))


def _happened(found: _Event) -> Addition:
    time, commit = read_time(found.created_at), found.commit_id or ""
    number = str(found.issue.number) if found.issue else ""
    kind = _EVENTS.get(found.event)
    links: list[IssueLink] = []
    if commit and found.event in ("closed", "referenced"):
        link = LinkKind.FIXED_BY if found.event == "closed" else LinkKind.MENTIONS
        links.append(IssueLink(link, commit, time))
    if kind is None:
        return Addition(number, links=tuple(links))
    value = commit
    if kind in (EventKind.LABELLED, EventKind.UNLABELLED):
        value = found.label.name if found.label else ""
    elif kind is EventKind.RENAMED:
        value = found.rename.before if found.rename else ""
    return Addition(number, events=(IssueEvent(kind, time, value),), links=tuple(links))
