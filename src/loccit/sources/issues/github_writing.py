"""GitHub's REST interface, for comments, reactions and labels."""

from __future__ import annotations

from pydantic import BaseModel

from loccit.core.errors import TrackerRefused
from loccit.sources.issues.api import Api, ApiAnswer, Token
from loccit.sources.issues.github import HEADERS
from loccit.sources.issues.locations import TrackerLocation
from loccit.sources.issues.paging import not_there
from loccit.sources.issues.reading import read_entry
from loccit.sources.issues.writing import OwnComment, Reaction
from loccit.sources.options import SourceOptions

_REACTIONS = {Reaction.DONE: "+1", Reaction.CONFUSED: "confused"}


class _User(BaseModel):
    login: str
    type: str = ""


class _Comment(BaseModel):
    id: int
    body: str | None = None
    user: _User | None = None


class GitHubWriter:
    """The issues of one repository of GitHub, or of a GitHub Enterprise server; see `TrackerWriter`."""

    def __init__(self, location: TrackerLocation, *, token: Token, options: SourceOptions) -> None:
        self._root = f"repos/{location.name}"
        self._api = Api(location.api, token=token, headers=HEADERS, options=options)
        self._login: str | None = None

    def own_comment(self, issue: str, marker: str) -> OwnComment | None:
        """See `TrackerWriter`."""
        answer = self._api.get(f"{self._root}/issues/{issue}/comments", {"per_page": "100"})
        while True:
            if answer.status != 200:
                raise not_there(answer)
            for entry in answer.items():
                found = read_entry(_Comment, entry)
                if marker in (found.body or "") and self._is_ours(found):
                    return OwnComment(str(found.id), found.body or "")
            if answer.next_url is None:
                return None
            answer = self._api.get(answer.next_url)

    def post(self, issue: str, body: str) -> OwnComment:
        """See `TrackerWriter`."""
        answer = self._api.change("POST", f"{self._root}/issues/{issue}/comments", {"body": body})
        return _own(answer)

    def edit(self, issue: str, comment: str, body: str) -> OwnComment | None:
        """See `TrackerWriter`."""
        answer = self._api.change("PATCH", f"{self._root}/issues/comments/{comment}", {"body": body})
        return None if answer.status in (404, 410) else _own(answer)

    def react(self, issue: str, comment: str, reaction: Reaction) -> None:
        """See `TrackerWriter`."""
        path = f"{self._root}/issues/comments/{comment}/reactions"
        _done(self._api.change("POST", path, {"content": _REACTIONS[reaction]}))

    def add_labels(self, issue: str, labels: tuple[str, ...]) -> None:
        """See `TrackerWriter`."""
        _done(self._api.change("POST", f"{self._root}/issues/{issue}/labels", {"labels": list(labels)}))

    def close(self) -> None:
        """End the connection."""
        self._api.close()

    def _is_ours(self, comment: _Comment) -> bool:
        """Whether the token's own account wrote it. The token of an app or of an Action may not ask who it
        is: its account is a bot, which no stranger's is.
        """
        if comment.user is None:
            return False
        if self._login is None:
            self._login = self._own_login()
        return comment.user.login == self._login if self._login else comment.user.type == "Bot"

    def _own_login(self) -> str:
        try:
            answer = self._api.get("user")
        except TrackerRefused as refused:
            if refused.retry_at is not None:
                raise
            return ""
        return read_entry(_User, answer.document).login if answer.status == 200 else ""


def _own(answer: ApiAnswer) -> OwnComment:
    _done(answer)
    found = read_entry(_Comment, answer.document)
    return OwnComment(str(found.id), found.body or "")


def _done(answer: ApiAnswer) -> None:
    if answer.status not in (200, 201, 204):
        raise TrackerRefused(
            f"{answer.url!r} answers with status {answer.status}",
            next_step="check that the issue is there, is not locked, and that the token may write to issues",
        )
