"""How it goes: questions, outcomes, groundedness, latency, cost, age of the index, and what has no answer."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from loccit.core.answers import Abstention, Outcome, VerdictLabel
from loccit.evals.report_parts import Unit
from loccit.policy.callers import Caller, Role
from loccit.serving.callers import CallerOf
from loccit.serving.web.gaps import Gap, Unanswered, gaps
from loccit.serving.web.pages import PageRoute, Pages
from loccit.serving.web.plots import DayPlot, DaySeries, by_day
from loccit.serving.web.runs import visible_runs

if TYPE_CHECKING:
    from loccit.library import Cost, Loccit
    from loccit.serving.service import Service
    from loccit.telemetry.records import RunRecord, RunSummary

# Verdicts, models and reasons stand in the records: so many of the newest are read.
_MOST_READ = 400
_DAY_S = 86_400
_PERIODS = (7, 30, 90)


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table with a bar: `share` of the largest, 0 to 1."""

    name: str
    value: str
    share: float
    about: str = ""
    tone: str = "accent"


@dataclass(frozen=True, slots=True)
class Numbers:
    """What the dashboard shows. Shares are None where nothing is known. `read` counts the records read."""

    questions: int
    answered: float | None
    abstained: float | None
    grounded: float | None
    p50_ms: float | None
    p95_ms: float | None
    usd: float
    plots: tuple[DayPlot, ...]
    by_model: tuple[Row, ...]
    by_user: tuple[Row, ...]
    budgets: tuple[Row, ...]
    gaps: tuple[Gap, ...]
    read: int


def routes(service: Service, pages: Pages) -> APIRouter:
    """`/dashboard`: a reader's own numbers, everybody's for maintainers, as far as they may see."""
    router = APIRouter(route_class=PageRoute)

    @router.get("/dashboard")
    async def dashboard(
        request: Request,
        caller: CallerOf,
        days: Annotated[int, Query(ge=1, le=90)] = 30,
        mine: bool = False,
    ) -> Response:
        everybody = caller.role.includes(Role.MAINTAINER) and not mine
        numbers = await service.book(lambda loccit: _numbers(service, loccit, caller, days, everybody))
        status = await service.run(caller, lambda loccit: loccit.status())
        ages = [
            (one.repository.name, max(snapshot.indexed_at for snapshot in one.snapshots), one.is_stale)
            for one in status
            if one.snapshots
        ]
        return pages.show(
            request,
            "dashboard.html",
            caller=caller,
            numbers=numbers,
            days=days,
            periods=_PERIODS,
            everybody=everybody,
            may_see_all=caller.role.includes(Role.MAINTAINER),
            ages=sorted(ages, key=lambda one: one[1]),
        )

    return router


def _numbers(service: Service, loccit: Loccit, caller: Caller, days: int, everybody: bool) -> Numbers:
    today = datetime.now(UTC).date()
    dates = tuple(today - timedelta(days=at) for at in range(days - 1, -1, -1))
    since = datetime.combine(dates[0], datetime.min.time(), UTC).timestamp()
    runs = visible_runs(service, loccit, caller, everybody=everybody, kind="ask", since=since)
    records = [loccit.run(one.id) for one in runs[:_MOST_READ]]
    times = [run.took_ms for run in runs if run.outcome != "failed"]
    supported, claims = _claims(records)
    cost = loccit.cost("model", since=dates[0]) if caller.role is Role.ADMIN and everybody else None
    people = loccit.cost("user", since=dates[0]) if cost is not None else None
    return Numbers(
        questions=len(runs),
        answered=_share(runs, {Outcome.ANSWERED, Outcome.PARTIAL}),
        abstained=_share(runs, {Outcome.ABSTAINED}),
        grounded=supported / claims if claims else None,
        p50_ms=_quantile(times, 0.5),
        p95_ms=_quantile(times, 0.95),
        usd=float(cost.usd if cost else sum((run.cost_usd for run in runs), start=0)),
        plots=tuple(_plots(dates, runs, records)),
        by_model=_spending(cost) if cost else _from_records(records),
        by_user=_spending(people) if people else (),
        budgets=_budgets(cost) if cost else (),
        gaps=gaps(list(_unanswered(records))),
        read=len(records),
    )


