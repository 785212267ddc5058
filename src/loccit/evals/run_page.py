"""A run, or several side by aspect, as a page: how good, at what cost, where not, and what to read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from loccit.core.errors import InputError
from loccit.evals.log import EvalLog
from loccit.evals.metrics import COST, FAILED, LATENCY, Better, Metric
from loccit.evals.report_parts import (
    BarPlot,
    Callout,
    Cases,
    Cell,
    Column,
    Distribution,
    DistributionPlot,
    Fact,
    Facts,
    Headline,
    Page,
    Part,
    Point,
    PointSeries,
    Prose,
    ScatterPlot,
    Section,
    Series,
    Table,
    Tone,
    Unit,
    Value,
    middle,
    value_cell,
    written,
)
from loccit.evals.sample_case import question_title, repeats_text, sample_case
from loccit.evals.statistics import Interval, Scale
from loccit.evals.summary import (
    Aspect,
    Calibrated,
    Figure,
    Flaky,
    Split,
    Summary,
    arrow,
    has_costs,
    judge_remark,
    system_name,
)

_WORST = 12
_FLAKY = 15
_FAILURES = 12
_REASONS = 12
_SPLIT_COLUMNS = 5
_FLAKY_COLUMNS = 4
_SHORT = 12
_SHOWN = 160
_NO_CALIBRATION: Mapping[str, Calibrated] = {}


def page_of_run(log: EvalLog, calibrated: Mapping[str, Calibrated] = _NO_CALIBRATION) -> Page:
    """The whole report of `loccit eval run`. `calibrated`: what is known of the judges, by prompt version."""
    summary = Summary(log, calibrated)
    header = log.header
    sections = [_figures_section(summary)]
    if summary.aspects:
        sections.append(_aspects_section([summary]))
    sections += [_splits_section(one) for one in [summary] if one.splits]
    sections += [*_cost_section([summary]), _failures_section(summary)]
    sections += [_flaky_section(summary), _worst_section(summary)]
    return Page(
        title=f"How good is {system_name(header.system)} on {header.dataset.name or 'these samples'}?",
        kicker=f"{header.task} · {_samples(header.dataset.samples)} · {_repeats(header.repeats)}",
        summary="Every figure is a mean over samples with its 95% interval, or it is missing and says why.",
        headline=_headline(summary),
        sections=tuple(sections),
        colophon=_colophon(log),
    )


def page_of_runs(logs: Sequence[EvalLog], calibrated: Mapping[str, Calibrated] = _NO_CALIBRATION) -> Page:
    """One page with several systems side by aspect; the last stands out. Raises InputError for no log.

    The differences between two of them, sample by sample, are another page: `page_of_comparison`.
    """
    if not logs:
        raise InputError("there is no log to show, expected at least one", next_step="name a log")
    if len(logs) == 1:
        return page_of_run(logs[0], calibrated)
    summaries = [Summary(log, calibrated) for log in logs]
    names = _distinct_names(logs)
    last = summaries[-1]
    sections = [_systems_section(summaries, names)]
    if any(each.aspects for each in summaries):
        sections.append(_aspects_section(summaries, names))
    sections += [*_cost_section(summaries, names), *_splits_of_systems(summaries, names)]
    sections.append(_failures_of_systems(summaries, names))
    return Page(
        title=f"{len(logs)} systems on {last.log.header.dataset.name or 'the same samples'}",
        kicker=f"{last.log.header.task} · {_samples(last.log.header.dataset.samples)}",
        summary="Intervals that overlap may still hide a clear difference: `loccit eval compare` pairs the "
        "samples of two of these.",
        sections=tuple(sections),
        colophon=tuple(
            Fact(name, log.header.dataset.digest[:_SHORT], f"loccit {log.header.version}, {_facts_of(log)}")
            for name, log in zip(names, logs, strict=True)
        ),
    )


def in_words(value: Value, unit: Unit) -> str:
    """An interval as a sentence, and why there is none where there is none."""
    if value is None:
        return "Not measured."
    if not isinstance(value, Interval):
        return "All samples are of one group, so nothing is known of how groups vary: there is no interval."
    if unit is Unit.SHARE:
        low, high = f"{100 * value.low:.0f}", f"{100 * value.high:.0f}%"
    else:
        low, high = written(value.low, unit), written(value.high, unit)
    said = f"Between {low} and {high}, with {100 * value.level:.0f}% confidence."
    if value.clusters == 1:
        return f"{said} One group alone says nothing of how groups vary."
    return said


def figure_cell(figure: Figure, *, is_strong: bool = False) -> Cell:
    """The value with its interval; a dash and the reason where there is none; a judge said to be one."""
    if figure.value is None:
        return Cell("–", _cut(figure.why_missing or "does not apply"))
    cell = value_cell(figure.value, figure.metric.unit, is_strong=is_strong)
    remark = judge_remark(figure)
    if not remark:
        return cell
    detail = f"{cell.detail}, {remark}" if cell.detail else remark
    return Cell(cell.text, detail, is_strong, Tone.WARNING if figure.is_uncalibrated else Tone.NEUTRAL)


def _headline(summary: Summary) -> Headline:
    figure = summary.headline
    metric = figure.metric
    if figure.value is None:
        why = figure.why_missing or "no sample has it"
        label = f"{metric.name}: not measured"
        return Headline("–", label, f"{_cut(why)}.", _headline_facts(summary))
    words = in_words(figure.value, metric.unit)
    if figure.lacking:
        words += f" {_samples(figure.lacking)} without a figure {_are(figure.lacking)} not counted in it."
    if figure.is_uncalibrated:
        words += " A model gave it, and nobody has compared that judge with people."
    return Headline(
        _big(figure.value, metric.unit), f"{metric.name}: {metric.about}", words, _headline_facts(summary)
    )


def _headline_facts(summary: Summary) -> tuple[Fact, ...]:
    log = summary.log
    groups = len(set(log.clusters.values()))
    failed = sum(each.outputs for each in summary.failures)
    facts = [
        Fact(
            "Samples", f"{len(log.samples):,}", f"in {groups:,} groups" if groups < len(log.samples) else ""
        ),
        Fact("Without an output", f"{failed:,}", f"of {len(log.entries):,} outputs"),
        _cost_fact(summary),
    ]
    values = _latencies(log)
    if values:
        spread = Distribution("", values)
        p50, p95 = (written(spread.quantile(share), Unit.SECONDS) for share in (0.5, 0.95))
        facts.append(Fact("Time, p50", p50, f"p95 {p95}"))
    else:
        facts.append(Fact("Time", "–", "no output tells it"))
    return tuple(facts)


def _cost_fact(summary: Summary) -> Fact:
    if summary.cost_usd is None:
        return Fact("Cost", "–", "the system does not tell")
    each = summary.cost_usd / max(1, len(summary.log.entries))
    detail = "no model was paid" if not summary.cost_usd else f"{written(each, Unit.DOLLARS)} an output"
    return Fact("Cost", written(summary.cost_usd, Unit.DOLLARS), detail)


def _figures_section(summary: Summary) -> Section:
    parts: list[Part] = [*_warnings([summary])]
    if summary.quality:
        parts.append(_metrics_table("Quality", summary.quality))
    parts.append(_metrics_table("Operations", summary.operations))
    parts += _missing_parts([summary])
    return Section(
        "The figures",
        tuple(parts),
        lead="Samples of one group, as questions about one document, count as one witness: intervals are "
        "as wide as that makes them.",
    )


def _warnings(summaries: Sequence[Summary], names: Sequence[str] = ("",)) -> list[Callout]:
    found: list[Callout] = []
    for name, summary in zip(names, summaries, strict=True):
        the = f"{name}: the" if name else "The"
        log = summary.log
        if not log.entries:
            said = "It ended before the first sample had an output."
            found.append(Callout(f"{the} run has nothing yet", said, Tone.BAD))
        elif not log.is_complete:
            done = f"{len(log.entries):,} of {summary.expected_entries:,} outputs are there."
            said = f"{done} The same command goes on with it."
            found.append(Callout(f"{the} run is not complete", said, Tone.WARNING))
    judged = [each.metric.name for summary in summaries for each in summary.quality if each.is_uncalibrated]
    if judged:
        said = (
            f"A model gave {_listed(list(dict.fromkeys(judged)))}, and nobody has compared it with people: "
        )
        found.append(Callout("Uncalibrated judge", f"{said}`loccit eval calibrate` does.", Tone.WARNING))
    return found


def _metrics_table(caption: str, figures: Sequence[Figure]) -> Table:
    return Table(
        caption,
        (Column("Figure", is_number=False), Column("Samples"), Column("Mean"), Column("Missing")),
        tuple(
            (
                Cell(f"{figure.metric.name}\u00a0{arrow(figure.metric)}", figure.metric.about),
                Cell(f"{figure.samples:,}"),
                _narrow(figure_cell(figure)),
                Cell(
                    f"{figure.lacking:,}" if figure.lacking else "0",
                    f"{figure.partly:,} in part" if figure.partly else "",
                    tone=Tone.WARNING if figure.lacking else Tone.NEUTRAL,
                ),
            )
            for figure in figures
        ),
        note="↑ more is better, ↓ less is better.",
    )


def _plain_cell(figure: Figure, *, is_strong: bool = False) -> Cell:
    """Without a word of the judge, which the title of the column or row has."""
    tone = Tone.WARNING if figure.is_uncalibrated and figure.value is not None else Tone.NEUTRAL
    return value_cell(figure.value, figure.metric.unit, is_strong=is_strong, tone=tone)


def _narrow(cell: Cell) -> Cell:
    """A number's cell does not wrap: a long reason stands in the table of what is missing."""
    return Cell("–", "not measured", cell.is_strong, cell.tone) if cell.text == "–" else cell


