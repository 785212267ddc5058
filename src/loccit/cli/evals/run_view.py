"""A run as a person reads it in a terminal of 80 to 120 columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.table import Table
from rich.text import Text

from loccit.cli.output import Style, counted, one_line, say_styled
from loccit.cli.score_tables import score_table, show_table, show_wrapped, terminal_width
from loccit.evals.log import EvalLog
from loccit.evals.report_parts import Distribution, Unit, middle, written, written_range
from loccit.evals.sample_case import question_title, repeats_text
from loccit.evals.statistics import Interval, Scale
from loccit.evals.summary import Calibrated, Figure, Summary, arrow, system_name

_WIDE = 110
_WHISKER = 24
_WORST, _FLAKY, _FLAKY_FIGURES, _FAILURES, _SPLITS, _REPEATS = 5, 3, 2, 5, 3, 8
_NAME = 30
_NO_CALIBRATION: Mapping[str, Calibrated] = {}


def show_run(log: EvalLog, calibrated: Mapping[str, Calibrated] = _NO_CALIBRATION) -> None:
    """Print a run: every figure, its slices, what failed, what is flaky, the worst samples, time and cost."""
    summary, style, width = Summary(log, calibrated), Style(), terminal_width()
    _show_title(summary, style, width)
    if summary.quality:
        show_table(_figures("quality", summary.quality, width), width)
        _show_judges(summary, style, width)
    show_table(_figures("operations", summary.operations, width), width)
    _show_aspects(summary, width)
    for one in summary.splits[:_SPLITS]:
        groups = [
            (
                f"{group.name} ({len(group.samples):,})",
                summary.figure(summary.headline.metric.name, group.samples),
            )
            for group in one.groups
        ]
        show_table(_split(f"{summary.headline.metric.name} by {one.name}", groups), width)
    _show_missing(summary, style, width)
    _show_failures(summary, style, width)
    _show_repeats(summary, style, width)
    _show_flaky(summary, style, width)
    _show_worst(summary, style, width)
    _show_end(summary, style, width)


def whisker(value: Interval | float, columns: int = _WHISKER) -> str:
    """A score from 0 to 1 and its interval as a line of so many columns: `   ├──●─┤   `."""
    last = columns - 1
    if not isinstance(value, Interval):
        at = round(min(max(value, 0.0), 1.0) * last)
        return f"{' ' * at}●{' ' * (last - at)}"
    low, at, high = (
        round(min(max(each, 0.0), 1.0) * last) for each in (value.low, value.estimate, value.high)
    )
    drawn = [" "] * columns
    drawn[low : high + 1] = "─" * (high + 1 - low)
    drawn[low], drawn[high] = "├", "┤"
    drawn[at] = "●"
    return "".join(drawn)


def _show_title(summary: Summary, style: Style, width: int) -> None:
    log = summary.log
    groups = len(set(log.clusters.values()))
    samples = counted(len(log.samples), "sample")
    if groups < len(log.samples):
        samples += f" in {counted(groups, 'group')}"
    repeats = log.header.repeats
    asked = "each asked once" if repeats == 1 else f"each asked {repeats:,} times"
    name = f"{system_name(log.header.system)} on {log.header.dataset.name or 'samples without a name'}"
    show_wrapped(f"{one_line(name)}: {samples}, {asked}", style, "bold", width=width)
    if not log.is_complete:
        done = f"not complete: {len(log.entries):,} of {summary.expected_entries:,} outputs are there"
        show_wrapped(f"⚠ {done}; the same command goes on with it", style, "yellow", width=width)


def _figures(title: str, figures: Sequence[Figure], width: int) -> Table:
    is_wide = width >= _WIDE
    table = score_table(title, "samples", "mean", "95% interval", "missing")
    if is_wide:
        table.add_column("", no_wrap=True, overflow="ellipsis", ratio=1)
        table.expand = True
    for each in figures:
        table.add_row(
            *_figure_row(each), *([Text(one_line(each.metric.about), style="dim")] if is_wide else [])
        )
    return table


def _figure_row(figure: Figure) -> list[Text]:
    mark = " ⚠" if figure.is_uncalibrated else ""
    name = Text(f"{_short(one_line(figure.metric.name))} {arrow(figure.metric)}{mark}")
    lacking = Text(f"{figure.lacking:,}" if figure.lacking else "", style="yellow")
    value, unit = figure.value, figure.metric.unit
    if value is None:
        return [name, Text("0"), Text("–"), Text("not measured", style="dim"), lacking]
    if not isinstance(value, Interval):
        return [name, _count(figure), Text(written(value, unit)), Text("one group", style="dim"), lacking]
    return [
        name,
        _count(figure),
        Text(written(value.estimate, unit), style="bold"),
        Text(written_range(value, unit)),
        lacking,
    ]


def _count(figure: Figure) -> Text:
    return Text(f"{figure.samples:,}")


def _show_judges(summary: Summary, style: Style, width: int) -> None:
    if any(each.is_uncalibrated for each in summary.quality):
        said = "by an uncalibrated judge, which nobody has compared with people: loccit eval calibrate"
        show_wrapped(f"⚠ {said}", style, "yellow", width=width)
    for each in summary.quality:
        if each.calibrated is not None:
            kappa = each.calibrated.kappa
            agrees = f"κ {kappa.estimate:.2f} ({kappa.low:.2f}–{kappa.high:.2f})"
            labels = counted(each.calibrated.labels, "label")
            said = f"{one_line(each.metric.name)}: a judge that agrees with people by {agrees}, {labels}"
            show_wrapped(said, style, "dim", width=width)


def _show_aspects(summary: Summary, width: int) -> None:
    if not summary.aspects:
        return
    table = score_table("together", *(each.name for each in summary.aspects))
    cells: list[Text] = []
    for each in summary.aspects:
        figure = each.figure
        if figure is None or figure.value is None:
            cells.append(Text("–\nnot measured"))
            continue
        unit, mark = figure.metric.unit, " ⚠" if figure.is_uncalibrated else ""
        if isinstance(figure.value, Interval):
            text = Text(f"{written(figure.value.estimate, unit)}{mark}")
            cells.append(text.append(f"\n{written_range(figure.value, unit)}", style="dim"))
        else:
            cells.append(Text(f"{written(figure.value, unit)}{mark}"))
    table.add_row(Text(""), *cells)
    show_table(table, width)


def _split(title: str, groups: Sequence[tuple[str, Figure]]) -> Table:
    table = score_table(_short(one_line(title)), "mean", "95% interval")
    table.add_column("0%".ljust(_WHISKER - 4) + "100%", no_wrap=True)
    for name, figure in groups:
        unit, value = figure.metric.unit, figure.value
        shown = Text(_short(one_line(name)))
        if value is None:
            table.add_row(shown, Text("–"), Text("not measured", style="dim"), Text(""))
            continue
        line = whisker(value) if figure.metric.scale is Scale.SCORE else ""
        if isinstance(value, Interval):
            ends, estimate = written_range(value, unit), value.estimate
        else:
            ends, estimate = "one group", value
        table.add_row(shown, Text(written(estimate, unit)), Text(ends), Text(line, style="cyan"))
    return table


def _show_missing(summary: Summary, style: Style, width: int) -> None:
    reasons: dict[str, list[str]] = {}
    for figure in summary.quality:
        for reason, count in figure.missing.items():
            reasons.setdefault(reason, []).append(f"{figure.metric.name} {count:,}")
    if not reasons:
        return
    say_styled("")
    show_wrapped("Missing, and not counted as zero:", style, "bold", width=width)
    for reason, figures in list(reasons.items())[:_FAILURES]:
        show_wrapped(f"- {one_line(reason)}: {one_line(', '.join(figures))}", style, width=width)
    if len(reasons) > _FAILURES:
        show_wrapped(f"- and {len(reasons) - _FAILURES:,} rarer reasons", style, width=width)


def _show_failures(summary: Summary, style: Style, width: int) -> None:
    failed = summary.failures
    if not failed:
        return
    say_styled("")
    total = sum(each.outputs for each in failed)
    title = f"Without an output: {total:,} of {len(summary.log.entries):,}"
    show_wrapped(title, style, "bold", "red", width=width)
    for each in failed[:_FAILURES]:
        said = f"- {each.outputs:,} × {each.error}"
        said += f", as {each.samples[0]}: {each.message}" if each.message else f", as {each.samples[0]}"
        show_wrapped(_cut(one_line(said), 2 * width), style, width=width)
    if len(failed) > _FAILURES:
        show_wrapped(f"- and {len(failed) - _FAILURES:,} rarer errors", style, width=width)


def _show_repeats(summary: Summary, style: Style, width: int) -> None:
    """How often every one of several tries succeeds, of what is yes or no."""
    if not summary.repeat_success:
        return
    say_styled("")
    show_wrapped("Success over repeats", style, "bold", width=width)
    for each in summary.repeat_success[:_REPEATS]:
        one, some, every = (
            "–" if (found := middle(value)) is None else written(found, Unit.SHARE)
            for value in (each.one, each.any, each.all)
        )
        of_several = f"{some} at least one of {each.tries}, {every} all of them"
        line = f"- {each.metric.name}: {one} of one try, {of_several}"
        show_wrapped(one_line(line), style, width=width)


def _show_flaky(summary: Summary, style: Style, width: int) -> None:
    if not summary.flaky:
        return
    say_styled("")
    title = f"Flaky: {len(summary.flaky):,} of {counted(len(summary.log.samples), 'sample')}"
    show_wrapped(f"{title} do not agree with themselves", style, "bold", "yellow", width=width)
    for each in summary.flaky[:_FLAKY]:
        shown = [
            f"{name} {repeats_text(values, summary.log.metrics[name].unit)}"
            for name, values in list(each.values.items())[:_FLAKY_FIGURES]
        ]
        if len(each.values) > _FLAKY_FIGURES:
            shown.append(f"{len(each.values) - _FLAKY_FIGURES:,} more figures")
        show_wrapped(_cut(one_line(f"- {each.sample}: {'; '.join(shown)}"), 2 * width), style, width=width)


def _show_worst(summary: Summary, style: Style, width: int) -> None:
    worst = summary.worst(_WORST)
    if not worst:
        return
    metric = summary.headline.metric
    say_styled("")
    show_wrapped(f"The worst by {one_line(metric.name)}", style, "bold", width=width)
    for entry in worst:
        value = entry.scores.get(metric.name)
        shown = "–" if value is None else written(value, metric.unit)
        line = f"{shown:>7}  {one_line(entry.sample.id)}  {one_line(question_title(entry.sample))}"
        say_styled(style(_cut(line, width)))


def _show_end(summary: Summary, style: Style, width: int) -> None:
    times = tuple(entry.run.latency_s for entry in summary.log.entries if entry.run.latency_s is not None)
    facts: list[str] = []
    if times:
        spread = Distribution("", times)
        p50, p95 = (written(spread.quantile(share), Unit.SECONDS) for share in (0.5, 0.95))
        facts.append(f"an answer takes {p50} (p50), {p95} (p95)")
    if summary.cost_usd is not None:
        cost = written(summary.cost_usd, Unit.DOLLARS)
        facts.append(f"{cost} for models" if summary.cost_usd else "nothing was paid for models")
    end = summary.log.end
    if end is not None and end.run.seconds:
        facts.append(f"the run took {written(end.run.seconds, Unit.SECONDS)}")
    if facts:
        say_styled("")
        show_wrapped("; ".join(facts), style, "dim", width=width)


def _short(text: str) -> str:
    return text if len(text) <= _NAME else f"{text[: _NAME // 2 - 1]}…{text[-_NAME // 2 :]}"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
