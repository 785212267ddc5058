"""Running git so that it reads objects and nothing else.

Every git process starts in a bare git directory of ours, with an environment that is made here: the
repository's own configuration, hooks and attributes, and the user's and the machine's, are never loaded.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from loccit.core.errors import SettingsError, SourceUnreadable

# What a git process needs from ours. Everything named GIT_* stays out, so does HOME: git would look for files
# there.
_INHERITED = ("PATH", "TMPDIR", "SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DEVELOPER_DIR")

# `protocol.allow` is `never` in the configuration that we write as well: reading needs no transport.
_SAFE = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ALLOW_PROTOCOL": "",
    "GIT_PAGER": "cat",
    "LC_ALL": "C",
}


def inherited_environment(names: Sequence[str] = ()) -> dict[str, str]:
    """The harmless part of our environment, and the variables in `names`."""
    return {name: os.environ[name] for name in (*_INHERITED, *names) if name in os.environ}


def environment_without_git() -> dict[str, str]:
    """All of our environment but what is git's own: credential helpers and ssh need much of it."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}


@dataclass(frozen=True, slots=True)
class GitView:
    """A bare git directory of ours, and the object folders of other repositories that it may read.

    `id_length` is the length of an object id in hex: 40 or 64. Cheap to send to another process.
    """

    git_dir: str
    object_folders: tuple[str, ...] = ()
    id_length: int = 40

    def pack_folders(self) -> tuple[str, ...]:
        """Where packs of objects are, if there are any."""
        return tuple(f"{folder}/pack" for folder in (f"{self.git_dir}/objects", *self.object_folders))

    def environment(self) -> dict[str, str]:
        """The whole environment of a git process that reads this view."""
        folders = ":".join(quoted_folder(folder) for folder in self.object_folders)
        alternates = {"GIT_ALTERNATE_OBJECT_DIRECTORIES": folders} if folders else {}
        return inherited_environment() | _SAFE | {"GIT_DIR": self.git_dir} | alternates

    def run(self, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """A finished git process, whatever its exit code. Raises SettingsError when git is not installed."""
        return run_git(arguments, environment=self.environment(), folder=self.git_dir, stdin=stdin)

    def start(
        self, *arguments: str, stdin: int, stderr: int, folder: str | None = None
    ) -> subprocess.Popen[bytes]:
        """A running git process with its output on a pipe. Raises SettingsError when git is not installed."""
        folder = folder or self.git_dir
        try:
            return subprocess.Popen(
                ["git", *arguments],
                env=self.environment(),
                cwd=folder,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=stderr,
            )
        except FileNotFoundError as error:
            raise _not_started(folder) from error


def run_git(
    arguments: Sequence[str], *, environment: Mapping[str, str], folder: str, stdin: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """A finished git process in exactly this environment, whatever its exit code."""
    try:
        return subprocess.run(
            ["git", *arguments], env=environment, cwd=folder, input=stdin, capture_output=True, check=False
        )
    except FileNotFoundError as error:
        raise _not_started(folder) from error


def git_version(folder: str) -> tuple[int, ...]:
    """The first two numbers of git's version. `folder` is any that is there."""
    printed = run_git(["version"], environment=inherited_environment(), folder=folder).stdout
    found = re.search(rb"(\d+)\.(\d+)", printed)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def complaint(stderr: bytes) -> str:
    """The first line of what git says is wrong, fit for a message."""
    text = stderr.decode("utf-8", "replace").strip()
    line = text.splitlines()[0] if text else "git gave no reason"
    return "".join(c if c.isprintable() else "?" for c in line)[:300]


def quoted_folder(folder: str) -> str:
    """A folder as git takes it in a list of object folders."""
    # Quoted as git unquotes it, for a folder's name may hold the separator.
    escaped = "".join(_ESCAPES.get(character, character) for character in folder)
    return f'"{escaped}"'


_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n"}


def _not_started(folder: str) -> SettingsError | SourceUnreadable:
    if not Path(folder).is_dir():
        return SourceUnreadable(
            f"the folder {folder!r} is gone", next_step="index the repository again: 'loccit index PATH'"
        )
    return SettingsError("no 'git' on PATH", next_step="install git 2.32 or newer")
