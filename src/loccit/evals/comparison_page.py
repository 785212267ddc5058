"""A comparison of two logs as a page: what changed, how surely, for which samples, and if it may pass."""

from __future__ import annotations

import math
from collections.abc import Sequence

from loccit.evals.compare import Comparison, Flip, MetricComparison, Side
from loccit.evals.comparison_figures import (
    TONES,
    both_names,
    change_range,
    change_text,
    change_unit,
    decision_change,
    gap_reasons,
    level_range,
    level_text,
    margin_text,
    p_text,
    primary,
    quality,
    ratio_range,
    ratio_text,
    side_name,
    tone_of,
    verdict_words,
)
from loccit.evals.gate import Decision, GateReport, Verdict
from loccit.evals.log import Entry, EvalLog
from loccit.evals.metrics import Better
from loccit.evals.report_parts import (
    Callout,
    Case,
    Cases,
    Cell,
    Column,
    Difference,
    DifferencePlot,
    Fact,
    Headline,
    Page,
    Panel,
    Part,
    Prose,
    Section,
    Table,
    Tone,
    Unit,
    signed,
    signed_range,
    written,
    written_range,
)
from loccit.evals.sample_case import claims_text, given_text, question_title, repeats_text, right_text
from loccit.evals.statistics import Interval, Scale
from loccit.evals.summary import arrow

_LOSSES, _GAINS = 10, 6
_SPLIT_METRICS = 3
_REASONS = 12
_SHOWN = 160


def page_of_comparison(
    comparison: Comparison, ours: EvalLog, theirs: EvalLog, report: GateReport | None = None
) -> Page:
    """The whole report of `loccit eval compare`, with a report also of `loccit eval gate`.

    The logs are those that were compared: samples that flipped are shown with both answers.
    """
    sections: list[Section] = [] if report is None else [_gate_section(report)]
    sections.append(_differences_section(comparison, report))
    sections += _splits_sections(comparison)
    sections += [_flips_section(comparison, ours, theirs), _missing_section(comparison)]
    command = "compare" if report is None else "gate"
    return Page(
        title="Is new better than old?" if report is None else "May new take the place of old?",
        kicker=f"{both_names(comparison.ours, comparison.theirs)} · {comparison.ours.task}",
        summary=f"{_samples(len(comparison.samples.samples))} that both were asked, each compared with "
        "itself. A difference is new less old.",
        headline=_gate_headline(report) if report else _headline(comparison),
        sections=tuple(sections),
        colophon=(
            Fact("Made by", f"loccit eval {command}, loccit {comparison.ours.version}"),
            _side_fact("New", comparison.ours),
            _side_fact("Old", comparison.theirs),
        ),
    )


def _headline(comparison: Comparison) -> Headline | None:
    one = primary(comparison)
    if one is None:
        return None
    if one.difference is None:
        return Headline("–", f"{one.metric.name}: not compared", " ".join(one.cautions))
    points = " points" if one.metric.scale is Scale.SCORE else ""
    tone = tone_of(one.metric, one.difference, one.p_holm, comparison.level)
    said = {Tone.GOOD: "better", Tone.BAD: "worse"}.get(tone, "no clear difference")
    words = (
        f"Between {change_range(one.metric, one.difference).replace(' to ', ' and ')}{points}, with "
        f"{100 * comparison.level:.0f}% confidence: {said}."
    )
    if any("uncalibrated" in caution for caution in one.cautions):
        words += " By an uncalibrated judge."
    return Headline(
        change_text(one.metric, one.difference),
        f"{'points of ' if points else ''}{one.metric.name}: {level_text(one.metric, one.theirs)} before, "
        f"{level_text(one.metric, one.ours)} now",
        words,
        _headline_facts(comparison),
    )


