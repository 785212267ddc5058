"""What was spent, and what is left: the rows of `loccit cost`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from sqlalchemy import ColumnElement, Connection, case, func, select, true

from loccit.budgets.limits import Budget, date_of, number_of
from loccit.budgets.money import dollars, picodollars
from loccit.budgets.options import BudgetLimit, Per
from loccit.storage.tables import charges, spending

By = Literal["day", "model", "user", "team", "purpose"]

_FULLEST = 10


@dataclass(frozen=True, slots=True)
class SpendingRow:
    """Calls that have something in common, and what they did cost.

    `name` is a date, or what the calls share; empty where that is not known. `usd` is what is spent,
    `held_usd` what calls under way may cost. Of `calls`, `expired` were never settled and count at what they
    had reserved; `overruns` did cost more than that, by `overrun_usd` together.
    """

    name: str
    calls: int
    usd: Decimal
    held_usd: Decimal
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int
    expired: int
    overruns: int
    overrun_usd: Decimal


@dataclass(frozen=True, slots=True)
class BudgetRow:
    """A budget as it stands: `left_usd` is below zero where providers reported more than was reserved.

    `per` is the time that it is for.
    """

    title: str
    per: Per
    usd: Decimal
    spent_usd: Decimal
    held_usd: Decimal

    @property
    def left_usd(self) -> Decimal:
        """What may still be reserved."""
        return self.usd - self.spent_usd - self.held_usd


def spending_rows(
    connection: Connection, by: By, *, since: date | None = None, until: date | None = None
) -> list[SpendingRow]:
    """What calls that began on these days did cost: days in order, else dearest first."""
    shared = charges.c[by]
    when: ColumnElement[bool] = true()
    if since is not None:
        when &= charges.c.day >= number_of(since)
    if until is not None:
        when &= charges.c.day <= number_of(until)
    is_over = charges.c.spent > charges.c.held
    sums = [
        func.sum(column).label(name)
        for name, column in {
            "spent": charges.c.spent,
            "holding": case((charges.c.state == "held", charges.c.held), else_=0),
            "input_tokens": charges.c.input_tokens,
            "output_tokens": charges.c.output_tokens,
            "cache_read_tokens": charges.c.cache_read_tokens,
            "cache_write_tokens": charges.c.cache_write_tokens,
            "reasoning_tokens": charges.c.reasoning_tokens,
            "expired": case((charges.c.state == "expired", 1), else_=0),
            "overruns": case((is_over, 1), else_=0),
            "overrun": case((is_over, charges.c.spent - charges.c.held), else_=0),
        }.items()
    ]
    found = connection.execute(
        select(shared.label("shared"), func.count().label("calls"), *sums).where(when).group_by(shared)
    )
    rows = [
        SpendingRow(
            name=date_of(row.shared).isoformat() if by == "day" else row.shared,
            calls=row.calls,
            usd=dollars(int(row.spent)),
            held_usd=dollars(int(row.holding)),
            input_tokens=int(row.input_tokens),
            output_tokens=int(row.output_tokens),
            cache_read_tokens=int(row.cache_read_tokens),
            cache_write_tokens=int(row.cache_write_tokens),
            reasoning_tokens=int(row.reasoning_tokens),
            expired=int(row.expired),
            overruns=int(row.overruns),
            overrun_usd=dollars(int(row.overrun)),
        )
        for row in found
    ]
    if by == "day":
        return sorted(rows, key=lambda row: row.name)
    return sorted(rows, key=lambda row: (-row.usd, row.name))


def budget_rows(connection: Connection, limits: Iterable[BudgetLimit], day: int) -> list[BudgetRow]:
    """How the budgets of these limits stand on a day, in their order; of a limit for each, the fullest."""
    found: list[BudgetRow] = []
    for limit in limits:
        budget = Budget.of_limit(limit, limit.name, day)
        of, name = budget.account
        when = (spending.c.of == of) & spending.c.day.between(budget.first_day, budget.last_day)
        if name or of == "total":
            when &= spending.c.name == name
        spent, held = func.sum(spending.c.spent), func.sum(spending.c.held)
        rows = connection.execute(
            select(spending.c.name, spent.label("spent"), held.label("held"))
            .where(when)
            .group_by(spending.c.name)
            .order_by((spent + held).desc(), spending.c.name)
            .limit(_FULLEST)
        ).all()
        used = {row.name: (int(row.spent), int(row.held)) for row in rows}
        if name or of == "total":
            used = used or {name: (0, 0)}
        for one, (spent_there, held_there) in used.items():
            found.append(
                BudgetRow(
                    title=Budget.of_limit(limit, one, day).title,
                    per=limit.per,
                    usd=dollars(picodollars(limit.usd)),
                    spent_usd=dollars(spent_there),
                    held_usd=dollars(held_there),
                )
            )
    return found
