"""Means, paired differences and their intervals: what can be said from this many samples, and what cannot.

Every function takes values by sample id, so that two systems are compared on the same samples and a missing
one is an error. `clusters` maps a sample id to its group (the source document, the repository, the fix):
samples of one group are not independent, and only whole groups are. Ids without an entry are refused.

Which interval, and why, was settled by simulation (docs/explanation/statistics.md):

- a mean of scores: Wilson's, at the number of independent samples that would vary as much. It stays within
  0 and 1 and is right near both ends, where a bootstrap fails;
- a difference of scores: Student's t with one pair added for each side, as Bonett and Price do for
  proportions, so that a handful of changed samples, or none, gives no false certainty;
- amounts (seconds, dollars): the studentised bootstrap, which follows a long tail;
- how many times one amount is the other: Student's t of the logarithm;
- a quantile of amounts: where Wilson's interval of the share of samples below holds the share asked for.

Variances are jackknifed over groups; t has as many degrees of freedom as there are groups, less one.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from statistics import NormalDist
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from loccit.core.errors import InputError

Scores: TypeAlias = Mapping[str, float]
Clusters: TypeAlias = Mapping[str, str]
_Floats: TypeAlias = NDArray[np.float64]

_NORMAL = NormalDist()
_BOOTSTRAP_ROUNDS = 2_000
# Below this many groups resampling them tells too little of the tail: Student's t is wider, and holds.
_MIN_BOOTSTRAP_CLUSTERS = 10
# With so many groups that differ, or fewer, every assignment of signs is tried instead of a sample of them.
_MAX_EXACT_CLUSTERS = 13
# Cells of one block of resamples: bounds memory at 32 MB.
_BLOCK_CELLS = 4_000_000
# Of a t beyond this many degrees of freedom the quantiles are the normal's to five digits.
_MAX_DEGREES = 10_000
# Its exponential is still a number.
_LARGEST_LOG = 600.0
# How many standard errors above what a pilot shows a variance is planned for.
_CAUTION = 1.0
# A share that is nothing but rounding.
_NOTHING_LEFT = 1e-12


class Scale(StrEnum):
    """What a value measures, which decides the interval.

    A score lies between 0 and 1 (hit, recall, MRR, nDCG). An amount is not negative and has no upper bound
    (seconds, dollars, tokens).
    """

    SCORE = "score"
    AMOUNT = "amount"


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate, and the range that holds the truth in `level` of all cases.

    `samples` and `clusters` are how many stood behind it, `method` the name of the interval. The estimate is
    the plain mean or difference, so it need not be the middle.
    """

    estimate: float
    low: float
    high: float
    level: float
    samples: int
    clusters: int
    method: str

    @property
    def is_clear_of_zero(self) -> bool:
        """Whether zero is outside, on either side."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, slots=True)
class Spread:
    """How much paired differences vary.

    `design_effect` is how many times more samples are needed than if each were a group of its own, and
    `group_size` how many a group has on average. `padding` is what an interval adds to the sum of squared
    differences, whatever their number.
    """

    standard_deviation: float
    design_effect: float
    group_size: float = 1.0
    padding: float = 0.0


@dataclass(frozen=True, slots=True)
class _Grouped:
    """Per group the sum of its values and how many there are, and their mean over all samples."""

    sums: _Floats
    counts: _Floats

    @property
    def mean(self) -> float:
        return float(self.sums.sum() / self.counts.sum())

    @property
    def standard_error(self) -> float:
        """Of the mean, by leaving out one group at a time; needs two groups."""
        residuals = self.sums - self.mean * self.counts
        size = len(self.sums)
        left_out = residuals / (self.counts.sum() - self.counts)
        return math.sqrt((size - 1) / size * float(left_out @ left_out))


def mean(
    values: Scores,
    *,
    clusters: Clusters | None = None,
    scale: Scale = Scale.SCORE,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """The mean over samples, with its interval. `seed` matters for amounts only.

    One group alone says nothing of how groups vary: for scores the interval is then 0 to 1, for amounts it is
    an error. Raises InputError for no samples, a value that is not finite or not on the scale, and samples
    without a group.
    """
    _check_level(level)
    _check_scale(values, scale)
    grouped = _grouped(values, clusters)
    if scale is Scale.AMOUNT:
        return _amount(grouped, len(values), level, seed, floor=0.0)
    low, high, method = _wilson_of_scores(grouped, level)
    return Interval(grouped.mean, low, high, level, len(values), len(grouped.sums), method)


def proportion(successes: int, trials: int, *, level: float = 0.95) -> Interval:
    """A share of independent trials, with Wilson's interval. Raises InputError for impossible counts."""
    _check_level(level)
    if not (trials > 0 and 0 <= successes <= trials):
        raise InputError(
            f"{successes!r} of {trials!r} is no share; expected 0 <= successes <= trials, trials > 0"
        )
    share = successes / trials
    low, high = wilson(share, trials, _NORMAL.inv_cdf((1 + level) / 2))
    return Interval(share, low, high, level, trials, trials, "Wilson")


