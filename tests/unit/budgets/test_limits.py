"""Whether there is room for a call, decided on numbers alone."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loccit.budgets.limits import (
    Budget,
    Granted,
    Later,
    Refused,
    Standing,
    Wish,
    accounts_of,
    budgets_for,
    date_of,
    day_of,
    decide,
)
from loccit.budgets.options import BudgetLimit
from loccit.core.calls import Payer

AMOUNTS = st.integers(0, 1_000)
STANDINGS = st.builds(
    lambda most, spent, held, ahead: Standing(Budget(("total", ""), "total", 0, 0, most), spent, held, ahead),
    AMOUNTS,
    AMOUNTS,
    AMOUNTS,
    AMOUNTS,
)


@st.composite
def wishes(draw: st.DrawFn) -> Wish:
    """A price per token and per call, and lengths between which it may be."""
    fixed, each = draw(st.integers(0, 100)), draw(st.integers(0, 7))
    least = draw(st.integers(1, 100))
    most = draw(st.integers(least, 200))
    return Wish(lambda tokens: fixed + each * tokens, least, most, draw(st.floats(0, 300)))


@given(wishes(), st.lists(STANDINGS, max_size=4), st.booleans())
def test_what_is_granted_has_room_in_every_budget(
    wish: Wish, standings: list[Standing], is_patient: bool
) -> None:
    """And is as long as asked for; what is refused could be paid by no settlement, what waits could be."""
    found = decide(wish, standings, is_patient=is_patient)
    least = wish.amount(wish.least)
    if isinstance(found, Granted):
        assert wish.least <= found.output_tokens <= wish.most
        assert found.amount == wish.amount(found.output_tokens)
        assert all(found.amount <= standing.room for standing in standings)
    elif isinstance(found, Refused):
        assert found.short.spent + least > found.short.budget.most
    else:
        assert isinstance(found, Later)
        assert all(standing.spent + least <= standing.budget.most for standing in standings)
        assert any(standing.held + standing.ahead > 0 for standing in standings)
        assert all(standing.spent + found.amount <= standing.budget.most for standing in standings)


@given(wishes(), STANDINGS)
def test_who_has_no_patience_takes_what_there_is(wish: Wish, standing: Standing) -> None:
    """It waits only where there is not even room for the shortest reply."""
    found = decide(wish, [standing], is_patient=False)
    assert isinstance(found, Later) <= (wish.amount(wish.least) > standing.room)


@given(wishes(), st.integers(0, 10_000))
def test_alone_with_a_budget_nobody_waits(wish: Wish, most: int) -> None:
    """Where nothing is held there is nothing to wait for."""
    standing = Standing(Budget(("total", ""), "total", 0, 0, most), 0, 0)
    assert not isinstance(decide(wish, [standing], is_patient=True), Later)


@pytest.mark.parametrize(
    ("per", "first", "last"),
    [
        ("day", "2028-02-29", "2028-02-29"),
        ("month", "2028-02-01", "2028-02-29"),
        ("ever", "1970-01-01", "9999-12-31"),
    ],
)
def test_a_budget_counts_the_days_of_its_time(per: str, first: str, last: str) -> None:
    """Both ends in it, leap years too."""
    day = day_of(datetime(2028, 2, 29, 23, 59, tzinfo=UTC).timestamp())
    budget = Budget.of_limit(BudgetLimit("total", Decimal(1), per=per), "", day)
    assert (date_of(budget.first_day).isoformat(), date_of(budget.last_day).isoformat()) == (first, last)


def test_a_call_falls_under_the_limits_of_its_payer_and_its_model() -> None:
    """Those of everybody and those of its names, in the order of the settings."""
    limits = [
        BudgetLimit("user", Decimal(1), "bo"),
        BudgetLimit("user", Decimal(1), "ana"),
        BudgetLimit("user", Decimal(1)),
        BudgetLimit("model", Decimal(1), "a:b", per="day"),
        BudgetLimit("session", Decimal(1), per="month"),
    ]
    found = budgets_for(limits, accounts_of(Payer("r", user="ana"), "a:b"), 20_000)
    assert [budget.title for budget in found] == [
        "user ana ever",
        "user ana ever",
        "model a:b per day",
        "session (not known) per month",
    ]
