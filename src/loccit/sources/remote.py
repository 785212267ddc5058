"""Fetching a URL into a bare mirror of ours.

A fetch that dies at any moment leaves the mirror as it was: git writes objects first, then all refs at once.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, cast

from loccit.core.errors import (
    FetchFailed,
    LoccitError,
    NotARepository,
    SettingsError,
    SourceUnreadable,
    StorageFailed,
)
from loccit.core.progress import Progress, silent
from loccit.sources.addresses import Guard
from loccit.sources.git import GitView, environment_without_git, git_version, quoted_folder
from loccit.sources.git_config import read_config
from loccit.sources.home_files import make_folder, replace_file, write_if_different, writing_home
from loccit.sources.layout import GitLayout, check_objects, find_layout
from loccit.sources.locations import RemoteUrl
from loccit.sources.locking import holding_lock
from loccit.sources.names import key_of
from loccit.sources.options import SourceOptions
from loccit.sources.user_config import as_environment, user_settings
from loccit.sources.view import prepare_git_dir, prepare_local

_SAFE = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}
_TRANSPORTS = {"https": "https:ssh", "http": "http:https:ssh", "ssh": "ssh:https", "file": "file"}
_REFSPECS = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
_FETCH = [
    "fetch",
    "--prune",
    "--force",
    "--no-tags",
    "--update-shallow",
    "--no-recurse-submodules",
    "--no-auto-maintenance",
    "--no-write-fetch-head",
    "--progress",
]
# Since then there is http.curloptResolve.
_PINS_SINCE = (2, 37)
_PROGRESS = re.compile(rb"(?:remote: )?(?P<stage>[A-Z][a-z]+ [a-z]+): +\d+% \((?P<done>\d+)/(?P<total>\d+)\)")
_SYMBOLIC_HEAD = re.compile(r"^ref: (refs/heads/[^\s]+)\tHEAD$", re.MULTILINE)
_ID = re.compile(r"^([0-9a-f]{40,64})\tHEAD$", re.MULTILINE)
_MOST_SAID_BYTES = 64_000


class RemoteOrigin:
    """A repository behind a URL, read from a mirror. Nothing is fetched before `refresh`."""

    is_sparse = False

    def __init__(
        self, place: RemoteUrl, *, home: Path, options: SourceOptions, guard: Guard | None = None
    ) -> None:
        """`guard` says whom a fetch may reach; without one everybody."""
        self._place = place
        self._options = options
        self._guard = guard
        self.layout: GitLayout | None = None
        self.location = place.location
        self.key = key_of(place.canonical)
        self.name = place.name
        self._folder = home / "repositories" / self.key
        self._git_dir = self._folder / "git"
        self._fetched = self._folder / "fetched"
        if place.folder is not None:
            self._source(place.folder)

    def head(self) -> str | None:
        """Nothing: a mirror's HEAD is looked up by git."""
        return None

    def prepare(self) -> GitView:
        """The mirror as the last whole fetch left it. Raises SourceUnreadable when there was none."""
        if not self._fetched.exists():
            raise SourceUnreadable(
                f"{self.location!r} has not been fetched", next_step=f"run 'loccit index {self.location}'"
            )
        return GitView(str(self._git_dir), id_length=read_config(self._git_dir).id_length)

    def refresh(self, progress: Progress) -> GitView:
        """Fetches what is new. Raises FetchFailed, StorageFailed, SettingsError."""
        with holding_lock(self._folder / "fetch.lock") as lock:
            url = self._url()
            fetching = _Fetching(url, self._place, self._folder, lock, self._options, self._guard)
            progress("asking for refs", 0, 0, "refs")
            said = fetching.run(["ls-remote", "--symref", "--", url, "HEAD"], git_dir=os.devnull)
            found = _ID.search(said)
            prepare_git_dir(self._git_dir, id_length=len(found[1]) if found else self._known_id_length())
            _remove_leftovers(self._git_dir)
            self._fetch(fetching, url, progress)
            head = _SYMBOLIC_HEAD.search(said)
            if head or found:
                text = f"ref: {head[1]}\n" if head else f"{cast('re.Match[str]', found)[1]}\n"
                write_if_different(self._git_dir / "HEAD", text.encode("utf-8", "surrogateescape"))
            replace_file(self._fetched, b"")
        return self.prepare()

    def _fetch(self, fetching: _Fetching, url: str, progress: Progress) -> None:
        arguments = ["--", url, *_REFSPECS]
        try:
            fetching.run([*_FETCH, "--atomic", *arguments], git_dir=str(self._git_dir), progress=progress)
        except FetchFailed as error:
            # A branch `a` that gives way to `a/b` cannot be swapped in one step, but in two.
            if "cannot lock ref" not in error.message:
                raise
            fetching.run([*_FETCH, *arguments], git_dir=str(self._git_dir), progress=progress)

    def _known_id_length(self) -> int:
        return read_config(self._git_dir).id_length if self._git_dir.exists() else 40

    def _source(self, folder: Path) -> GitLayout:
        layout = find_layout(folder)
        if layout is None:
            raise NotARepository(
                f"{self.location!r} is not a git repository",
                next_step=f"for a plain folder, write {str(folder)!r}",
            )
        check_objects(layout, follow_alternates=self._options.follow_alternates)
        return layout

    def _url(self) -> str:
        """What git is told to fetch from.

        For file:// this is a view of ours of that repository: serving a fetch in the repository itself would
        load its configuration.
        """
        if self._place.folder is None:
            return self._place.url
        layout = self._source(self._place.folder)
        origin = self._folder / "origin"
        prepare_local(origin, layout, read_config(layout.common_dir))
        make_folder(origin / "objects" / "info")
        alternates = f"{quoted_folder(str(layout.objects))}\n"
        write_if_different(origin / "objects" / "info" / "alternates", os.fsencode(alternates))
        return origin.as_uri()