def paired_difference(
    ours: Scores,
    theirs: Scores,
    *,
    clusters: Clusters | None = None,
    scale: Scale = Scale.SCORE,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """The mean of ours minus theirs over the same samples, with its interval. `seed` as in `mean`.

    With one group alone the interval is −1 to 1 for scores, and an error for amounts. Raises InputError as
    `mean` does, and where the two do not have the same samples.
    """
    _check_level(level)
    for values in (ours, theirs):
        _check_scale(values, scale)
    differences = _differences(ours, theirs)
    grouped = _grouped(differences, clusters)
    if scale is Scale.AMOUNT:
        return _amount(grouped, len(ours), level, seed, floor=-math.inf)
    size = len(grouped.sums)
    if size == 1:
        return Interval(grouped.mean, -1.0, 1.0, level, len(ours), 1, "one group")
    padded = _with_one_pair_each_side(grouped, _typical(differences))
    reach = student_quantile((1 + level) / 2, size - 1) * padded.standard_error
    low, high = max(-1.0, padded.mean - reach), min(1.0, padded.mean + reach)
    # Padding moves the middle towards zero, never the estimate; at the very ends it would fall outside.
    low, high = min(low, grouped.mean), max(high, grouped.mean)
    return Interval(grouped.mean, low, high, level, len(ours), size, "Student t, one pair added each side")


def paired_ratio(
    ours: Scores, theirs: Scores, *, clusters: Clusters | None = None, level: float = 0.95
) -> Interval:
    """How many times theirs ours is: the ratio of two means of amounts on the same samples.

    1.1 is ten percent more. Where one group holds all there is of a side, `high` is infinite. Raises
    InputError as `paired_difference` does for amounts, and where all of one side are zero: there is no ratio.
    """
    _check_level(level)
    for values in (ours, theirs):
        _check_scale(values, Scale.AMOUNT)
    _differences(ours, theirs)
    for name, values in (("ours", ours), ("theirs", theirs)):
        if not any(values.values()):
            raise InputError(
                f"all {len(values)} amounts of {name} are zero, and have no ratio",
                next_step="look at the difference instead",
            )
    top, bottom = _grouped(ours, clusters), _grouped(theirs, clusters)
    size = len(top.sums)
    if size == 1:
        raise _one_group(len(ours))
    ratio = top.mean / bottom.mean
    reach = student_quantile((1 + level) / 2, size - 1) * _log_ratio_error(top, bottom)
    low, high = ratio * math.exp(-reach), ratio * math.exp(reach) if reach < _LARGEST_LOG else math.inf
    return Interval(ratio, low, high, level, len(ours), size, "Student t of the logarithm")


def quantile(
    values: Scores, share: float, *, clusters: Clusters | None = None, level: float = 0.95
) -> Interval:
    """The amount that `share` of the samples do not exceed, with its interval: 0.5 is the median, 0.95 p95.

    The estimate is the smallest value that does. Where samples are too few to tell how large it may be,
    `high` is infinite: p95 wants some hundred. Raises InputError for values that are no amounts, a share not
    between 0 and 1, and as `mean` does.
    """
    _check_level(level)
    if not 0 < share < 1:
        raise InputError(f"the share of a quantile is {share!r}, expected between 0 and 1, as 0.95")
    _check_scale(values, Scale.AMOUNT)
    ordered = sorted(values.values())
    size = len(ordered)
    # 0.95 * 20 is 19, and not the next float above it.
    at = math.ceil(share * size - 1e-9) - 1

    def below(value: float) -> tuple[float, float]:
        low, high, _ = _wilson_of_scores(
            _grouped({k: float(v <= value) for k, v in values.items()}, clusters), level
        )
        return low, high

    # A value belongs to the interval where the share of samples below it may well be the one asked for.
    first = bisect_left(ordered, True, hi=at, key=lambda value: below(value)[1] >= share)
    last = bisect_left(ordered, True, lo=at, key=lambda value: below(value)[0] > share)
    groups = size if clusters is None else len({clusters[key] for key in values})
    return Interval(
        ordered[at],
        ordered[first] if first or below(-1.0)[1] < share else 0.0,
        ordered[last] if last < size else math.inf,
        level,
        size,
        groups,
        "inverted Wilson",
    )


def any_of(successes: int, trials: int, tries: int) -> float:
    """How probable it is that at least one of so many tries succeeds (pass@k), from repeats of one sample.

    Without bias: the share of all choices of `tries` of the trials that hold a success. Raises InputError
    for more tries than trials, and impossible counts.  Source: Chen et al., 2021, arXiv:2107.03374.
    """
    _check_tries(successes, trials, tries)
    return 1 - math.comb(trials - successes, tries) / math.comb(trials, tries)


def all_of(successes: int, trials: int, tries: int) -> float:
    """How probable it is that every one of so many tries succeeds (pass^k), from repeats of one sample.

    Without bias, as `any_of`, and raises as it does.  Source: Yao et al., 2024, arXiv:2406.12045.
    """
    _check_tries(successes, trials, tries)
    return math.comb(successes, tries) / math.comb(trials, tries)


def randomisation_test(
    ours: Scores,
    theirs: Scores,
    *,
    clusters: Clusters | None = None,
    rounds: int = 9_999,
    seed: int = 0,
) -> float:
    """How often, if the two systems were interchangeable, they would differ as much as they do (two-sided p).

    The two systems' values are swapped at random, for a whole group at once. Exact for up to 13 groups that
    differ; else by `rounds` draws, and then never below 1 / (rounds + 1). Raises InputError as `mean` does.
    """
    if rounds < 1:
        raise InputError(f"rounds is {rounds!r}, expected at least 1")
    sums = _grouped(_differences(ours, theirs), clusters).sums
    sums = sums[sums != 0]
    size = len(sums)
    if not size:
        return 1.0
    # Sums in another order differ in their last bits; equal ones must count as equal.
    bar = abs(float(sums.sum())) - 1e-9 * float(np.abs(sums).sum())
    if size <= _MAX_EXACT_CLUSTERS:
        codes = np.arange(2**size, dtype=np.int64)[:, None]
        bits = (codes >> np.arange(size, dtype=np.int64)) & 1
        return float(np.mean(np.abs((2.0 * bits - 1.0) @ sums) >= bar))
    random = np.random.default_rng(seed)
    reached = 0
    for count in _blocks(rounds, size):
        packed = np.frombuffer(random.bytes(count * ((size + 7) // 8)), dtype=np.uint8)
        bits = np.unpackbits(packed.reshape(count, -1), axis=1, count=size)
        # The sum with random signs is twice what kept its sign, less all of it.
        totals = 2.0 * (bits.astype(np.float32) @ sums) - sums.sum()
        reached += int(np.count_nonzero(np.abs(totals) >= bar))
    return (reached + 1) / (rounds + 1)


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """The p-values by name, adjusted so that *any* false alarm among them is as rare as one alone was.

    Holm's step-down method, in the order given. Raises InputError for a value outside 0 to 1.
    """
    for name, value in p_values.items():
        if not 0 <= value <= 1:
            raise InputError(f"the p-value of {name!r} is {value!r}, expected 0 to 1")
    adjusted: dict[str, float] = {}
    highest = 0.0
    for position, name in enumerate(sorted(p_values, key=lambda name: p_values[name])):
        highest = max(highest, min(1.0, (len(p_values) - position) * p_values[name]))
        adjusted[name] = highest
    return {name: adjusted[name] for name in p_values}


def spread(ours: Scores, theirs: Scores, *, clusters: Clusters | None = None) -> Spread:
    """How the paired differences of a pilot vary, which `required_samples` needs.

    Needs two groups at least. Raises InputError otherwise, and as `paired_difference` does.
    """
    differences = _differences(ours, theirs)
    grouped = _grouped(differences, clusters)
    if len(grouped.sums) < 2:
        raise InputError(f"the samples are of {len(grouped.sums)} group, expected two or more")
    deviation = float(np.std(np.array([differences[key] for key in sorted(differences)]), ddof=1))
    naive = deviation / math.sqrt(len(differences))
    return Spread(deviation, (grouped.standard_error / naive) ** 2 if naive else 1.0)


def pilot_spread(
    ours: Scores,
    theirs: Scores,
    margin: float,
    *,
    clusters: Clusters | None = None,
    scale: Scale = Scale.SCORE,
) -> Spread:
    """How paired differences would vary if ours were lower by `margin`, from a pilot of any size.

    A pilot says less than it seems to. So one pair is added for each side, as in the interval: one without
    any change does not promise that there is none. Of scores, what ours would lose and did not lose yet adds
    changes of the usual size. And the squares that were seen are taken one standard error higher. Raises
    InputError as `paired_difference` does.
    """
    for values in (ours, theirs):
        _check_scale(values, scale)
    differences = _differences(ours, theirs)
    grouped, size = _grouped(differences, clusters), len(differences)
    typical = max(_typical(differences), margin) if scale is Scale.AMOUNT else _typical(differences)
    seen = math.fsum(value**2 for value in differences.values()) * _cautious(grouped.sums)
    variance = (seen + 2 * typical**2) / (size + 2)
    if scale is Scale.SCORE:
        lost = max(0.0, -grouped.mean)
        variance += typical * max(0.0, margin - lost) - max(margin, lost) ** 2
    return Spread(
        math.sqrt(max(variance, 0.0)),
        _design_effect(differences, grouped),
        group_size=size / len(grouped.sums),
        padding=2 * typical**2 if scale is Scale.SCORE else 0.0,
    )


def ratio_spread(ours: Scores, theirs: Scores, margin: float, *, clusters: Clusters | None = None) -> Spread:
    """How the logarithm of a ratio of amounts varies, with the same caution; `margin` is a logarithm too.

    Two groups are added that differ by the margin. Raises InputError as `paired_ratio` does.
    """
    paired_ratio(ours, theirs, clusters=clusters)
    top, bottom = _grouped(ours, clusters), _grouped(theirs, clusters)
    groups, size = len(top.sums), len(ours)
    residuals = groups * (top.sums / top.sums.sum() - bottom.sums / bottom.sums.sum())
    variance = (float(residuals @ residuals) * _cautious(residuals) + 2 * margin**2) / groups
    return Spread(math.sqrt(variance * size / groups), 1.0, group_size=size / groups)


def required_samples(spread: Spread, margin: float, *, power: float = 0.9, level: float = 0.95) -> int:
    """How many samples find a true difference of `margin` with this power: their interval is clear of zero.

    Counts samples of groups like the pilot's, whole ones. Raises InputError for a margin that is not
    positive, or a power or level not between 0 and 1.
    """
    _check_level(level)
    if not 0 < power < 1:
        raise InputError(f"power is {power!r}, expected between 0 and 1")
    if not 0 < margin < math.inf:
        raise InputError(f"margin is {margin!r}, expected a positive number")
    variance = spread.design_effect * spread.standard_deviation**2

    def suffices(groups: int) -> bool:
        size = groups * spread.group_size
        reach = student_quantile((1 + level) / 2, groups - 1) * math.sqrt(size * variance + spread.padding)
        return margin * size >= reach + student_quantile(power, groups - 1) * math.sqrt(size * variance)

    # Sums grow with the size, their errors with its root: from some size on all suffice.
    enough = 2
    while not suffices(enough):
        enough *= 2
    groups = bisect_left(range(enough), True, lo=max(2, enough // 2), key=suffices)
    return math.ceil(groups * spread.group_size - 1e-9)


def wilson(share: float, trials: float, quantile: float) -> tuple[float, float]:
    """The ends of Wilson's interval of a share of so many trials, which need not be a whole number."""
    square = quantile**2
    middle = (share + square / (2 * trials)) / (1 + square / trials)
    reach = math.sqrt(max(0.0, share * (1 - share)) / trials + square / (4 * trials**2))
    reach *= quantile / (1 + square / trials)
    # Rounding must not put the share itself outside.
    return max(0.0, min(middle - reach, share)), min(1.0, max(middle + reach, share))


@lru_cache(maxsize=512)
def student_quantile(share: float, degrees: int) -> float:
    """The value below which Student's t with so many degrees of freedom lies in `share` of all cases."""
    degrees = min(degrees, _MAX_DEGREES)
    if share < 0.5:
        return -student_quantile(1 - share, degrees)
    low, high = 0.0, 1.0
    while _student_share(high, degrees) < share:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _student_share(middle, degrees) < share else (low, middle)
    return (low + high) / 2


def _student_share(value: float, degrees: int) -> float:
    """Student's t distribution function for value >= 0, in closed form (Abramowitz and Stegun 26.7.3, .4)."""
    angle = math.atan(value / math.sqrt(degrees))
    square = math.cos(angle) ** 2
    first = 1 + degrees % 2
    steps = np.arange(first, degrees - 2, 2, dtype=np.float64)
    terms = float(np.cumprod(square * steps / (steps + 1)).sum()) + 1
    if degrees % 2 == 0:
        return 0.5 + math.sin(angle) * terms / 2
    tail = math.sin(angle) * math.cos(angle) * terms if degrees > 1 else 0.0
    return 0.5 + (angle + tail) / math.pi


def _wilson_of_scores(grouped: _Grouped, level: float) -> tuple[float, float, str]:
    size = len(grouped.sums)
    if size == 1:
        return 0.0, 1.0, "one group"
    error, share = grouped.standard_error, grouped.mean
    # Where all groups agree their variance says nothing, and each counts as one trial.
    trials = share * (1 - share) / error**2 if error > 1e-12 and 0 < share < 1 else float(size)
    low, high = wilson(share, trials, student_quantile((1 + level) / 2, size - 1))
    return low, high, "Wilson at the effective sample size"


def _with_one_pair_each_side(grouped: _Grouped, typical: float) -> _Grouped:
    """The groups and two more of one sample each, up and down by the typical change."""
    return _Grouped(np.append(grouped.sums, (typical, -typical)), np.append(grouped.counts, (1.0, 1.0)))


def _typical(differences: Scores) -> float:
    """The root mean square of those that are not zero; 1 if all are."""
    squares = [value**2 for value in differences.values() if value]
    return math.sqrt(math.fsum(squares) / len(squares)) if squares else 1.0


def _design_effect(differences: Scores, grouped: _Grouped) -> float:
    """At least 1: samples of one group that seem to balance each other are luck."""
    naive = float(np.std(np.fromiter(differences.values(), dtype=np.float64))) / math.sqrt(len(differences))
    if not naive or len(grouped.sums) < 2:
        return len(differences) / len(grouped.sums)
    return max(1.0, (grouped.standard_error / naive) ** 2)


def _cautious(sums: _Floats) -> float:
    """By how much the squares of what differs by group may well be more: one standard error of themselves.

    As for a count: of so many groups as carry the squares, the root.
    """
    squares = sums**2
    total = float(squares.sum())
    return 1 + _CAUTION * math.sqrt(float(squares @ squares)) / total if total else 1.0


def _one_group(samples: int) -> InputError:
    return InputError(
        f"all {samples} samples are of one group, so nothing is known of how groups vary",
        next_step="measure at least two groups",
    )


def _log_ratio_error(top: _Grouped, bottom: _Grouped) -> float:
    """The standard error of the logarithm of the ratio of two sums, by leaving out one group at a time.

    Infinite where one group holds all there is of a side.
    """
    left_top, left_bottom = top.sums.sum() - top.sums, bottom.sums.sum() - bottom.sums
    if min(left_top.min() / top.sums.sum(), left_bottom.min() / bottom.sums.sum()) < _NOTHING_LEFT:
        return math.inf
    size = len(top.sums)
    logs = np.log(left_top / left_bottom)
    apart = logs - logs.mean()
    return math.sqrt((size - 1) / size * float(apart @ apart))


def _amount(grouped: _Grouped, samples: int, level: float, seed: int, *, floor: float) -> Interval:
    size = len(grouped.sums)
    if size == 1:
        raise _one_group(samples)
    share, error = grouped.mean, grouped.standard_error
    if size < _MIN_BOOTSTRAP_CLUSTERS:
        reach = student_quantile((1 + level) / 2, size - 1)
        low_t, high_t, method = -reach, reach, "Student t"
    else:
        low_t, high_t = _bootstrapped_t(grouped, level, seed)
        method = "studentised bootstrap"
    low, high = min(share, share - high_t * error), max(share, share - low_t * error)
    return Interval(share, max(floor, low), high, level, samples, size, method)


def _bootstrapped_t(grouped: _Grouped, level: float, seed: int) -> tuple[float, float]:
    """Quantiles of (mean of resampled groups − mean) / its standard error, over resamples that vary."""
    sums, counts = grouped.sums, grouped.counts
    size = len(sums)
    moments = np.stack([sums, counts, sums**2, sums * counts, counts**2], axis=1)
    random = np.random.default_rng(seed)
    found: list[_Floats] = []
    for count in _blocks(_BOOTSTRAP_ROUNDS, size):
        drawn = random.integers(0, size, (count, size)) + np.arange(count)[:, None] * size
        weights = np.bincount(drawn.ravel(), minlength=count * size).reshape(count, size)
        total, samples, squares, mixed, sizes = (weights.astype(np.float64) @ moments).T
        means = total / samples
        variances = squares - 2 * means * mixed + means**2 * sizes
        varied = variances > 1e-12 * squares
        errors = np.sqrt(variances[varied] * size / (size - 1)) / samples[varied]
        found.append((means[varied] - grouped.mean) / errors)
    values = np.concatenate(found)
    if not len(values):
        return 0.0, 0.0
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _blocks(rounds: int, size: int) -> list[int]:
    """Rounds in blocks that keep memory bounded."""
    block = max(1, _BLOCK_CELLS // size)
    return [min(block, rounds - start) for start in range(0, rounds, block)]


def _grouped(values: Scores, clusters: Clusters | None) -> _Grouped:
    """Sums and counts per group, in the order of ids, so that equal input gives equal bits."""
    _check(values)
    ids = sorted(values)
    numbers = np.array([values[key] for key in ids], dtype=np.float64)
    if clusters is None:
        return _Grouped(numbers, np.ones(len(ids)))
    lost = next((key for key in ids if key not in clusters), None)
    if lost is not None:
        raise InputError(f"sample {lost!r} has no group", next_step="give every sample a group, or none")
    numbering: dict[str, int] = {}
    members = np.array([numbering.setdefault(clusters[key], len(numbering)) for key in ids])
    sums = np.bincount(members, weights=numbers).astype(np.float64)
    return _Grouped(sums, np.bincount(members).astype(np.float64))


def _differences(ours: Scores, theirs: Scores) -> dict[str, float]:
    _check(ours)
    _check(theirs)
    if ours.keys() != theirs.keys():
        alone = min(ours.keys() ^ theirs.keys())
        raise InputError(
            f"sample {alone!r} was measured for one system only; paired comparison needs the same samples",
            next_step="compare what both have, and say how many were left out",
        )
    return {key: float(ours[key]) - float(theirs[key]) for key in ours}


def _check(values: Scores) -> None:
    if not values:
        raise InputError("there are no samples, expected at least one")
    wrong = next((key for key, value in values.items() if not math.isfinite(value)), None)
    if wrong is not None:
        raise InputError(
            f"sample {wrong!r} has the value {float(values[wrong])!r}, expected a finite number",
            next_step="report a missing value as missing: it is neither zero nor to be dropped unseen",
        )


def _check_scale(values: Scores, scale: Scale) -> None:
    _check(values)
    highest = 1.0 if scale is Scale.SCORE else math.inf
    wrong = next((key for key, value in values.items() if not 0 <= value <= highest), None)
    if wrong is not None:
        expected = "a score from 0 to 1" if scale is Scale.SCORE else "an amount of 0 or more"
        raise InputError(f"sample {wrong!r} has the value {float(values[wrong])!r}, expected {expected}")


def _check_tries(successes: int, trials: int, tries: int) -> None:
    if not (0 <= successes <= trials and 1 <= tries <= trials):
        raise InputError(
            f"{successes!r} of {trials!r} tell nothing of {tries!r} tries;"
            " expected 0 <= successes <= trials and 1 <= tries <= trials",
            next_step="repeat each sample at least as often",
        )


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise InputError(f"level is {level!r}, expected between 0 and 1, as 0.95")
