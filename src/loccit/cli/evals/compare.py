"""`loccit eval compare`: what changed from one run to another, and how sure that is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from loccit.cli.evals.options import Report, Summary
from loccit.cli.options import Json, Quiet


def compare(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="The log to compare with.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The log that is compared.")],
    *,
    metric: Annotated[
        list[str] | None,
        typer.Option("--metric", "-m", metavar="NAME", help="Only this figure; may be repeated."),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse logs that do not have the very same samples.")
    ] = False,
    report: Report = None,
    summary: Summary = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Compare two runs sample by sample: differences with intervals, by slice too, and what flipped.

    Samples of one group are not independent, and are not counted so; p-values are corrected for how many
    figures are compared. What one side has no figure for is named, and what it could do to the difference.
    """
    from loccit.cli.evals.comparison_view import show_comparison
    from loccit.cli.evals.sides import append_summary, calibrations_of
    from loccit.cli.output import emit, note
    from loccit.cli.report_file import check_place, write_report
    from loccit.evals.compare import compare as compared
    from loccit.evals.compare import document
    from loccit.evals.comparison_page import page_of_comparison
    from loccit.evals.log import read_log
    from loccit.evals.markdown import comparison_markdown
    from loccit.evals.report import render

    if report is not None:
        check_place(report, command="eval compare --report")
    theirs, ours = read_log(old), read_log(new)
    found = compared(ours, theirs, metrics=metric, strict=strict, calibrated=calibrations_of(ours, theirs))
    if report is not None:
        write_report(report, render(page_of_comparison(found, ours, theirs)))
    if summary is not None:
        append_summary(summary, comparison_markdown(found))
    if json:
        emit(document(found))
    else:
        show_comparison(found)
    if report is not None and not quiet:
        note(f"report: {report}")