def _headline_facts(comparison: Comparison) -> tuple[Fact, ...]:
    tones = [tone_of(one.metric, one.difference, one.p_holm, comparison.level) for one in comparison.metrics]
    flips = {flip.sample for one in quality(comparison) for flip in one.flips}
    missing = {gap.sample for one in quality(comparison) for gap in one.missing}
    return (
        Fact("Metrics better", f"{tones.count(Tone.GOOD):,}", f"of {len(tones):,} compared"),
        Fact("Metrics worse", f"{tones.count(Tone.BAD):,}", f"of {len(tones):,} compared"),
        Fact("Samples that flipped", f"{len(flips):,}", f"of {len(comparison.samples.samples):,}"),
        Fact("Samples with gaps", f"{len(missing):,}", "no figure on a side"),
    )


def _gate_headline(report: GateReport) -> Headline:
    is_open = report.verdict is Verdict.INCONCLUSIVE
    facts = tuple(
        Fact(
            one.metric.name,
            decision_change(one, one.change)[0],
            f"{one.verdict}, margin {margin_text(one)}",
        )
        for one in report.decisions[:4]
    )
    return Headline(
        "?" if is_open else report.verdict.value, _gate_label(report), verdict_words(report), facts
    )


def _gate_label(report: GateReport) -> str:
    match report.verdict:
        case Verdict.PASS:
            return "New may take the place of old"
        case Verdict.FAIL:
            return "New is worse than was allowed"
        case Verdict.INCONCLUSIVE:
            return "INCONCLUSIVE: more samples are needed"


def _gate_section(report: GateReport) -> Section:
    parts: list[Part] = [
        Callout(str(report.verdict.value), verdict_words(report), TONES[report.verdict]),
        Table(
            "Every metric with a margin",
            (
                Column("Metric", is_number=False),
                Column("Verdict"),
                Column("Change"),
                Column("Margin"),
                Column("Samples"),
                Column("Would decide"),
            ),
            tuple(_decision_row(one) for one in report.decisions),
            note="PASS: a loss of the margin is excluded. FAIL: it is worse, also after correction for how "
            "many metrics are gated, and not shown to be within the margin. INCONCLUSIVE: neither; so many "
            "samples would decide in 9 of 10 cases.",
        ),
    ]
    parts += _decision_plots(report.decisions)
    parts += [Callout("Mind", caution, Tone.WARNING) for caution in report.cautions]
    return Section("The verdict", tuple(parts))


def _decision_row(one: Decision) -> tuple[Cell, ...]:
    change, ends = decision_change(one, one.change)
    return (
        Cell(f"{one.metric.name}\u00a0{arrow(one.metric)}", _cut(one.reason)),
        Cell(one.verdict.value, is_strong=True, tone=TONES[one.verdict]),
        Cell(change, ends),
        Cell(margin_text(one)),
        Cell(f"{one.samples:,}", f"{one.missing:,} missing" if one.missing else ""),
        Cell("–" if one.needed is None else f"{one.needed:,}"),
    )


def _decision_plots(decisions: Sequence[Decision]) -> list[Part]:
    """One plot for scores and one for what is held to a share of old: they have one scale each."""
    parts: list[Part] = []
    scores = [one for one in decisions if one.metric.scale is Scale.SCORE]
    growths = [one for one in decisions if one.margin.is_relative]
    for title, chosen, unit in (
        ("Scores and their margins, in points", scores, Unit.POINTS),
        ("Growth of amounts and their margins, in percent", growths, Unit.SHARE),
    ):
        rows = tuple(
            Difference(
                one.metric.name,
                _finite(one.change),
                one.margin.allowed,
                one.metric.better is Better.HIGHER,
                TONES[one.verdict],
            )
            for one in chosen
        )
        if rows:
            said = (
                "Dots are estimates, lines their 95% intervals. Beyond the dashed line it would be too bad."
            )
            parts.append(DifferencePlot(title, said, rows, unit))
    return parts


