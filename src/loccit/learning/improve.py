"""From misses to a setting that is shown to be better: group, propose, try, keep only what wins elsewhere.

Samples are split in two by their groups. Changes are chosen on the one half, and the best of them is tried
once on the other; it is kept only where its interval there is clear of zero and nothing that guards it got
worse. The other half wears out: each lesson that was settled on the same samples makes the next interval
wider.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from loccit.core.errors import InputError
from loccit.evals.datasets import Dataset, Job, Sample
from loccit.evals.log import EvalLog
from loccit.evals.metrics import Better
from loccit.evals.outputs import OutputOutcome
from loccit.evals.statistics import Interval, Scale, paired_difference
from loccit.learning.causes import Cause, causes
from loccit.learning.lesson_files import Lesson
from loccit.learning.search_space import Change, Setting, Tables, proposals

OBJECTIVE = "success"
# A half with fewer groups settles nothing.
_LEAST_GROUPS = 10
_LEVEL = 0.95
# What may be lost of a figure that guards the objective.
_GUARD_MARGIN = 0.03
_GUARDS = ("citations.precision", "abstention.recall", "grounded", "failed")

# Asks samples with changed settings and gives the log.
Evaluate = Callable[[Dataset, Tables], EvalLog]
Tell = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Guard:
    """A figure that must not get worse, with what a change did to it."""

    metric: str
    difference: Interval
    holds: bool


@dataclass(frozen=True, slots=True)
class Trial:
    """A change and what it did on the training half: to the objective in the mean, and to what guards it."""

    change: Change
    difference: float
    guards: tuple[Guard, ...] = ()

    @property
    def is_eligible(self) -> bool:
        """Whether it won something, and lost nothing that matters."""
        return self.difference > 0 and all(guard.holds for guard in self.guards)


@dataclass(frozen=True, slots=True)
class Improvement:
    """What was tried and what came of it.

    `causes` are the misses that it began with. `trials` are in the order of their gain, those first that may
    be chosen. `chosen` is the best of them, None where none was better; `gain` is what it did on the half
    that was held back, at `level`.
    """

    causes: Mapping[Cause, tuple[str, ...]]
    training: int
    held_back: int
    trials: tuple[Trial, ...]
    settled_before: tuple[Lesson, ...]
    level: float
    dataset: str
    chosen: Change | None = None
    gain: Interval | None = None
    guards: tuple[Guard, ...] = ()

    @property
    def is_kept(self) -> bool:
        """Whether the change is shown to be better."""
        return self.gain is not None and self.gain.low > 0 and all(guard.holds for guard in self.guards)


def improve(
    log: EvalLog,
    evaluate: Evaluate,
    *,
    space: Sequence[Setting],
    current: Mapping[str, Mapping[str, Any]],
    has_model: bool,
    lessons: Sequence[Lesson] = (),
    most_trials: int = 12,
    seed: int = 0,
    tell: Tell = lambda what, done, total: None,
) -> Improvement:
    """Try changes of settings against the misses of a log.

    `evaluate` asks samples with the settings that are given beside the current ones. `lessons` are those of
    the repository. Raises InputError for a log of another system or with too few groups, and what `evaluate`
    raises.
    """
    if log.header.system.kind != "loccit":
        raise InputError(
            f"the log is of the system {log.header.system.name!r}",
            next_step="improve has only loccit's own settings to try",
        )
    if not log.is_complete:
        raise InputError("the log is not complete", next_step="finish it: loccit eval run")
    training, held_back = split(tuple(log.samples.values()), seed)
    for half in (training, held_back):
        groups = len({sample.cluster for sample in half})
        if groups < _LEAST_GROUPS:
            raise InputError(
                f"one half of the samples has {groups} groups, expected {_LEAST_GROUPS} or more",
                next_step="make more samples: loccit eval mine",
            )
    train_set, test_set = Dataset(training), Dataset(held_back)
    settled = tuple(lesson for lesson in lessons if lesson.dataset == test_set.digest)
    # Each time that the held-back half has settled something, it knows a little less (Bonferroni).
    level = 1 - (1 - _LEVEL) / (len(settled) + 1)
    seen = causes(log)
    known = {(lesson.key, lesson.before, lesson.after) for lesson in settled}
    wanted = [
        change
        for change in proposals(
            space,
            seen,
            current,
            has_model=has_model,
            has_unanswerable=any(sample.gold.abstain for sample in log.samples.values()),
        )
        if (change.key, change.before, change.after) not in known
    ][:most_trials]
    trials = _tried(evaluate, train_set, wanted, tell)
    draft = Improvement(
        causes=seen,
        training=len(training),
        held_back=len(held_back),
        trials=trials,
        settled_before=settled,
        level=level,
        dataset=test_set.digest,
    )
    if not trials or not trials[0].is_eligible:
        return draft
    return _settled(draft, evaluate, test_set, tell)


def split(samples: Sequence[Sample], seed: int) -> tuple[tuple[Sample, ...], tuple[Sample, ...]]:
    """The samples in two halves, the training one first; a group is never in both."""
    halves: tuple[list[Sample], list[Sample]] = ([], [])
    for sample in samples:
        digest = hashlib.sha256(f"{seed}/{sample.cluster}".encode()).digest()
        halves[digest[0] & 1].append(sample)
    return tuple(halves[0]), tuple(halves[1])


def success(log: EvalLog) -> dict[str, float]:
    """The objective by sample: for a question that the sources cannot answer whether it was declined; else
    the share of right places that are cited (of claims that are said, where no place is known), or of a
    ranking those among the first five.

    Declining and failing count nothing: a setting must not win by keeping silent.
    """
    found: dict[str, float] = {}
    for key, entries in log.by_sample.items():
        values = [_success(entry.sample, dict(entry.scores), entry.output.outcome) for entry in entries]
        known = [value for value in values if value is not None]
        if known:
            found[key] = sum(known) / len(known)
    return found


def _success(sample: Sample, scores: Mapping[str, float], outcome: OutputOutcome) -> float | None:
    if outcome is OutputOutcome.FAILED:
        return 0.0
    if sample.gold.abstain:
        return scores.get("abstention.recall")
    if sample.job is Job.ASK:
        return scores.get("citations.recall", scores.get("claims.recall"))
    return scores.get("file.recall@5")


def _tried(evaluate: Evaluate, samples: Dataset, changes: Sequence[Change], tell: Tell) -> tuple[Trial, ...]:
    """The changes with their gains on these samples, the best first."""
    if not changes:
        return ()
    total = len(changes) + 1
    tell("trying settings", 0, total)
    before = evaluate(samples, {})
    trials: list[Trial] = []
    for number, change in enumerate(changes, start=1):
        tell("trying settings", number, total)
        after = evaluate(samples, change.tables)
        gain = _gain(success(after), success(before), samples, _LEVEL).estimate
        trials.append(Trial(change, gain, _guards(after, before, samples)))
    tell("trying settings", total, total)
    return tuple(sorted(trials, key=lambda trial: (not trial.is_eligible, -trial.difference)))


def _gain(
    after: Mapping[str, float], before: Mapping[str, float], samples: Dataset, level: float
) -> Interval:
    """What a change did to the objective, over the samples that both sides have it for."""
    both = after.keys() & before.keys()
    if not both:
        raise InputError(
            "no sample says what would be right in a way that settings can be compared by",
            next_step="write gold files, passages or claims into the dataset",
        )
    return paired_difference(
        {key: after[key] for key in both},
        {key: before[key] for key in both},
        clusters={key: samples.clusters[key] for key in both},
        level=level,
    )


def _settled(draft: Improvement, evaluate: Evaluate, samples: Dataset, tell: Tell) -> Improvement:
    """With the best change tried on the samples that were held back."""
    chosen = draft.trials[0].change
    tell("trying the best one on other samples", 0, 2)
    before = evaluate(samples, {})
    tell("trying the best one on other samples", 1, 2)
    after = evaluate(samples, chosen.tables)
    tell("trying the best one on other samples", 2, 2)
    gain = _gain(success(after), success(before), samples, draft.level)
    return replace(draft, chosen=chosen, gain=gain, guards=_guards(after, before, samples))


def _guards(after: EvalLog, before: EvalLog, samples: Dataset) -> tuple[Guard, ...]:
    return tuple(g for name in _GUARDS if (g := _guard(name, after, before, samples)) is not None)


def _guard(name: str, after: EvalLog, before: EvalLog, samples: Dataset) -> Guard | None:
    """Whether a figure got worse by more than it may; None where too few samples have it in both."""
    if name not in after.metrics or name not in before.metrics:
        return None
    ours, theirs = after.figures(name).values, before.figures(name).values
    both = ours.keys() & theirs.keys()
    clusters = {key: samples.clusters[key] for key in both}
    if len(set(clusters.values())) < 2 or after.metrics[name].scale is not Scale.SCORE:
        return None
    sign = 1.0 if after.metrics[name].better is Better.HIGHER else -1.0
    found = paired_difference(
        {key: ours[key] for key in both}, {key: theirs[key] for key in both}, clusters=clusters
    )
    return Guard(name, found, sign * found.estimate >= -_GUARD_MARGIN)
