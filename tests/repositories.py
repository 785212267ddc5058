"""Small repositories made by script, for tests: real git, fixed author and dates, so that ids are the same
everywhere.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypedDict

AUTHOR = "A U Thor <author@example.com>"
# Commit number n, counted from 0, is made this many seconds after the epoch plus n minutes.
FIRST_COMMIT_TIME = 1_700_000_000

# A file's content; None takes the file away.
Content = str | bytes | None


class Commit(TypedDict, total=False):
    """One commit to make. Only `files` matters most of the time.

    `files` by path, changed against the parent; `symlinks` by path; `executables` are paths among `files`;
    `submodules` map a path to a commit id. `branch` is main by default; `parent` and `merge` are numbers of
    earlier commits, counted from 0.
    """

    files: Mapping[str, Content]
    symlinks: Mapping[str, str]
    executables: Sequence[str]
    submodules: Mapping[str, str]
    message: str | bytes
    branch: str
    parent: int
    merge: int
    time: int


def git(
    folder: Path, *arguments: str, stdin: bytes = b"", environment: Mapping[str, str] | None = None
) -> str:
    """What git prints, run in `folder` with nobody's configuration. Raises CalledProcessError."""
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env=_environment() | dict(environment or {}),
        input=stdin,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise AssertionError(f"git {' '.join(arguments)}: {done.stderr.decode('utf-8', 'replace')}")
    return done.stdout.decode("utf-8", "surrogateescape").rstrip("\n")


def make_repository(
    path: Path, commits: Sequence[Commit] = (), *, bare: bool = False, object_format: str = "sha1"
) -> list[str]:
    """Makes a repository at `path` with these commits, the last `main` checked out; the commits' ids."""
    path.mkdir(parents=True, exist_ok=True)
    kind = ["--bare"] if bare else []
    git(path, "init", "-q", "--template=", "-b", "main", f"--object-format={object_format}", *kind)
    return add_commits(path, commits, bare=bare) if commits else []


def add_commits(path: Path, commits: Sequence[Commit], *, bare: bool = False, first: int = 0) -> list[str]:
    """Adds commits to a repository; their ids. `first` is the number of the first one, and so its time."""
    stream = b"".join(_commit(number, commit, first) for number, commit in enumerate(commits))
    marks = path / ("marks" if bare else ".git/marks")
    git(path, "fast-import", "--quiet", "--force", f"--export-marks={marks}", stdin=stream)
    ids = dict(line.split(" ") for line in marks.read_text().splitlines())
    marks.unlink()
    if not bare:
        git(path, "reset", "-q", "--hard")
    return [ids[f":{number + 1}"] for number in range(len(commits))]


def write_files(folder: Path, files: Mapping[str, Content]) -> None:
    """Writes files below `folder`, making folders as needed."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            path.unlink()
        else:
            path.write_bytes(content.encode() if isinstance(content, str) else content)


def _commit(number: int, commit: Commit, first: int) -> bytes:
    branch = commit.get("branch", "main").encode()
    time = commit.get("time", FIRST_COMMIT_TIME + 60 * (first + number))
    message = commit.get("message", f"Commit {first + number}")
    message = message.encode() if isinstance(message, str) else message
    who = b"%s %d +0000" % (AUTHOR.encode(), time)
    lines = [
        b"commit refs/heads/" + branch,
        b"mark :%d" % (number + 1),
        b"author " + who,
        b"committer " + who,
    ]
    lines += [_data(message)]
    if "parent" in commit:
        lines += [b"from :%d" % (commit["parent"] + 1)]
    elif number == 0 and first:
        lines += [b"from refs/heads/%s^0" % branch]
    if "merge" in commit:
        lines += [b"merge :%d" % (commit["merge"] + 1)]
    for path, content in commit.get("files", {}).items():
        if content is None:
            lines += [b"D " + _quoted(path)]
            continue
        mode = b"100755" if path in commit.get("executables", ()) else b"100644"
        data = content.encode() if isinstance(content, str) else content
        lines += [b"M %s inline %s" % (mode, _quoted(path)), _data(data)]
    for path, target in commit.get("symlinks", {}).items():
        lines += [b"M 120000 inline " + _quoted(path), _data(os.fsencode(target))]
    for path, target in commit.get("submodules", {}).items():
        lines += [b"M 160000 %s %s" % (target.encode(), _quoted(path))]
    return b"\n".join(lines) + b"\n\n"


def _data(content: bytes) -> bytes:
    return b"data %d\n%s" % (len(content), content)


def _quoted(path: str) -> bytes:
    raw = os.fsencode(path).replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
    return b'"%s"' % raw


def _environment() -> dict[str, str]:
    name, email = AUTHOR.removesuffix(">").split(" <")
    date = f"{FIRST_COMMIT_TIME} +0000"
    return {
        "PATH": os.environ["PATH"],
        "HOME": os.devnull,
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_AUTHOR_NAME": name,
        "GIT_AUTHOR_EMAIL": email,
        "GIT_AUTHOR_DATE": date,
        "GIT_COMMITTER_NAME": name,
        "GIT_COMMITTER_EMAIL": email,
        "GIT_COMMITTER_DATE": date,
    }
