"""`loccit ask`: a question, an answer with its places."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from loccit.cli.options import (
    Collection,
    Json,
    Languages,
    Paths,
    Quiet,
    Repos,
    Rev,
    default_repos,
    history_in_background,
    question_text,
)

if TYPE_CHECKING:
    from loccit.core.answers import Answer
    from loccit.library import Loccit


def ask(
    question: Annotated[
        list[str] | None, typer.Argument(metavar="[QUESTION]", help="The question, or - for standard input.")
    ] = None,
    *,
    repo: Repos = None,
    collection: Collection = None,
    rev: Rev = None,
    lang: Languages = None,
    path: Paths = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Answer a question with quotations that were checked against the bytes at a commit, or say why not.

    In a repository that is not indexed yet it says what indexing will cost and does it. Exits with 0 when it answers, 1 when the
    sources are silent, 6 when the index is missing or broken.
    """
    from loccit.cli.answer_view import show_answer  # noqa: PLC0415
    from loccit.cli.output import emit  # noqa: PLC0415
    from loccit.cli.progress import ProgressBar, waiting  # noqa: PLC0415
    from loccit.library import Loccit  # noqa: PLC0415

    text = question_text(question)
    bar = ProgressBar(quiet=quiet)
    loccit = Loccit(progress=bar, waiting=None if quiet else waiting)
    try:
        repos = default_repos(loccit, repo, collection)
        new = None if repo or collection else index_here(loccit, repos, quiet=quiet)
        answer = loccit.ask(
            text, repos=repos, collection=collection, rev=rev, languages=lang or (), paths=path or ()
        )
    finally:
        bar.close()
    if json:
        emit(answer.to_json())
    else:
        show_answer(answer, quiet=quiet)
    if new is not None:
        history_in_background(new)
    raise typer.Exit(exit_code(answer))


def index_here(loccit: Loccit, repos: list[str], *, quiet: bool) -> str | None:
    """Index the repository of the working directory if it never was, after saying what that costs; its name if so."""
    from loccit.cli.output import note, one_line  # noqa: PLC0415

    if not repos or loccit.is_known(repos[0]):
        return None
    cost = loccit.estimate(repos[0])
    if not quiet:
        note(
            f"{one_line(repos[0])} is not indexed yet: {cost.files:,} files, {cost.text_bytes / 1e6:,.1f} MB, "
            f"about {max(1, round(cost.seconds)):,} s. Indexing it now; its history follows in the background."
        )
    return loccit.index(repos[0], history=False).repository.name


def exit_code(answer: Answer) -> int:
    """0 for an answer, 1 where the sources are silent, 6 where the index is at fault."""
    from loccit.cli.exit_codes import ExitCode  # noqa: PLC0415
    from loccit.core.answers import Abstention, Outcome  # noqa: PLC0415

    if answer.outcome is not Outcome.ABSTAINED:
        return ExitCode.DONE
    return ExitCode.NOTHING if answer.abstention is Abstention.NOT_IN_SOURCES else ExitCode.INDEX
