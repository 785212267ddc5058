"""Options that several commands share, and what they mean."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from loccit.core.errors import InputError

if TYPE_CHECKING:
    from loccit.library import Loccit

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on one line.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no hints.")]
Repos = Annotated[
    list[str] | None,
    typer.Option("--repo", "-r", help="A repository: its name, path or URL. May be given several times."),
]
Collection = Annotated[str | None, typer.Option("--collection", "-c", help="A named collection of repositories.")]
Rev = Annotated[str | None, typer.Option("--rev", help="A commit, tag or branch (default: HEAD).")]
Languages = Annotated[
    list[str] | None, typer.Option("--lang", "-l", help="Only files of this language. May be given several times.")
]
Paths = Annotated[
    list[str] | None,
    typer.Option("--path", "-p", help="Only paths that match, written as in .gitignore. May be given several times."),
]

_MAX_STDIN_BYTES = 4_000_000


def question_text(words: list[str] | None) -> str:
    """The question of the arguments, or of standard input where there are none or only `-`.

    Raises InputError when there is none to be had.
    """
    if words and words != ["-"]:
        return " ".join(words)
    if not words and sys.stdin.isatty():
        raise InputError("there is no question", next_step='write it as an argument: loccit ask "where is X done?"')
    data = sys.stdin.buffer.read(_MAX_STDIN_BYTES + 1)
    return data.decode("utf-8", "replace")


def default_repos(loccit: Loccit, repos: list[str] | None, collection: str | None) -> list[str]:
    """The repositories that were named; without any, the one that the working directory is in, if it is in one.

    Outside of every repository an empty list: all that is indexed.
    """
    if repos or collection:
        return list(repos or [])
    here = loccit.repository_at(".")
    return [here] if here else []


def history_in_background(name: str) -> None:
    """Start reading the history of a repository in a process of its own that outlives this one."""
    command = [sys.executable, "-m", "loccit", "index", "--history-only", "--quiet", name]
    subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