def _differences_section(comparison: Comparison, report: GateReport | None) -> Section:
    told = () if report is None else report.cautions
    parts: list[Part] = [
        Callout("Mind", each, Tone.WARNING) for each in comparison.cautions if each not in told
    ]
    scores = [one for one in comparison.metrics if one.metric.scale is Scale.SCORE]
    if scores and report is None:
        said = f"Dots are estimates, lines their {100 * comparison.level:.0f}% intervals. ✓ better, ✗ worse."
        rows = tuple(_difference(one, comparison.level) for one in scores)
        parts.append(DifferencePlot("What changed, in points", said, rows))
    if comparison.metrics:
        parts += [_metrics_table(comparison), *_amounts_table(comparison)]
    else:
        parts.append(Prose("No metric is in both logs."))
    judged = [one.metric.name for one in comparison.metrics if any("judge" in each for each in one.cautions)]
    if judged:
        said = f"A model gave {', '.join(judged)}, and nobody has compared it with people: "
        parts.append(Callout("Uncalibrated judge", f"{said}`loccit eval calibrate` does.", Tone.WARNING))
    if comparison.left_out:
        rows = tuple((Cell(name), Cell(_cut(why))) for name, why in comparison.left_out.items())
        columns = (Column("Metric", is_number=False), Column("Why", is_number=False))
        parts.append(Table("Not compared", columns, rows))
    return Section(
        "What changed",
        tuple(parts),
        lead="Bars of two systems that overlap say little; these are differences on the same samples.",
    )


def _difference(one: MetricComparison, level: float) -> Difference:
    return Difference(
        one.metric.name,
        one.difference,
        is_higher_better=one.metric.better is Better.HIGHER,
        tone=tone_of(one.metric, one.difference, one.p_holm, level),
    )


def _metrics_table(comparison: Comparison) -> Table:
    return Table(
        "Every metric that both measured",
        (
            Column("Metric", is_number=False),
            Column("Old"),
            Column("New"),
            Column("Difference"),
            Column("p"),
            Column("Samples"),
        ),
        tuple(_metric_row(one, comparison.level) for one in comparison.metrics),
        note="✓ better and ✗ worse: the interval is clear of zero, and p, which is corrected for all "
        "metrics by Holm's method, is small. Scores differ by points. ↑ more is better, ↓ less is better. "
        "Samples with gaps lack a figure that they should have; to those that only "
        "one has, it applies there only, as the precision of citations where something was answered. Neither "
        "is in the difference.",
    )


def _metric_row(one: MetricComparison, level: float) -> tuple[Cell, ...]:
    metric = one.metric
    apart = [
        f"{count:,} {said}"
        for count, said in (
            (len(one.missing), "with gaps"),
            (len(one.only_theirs), "only old"),
            (len(one.only_ours), "only new"),
        )
        if count
    ]
    return (
        Cell(f"{metric.name}\u00a0{arrow(metric)}", f"{metric.about}{_judge(one)}"),
        Cell(level_text(metric, one.theirs), level_range(metric, one.theirs)),
        Cell(level_text(metric, one.ours), level_range(metric, one.ours)),
        Cell(
            change_text(metric, one.difference),
            change_range(metric, one.difference) or "not measured",
            tone=tone_of(metric, one.difference, one.p_holm, level),
        ),
        Cell(p_text(one.p_holm)),
        Cell(f"{one.samples:,}", ", ".join(apart)),
    )


def _amounts_table(comparison: Comparison) -> list[Part]:
    """Of amounts a mean is not enough: a few that are very large hide in it."""
    rows = tuple(
        (
            Cell(one.metric.name),
            *(
                Cell("–", "not measured")
                if each is None
                else Cell(written(each.estimate, one.metric.unit), written_range(each, one.metric.unit))
                for each in (one.theirs.p50, one.ours.p50, one.theirs.p95, one.ours.p95)
            ),
            Cell("–", "not measured") if one.ratio is None else Cell(ratio_text(one), ratio_range(one)),
        )
        for one in comparison.metrics
        if one.metric.scale is Scale.AMOUNT
    )
    titles = ("Old, p50", "New, p50", "Old, p95", "New, p95", "New / old, mean")
    columns = (Column("Metric", is_number=False), *map(Column, titles))
    return [Table("How amounts are spread", columns, rows)] if rows else []


