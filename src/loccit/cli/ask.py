"""`loccit ask`: a question, an answer with its places."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from loccit.cli.options import Collection, Json, Languages, Paths, Quiet, Repos, Rev, question_text

if TYPE_CHECKING:
    from loccit.core.answers import Answer
    from loccit.library import Loccit


def ask(
    question: Annotated[
        list[str] | None,
        typer.Argument(metavar="QUESTION", help="The question; without one, or with -, standard input."),
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
    """Answer a question with checked quotations, or say why not.

    Every quotation is re-checked against the bytes at a commit. In a repository that is not indexed yet it
    says what indexing will cost and does it.

    Exits with 0 when it answers, 1 when the sources are silent, 6 when the index is missing or broken.
    """
    from loccit.cli.answer_view import show_answer
    from loccit.cli.here import history_in_background
    from loccit.cli.output import emit
    from loccit.cli.progress import ProgressBar, waiting
    from loccit.library import Loccit

    text = question_text(question)
    bar = ProgressBar(quiet=quiet)
    loccit = Loccit(progress=bar, waiting=None if quiet else waiting)
    try:
        repos, new = _sources(loccit, repo, collection, quiet=quiet)
        answer = loccit.ask(
            text, repos=repos, collection=collection, rev=rev, languages=lang or (), paths=path or ()
        )
    finally:
        bar.close()
    if new is not None:
        history_in_background(new)
    if json:
        emit(answer.to_json())
    else:
        show_answer(answer, quiet=quiet)
    raise typer.Exit(exit_code(answer))


def exit_code(answer: Answer) -> int:
    """0 for an answer, 1 where the sources are silent, 6 where the index is at fault."""
    from loccit.cli.exit_codes import ExitCode
    from loccit.core.answers import Abstention, Outcome

    if answer.outcome is not Outcome.ABSTAINED:
        return ExitCode.DONE
    return ExitCode.NOTHING if answer.abstention is Abstention.NOT_IN_SOURCES else ExitCode.INDEX


def _sources(
    loccit: Loccit, named: list[str] | None, collection: str | None, *, quiet: bool
) -> tuple[list[str], str | None]:
    """The repositories to ask, and the one among them that was indexed only now."""
    from loccit.cli.here import default_repos, index_here
    from loccit.core.errors import IndexBroken, IndexFormatMismatch

    try:
        repos = default_repos(loccit, named, collection)
    except (IndexBroken, IndexFormatMismatch):
        return [], None  # asking meets the same fault, and abstains because of it
    if named or not repos:
        return repos, None
    return repos, index_here(loccit, repos[0], history=False, quiet=quiet)
