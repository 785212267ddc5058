"""What the gate says, as a person reads it in a terminal of 80 to 120 columns."""

from __future__ import annotations

from rich.text import Text

from loccit.cli.output import Style, counted, one_line, say_styled
from loccit.cli.score_tables import score_table, show_table, show_wrapped, terminal_width
from loccit.evals.comparison_figures import both_names, decision_change, margin_text, verdict_words
from loccit.evals.gate import Decision, GateReport, Verdict
from loccit.evals.summary import arrow

_NAME = 24
_MARKS = {Verdict.PASS: "✓", Verdict.FAIL: "✗", Verdict.INCONCLUSIVE: "?"}
_COLOURS = {Verdict.PASS: "green", Verdict.FAIL: "red", Verdict.INCONCLUSIVE: "yellow"}


def show_gate(report: GateReport) -> None:
    """Print the verdict, every metric with its margin, and why those that do not pass do not."""
    style, width = Style(), terminal_width()
    verdict = report.verdict
    head = style(f"{_MARKS[verdict]} {verdict.value}", "bold", _COLOURS[verdict])
    say_styled(f"{head}  {one_line(both_names(report.ours, report.theirs))}")
    show_wrapped(one_line(verdict_words(report)), style, width=width)
    table = score_table("metric", "verdict", "change", "samples", "needs")
    for one in report.decisions:
        table.add_row(*_row(one))
    show_table(table, width)
    show_wrapped("needs: so many samples would decide in 9 of 10 cases", style, "dim", width=width)
    for one in report.decisions:
        if one.verdict is Verdict.PASS:
            continue
        said = f"- {one.metric.name}: {one.verdict.value}, {one.reason}"
        if one.worst is not None:
            said += f"; {decision_change(one, one.worst)[1]} with its gaps at their worst"
        show_wrapped(one_line(said), style, _COLOURS[one.verdict], width=width)
    for caution in report.cautions:
        show_wrapped(f"⚠ {one_line(caution)}", style, "yellow", width=width)
    ours, theirs = (max((one.flaky[at] for one in report.decisions), default=0) for at in (0, 1))
    if ours or theirs:
        said = f"flaky: the repeats of {ours:,} samples of new and {theirs:,} of old do not agree"
        show_wrapped(said, style, "yellow", width=width)


def _row(one: Decision) -> list[Text]:
    change, ends = decision_change(one, one.change)
    name = one_line(one.metric.name)
    name = name if len(name) <= _NAME else f"{name[: _NAME // 2 - 1]}…{name[-_NAME // 2 :]}"
    missing = f"\n{counted(one.missing, 'gap')}" if one.missing else ""
    return [
        Text(f"{name} {arrow(one.metric)}").append(f"\nmargin {margin_text(one)}", style="dim"),
        Text(f"{_MARKS[one.verdict]} {one.verdict.value}", style=_COLOURS[one.verdict]),
        Text(change).append(f"\n{ends.replace(' to ', '…') or 'not measured'}", style="dim"),
        Text(f"{one.samples:,}").append(missing, style="yellow"),
        Text("–" if one.needed is None else f"{one.needed:,}"),
    ]
