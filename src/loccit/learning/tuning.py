"""What `tune` found, as values: how later fixes were ranked with and without what was learned.

Times are in seconds since the epoch, durations in seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from loccit.evals.statistics import Interval, mean, paired_difference
from loccit.learning.adopt import Facts
from loccit.learning.proof import METRICS, TUNED, UNTUNED

FORMAT = "loccit-tune/1"
LEARNED_FORMAT = "loccit-learned/1"
DECIDING = "mrr"
_DIGITS = 6


class Decision(StrEnum):
    """What became of the ranker that has learned."""

    ADOPTED = "adopted"
    """It is better on later fixes, and is used from now on."""
    IN_USE = "in_use"
    """It is better, nothing was there to learn since, and it is used already."""
    NOT_BETTER = "not_better"
    """It is not clearly better on later fixes: what was used before is used on."""
    TOO_LITTLE = "too_little"
    """There is too little past to learn from."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A fix that was ranked twice, by rankers that never saw it: the scores of each by metric."""

    commit: str
    time: int
    untuned: dict[str, float]
    tuned: dict[str, float]


@dataclass(frozen=True, slots=True)
class Tuning:
    """A run of `tune`.

    `fixes` is how many past fixes teach, `needed` how many must at least, `replayed` how many of them were
    asked again, `new` how many were read or replayed in this run. `linear_share` and `association_share` say
    how much the two learned parts count, where any were learned. `in_use` are the kept rankers, the one in
    use first; without any the general one is used. `notes` make this a lesser answer than was asked for.
    """

    repo: str
    commit: str
    commits: int
    decision: Decision
    fixes: int
    needed: int
    replayed: int
    new: int
    outcomes: tuple[Outcome, ...]
    linear_share: float | None
    association_share: float | None
    in_use: tuple[Facts, ...]
    notes: tuple[str, ...]
    seconds: Mapping[str, float]
    version: str

    @property
    def why(self) -> str:
        """The decision in a sentence."""
        if self.decision is Decision.TOO_LITTLE:
            count = f"{self.fixes:,} {'fix' if self.fixes == 1 else 'fixes'}"
            return f"too little past to learn from: {count}, {self.needed:,} needed"
        if self.decision is Decision.ADOPTED:
            return "adopted: it ranks later fixes better, and the interval is clear of zero"
        if self.decision is Decision.IN_USE:
            return "nothing to do: what was learned is in use already"
        used = "the ranker learned before" if self.in_use else "the general ranker"
        return f"not adopted: later fixes do not show that it ranks better; {used} stays in use"

    def score(self, system: str, metric: str) -> Interval:
        """The mean score over the tested fixes (at least one) of `UNTUNED` or `TUNED`."""
        return mean(_scores(self.outcomes, system, metric))

    def gain(self, metric: str) -> Interval:
        """Tuned less untuned over the tested fixes, at least one."""
        return gain(self.outcomes, metric)

    def to_json(self) -> dict[str, Any]:
        """The `loccit-tune/1` document. Shares are from 0 to 1."""
        return {
            "format": FORMAT,
            "version": self.version,
            "repo": self.repo,
            "commit": self.commit,
            "commits": self.commits,
            "decision": str(self.decision),
            "why": self.why,
            "fixes": self.fixes,
            "needed": self.needed,
            "replayed": self.replayed,
            "new": self.new,
            "tested": len(self.outcomes),
            "validation": validation(self.outcomes),
            "linear_share": self.linear_share,
            "association_share": self.association_share,
            "in_use": [asdict(facts) for facts in self.in_use],
            "notes": list(self.notes),
            "seconds": {stage: round(each, 3) for stage, each in self.seconds.items()},
        }

    def to_html(self) -> str:
        """The report: one HTML document that needs nothing else."""
        from loccit.evals import render
        from loccit.learning.tuning_page import page

        return render(page(self))


def gain(outcomes: Sequence[Outcome], metric: str) -> Interval:
    """Tuned less untuned on the same fixes, at least one."""
    return paired_difference(_scores(outcomes, TUNED, metric), _scores(outcomes, UNTUNED, metric))


def is_better(outcomes: Sequence[Outcome]) -> bool:
    """Whether these fixes show that what was learned ranks better: the interval is above zero."""
    return bool(outcomes) and gain(outcomes, DECIDING).low > 0


def validation(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """By metric the scores of both rankers and their difference, with intervals; empty without outcomes."""
    if not outcomes:
        return {}
    return {
        metric: {
            UNTUNED: _interval(mean(_scores(outcomes, UNTUNED, metric))),
            TUNED: _interval(mean(_scores(outcomes, TUNED, metric))),
            "difference": _interval(gain(outcomes, metric)),
        }
        for metric in METRICS
    }


def _scores(outcomes: Sequence[Outcome], system: str, metric: str) -> dict[str, float]:
    return {one.commit: (one.tuned if system == TUNED else one.untuned)[metric] for one in outcomes}


def _interval(value: Interval) -> dict[str, float]:
    return {name: round(getattr(value, name), _DIGITS) for name in ("estimate", "low", "high")}
