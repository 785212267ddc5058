"""What a tracker says of fixes, and of who may decide: which files a change changed, what closed an issue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

from pydantic import BaseModel

from loccit.core.errors import InputError
from loccit.sources.issues.api import Api, Token
from loccit.sources.issues.github import HEADERS
from loccit.sources.issues.locations import TrackerKind, TrackerLocation
from loccit.sources.issues.paging import not_there
from loccit.sources.issues.reading import read_entry
from loccit.sources.options import SourceOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_FILES = 3_000
_GITHUB_WRITERS = frozenset({"admin", "maintain", "write"})
_GITLAB_DEVELOPER = 30


@dataclass(frozen=True, slots=True)
class Fix:
    """What fixed an issue: a change's id as `Issue.id` has it, or a commit's; and the paths it changed, by
    their old name where it renamed them.
    """

    id: str
    files: tuple[str, ...]


class FixFinder(Protocol):
    """What can be asked about fixes and people with a token that only reads.

    All raise TrackerUnreachable, TrackerRefused.
    """

    def change(self, change_id: str) -> Fix:
        """What a merged change changed."""
        ...

    def fix_of(self, issue: str) -> Fix | None:
        """What closed an issue, where the tracker knows."""
        ...

    def may_write(self, user: str) -> bool:
        """Whether somebody may write to the repository: GitHub's login, GitLab's number of the user."""
        ...

    def close(self) -> None:
        """End the connection."""
        ...


def open_fixes(
    location: TrackerLocation, *, token: Token | None, options: SourceOptions | None = None
) -> FixFinder:
    """The fixes of the tracker at a location. Raises InputError for one that is a file, UnsafeSource."""
    chosen = options or SourceOptions()
    if location.kind is TrackerKind.GITHUB:
        return GitHubFixes(location, token=token, options=chosen)
    if location.kind is TrackerKind.GITLAB:
        return GitLabFixes(location, token=token, options=chosen)
    raise InputError(
        f"{location.source!r} knows no fixes", next_step="write github:owner/name or gitlab:group/name"
    )


class _File(BaseModel):
    filename: str
    previous_filename: str | None = None


class _Commit(BaseModel):
    files: list[_File] = []


class _Event(BaseModel):
    event: str = ""
    commit_id: str | None = None


class _Permission(BaseModel):
    permission: str
    role_name: str = ""


class GitHubFixes:
    """Of one repository of GitHub, or of a GitHub Enterprise server; see `FixFinder`."""

    def __init__(self, location: TrackerLocation, *, token: Token | None, options: SourceOptions) -> None:
        self._root = f"repos/{location.name}"
        self._api = Api(location.api, token=token, headers=HEADERS, options=options)

    def change(self, change_id: str) -> Fix:
        """See `FixFinder`."""
        entries = _all(self._api, f"{self._root}/pulls/{change_id}/files")
        files = (read_entry(_File, entry) for entry in entries)
        return Fix(change_id, _paths(file.previous_filename or file.filename for file in files))

    def fix_of(self, issue: str) -> Fix | None:
        """See `FixFinder`."""
        events = [
            read_entry(_Event, entry) for entry in _all(self._api, f"{self._root}/issues/{issue}/events")
        ]
        closed = [event.commit_id for event in events if event.event == "closed"]
        if not closed or not closed[-1]:
            return None
        answer = self._api.get(f"{self._root}/commits/{closed[-1]}")
        if answer.status != 200:
            return None  # one of a fork that was never merged here
        files = read_entry(_Commit, answer.document).files
        return Fix(closed[-1], _paths(file.previous_filename or file.filename for file in files))

    def may_write(self, user: str) -> bool:
        """See `FixFinder`."""
        answer = self._api.get(f"{self._root}/collaborators/{quote(user, safe='')}/permission")
        if answer.status == 404:
            return False
        if answer.status != 200:
            raise not_there(answer)
        found = read_entry(_Permission, answer.document)
        return found.permission in _GITHUB_WRITERS or found.role_name in _GITHUB_WRITERS

    def close(self) -> None:
        """End the connection."""
        self._api.close()


class _Diff(BaseModel):
    old_path: str
    new_path: str


class _Request(BaseModel):
    iid: int
    state: str = ""


class _Member(BaseModel):
    access_level: int
    state: str = "active"


class GitLabFixes:
    """Of one project of GitLab; see `FixFinder`."""

    def __init__(self, location: TrackerLocation, *, token: Token | None, options: SourceOptions) -> None:
        self._root = f"projects/{quote(location.name, safe='')}"
        self._api = Api(location.api, token=token, headers={"Accept": "application/json"}, options=options)

    def change(self, change_id: str) -> Fix:
        """See `FixFinder`."""
        entries = _all(self._api, f"{self._root}/merge_requests/{change_id.lstrip('!')}/diffs")
        return Fix(change_id, _paths(read_entry(_Diff, entry).old_path for entry in entries))

    def fix_of(self, issue: str) -> Fix | None:
        """See `FixFinder`."""
        requests = [
            read_entry(_Request, entry) for entry in _all(self._api, f"{self._root}/issues/{issue}/closed_by")
        ]
        merged = [request.iid for request in requests if request.state == "merged"]
        return self.change(f"!{merged[-1]}") if merged else None

    def may_write(self, user: str) -> bool:
        """See `FixFinder`."""
        answer = self._api.get(f"{self._root}/members/all/{quote(user, safe='')}")
        if answer.status == 404:
            return False
        if answer.status != 200:
            raise not_there(answer)
        found = read_entry(_Member, answer.document)
        return found.state == "active" and found.access_level >= _GITLAB_DEVELOPER

    def close(self) -> None:
        """End the connection."""
        self._api.close()


def _all(api: Api, path: str) -> Iterator[dict[str, Any]]:
    """The entries of every page, `MOST_FILES` at most."""
    answer = api.get(path, {"per_page": "100"})
    given = 0
    while True:
        if answer.status != 200:
            raise not_there(answer)
        for entry in answer.items():
            yield entry
            given += 1
            if given >= MOST_FILES:
                return
        if answer.next_url is None:
            return
        answer = api.get(answer.next_url)


def _paths(paths: Iterator[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(paths))
