"""How often does the gate err? Simulated logs of two systems, decided by the gate itself.

Documents of five questions each. When nothing changed, a tenth of the answers turn out otherwise all the
same, as many for the better as for the worse, by document more of the one or the other. A planted drop makes
right answers wrong, as many as the margin allows to lose.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

import benchmarks
from loccit.evals.datasets import Gold, Sample
from loccit.evals.gate import GateReport, Verdict, gate, parse_margin
from loccit.evals.log import DatasetFacts, Entry, EvalLog, LogEnd, LogHeader, SystemFacts, metric_facts
from loccit.evals.metrics import Metric
from loccit.evals.outputs import Output, OutputOutcome, Usage

NAME = "gate"
SUMMARY = "the gate on simulated logs: false FAILs when nothing changed, power at the size that it asks for"

SIMULATIONS = 2_000
QUESTIONS = 5
PILOT = 40
MARGIN = 0.05
FALSE, POWER = 0.05, 0.9

_ONE = ("hit=0.05",)
_TIME = ("latency_s=20%",)
_MANY = ("hit=0.05", "mrr=0.05", "latency_s=20%", "cost_usd=20%")
_METRICS = (Metric("hit", "Found."), Metric("mrr", "How high."))
_HEADER = LogHeader(
    task="simulated",
    dataset=DatasetFacts(name="simulated", samples=1, digest="0" * 64),
    system=SystemFacts(kind="simulated", name="simulated"),
    scorers={"simulated": "1"},
    metrics=metric_facts(_METRICS, "simulated"),
    version="0",
)
_END = LogEnd(entries=1, digest="0" * 64)
_FINE = Output(text="simulated")
_FAILED = Output(outcome=OutputOutcome.FAILED, error="TimeoutError")
_Floats = NDArray[np.float64]


@dataclass(frozen=True)
class World:
    """How the two systems differ: `flips` of all samples, either way; `lost` on top of it, for the worse.

    `slower` and `failing` are the same of time (1 is none) and of samples without any output, on both sides.
    """

    flips: float = 0.10
    lost: float = 0.0
    slower: float = 1.0
    failing: float = 0.0


def run(setting: benchmarks.Setting) -> dict[str, Any]:
    """The worst of all worlds is what counts; each is in the tables."""
    rounds = setting.sample or SIMULATIONS
    fewer = max(1, rounds // 4)
    drop = World(lost=MARGIN)
    nothing = {
        "one metric": _Alarms(World(), PILOT, _ONE, rounds),
        "four metrics": _Alarms(World(), PILOT, _MANY, rounds),
        "four metrics, 1 % of samples fail": _Alarms(World(failing=0.01), PILOT, _MANY, rounds),
        "hardly a flip": _Alarms(World(flips=0.01), PILOT, _ONE, rounds),
        "many flips": _Alarms(World(flips=0.30), PILOT, _ONE, rounds),
        "six documents": _Alarms(World(), 6, _MANY, rounds),
    }
    planted = {
        "after a pilot without a change": _Found(World(), drop, PILOT, _ONE, rounds),
        "after a pilot with the drop": _Found(drop, drop, PILOT, _ONE, fewer),
        "after a pilot of four documents": _Found(World(), drop, 4, _ONE, fewer),
        "hardly a flip but for the drop": _Found(
            World(flips=0.01), World(flips=0.01, lost=MARGIN), PILOT, _ONE, fewer
        ),
        "four metrics": _Found(World(), drop, PILOT, _MANY, fewer),
        "a fifth slower": _Found(World(), World(slower=1.2), PILOT, _TIME, fewer),
    }
    harmless = {
        "one metric": _Found(World(), World(), PILOT, _ONE, fewer),
        "four metrics": _Found(World(), World(), PILOT, _MANY, fewer),
    }
    with ProcessPoolExecutor(len(benchmarks.cores())) as pool:
        again = dict(zip(harmless, pool.map(_Found.shares, harmless.values()), strict=False))
        alarms = dict(zip(nothing, pool.map(_Alarms.shares, nothing.values()), strict=False))
        found = dict(zip(planted, pool.map(_Found.shares, planted.values()), strict=False))
    return {
        "false_fail_share": benchmarks.target(max(each["FAIL"] for each in alarms.values()), at_most=FALSE),
        "power": benchmarks.target(min(each["FAIL"] for each in found.values()), at_least=POWER),
        "simulations": benchmarks.target(rounds, at_least=SIMULATIONS),
        "nothing_changed": alarms,
        "a_drop_of_the_margin": found,
        "no_change_at_the_size_asked_for": again,
    }


@dataclass(frozen=True)
class _Alarms:
    """One look at each of so many pairs of logs."""

    world: World
    documents: int
    margins: Sequence[str]
    rounds: int

    def shares(self) -> dict[str, Any]:
        random = np.random.default_rng([1, self.documents, len(self.margins), int(1000 * self.world.flips)])
        reports = [_decide(random, self.world, self.documents, self.margins) for _ in range(self.rounds)]
        return {"documents": self.documents, "simulations": self.rounds, **_shares(reports)}


@dataclass(frozen=True)
class _Found:
    """A pilot, and then so many samples as it asks for, anew."""

    pilot: World
    truth: World
    documents: int
    margins: Sequence[str]
    rounds: int

    def shares(self) -> dict[str, Any]:
        random = np.random.default_rng([2, self.documents, len(self.margins), int(1000 * self.truth.flips)])
        sizes: list[int] = []
        reports: list[GateReport] = []
        either = 0
        for _ in range(self.rounds):
            first = _decide(random, self.pilot, self.documents, self.margins)
            needed = max(one.needed or 0 for one in first.decisions)
            sizes.append(-(-needed // QUESTIONS) * QUESTIONS)
            reports.append(_decide(random, self.truth, sizes[-1] // QUESTIONS, self.margins))
            either += Verdict.FAIL in (first.verdict, reports[-1].verdict)
        return {
            "documents": self.documents,
            "simulations": self.rounds,
            "median samples asked for": int(np.median(sizes)),
            **_shares(reports),
            "FAIL there or in the pilot": round(either / self.rounds, 4),
        }


def _shares(reports: Sequence[GateReport]) -> dict[str, float]:
    return {
        verdict.value: round(sum(one.verdict is verdict for one in reports) / len(reports), 4)
        for verdict in Verdict
    }


def _decide(random: np.random.Generator, world: World, documents: int, margins: Sequence[str]) -> GateReport:
    ours, theirs = simulated(random, world, documents, with_amounts=tuple(margins) != _ONE)
    return gate(ours, theirs, [parse_margin(margin) for margin in margins])


def simulated(
    random: np.random.Generator, world: World, documents: int, *, with_amounts: bool
) -> tuple[EvalLog, EvalLog]:
    """The logs of two systems on the same documents; without amounts nothing but hits is made up."""
    shape = (documents, QUESTIONS)
    easy = random.beta(1.4, 0.6, (documents, 1))
    theirs = random.random(shape) < easy
    # By document more or fewer flips, more of them for the better or for the worse, and more or less lost.
    rate = world.flips * 2 * random.beta(2, 2, (documents, 1))
    lean = random.beta(4, 4, (documents, 1))
    lost = world.lost * random.gamma(4, 0.25, (documents, 1))
    chance = random.random(shape)
    up = chance < rate * lean
    down = ~up & (chance < np.minimum(rate + lost, 1.0))
    # What flips was the other way before, so that as much is lost in the mean as the world says.
    theirs = np.where(up, False, np.where(down, True, theirs))
    ours = np.where(up, True, np.where(down, False, theirs))
    if not with_amounts:
        alike, whole = np.ones(shape), np.zeros(shape, dtype=np.bool_)
        return _log(ours, alike, alike, whole), _log(theirs, alike, alike, whole)
    slow = random.normal(0, 0.5, (documents, 1)) + random.normal(0, 0.5, shape)
    mine, other = (
        (
            1 / random.choice([1, 1, 1, 2, 3], shape),
            np.exp(slow + random.normal(0, 0.2, shape)),
            random.random(shape) < world.failing,
        )
        for _ in range(2)
    )
    return _log(ours, mine[0], mine[1] * world.slower, mine[2]), _log(theirs, *other)


def _log(hits: NDArray[np.bool_], ranks: _Floats, seconds: _Floats, failed: NDArray[np.bool_]) -> EvalLog:
    entries = tuple(
        _entry(at, hit, rank, second, fails)
        for at, hit, rank, second, fails in zip(
            range(hits.size),
            hits.astype(float).ravel().tolist(),
            (hits * ranks).ravel().tolist(),
            seconds.ravel().tolist(),
            failed.ravel().tolist(),
            strict=True,
        )
    )
    return EvalLog(_HEADER, entries, _END)


@lru_cache(maxsize=100_000)
def _entry(at: int, hit: float, rank: float, seconds: float, fails: bool) -> Entry:
    # Checked values are built unchecked: it is the gate that is measured.
    return Entry.model_construct(
        sample=_sample(at),
        output=_FAILED if fails else _FINE,
        scores={} if fails else {"hit": hit, "mrr": rank},
        missing={"hit": "no output", "mrr": "no output"} if fails else {},
        run=Usage.model_construct(latency_s=seconds, cost_usd=seconds / 100),
    )


@lru_cache(maxsize=100_000)
def _sample(at: int) -> Sample:
    return Sample(id=f"s{at}", question=f"{at}?", gold=Gold(answer="-"), group=f"d{at // QUESTIONS}")