def _missing_parts(summaries: Sequence[Summary], names: Sequence[str] = ("",)) -> list[Part]:
    """By reason, since one failure leaves many figures without a value."""
    by: dict[tuple[str, str], list[str]] = {}
    for name, summary in zip(names, summaries, strict=True):
        for figure in summary.figures:
            for reason, count in figure.missing.items():
                by.setdefault((name, reason), []).append(f"{figure.metric.name} ({count:,})")
    if not by:
        return []
    is_alone = len(summaries) == 1
    titles = ["Why", *([] if is_alone else ["System"]), "Figures, and of how many samples"]
    rest = f" And {len(by) - _REASONS:,} rarer reasons." if len(by) > _REASONS else ""
    return [
        Table(
            "What is missing, and why",
            tuple(Column(title, is_number=False) for title in titles),
            tuple(
                (Cell(_cut(why)), *([] if is_alone else [Cell(name)]), Cell(", ".join(figures)))
                for (name, why), figures in list(by.items())[:_REASONS]
            ),
            note=f"Nothing of this is counted as zero.{rest}",
        )
    ]


def _aspects_section(summaries: Sequence[Summary], names: Sequence[str] = ("",)) -> Section:
    parts: list[Part] = []
    if len(summaries) == 1:
        parts.append(Facts(tuple(_aspect_fact(aspect) for aspect in summaries[0].aspects)))
    else:
        shown = [(name, each.aspects) for name, each in zip(names, summaries, strict=True) if each.aspects]
        titles = [aspect.name for aspect in shown[0][1]]
        parts.append(
            Table(
                "All four, by system",
                (Column("System", is_number=False), *(Column(title) for title in titles)),
                tuple((Cell(name), *(_aspect_cell(aspect) for aspect in aspects)) for name, aspects in shown),
            )
        )
    return Section(
        "Coverage, abstention, correctness, citations",
        tuple(parts),
        lead="Read these together: who answers less is easily right more often, and who declines everything "
        "is never wrong.",
    )