def _plots(
    dates: Sequence[date], runs: Sequence[RunSummary], records: Sequence[RunRecord]
) -> Iterable[DayPlot]:
    days = tuple(dates)
    outcomes: dict[str, dict[date, float]] = defaultdict(lambda: defaultdict(float))
    times: dict[date, list[float]] = defaultdict(list)
    cost: dict[date, float] = defaultdict(float)
    for run in runs:
        day = datetime.fromtimestamp(run.started_at, UTC).date()
        outcomes[run.outcome][day] += 1
        cost[day] += float(run.cost_usd)
        if run.outcome != "failed":
            times[day].append(run.took_ms / 1000)
    named = (
        (Outcome.ANSWERED.value, "answered", "accent"),
        (Outcome.PARTIAL.value, "in part", "s2"),
        (Outcome.ABSTAINED.value, "not answered", "s3"),
        ("failed", "failed", "bad"),
    )
    yield DayPlot(
        "Questions and how they ended",
        "Columns by day: answered, in part, not answered, failed.",
        days,
        tuple(
            DaySeries(name, by_day(days, outcomes[key]), tone) for key, name, tone in named if outcomes[key]
        ),
        is_stacked=True,
    )
    grounded = _daily(records, days)
    yield DayPlot(
        "Groundedness",
        "Which share of the claims that were made is supported by what they cite, by day.",
        days,
        (DaySeries("supported", grounded, "accent"),),
        unit=Unit.SHARE,
        highest=1.0,
    )
    yield DayPlot(
        "Time to the answer",
        "The median and the 95th percentile by day.",
        days,
        tuple(
            DaySeries(name, tuple(_quantile(times[day], share) for day in days), tone)
            for name, share, tone in (("p95", 0.95, "s3"), ("p50", 0.5, "accent"))
        ),
        unit=Unit.SECONDS,
    )
    yield DayPlot(
        "Cost",
        "What models did cost by day, in dollars.",
        days,
        (DaySeries("cost", by_day(days, cost), "accent"),),
        unit=Unit.DOLLARS,
        is_stacked=True,
    )


def _daily(records: Sequence[RunRecord], days: Sequence[date]) -> tuple[float | None, ...]:
    """The share of supported claims of each day."""
    found: dict[date, list[RunRecord]] = defaultdict(list)
    for record in records:
        found[datetime.fromisoformat(record.started_at).date()].append(record)
    shares: list[float | None] = []
    for day in days:
        supported, claims = _claims(found[day])
        shares.append(supported / claims if claims else None)
    return tuple(shares)


def _claims(records: Iterable[RunRecord]) -> tuple[int, int]:
    """How many claims were supported, and how many there were, dropped ones too."""
    counts: Counter[str] = Counter()
    for record in records:
        counts.update(record.verdicts)
    return counts[VerdictLabel.SUPPORTED], counts.total()


def _unanswered(records: Iterable[RunRecord]) -> Iterable[Unanswered]:
    """The questions to which the sources are silent."""
    for record in records:
        told = record.answer or {}
        if told.get("abstention") == Abstention.NOT_IN_SOURCES and record.question.strip():
            yield Unanswered(
                record.question, record.id, datetime.fromisoformat(record.started_at).timestamp()
            )


def _spending(cost: Cost) -> tuple[Row, ...]:
    most = max((float(row.usd) for row in cost.rows), default=0.0) or 1.0
    return tuple(
        Row(row.name or "(nobody named)", f"${row.usd:.4f}", float(row.usd) / most, f"{row.calls:,} calls")
        for row in cost.rows[:12]
    )


def _from_records(records: Sequence[RunRecord]) -> tuple[Row, ...]:
    """What models did cost in these runs."""
    usd: defaultdict[str, float] = defaultdict(float)
    calls: Counter[str] = Counter()
    for record in records:
        for call in record.calls:
            usd[call.model] += float(call.cost_usd)
            calls[call.model] += 1
    most = max(usd.values(), default=0) or 1
    return tuple(
        Row(name, f"${usd[name]:.4f}", usd[name] / most, f"{calls[name]:,} calls")
        for name, _ in calls.most_common(12)
    )


def _budgets(cost: Cost) -> tuple[Row, ...]:
    rows: list[Row] = []
    for row in cost.budgets:
        share = float(row.spent_usd / row.usd) if row.usd else 1.0
        tone = "bad" if share >= 1 else "warning" if share >= 0.8 else "accent"
        about = f"${row.left_usd:.2f} left"
        rows.append(Row(row.title, f"${row.spent_usd:.2f} of ${row.usd:.2f}", min(1.0, share), about, tone))
    return tuple(rows)


def _share(runs: Sequence[RunSummary], outcomes: set[Outcome]) -> float | None:
    return sum(run.outcome in outcomes for run in runs) / len(runs) if runs else None


def _quantile(values: Sequence[float], share: float) -> float | None:
    """The smallest value that at least this share of all does not exceed; None without any."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * round(1000 * share) // 1000) - 1)]
