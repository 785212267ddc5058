"""GitLab's REST interface, version 4, for notes, reactions and labels."""

from __future__ import annotations

from urllib.parse import quote

from pydantic import BaseModel

from loccit.core.errors import TrackerRefused
from loccit.sources.issues.api import Api, ApiAnswer, Token
from loccit.sources.issues.locations import TrackerLocation
from loccit.sources.issues.paging import not_there
from loccit.sources.issues.reading import read_entry
from loccit.sources.issues.writing import OwnComment, Reaction
from loccit.sources.options import SourceOptions

_REACTIONS = {Reaction.DONE: "thumbsup", Reaction.CONFUSED: "confused"}
_OLDEST = {"sort": "asc", "order_by": "created_at", "per_page": "100"}


class _User(BaseModel):
    id: int


class _Note(BaseModel):
    id: int
    body: str = ""
    author: _User | None = None


class GitLabWriter:
    """The issues of one project of GitLab; see `TrackerWriter`."""

    def __init__(self, location: TrackerLocation, *, token: Token, options: SourceOptions) -> None:
        self._root = f"projects/{quote(location.name, safe='')}"
        self._api = Api(location.api, token=token, headers={"Accept": "application/json"}, options=options)
        self._user: int | None = None

    def own_comment(self, issue: str, marker: str) -> OwnComment | None:
        """See `TrackerWriter`."""
        answer = self._api.get(f"{self._root}/issues/{issue}/notes", _OLDEST)
        while True:
            if answer.status != 200:
                raise not_there(answer)
            for entry in answer.items():
                found = read_entry(_Note, entry)
                if marker in found.body and found.author is not None and found.author.id == self._own_id():
                    return OwnComment(str(found.id), found.body)
            if answer.next_url is None:
                return None
            answer = self._api.get(answer.next_url)

    def post(self, issue: str, body: str) -> OwnComment:
        """See `TrackerWriter`."""
        return _own(self._api.change("POST", f"{self._root}/issues/{issue}/notes", {"body": body}))

    def edit(self, issue: str, comment: str, body: str) -> OwnComment | None:
        """See `TrackerWriter`."""
        path = f"{self._root}/issues/{issue}/notes/{comment}"
        answer = self._api.change("PUT", path, {"body": body})
        return None if answer.status in (404, 410) else _own(answer)

    def react(self, issue: str, comment: str, reaction: Reaction) -> None:
        """See `TrackerWriter`."""
        path = f"{self._root}/issues/{issue}/notes/{comment}/award_emoji"
        answer = self._api.change("POST", path, {"name": _REACTIONS[reaction]})
        # One that is there already is answered as if the note were not.
        if answer.status != 404:
            _done(answer)

    def add_labels(self, issue: str, labels: tuple[str, ...]) -> None:
        """See `TrackerWriter`."""
        path = f"{self._root}/issues/{issue}"
        _done(self._api.change("PUT", path, {"add_labels": ",".join(labels)}))

    def close(self) -> None:
        """End the connection."""
        self._api.close()

    def _own_id(self) -> int:
        if self._user is None:
            answer = self._api.get("user")
            if answer.status != 200:
                raise not_there(answer)
            self._user = read_entry(_User, answer.document).id
        return self._user


def _own(answer: ApiAnswer) -> OwnComment:
    _done(answer)
    found = read_entry(_Note, answer.document)
    return OwnComment(str(found.id), found.body)


def _done(answer: ApiAnswer) -> None:
    if answer.status not in (200, 201, 204):
        raise TrackerRefused(
            f"{answer.url!r} answers with status {answer.status}",
            next_step="check that the issue is there, is not locked, and that the token may write to issues",
        )