def _aspect_fact(aspect: Aspect) -> Fact:
    if aspect.figure is None:
        return Fact(aspect.name.capitalize(), "–", aspect.why)
    cell = figure_cell(aspect.figure)
    name = "" if aspect.figure.metric.name == aspect.name else f"{aspect.figure.metric.name}, "
    count = f"{name}{_samples(aspect.figure.samples)}"
    return Fact(aspect.name.capitalize(), cell.text, f"{cell.detail}; {count}" if cell.detail else count)


def _aspect_cell(aspect: Aspect) -> Cell:
    return Cell("–", aspect.why) if aspect.figure is None else _narrow(figure_cell(aspect.figure))


def _splits_section(summary: Summary) -> Section:
    metric = summary.headline.metric
    parts: list[Part] = []
    for one in summary.splits:
        values = tuple(summary.figure(metric.name, group.samples).value for group in one.groups)
        names = tuple(f"{group.name} ({len(group.samples):,})" for group in one.groups)
        if any(value is not None for value in values):
            parts.append(
                BarPlot(
                    f"{metric.name} by {one.name}",
                    "Lines are 95% intervals; behind each group stands how many samples it has.",
                    names,
                    (Series(metric.name, values),),
                    metric.unit,
                    1.0 if metric.scale is Scale.SCORE else None,
                )
            )
        parts.append(_split_table(summary, one))
    return Section(
        "Where it works, and where it does not",
        tuple(parts),
        lead="Few samples say little, and of ten groups one looks unusual by chance.",
    )


