"""How far two raters agree, and what a judge's mean is worth once people have labelled some of its samples.

Values lie between 0 and 1 and go by sample id, as in `statistics`; `clusters` likewise maps a sample to its
group. A yes is 1, a no is 0, and anything between is graded.

Which interval, and why, was settled by simulation (docs/explanation/judges.md). With 30 labels that agree
with the judge, or all say yes, the data show no variance at all. So intervals are taken as if
disagreements had been seen that were not, some each way; the upper end of a kappa as if agreements had.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from loccit.core.errors import InputError
from loccit.evals.statistics import Clusters, Interval, Scale, Scores, mean, student_quantile, wilson

_Floats: TypeAlias = NDArray[np.float64]

# How many disagreements of each kind count as seen: the judge's yes to a person's no, and the other way.
# Without them 30 labels cover as little as 43 % where the judge is nearly perfect; with a whole one of each,
# most intervals are wider than they need be. A kappa's upper end counts as many agreements of each kind: it
# would else miss a value that rests on samples too rare to be among the labelled.
_UNSEEN = 0.5
_FEWEST_LABELS = 2
_NEARLY_ONE = 0.999


@dataclass(frozen=True, slots=True)
class Corrected:
    """A judge's mean over all its samples, corrected by labels of some.

    `raw` is its own mean, uncorrected, `labels_only` that of the labels alone. `trust` is how far the judge
    is followed (the λ of PPI++): 0 where it says nothing of what people say, 1 where all of it counts.
    """

    score: Interval
    raw: Interval
    labels_only: Interval
    trust: float


@dataclass(frozen=True, slots=True)
class _Fit:
    """The labelled samples, and the judge's values for them, with the unseen disagreements among them."""

    judged: _Floats
    labels: _Floats
    weights: _Floats

    @property
    def size(self) -> float:
        return float(self.weights.sum())

    def mean_of(self, values: _Floats) -> float:
        return float(self.weights @ values) / self.size

    def moment(self, first: _Floats, second: _Floats) -> float:
        """Their covariance."""
        return float(self.weights @ ((first - self.mean_of(first)) * (second - self.mean_of(second)))) / (
            self.size
        )


def kappa(
    ours: Scores, theirs: Scores, *, clusters: Clusters | None = None, level: float = 0.95
) -> Interval | None:
    """Cohen's kappa with its interval: agreement beyond chance, 1 at best, 0 where chance alone would do.

    Of graded values it is the kappa weighted by squared differences, which for yes and no is Cohen's own.
    None where both say one and the same thing of every sample: there is nothing to agree on. Raises
    InputError for values off the scale, and where the two do not have the same samples.

    Source: Cohen, Psychological Bulletin 1968. The interval is by Fisher's transformation, its variance by
    linearisation over groups.
    """
    ids = _shared(ours, theirs)
    first, second = _array(ours, ids), _array(theirs, ids)
    plain = _Fit(first, second, np.ones(len(ids)))
    estimate = _kappa_of(plain)
    if estimate is None:
        return None
    members, groups = _members(ids, clusters)
    if groups == 1:
        return Interval(estimate, -1.0, 1.0, level, len(ids), 1, "one group")
    quantile = student_quantile((1 + level) / 2, groups - 1)
    unlike = _padded(first, second)
    alike = replace(unlike, labels=np.append(second, (1.0, 0.0)))
    low = _end_of_kappa(unlike, members, groups, -quantile)
    high = _end_of_kappa(alike, members, groups, quantile)
    # The added ones move the middle, never the estimate.
    low, high = min(low, estimate), max(high, estimate)
    return Interval(estimate, low, high, level, len(ids), groups, "Fisher's z over groups")


