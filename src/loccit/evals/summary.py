"""What a log says: its figures with intervals, by slice, what failed and why, what is flaky, and the worst.

The page, the terminal and the Markdown of a run show these same values. A figure without an interval or a
value says why; nothing that is missing is counted as zero, and nothing is left out in silence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from loccit.evals.as_json import plain
from loccit.evals.datasets import Job
from loccit.evals.judge_calibration import Calibration, best_of, standing
from loccit.evals.log import Entry, EvalLog, SystemFacts
from loccit.evals.metrics import COST, FAILED, OPERATIONS, Better, Metric
from loccit.evals.outputs import OutputOutcome
from loccit.evals.report_parts import Value, middle, written, written_range
from loccit.evals.statistics import Interval, Scale, all_of, any_of, mean

# The most groups that a slice is shown with; the rest are taken together.
_GROUPS = 12
_SLICES = 8
# Names of operations are few and known; a scorer that gives one of these does not replace it.
OPERATION_NAMES = frozenset(metric.name for metric in OPERATIONS)
_CORRECT = ("correct", "claims.recall", "claim_recall")
_CITATIONS = ("citation", "grounded")
_COVERAGE, _ABSTENTION = "coverage", "abstention.recall"


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What people's labels say of a judge: Cohen's kappa with its interval, and from how many labels.

    `corrected` are means of this log after the correction for the judge's errors, by metric.
    """

    kappa: Interval
    labels: int
    corrected: Mapping[str, Interval] = field(default_factory=dict[str, Interval])


@dataclass(frozen=True, slots=True)
class Figure:
    """A metric over some samples.

    `value` has no interval where all samples are of one group and the metric is an amount; it is None where
    no sample has a value. `samples` have one. `missing` counts those that should and have none, by reason,
    the most frequent first; `partly` those of which some repeats have none.
    """

    metric: Metric
    value: Value
    samples: int
    missing: Mapping[str, int]
    partly: int = 0
    calibrated: Calibrated | None = None

    @property
    def lacking(self) -> int:
        """How many samples should have a value and have none."""
        return sum(self.missing.values())

    @property
    def is_uncalibrated(self) -> bool:
        """Whether a model gave it whose judgement nobody has compared with people's."""
        return bool(self.metric.judge) and self.calibrated is None

    @property
    def why_missing(self) -> str:
        """The most frequent reason, and how many others there are; empty where nothing is missing."""
        if not self.missing:
            return ""
        first = next(iter(self.missing))
        others = len(self.missing) - 1
        more = f" (and {others:,} other {'reason' if others == 1 else 'reasons'})" if others else ""
        return first + more


