"""Is ours worse than theirs by more than is allowed? PASS, FAIL or INCONCLUSIVE against stated margins.

A metric PASSes where its interval excludes a loss of the margin, and FAILs where it does not and its
interval, corrected for all metrics of the gate, excludes that nothing was lost. Everything else is
INCONCLUSIVE, with the number of samples that would decide. What is missing is taken at its worst before
anything PASSes. Why, and how often it errs: docs/explanation/gate.md.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from loccit.core.errors import InputError
from loccit.evals.as_json import plain
from loccit.evals.compare import Side, cautions, refuse_incomplete, side
from loccit.evals.log import EvalLog
from loccit.evals.metrics import FAILED, Better, Metric
from loccit.evals.pairs import Pairs, Values, difference, incomparable, pairs_of, ratio, shared_samples
from loccit.evals.statistics import Interval, Scale, pilot_spread, ratio_spread, required_samples

FORMAT = "loccit-gate/1"
# How many more of all samples may fail, or lose a figure because it applies to them no more.
FAILED_ALLOWED = 0.01
POWER = 0.9
# Amounts have no upper end: fewer groups than these say nothing of those that are rarely large.
MIN_AMOUNT_GROUPS = 10
_MOST_GROWTH = 100.0


class Verdict(StrEnum):
    """What the gate says."""

    PASS = "PASS"  # noqa: S105
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"


@dataclass(frozen=True, slots=True)
class Margin:
    """How much worse a metric may be: in its own unit, or where `is_relative` as a share of theirs."""

    metric: str
    allowed: float
    is_relative: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.allowed < math.inf:
            raise InputError(
                f"the margin of {self.metric!r} is {self.allowed!r}, expected more than nothing: no number of"
                " samples shows that nothing at all was lost",
                next_step="write how much may be lost, as file.recall@5=0.02 or cost_usd=10%",
            )
        if self.is_relative and self.allowed > _MOST_GROWTH:
            raise InputError(f"the margin of {self.metric!r} is {self.allowed:.0%}, expected 10000% at most")


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict on one metric and why.

    `change` is ours less theirs, with a relative margin the growth (0.1 is ten percent more). `corrected` is
    the same, as wide as the number of gated metrics demands: a FAIL rests on it. `worst` is `change` with
    what is missing at its worst, there where something is. `needed` is how many samples would decide: with
    so many a true loss of the margin FAILs, and no change PASSes, in 9 of 10 cases; None where these tell
    nothing of it. `flaky` counts the samples whose repeats do not agree, of ours and theirs.
    """

    metric: Metric
    margin: Margin
    verdict: Verdict
    reason: str
    samples: int
    groups: int
    change: Interval | None = None
    corrected: Interval | None = None
    worst: Interval | None = None
    missing: int = 0
    needed: int | None = None
    flaky: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class GateReport:
    """FAIL where a metric FAILs, PASS where all PASS. `needed` samples would decide all that is not decided.

    `cautions` are sentences for a reader.
    """

    ours: Side
    theirs: Side
    level: float
    verdict: Verdict
    decisions: tuple[Decision, ...]
    needed: int | None
    cautions: tuple[str, ...]


def parse_margin(text: str) -> Margin:
    """A margin as people write it: `file.recall@5=0.02`, `cost_usd=10%`. Raises InputError."""
    metric, sign, allowed = (part.strip() for part in text.rpartition("="))
    how = "write METRIC=NUMBER or METRIC=PERCENT%, as file.recall@5=0.02 or cost_usd=10%"
    if not (metric and sign):
        raise InputError(f"{text!r} is no margin", next_step=how)
    is_relative = allowed.endswith("%")
    try:
        number = float(allowed.removesuffix("%"))
    except ValueError as error:
        raise InputError(f"the margin of {metric!r} is {allowed!r}, no number", next_step=how) from error
    return Margin(metric, number / 100 if is_relative else number, is_relative)