def ppi_mean(
    judged: Scores, labels: Scores, *, clusters: Clusters | None = None, level: float = 0.95
) -> Corrected:
    """The mean that people would give all judged samples, from a judge and from labels of some of them.

    The labelled samples must be a random draw of the judged ones. The mean of their labels is moved by how
    far the judge finds all samples better or worse than these, times how well it tells people's yes from
    their no: prediction-powered inference with a tuned λ, clipped to 0 and 1. Whatever the judge is worth,
    the score is right on average; the better it is, the narrower the interval.

    The interval is Wilson's at the number of independent samples that would vary as much; the variance is
    linearised over groups and knows that all labelled samples are among the judged. Where every sample is
    labelled the judge is not needed, and the score is the mean of the labels.

    Raises InputError for values off the scale, a label of a sample that was not judged, and fewer than two
    labels. Source: Angelopoulos, Duchi and Zrnic, "PPI++: Efficient prediction-powered inference", 2023.
    """
    raw = mean(judged, clusters=clusters, level=level)
    own = mean(labels, clusters=clusters, level=level)
    stray = next((key for key in sorted(labels) if key not in judged), None)
    if stray is not None:
        raise InputError(f"sample {stray!r} has a label, and the judge did not score it")
    if len(labels) < _FEWEST_LABELS:
        raise InputError(f"there is {len(labels)} label, expected {_FEWEST_LABELS} or more")
    ids = sorted(judged)
    scores = _array(judged, ids)
    chosen = np.array([at for at, key in enumerate(ids) if key in labels])
    told = _array(labels, [key for key in ids if key in labels])
    fit = _padded(scores[chosen], told)
    trust = _tuned(fit)
    if len(labels) == len(judged):
        return Corrected(own, raw, own, trust)
    members, groups = _members(ids, clusters)
    labelled_groups = len(set(members[chosen].tolist()))
    estimate = float(told.mean()) + trust * float(scores.mean() - scores[chosen].mean())
    estimate = min(1.0, max(0.0, estimate))
    if labelled_groups == 1:
        one = Interval(estimate, 0.0, 1.0, level, len(ids), 1, "one group")
        return Corrected(one, raw, own, trust)
    variance = _variance(scores, chosen, told, fit, trust, members, groups)
    # The middle with the unseen disagreements is never quite 0 or 1, and so has a variance.
    middle = fit.mean_of(fit.labels) + trust * (float(scores.mean()) - fit.mean_of(fit.judged))
    middle = min(1 - 0.5 / fit.size, max(0.5 / fit.size, middle))
    trials = max(1.0, middle * (1 - middle) / variance)
    low, high = wilson(estimate, trials, student_quantile((1 + level) / 2, labelled_groups - 1))
    method = "prediction-powered, Wilson at the effective sample size"
    return Corrected(Interval(estimate, low, high, level, len(ids), groups, method), raw, own, trust)


def labels_needed(score: Interval, raw: Interval, *, labels: int, samples: int, width: float) -> int | None:
    """How many labels in all would make a corrected score's interval about so wide; None where none do.

    `score` and the judge's own `raw` are of so many samples, of which so many are labelled now. What labels
    can take away of the width falls with their number; the rest is that of the samples themselves, about
    raw's. Raises InputError for a width that is not between 0 and 1.
    """
    if not 0 < width < 1:
        raise InputError(f"width is {width!r}, expected between 0 and 1")
    now = (score.high - score.low) ** 2
    least = min(now, (raw.high - raw.low) ** 2)
    if width**2 >= now:
        return labels
    if width**2 <= least or labels >= samples:
        return None
    by_labels = (now - least) / (1 / labels - 1 / samples)
    return min(samples, math.ceil(1 / ((width**2 - least) / by_labels + 1 / samples)))


