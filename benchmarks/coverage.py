"""How often is the truth inside of an interval that says 95 %? Simulated, 40 documents of 5 questions each.

Scores are hits or ranks of what was found; some documents are harder than others, by their intra-cluster
correlation. Amounts have a long tail (log-normal). Each row draws so many sets of samples and asks the
statistics of the product for the interval.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import benchmarks
from loccit.evals.statistics import (
    Interval,
    Scale,
    mean,
    paired_difference,
    paired_ratio,
    quantile,
)

NAME = "coverage"
SUMMARY = "how often 95 % intervals hold the truth, by simulation: means, differences, ratios, quantiles"

SIMULATIONS = 4_000
DOCUMENTS, QUESTIONS = 40, 5
LOWEST, HIGHEST = 0.93, 0.97

_IDS = [f"s{at}" for at in range(DOCUMENTS * QUESTIONS)]
_OWNERS = {key: f"d{at // QUESTIONS}" for at, key in enumerate(_IDS)}
# Reciprocal ranks of what was found, and how often each is.
_RANKS, _OFTEN = np.array([1, 1 / 2, 1 / 3, 1 / 4, 1 / 5]), np.array([0.5, 0.2, 0.12, 0.1, 0.08])
_Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Case:
    """What is drawn: `rate` of hits or the spread of logarithms, alike within a document by `alike`.

    Of differences, `flips` of the samples go either way, and `lost` more go down.
    """

    what: str
    rate: float
    alike: float
    flips: float = 0.0
    lost: float = 0.0

    def held(self, rounds: int, seed: int) -> float:
        """The share of the rounds in which the truth was inside."""
        random = np.random.default_rng(seed)
        draw = _DRAWS[self.what]
        inside = 0
        for _ in range(rounds):
            found, truth = draw(self, random)
            inside += found.low <= truth <= found.high
        return inside / rounds


def run(setting: benchmarks.Setting) -> dict[str, Any]:
    """The lowest and the highest of all rows, the rows, and what is beyond them."""
    rounds = setting.sample or SIMULATIONS
    cases = [*_cases(), *_edges()]
    with ProcessPoolExecutor(len(benchmarks.cores())) as pool:
        shares = list(pool.map(Case.held, cases, [rounds] * len(cases), range(len(cases))))
    rows = [_row(case, share) for case, share in zip(cases, shares, strict=True)]
    count = len(_cases())
    return {
        "lowest coverage": benchmarks.target(min(shares[:count]), at_least=LOWEST),
        "highest coverage": benchmarks.target(max(shares[:count]), at_most=HIGHEST),
        "simulations of each": rounds,
        "intervals": rows[:count],
        "at the edge": rows[count:],
    }


def _row(case: Case, share: float) -> dict[str, Any]:
    is_amount = case.what in _OF_AMOUNTS
    return {
        "interval": case.what,
        "rate": "" if is_amount else case.rate,
        "spread of logarithms": case.rate if is_amount else "",
        "intra-cluster correlation": case.alike,
        "flips": case.flips or "",
        "lost": case.lost or "",
        "coverage": round(share, 4),
    }


def _cases() -> list[Case]:
    alike = (0.0, 0.1, 0.3)
    return [
        *(Case("mean, hits", rate, each) for rate in (0.3, 0.6, 0.8, 0.9) for each in alike),
        *(Case("mean, reciprocal ranks", rate, each) for rate in (0.6, 0.9) for each in alike),
        *(
            Case("difference, hits", 0.7, each, flips, lost)
            for flips in (0.1, 0.2, 0.4)
            for lost in (0.0, 0.05)
            for each in (0.0, 0.3)
        ),
        *(
            Case("difference, reciprocal ranks", 0.7, each, 0.1, lost)
            for lost in (0.0, 0.05)
            for each in alike
        ),
        *(Case("ratio", spread, each) for spread in (0.3, 0.6, 0.8) for each in (0.0, 0.3)),
        *(Case("mean, amounts", spread, each) for spread in (0.3, 0.6) for each in (0.0, 0.3)),
        *(Case("difference, amounts", spread, each) for spread in (0.3, 0.6) for each in (0.0, 0.3)),
        *(Case(what, 0.6, each) for what in ("p50", "p95") for each in (0.0, 0.3)),
    ]


def _edges() -> list[Case]:
    """Hardly any miss, hardly any flip, and a very long tail: without a target, to be known."""
    return [
        *(Case("mean, hits", rate, each) for rate in (0.95, 0.98) for each in (0.0, 0.3)),
        *(Case("difference, hits", 0.7, each, 0.02) for each in (0.0, 0.3)),
        *(Case("difference, hits", 0.7, each, 0.0, 0.03) for each in (0.0, 0.3)),
        *(Case(what, 1.0, each) for what in ("ratio", "mean, amounts", "p95") for each in (0.0, 0.6)),
    ]


def _chances(case: Case, random: np.random.Generator) -> _Floats:
    """How easy each document is."""
    if not case.alike:
        return np.full((DOCUMENTS, 1), case.rate)
    size = (1 - case.alike) / case.alike
    return random.beta(case.rate * size, (1 - case.rate) * size, (DOCUMENTS, 1))


def _hits(case: Case, random: np.random.Generator) -> NDArray[np.bool_]:
    return random.random((DOCUMENTS, QUESTIONS)) < _chances(case, random)


def _ranks(hits: NDArray[np.bool_], random: np.random.Generator) -> _Floats:
    return np.where(hits, random.choice(_RANKS, hits.shape, p=_OFTEN), 0.0)


def _flipped(case: Case, random: np.random.Generator) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Ours and theirs. Within a document flips go one way by `alike`; in the mean as many go each way."""
    shape = (DOCUMENTS, QUESTIONS)
    theirs = _hits(Case("", case.rate, case.alike), random)
    lean = _chances(Case("", 0.5, case.alike), random)
    chance = random.random(shape)
    up, down = chance < case.flips * lean, (chance >= case.flips * lean) & (chance < case.flips + case.lost)
    return np.where(up, True, np.where(down, False, theirs)), np.where(
        up, False, np.where(down, True, theirs)
    )