def gate(
    ours: EvalLog,
    theirs: EvalLog,
    margins: Sequence[Margin],
    *,
    level: float = 0.95,
    calibrated: Collection[str] = (),
    allow_incomplete: bool = False,
) -> GateReport:
    """Decide whether ours may take the place of theirs. `failed` is always among what is decided.

    `calibrated` are the prompt versions of judges that were held against people; what others say decides
    nothing. An incomplete log, where allowed, never PASSes. Raises InputError as `compare` does, for no
    margins or two for one metric, and for a margin that does not suit its metric.
    """
    refuse_incomplete(ours, theirs, allow_incomplete=allow_incomplete)
    shared = shared_samples(ours, theirs)
    cases = [
        _case(ours, theirs, margin, shared.samples, calibrated) for margin in _checked(margins, ours, theirs)
    ]
    found = _decided(cases, level)
    decisions = tuple(
        replace(one, flaky=(_flaky(ours, one, shared.samples), _flaky(theirs, one, shared.samples)))
        for one in found
    )
    verdict = _overall(decisions)
    told = list(cautions(ours, theirs, shared))
    if verdict is Verdict.PASS and not (ours.is_complete and theirs.is_complete):
        verdict = Verdict.INCONCLUSIVE
        told.append("An incomplete log never passes: what it lacks may be what fails.")
    open_ones = [one.needed for one in decisions if one.verdict is Verdict.INCONCLUSIVE]
    needed = max((one for one in open_ones if one is not None), default=None)
    return GateReport(side(ours), side(theirs), level, verdict, decisions, needed, tuple(told))


def document(report: GateReport) -> dict[str, Any]:
    """The report as the JSON document `loccit-gate/1`; null is what is not known."""
    return {"format": FORMAT, **plain(report)}


@dataclass(frozen=True, slots=True)
class _Case:
    """A metric to decide. `silence`: why it cannot be decided at all, empty where it can.

    `is_guard`: nobody asked for it, it is there so that nothing fails unseen.
    """

    metric: Metric
    margin: Margin
    pairs: Pairs | None
    silence: str = ""
    is_guard: bool = False

    @property
    def sign(self) -> float:
        """What turns a change into a loss."""
        return -1.0 if self.metric.better is Better.HIGHER else 1.0

    def change(self, values: Values, level: float) -> Interval | None:
        """Of these values: see `Decision`."""
        if self.pairs is None:
            return None
        if not self.margin.is_relative:
            return difference(self.pairs, values, level)
        times = ratio(self.pairs, values, level)
        if times is None:
            return None
        return replace(times, estimate=times.estimate - 1, low=times.low - 1, high=times.high - 1)

    def most_lost(self, change: Interval) -> float:
        """The end of an interval that is worst."""
        return max(self.sign * change.low, self.sign * change.high)

    def least_lost(self, change: Interval) -> float:
        """The end of an interval that is best."""
        return min(self.sign * change.low, self.sign * change.high)


def _checked(margins: Sequence[Margin], ours: EvalLog, theirs: EvalLog) -> list[tuple[Margin, bool]]:
    """The margins, with one for `failed`; whether each is that guard."""
    if not margins:
        raise InputError(
            "there are no margins, so nothing to decide",
            next_step="write how much may be lost, as file.recall@5=0.02 or cost_usd=10%",
        )
    seen: set[str] = set()
    known = {**theirs.metrics, **ours.metrics}
    for margin in margins:
        metric = known.get(margin.metric)
        if margin.metric in seen:
            raise InputError(f"{margin.metric!r} has two margins, expected one")
        if metric is None:
            raise InputError(
                f"neither log has the metric {margin.metric!r}", next_step=f"they have {', '.join(known)}"
            )
        if metric.scale is Scale.SCORE and margin.is_relative:
            raise InputError(
                f"{margin.metric!r} is a score from 0 to 1, and its margin {margin.allowed:.3%} of what?",
                next_step=f"write {margin.metric}={margin.allowed:g} for as many points",
            )
        if metric.scale is Scale.SCORE and margin.allowed >= 1:
            raise InputError(
                f"the margin of {margin.metric!r} is {margin.allowed!r}, and no score can lose more than 1",
                next_step=f"write {margin.metric}=0.02 for two points",
            )
        seen.add(margin.metric)
    if FAILED.name in seen:
        return [(margin, False) for margin in margins]
    return [(margin, False) for margin in margins] + [(Margin(FAILED.name, FAILED_ALLOWED), True)]