def _split_table(summary: Summary, one: Split) -> Table:
    chosen = [each for each in summary.quality if each.samples][:_SPLIT_COLUMNS]
    metrics = [each.metric.name for each in chosen] or [FAILED.name]
    titles = [
        f"{each.metric.name} (uncalibrated judge)" if each.is_uncalibrated else each.metric.name
        for each in chosen
    ] or [FAILED.name]
    return Table(
        f"By {one.name}",
        (Column(one.name, is_number=False), Column("Samples"), *(Column(title) for title in titles)),
        tuple(
            (
                Cell(group.name),
                Cell(f"{len(group.samples):,}"),
                *(_plain_cell(summary.figure(name, group.samples)) for name in metrics),
            )
            for group in one.groups
        ),
    )


def _splits_of_systems(summaries: Sequence[Summary], names: Sequence[str]) -> list[Section]:
    """The slices that all have in common, with a bar for each system."""
    metric = summaries[-1].headline.metric
    if any(metric.name not in each.log.metrics for each in summaries):
        return []
    parts: list[Part] = []
    for one in summaries[-1].splits:
        series: list[Series] = []
        for name, each in zip(names, summaries, strict=True):
            values = [
                each.figure(metric.name, [key for key in group.samples if key in each.log.by_sample]).value
                for group in one.groups
            ]
            series.append(Series(name, tuple(values)))
        if any(value is not None for row in series for value in row.values):
            parts.append(
                BarPlot(
                    f"{metric.name} by {one.name}",
                    "Lines are 95% intervals; behind each group stands how many samples it has.",
                    tuple(f"{group.name} ({len(group.samples):,})" for group in one.groups),
                    tuple(series),
                    metric.unit,
                    1.0 if metric.scale is Scale.SCORE else None,
                )
            )
    return [Section("Where they work, and where not", tuple(parts))] if parts else []


def _cost_section(summaries: Sequence[Summary], names: Sequence[str] = ("",)) -> list[Section]:
    parts: list[Part] = []
    scatter = _scatter(summaries, names)
    if scatter is not None:
        parts.append(scatter)
    spread = tuple(
        Distribution(name or "latency", values)
        for name, each in zip(names, summaries, strict=True)
        if (values := _latencies(each.log))
    )
    if spread:
        said = "The line at a time says how many samples took that long or less."
        parts.append(DistributionPlot("How long an answer takes", said, "Seconds per sample", spread))
    else:
        parts.append(Prose("No output tells how long it took."))
    return [Section("Quality, cost and time", tuple(parts))]


def _scatter(summaries: Sequence[Summary], names: Sequence[str]) -> ScatterPlot | None:
    """Quality against cost, or time where nothing was spent: by system, of one alone by its widest slice."""
    metric = summaries[-1].headline.metric
    by_cost = any(has_costs(each) for each in summaries)
    price = COST if by_cost else LATENCY
    series: list[PointSeries] = []
    if len(summaries) == 1:
        summary = summaries[0]
        for group in (group for one in summary.splits[:1] for group in one.groups):
            series += _point(summary, metric, price, group.name, group.samples)
        series += _point(summary, metric, price, "all samples", None)
    else:
        for name, each in zip(names, summaries, strict=True):
            if metric.name in each.log.metrics:
                series += _point(each, metric, price, name, None)
    if not series:
        return None
    return ScatterPlot(
        f"{metric.name} against {'cost' if by_cost else 'time'}",
        f"Up is {'better' if metric.better is Better.HIGHER else 'worse'}, left is "
        f"{'cheaper' if by_cost else 'faster'}." + ("" if by_cost else " Nothing was spent on models."),
        "Dollars per sample" if by_cost else "Seconds per sample",
        metric.name,
        tuple(series),
        x_unit=price.unit,
        y_unit=metric.unit,
    )


def _point(
    summary: Summary, metric: Metric, price: Metric, name: str, samples: Sequence[str] | None
) -> list[PointSeries]:
    quality = summary.figure(metric.name, samples).value
    paid = middle(summary.figure(price.name, samples).value)
    return [] if quality is None or paid is None else [PointSeries(name, (Point(paid, quality),))]


def _failures_section(summary: Summary) -> Section:
    failed = summary.failures
    if not failed:
        return Section("What failed", (Prose("Nothing: every sample that was asked has an output."),))
    return Section("What failed", (_failures_table(summary),))


