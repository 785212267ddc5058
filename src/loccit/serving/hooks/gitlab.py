"""What GitLab sends: https://docs.gitlab.com/user/project/integrations/webhook_events/"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel

from loccit.serving.hooks.events import (
    MOST_TEXT_CHARS,
    ChangeMerged,
    CommentTold,
    IssueTold,
    Pushed,
    PushedCommit,
    ToldIssue,
)
from loccit.serving.hooks.payloads import Told, branch_of, kept, moment, read_payload

_ACTIONS = {"open": "opened", "update": "edited", "reopen": "reopened", "close": "closed"}


class _Project(BaseModel):
    path_with_namespace: str
    web_url: str = ""
    default_branch: str | None = None


class _User(BaseModel):
    id: int
    username: str = ""


class _Label(BaseModel):
    title: str


class _Issue(BaseModel):
    iid: int
    title: str
    description: str | None = None
    state: str = "opened"
    action: str = ""
    created_at: str
    updated_at: str
    labels: list[_Label] = []
    url: str = ""
    confidential: bool = False


class _Note(BaseModel):
    id: int
    note: str = ""
    noteable_type: str = ""
    system: bool = False
    internal: bool = False
    confidential: bool = False
    action: str = "create"


class _Request(BaseModel):
    iid: int
    title: str
    description: str | None = None
    action: str = ""
    target_branch: str = ""


class _Commit(BaseModel):
    id: str
    message: str = ""
    added: list[str] = []
    modified: list[str] = []
    removed: list[str] = []


class _Issues(BaseModel):
    object_attributes: _Issue
    user: _User | None = None


class _Notes(BaseModel):
    object_attributes: _Note
    issue: _Issue
    user: _User


class _Noted(BaseModel):
    object_attributes: _Note


class _Requests(BaseModel):
    object_attributes: _Request


class _Push(BaseModel):
    ref: str
    commits: list[_Commit] = []


class _Any(BaseModel):
    object_kind: str = ""
    project: _Project | None = None


def read(document: dict[str, Any]) -> Told | None:
    """What the delivery tells of; None where it is nothing that matters here. What is confidential is not
    read. Raises InputError for a payload that is not as GitLab's are.
    """
    told = read_payload(_Any, document)
    if told.project is None:
        return None
    host = urlsplit(told.project.web_url).netloc.lower()
    event = _event(told.object_kind, document, told.project)
    # No payload of GitLab's says when it was made, alike for all kinds; what is signed bears a time beside
    # it.
    return Told(host=host, project=told.project.path_with_namespace, event=event, at=None)


def _event(
    kind: str, document: dict[str, Any], project: _Project
) -> IssueTold | CommentTold | ChangeMerged | Pushed | None:
    if kind == "issue":
        told = read_payload(_Issues, document)
        issue = told.object_attributes
        if issue.action not in _ACTIONS or issue.confidential:
            return None
        author = told.user.username if told.user and issue.action == "open" else ""
        return IssueTold.model_validate({"action": _ACTIONS[issue.action], "issue": _issue(issue, author)})
    if kind == "note":
        # A comment on a commit or a snippet comes without an issue.
        note = read_payload(_Noted, document).object_attributes
        is_open = not (note.internal or note.confidential)
        is_plain = not note.system and is_open and note.action == "create"
        if note.noteable_type != "Issue" or not is_plain:
            return None
        said = read_payload(_Notes, document)
        return None if said.issue.confidential else _comment(said)
    if kind == "merge_request":
        request = read_payload(_Requests, document).object_attributes
        if request.action != "merge" or request.target_branch != project.default_branch:
            return None
        return ChangeMerged(id=f"!{request.iid}", title=kept(request.title), body=kept(request.description))
    if kind == "push":
        push = read_payload(_Push, document)
        if branch_of(push.ref) != project.default_branch or not push.commits:
            return None
        return Pushed(commits=tuple(map(_commit, push.commits)))
    return None


def _issue(issue: _Issue, author: str) -> ToldIssue:
    return ToldIssue(
        id=str(issue.iid),
        title=kept(issue.title),
        body=kept(issue.description)[:MOST_TEXT_CHARS],
        author=kept(author),
        created=int(moment(issue.created_at) or 0),
        is_open=issue.state != "closed",
        labels=tuple(kept(label.title) for label in issue.labels),
        url=kept(issue.url),
        seen_at=moment(issue.updated_at) or 0.0,
    )


def _comment(told: _Notes) -> CommentTold:
    note = told.object_attributes
    return CommentTold(
        issue=_issue(told.issue, ""),
        comment=str(note.id),
        author=kept(told.user.username),
        user=str(told.user.id),
        body=kept(note.note)[:MOST_TEXT_CHARS],
    )


def _commit(commit: _Commit) -> PushedCommit:
    files = dict.fromkeys((*commit.modified, *commit.removed, *commit.added))
    return PushedCommit(id=commit.id, message=kept(commit.message), files=tuple(map(kept, files)))
