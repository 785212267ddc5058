"""Runs, comparisons and gates as Markdown for the job summary of a CI, as GitHub shows it.

Text of samples, errors and systems is hostile: whatever could be markup, a link, a mention or a formula is
written as a character reference, so that it is shown as it was written.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from loccit.evals.compare import Comparison, MetricComparison
from loccit.evals.comparison_figures import (
    TONES,
    both_names,
    change_range,
    change_text,
    decision_change,
    gap_reasons,
    level_text,
    margin_text,
    metric_cautions,
    p_text,
    quality,
    tone_of,
    verdict_words,
)
from loccit.evals.gate import Decision, GateReport
from loccit.evals.log import EvalLog
from loccit.evals.markup import visible
from loccit.evals.report_parts import Distribution, Tone, Unit, written, written_range
from loccit.evals.statistics import Interval
from loccit.evals.summary import Calibrated, Figure, Summary, arrow, judge_remark, system_name

_MARKS = {Tone.GOOD: "✅", Tone.BAD: "❌", Tone.WARNING: "⚠️", Tone.NEUTRAL: ""}
# What Markdown, its tables, GitHub's links, mentions, emoji and formulas, or HTML could make something of.
_ACTIVE = re.compile(r"[\\`*_\[\]<>#|~@&$]|:(?=\S)|(?<=www)\.", re.IGNORECASE)
_SHOWN = 200
_FLIPS, _REASONS, _FAILURES = 10, 8, 5
_NO_CALIBRATION: Mapping[str, Calibrated] = {}


def plain_text(text: str) -> str:
    """Text on one line that GitHub shows as it was written; what is very long is cut."""
    line = " ".join(visible(text).split())
    line = line if len(line) <= _SHOWN else f"{line[: _SHOWN - 1]}…"
    return _ACTIVE.sub(lambda match: f"&#{ord(match.group())};", line)


def run_markdown(log: EvalLog, calibrated: Mapping[str, Calibrated] = _NO_CALIBRATION) -> str:
    """A run: every figure with its interval, what is missing and why, what failed, what is flaky."""
    summary = Summary(log, calibrated)
    name = f"{system_name(log.header.system)} on {log.header.dataset.name or 'samples without a name'}"
    lines = [f"### {plain_text(name)}", "", _asked(summary), ""]
    lines += _table(
        ("Figure", "Samples", "Mean", "95% interval", "Missing"),
        [_figure_row(each) for each in summary.figures],
        numbers=(1, 2, 3, 4),
    )
    lines += [*_judge_lines(summary), *_missing_lines(summary), *_failure_lines(summary)]
    if summary.flaky:
        lines += [
            "",
            f"⚠️ {len(summary.flaky):,} of {len(log.samples):,} samples do not agree with themselves.",
        ]
    return _whole(lines)


def comparison_markdown(comparison: Comparison) -> str:
    """A comparison: every difference with its interval and corrected p, slices, flips, what is missing."""
    names = plain_text(both_names(comparison.ours, comparison.theirs))
    lines = [f"### {names}", "", f"{_samples(len(comparison.samples.samples))} in common.", ""]
    lines += _table(
        ("Metric", "Old", "New", "Difference", "95% interval", "p", "Samples"),
        [_comparison_row(one, comparison.level) for one in comparison.metrics],
        numbers=(1, 2, 3, 4, 5, 6),
    )
    said = "✅ better, ❌ worse: clear of zero, also after Holm's correction, which p has."
    lines += ["", f"{said} Scores differ by points.", *_cautions(comparison.cautions)]
    lines += _cautions([f"{names}: {said}" for names, said in metric_cautions(comparison)])
    lines += [*_split_lines(comparison), *_flip_lines(comparison)]
    gaps = [(plain_text(why), plain_text(names)) for why, names in gap_reasons(comparison)[:_REASONS]]
    if gaps:
        lines += _folded("What is missing", _table(("Why", "Figures"), gaps, numbers=()))
    if comparison.left_out:
        rows = [(plain_text(name), plain_text(why)) for name, why in comparison.left_out.items()]
        lines += _folded("Not compared", _table(("Metric", "Why"), rows, numbers=()))
    return _whole(lines)


def gate_markdown(report: GateReport) -> str:
    """A gate: the verdict in words, every metric with its margin, and how many samples would decide."""
    mark = _MARKS[TONES[report.verdict]]
    lines = [
        f"## {mark} {report.verdict.value}: {plain_text(verdict_words(report))}",
        "",
        f"{plain_text(both_names(report.ours, report.theirs))}. A change is new less old.",
        "",
    ]
    lines += _table(
        ("Metric", "Verdict", "Change", "95% interval", "Margin", "Samples", "Would decide", "Why"),
        [_decision_row(one) for one in report.decisions],
        numbers=(2, 3, 4, 5, 6),
    )
    lines += _cautions(report.cautions)
    return _whole(lines)


def _asked(summary: Summary) -> str:
    log = summary.log
    parts = [f"{_samples(len(log.samples))}, each asked {log.header.repeats:,}×"]
    times = tuple(entry.run.latency_s for entry in log.entries if entry.run.latency_s is not None)
    if times:
        spread = Distribution("", times)
        p50, p95 = (written(spread.quantile(share), Unit.SECONDS) for share in (0.5, 0.95))
        parts.append(f"p50 {p50}, p95 {p95}")
    if summary.cost_usd is not None:
        parts.append(f"{plain_text(written(summary.cost_usd, Unit.DOLLARS))} for models")
    if not log.is_complete:
        parts.append(f"⚠️ not complete: {len(log.entries):,} of {summary.expected_entries:,} outputs")
    return " · ".join(parts)


def _figure_row(figure: Figure) -> tuple[str, ...]:
    mark = " ⚠️" if figure.is_uncalibrated else ""
    name = f"{plain_text(figure.metric.name)} {arrow(figure.metric)}{mark}"
    value, unit = figure.value, figure.metric.unit
    lacking = f"{figure.lacking:,}" if figure.lacking else ""
    if value is None:
        return name, "0", "–", plain_text(figure.why_missing or "does not apply"), lacking
    if not isinstance(value, Interval):
        return name, f"{figure.samples:,}", plain_text(written(value, unit)), "one group", lacking
    mean, ends = plain_text(written(value.estimate, unit)), plain_text(written_range(value, unit))
    return name, f"{figure.samples:,}", f"**{mean}**", ends, lacking


def _judge_lines(summary: Summary) -> list[str]:
    judged = [each for each in summary.quality if each.metric.judge]
    lines: list[str] = []
    names = [plain_text(each.metric.name) for each in judged if each.is_uncalibrated]
    if names:
        lines += ["", f"⚠️ Uncalibrated judge: nobody has compared it with people: {', '.join(names)}."]
    for each in judged:
        if not each.is_uncalibrated:
            lines += ["", f"{plain_text(each.metric.name)}: {plain_text(judge_remark(each))}."]
    return lines


def _missing_lines(summary: Summary) -> list[str]:
    reasons: dict[str, list[str]] = {}
    for figure in summary.figures:
        for reason, count in figure.missing.items():
            reasons.setdefault(reason, []).append(f"{figure.metric.name} ({count:,})")
    rows = [
        (plain_text(why), plain_text(", ".join(names))) for why, names in list(reasons.items())[:_REASONS]
    ]
    return _folded("What is missing", _table(("Why", "Figures"), rows, numbers=())) if rows else []


def _failure_lines(summary: Summary) -> list[str]:
    if not summary.failures:
        return []
    total = sum(each.outputs for each in summary.failures)
    shown = "; ".join(f"{each.outputs:,} × {plain_text(each.error)}" for each in summary.failures[:_FAILURES])
    return ["", f"❌ {total:,} of {len(summary.log.entries):,} outputs are missing: {shown}."]


def _comparison_row(one: MetricComparison, level: float) -> tuple[str, ...]:
    metric = one.metric
    mark = _MARKS[tone_of(metric, one.difference, one.p_holm, level)]
    return (
        f"{plain_text(metric.name)} {arrow(metric)}",
        plain_text(level_text(metric, one.theirs)),
        plain_text(level_text(metric, one.ours)),
        f"{mark} **{plain_text(change_text(metric, one.difference))}**".strip(),
        plain_text(change_range(metric, one.difference)) or "not measured",
        plain_text(p_text(one.p_holm)),
        f"{one.samples:,}",
    )


def _split_lines(comparison: Comparison) -> list[str]:
    rows = [
        (
            plain_text(one.metric.name),
            plain_text(f"{each.key}: {each.value}"),
            f"{each.difference.samples:,}",
            f"{mark} {plain_text(change_text(one.metric, each.difference))}".strip(),
            plain_text(change_range(one.metric, each.difference)),
            plain_text(p_text(each.p_holm)),
        )
        for one in quality(comparison)
        for each in one.slices
        for mark in (_MARKS[tone_of(one.metric, each.difference, each.p_holm, comparison.level)],)
    ]
    titles = ("Metric", "Slice", "Samples", "Difference", "95% interval", "p")
    return _folded("By slice", _table(titles, rows, numbers=(2, 3, 4, 5))) if rows else []


def _flip_lines(comparison: Comparison) -> list[str]:
    rows = [
        (
            plain_text(one.metric.name),
            plain_text(flip.sample),
            plain_text(written(flip.old, one.metric.unit)),
            plain_text(written(flip.new, one.metric.unit)),
        )
        for one in quality(comparison)
        for flip in one.flips[:_FLIPS]
    ]
    count = len({flip.sample for one in quality(comparison) for flip in one.flips})
    titles = ("Metric", "Sample", "Old", "New")
    return _folded(f"{_samples(count)} flipped", _table(titles, rows, numbers=(2, 3))) if rows else []


def _decision_row(one: Decision) -> tuple[str, ...]:
    change, ends = decision_change(one, one.change)
    return (
        f"{plain_text(one.metric.name)} {arrow(one.metric)}",
        f"{_MARKS[TONES[one.verdict]]} {one.verdict.value}",
        f"**{plain_text(change)}**",
        plain_text(ends) or "not measured",
        plain_text(margin_text(one)),
        f"{one.samples:,}" + (f" ({one.missing:,} missing)" if one.missing else ""),
        "–" if one.needed is None else f"{one.needed:,}",
        plain_text(one.reason),
    )


def _cautions(sentences: Sequence[str]) -> list[str]:
    return [line for each in sentences for line in ("", f"⚠️ {plain_text(each)}")]


def _folded(title: str, lines: Sequence[str]) -> list[str]:
    """Lines behind a title that opens; GitHub wants empty lines around Markdown within HTML."""
    return ["", f"<details><summary>{title}</summary>", "", *lines, "", "</details>"]


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: Collection[int]) -> list[str]:
    """A table whose columns at `numbers` are aligned to the right."""
    marks = ["---:" if at in numbers else "---" for at in range(len(titles))]
    return [f"| {' | '.join(row)} |" for row in (titles, marks, *rows)]


def _samples(count: int) -> str:
    return f"{count:,} {'sample' if count == 1 else 'samples'}"


def _whole(lines: Sequence[str]) -> str:
    return "\n".join(lines) + "\n"