def _case(
    ours: EvalLog,
    theirs: EvalLog,
    asked: tuple[Margin, bool],
    samples: Sequence[str],
    calibrated: Collection[str],
) -> _Case:
    margin, is_guard = asked
    name = margin.metric
    lacking = next((s for s, log in (("ours", ours), ("theirs", theirs)) if name not in log.metrics), None)
    if lacking is not None:
        metric = (theirs if lacking == "ours" else ours).metrics[name]
        return _Case(metric, margin, None, f"the log of {lacking} does not have it")
    metric = ours.metrics[name]
    if reason := incomparable(ours, theirs, name):
        return _Case(metric, margin, None, reason)
    pairs = pairs_of(ours, theirs, name, samples)
    silence = ""
    if not pairs.known.ours:
        silence = "no sample has it on both sides"
    elif metric.judge and metric.judge not in calibrated:
        silence = f"its judge (prompt {metric.judge!r}) is not calibrated: run loccit eval calibrate"
    elif metric.scale is Scale.AMOUNT and pairs.groups < MIN_AMOUNT_GROUPS:
        silence = f"{pairs.groups} independent groups are too few for an amount, expected {MIN_AMOUNT_GROUPS}"
    elif margin.is_relative and not any(pairs.known.theirs.values()) and any(pairs.known.ours.values()):
        silence = "theirs is zero throughout, of which no share can be taken: give a margin in its own unit"
    return _Case(metric, margin, pairs, silence, is_guard)


def _decided(cases: Sequence[_Case], level: float) -> list[Decision]:
    """Holm's step-down: as many metrics as may still be false alarms share what is allowed of them.

    Where nothing differs there can be none, so that such a metric costs the others nothing.
    """
    open_cases = [case for case in cases if not case.silence and case.pairs is not None and case.pairs.differ]
    corrected: dict[str, Interval] = {}
    lost: set[str] = set()
    waiting = open_cases
    while waiting:
        share = _shared_level(level, len(waiting))
        found = {case.metric.name: _change(case, share) for case in waiting}
        corrected |= {name: change for name, change in found.items() if change is not None}
        worse = {
            case.metric.name
            for case in waiting
            if (change := found[case.metric.name]) is not None and case.least_lost(change) > 0
        }
        lost |= worse
        if not worse:
            break
        waiting = [case for case in waiting if case.metric.name not in worse]
    planned = _shared_level(level, sum(not case.silence for case in cases) or 1)
    return [
        _decision(case, level, planned, corrected.get(case.metric.name), case.metric.name in lost)
        for case in cases
    ]


def _shared_level(level: float, count: int) -> float:
    return 1 - (1 - level) / count


def _change(case: _Case, level: float) -> Interval | None:
    return case.change(case.pairs.known, level) if case.pairs is not None else None


