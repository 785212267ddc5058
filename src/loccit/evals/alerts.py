"""Do the rules of alerts hold now? Each rule says of each of its subjects whether it fires.

It is a room above `telemetry` that decides, because a fall of quality is told from noise by statistics. A
rule that watches a sample fires only where its interval is beyond the bound, and is over when the estimate is
back: a figure near the bound neither fires by chance nor goes on and off.
"""

from __future__ import annotations

import math
from calendar import monthrange
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from loccit.evals.alert_rules import AlertRules, BudgetBurn, ErrorRate, GroundednessDrop, IndexAge, Latency
from loccit.evals.statistics import Interval, mean, proportion
from loccit.telemetry.alerts import Reading

if TYPE_CHECKING:
    from loccit.budgets.accounting import BudgetRow
    from loccit.evals.alert_rules import Rule
    from loccit.telemetry.metrics import Counts, Minute
    from loccit.telemetry.scores import RunScore

_DAY_S = 86_400.0
_WEEK_S = 7 * _DAY_S
# p95: one request in twenty may take longer.
_SLOW = 0.05
# Before so much of its time has passed nobody can say where a budget will end.
_LEAST_ELAPSED = 0.1


@dataclass(frozen=True, slots=True)
class Watched:
    """What rules look at. `scores` gives those of a metric from one moment to another (seconds since the
    epoch), `index_age_s` is by repository. All of it is only asked for where a rule wants it.
    """

    budgets: Callable[[], Sequence[BudgetRow]]
    scores: Callable[[str, float, float], Sequence[RunScore]]
    counts: Callable[[], Counts]
    index_age_s: Callable[[], Mapping[str, float]]


def readings(rules: AlertRules, watched: Watched, now: float) -> list[Reading]:
    """What every rule says now, in their order. `now` in seconds since the epoch."""
    return [reading for rule in rules.rules for reading in _readings(rule, watched, now)]


def _readings(rule: Rule, watched: Watched, now: float) -> Iterator[Reading]:
    match rule:
        case BudgetBurn():
            yield from _of_budgets(rule, watched.budgets(), now)
        case GroundednessDrop():
            today = watched.scores(rule.metric, now - _DAY_S, now)
            before = watched.scores(rule.metric, now - _DAY_S - _WEEK_S, now - _DAY_S)
            yield _of_scores(rule, today, before)
        case Latency():
            yield _of_times(rule, watched.counts().within(60.0 * rule.window_minutes, now))
        case ErrorRate():
            yield _of_failures(rule, watched.counts().within(60.0 * rule.window_minutes, now))
        case IndexAge():
            yield from _of_ages(rule, watched.index_age_s())


def difference(ours: Interval, theirs: Interval) -> tuple[float, float, float]:
    """The difference of two means of different samples, and its interval, from the intervals of both.

    Source: Zou and Donner, Statistics in Medicine 27 (2008), after Newcombe (1998).
    """
    estimate = ours.estimate - theirs.estimate
    down = math.hypot(ours.estimate - ours.low, theirs.high - theirs.estimate)
    up = math.hypot(ours.high - ours.estimate, theirs.estimate - theirs.low)
    return estimate, estimate - down, estimate + up


def _of_budgets(rule: BudgetBurn, budgets: Sequence[BudgetRow], now: float) -> Iterator[Reading]:
    for budget in budgets:
        if not budget.usd:
            continue
        share = float(budget.spent_usd / budget.usd)
        told, bound = f"{share:.0%} of the budget of {budget.title} is spent", rule.share
        fires = share >= rule.share
        elapsed = _elapsed(budget, now)
        if not fires and rule.projected_share is not None and elapsed >= _LEAST_ELAPSED:
            projected = share / elapsed
            if projected >= rule.projected_share:
                fires, bound = True, rule.projected_share
                told = f"{told}; at this pace {projected:.0%} will be by its end"
                share = projected
        yield Reading(rule.name, rule.kind, budget.title, share, bound, fires, not fires, told)


def _elapsed(budget: BudgetRow, now: float) -> float:
    """The share of a budget's day or month that has passed; 0 where it has no end."""
    today = datetime.fromtimestamp(now, UTC)
    of_day = now % _DAY_S / _DAY_S
    if budget.per == "day":
        return of_day
    if budget.per == "month":
        return (today.day - 1 + of_day) / monthrange(today.year, today.month)[1]
    return 0.0


def _of_scores(rule: GroundednessDrop, today: Sequence[RunScore], before: Sequence[RunScore]) -> Reading:
    if min(len(today), len(before)) < rule.least_answers:
        told = f"{len(today)} answers of the last day, {len(before)} of the week before: too few to tell"
        return Reading(rule.name, rule.kind, "", 0.0, -rule.margin, False, False, told)
    ours, theirs = (
        mean({f"{score.run} {score.checker}": score.value for score in scores}, level=rule.level)
        for scores in (today, before)
    )
    fall, low, high = difference(ours, theirs)
    told = (
        f"{rule.metric} is {ours.estimate:.1%} in the last day ({len(today)} answers) and was "
        f"{theirs.estimate:.1%} in the week before ({len(before)}): {fall:+.1%}, between {low:+.1%} and "
        f"{high:+.1%} with {rule.level:.1%} confidence"
    )
    fires = high < -rule.margin
    return Reading(rule.name, rule.kind, "", fall, -rule.margin, fires, fall > -rule.margin, told)


def _of_times(rule: Latency, minute: Minute) -> Reading:
    p95 = minute.quantile_s(1 - _SLOW)
    told = f"p95 of {minute.requests} requests in {rule.window_minutes} minutes is {p95:.2f} s"
    fires, clears = _beyond(
        minute.slower_than(rule.p95_s), minute.requests, _SLOW, rule.level, rule.least_requests
    )
    return Reading(rule.name, rule.kind, "", p95, rule.p95_s, fires, clears, told)


def _of_failures(rule: ErrorRate, minute: Minute) -> Reading:
    share = minute.failed / minute.requests if minute.requests else 0.0
    told = f"{minute.failed} of {minute.requests} requests in {rule.window_minutes} minutes failed"
    fires, clears = _beyond(minute.failed, minute.requests, rule.share, rule.level, rule.least_requests)
    return Reading(rule.name, rule.kind, "", share, rule.share, fires, clears, told)


def _beyond(count: int, of: int, bound: float, level: float, least: int) -> tuple[bool, bool]:
    """Whether a share is beyond its bound for certain, and whether it is not, by its estimate."""
    if of < least:
        return False, False
    found = proportion(count, of, level=level)
    return found.low > bound, found.estimate <= bound


def _of_ages(rule: IndexAge, ages: Mapping[str, float]) -> Iterator[Reading]:
    for name, age_s in sorted(ages.items()):
        if rule.repository not in ("", name):
            continue
        hours = age_s / 3600
        told = f"{name} was indexed {hours:.1f} hours ago"
        fires = hours > rule.hours
        yield Reading(rule.name, rule.kind, name, hours, rule.hours, fires, not fires, told)