def _failures_table(summary: Summary) -> Table:
    failed = summary.failures
    rest = f" And {len(failed) - _FAILURES:,} rarer errors." if len(failed) > _FAILURES else ""
    return Table(
        "Samples without an output, by error",
        (Column("Error", is_number=False), Column("Outputs"), Column("Samples", is_number=False)),
        tuple(
            (
                Cell(_cut(each.error), _cut(each.message)),
                Cell(f"{each.outputs:,}"),
                Cell(_some(each.samples)),
            )
            for each in failed[:_FAILURES]
        ),
        note=f"They are missing in the figures of quality: not counted as zero.{rest}",
    )


def _failures_of_systems(summaries: Sequence[Summary], names: Sequence[str]) -> Section:
    rows = tuple(
        (Cell(name), Cell(_cut(each.error), _cut(each.message)), Cell(f"{each.outputs:,}"))
        for name, summary in zip(names, summaries, strict=True)
        for each in summary.failures[:_FAILURES]
    )
    if not rows:
        return Section("What failed", (Prose("Nothing: every sample that was asked has an output."),))
    columns = (Column("System", is_number=False), Column("Error", is_number=False), Column("Outputs"))
    return Section("What failed", (Table("Outputs that are missing, by error", columns, rows),))


def _flaky_section(summary: Summary) -> Section:
    title = "Flaky samples"
    if summary.log.header.repeats == 1:
        text = "Each sample was asked once: what would be answered differently the next time cannot be seen."
        return Section(title, (Prose(text),))
    asked = f"{summary.log.header.repeats:,} times"
    success = _success_table(summary)
    if not summary.flaky:
        text = f"None: each was asked {asked}, and always gave the same figures."
        return Section(title, (Prose(text), *success))
    counts = Counter(name for each in summary.flaky for name in each.values)
    names = sorted(counts, key=lambda name: (-counts[name], name))[:_FLAKY_COLUMNS]
    rest = len(summary.flaky) - _FLAKY
    table = Table(
        f"{_samples(len(summary.flaky))} of {len(summary.log.samples):,}, with what each repeat gave",
        (
            Column("Sample", is_number=False),
            *(Column(f"{name} ({counts[name]:,})") for name in names),
        ),
        tuple(
            (
                Cell(each.sample, question_title(summary.log.samples[each.sample])),
                *(_repeats_cell(summary, each, name) for name in names),
            )
            for each in summary.flaky[:_FLAKY]
        ),
        note="Empty: the repeats agree. A dash: that repeat gave no figure."
        + (f" {_samples(rest)} more {_are(rest)} as flaky or less." if rest > 0 else ""),
    )
    lead = (
        f"Each was asked {asked}, and these do not agree with themselves. A figure above counts the mean of "
        "the repeats; what it hides stands here."
    )
    return Section(title, (table, *success), lead=lead)


def _success_table(summary: Summary) -> tuple[Table, ...]:
    """How often one try, any of several and all of them succeed; nothing without metrics of yes and no."""
    if not summary.repeat_success:
        return ()
    columns = (
        Column("Figure", is_number=False),
        Column("Tries"),
        Column("One"),
        Column("At least one"),
        Column("Every one"),
        Column("Samples"),
    )
    rows = tuple(
        (
            Cell(each.metric.name),
            Cell(f"{each.tries:,}"),
            *(value_cell(value, Unit.SHARE) for value in (each.one, each.any, each.all)),
            Cell(f"{each.samples:,}"),
        )
        for each in summary.repeat_success
    )
    note = "Of so many tries of a sample, how probable it is that at least one, or every one, is good."
    return (Table("Success over repeats", columns, rows, note),)


def _repeats_cell(summary: Summary, flaky: Flaky, name: str) -> Cell:
    values = flaky.values.get(name)
    return Cell("" if values is None else repeats_text(values, summary.log.metrics[name].unit))


def _worst_section(summary: Summary) -> Section:
    worst = summary.worst(_WORST)
    metric = summary.headline.metric
    if not worst:
        if any(figure.samples for figure in summary.quality):
            text = "None: every figure of every sample that has one is as good as it can be."
        else:
            text = "No sample has a figure of quality."
        return Section("The worst samples", (Prose(text),))
    note = (
        f"The {len(worst):,} of {len(summary.log.samples):,} samples with the lowest {metric.name}, then the "
        "lowest mean of the rest; samples without an output are above. They quote questions, sources and "
        "answers: mind to whom you give this page."
    )
    cases = tuple(sample_case(summary.log, entry, metric) for entry in worst)
    return Section("The worst samples", (Cases(cases, note=note),))


