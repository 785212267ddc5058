"""Comparisons and gates in words: what the page, the terminal and the Markdown of one say alike.

Ours is called *new* and theirs *old*; a change is new less old.
"""

from __future__ import annotations

from collections import Counter

from loccit.evals.compare import Comparison, Level, MetricComparison, Side
from loccit.evals.gate import Decision, GateReport, Verdict
from loccit.evals.metrics import OPERATIONS, Better, Metric
from loccit.evals.pairs import Gap
from loccit.evals.report_parts import Tone, Unit, signed, signed_range, written, written_range
from loccit.evals.statistics import Interval, Scale

_OPERATIONS = frozenset(metric.name for metric in OPERATIONS)
TONES = {Verdict.PASS: Tone.GOOD, Verdict.FAIL: Tone.BAD, Verdict.INCONCLUSIVE: Tone.WARNING}


def side_name(side: Side) -> str:
    """What a reader calls a side."""
    return side.system or side.kind


def both_names(ours: Side, theirs: Side) -> str:
    """As `a (new) against b (old)`."""
    return f"{side_name(ours)} (new) against {side_name(theirs)} (old)"


def quality(comparison: Comparison) -> tuple[MetricComparison, ...]:
    """The metrics that scorers gave."""
    return tuple(one for one in comparison.metrics if one.metric.name not in _OPERATIONS)


def primary(comparison: Comparison) -> MetricComparison | None:
    """The one to show first: the first that no judge gives and that has a difference, else the first."""
    with_difference = [one for one in comparison.metrics if one.difference is not None]
    scores = [one for one in with_difference if one.metric.name not in _OPERATIONS]
    computed = [one for one in scores if not one.metric.judge]
    return next(iter([*computed, *scores, *with_difference, *comparison.metrics]), None)


def change_unit(metric: Metric) -> Unit:
    """What a difference of the metric is written in: points for all that is a score."""
    return Unit.POINTS if metric.scale is Scale.SCORE else metric.unit


def tone_of(
    metric: Metric, change: Interval | None, p_holm: float | None = None, level: float = 0.95
) -> Tone:
    """Good or bad where the interval is clear of zero and the corrected p says so too, else neutral."""
    if change is None or not change.is_clear_of_zero or (p_holm is not None and p_holm > 1 - level):
        return Tone.NEUTRAL
    is_more = change.low > 0
    return Tone.GOOD if is_more == (metric.better is Better.HIGHER) else Tone.BAD


def change_text(metric: Metric, change: Interval | None) -> str:
    """As `+3.1` points, `−120 ms`; a dash for none."""
    return "–" if change is None else signed(change.estimate, change_unit(metric))


def change_range(metric: Metric, change: Interval | None) -> str:
    """Its ends; empty for none."""
    return "" if change is None else signed_range(change, change_unit(metric))


def level_text(metric: Metric, level: Level) -> str:
    """The mean of a side; a dash for none."""
    return "–" if level.mean is None else written(level.mean.estimate, metric.unit)


def level_range(metric: Metric, level: Level) -> str:
    """Its interval; empty for none."""
    return "" if level.mean is None else written_range(level.mean, metric.unit)


def ratio_text(one: MetricComparison) -> str:
    """How many times old new is; empty where there is no ratio."""
    return "" if one.ratio is None else f"×{one.ratio.estimate:.2f}"


def ratio_range(one: MetricComparison) -> str:
    """Its ends; empty where there is no ratio."""
    return "" if one.ratio is None else f"×{one.ratio.low:.2f}–{written(one.ratio.high, Unit.PLAIN)}"


def p_text(p: float | None) -> str:
    """A p-value: three decimals, or that it is smaller."""
    if p is None:
        return "–"
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def margin_text(decision: Decision) -> str:
    """How much worse it may be."""
    allowed, metric = decision.margin.allowed, decision.metric
    if decision.margin.is_relative:
        return f"{100 * allowed:.4g}%"
    if metric.scale is Scale.SCORE:
        points = f"{100 * allowed:.4g}"
        return f"{points} point" if points == "1" else f"{points} points"
    return written(allowed, metric.unit)


def decision_change(decision: Decision, change: Interval | None) -> tuple[str, str]:
    """A change of a decision and its ends: with a relative margin it is a growth in percent."""
    if change is None:
        return "–", ""
    if not decision.margin.is_relative:
        return change_text(decision.metric, change), change_range(decision.metric, change)
    unit = Unit.POINTS
    low, high = (f"{signed(each, unit)}%" for each in (change.low, change.high))
    return f"{signed(change.estimate, unit)}%", f"{low} to {high}"


def verdict_words(report: GateReport) -> str:
    """What a verdict means for whoever waits for it, in a sentence."""
    metrics = len(report.decisions)
    match report.verdict:
        case Verdict.PASS:
            return f"All {metrics} metrics stay within their margins."
        case Verdict.FAIL:
            names = [one.metric.name for one in report.decisions if one.verdict is Verdict.FAIL]
            return f"New is worse than allowed: {', '.join(names)}."
        case Verdict.INCONCLUSIVE:
            pending = [one for one in report.decisions if one.verdict is Verdict.INCONCLUSIVE]
            if not pending:
                return "All metrics pass, and an incomplete log never does."
            said = f"These samples do not decide {len(pending)} of {metrics} metrics"
            if report.needed is None:
                return f"{said}, and more would not either: see why."
            decidable = sum(one.needed is not None for one in pending)
            if decidable == len(pending):
                return f"{said}: {report.needed:,} samples would."
            return f"{said}: {report.needed:,} samples would decide {decidable} of these."


def gap_reasons(comparison: Comparison) -> list[tuple[str, str]]:
    """Why samples lack figures, and which figures of how many: `recall@5 (2), correctness (3)`.

    By reason, since one failure leaves many figures without a value; what most samples lack comes first.
    """
    found: dict[str, Counter[str]] = {}
    for one in comparison.metrics:
        for gap in one.missing:
            found.setdefault(_gap_reason(gap), Counter())[one.metric.name] += 1
    ordered = sorted(found.items(), key=lambda each: (-max(each[1].values()), each[0]))
    return [(why, ", ".join(f"{name} ({n:,})" for name, n in counts.items())) for why, counts in ordered]


def metric_cautions(comparison: Comparison) -> list[tuple[str, str]]:
    """What a reader of single metrics must know, each sentence with the metrics that it is about.

    Without what is missing, which is told by its reasons.
    """
    found: dict[str, list[str]] = {}
    for one in comparison.metrics:
        for caution in one.cautions:
            if not (one.missing and "what is missing" in caution):
                found.setdefault(caution, []).append(one.metric.name)
    return [(", ".join(names), caution) for caution, names in found.items()]


def _gap_reason(gap: Gap) -> str:
    if gap.ours and gap.theirs:
        said = f"new: {gap.ours}; old: {gap.theirs}"
    else:
        said = f"new: {gap.ours}" if gap.ours else f"old: {gap.theirs}"
    return f"{said} (in some repeats)" if gap.is_partial else said
