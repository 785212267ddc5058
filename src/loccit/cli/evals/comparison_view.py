"""A comparison of two logs as a person reads it in a terminal of 80 to 120 columns."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from loccit.cli.output import Style, counted, one_line, say_styled
from loccit.cli.score_tables import score_table, show_table, show_wrapped, terminal_width
from loccit.evals.compare import Comparison, MetricComparison
from loccit.evals.comparison_figures import (
    both_names,
    change_range,
    change_text,
    gap_reasons,
    level_text,
    metric_cautions,
    p_text,
    quality,
    ratio_text,
    tone_of,
)
from loccit.evals.metrics import Metric
from loccit.evals.report_parts import Tone
from loccit.evals.sample_case import repeats_text
from loccit.evals.statistics import Interval
from loccit.evals.summary import arrow

_FLIPS, _REASONS = 5, 5
_NAME = 22
_MARKS = {Tone.GOOD: "✓ ", Tone.BAD: "✗ ", Tone.WARNING: "⚠ ", Tone.NEUTRAL: ""}
_COLOURS = {Tone.GOOD: "green", Tone.BAD: "red", Tone.WARNING: "yellow", Tone.NEUTRAL: ""}


def show_comparison(comparison: Comparison) -> None:
    """Print a comparison: every difference, its slices, what flipped, what is missing or not compared."""
    style, width = Style(), terminal_width()
    names = both_names(comparison.ours, comparison.theirs)
    shared = counted(len(comparison.samples.samples), "sample")
    show_wrapped(f"{one_line(names)}: {shared} in common", style, "bold", width=width)
    for caution in comparison.cautions:
        show_wrapped(f"⚠ {one_line(caution)}", style, "yellow", width=width)
    if comparison.metrics:
        show_table(_metrics(comparison), width)
        said = "difference: new less old, of scores in points; p: after Holm's correction for all of these"
        show_wrapped(said, style, "dim", width=width)
    else:
        show_wrapped("no metric is in both logs", style, "red", width=width)
    for names, caution in metric_cautions(comparison):
        show_wrapped(f"⚠ {one_line(names)}: {one_line(caution)}", style, "yellow", width=width)
    _show_splits(comparison, width)
    _show_flips(comparison, style, width)
    _show_missing(comparison, style, width)


def change_cell(metric: Metric, change: Interval | None, tone: Tone) -> Text:
    """A difference, marked where it is clear, and below it its interval."""
    if change is None:
        return Text("–").append("\nnot measured", style="dim")
    text = Text(f"{_MARKS[tone]}{change_text(metric, change)}", style=_COLOURS[tone])
    return text.append(f"\n{change_range(metric, change).replace(' to ', '…')}", style="dim not bold")


def _metrics(comparison: Comparison) -> Table:
    table = score_table("metric", "old", "new", "difference", "p", "samples")
    for one in comparison.metrics:
        tone = tone_of(one.metric, one.difference, one.p_holm, comparison.level)
        missing = f"\n{counted(len(one.missing), 'gap')}" if one.missing else ""
        ratio = ratio_text(one)
        table.add_row(
            Text(f"{_short(one_line(one.metric.name))} {arrow(one.metric)}"),
            Text(level_text(one.metric, one.theirs)),
            Text(level_text(one.metric, one.ours)).append(f"\n{ratio}" if ratio else "", style="dim"),
            change_cell(one.metric, one.difference, tone),
            Text(p_text(one.p_holm)),
            Text(f"{one.samples:,}").append(missing, style="yellow"),
        )
    return table


def _show_splits(comparison: Comparison, width: int) -> None:
    for one in [one for one in quality(comparison) if one.slices][:1]:
        table = score_table(f"{_short(one_line(one.metric.name))} by slice", "samples", "difference", "p")
        for each in one.slices:
            tone = tone_of(one.metric, each.difference, each.p_holm, comparison.level)
            table.add_row(
                Text(_short(one_line(f"{each.key}: {each.value}"))),
                Text(f"{each.difference.samples:,}"),
                change_cell(one.metric, each.difference, tone),
                Text(p_text(each.p_holm)),
            )
        show_table(table, width)


def _show_flips(comparison: Comparison, style: Style, width: int) -> None:
    flipped = [one for one in quality(comparison) if one.flips]
    if not flipped:
        return
    say_styled("")
    samples = {flip.sample for one in flipped for flip in one.flips}
    show_wrapped(f"{counted(len(samples), 'sample')} flipped", style, "bold", width=width)
    for one in flipped:
        show_wrapped(f"- {_flips(one)}", style, width=width)


def _flips(one: MetricComparison) -> str:
    unit = one.metric.unit
    shown = ", ".join(
        f"{flip.sample} {repeats_text([flip.old], unit)} → {repeats_text([flip.new], unit)}"
        for flip in one.flips[:_FLIPS]
    )
    rest = len(one.flips) - _FLIPS
    return one_line(f"{one.metric.name}: {shown}" + (f" and {rest:,} more" if rest > 0 else ""))


def _show_missing(comparison: Comparison, style: Style, width: int) -> None:
    gaps = gap_reasons(comparison)
    if gaps:
        say_styled("")
        show_wrapped("Missing, and not counted as zero", style, "bold", width=width)
        for why, names in gaps[:_REASONS]:
            show_wrapped(one_line(f"- {why}: {names}"), style, width=width)
        if len(gaps) > _REASONS:
            show_wrapped(f"- and {len(gaps) - _REASONS:,} rarer reasons", style, width=width)
        for one in quality(comparison):
            if one.bounds is not None:
                worst, best = (
                    change_range(one.metric, each) or "–" for each in (one.bounds.worst, one.bounds.best)
                )
                said = f"- {one.metric.name}: {worst} if these were as bad as can be, {best} if as good"
                show_wrapped(one_line(said), style, "dim", width=width)
    for name, why in comparison.left_out.items():
        show_wrapped(f"not compared: {one_line(name)}: {one_line(why)}", style, "dim", width=width)


def _short(text: str) -> str:
    return text if len(text) <= _NAME else f"{text[: _NAME // 2 - 1]}…{text[-_NAME // 2 :]}"
