"""`loccit ask`: a question, an answer with its places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from loccit.cli.options import (
    Collection,
    Json,
    Languages,
    Paths,
    Quiet,
    Repos,
    Rev,
    question_text,
    refuse_together,
)
from loccit.core.errors import InputError

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
    quote: Annotated[
        bool, typer.Option("--quote", help="Quotations only: ask no model, though one is configured.")
    ] = False,
    goes_on: Annotated[
        bool, typer.Option("--continue", help="Go on with your last conversation (with a model).")
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Answer a question: checked quotations or claims, or why not.

    Every quotation is re-checked against the bytes at a commit. Where a model is configured it writes the
    answer, each claim cited and checked; else the answer quotes. In a repository that is not indexed yet it
    says what indexing will cost and does it.

    Exits with 0 when it answers, 1 when the sources are silent, 6 when the index is missing or broken, 8 when
    a model or the budget is at fault and nothing could be quoted instead.
    """
    from loccit.cli.answer_view import show_answer
    from loccit.cli.here import history_in_background
    from loccit.cli.output import emit
    from loccit.cli.progress import ProgressBar, waiting
    from loccit.library import Loccit

    refuse_together(quote=quote, **{"continue": goes_on})
    text = question_text(question)
    bar = ProgressBar(quiet=quiet)
    loccit = Loccit(progress=bar, waiting=None if quiet else waiting)
    try:
        repos, new = _sources(loccit, repo, collection, quiet=quiet)
        scope = Scope(repos, collection, rev, lang or (), path or ())
        if loccit.has_model and not quote:
            bar.close()
            answer = _written(loccit, text, scope, goes_on=goes_on, quiet=quiet)
        elif goes_on:
            raise InputError(
                "a conversation needs a model, and none is configured",
                next_step="set answer in [models]: see docs/tutorial/written-answers.md",
            )
        else:
            answer = loccit.ask(text, **scope.asked)
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
    """0 for an answer, 1 where the sources are silent, 6 where the index is at fault, 8 a model or budget."""
    from loccit.cli.exit_codes import ExitCode
    from loccit.core.answers import Abstention, Outcome

    if answer.outcome is not Outcome.ABSTAINED:
        return ExitCode.DONE
    if answer.abstention in (Abstention.MODEL_UNAVAILABLE, Abstention.BUDGET):
        return ExitCode.MODEL
    return ExitCode.NOTHING if answer.abstention is Abstention.NOT_IN_SOURCES else ExitCode.INDEX


@dataclass(frozen=True, slots=True)
class Scope:
    """What is asked: repositories, a revision, and which of their files."""

    repos: Sequence[str]
    collection: str | None
    rev: str | None
    languages: Sequence[str]
    paths: Sequence[str]

    @property
    def asked(self) -> dict[str, Any]:
        """As the library takes it."""
        return {
            "repos": self.repos,
            "collection": self.collection,
            "rev": self.rev,
            "languages": self.languages,
            "paths": self.paths,
        }


def _written(loccit: Loccit, question: str, scope: Scope, *, goes_on: bool, quiet: bool) -> Answer:
    """The answer that a model writes, shown as it comes."""
    from loccit.cli.output import note
    from loccit.cli.writing_view import WritingView

    session = loccit.last_conversation() if goes_on else None
    if not quiet and (cost := loccit.costly_estimate()) is not None:
        note(f"this may cost up to ${cost:.2f}")
    view = WritingView(quiet=quiet)
    try:
        return loccit.write(question, **scope.asked, session=session, tell=view, streams=view.shows).answer
    finally:
        view.close()


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
