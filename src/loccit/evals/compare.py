"""Two logs of the same samples side by side: what differs, how surely, and what was not compared.

Samples are paired by id and counted by group. Nothing is dropped unseen: what is missing on a side, applies
to one side only, or was measured by two different rulers is named with its reason.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from loccit.core.errors import InputError
from loccit.evals.as_json import plain
from loccit.evals.log import EvalLog
from loccit.evals.metrics import Metric
from loccit.evals.pairs import (
    Gap,
    Pairs,
    Shared,
    difference,
    incomparable,
    pairs_of,
    ratio,
    shared_samples,
)
from loccit.evals.statistics import (
    Interval,
    Scale,
    holm,
    mean,
    paired_difference,
    quantile,
    randomisation_test,
)

FORMAT = "loccit-comparison/1"
MIN_SLICE_SAMPLES = 10
_SAME = 1e-9


@dataclass(frozen=True, slots=True)
class Side:
    """Which log stands on a side."""

    task: str
    system: str
    kind: str
    dataset: str
    digest: str
    samples: int
    repeats: int
    version: str
    is_complete: bool


@dataclass(frozen=True, slots=True)
class Level:
    """One side of a metric over the samples that both sides have: the mean, of amounts also p50 and p95."""

    mean: Interval | None
    p50: Interval | None = None
    p95: Interval | None = None


@dataclass(frozen=True, slots=True)
class Bounds:
    """The difference if what is missing were as bad, and as good, for ours as can be: see `Pairs`."""

    worst: Interval | None
    best: Interval | None


@dataclass(frozen=True, slots=True)
class Slice:
    """The difference on some of the samples; `p_holm` is corrected over the slices of the metric."""

    key: str
    value: str
    ours: float
    theirs: float
    difference: Interval
    p: float
    p_holm: float


@dataclass(frozen=True, slots=True)
class Flip:
    """A sample whose score changed."""

    sample: str
    old: float
    new: float


@dataclass(frozen=True, slots=True)
class MetricComparison:
    """One metric: ours less theirs, over the samples that have it on both sides.

    `ratio` is ours over theirs, of amounts. `p` is of the randomisation test, `p_holm` corrected over all
    metrics compared. None is what these samples do not give: without any, or for amounts of one group.
    `bounds` are there where something is missing. `small_slices` are the slices with too few samples to
    compare, and how many they have. `flips` are scores only, largest first. `flaky_*` are the samples whose
    repeats do not agree, with what each gave. `cautions` are sentences for a reader.
    """

    metric: Metric
    samples: int
    groups: int
    ours: Level
    theirs: Level
    difference: Interval | None
    ratio: Interval | None
    p: float | None
    p_holm: float | None
    missing: tuple[Gap, ...]
    bounds: Bounds | None
    only_ours: tuple[str, ...]
    only_theirs: tuple[str, ...]
    slices: tuple[Slice, ...]
    small_slices: Mapping[str, int]
    flips: tuple[Flip, ...]
    flaky_ours: Mapping[str, tuple[float, ...]]
    flaky_theirs: Mapping[str, tuple[float, ...]]
    cautions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Ours against theirs. `left_out` says of each metric that is not compared, why."""

    ours: Side
    theirs: Side
    level: float
    samples: Shared
    metrics: tuple[MetricComparison, ...]
    left_out: Mapping[str, str]
    cautions: tuple[str, ...]


def compare(
    ours: EvalLog,
    theirs: EvalLog,
    *,
    metrics: Sequence[str] | None = None,
    level: float = 0.95,
    calibrated: Collection[str] = (),
    strict: bool = False,
    allow_incomplete: bool = False,
) -> Comparison:
    """What ours has over theirs, metric by metric, in the order of ours; all that both measured, or these.

    `calibrated` are the prompt versions of judges that were held against people. `strict` refuses samples
    that only one log has or whose gold was changed. Raises InputError for logs without a common sample, the
    same id with another question, a metric that neither has, and an incomplete log unless that is allowed.
    """
    refuse_incomplete(ours, theirs, allow_incomplete=allow_incomplete)
    shared = shared_samples(ours, theirs)
    if strict:
        _refuse_other_samples(shared)
    names, left_out = _comparable(ours, theirs, metrics)
    found = [
        _compared(ours, theirs, pairs_of(ours, theirs, name, shared.samples), level, calibrated)
        for name in names
    ]
    corrected = holm({one.metric.name: one.p for one in found if one.p is not None})
    return Comparison(
        side(ours),
        side(theirs),
        level,
        shared,
        tuple(replace(one, p_holm=corrected.get(one.metric.name)) for one in found),
        left_out,
        cautions(ours, theirs, shared),
    )