def _judge(one: MetricComparison) -> str:
    return " By an uncalibrated judge." if any("judge" in each for each in one.cautions) else ""


def _splits_sections(comparison: Comparison) -> list[Section]:
    parts: list[Part] = []
    small: dict[str, int] = {}
    for one in [one for one in quality(comparison) if one.slices][:_SPLIT_METRICS]:
        rows = tuple(
            Difference(
                f"{each.key}: {each.value} ({each.difference.samples:,})",
                each.difference,
                is_higher_better=one.metric.better is Better.HIGHER,
                tone=tone_of(one.metric, each.difference, each.p_holm, comparison.level),
            )
            for each in one.slices
        )
        said = "Behind each slice stands how many samples it has. p is corrected over these slices."
        parts.append(DifferencePlot(f"{one.metric.name} by slice", said, rows, change_unit(one.metric)))
    for one in quality(comparison):
        small |= one.small_slices
    if small:
        names = ", ".join(f"{name} ({count:,})" for name, count in sorted(small.items())[:_REASONS])
        rest = f" and {len(small) - _REASONS:,} others" if len(small) > _REASONS else ""
        parts.append(Prose(f"Too few samples to compare: {names}{rest}."))
    return [Section("Where it changed", tuple(parts))] if parts else []


def _flips_section(comparison: Comparison, ours: EvalLog, theirs: EvalLog) -> Section:
    title = "Samples that flipped"
    flipped = [one for one in quality(comparison) if one.flips]
    if not flipped:
        return Section(title, (Prose("No score of any sample changed."),))
    counts = Table(
        "How many, by metric",
        (
            Column("Metric", is_number=False),
            Column("Better"),
            Column("Worse"),
            Column("Flaky in old"),
            Column("Flaky in new"),
        ),
        tuple(
            (
                Cell(one.metric.name),
                Cell(f"{sum(not _is_loss(one, flip) for flip in one.flips):,}"),
                Cell(f"{sum(_is_loss(one, flip) for flip in one.flips):,}"),
                Cell(f"{len(one.flaky_theirs):,}"),
                Cell(f"{len(one.flaky_ours):,}"),
            )
            for one in flipped
        ),
        note="Flaky: the repeats of a sample do not agree within one log, so its flip may be chance.",
    )
    main = primary(comparison)
    shown = main if main is not None and main.flips else flipped[0]
    losses = [flip for flip in shown.flips if _is_loss(shown, flip)][:_LOSSES]
    gains = [flip for flip in shown.flips if not _is_loss(shown, flip)][:_GAINS]
    parts: list[Part] = [counts]
    for name, flips in (("worse", losses), ("better", gains)):
        if flips:
            cases = tuple(_flip_case(shown, flip, ours, theirs) for flip in flips)
            every = sum(_is_loss(shown, flip) == (name == "worse") for flip in shown.flips)
            note = (
                f"{len(cases):,} of the {every:,} that became {name} by {shown.metric.name}, the most first."
            )
            parts.append(Cases(cases, note=note))
    return Section(title, tuple(parts))