class _Fetching:
    """Runs the git commands of one fetch. `lock` stays held by a git that outlives us."""

    def __init__(
        self,
        url: str,
        place: RemoteUrl,
        folder: Path,
        lock: int,
        options: SourceOptions,
        guard: Guard | None,
    ) -> None:
        self._url = url
        self._folder = folder
        self._lock = lock
        self._options = options
        settings = [] if place.scheme == "file" else user_settings(str(folder))
        transports, environment = _TRANSPORTS[place.scheme], environment_without_git()
        if guard is not None and place.scheme != "file":
            settings.append(("http.followRedirects", "false"))
            if not guard.trusts(place.host):
                settings = [*filter(_is_harmless, settings), *_pinned(place, guard)]
                transports = place.scheme
                # Not even a password in ~/.netrc is for a host that the operator did not name.
                environment = {k: v for k, v in environment.items() if not k.lower().endswith("_proxy")}
                environment["HOME"] = str(folder)
        settings += [("http.lowSpeedLimit", "1000"), ("http.lowSpeedTime", str(options.fetch_stall_s))]
        ours = _SAFE | as_environment(settings) | {"GIT_ALLOW_PROTOCOL": transports}
        self._environment = environment | ours

    def run(self, arguments: Sequence[str], *, git_dir: str, progress: Progress = silent) -> str:
        """What git printed. Raises FetchFailed, StorageFailed."""
        process = subprocess.Popen(
            ["git", *arguments],
            env=self._environment | {"GIT_DIR": git_dir},
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=(self._lock,),
            # Its own session: no terminal to ask on, and all its children can be stopped with it.
            start_new_session=True,
        )
        is_late = threading.Event()

        def stop() -> None:
            is_late.set()
            _kill(process)

        timer = threading.Timer(self._options.fetch_timeout_s, stop)
        timer.start()
        try:
            complaints = _listen(cast("IO[bytes]", process.stderr), progress)
            printed = cast("IO[bytes]", process.stdout).read()
            code = process.wait()
        finally:
            timer.cancel()
            _kill(process)
            process.wait()
            for pipe in (process.stdout, process.stderr):
                cast("IO[bytes]", pipe).close()
        if is_late.is_set():
            limit = self._options.fetch_timeout_s
            raise FetchFailed(
                f"fetching {self._shown()} took longer than {limit:g} seconds",
                next_step="try again, or raise sources.fetch_timeout_s",
            )
        if code:
            raise self._failure(complaints.decode("utf-8", "replace"))
        return printed.decode("utf-8", "surrogateescape")

    def _failure(self, text: str) -> LoccitError:
        lines = [line for line in text.splitlines() if re.match(r"(fatal|error|ssh|remote|Host key)\b", line)]
        reason = _without_passwords("; ".join(lines[:3]) or text.strip()[-300:] or "git gave no reason")
        reason = "".join(character if character.isprintable() else "?" for character in reason)
        if "No space left on device" in text:
            return StorageFailed(
                f"the disk is full: {reason}",
                next_step="free some space, or choose another folder with LOCCIT_HOME",
            )
        return FetchFailed(f"cannot fetch {self._shown()}: {reason}", next_step=_advice(text))

    def _shown(self) -> str:
        return repr(_without_passwords(self._url))