def document(comparison: Comparison) -> dict[str, Any]:
    """The comparison as the JSON document `loccit-comparison/1`; null is what is not known, or has no end."""
    return {"format": FORMAT, **plain(comparison)}


def refuse_incomplete(ours: EvalLog, theirs: EvalLog, *, allow_incomplete: bool) -> None:
    """Raise InputError for a log whose run did not end, unless that is allowed."""
    for name, log in (("ours", ours), ("theirs", theirs)):
        if not (log.is_complete or allow_incomplete):
            raise InputError(
                f"the log of {log.header.task!r} ({name}) is incomplete: {len(log.samples)} of"
                f" {log.header.dataset.samples} samples",
                next_step="run it to its end: loccit eval run, or allow incomplete logs",
            )


def side(log: EvalLog) -> Side:
    """What a reader needs to know of a log."""
    header = log.header
    return Side(
        header.task,
        header.system.name,
        header.system.kind,
        header.dataset.name,
        header.dataset.digest,
        len(log.samples),
        header.repeats,
        header.version,
        log.is_complete,
    )


def cautions(ours: EvalLog, theirs: EvalLog, shared: Shared) -> tuple[str, ...]:
    """What a reader of any figure of the two must know, a sentence each."""
    found: list[str] = []
    if shared.only_ours:
        found.append(f"{len(shared.only_ours)} samples are in our log only, and not compared.")
    if shared.only_theirs:
        found.append(f"{len(shared.only_theirs)} samples are in their log only, and not compared.")
    if shared.changed:
        found.append(
            f"Of {len(shared.changed)} samples what is right was changed in between, and they are not"
            " compared: score the older log again."
        )
    found += [
        f"The log of {name} is incomplete: {len(log.samples)} of {log.header.dataset.samples} samples."
        for name, log in (("ours", ours), ("theirs", theirs))
        if not log.is_complete
    ]
    if ours.end and theirs.end and ours.end.digest == theirs.end.digest:
        found.append("Both logs are the same but for what differs from run to run: time and cost.")
    return tuple(found)


def _refuse_other_samples(shared: Shared) -> None:
    for samples, what in (
        (shared.only_ours, "only ours has"),
        (shared.only_theirs, "only theirs has"),
        (shared.changed, "have another gold in each log"),
    ):
        if samples:
            raise InputError(
                f"the logs are of different datasets: {len(samples)} samples {what}, as {samples[0]!r}",
                next_step="run both systems on one dataset, or compare what they share",
            )


def _comparable(
    ours: EvalLog, theirs: EvalLog, wanted: Sequence[str] | None
) -> tuple[list[str], dict[str, str]]:
    """The metrics to compare, and of the others why not."""
    mine, other = ours.measured(), theirs.measured()
    every = list(dict.fromkeys((*mine, *other)))
    for name in wanted or ():
        if name not in every:
            raise InputError(
                f"neither log has the metric {name!r}", next_step=f"they have {', '.join(every)}"
            )
    names: list[str] = []
    left_out: dict[str, str] = {}
    for name in every if wanted is None else dict.fromkeys(wanted):
        if name not in mine or name not in other:
            left_out[name] = f"only {'ours' if name in mine else 'theirs'} has it"
        elif reason := incomparable(ours, theirs, name):
            left_out[name] = reason
        else:
            names.append(name)
    return names, left_out


