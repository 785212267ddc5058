"""Does the corrected score's interval hold the truth? With simulated judges, from useless to near perfect.

Each simulation draws samples, what people would say of them and what a judge says, and labels a random few.
Three intervals are asked whether they hold the true share: the corrected score's, the judge's own, and that
of the labels alone; kappa's is asked about the true kappa. No repository and no model is needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import benchmarks
from loccit.evals.agreement import kappa, ppi_mean
from loccit.evals.statistics import Interval

NAME = "judge"
SUMMARY = "simulated judges and labels: coverage and width of the corrected score's interval, beside others"

SIMULATIONS = 2_000
LEAST, MOST = 0.93, 0.97
_SEED = 20
# Of documents: how alike their questions are in how hard they are.
_LIKENESS = 0.3
Truths = NDArray[np.float64]


@dataclass(frozen=True)
class Regime:
    """`finds` is the judge's share of right answers that it calls right, `misses` that of wrong ones.

    Samples come `each` to a document. A graded judge says 0, ¼, ½, ¾ or 1. `lean` is how far the judge's
    shares differ from document to document (standard deviation).
    """

    samples: int
    each: int
    labels: int
    right: float
    finds: float
    misses: float
    is_graded: bool = False
    lean: float = 0.0


REGIMES = {
    "useless judge, 100 labels": Regime(400, 1, 100, 0.7, 0.8, 0.8),
    "useless judge, 30 labels": Regime(400, 1, 30, 0.8, 0.8, 0.8),
    "says yes to nearly all, 60 labels": Regime(400, 1, 60, 0.7, 0.97, 0.85),
    "weak judge, 100 labels": Regime(1000, 1, 100, 0.7, 0.75, 0.4),
    "weak judge, 30 labels": Regime(400, 1, 30, 0.5, 0.75, 0.4),
    "good judge, 100 labels": Regime(1000, 1, 100, 0.7, 0.92, 0.15),
    "good judge, 60 labels": Regime(400, 1, 60, 0.8, 0.92, 0.15),
    "good judge, 30 labels": Regime(400, 1, 30, 0.7, 0.92, 0.15),
    "good judge, 95 % right, 100 labels": Regime(1000, 1, 100, 0.95, 0.92, 0.15),
    "good judge, 95 % right, 30 labels": Regime(400, 1, 30, 0.95, 0.92, 0.15),
    "good judge, documents of 5, 100 labels": Regime(400, 5, 100, 0.7, 0.92, 0.15),
    "good judge, documents of 5, 40 labels": Regime(200, 5, 40, 0.8, 0.92, 0.15),
    "leans by document, 100 labels": Regime(400, 5, 100, 0.7, 0.85, 0.25, lean=0.15),
    "graded judge, documents of 5, 100 labels": Regime(400, 5, 100, 0.8, 0.9, 0.2, is_graded=True),
    "near perfect judge, 100 labels": Regime(400, 1, 100, 0.8, 0.98, 0.03),
    "near perfect judge, documents of 5, 100 labels": Regime(400, 5, 100, 0.7, 0.98, 0.03),
    "near perfect judge, 95 % right, 100 labels": Regime(400, 1, 100, 0.95, 0.98, 0.03),
    "near perfect judge, 30 labels": Regime(400, 1, 30, 0.7, 0.98, 0.03),
    "misses 9 % of what is right, 30 labels": Regime(2000, 1, 30, 0.8, 0.9125, 0.0),
    "misses 4 % of what is right, 95 % right, 60 labels": Regime(2000, 1, 60, 0.95, 0.958, 0.0),
    "half of 200 labelled, 95 % right": Regime(200, 1, 100, 0.95, 0.92, 0.15),
}


class _Held:
    """How often intervals held a value, and how wide they were."""

    def __init__(self) -> None:
        self.count = self.held = 0
        self.width = 0.0

    def add(self, interval: Interval | None, truth: float) -> None:
        if interval is not None:
            self.count += 1
            self.held += interval.low <= truth <= interval.high
            self.width += interval.high - interval.low

    @property
    def percent(self) -> float:
        return round(100 * self.held / self.count, 1)

    @property
    def points(self) -> float:
        return round(100 * self.width / self.count, 1)


def run(setting: benchmarks.Setting) -> dict[str, Any]:
    """Coverage and mean width per regime; `sample` bounds the simulations."""
    rounds = setting.sample or SIMULATIONS
    rows = {name: _measured(regime, rounds) for name, regime in REGIMES.items()}
    covered = [row["corrected covers"] for row in rows.values()]
    return {
        "simulations": rounds,
        "lowest coverage": benchmarks.target(min(covered), at_least=100 * LEAST),
        "highest coverage": benchmarks.target(max(covered), at_most=100 * MOST),
        "regimes": len(rows),
        "regimes within 93 to 97 %": sum(100 * LEAST <= each <= 100 * MOST for each in covered),
        "intervals, in percent and points": rows,
    }


def _measured(regime: Regime, rounds: int) -> dict[str, Any]:
    random = np.random.default_rng(_SEED)
    true_kappa = _true_kappa(regime)
    held = {name: _Held() for name in ("corrected", "judge alone", "labels alone", "kappa")}
    ids = [f"s{number:05}" for number in range(regime.samples)]
    documents = {key: f"d{number // regime.each}" for number, key in enumerate(ids)}
    for _ in range(rounds):
        truths, verdicts = _drawn(regime, regime.samples // regime.each, random)
        judged = dict(zip(ids, verdicts.tolist(), strict=True))
        chosen = random.choice(regime.samples, regime.labels, replace=False).tolist()
        labels = {ids[at]: float(truths[at]) for at in chosen}
        found = ppi_mean(judged, labels, clusters=documents)
        held["corrected"].add(found.score, regime.right)
        held["judge alone"].add(found.raw, regime.right)
        held["labels alone"].add(found.labels_only, regime.right)
        same = {key: judged[key] for key in labels}
        held["kappa"].add(kappa(same, labels, clusters=documents), true_kappa)
    figures: dict[str, Any] = {}
    for name, each in held.items():
        figures |= {f"{name} covers": each.percent, f"{name} is wide": each.points}
    return {**figures, "true kappa": round(true_kappa, 2)}


def _drawn(regime: Regime, documents: int, random: np.random.Generator) -> tuple[Truths, Truths]:
    """What people would say of each sample, and what the judge says."""
    size = documents * regime.each
    right, lean = np.full(size, regime.right), np.zeros(size)
    if regime.each > 1:
        spread = (1 - _LIKENESS) / _LIKENESS
        right = random.beta(regime.right * spread, (1 - regime.right) * spread, documents).repeat(regime.each)
    if regime.lean:
        lean = random.normal(0, regime.lean, documents).repeat(regime.each)
    truths = (random.random(size) < right).astype(float)
    yes = np.clip(np.where(truths > 0, regime.finds, regime.misses) + lean, 0, 1)
    verdicts = (random.random(size) < yes).astype(float)
    if regime.is_graded:
        verdicts = np.round((verdicts + random.random(size)) * 2) / 4
    return truths, verdicts


def _true_kappa(regime: Regime) -> float:
    truths, verdicts = _drawn(regime, 2_000_000 // regime.each, np.random.default_rng(_SEED))
    together = float(np.mean(truths * verdicts) - truths.mean() * verdicts.mean())
    apart = float(truths.var() + verdicts.var() + (truths.mean() - verdicts.mean()) ** 2)
    return 2 * together / apart
