"""What one ranking is worth against what should have been found, and whether probabilities hold.

A ranking is a list of distinct ids, best first; ranks count from 1. Gold is the set of right ids, at least
one. A ranking may be shorter than the cutoff, or empty: what it does not hold was not found. Raises
InputError for gold that is empty (a sample without a right answer is one of abstention, not of recall), ids
that are ranked twice, and cutoffs below 1.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from loccit.core.errors import InputError
from loccit.evals.statistics import Interval, mean


def first_rank(ranking: Sequence[str], gold: Collection[str]) -> int | None:
    """The rank of the first right id, or None where there is none."""
    right = _checked(ranking, gold)
    return next((rank for rank, key in enumerate(ranking, start=1) if key in right), None)


def hit(ranking: Sequence[str], gold: Collection[str], k: int) -> float:
    """1 if any right id is among the first k, else 0."""
    return float(_found(ranking, gold, k) > 0)


def recall(ranking: Sequence[str], gold: Collection[str], k: int) -> float:
    """The share of all right ids that are among the first k. With more than k of them it cannot reach 1."""
    return _found(ranking, gold, k) / len(set(gold))


def precision(ranking: Sequence[str], gold: Collection[str], k: int) -> float:
    """The share of the first k places that hold a right id. Empty places count as wrong."""
    return _found(ranking, gold, k) / k


def reciprocal_rank(ranking: Sequence[str], gold: Collection[str]) -> float:
    """1 / the rank of the first right id, 0 where there is none. Its mean over samples is the MRR."""
    rank = first_rank(ranking, gold)
    return 1 / rank if rank else 0.0


def ndcg(ranking: Sequence[str], gold: Collection[str], k: int) -> float:
    """Gain of 1 / log2(1 + rank) per right id among the first k, over the gain of the best order possible."""
    _check_cutoff(k)
    right = _checked(ranking, gold)
    gained = sum(_gain(rank) for rank, key in enumerate(ranking[:k], start=1) if key in right)
    return gained / sum(_gain(rank) for rank in range(1, min(k, len(right)) + 1))


def ranking_scores(
    ranking: Sequence[str], gold: Collection[str], *, cutoffs: Sequence[int] = (1, 3, 5, 10)
) -> dict[str, float]:
    """The scores that reports show, by name: `recall@1` ..., then `mrr`."""
    scores = {f"recall@{k}": recall(ranking, gold, k) for k in cutoffs}
    return {**scores, "mrr": reciprocal_rank(ranking, gold)}


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Predictions of similar probability, from `low` to `high`, both inclusive.

    `predicted` is their mean probability, `observed` the share that came true, with its interval.
    """

    low: float
    high: float
    count: int
    predicted: float
    observed: Interval


@dataclass(frozen=True, slots=True)
class Calibration:
    """How far probabilities are from what came true.

    `expected_error` (ECE) is the mean over bins, weighted by their counts, of |predicted − observed|;
    `brier` the mean square of probability − outcome. 0 is best for both.
    """

    expected_error: float
    brier: float
    bins: tuple[ReliabilityBin, ...]


def calibration(
    probabilities: Sequence[float],
    outcomes: Sequence[bool],
    *,
    groups: Sequence[str] | None = None,
    bins: int = 10,
    level: float = 0.95,
) -> Calibration:
    """Compare each probability with whether it came true, in bins of equal mass, lowest first.

    Equal probabilities are never parted, so there may be fewer bins than asked for and they may differ in
    size. `groups` names what each prediction belongs to (the issue of a suspect), for the intervals. Raises
    InputError for no predictions, lengths that differ, probabilities outside 0 to 1 and bins below 1.
    """
    _check_predictions(probabilities, outcomes, groups, bins)
    order = sorted(range(len(probabilities)), key=lambda at: probabilities[at])
    made: list[ReliabilityBin] = []
    start = 0
    for number in range(1, bins + 1):
        end = max(start, round(number * len(order) / bins))
        while 0 < end < len(order) and probabilities[order[end]] == probabilities[order[end - 1]]:
            end += 1
        if end > start:
            made.append(_bin(order[start:end], probabilities, outcomes, groups, level))
        start = end
    total = len(order)
    error = sum(each.count * abs(each.predicted - each.observed.estimate) for each in made) / total
    pairs = zip(probabilities, outcomes, strict=True)
    brier = math.fsum((value - bool(outcome)) ** 2 for value, outcome in pairs) / total
    return Calibration(error, brier, tuple(made))


def _bin(
    members: list[int],
    probabilities: Sequence[float],
    outcomes: Sequence[bool],
    groups: Sequence[str] | None,
    level: float,
) -> ReliabilityBin:
    observed = mean(
        {str(at): float(bool(outcomes[at])) for at in members},
        clusters={str(at): groups[at] for at in members} if groups else None,
        level=level,
    )
    values = [probabilities[at] for at in members]
    return ReliabilityBin(values[0], values[-1], len(values), math.fsum(values) / len(values), observed)


def _gain(rank: int) -> float:
    return 1 / math.log2(1 + rank)


def _found(ranking: Sequence[str], gold: Collection[str], k: int) -> int:
    _check_cutoff(k)
    right = _checked(ranking, gold)
    return sum(key in right for key in ranking[:k])


def _check_cutoff(k: int) -> None:
    if k < 1:
        raise InputError(f"k is {k!r}, expected at least 1")


def _checked(ranking: Sequence[str], gold: Collection[str]) -> frozenset[str]:
    if isinstance(gold, str):
        raise InputError(f"gold is the text {gold!r}, expected a set of ids")
    if not gold:
        raise InputError("gold is empty, expected at least one right id")
    if len(set(ranking)) != len(ranking):
        twice = next(key for at, key in enumerate(ranking) if key in ranking[:at])
        raise InputError(f"{twice!r} is ranked twice, expected every id once")
    return frozenset(gold)


def _check_predictions(
    probabilities: Sequence[float], outcomes: Sequence[bool], groups: Sequence[str] | None, bins: int
) -> None:
    if not probabilities:
        raise InputError("there are no predictions, expected at least one")
    lengths = [len(probabilities), len(outcomes), *([len(groups)] if groups is not None else [])]
    if len(set(lengths)) != 1:
        raise InputError(
            f"probabilities, outcomes and groups have the lengths {lengths}, expected equal ones"
        )
    wrong = next((value for value in probabilities if not 0 <= value <= 1), None)
    if wrong is not None:
        raise InputError(f"a probability is {wrong!r}, expected 0 to 1")
    if bins < 1:
        raise InputError(f"bins is {bins!r}, expected at least 1")
