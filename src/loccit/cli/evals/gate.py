"""`loccit eval gate`: may this change go in?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from loccit.cli.evals.options import Report, Summary
from loccit.cli.options import Json, Quiet


def gate(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="The log of what is there now.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The log of the change.")],
    *,
    margin: Annotated[
        list[str],
        typer.Option(
            "--margin",
            "-m",
            metavar="NAME=LOSS",
            help="What may be lost of a figure: coverage=0.02, cost_usd=10%, latency_s=20%; may be repeated.",
        ),
    ],
    report: Report = None,
    summary: Summary = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Say PASS, FAIL or INCONCLUSIVE, by whether more than the margins was lost.

    PASS: every loss is shown to be within its margin. FAIL: something got worse, by more than chance, and is
    not shown to be within. INCONCLUSIVE: the samples do not tell, and it says how many would. The exit codes
    are 0, 3 and 4. The share of samples without an output is always gated, by default failed=0.01.
    """
    from loccit.cli.evals.gate_view import show_gate
    from loccit.cli.evals.sides import append_summary, calibrations_of
    from loccit.cli.exit_codes import ExitCode
    from loccit.cli.output import emit, note
    from loccit.cli.report_file import check_place, write_report
    from loccit.evals.compare import compare as compared
    from loccit.evals.comparison_page import page_of_comparison
    from loccit.evals.gate import Verdict, document, parse_margin
    from loccit.evals.gate import gate as gated
    from loccit.evals.log import read_log
    from loccit.evals.markdown import gate_markdown
    from loccit.evals.report import render

    if report is not None:
        check_place(report, command="eval gate --report")
    margins = [parse_margin(written) for written in margin]
    theirs, ours = read_log(old), read_log(new)
    believed = calibrations_of(ours, theirs)
    found = gated(ours, theirs, margins, calibrated=believed)
    if report is not None:
        whole = compared(ours, theirs, calibrated=believed)
        write_report(report, render(page_of_comparison(whole, ours, theirs, found)))
    if summary is not None:
        append_summary(summary, gate_markdown(found))
    if json:
        emit(document(found))
    else:
        show_gate(found)
    if report is not None and not quiet:
        note(f"report: {report}")
    codes = {
        Verdict.PASS: ExitCode.DONE,
        Verdict.FAIL: ExitCode.FELL,
        Verdict.INCONCLUSIVE: ExitCode.UNVERIFIABLE,
    }
    raise typer.Exit(codes[found.verdict])