def _flip_case(one: MetricComparison, flip: Flip, ours: EvalLog, theirs: EvalLog) -> Case:
    is_loss = _is_loss(one, flip)
    metric = one.metric
    # Of repeats, those that show the flip: the better one where it was better.
    was_high = is_loss == (metric.better is Better.HIGHER)
    old, new = (
        _extreme(theirs, flip, metric.name, highest=was_high),
        _extreme(ours, flip, metric.name, highest=not was_high),
    )
    before, after = (repeats_text([each], metric.unit) for each in (flip.old, flip.new))
    facts = [Fact("Sample", flip.sample)]
    for name, each in ours.metrics.items():
        values = [
            repeats_text([entry.scores.get(name) for entry in log.by_sample[flip.sample]], each.unit)
            for log in (theirs, ours)
            if name in log.metrics
        ]
        if any(value.strip("– ·") for value in values):
            facts.append(Fact(name, " → ".join(values)))
    return Case(
        title=question_title(new.sample),
        outcome=f"{before} → {after}",
        why="",
        facts=tuple(facts),
        panels=(
            Panel(
                "Question, and what would be right", f"{new.sample.question}\n\n{right_text(new.sample.gold)}"
            ),
            Panel("Old answered", given_text(old.output)),
            Panel("New answered", given_text(new.output)),
            Panel("Old claimed, and cited for it", claims_text(old), is_code=True),
            Panel("New claimed, and cited for it", claims_text(new), is_code=True),
        ),
        tone=Tone.BAD if is_loss else Tone.GOOD,
    )


def _extreme(log: EvalLog, flip: Flip, metric: str, *, highest: bool) -> Entry:
    known = [entry for entry in log.by_sample[flip.sample] if metric in entry.scores]
    return (max if highest else min)(known, key=lambda entry: entry.scores[metric])


def _is_loss(one: MetricComparison, flip: Flip) -> bool:
    return (flip.new < flip.old) == (one.metric.better is Better.HIGHER)


def _missing_section(comparison: Comparison) -> Section:
    title = "What is missing"
    lacking = [one for one in comparison.metrics if one.missing]
    if not lacking:
        return Section(title, (Prose("Nothing: both logs have every figure that they should have."),))
    bounds = Table(
        "If what is missing were as bad, or as good, for new as can be",
        (
            Column("Metric", is_number=False),
            Column("Samples with gaps"),
            Column("As it is"),
            Column("At its worst"),
            Column("At its best"),
        ),
        tuple(
            (
                Cell(one.metric.name),
                Cell(f"{len(one.missing):,}"),
                _change_cell(one, one.difference),
                _change_cell(one, one.bounds.worst if one.bounds else None),
                _change_cell(one, one.bounds.best if one.bounds else None),
            )
            for one in lacking
        ),
        note="Nothing that is missing is counted as zero. Where both say the same, it does not matter.",
    )
    reasons = gap_reasons(comparison)
    why_table = Table(
        "Why",
        (Column("Why", is_number=False), Column("Figures, and of how many samples", is_number=False)),
        tuple((Cell(_cut(why)), Cell(names)) for why, names in reasons[:_REASONS]),
        note=f"And {len(reasons) - _REASONS:,} rarer reasons." if len(reasons) > _REASONS else "",
    )
    return Section(title, (bounds, why_table))


def _change_cell(one: MetricComparison, change: Interval | None) -> Cell:
    if change is None:
        return Cell("–", "not measured")
    unit = change_unit(one.metric)
    return Cell(signed(change.estimate, unit), signed_range(change, unit))


def _side_fact(name: str, side: Side) -> Fact:
    dataset = f"{side.dataset or 'samples without a name'}, sha256 {side.digest}"
    repeats = f", {side.repeats:,} repeats" if side.repeats > 1 else ""
    state = "" if side.is_complete else ", incomplete"
    return Fact(
        name,
        f"{side.kind} {side_name(side)}, {_samples(side.samples)}{repeats}{state}",
        f"{dataset}, loccit {side.version}",
    )


def _finite(change: Interval | None) -> Interval | None:
    """A change that has both ends: one without cannot be drawn, and the table says it."""
    if change is None or not (math.isfinite(change.low) and math.isfinite(change.high)):
        return None
    return change


def _samples(count: int) -> str:
    return f"{count:,} {'sample' if count == 1 else 'samples'}"


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
