"""Pushing one new branch: never over one that is there, with none of the user's hooks."""

from __future__ import annotations

import base64
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loccit.core.errors import Conflict, FetchFailed, InputError, OutcomeUnknown, UnsafeSource
from loccit.sources.git import GitView, complaint, environment_without_git
from loccit.sources.locations import RemoteUrl, parse_location
from loccit.sources.options import SourceOptions
from loccit.sources.user_config import as_environment, user_settings

if TYPE_CHECKING:
    from loccit.sources.issues.api import Token

_TRANSPORTS = {"https": "https", "http": "http:https", "ssh": "ssh", "file": "file"}
_TIMEOUT_S = 300.0
_LISTED = re.compile(r"^([0-9a-f]{40,64})\trefs/heads/(.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class PushTarget:
    """Where a branch goes. `token` is shown to that host alone, and stands in no command line."""

    url: str
    token: Token | None
    options: SourceOptions

    def branch_at(self, view: GitView, branch: str) -> str | None:
        """The commit that a branch is at there, None where there is none. Raises FetchFailed."""
        said = self._run(view, "ls-remote", "--heads", "--", self.url, f"refs/heads/{branch}")
        if said.returncode:
            raise FetchFailed(
                f"cannot ask {self._shown()} for its branches: {_reason(said.stderr)}",
                next_step="check the address, and that you may read it",
            )
        listed = {name: commit for commit, name in _LISTED.findall(said.stdout.decode("utf-8", "replace"))}
        return listed.get(branch)

    def push(self, view: GitView, commit: str, branch: str) -> None:
        """Make a branch there that is at `commit`. Doing it twice is doing it once.

        Raises Conflict where the branch is there and at another commit, FetchFailed where it is refused,
        OutcomeUnknown where nobody can tell whether it was done.
        """
        # An expected value that is empty: the branch must not be there.
        lease = f"--force-with-lease=refs/heads/{branch}:"
        target = f"{commit}:refs/heads/{branch}"
        said = self._run(view, "push", "--porcelain", "--no-verify", lease, "--", self.url, target)
        if said.returncode == 0:
            return
        there = self._there(view, branch, said.stderr)
        if there == commit:
            return
        if there is not None:
            raise Conflict(
                f"the branch {branch!r} is there already, at {there[:12]}", next_step="begin another run"
            )
        raise FetchFailed(
            f"cannot push to {self._shown()}: {_reason(said.stderr)}",
            next_step="check that the token, or your git credentials, may push there",
        )

    def _there(self, view: GitView, branch: str, stderr: bytes) -> str | None:
        try:
            return self.branch_at(view, branch)
        except FetchFailed as error:
            raise OutcomeUnknown(
                f"pushing {branch!r} to {self._shown()} failed ({_reason(stderr)}), and it does not answer"
            ) from error

    def _run(self, view: GitView, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        place = parse_location(self.url, self.options)
        if not isinstance(place, RemoteUrl):
            raise InputError(f"{self.url!r} is no URL to push to", next_step="expected https:// or ssh://")
        settings = [] if place.scheme == "file" else user_settings(view.git_dir)
        # A redirection would take the token, or the branch, to somebody else.
        settings += [("http.followRedirects", "false"), *self._authorisation(place)]
        environment = environment_without_git() | view.environment() | as_environment(settings)
        environment |= {"GIT_ALLOW_PROTOCOL": _TRANSPORTS[place.scheme], "GIT_TERMINAL_PROMPT": "0"}
        try:
            return subprocess.run(
                ["git", "-c", "protocol.allow=user", *arguments],
                env=environment,
                cwd=view.git_dir,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                timeout=_TIMEOUT_S,
                start_new_session=True,
            )
        except subprocess.TimeoutExpired as error:
            raise OutcomeUnknown(f"{self._shown()} did not answer in {_TIMEOUT_S:g} seconds") from error

    def _authorisation(self, place: RemoteUrl) -> Sequence[tuple[str, str]]:
        if self.token is None or place.scheme not in {"https", "http"}:
            return ()
        if place.scheme == "http" and place.host not in {"127.0.0.1", "localhost", "::1"}:
            raise UnsafeSource(f"{self._shown()} is unencrypted: the token could be read on the way")
        secret = base64.b64encode(f"x-access-token:{self.token.reveal()}".encode()).decode("ascii")
        return [(f"http.{self.url}.extraHeader", f"Authorization: Basic {secret}")]

    def _shown(self) -> str:
        return repr(re.sub(r"://[^@/\s']*@", "://", self.url))


def _reason(stderr: bytes) -> str:
    return re.sub(r"://[^@/\s']*@", "://", complaint(stderr))
