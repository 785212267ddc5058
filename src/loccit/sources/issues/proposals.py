"""Proposing a branch: a pull request at GitHub, a merge request at GitLab. One per branch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote

from pydantic import BaseModel

from loccit.core.errors import InputError, TrackerRefused
from loccit.sources.issues.api import Api, ApiAnswer
from loccit.sources.issues.github import HEADERS
from loccit.sources.issues.locations import TrackerKind, TrackerLocation
from loccit.sources.issues.paging import not_there
from loccit.sources.issues.reading import read_entry
from loccit.sources.options import SourceOptions

if TYPE_CHECKING:
    from loccit.sources.issues.api import Token


@dataclass(frozen=True, slots=True)
class Proposal:
    """A pull or merge request: its number as the tracker writes it, and its address."""

    number: str
    url: str


class Proposals(Protocol):
    """What may be proposed to one repository.

    All raise TrackerRefused, and TrackerUnreachable where it is not known whether something was done.
    """

    def default_branch(self) -> str:
        """The branch that changes are proposed for where nobody names one."""
        ...

    def of_branch(self, branch: str) -> Proposal | None:
        """The one that proposes a branch of the repository itself, open or not; None where there is none."""
        ...

    def open(self, branch: str, base: str, title: str, body: str, *, draft: bool) -> Proposal:
        """A new one."""
        ...

    def close(self) -> None:
        """End the connection."""
        ...


def open_proposals(
    location: TrackerLocation, *, token: Token, options: SourceOptions | None = None
) -> Proposals:
    """What proposes changes to the repository at a location. Raises InputError for one that takes none."""
    chosen = options or SourceOptions()
    if location.kind is TrackerKind.GITHUB:
        return GitHubProposals(location, token=token, options=chosen)
    if location.kind is TrackerKind.GITLAB:
        return GitLabProposals(location, token=token, options=chosen)
    raise InputError(
        f"{location.source!r} takes no pull requests", next_step="a repository at GitHub or GitLab is needed"
    )


class _Repository(BaseModel):
    default_branch: str


class _Pull(BaseModel):
    number: int
    html_url: str


class _Merge(BaseModel):
    iid: int
    web_url: str


class GitHubProposals:
    """Pull requests of one repository of GitHub; see `Proposals`."""

    def __init__(self, location: TrackerLocation, *, token: Token, options: SourceOptions) -> None:
        self._root = f"repos/{location.name}"
        self._owner = location.name.partition("/")[0]
        self._api = Api(location.api, token=token, headers=HEADERS, options=options)

    def default_branch(self) -> str:
        """See `Proposals`."""
        return read_entry(_Repository, _there(self._api.get(self._root)).document).default_branch

    def of_branch(self, branch: str) -> Proposal | None:
        """See `Proposals`."""
        asked = {"head": f"{self._owner}:{branch}", "state": "all"}
        found = _there(self._api.get(f"{self._root}/pulls", asked)).items()
        return _pull(read_entry(_Pull, found[0])) if found else None

    def open(self, branch: str, base: str, title: str, body: str, *, draft: bool) -> Proposal:
        """See `Proposals`."""
        document = {"head": branch, "base": base, "title": title, "body": body, "draft": draft}
        answer = _made(self._api.change("POST", f"{self._root}/pulls", document))
        return _pull(read_entry(_Pull, answer.document))

    def close(self) -> None:
        """End the connection."""
        self._api.close()


class GitLabProposals:
    """Merge requests of one project of GitLab; see `Proposals`."""

    def __init__(self, location: TrackerLocation, *, token: Token, options: SourceOptions) -> None:
        self._root = f"projects/{quote(location.name, safe='')}"
        self._api = Api(location.api, token=token, headers={"Accept": "application/json"}, options=options)

    def default_branch(self) -> str:
        """See `Proposals`."""
        return read_entry(_Repository, _there(self._api.get(self._root)).document).default_branch

    def of_branch(self, branch: str) -> Proposal | None:
        """See `Proposals`."""
        answer = self._api.get(f"{self._root}/merge_requests", {"source_branch": branch, "state": "all"})
        found = _there(answer).items()
        return _merge(read_entry(_Merge, found[0])) if found else None

    def open(self, branch: str, base: str, title: str, body: str, *, draft: bool) -> Proposal:
        """See `Proposals`."""
        document = {
            "source_branch": branch,
            "target_branch": base,
            "title": f"Draft: {title}" if draft else title,
            "description": body,
        }
        answer = _made(self._api.change("POST", f"{self._root}/merge_requests", document))
        return _merge(read_entry(_Merge, answer.document))

    def close(self) -> None:
        """End the connection."""
        self._api.close()


def _pull(found: _Pull) -> Proposal:
    return Proposal(f"#{found.number}", found.html_url)


def _merge(found: _Merge) -> Proposal:
    return Proposal(f"!{found.iid}", found.web_url)


def _there(answer: ApiAnswer) -> ApiAnswer:
    if answer.status != 200:
        raise not_there(answer)
    return answer


def _made(answer: ApiAnswer) -> ApiAnswer:
    if answer.status != 201:
        raise TrackerRefused(
            f"{answer.url!r} answers with status {answer.status}",
            next_step="check that the branch was pushed, and that the token may open pull requests",
        )
    return answer