def _decision(
    case: _Case, level: float, planned: float, corrected: Interval | None, is_worse: bool
) -> Decision:
    pairs, allowed = case.pairs, case.margin.allowed
    change = _change(case, level)
    base = Decision(
        metric=case.metric,
        margin=case.margin,
        verdict=Verdict.INCONCLUSIVE,
        reason=case.silence,
        samples=len(pairs.known.ours) if pairs else 0,
        groups=pairs.groups if pairs else 0,
        change=change,
        corrected=corrected or change,
        worst=case.change(pairs.worst, level) if pairs and pairs.missing else None,
        missing=len(pairs.missing) if pairs else 0,
    )
    if case.silence or pairs is None:
        return base
    if case.margin.is_relative and not any(pairs.known.ours.values()):
        verdict, reason = Verdict.PASS, "it is zero throughout"
    elif change is None:
        verdict, reason = Verdict.INCONCLUSIVE, "these samples give no interval"
    elif case.is_guard:
        verdict, reason = _guarded(case, change, is_worse)
    elif case.most_lost(change) < allowed:
        verdict, reason = Verdict.PASS, "a loss of the margin is excluded"
    elif is_worse:
        verdict, reason = Verdict.FAIL, "it is worse, and not shown to be within the margin"
    else:
        verdict, reason = Verdict.INCONCLUSIVE, "both no loss and one of the margin are possible"
    if verdict is Verdict.PASS and (doubt := _doubt(case, base.worst)):
        # No number of samples decides while these have no figure.
        return replace(base, reason=doubt)
    # Of the guard the samples seen decide: none are missing to a PASS.
    needed = None if case.is_guard and verdict is Verdict.PASS else _needed(case, planned)
    if verdict is Verdict.INCONCLUSIVE and needed is not None:
        # So many did not decide, so the truth lies half-way, and more than these are wanted.
        needed = max(needed, base.samples + 1)
    return replace(base, verdict=verdict, reason=reason, needed=needed)


def _guarded(case: _Case, change: Interval, is_worse: bool) -> tuple[Verdict, str]:
    """Of what nobody gave a margin for: the samples seen decide, since to exclude 1 in 100 takes hundreds."""
    if case.sign * change.estimate <= case.margin.allowed:
        return Verdict.PASS, f"at most {case.margin.allowed:.0%} more of these samples fail"
    if is_worse:
        return Verdict.FAIL, "more samples fail"
    return Verdict.INCONCLUSIVE, f"more than {case.margin.allowed:.0%} more of these samples fail"


def _doubt(case: _Case, worst: Interval | None) -> str:
    """Why what would PASS may not, empty where nothing speaks against it."""
    pairs = case.pairs
    if pairs is None:
        return ""
    if pairs.missing and (worst is None or case.most_lost(worst) >= case.margin.allowed):
        return f"{len(pairs.missing)} samples lack it on a side, and at their worst it would not pass"
    fewer = len(pairs.only_theirs) - len(pairs.only_ours)
    whole = len(pairs.known.ours) + len(pairs.only_ours) + len(pairs.only_theirs) + len(pairs.missing)
    if fewer > FAILED_ALLOWED * whole:
        return f"it applies to {fewer} samples fewer than it did, which may be those that it was bad at"
    return ""


def _needed(case: _Case, planned: float) -> int | None:
    """How many samples find a loss of the margin, from how these vary; None where they do not tell."""
    pairs, allowed = case.pairs, case.margin.allowed
    if pairs is None:
        return None
    ours, theirs = pairs.known.ours, pairs.known.theirs
    if case.metric.better is Better.LOWER:
        ours, theirs = theirs, ours
    if case.margin.is_relative:
        if pairs.groups < 2 or not (any(ours.values()) and any(theirs.values())):
            return None
        allowed = math.log1p(allowed)
        spread = ratio_spread(ours, theirs, allowed, clusters=pairs.clusters)
    else:
        spread = pilot_spread(ours, theirs, allowed, clusters=pairs.clusters, scale=case.metric.scale)
    needed = required_samples(spread, allowed, power=POWER, level=planned)
    if case.metric.scale is Scale.SCORE:
        return needed
    return max(needed, math.ceil(MIN_AMOUNT_GROUPS * spread.group_size))


def _overall(decisions: Iterable[Decision]) -> Verdict:
    verdicts = {one.verdict for one in decisions}
    return next(
        verdict for verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS) if verdict in verdicts
    )


def _flaky(log: EvalLog, decision: Decision, samples: Sequence[str]) -> int:
    if log.header.repeats == 1 or decision.metric.name not in log.metrics:
        return 0
    flaky: Mapping[str, object] = log.flaky(decision.metric.name)
    return sum(sample in flaky for sample in samples)