def _compared(
    ours: EvalLog, theirs: EvalLog, pairs: Pairs, level: float, calibrated: Collection[str]
) -> MetricComparison:
    metric, known = pairs.metric, pairs.known
    change = difference(pairs, known, level)
    slices, small = _slices(ours, pairs, level)
    flaky = [
        {k: v for k, v in log.flaky(metric.name).items() if k in pairs.clusters} for log in (ours, theirs)
    ]
    return MetricComparison(
        metric=metric,
        samples=len(known.ours),
        groups=pairs.groups,
        ours=_level(pairs, known.ours, level),
        theirs=_level(pairs, known.theirs, level),
        difference=change,
        ratio=ratio(pairs, known, level),
        p=randomisation_test(known.ours, known.theirs, clusters=pairs.clusters) if known.ours else None,
        p_holm=None,
        missing=pairs.missing,
        bounds=Bounds(difference(pairs, pairs.worst, level), difference(pairs, pairs.best, level))
        if pairs.missing
        else None,
        only_ours=pairs.only_ours,
        only_theirs=pairs.only_theirs,
        slices=slices,
        small_slices=small,
        flips=_flips(pairs),
        flaky_ours=flaky[0],
        flaky_theirs=flaky[1],
        cautions=_metric_cautions(pairs, change, calibrated),
    )


def _level(pairs: Pairs, values: Mapping[str, float], level: float) -> Level:
    metric, clusters = pairs.metric, pairs.clusters
    if not values:
        return Level(None)
    if metric.scale is Scale.SCORE:
        return Level(mean(values, clusters=clusters, level=level))
    return Level(
        mean(values, clusters=clusters, scale=metric.scale, level=level) if pairs.groups > 1 else None,
        quantile(values, 0.5, clusters=clusters, level=level),
        quantile(values, 0.95, clusters=clusters, level=level),
    )


def _slices(ours: EvalLog, pairs: Pairs, level: float) -> tuple[tuple[Slice, ...], dict[str, int]]:
    members: dict[tuple[str, str], list[str]] = defaultdict(list)
    for sample in pairs.known.ours:
        for key, value in ours.samples[sample].slices.items():
            members[key, value].append(sample)
    found: list[Slice] = []
    small: dict[str, int] = {}
    for (key, value), samples in sorted(members.items()):
        groups = {pairs.clusters[sample] for sample in samples}
        if len(samples) < MIN_SLICE_SAMPLES or len(groups) < 2:
            small[f"{key}={value}"] = len(samples)
            continue
        mine, other = ({key: side[key] for key in samples} for side in (pairs.known.ours, pairs.known.theirs))
        found.append(
            Slice(
                key,
                value,
                sum(mine.values()) / len(mine),
                sum(other.values()) / len(other),
                paired_difference(
                    mine, other, clusters=pairs.clusters, scale=pairs.metric.scale, level=level
                ),
                p := randomisation_test(mine, other, clusters=pairs.clusters),
                p,
            )
        )
    corrected = holm({f"{one.key}={one.value}": one.p for one in found})
    return tuple(replace(one, p_holm=corrected[f"{one.key}={one.value}"]) for one in found), small


def _flips(pairs: Pairs) -> tuple[Flip, ...]:
    if pairs.metric.scale is not Scale.SCORE:
        return ()
    flips = [Flip(key, pairs.known.theirs[key], new) for key, new in pairs.known.ours.items()]
    flips = [flip for flip in flips if abs(flip.new - flip.old) > _SAME]
    return tuple(sorted(flips, key=lambda flip: (-abs(flip.new - flip.old), flip.sample)))


def _metric_cautions(pairs: Pairs, change: Interval | None, calibrated: Collection[str]) -> tuple[str, ...]:
    found: list[str] = []
    metric = pairs.metric
    if metric.judge and metric.judge not in calibrated:
        found.append(f"By an uncalibrated judge (prompt {metric.judge!r}): nobody knows how far it is off.")
    if not pairs.known.ours:
        found.append("No sample has it on both sides.")
    elif change is None or pairs.groups == 1:
        found.append("All samples are of one group, which does not tell how groups vary.")
    if pairs.missing:
        found.append(f"{len(pairs.missing)} samples lack it on a side: see what is missing.")
    if pairs.only_ours or pairs.only_theirs:
        found.append(
            f"It applies to {len(pairs.only_ours)} samples on our side only, and to {len(pairs.only_theirs)}"
            " on theirs only: these are not compared."
        )
    return tuple(found)
