"""Whatever happens in whatever order, no budget is exceeded and the sums are those of the entries."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections import Counter
from decimal import Decimal
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule
from sqlalchemy import select

from loccit.budgets.deadline import Deadline
from loccit.budgets.ledger import Ledger, Reservation
from loccit.budgets.limits import date_of
from loccit.budgets.money import picodollars
from loccit.budgets.options import BudgetLimit
from loccit.core.calls import Payer, TokenUsage
from loccit.core.errors import BudgetExceeded
from loccit.storage.database import Database
from loccit.storage.tables import charges, spending

LIMITS = (
    BudgetLimit("total", Decimal("0.50")),
    BudgetLimit("total", Decimal("0.30"), per="day"),
    BudgetLimit("user", Decimal("0.20"), per="day"),
    BudgetLimit("user", Decimal("0.25"), "ana"),
    BudgetLimit("model", Decimal("0.35"), per="month"),
)
RESERVATION_S = 3600.0


def cost(output_tokens: int) -> Decimal:
    """A thousandth of a dollar, and as much for each token."""
    return Decimal(output_tokens + 1) / 1000


class Spending(RuleBasedStateMachine):
    """Two ledgers, as of two processes, over one database; a clock that only goes on."""

    held = Bundle("held")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="loccit-ledger-"))
        self.now = 1_790_000_000.0
        self.database = Database.in_folder(self.folder)
        self.ledgers = [
            Ledger(
                self.database,
                LIMITS,
                reservation_s=RESERVATION_S,
                least_output_tokens=5,
                most_output_tokens=90,
                clock=lambda: self.now,
            )
            for _ in range(2)
        ]
        self.loop = asyncio.Runner()

    def teardown(self) -> None:
        self.loop.close()
        for ledger in self.ledgers:
            ledger.close()
        self.database.close()
        shutil.rmtree(self.folder)

    @rule(
        target=held,
        which=st.integers(0, 1),
        user=st.sampled_from(["ana", "bo", ""]),
        model=st.sampled_from(["a:x", "b:y"]),
        tokens=st.none() | st.integers(0, 200),
    )
    def reserve(self, which: int, user: str, model: str, tokens: int | None) -> Reservation | None:
        async def work() -> Reservation:
            return await self.ledgers[which].reserve(
                Payer("r", user=user), model, cost=cost, output_tokens=tokens, deadline=Deadline.after(0)
            )

        try:
            found = self.loop.run(work())
        except BudgetExceeded:
            return None
        assert found.usd == cost(found.output_tokens)
        assert tokens is None or found.output_tokens == tokens
        return found

    @rule(which=st.integers(0, 1), one=consumes(held), share=st.fractions(0, 1))
    def settle(self, which: int, one: Reservation | None, share: float) -> None:
        if one is not None:
            tokens = int(one.output_tokens * share)
            usd = min(one.usd, cost(tokens))
            self.loop.run(self.ledgers[which].settle(one, usd, TokenUsage(output_tokens=tokens)))

    @rule(which=st.integers(0, 1), one=consumes(held))
    def release(self, which: int, one: Reservation | None) -> None:
        if one is not None:
            self.loop.run(self.ledgers[which].release(one))

    @rule(one=held)
    def keep_alive(self, one: Reservation | None) -> None:
        if one is not None:
            self.loop.run(self.ledgers[0].heartbeat(one))

    @rule(one=consumes(held))
    def die(self, one: Reservation | None) -> None:
        """Nobody ever hears of it again."""

    @rule(seconds=st.sampled_from([1.0, RESERVATION_S, 30_000.0, 86_400.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def look(self) -> None:
        self.ledgers[1].spending("day")

    @invariant()
    def no_budget_is_exceeded(self) -> None:
        with self.database.reading() as connection:
            rows = connection.execute(select(charges)).all()
        for limit in LIMITS:
            sums: Counter[tuple[str, int]] = Counter()
            for row in rows:
                name = "" if limit.of == "total" else row._mapping[limit.of]
                if not limit.name or name == limit.name:
                    period = {"day": row.day, "month": self._month(row.day), "ever": 0}[limit.per]
                    sums[name, period] += row.held if row.state == "held" else row.spent
            assert max(sums.values(), default=0) <= picodollars(limit.usd)

    @staticmethod
    def _month(day: int) -> int:
        return date_of(day).year * 12 + date_of(day).month

    @invariant()
    def sums_are_those_of_the_entries(self) -> None:
        kept: Counter[tuple[str, str, int, str]] = Counter()
        real: Counter[tuple[str, str, int, str]] = Counter()
        with self.database.reading() as connection:
            for row in connection.execute(select(spending)):
                kept[row.of, row.name, row.day, "spent"] += row.spent
                kept[row.of, row.name, row.day, "held"] += row.held
            for row in connection.execute(select(charges)):
                fields = row._mapping
                names = {of: fields[of] for of in ("request", "session", "user", "key", "team", "model")}
                for of, name in ({"total": ""} | names).items():
                    real[of, name, row.day, "spent"] += row.spent
                    real[of, name, row.day, "held"] += row.held if row.state == "held" else 0
        assert +kept == +real
        assert not -kept


Spending.TestCase.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
TestInterleavings = Spending.TestCase
