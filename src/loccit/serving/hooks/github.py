"""What GitHub sends: https://docs.github.com/en/webhooks/webhook-events-and-payloads"""

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

_ACTIONS = {"opened", "edited", "reopened", "closed"}
_REASONS = {"completed", "not_planned", "duplicate"}
_WRITERS = {"OWNER", "MEMBER", "COLLABORATOR"}


class _User(BaseModel):
    login: str
    type: str = ""


class _Label(BaseModel):
    name: str


class _Repository(BaseModel):
    full_name: str
    html_url: str = ""
    default_branch: str = ""
    pushed_at: int | str | None = None


class _Issue(BaseModel):
    number: int
    title: str
    body: str | None = None
    user: _User | None = None
    state: str = "open"
    state_reason: str | None = None
    created_at: str
    updated_at: str
    labels: list[_Label] = []
    html_url: str = ""
    pull_request: dict[str, Any] | None = None


class _Comment(BaseModel):
    id: int
    body: str | None = None
    user: _User | None = None
    author_association: str = ""
    updated_at: str


class _Branch(BaseModel):
    ref: str


class _Change(BaseModel):
    number: int
    title: str
    body: str | None = None
    merged: bool = False
    base: _Branch
    updated_at: str


class _Commit(BaseModel):
    id: str
    message: str = ""
    added: list[str] = []
    removed: list[str] = []
    modified: list[str] = []


class _Issues(BaseModel):
    action: str
    issue: _Issue


class _Comments(BaseModel):
    action: str
    issue: _Issue
    comment: _Comment


class _Changes(BaseModel):
    action: str
    pull_request: _Change


class _Push(BaseModel):
    ref: str
    commits: list[_Commit] = []


class _Any(BaseModel):
    repository: _Repository | None = None


def read(name: str, document: dict[str, Any]) -> Told | None:
    """What the delivery tells of, `name` being that of its event; None where it is nothing that matters here.

    Raises InputError for a payload that is not as GitHub's are.
    """
    repository = read_payload(_Any, document).repository
    if repository is None:
        return None
    event, at = _event(name, document, repository)
    host = urlsplit(repository.html_url).netloc.lower()
    return Told(host=host, project=repository.full_name, event=event, at=at)


def _event(
    name: str, document: dict[str, Any], repository: _Repository
) -> tuple[IssueTold | CommentTold | ChangeMerged | Pushed | None, float | None]:
    if name == "issues":
        told = read_payload(_Issues, document)
        if told.action not in _ACTIONS or told.issue.pull_request is not None:
            return None, None
        reason = told.issue.state_reason if told.action == "closed" else ""
        return IssueTold.model_validate(
            {
                "action": told.action,
                "issue": _issue(told.issue),
                "reason": reason if reason in _REASONS else "",
            }
        ), moment(told.issue.updated_at)
    if name == "issue_comment":
        said = read_payload(_Comments, document)
        if said.action != "created" or said.issue.pull_request is not None:
            return None, None
        return _comment(said), moment(said.comment.updated_at)
    if name == "pull_request":
        change = read_payload(_Changes, document)
        request = change.pull_request
        if change.action != "closed" or not request.merged or request.base.ref != repository.default_branch:
            return None, None
        merged = ChangeMerged(id=str(request.number), title=kept(request.title), body=kept(request.body))
        return merged, moment(request.updated_at)
    if name == "push":
        push = read_payload(_Push, document)
        if branch_of(push.ref) != repository.default_branch or not push.commits:
            return None, None
        return Pushed(commits=tuple(map(_commit, push.commits))), moment(repository.pushed_at)
    return None, None


def _issue(issue: _Issue) -> ToldIssue:
    return ToldIssue(
        id=str(issue.number),
        title=kept(issue.title),
        body=kept(issue.body)[:MOST_TEXT_CHARS],
        author=kept(issue.user.login) if issue.user else "",
        created=int(moment(issue.created_at) or 0),
        is_open=issue.state == "open",
        labels=tuple(kept(label.name) for label in issue.labels),
        url=kept(issue.html_url),
        seen_at=moment(issue.updated_at) or 0.0,
    )


def _comment(told: _Comments) -> CommentTold:
    comment = told.comment
    is_person = comment.user is not None and comment.user.type != "Bot"
    may_be = is_person and comment.author_association in _WRITERS
    login = comment.user.login if comment.user is not None else ""
    return CommentTold(
        issue=_issue(told.issue),
        comment=str(comment.id),
        author=kept(login),
        user=kept(login) if may_be else None,
        body=kept(comment.body)[:MOST_TEXT_CHARS],
    )


def _commit(commit: _Commit) -> PushedCommit:
    files = dict.fromkeys((*commit.modified, *commit.removed, *commit.added))
    return PushedCommit(id=commit.id, message=kept(commit.message), files=tuple(map(kept, files)))
