"""Options that several commands share, and what they mean."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Annotated, overload

import typer

from loccit.cli import completion
from loccit.core.errors import InputError

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on one line.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no hints.")]
Repos = Annotated[
    list[str] | None,
    typer.Option(
        "--repo",
        "-r",
        metavar="REPO",
        autocompletion=completion.repositories,
        help="A repository: its name, path or URL; may be repeated. [default: the one you are in, else all]",
    ),
]
Repo = Annotated[
    str | None,
    typer.Option(
        "--repo",
        "-r",
        metavar="REPO",
        autocompletion=completion.repositories,
        help="A repository: its name, path or URL.",
    ),
]
Collection = Annotated[
    str | None,
    typer.Option(
        "--collection",
        "-c",
        metavar="NAME",
        autocompletion=completion.collections,
        help="A named collection of repositories: 'loccit index -c NAME' fills it.",
    ),
]
Rev = Annotated[
    str | None, typer.Option("--rev", metavar="REV", help="A commit, tag or branch. [default: HEAD]")
]
Languages = Annotated[
    list[str] | None,
    typer.Option(
        "--lang",
        "-l",
        metavar="LANGUAGE",
        autocompletion=completion.languages,
        help="Only files of this language; may be repeated.",
    ),
]
Paths = Annotated[
    list[str] | None,
    typer.Option(
        "--path",
        "-p",
        metavar="PATTERN",
        help="Only paths that match, written as in .gitignore; may be repeated.",
    ),
]

_MAX_STDIN_BYTES = 4_000_000


def question_text(words: list[str] | None) -> str:
    """The question of the arguments, or of standard input where there are none or only `-`.

    Raises InputError when there is none to be had.
    """
    if words and words != ["-"]:
        return " ".join(words)
    if not words and (sys.stdin is None or sys.stdin.isatty()):
        raise InputError("there is no question", next_step='write it as an argument: "where is X done?"')
    return standard_input(_MAX_STDIN_BYTES).decode("utf-8", "surrogateescape")


def standard_input(limit: int) -> bytes:
    """Standard input to its end, of a longer one a byte more than `limit`. Raises InputError without any."""
    if sys.stdin is None:
        raise InputError("standard input is closed", next_step="name a file instead of -")
    try:
        return sys.stdin.buffer.read(limit + 1)
    except OSError as error:
        raise InputError(f"standard input cannot be read: {error.strerror or error}") from error


def refuse_together(**given: bool) -> None:
    """Raise InputError where more than one of these options was given: they exclude each other."""
    names = [f"--{name.replace('_', '-')}" for name, is_given in given.items() if is_given]
    if len(names) > 1:
        raise InputError(f"{names[0]} does not go with {', '.join(names[1:])}", next_step="leave one out")


def check_numbers(most: int | None = None, **given: int | None) -> None:
    """Raise InputError for an option that was given with a number below 1 or above `most`."""
    for name, number in given.items():
        if number is None or (number >= 1 and (most is None or number <= most)):
            continue
        allowed = "of at least 1" if most is None else f"from 1 to {most:,}"
        raise InputError(f"--{name.replace('_', '-')} is {number}", next_step=f"write a number {allowed}")


@overload
def moment_of(option: str, written: str) -> datetime: ...
@overload
def moment_of(option: str, written: None) -> None: ...
@overload
def moment_of(option: str, written: str | None) -> datetime | None: ...
def moment_of(option: str, written: str | None) -> datetime | None:
    """The moment that an option names, None where it was not given; of a day its beginning, in UTC.

    Raises InputError.
    """
    if written is None:
        return None
    try:
        found = datetime.fromisoformat(written)
    except ValueError as error:
        raise InputError(
            f"{option} {written!r} is no date", next_step="write it as 2026-01-31 or 2026-01-31T17:20:00Z"
        ) from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)