def _systems_section(summaries: Sequence[Summary], names: Sequence[str]) -> Section:
    parts: list[Part] = []
    if len({each.log.header.dataset.digest for each in summaries}) > 1:
        said = "The logs are of different samples: a difference between their figures may be of the samples."
        parts.append(Callout("Not the same samples", said, Tone.BAD))
    parts += _warnings(summaries, names)
    for caption, chosen in (
        ("Quality", [each.metric for summary in summaries for each in summary.quality]),
        ("Operations", [each.metric for summary in summaries for each in summary.operations]),
    ):
        metrics = list({metric.name: metric for metric in chosen}.values())
        if metrics:
            parts.append(_systems_metrics(caption, metrics, summaries, names))
    parts += _missing_parts(summaries, names)
    return Section("The figures", tuple(parts), lead="Below each figure its 95% interval. Bold: the best.")


def _systems_metrics(
    caption: str, metrics: Sequence[Metric], summaries: Sequence[Summary], names: Sequence[str]
) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for metric in metrics:
        figures = [
            each.figure(metric.name) if metric.name in each.log.metrics else None for each in summaries
        ]
        known = [found for each in figures if each and (found := middle(each.value)) is not None]
        best = (max if metric.better is Better.HIGHER else min)(known, default=None)
        cells = [
            Cell("–", "not measured")
            if each is None
            else _plain_cell(each, is_strong=len(known) > 1 and middle(each.value) == best)
            for each in figures
        ]
        remark = next((judge_remark(each) for each in figures if each), "")
        about = f"{metric.about} By an {remark}." if remark.startswith("un") else metric.about
        rows.append((Cell(f"{metric.name}\u00a0{arrow(metric)}", about), *cells))
    columns = (Column("Figure", is_number=False), *(Column(name) for name in names))
    return Table(caption, columns, tuple(rows), note="↑ more is better, ↓ less is better.")


def _colophon(log: EvalLog) -> tuple[Fact, ...]:
    header = log.header
    end = log.end.run if log.end is not None else header.run
    scorers = ", ".join(f"{name} {version}" for name, version in header.scorers.items())
    facts = [
        Fact("Made by", f"loccit eval run, loccit {header.version}"),
        Fact("Dataset", header.dataset.name or "(no name)", f"sha256 {header.dataset.digest}"),
        Fact("System", f"{header.system.kind} {header.system.name}".strip(), _facts_of(log)),
        Fact("Scorers", scorers or "(none)"),
    ]
    judges = [f"{name}: {each.judge}" for name, each in log.metrics.items() if each.judge]
    if judges:
        facts.append(Fact("Judges", ", ".join(judges), "the versions of their prompts"))
    facts += [
        Fact("Took", written(end.seconds, Unit.SECONDS) if end.seconds else "–", _tries(end.tries)),
        Fact("Cost", written(end.cost_usd, Unit.DOLLARS) if log.end is not None else "–"),
    ]
    if log.end is not None:
        facts.append(Fact("Log", f"{log.end.entries:,} entries", f"sha256 {log.end.digest}"))
    return tuple(facts)


def _facts_of(log: EvalLog) -> str:
    return ", ".join(f"{name} {value}" for name, value in log.header.system.facts.items())


def _tries(tries: int) -> str:
    return f"begun {tries:,} times" if tries > 1 else ""


def _latencies(log: EvalLog) -> tuple[float, ...]:
    """Of every output, not the mean of its sample: a tail must not be averaged away."""
    return tuple(entry.run.latency_s for entry in log.entries if entry.run.latency_s is not None)


def _distinct_names(logs: Sequence[EvalLog]) -> list[str]:
    names = [system_name(log.header.system) for log in logs]
    return [f"{name} ({at})" if names.count(name) > 1 else name for at, name in enumerate(names, start=1)]


def _big(value: Value, unit: Unit) -> str:
    found = middle(value)
    if found is None:
        return "–"
    return f"{100 * found:.0f}%" if unit is Unit.SHARE else written(found, unit)


def _samples(count: int) -> str:
    return f"{count:,} {'sample' if count == 1 else 'samples'}"


def _repeats(count: int) -> str:
    return "asked once each" if count == 1 else f"asked {count:,} times each"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _some(samples: Sequence[str]) -> str:
    shown = ", ".join(samples[:3])
    return f"{shown} and {len(samples) - 3:,} more" if len(samples) > 3 else shown


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
