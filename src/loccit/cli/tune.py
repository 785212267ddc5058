"""`loccit tune`: learn from the past of a repository how to rank its files."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from loccit.cli.exit_codes import ExitCode
from loccit.cli.options import Json, Quiet, Repo, refuse_together

if TYPE_CHECKING:
    from loccit.library import Loccit


def tune(
    *,
    repo: Repo = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write a report too, as one HTML file.")
    ] = None,
    show: Annotated[
        bool, typer.Option("--show", help="Only show what was learned and is in use; learn nothing.")
    ] = False,
    roll_back: Annotated[
        bool, typer.Option("--roll-back", help="Go back to what was in use before the last adoption.")
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Learn from a repository's past how to rank its files.

    What is learned is used only where later fixes show that it helps.

    Past fixes teach, later ones test: what was learned is used only if it ranks these clearly better. What
    was used before is kept. Costs what is new since the last time; safe to interrupt and to repeat.
    """
    from loccit.cli.output import emit, note
    from loccit.cli.progress import ProgressBar, waiting
    from loccit.cli.report_file import check_place, write_report
    from loccit.cli.tune_view import show_learned, show_tuning
    from loccit.learning.tuning import LEARNED_FORMAT, Decision
    from loccit.library import Loccit

    refuse_together(show=show, roll_back=roll_back)
    refuse_together(show=show, out=out is not None)
    refuse_together(roll_back=roll_back, out=out is not None)
    if out is not None:
        check_place(out, command="tune")
    bar = ProgressBar(quiet=quiet)
    loccit = Loccit(progress=bar, waiting=None if quiet else waiting)
    chosen = _chosen(loccit, repo, may_index=not (show or roll_back), quiet=quiet)
    if show or roll_back:
        kept = loccit.roll_back(chosen) if roll_back else loccit.learned(chosen)
        if json:
            emit({"format": LEARNED_FORMAT, "in_use": [asdict(facts) for facts in kept]})
        else:
            show_learned(kept, is_back=roll_back)
        return
    try:
        tuning = loccit.tune(chosen)
    finally:
        bar.close()
    if out is not None:
        write_report(out, tuning.to_html())
    if json:
        emit({**tuning.to_json(), "report": None if out is None else str(out)})
    else:
        show_tuning(tuning)
    if out is not None and not quiet:
        note(f"the whole report: {out}")
    if tuning.decision is Decision.TOO_LITTLE:
        raise typer.Exit(ExitCode.NOTHING)


def _chosen(loccit: Loccit, repo: str | None, *, may_index: bool, quiet: bool) -> str | None:
    """The repository that was named, else the one we are in, indexed first where it never was."""
    from loccit.cli.here import default_repos, index_here

    chosen = next(iter(default_repos(loccit, [repo] if repo else None, None)), None)
    if chosen is not None and repo is None and may_index:
        return index_here(loccit, chosen, history=True, quiet=quiet) or chosen
    return chosen
