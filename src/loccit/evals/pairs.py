"""The same samples in two logs, metric by metric: which have a figure on both sides, and which have not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from loccit.core.errors import InputError
from loccit.evals.log import EvalLog
from loccit.evals.metrics import OPERATIONS, Better, Metric
from loccit.evals.statistics import Interval, Scale, paired_difference, paired_ratio

_SHOWN = 60
_OPERATIONS = frozenset(metric.name for metric in OPERATIONS)


@dataclass(frozen=True, slots=True)
class Gap:
    """A sample that should have a figure and has none on one side at least: why, empty where there is one.

    `is_partial`: both sides have a figure all the same, from the repeats that gave one.
    """

    sample: str
    ours: str
    theirs: str
    is_partial: bool = False


@dataclass(frozen=True, slots=True)
class Values:
    """Figures of both sides by sample id, of the same samples."""

    ours: Mapping[str, float]
    theirs: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Pairs:
    """One metric of the samples that both logs have.

    `known` are the samples with a figure on both sides, the mean over their repeats. `missing` are those that
    should have one and have not. To those in `only_ours` and `only_theirs` it applies on one side only, as
    the precision of citations does not apply where nothing was answered.

    `worst` and `best` are `known` and `missing` together, with whatever is missing put where it is worst and
    best for ours: scores at 0 and 1, amounts at the smallest and largest that either side has. Without
    anything missing they are `known`.
    """

    metric: Metric
    clusters: Mapping[str, str]
    known: Values
    worst: Values
    best: Values
    missing: tuple[Gap, ...]
    only_ours: tuple[str, ...]
    only_theirs: tuple[str, ...]

    @property
    def groups(self) -> int:
        """How many independent groups the known samples are of."""
        return len({self.clusters[sample] for sample in self.known.ours})

    @property
    def differ(self) -> bool:
        """Whether any sample has another figure."""
        return any(abs(value - self.known.theirs[key]) > 1e-12 for key, value in self.known.ours.items())


@dataclass(frozen=True, slots=True)
class Shared:
    """The samples of two logs: those to compare, in the order of ours, and those that cannot be.

    In `changed` what is right was changed in between.
    """

    samples: tuple[str, ...]
    only_ours: tuple[str, ...]
    only_theirs: tuple[str, ...]
    changed: tuple[str, ...]


def shared_samples(ours: EvalLog, theirs: EvalLog) -> Shared:
    """Which samples can be compared.

    Raises InputError where there are none, or where one id stands for two different questions.
    """
    both = [key for key in ours.samples if key in theirs.samples]
    for key in both:
        mine, other = ours.samples[key], theirs.samples[key]
        for name in ("question", "job", "repo", "commit"):
            one, two = getattr(mine, name), getattr(other, name)
            if one != two:
                raise InputError(
                    f"sample {key!r} has the {name} {_short(one)} in one log and {_short(two)} in the other:"
                    " they are of different datasets",
                    next_step="run both systems on one dataset: loccit eval run",
                )
    changed = tuple(
        key
        for key in both
        if (ours.samples[key].gold, ours.samples[key].expect)
        != (theirs.samples[key].gold, theirs.samples[key].expect)
    )
    samples = tuple(key for key in both if key not in set(changed))
    if not samples:
        why = "what is right was changed in all that they share" if changed else "they share no sample"
        raise InputError(
            f"the logs of {ours.header.dataset.name!r} ({len(ours.samples)} samples) and"
            f" {theirs.header.dataset.name!r} ({len(theirs.samples)} samples) cannot be compared: {why}",
            next_step="run both systems on one dataset: loccit eval run",
        )
    return Shared(
        samples,
        tuple(key for key in ours.samples if key not in theirs.samples),
        tuple(key for key in theirs.samples if key not in ours.samples),
        changed,
    )


def incomparable(ours: EvalLog, theirs: EvalLog, name: str) -> str:
    """Why a metric of both logs means two different things, empty where it does not."""
    mine, other = ours.metrics[name], theirs.metrics[name]
    if name in _OPERATIONS:
        return ""
    if mine.judge != other.judge:
        return f"the judge's prompt has the versions {mine.judge!r} and {other.judge!r}"
    if (mine.scale, mine.better) != (other.scale, other.better):
        return (
            f"it is a {mine.scale} with {mine.better} better in one log,"
            f" a {other.scale} with {other.better} better in the other"
        )
    scorers = {log.header.metrics[name].scorer for log in (ours, theirs)}
    versions = (ours.header.scorers, theirs.header.scorers)
    if "" in scorers:
        # Which one gives it is not known: any of them may.
        scorers = set(versions[0]) & set(versions[1])
    elif len(scorers) > 1:
        return f"it is given by the scorers {' and '.join(map(repr, sorted(scorers)))}"
    for scorer in sorted(scorers):
        one, two = (each.get(scorer, "") for each in versions)
        if one != two:
            return f"the scorer {scorer!r} has the versions {one!r} and {two!r}: score the older log again"
    return ""


def pairs_of(ours: EvalLog, theirs: EvalLog, name: str, samples: Sequence[str]) -> Pairs:
    """The pairs of a metric that both logs have."""
    metric = ours.metrics[name]
    known: dict[str, tuple[float, float]] = {}
    gaps: dict[str, tuple[tuple[float | str, ...], tuple[float | str, ...]]] = {}
    missing: list[Gap] = []
    only: tuple[list[str], list[str]] = ([], [])
    for sample in samples:
        mine, other = ours.repeats(name, sample), theirs.repeats(name, sample)
        if not (mine and other):
            if mine or other:
                only[not mine].append(sample)
            continue
        if len(mine) == len(other) == 1 and isinstance(mine[0], float) and isinstance(other[0], float):
            known[sample] = mine[0], other[0]
            continue
        means = _mean(mine), _mean(other)
        if means[0] is not None and means[1] is not None:
            known[sample] = means[0], means[1]
        reasons = _reason(mine), _reason(other)
        if any(reasons):
            missing.append(Gap(sample, *reasons, is_partial=sample in known))
            gaps[sample] = mine, other
    floor, ceiling = _ends(metric, gaps, known)
    bad, good = (floor, ceiling) if metric.better is Better.HIGHER else (ceiling, floor)
    return Pairs(
        metric,
        {sample: ours.samples[sample].cluster for sample in samples},
        Values(
            {key: value for key, (value, _) in known.items()},
            {key: value for key, (_, value) in known.items()},
        ),
        _with_missing_at(known, gaps, bad, good),
        _with_missing_at(known, gaps, good, bad),
        tuple(missing),
        tuple(only[0]),
        tuple(only[1]),
    )


def difference(pairs: Pairs, values: Values, level: float) -> Interval | None:
    """Ours less theirs with its interval; None where these samples give none."""
    if not values.ours or (pairs.metric.scale is Scale.AMOUNT and pairs.groups < 2):
        return None
    return paired_difference(
        values.ours, values.theirs, clusters=pairs.clusters, scale=pairs.metric.scale, level=level
    )


def ratio(pairs: Pairs, values: Values, level: float) -> Interval | None:
    """How many times theirs ours is, of amounts; None for scores, and where these samples give none."""
    if pairs.metric.scale is not Scale.AMOUNT or pairs.groups < 2:
        return None
    if not (any(values.ours.values()) and any(values.theirs.values())):
        return None
    return paired_ratio(values.ours, values.theirs, clusters=pairs.clusters, level=level)


def _mean(values: Sequence[float | str]) -> float | None:
    numbers = [value for value in values if isinstance(value, float)]
    return sum(numbers) / len(numbers) if numbers else None


def _reason(values: Sequence[float | str]) -> str:
    reasons = [value for value in values if isinstance(value, str)]
    if not reasons or len(values) == 1:
        return reasons[0] if reasons else ""
    return f"{len(reasons)} of {len(values)} repeats: {reasons[0]}"


def _ends(
    metric: Metric,
    gaps: Mapping[str, tuple[tuple[float | str, ...], ...]],
    known: Mapping[str, tuple[float, float]],
) -> tuple[float, float]:
    if metric.scale is Scale.SCORE:
        return 0.0, 1.0
    seen = [value for pair in known.values() for value in pair]
    seen += [v for sides in gaps.values() for side in sides for v in side if isinstance(v, float)]
    return (min(seen), max(seen)) if seen else (0.0, 0.0)


def _with_missing_at(
    known: Mapping[str, tuple[float, float]],
    gaps: Mapping[str, tuple[tuple[float | str, ...], tuple[float | str, ...]]],
    ours: float,
    theirs: float,
) -> Values:
    filled = {sample: (_filled(mine, ours), _filled(other, theirs)) for sample, (mine, other) in gaps.items()}
    whole = {**known, **filled}
    return Values({k: v for k, (v, _) in whole.items()}, {k: v for k, (_, v) in whole.items()})


def _filled(values: Sequence[float | str], value: float) -> float:
    return sum(each if isinstance(each, float) else value for each in values) / len(values)


def _short(value: object) -> str:
    shown = repr(str(value) if value is not None else None)
    return shown if len(shown) <= _SHOWN else f"{shown[: _SHOWN - 3]}..."
