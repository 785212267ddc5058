"""`loccit triage`: an issue, and where its cause may be."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from loccit.cli.options import Json, Quiet, Repo, check_numbers, standard_input

if TYPE_CHECKING:
    from loccit.core.issues import Issue
    from loccit.core.triage import Triage
    from loccit.library import Loccit

_MAX_BYTES = 8_000_000
_MOST_FILES = 1_000
_NUMBER = re.compile(r"[#!]?\d{1,10}|[A-Z][A-Z0-9_]{1,30}-\d{1,10}")
_ADDRESS = re.compile(r"https?://\S+")


def triage(
    issue: Annotated[
        str | None,
        typer.Argument(
            metavar="ISSUE",
            help="A number or address of a tracker that was read, a file, or - for standard input.",
        ),
    ] = None,
    *,
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", metavar="COMMIT|DATE", help="Answer as it would have been then."),
    ] = None,
    repo: Repo = None,
    tests: Annotated[bool, typer.Option("--tests", help="Show suspect tests too.")] = False,
    docs: Annotated[bool, typer.Option("--docs", help="Show suspect documentation too.")] = False,
    top: Annotated[int, typer.Option("--top", metavar="N", help="How many files of each kind.")] = 5,
    quote: Annotated[
        bool, typer.Option("--quote", help="Ask no model for a reply, though one is configured.")
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Say where the cause of an issue may be, or what to ask for.

    Each reason that can be is cited and re-checked.

    Suspect files and functions, past issues like it, similar fixes, commits that may have brought it in,
    labels, and whom to ask. Where a model is configured it drafts a reply for a maintainer, its claims cited
    and checked; nothing is posted. In a repository that is not indexed yet it says what that will cost and
    does it.

    Exits with 0 when it names suspects, 1 when there is not enough to go on, 6 when the index is missing or
    broken.
    """
    from loccit.cli.output import emit
    from loccit.cli.progress import ProgressBar, waiting
    from loccit.cli.triage_view import show_triage
    from loccit.library import Loccit

    check_numbers(_MOST_FILES, top=top)
    bar = ProgressBar(quiet=quiet)
    loccit = Loccit(progress=bar, waiting=None if quiet else waiting)
    try:
        found = issue_of(loccit, issue, repo)
        chosen = chosen_repository(loccit, repo, quiet=quiet)
        result = loccit.triage(found, repo=chosen, as_of=as_of, top=top)
        if loccit.has_model and not quote:
            bar.close()
            result = _with_reply(loccit, result, found, chosen, quiet=quiet)
    finally:
        bar.close()
    if json:
        emit(result.to_json())
    else:
        show_triage(result, tests=tests, docs=docs, quiet=quiet)
    raise typer.Exit(exit_code(result))


def _with_reply(
    loccit: Loccit, result: Triage, issue: bytes | Issue, repo: str | None, *, quiet: bool
) -> Triage:
    """The triage with the reply that a model drafts."""
    from loccit.cli.writing_view import WritingView

    view = WritingView(quiet=quiet)
    try:
        return loccit.draft_reply(result, issue, repo=repo, tell=view)
    finally:
        view.close()


def exit_code(result: Triage) -> int:
    """0 with suspects, 1 where there is not enough to go on, 6 where the index is at fault."""
    from loccit.cli.exit_codes import ExitCode
    from loccit.core.triage import TriageAbstention

    if result.abstention is None:
        return ExitCode.DONE
    return ExitCode.NOTHING if result.abstention is TriageAbstention.NOT_ENOUGH else ExitCode.INDEX


def issue_of(loccit: Loccit, written: str | None, repo: str | None) -> bytes | Issue:
    """The issue that a person named, or its bytes. Raises InputError, LimitExceeded, NotIndexed."""
    import sys

    from loccit.core.errors import InputError, LimitExceeded

    if written is None and (sys.stdin is None or sys.stdin.isatty()):
        raise InputError("there is no issue", next_step="give a number, a file, or - for standard input")
    if written is None or written == "-":
        data = standard_input(_MAX_BYTES)
    elif _NUMBER.fullmatch(written) or _ADDRESS.fullmatch(written):
        return loccit.issue(_id_of(written), repo=repo or ".")
    else:
        data = _file_bytes(written)
    if len(data) > _MAX_BYTES:
        raise LimitExceeded("size of the issue in bytes", len(data), _MAX_BYTES, next_step="shorten it")
    return data


def _id_of(written: str) -> str:
    """The id in a number or an address, as a tracker writes it."""
    if _ADDRESS.fullmatch(written):
        from loccit.core.errors import InputError
        from loccit.core.issue_links import links_in

        found = next(iter(links_in(written)), None)
        if found is None:
            raise InputError(
                f"{written!r} is no address of an issue", next_step="expected one that ends in /issues/12"
            )
        return found.id
    return written.removeprefix("#")


def _file_bytes(written: str) -> bytes:
    from loccit.core.errors import InputError

    try:
        with Path(written).open("rb") as file:
            return file.read(_MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise InputError(
            f"the issue {written!r} cannot be read: {reason}",
            next_step="give a number (12, PROJECT-12), an address, a file, or - for standard input",
        ) from error


def chosen_repository(loccit: Loccit, named: str | None, *, quiet: bool) -> str | None:
    """The repository to look in: the one named, else the one we are in, indexed first if it never was."""
    from loccit.cli.here import default_repos, index_here
    from loccit.core.errors import IndexBroken, IndexFormatMismatch

    try:
        repos = default_repos(loccit, [named] if named else None, None)
    except (IndexBroken, IndexFormatMismatch):
        return None  # looking meets the same fault, and abstains because of it
    if not repos:
        return None
    if not named:
        # The past is the strongest sign of all: it is read before the first answer.
        return index_here(loccit, repos[0], history=True, quiet=quiet) or repos[0]
    return repos[0]