@dataclass(frozen=True, slots=True)
class Group:
    """Samples that have one value of a slice."""

    name: str
    samples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Split:
    """A slice of the samples, as `kind`, and the groups by it, largest first."""

    name: str
    groups: tuple[Group, ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """An error, the samples that it left without an output, and the first of its messages."""

    error: str
    samples: tuple[str, ...]
    outputs: int
    message: str


@dataclass(frozen=True, slots=True)
class Flaky:
    """A sample whose repeats do not agree, and what each gave by metric; None where one gave nothing.

    Only metrics that they do not agree on are in `values`.
    """

    sample: str
    values: Mapping[str, tuple[float | None, ...]]

    @property
    def width(self) -> float:
        """How far apart the repeats are, on the metric where they are furthest."""
        return max(_width(values) for values in self.values.values())


@dataclass(frozen=True, slots=True)
class RepeatSuccess:
    """How a metric of yes and no fares when each sample is tried so often: in the mean over the samples, one
    try, at least one of them (pass@k), and every one of them (pass^k). `samples` have so many tries.
    """

    metric: Metric
    tries: int
    samples: int
    one: Value
    any: Value
    all: Value


@dataclass(frozen=True, slots=True)
class Aspect:
    """One of what is only told together: coverage, abstention, correctness, citations.

    `figure` is None where nothing measures it, and `why` says so.
    """

    name: str
    about: str
    figure: Figure | None
    why: str = ""


@dataclass(frozen=True)
class Summary:
    """What a log says. `calibrated` is what is known of the judges, by the version of their prompt."""

    log: EvalLog
    calibrated: Mapping[str, Calibrated] = field(default_factory=dict[str, Calibrated])

    @cached_property
    def figures(self) -> tuple[Figure, ...]:
        """Every metric that some sample has or should have, in the order of reports."""
        return tuple(self.figure(name) for name in self.log.measured())

    @cached_property
    def quality(self) -> tuple[Figure, ...]:
        """Those that scorers gave."""
        return tuple(each for each in self.figures if each.metric.name not in OPERATION_NAMES)

    @cached_property
    def operations(self) -> tuple[Figure, ...]:
        """Failures, seconds, dollars and tokens."""
        return tuple(each for each in self.figures if each.metric.name in OPERATION_NAMES)

    @cached_property
    def headline(self) -> Figure:
        """The one to show first: the first that no judge gives and half of the samples have, else the first.

        Of a log without scorers the share that failed.
        """
        half = len(self.log.by_sample) / 2
        computed = [
            each
            for each in self.quality
            if not each.metric.judge and each.metric.scale is Scale.SCORE and each.samples >= half
        ]
        some = [each for each in self.quality if each.samples]
        chosen = next(iter([*computed, *some, *self.quality]), None)
        return chosen or self.figure(FAILED.name)

    def figure(self, metric: str, samples: Iterable[str] | None = None) -> Figure:
        """A metric over the samples, or over some of them."""
        found = self.log.figures(metric, samples)
        reasons = Counter(found.missing[sample] for sample in found.without_value)
        known = self.log.metrics[metric]
        return Figure(
            known,
            _mean(found.values, self.log.clusters, known),
            len(found.values),
            dict(sorted(reasons.items(), key=lambda each: (-each[1], each[0]))),
            len(found.missing) - len(found.without_value),
            self.calibrated.get(known.judge) if known.judge else None,
        )

    @cached_property
    def splits(self) -> tuple[Split, ...]:
        """What the samples differ in: job and repository first, then what they say themselves."""
        by: dict[str, dict[str, list[str]]] = {}
        for key, sample in self.log.samples.items():
            said = {"job": str(sample.job), "repository": sample.repo, **sample.slices}
            for name, value in said.items():
                if value:
                    by.setdefault(name, {}).setdefault(value, []).append(key)
        told = {key for sample in self.log.samples.values() for key in sample.slices}
        return tuple(
            Split(name, _largest(groups)) for name, groups in by.items() if len(groups) > 1 or name in told
        )[:_SLICES]

    @cached_property
    def aspects(self) -> tuple[Aspect, ...]:
        """Coverage, abstention, correctness and citations of questions; empty where none was asked."""
        asked = [key for key, sample in self.log.samples.items() if sample.job is Job.ASK]
        if not asked:
            return ()
        answerable = [key for key in asked if not self.log.samples[key].gold.abstain]
        unanswerable = [key for key in asked if self.log.samples[key].gold.abstain]
        told = {each.metric.name: each for each in self.quality if each.samples}
        return (
            self._aspect_of(told[_COVERAGE], "coverage")
            if _COVERAGE in told
            else self._of_outcomes(
                Metric("coverage", "Of the questions that the sources answer, those that got an answer."),
                answerable,
                {OutputOutcome.ANSWERED, OutputOutcome.PARTIAL},
                "no question is known to have an answer",
            ),
            self._aspect_of(told[_ABSTENTION], "abstention")
            if _ABSTENTION in told
            else self._of_outcomes(
                Metric("abstention", "Of the questions that the sources do not answer, those it declined."),
                unanswerable,
                {OutputOutcome.ABSTAINED},
                "no question without an answer was asked",
            ),
            self._of_scorers("correctness", "Whether what was answered is right.", _CORRECT),
            self._of_scorers("citations", "Whether what was cited bears it out.", _CITATIONS),
        )

    @cached_property
    def failures(self) -> tuple[Failure, ...]:
        """What left samples without an output, the most frequent first."""
        by: dict[str, list[Entry]] = {}
        for entry in self.log.entries:
            if entry.output.outcome is OutputOutcome.FAILED:
                by.setdefault(entry.output.error or "failed, and did not say why", []).append(entry)
        found = [
            Failure(
                error,
                tuple(dict.fromkeys(entry.sample.id for entry in entries)),
                len(entries),
                next((entry.output.message for entry in entries if entry.output.message), ""),
            )
            for error, entries in by.items()
        ]
        return tuple(sorted(found, key=lambda each: (-each.outputs, each.error)))

    @cached_property
    def flaky(self) -> tuple[Flaky, ...]:
        """The samples that do not agree with themselves, the widest apart first."""
        found: dict[str, dict[str, tuple[float | None, ...]]] = {}
        for figure in self.quality:
            name = figure.metric.name
            for sample in self.log.flaky(name):
                given = tuple(entry.scores.get(name) for entry in self.log.by_sample[sample])
                found.setdefault(sample, {})[name] = given
        order = {key: at for at, key in enumerate(self.log.by_sample)}
        flaky = [Flaky(sample, values) for sample, values in found.items()]
        return tuple(sorted(flaky, key=lambda each: (-each.width, -len(each.values), order[each.sample])))

    @cached_property
    def repeat_success(self) -> tuple[RepeatSuccess, ...]:
        """For two tries, and for as many as each sample had, by metric of yes and no; empty where each sample
        was tried once. A repeat without a figure is no try.
        """
        repeats = self.log.header.repeats
        if repeats < 2:
            return ()
        found: list[RepeatSuccess] = []
        for figure in self.quality:
            tried = {
                sample: values
                for sample in self.log.by_sample
                if (values := self._yes_and_no(sample, figure.metric)) is not None
            }
            if not tried or any(value not in (0.0, 1.0) for values in tried.values() for value in values):
                continue
            found += [
                self._succeeded(figure.metric, tries, tried)
                for tries in sorted({2, repeats})
                if tries <= repeats
            ]
        return tuple(one for one in found if one.samples)

    def _yes_and_no(self, sample: str, metric: Metric) -> tuple[float, ...] | None:
        """What the repeats of a sample gave; None where none has a figure or the metric has another scale."""
        if metric.scale is not Scale.SCORE:
            return None
        given = [entry.scores.get(metric.name) for entry in self.log.by_sample[sample]]
        return tuple(value for value in given if value is not None) or None

    def _succeeded(self, metric: Metric, tries: int, tried: Mapping[str, Sequence[float]]) -> RepeatSuccess:
        enough = {sample: values for sample, values in tried.items() if len(values) >= tries}
        good = {
            sample: round(sum(v if metric.better is Better.HIGHER else 1 - v for v in values))
            for sample, values in enough.items()
        }

        def over(count: Callable[[int, int], float]) -> Value:
            values = {sample: count(good[sample], len(values)) for sample, values in enough.items()}
            return _mean(values, self.log.clusters, metric)

        return RepeatSuccess(
            metric,
            tries,
            len(enough),
            over(lambda successes, trials: successes / trials),
            over(lambda successes, trials: any_of(successes, trials, tries)),
            over(lambda successes, trials: all_of(successes, trials, tries)),
        )

    @cached_property
    def cost_usd(self) -> float | None:
        """What was spent on the outputs, as far as it is known; None where nothing is."""
        known = [entry.run.cost_usd for entry in self.log.entries if entry.run.cost_usd is not None]
        return sum(known) if known else None

    @property
    def expected_entries(self) -> int:
        """How many entries a complete log has."""
        return self.log.header.dataset.samples * self.log.header.repeats

    def worst(self, most: int) -> tuple[Entry, ...]:
        """The samples with the worst figures, worst first, of each the worst repeat; none that is perfect.

        By the metric of the headline, then by the mean of the others. A sample without an output is among
        the failures instead.
        """
        ranked: list[tuple[float, float, int, Entry]] = []
        for at, entries in enumerate(self.log.by_sample.values()):
            judged = [each for entry in entries if (each := self._badness(entry)) is not None]
            if judged:
                first, others, entry = min(judged, key=lambda each: each[:2])
                ranked.append((first, others, at, entry))
        return tuple(entry for *_, entry in sorted(ranked, key=lambda each: each[:3])[:most])

    def _badness(self, entry: Entry) -> tuple[float, float, Entry] | None:
        """How good by the headline and by all; None where nothing is known, or nothing is wrong."""
        goods = {
            figure.metric.name: _goodness(entry.scores[figure.metric.name], figure.metric)
            for figure in self.quality
            if figure.metric.name in entry.scores and figure.metric.scale is Scale.SCORE
        }
        if not goods or min(goods.values()) > 1 - 1e-9:
            return None
        overall = sum(goods.values()) / len(goods)
        return goods.get(self.headline.metric.name, overall), overall, entry

    def _aspect_of(self, figure: Figure, name: str) -> Aspect:
        return Aspect(name, figure.metric.about, figure)

    def _of_outcomes(
        self, metric: Metric, samples: Sequence[str], wanted: set[OutputOutcome], nobody: str
    ) -> Aspect:
        values: dict[str, float] = {}
        reasons: Counter[str] = Counter()
        for key in samples:
            outputs = [entry.output for entry in self.log.by_sample[key]]
            given = [each for each in outputs if each.outcome is not OutputOutcome.FAILED]
            if given:
                values[key] = sum(each.outcome in wanted for each in given) / len(given)
            else:
                reasons[f"no output: {outputs[0].error or 'failed'}"] += 1
        if not samples:
            return Aspect(metric.name, metric.about, None, nobody)
        missing = dict(sorted(reasons.items(), key=lambda each: (-each[1], each[0])))
        figure = Figure(metric, _mean(values, self.log.clusters, metric), len(values), missing)
        return Aspect(metric.name, metric.about, figure)

    def _of_scorers(self, name: str, about: str, words: Sequence[str]) -> Aspect:
        fitting = [each for word in words for each in self.quality if word in each.metric.name]
        figure = next(iter([*(each for each in fitting if each.samples), *fitting]), None)
        return Aspect(name, about, figure, "" if figure else "no scorer of the task measures it")


def calibrated_judges(logs: Iterable[EvalLog], calibrations: Sequence[Calibration]) -> dict[str, Calibrated]:
    """The judges of these logs that may be believed, by their prompt version, with what makes it so."""
    found: dict[str, Calibrated] = {}
    for log in logs:
        dataset, end = log.header.dataset.digest, log.end.digest if log.end else ""
        for metric in log.metrics.values():
            if not metric.judge or not standing(metric, calibrations, dataset=dataset).is_calibrated:
                continue
            fitting = [c for c in calibrations if (c.metric, c.judge) == (metric.name, metric.judge)]
            best = best_of(fitting, dataset)
            corrected = {c.metric: c.corrected.interval() for c in fitting if c.corrected and c.log == end}
            if metric.judge in found:
                corrected.update(found[metric.judge].corrected)
            if best.kappa is not None:
                found[metric.judge] = Calibrated(best.kappa.interval(), best.labels.count, corrected)
    return found


def document(log: EvalLog, calibrated: Mapping[str, Calibrated] | None = None) -> dict[str, Any]:
    """The figures of a log as JSON, `loccit-eval-summary/1`: each with its interval, or why it is missing."""
    summary = Summary(log, calibrated or {})
    return {
        "format": "loccit-eval-summary/1",
        "task": log.header.task,
        "complete": log.is_complete,
        "samples": len(log.by_sample),
        "expected": log.header.dataset.samples,
        "repeats": log.header.repeats,
        "dataset": log.header.dataset.model_dump(mode="json"),
        "system": log.header.system.model_dump(mode="json"),
        "figures": {figure.metric.name: _as_json(figure) for figure in summary.figures},
        "failures": {each.error: list(each.samples) for each in summary.failures},
        "flaky": {each.sample: plain(each.values) for each in summary.flaky},
        "repeat_success": [
            {
                "metric": each.metric.name,
                "tries": each.tries,
                "samples": each.samples,
                "one": plain(each.one),
                "any": plain(each.any),
                "all": plain(each.all),
            }
            for each in summary.repeat_success
        ],
        "cost_usd": summary.cost_usd,
    }


def _as_json(figure: Figure) -> dict[str, Any]:
    return {
        "value": plain(figure.value),
        "samples": figure.samples,
        "missing": dict(figure.missing),
        "better": figure.metric.better.value,
        "judge": figure.metric.judge,
        "calibrated": plain(figure.calibrated),
    }


def judge_remark(figure: Figure) -> str:
    """Whether a model judge gave the figure, and how far that one is to be believed; empty if computed."""
    if not figure.metric.judge:
        return ""
    found = figure.calibrated
    if found is None:
        return "uncalibrated judge"
    kappa = f"judge with κ {found.kappa.estimate:.2f} ({found.kappa.low:.2f}–{found.kappa.high:.2f})"
    corrected = found.corrected.get(figure.metric.name)
    if corrected is None:
        return kappa
    unit = figure.metric.unit
    return f"{kappa}, corrected {written(corrected.estimate, unit)} ({written_range(corrected, unit)})"


def arrow(metric: Metric) -> str:
    """Which way is better."""
    return "↑" if metric.better is Better.HIGHER else "↓"


def system_name(system: SystemFacts) -> str:
    """What a reader calls it."""
    return system.name or system.kind


def has_costs(summary: Summary) -> bool:
    """Whether anything was spent."""
    return bool(middle(summary.figure(COST.name).value))


def _mean(values: Mapping[str, float], clusters: Mapping[str, str], metric: Metric) -> Value:
    if not values:
        return None
    if metric.scale is Scale.AMOUNT and len({clusters[key] for key in values}) == 1:
        return sum(values.values()) / len(values)
    return mean(values, clusters=clusters, scale=metric.scale)


def _largest(groups: Mapping[str, Sequence[str]]) -> tuple[Group, ...]:
    ordered = sorted(groups.items(), key=lambda each: (-len(each[1]), each[0]))
    shown = [Group(name, tuple(samples)) for name, samples in ordered[:_GROUPS]]
    rest = ordered[_GROUPS:]
    if rest:
        together = tuple(sample for _, samples in rest for sample in samples)
        shown.append(Group(f"{len(rest):,} others", together))
    return tuple(shown)


def _goodness(value: float, metric: Metric) -> float:
    return value if metric.better is Better.HIGHER else 1 - value


def _width(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None]
    return max(known) - min(known)
