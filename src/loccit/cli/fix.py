"""`loccit fix`: an issue in, a branch whose tests ran out, or an honest report of why not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from loccit.cli.options import Json, Quiet, Repo, refuse_together

if TYPE_CHECKING:
    from loccit.cli.fix_view import FixView
    from loccit.core.fixes import Fix


def fix(
    issue: Annotated[
        str | None,
        typer.Argument(
            metavar="ISSUE",
            help="A number or address of a tracker that was read, a file, or - for standard input.",
        ),
    ] = None,
    *,
    repo: Repo = None,
    rev: Annotated[
        str | None, typer.Option("--rev", metavar="REV", help="The commit to begin at. [default: HEAD]")
    ] = None,
    push: Annotated[
        bool, typer.Option("--push", help="If it is fixed, push the branch and open a pull request.")
    ] = False,
    lesson: Annotated[
        bool, typer.Option("--lesson", help="Put what the run learned into docs/lessons on the branch.")
    ] = False,
    replay: Annotated[
        str | None, typer.Option("--replay", metavar="RUN", help="Show a run again, for nothing.")
    ] = None,
    save: Annotated[
        str | None,
        typer.Option("--save", metavar="FILE", help="Write the branch as a bundle for 'git fetch'."),
    ] = None,
    json: Json = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print the report as Markdown.")] = False,
    quiet: Quiet = False,
) -> None:
    """Have a model fix an issue, in a sandbox without network.

    A test that fails because of the issue comes first; then an edit, the tests that bear on it, and a reader
    who sees the change with fresh eyes. What a model says of tests counts for nothing: loccit runs them.
    Nothing is written into your repository. Without --push nothing leaves this machine but the model's calls.

    Exits with 0 when it is fixed, 1 when there is no fix to propose, 4 when a person has to answer first
    (loccit agents show RUN), 7 when a limit was met, 8 without a model.
    """
    from loccit.cli.fix_view import FixView, show_fix
    from loccit.cli.output import emit, say

    refuse_together(json=json, markdown=as_markdown)
    view = FixView(quiet=quiet)
    try:
        found = _found(issue, repo, rev, replay, push=push, lesson=lesson, view=view, quiet=quiet)
    finally:
        view.close()
    if save is not None:
        _save(found, repo, save)
    if json:
        emit(found.to_json())
    elif as_markdown:
        from loccit.agents.fix.markdown import markdown

        say(markdown(found).rstrip("\n"))
    else:
        show_fix(found, quiet=quiet)
    raise typer.Exit(exit_code(found))


def exit_code(found: Fix) -> int:
    """0 where it is fixed, 7 for a limit, else 1."""
    from loccit.cli.exit_codes import ExitCode
    from loccit.core.fixes import FixOutcome

    codes = {FixOutcome.FIXED: ExitCode.DONE, FixOutcome.LIMIT: ExitCode.LIMIT}
    return codes.get(found.outcome, ExitCode.NOTHING)


def _found(
    issue: str | None,
    repo: str | None,
    rev: str | None,
    replay: str | None,
    *,
    push: bool,
    lesson: bool,
    view: FixView,
    quiet: bool,
) -> Fix:
    from loccit.cli.progress import ProgressBar, waiting
    from loccit.cli.triage import chosen_repository, issue_of
    from loccit.core.errors import InputError
    from loccit.library import Loccit

    bar = ProgressBar(quiet=quiet)
    loccit = Loccit(progress=bar, waiting=None if quiet else waiting)
    if replay is not None:
        if issue is not None or push or lesson:
            raise InputError("--replay shows a run that is over", next_step="leave out what begins another")
        return loccit.replay_fix(replay, tell=view)
    try:
        # Before anything is indexed: without a model nothing comes of it.
        loccit.check_fixing_model()
        found = issue_of(loccit, issue, repo)
        chosen = chosen_repository(loccit, repo, quiet=quiet)
    finally:
        bar.close()
    return loccit.fix(found, repo=chosen, rev=rev, push=push, lesson=lesson, tell=view)


def _save(found: Fix, repo: str | None, file: str) -> None:
    from pathlib import Path

    from loccit.cli.output import note
    from loccit.core.errors import InputError
    from loccit.library import Loccit

    if found.branch is None:
        raise InputError("there is no branch to write", next_step="leave --save out")
    data = Loccit().fix_bundle(found, repo=repo)
    try:
        Path(file).write_bytes(data)
    except OSError as error:
        raise InputError(f"cannot write {file!r}: {error.strerror}", next_step="name another file") from error
    note(f"git fetch {file} {found.branch.name}:{found.branch.name}")