def _variance(
    scores: _Floats,
    chosen: NDArray[np.int64],
    told: _Floats,
    fit: _Fit,
    trust: float,
    members: NDArray[np.int64],
    groups: int,
) -> float:
    """Of the corrected score: what the samples and the labels say, and what the unseen disagreements add."""
    count, size = len(told), len(scores)
    residuals = told - trust * scores[chosen]
    residuals = residuals - residuals.mean()
    influence = trust * (scores - scores.mean()) / size
    influence[chosen] += residuals / count
    sums = np.bincount(members, weights=influence)
    # λ was fitted to the same labels: one degree of freedom more is spent.
    seen = float(sums @ sums) * groups / (groups - 1) * count / max(1, count - 2)
    plain = float(residuals @ residuals) / (count * max(1, count - 2))
    rest = fit.labels - trust * fit.judged
    with_unseen = fit.moment(rest, rest) / (fit.size - 1)
    return max(seen + with_unseen - plain, with_unseen)


def _tuned(fit: _Fit) -> float:
    """The λ that makes the variance smallest: the slope of labels on the judge's values."""
    return min(1.0, max(0.0, fit.moment(fit.judged, fit.labels) / fit.moment(fit.judged, fit.judged)))


def _padded(judged: _Floats, labels: _Floats) -> _Fit:
    return _Fit(
        np.append(judged, (1.0, 0.0)),
        np.append(labels, (0.0, 1.0)),
        np.append(np.ones(len(judged)), (_UNSEEN, _UNSEEN)),
    )


def _end_of_kappa(fit: _Fit, members: NDArray[np.int64], groups: int, quantile: float) -> float:
    """So many standard errors from the value, on Fisher's scale."""
    middle, influence = _kappa_influence(fit)
    # It never is quite 1 or -1, where that scale ends.
    middle = max(-_NEARLY_ONE, min(_NEARLY_ONE, middle))
    seen = len(members)
    sums = np.bincount(members, weights=influence[:seen])
    # Those that were added are groups of their own.
    added = float(np.sum((fit.weights[seen:] * influence[seen:]) ** 2))
    error = math.sqrt((float(sums @ sums) + added) * groups / (groups - 1)) / fit.size
    return math.tanh(math.atanh(middle) + quantile * error / (1 - middle**2))


def _kappa_of(fit: _Fit) -> float | None:
    together, apart = _kappa_parts(fit)
    return 2 * together / apart if apart > 1e-12 else None


def _kappa_parts(fit: _Fit) -> tuple[float, float]:
    """The covariance, and the mean squared difference that two independent raters would have."""
    first, second = fit.judged, fit.labels
    gap = fit.mean_of(first) - fit.mean_of(second)
    return fit.moment(first, second), fit.moment(first, first) + fit.moment(second, second) + gap**2


def _kappa_influence(fit: _Fit) -> tuple[float, _Floats]:
    """Kappa, and how much each sample moves it."""
    first, second = fit.judged, fit.labels
    one, other = fit.mean_of(first), fit.mean_of(second)
    together, apart = _kappa_parts(fit)
    of_together = (first - one) * (second - other) - together
    of_apart = first**2 + second**2 - 2 * (first * other + second * one - one * other) - apart
    return 2 * together / apart, 2 * of_together / apart - 2 * together * of_apart / apart**2


def _shared(ours: Scores, theirs: Scores) -> list[str]:
    for values in (ours, theirs):
        mean(values, scale=Scale.SCORE)  # refuses what is off the scale
    if ours.keys() != theirs.keys():
        alone = min(ours.keys() ^ theirs.keys())
        raise InputError(f"sample {alone!r} was rated by one only; agreement needs the same samples")
    return sorted(ours)


def _array(values: Scores, ids: Sequence[str]) -> _Floats:
    return np.array([values[key] for key in ids], dtype=np.float64)


def _members(ids: Sequence[str], clusters: Clusters | None) -> tuple[NDArray[np.int64], int]:
    """The number of each sample's group, and how many groups there are. Raises InputError."""
    if clusters is None:
        return np.arange(len(ids)), len(ids)
    lost = next((key for key in ids if key not in clusters), None)
    if lost is not None:
        raise InputError(f"sample {lost!r} has no group", next_step="give every sample a group, or none")
    numbering: dict[str, int] = {}
    members = np.array([numbering.setdefault(clusters[key], len(numbering)) for key in ids])
    return members, len(numbering)
