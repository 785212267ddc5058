"""How right triages were, in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loccit.evals.shadow import ShadowReport
    from loccit.evals.statistics import Interval


def show_shadow(report: ShadowReport, *, quiet: bool) -> None:
    """Print the figures with their intervals, what was left out and why, and what to do."""
    from loccit.cli.output import Style, counted, note, say, say_styled

    style = Style()
    say_styled(style(f"{counted(report.triaged, 'issue')} triaged, {report.scored:,} of them scored", "bold"))
    for cut, interval in report.hits.items():
        what = "the first file" if cut == 1 else f"one of the first {cut} files"
        say(f"  {_share(interval)}  the fix changed {what}")
    if report.confidence is not None:
        expected = f"{100 * report.confidence:5.1f}%"
        say(f"  {expected:<26}  is what the triages themselves expected of the first 10")
    if report.silent:
        say(f"  {report.silent:,} more named no file")
    duplicates = report.duplicates
    if duplicates.precision is not None:
        say(f"  {_share(duplicates.precision)}  of the past issues that were shown said the same")
    if duplicates.missed:
        say(f"  {duplicates.missed:,} said the same as a past issue that was not shown")
    for reason, number in report.left_out.items():
        say_styled(style(f"  left out {number:,}: {reason}", "dim"))
    if not quiet:
        if report.scored:
            note('let the server comment: mode = "comment" in [[serving.trackers]]')
        else:
            note("nothing can be compared yet: it needs issues that were mended after they were triaged")


def _share(interval: Interval) -> str:
    return (
        f"{100 * interval.estimate:5.1f}% ({100 * interval.low:5.1f} to {100 * interval.high:5.1f}%)".ljust(
            26
        )
    )