def _pinned(place: RemoteUrl, guard: Guard) -> list[tuple[str, str]]:
    """The settings by which git connects to addresses that were checked, and to nothing else.

    Raises UnsafeSource, FetchFailed, SettingsError.
    """
    version = git_version(str(place.folder or "/"))
    if version < _PINS_SINCE:
        raise SettingsError(
            f"git {'.'.join(map(str, version))} connects wherever a name leads to",
            next_step="install git 2.37 or newer, or add the host to fetch_hosts in [serving]",
        )
    found = [f"[{one}]" if ":" in one else one for one in guard.addresses(place.host, place.port)]
    # A proxy would look the name up for itself.
    settings = [("http.proxy", "")]
    if place.host not in found:
        settings.append(("http.curloptResolve", f"{place.host}:{place.port}:{','.join(found)}"))
    return settings


def _is_harmless(setting: tuple[str, str]) -> bool:
    """Whether a setting says nothing about the operator to a host, and leads to no other one."""
    return (
        re.match(r"http\.(followredirects|(.+\.)?(sslca|sslbackend|schannel))", setting[0].lower())
        is not None
    )


def _listen(stderr: IO[bytes], progress: Progress) -> bytes:
    """Reads what git says to its end, reporting progress on the way; what is not progress is given back."""
    said = b""
    rest = b""
    while piece := os.read(stderr.fileno(), 1 << 16):
        *lines, rest = re.split(rb"[\r\n]", rest + piece)
        for line in lines:
            step = _PROGRESS.match(line)
            if step:
                progress(
                    step["stage"].decode("ascii").lower(), int(step["done"]), int(step["total"]), "objects"
                )
            else:
                said = (said + line + b"\n")[-_MOST_SAID_BYTES:]
    return said + rest


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Ends the process and all that it started."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _remove_leftovers(git_dir: Path) -> None:
    """Takes away the locks and half packs of a fetch that was killed. The fetch lock must be held."""
    with writing_home(git_dir):
        for pattern in (
            "*.lock",
            "refs/**/*.lock",
            "objects/pack/tmp_*",
            "objects/pack/.tmp-*",
            "objects/??/tmp_obj_*",
        ):
            for left in git_dir.glob(pattern):
                left.unlink(missing_ok=True)


def _without_passwords(text: str) -> str:
    return re.sub(r"://[^@/\s']*@", "://", text)


def _advice(text: str) -> str:
    if re.search(
        r"could not read (Username|Password)|Authentication failed|Permission denied|returned error: 40[13]",
        text,
    ):
        return "for a private repository, set up a credential helper or an ssh key for git"
    if re.search(r"unable to update url base from redirection|The requested URL returned error: 30", text):
        return "the host redirects: write the address that it leads to (often it ends in .git)"
    if "Host key verification failed" in text:
        return "connect to the host once with ssh, to accept its key"
    if re.search(r"Could not resolve|unable to access|Connection (refused|timed out)|No route", text):
        return "check the address and the network"
    if re.search(r"not found|does not appear to be a git repository|does not exist", text):
        return "check the address"
    return "try 'git ls-remote' with the same address to see more"
