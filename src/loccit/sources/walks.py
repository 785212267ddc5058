"""Git processes that walk a list of commits: what they are given, what they print, and how they fail."""

from __future__ import annotations

import subprocess
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import IO, cast

from loccit.core.errors import ObjectCorrupt, ObjectMissing
from loccit.sources.git import GitView, complaint
from loccit.sources.scratch import scratch_file

# git itself takes a date that does not fit into 64 bits for none.
_MOST_DIGITS = 18


@contextmanager
def reading(view: GitView, arguments: Sequence[str], lines: Iterable[str]) -> Generator[IO[bytes]]:
    """The output of a git process that reads `lines` from a file, so that neither waits for the other.

    The process ends with the context. Raises ObjectMissing, ObjectCorrupt when it has failed.
    """
    with scratch_file() as stdin, scratch_file() as stderr:
        stdin.writelines(f"{line}\n".encode("ascii") for line in lines)
        stdin.seek(0)
        process = view.start(*arguments, stdin=stdin.fileno(), stderr=stderr.fileno())
        try:
            yield cast("IO[bytes]", process.stdout)
            code = process.wait()
        finally:
            _end(process)
        if code:
            stderr.seek(0)
            raise unwalked("history", complaint(stderr.read()))


def check_commit(view: GitView, commit: str) -> None:
    """Raises ObjectMissing where it is not there: walks that pass missing ones over say nothing."""
    if view.run("cat-file", "-e", f"{commit}^{{commit}}").returncode:
        raise unwalked(commit, "no such commit")


def unwalked(what: str, reason: str) -> ObjectMissing | ObjectCorrupt:
    """The error for a history that cannot be followed, for the reason that git gives."""
    if "corrupt" in reason or "inflate" in reason:
        return ObjectCorrupt(f"cannot follow {what}: {reason}", next_step="run 'git fsck' in the repository")
    return ObjectMissing(
        f"cannot follow {what}: {reason}", next_step="fetch the rest of the repository: 'git fetch --refetch'"
    )


def seconds(text: bytes) -> int:
    """A commit's time as git prints it, in seconds since the epoch; 0 where its header names none."""
    return int(text) if text.isdigit() and len(text) <= _MOST_DIGITS else 0


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    cast("IO[bytes]", process.stdout).close()
    process.wait()