def _amounts(case: Case, random: np.random.Generator) -> _Floats:
    """With median 1."""
    within, between = case.rate * math.sqrt(1 - case.alike), case.rate * math.sqrt(case.alike)
    return np.exp(
        random.normal(0, between, (DOCUMENTS, 1)) + random.normal(0, within, (DOCUMENTS, QUESTIONS))
    )


def _both(case: Case, random: np.random.Generator) -> tuple[_Floats, _Floats]:
    """A tenth more than theirs, each with a noise of its own."""
    base = _amounts(case, random)
    noise = np.exp(random.normal(0, 0.3, (2, DOCUMENTS, QUESTIONS)))
    return 1.1 * base * noise[0], base * noise[1]


def _named(values: NDArray[Any]) -> dict[str, float]:
    return dict(zip(_IDS, values.astype(float).ravel().tolist(), strict=True))


_Draw = Callable[[Case, np.random.Generator], tuple[Interval, float]]


def _mean_of_hits(case: Case, random: np.random.Generator) -> tuple[Interval, float]:
    return mean(_named(_hits(case, random)), clusters=_OWNERS), case.rate


def _mean_of_ranks(case: Case, random: np.random.Generator) -> tuple[Interval, float]:
    ranks = _ranks(_hits(case, random), random)
    return mean(_named(ranks), clusters=_OWNERS), case.rate * float(_RANKS @ _OFTEN)


def _difference_of_hits(case: Case, random: np.random.Generator) -> tuple[Interval, float]:
    ours, theirs = _flipped(case, random)
    return paired_difference(_named(ours), _named(theirs), clusters=_OWNERS), -case.lost


def _difference_of_ranks(case: Case, random: np.random.Generator) -> tuple[Interval, float]:
    """What was found by both is at another rank in the one than in the other, now and then."""
    ours, theirs = _flipped(case, random)
    rank = random.choice(_RANKS, ours.shape, p=_OFTEN)
    other = np.where(random.random(ours.shape) < 0.2, random.choice(_RANKS, ours.shape, p=_OFTEN), rank)
    found = paired_difference(_named(ours * rank), _named(theirs * other), clusters=_OWNERS)
    return found, -case.lost * float(_RANKS @ _OFTEN)


def _ratio(case: Case, random: np.random.Generator) -> tuple[Interval, float]:
    ours, theirs = _both(case, random)
    return paired_ratio(_named(ours), _named(theirs), clusters=_OWNERS), 1.1


def _mean_of_amounts(case: Case, random: np.random.Generator) -> tuple[Interval, float]:
    found = mean(_named(_amounts(case, random)), clusters=_OWNERS, scale=Scale.AMOUNT)
    return found, math.exp(case.rate**2 / 2)


def _difference_of_amounts(case: Case, random: np.random.Generator) -> tuple[Interval, float]:
    ours, theirs = _both(case, random)
    found = paired_difference(_named(ours), _named(theirs), clusters=_OWNERS, scale=Scale.AMOUNT)
    return found, 0.1 * math.exp((case.rate**2 + 0.3**2) / 2)


def _median(case: Case, random: np.random.Generator) -> tuple[Interval, float]:
    return quantile(_named(_amounts(case, random)), 0.5, clusters=_OWNERS), 1.0


def _p95(case: Case, random: np.random.Generator) -> tuple[Interval, float]:
    found = quantile(_named(_amounts(case, random)), 0.95, clusters=_OWNERS)
    return found, math.exp(1.6448536269514722 * case.rate)


_DRAWS: dict[str, _Draw] = {
    "mean, hits": _mean_of_hits,
    "mean, reciprocal ranks": _mean_of_ranks,
    "difference, hits": _difference_of_hits,
    "difference, reciprocal ranks": _difference_of_ranks,
    "ratio": _ratio,
    "mean, amounts": _mean_of_amounts,
    "difference, amounts": _difference_of_amounts,
    "p50": _median,
    "p95": _p95,
}
_OF_AMOUNTS: Sequence[str] = ("ratio", "mean, amounts", "difference, amounts", "p50", "p95")
