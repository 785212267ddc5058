"""`loccit eval report`: what a log says, in the terminal or as a page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from loccit.cli.evals.options import Summary
from loccit.cli.options import Json, Quiet


def report(
    logs: Annotated[
        list[Path],
        typer.Argument(metavar="LOG...", help="Logs, finished or not; several stand side by side."),
    ],
    *,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write the report as an HTML file.")
    ] = None,
    summary: Summary = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Show the figures of a log again, with the samples that went worst.

    An unfinished log is shown as far as it is. Nothing is asked or computed anew.
    """
    from loccit.cli.evals.run_view import show_run
    from loccit.cli.evals.sides import append_summary, calibrations_of
    from loccit.cli.output import emit, note
    from loccit.cli.report_file import check_place, write_report
    from loccit.evals.log import read_log
    from loccit.evals.markdown import run_markdown
    from loccit.evals.report import render
    from loccit.evals.run_page import page_of_run, page_of_runs
    from loccit.evals.summary import document

    if out is not None:
        check_place(out, command="eval report --out")
    read = [read_log(path) for path in logs]
    calibrated = calibrations_of(*read)
    if out is not None:
        page = page_of_run(read[0], calibrated) if len(read) == 1 else page_of_runs(read, calibrated)
        write_report(out, render(page))
    for log in read:
        if summary is not None:
            append_summary(summary, run_markdown(log, calibrated))
        if json:
            emit(document(log, calibrated))
        else:
            show_run(log, calibrated)
    if out is not None and not quiet:
        note(f"report: {out}")
