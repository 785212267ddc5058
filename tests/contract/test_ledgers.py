"""One suite for the ledger over both databases."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import loccit
from loccit.budgets.deadline import Deadline
from loccit.budgets.ledger import Ledger, Reservation
from loccit.budgets.options import BudgetLimit
from loccit.core.calls import Payer, TokenUsage
from loccit.core.errors import BudgetExceeded, InputError, PriceUnknown
from loccit.storage.database import Database

SPENDER = Path(__file__).resolve().parents[2] / "benchmarks" / "spender.py"
NOON = datetime(2026, 3, 31, 12, tzinfo=UTC).timestamp()
DAY_S = 86_400
MODEL = "test:model"


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


def cent_each(output_tokens: int) -> Decimal:
    """A cent per token of output."""
    return Decimal(output_tokens) / 100


def total(usd: str, **more: Any) -> BudgetLimit:
    return BudgetLimit("total", Decimal(usd), **more)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'state.sqlite'}"
    return request.getfixturevalue("postgresql").new_database()


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    opened = Database(url)
    yield opened
    opened.close()


Open = Callable[..., Ledger]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def open_ledger(database: Database, clock: Clock) -> Iterator[Open]:
    """Makes a ledger with these limits over the one database."""
    made: list[Ledger] = []

    def make(*limits: BudgetLimit, **more: Any) -> Ledger:
        made.append(Ledger(database, limits, **({"clock": clock, "least_output_tokens": 1} | more)))
        return made[-1]

    yield make
    for ledger in made:
        ledger.close()


async def reserve(ledger: Ledger, tokens: int | None, *, wait_s: float = 0.0, **payer: str) -> Reservation:
    """Money for so many tokens, at a cent each."""
    return await ledger.reserve(
        Payer(**({"request": "r"} | payer)),
        MODEL,
        cost=cent_each,
        output_tokens=tokens,
        deadline=Deadline.after(wait_s),
        purpose="answer",
    )


async def settle(ledger: Ledger, reservation: Reservation, tokens: int) -> None:
    await ledger.settle(reservation, cent_each(tokens), TokenUsage(output_tokens=tokens))


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


def standing(ledger: Ledger) -> list[tuple[str, Decimal, Decimal]]:
    return [(row.title, row.spent_usd, row.held_usd) for row in ledger.budgets()]


def test_what_is_not_spent_of_a_reservation_is_free_again(open_ledger: Open) -> None:
    """A dollar pays for 60 cents held, 10 of them spent, and then for 90 more, and no more."""

    async def work() -> None:
        ledger = open_ledger(total("1.00"))
        first = await reserve(ledger, 60)
        assert (first.usd, first.output_tokens) == (Decimal("0.60"), 60)
        assert standing(ledger) == [("total ever", Decimal(0), Decimal("0.60"))]
        await settle(ledger, first, 10)
        assert standing(ledger) == [("total ever", Decimal("0.10"), Decimal(0))]
        await reserve(ledger, 90)
        with pytest.raises(BudgetExceeded):
            await reserve(ledger, 1)

    run(work())


def test_what_no_settlement_can_pay_is_refused_at_once(open_ledger: Open) -> None:
    """The error names the budget, what it would come to, and the limit; nobody waits."""

    async def work() -> None:
        ledger = open_ledger(total("1.00", per="day"), BudgetLimit("user", Decimal("0.50"), "ana"))
        await settle(ledger, await reserve(ledger, 40, user="ana"), 40)
        began = time.monotonic()
        with pytest.raises(BudgetExceeded) as told:
            await reserve(ledger, 20, wait_s=60, user="ana")
        assert time.monotonic() - began < 5
        assert (told.value.limit_name, told.value.value, told.value.limit) == ("user ana ever", 0.6, 0.5)
        await reserve(ledger, 20, user="bo")

    run(work())


def test_a_call_waits_until_another_one_is_settled(open_ledger: Open) -> None:
    """There is no room while the first is under way, and then there is."""

    async def work() -> None:
        ledger = open_ledger(total("1.00"))
        first = await reserve(ledger, 80)
        second = asyncio.create_task(reserve(ledger, 50, wait_s=30))
        await asyncio.sleep(0.3)
        assert not second.done()
        await settle(ledger, first, 20)
        assert (await asyncio.wait_for(second, 5)).usd == Decimal("0.50")

    run(work())


def test_a_call_waits_for_another_process_to_settle(open_ledger: Open) -> None:
    """Another ledger over the same database is not there to wake it: it looks again by itself."""

    async def work() -> None:
        one, other = open_ledger(total("1.00")), open_ledger(total("1.00"))
        first = await reserve(one, 80)
        second = asyncio.create_task(reserve(other, 50, wait_s=30))
        await asyncio.sleep(0.3)
        await one.release(first)
        assert (await asyncio.wait_for(second, 5)).usd == Decimal("0.50")

    run(work())


def test_whoever_waits_is_told_at_the_deadline(open_ledger: Open, database: Database) -> None:
    """The error counts what is held, and nothing stays in the queue."""

    async def work() -> None:
        ledger = open_ledger(total("1.00"))
        await reserve(ledger, 80)
        with pytest.raises(BudgetExceeded) as told:
            await reserve(ledger, 50, wait_s=0.2)
        assert told.value.value == 1.3

    run(work())
    assert queue(database) == 0


def queue(database: Database) -> int:
    with database.reading() as connection:
        return connection.exec_driver_sql("SELECT count(*) FROM waiting").scalar_one()


def test_a_large_call_is_not_overtaken_by_small_ones(open_ledger: Open) -> None:
    """What is there for the small one is kept for the large one, which came first."""

    async def work() -> None:
        ledger = open_ledger(total("1.00"))
        first, second = await reserve(ledger, 40), await reserve(ledger, 40)
        large = asyncio.create_task(reserve(ledger, 90, wait_s=30))
        await asyncio.sleep(0.1)
        small = asyncio.create_task(reserve(ledger, 10, wait_s=30))
        await asyncio.sleep(0.1)
        await settle(ledger, first, 0)
        await asyncio.sleep(0.2)
        assert not small.done()
        await settle(ledger, second, 0)
        assert (await asyncio.wait_for(large, 5)).usd == Decimal("0.90")
        assert (await asyncio.wait_for(small, 5)).usd == Decimal("0.10")

    run(work())


def test_who_waits_for_another_budget_is_in_nobodys_way(open_ledger: Open) -> None:
    """Ana waits for her own budget; Bo has one too."""

    async def work() -> None:
        ledger = open_ledger(BudgetLimit("user", Decimal("1.00")))
        await reserve(ledger, 80, user="ana")
        waiting = asyncio.create_task(reserve(ledger, 80, wait_s=1, user="ana"))
        await asyncio.sleep(0.1)
        await reserve(ledger, 80, user="bo")
        with pytest.raises(BudgetExceeded):
            await waiting

    run(work())


def test_a_killed_process_keeps_its_place_for_seconds_only(open_ledger: Open, clock: Clock) -> None:
    """Nobody looked after the first in the queue: the others go on without it."""

    async def work() -> None:
        gone, ledger = open_ledger(total("1.00")), open_ledger(total("1.00"))
        held = await reserve(ledger, 80)
        # Its loop ends while it waits, as that of a killed process does.
        waiting = asyncio.create_task(reserve(gone, 90, wait_s=60))
        await asyncio.sleep(0.1)
        gone._leave = lambda _: None  # type: ignore[method-assign]
        waiting.cancel()
        await asyncio.wait([waiting])
        await ledger.release(held)
        with pytest.raises(BudgetExceeded):
            await reserve(ledger, 20)
        clock.now += 60
        await reserve(ledger, 20)

    run(work())


def test_a_reservation_that_expires_is_settled_at_what_it_held(open_ledger: Open, clock: Clock) -> None:
    """The call may have been made, so its money is gone until somebody says otherwise."""

    async def work() -> None:
        ledger = open_ledger(total("1.00"), reservation_s=60)
        lost = await reserve(ledger, 60)
        clock.now += 61
        assert standing(ledger) == [("total ever", Decimal("0.60"), Decimal(0))]
        assert [row.expired for row in ledger.spending("day")] == [1]
        with pytest.raises(BudgetExceeded):
            await reserve(ledger, 50)
        assert not await ledger.heartbeat(lost)
        await settle(ledger, lost, 5)
        assert standing(ledger) == [("total ever", Decimal("0.05"), Decimal(0))]
        assert [row.expired for row in ledger.spending("day")] == [0]

    run(work())


def test_a_reservation_lives_as_long_as_its_heart_beats(open_ledger: Open, clock: Clock) -> None:
    """Each beat is worth the whole time again."""

    async def work() -> None:
        ledger = open_ledger(total("1.00"), reservation_s=60)
        long_one = await reserve(ledger, 60)
        for _ in range(5):
            clock.now += 50
            assert await ledger.heartbeat(long_one)
        assert standing(ledger) == [("total ever", Decimal(0), Decimal("0.60"))]
        await settle(ledger, long_one, 1)
        assert not await ledger.heartbeat(long_one)

    run(work())


def test_what_was_never_sent_costs_nothing(open_ledger: Open) -> None:
    """A release leaves no row, and may be said twice."""

    async def work() -> None:
        ledger = open_ledger(total("1.00"))
        unsent = await reserve(ledger, 60)
        await ledger.release(unsent)
        await ledger.release(unsent)
        assert standing(ledger) == [("total ever", Decimal(0), Decimal(0))]
        assert ledger.spending("day") == []
        with pytest.raises(ValueError, match="was released"):
            await settle(ledger, unsent, 1)

    run(work())


def test_to_settle_again_changes_nothing(open_ledger: Open) -> None:
    """The same amount is the same settlement; another one is a mistake, and so is a release."""

    async def work() -> None:
        ledger = open_ledger(total("1.00"))
        one = await reserve(ledger, 60)
        await settle(ledger, one, 10)
        await settle(ledger, one, 10)
        assert standing(ledger) == [("total ever", Decimal("0.10"), Decimal(0))]
        with pytest.raises(ValueError, match=r"settled at 0\.1"):
            await settle(ledger, one, 11)
        with pytest.raises(ValueError, match="settled at"):
            await ledger.release(one)

    run(work())


def test_more_than_was_reserved_is_charged_and_counted(open_ledger: Open) -> None:
    """A provider that reports more is believed; the figure is there to be seen."""

    async def work() -> None:
        ledger = open_ledger(total("1.00"))
        await settle(ledger, await reserve(ledger, 90), 130)
        (row,) = ledger.spending("model")
        assert (row.usd, row.overruns, row.overrun_usd) == (Decimal("1.30"), 1, Decimal("0.40"))
        (budget,) = ledger.budgets()
        assert budget.left_usd == Decimal("-0.30")

    run(work())


def test_numbers_that_a_provider_made_up_are_kept_within_bounds(open_ledger: Open) -> None:
    """A usage beyond any machine's integers is booked as far as it can be counted."""

    async def work() -> None:
        ledger = open_ledger(total("1.00"))
        one = await reserve(ledger, 10)
        await ledger.settle(one, Decimal(10) ** 30, TokenUsage(10**40, -5))
        (row,) = ledger.spending("model")
        assert (row.usd, row.input_tokens, row.output_tokens) == (Decimal(1_000_000), 10**12, 0)

    run(work())


def test_a_call_without_a_length_gets_what_is_affordable(open_ledger: Open) -> None:
    """All that it may have where there is plenty, else what is left, and never too little."""

    async def work() -> None:
        ledger = open_ledger(total("10.00"), most_output_tokens=100, least_output_tokens=20)
        first = await reserve(ledger, None)
        assert first.output_tokens == 100
        await settle(ledger, first, 50)
        await settle(ledger, await reserve(ledger, 900), 890)
        last = await reserve(ledger, None)
        assert last.output_tokens == 60
        await settle(ledger, last, 50)
        with pytest.raises(BudgetExceeded):
            await reserve(ledger, None)

    run(work())


def test_where_money_is_short_a_call_gets_what_such_calls_need(open_ledger: Open) -> None:
    """Replies had 12 tokens: 15 are set aside for the next, not the 100 that it might have."""

    async def work() -> None:
        ledger = open_ledger(total("1.20"), most_output_tokens=100, least_output_tokens=5)
        await settle(ledger, await reserve(ledger, None), 12)
        several = [await reserve(ledger, None) for _ in range(7)]
        assert [one.output_tokens for one in several] == [15] * 7

    run(work())


def test_a_call_rather_waits_than_is_cut_short(open_ledger: Open) -> None:
    """Six tokens are there and useful; the settlement that makes room for a whole reply is worth the time."""

    async def work() -> None:
        ledger = open_ledger(total("1.06"), most_output_tokens=100, least_output_tokens=5)
        first = await reserve(ledger, 100)
        second = asyncio.create_task(reserve(ledger, None, wait_s=30))
        await asyncio.sleep(0.2)
        assert not second.done()
        await ledger.release(first)
        assert (await asyncio.wait_for(second, 5)).output_tokens == 100
        # Half of the time is gone: better a short reply than none.
        late = await reserve(ledger, None, wait_s=0.5)
        assert late.output_tokens == 6

    run(work())


def test_where_money_is_short_the_first_of_its_kind_goes_alone(open_ledger: Open) -> None:
    """Nobody knows how long such replies are: the others wait to learn it, and then there is room."""

    async def work() -> None:
        ledger = open_ledger(total("4.00"), most_output_tokens=100, least_output_tokens=5)
        first = await reserve(ledger, None)
        others = [asyncio.create_task(reserve(ledger, None, wait_s=30)) for _ in range(5)]
        await asyncio.sleep(0.2)
        assert not any(task.done() for task in others)
        await settle(ledger, first, 40)
        found = await asyncio.wait_for(asyncio.gather(*others), 10)
        assert [one.output_tokens for one in found] == [50] * 5

    run(work())


def test_a_day_and_a_month_end_at_midnight_in_utc(open_ledger: Open, clock: Clock) -> None:
    """March 31, noon: next day both begin anew, and what was reserved before counts for its own day."""

    async def work() -> None:
        ledger = open_ledger(total("1.00", per="day"), total("1.50", per="month"), total("9.00"))
        late = await reserve(ledger, 90)
        clock.now = datetime(2026, 3, 31, 23, 59, 59, tzinfo=UTC).timestamp()
        await ledger.heartbeat(late)
        with pytest.raises(BudgetExceeded):
            await reserve(ledger, 20)
        clock.now += 1
        await settle(ledger, await reserve(ledger, 95), 95)
        await settle(ledger, late, 90)
        assert [row.spent_usd for row in ledger.budgets()] == [
            Decimal("0.95"),
            Decimal("0.95"),
            Decimal("1.85"),
        ]
        assert [(row.name, row.usd) for row in ledger.spending("day")] == [
            ("2026-03-31", Decimal("0.90")),
            ("2026-04-01", Decimal("0.95")),
        ]
        clock.now += DAY_S
        with pytest.raises(BudgetExceeded) as told:
            await reserve(ledger, 60)
        assert told.value.limit_name == "total per month"

    run(work())


@pytest.mark.parametrize("of", ["request", "session", "user", "key", "team"])
def test_a_budget_without_a_name_is_for_each_one(of: Any, open_ledger: Open) -> None:
    """Two payers have one each, and those without a name have one together."""

    async def work() -> None:
        ledger = open_ledger(BudgetLimit(of, Decimal("1.00")))
        for name in ("ana", "bo", ""):
            await reserve(ledger, 60, **{"request": "r", of: name})
            with pytest.raises(BudgetExceeded) as told:
                await reserve(ledger, 60, **{"request": "r", of: name})
            assert told.value.limit_name == f"{of} {name or '(not known)'} ever"

    run(work())


def test_a_budget_of_a_model_holds_for_that_model(open_ledger: Open) -> None:
    """Another model has its own money."""

    async def work() -> None:
        ledger = open_ledger(BudgetLimit("model", Decimal("0.10"), "test:dear"))
        await reserve(ledger, 60)
        with pytest.raises(BudgetExceeded, match="model test:dear"):
            await ledger.reserve(
                Payer("r"), "test:dear", cost=cent_each, output_tokens=60, deadline=Deadline.after(0)
            )

    run(work())


def test_a_limit_that_is_new_counts_what_was_spent_before_it(open_ledger: Open) -> None:
    """Sums are kept for everything, whatever the limits are."""

    async def work() -> None:
        await settle(free := open_ledger(), await reserve(free, 60, user="ana"), 60)
        strict = open_ledger(BudgetLimit("user", Decimal("1.00"), per="month"))
        with pytest.raises(BudgetExceeded):
            await reserve(strict, 50, user="ana")

    run(work())


def test_a_reservation_that_is_cancelled_holds_nothing(open_ledger: Open, database: Database) -> None:
    """Wherever it is interrupted: while it is written, or while it waits."""

    async def work() -> None:
        ledger = open_ledger(total("1.00"))
        for pause in [0, 0.0005, 0.001, 0.002, 0.004] * 4:
            started = asyncio.create_task(reserve(ledger, 60, wait_s=30))
            await asyncio.sleep(pause)
            if not started.cancel():
                await ledger.release(started.result())
            await asyncio.wait([started])
        assert standing(ledger) == [("total ever", Decimal(0), Decimal(0))]
        await reserve(ledger, 60)
        waiting = asyncio.create_task(reserve(ledger, 60, wait_s=30))
        await asyncio.sleep(0.1)
        waiting.cancel()
        await asyncio.wait([waiting])
        assert standing(ledger) == [("total ever", Decimal(0), Decimal("0.60"))]

    run(work())
    assert queue(database) == 0


def test_a_settlement_that_is_cancelled_is_made(open_ledger: Open) -> None:
    """What was spent was spent."""

    async def work() -> None:
        ledger = open_ledger(total("1.00"))
        one = await reserve(ledger, 60)
        settling = asyncio.create_task(settle(ledger, one, 10))
        await asyncio.sleep(0)
        settling.cancel()
        await asyncio.wait([settling])
        assert standing(ledger) == [("total ever", Decimal("0.10"), Decimal(0))]

    run(work())


def test_a_price_that_is_not_known_leaves_nothing_behind(open_ledger: Open) -> None:
    """What `cost` raises comes out."""

    def unknown(_: int) -> Decimal:
        raise PriceUnknown("nobody knows")

    async def work() -> None:
        ledger = open_ledger(total("1.00"))
        with pytest.raises(PriceUnknown):
            await ledger.reserve(Payer("r"), MODEL, cost=unknown, output_tokens=5, deadline=Deadline.after(0))
        assert ledger.spending("day") == []

    run(work())


def test_a_name_that_is_too_long_is_refused(open_ledger: Open) -> None:
    """Before anything is written, and with the kind of name."""

    async def work() -> None:
        with pytest.raises(InputError, match=r"the session 'x+'… has 201 characters"):
            await reserve(open_ledger(), 1, session="x" * 201)

    run(work())


def test_the_ledger_learns_how_much_longer_inputs_are_than_their_estimates(open_ledger: Open) -> None:
    """The largest ratio of a model, never below one, whatever the call was for."""

    async def work() -> None:
        ledger = open_ledger()
        assert ledger.input_ratio(MODEL) == 1.0
        for purpose, expected, real in [("answer", 100, 90), ("judge", 100, 130), ("answer", 100, 110)]:
            one = await ledger.reserve(
                Payer("r"),
                MODEL,
                cost=cent_each,
                output_tokens=9,
                deadline=Deadline.after(0),
                purpose=purpose,
                input_tokens=expected,
            )
            await ledger.settle(one, Decimal(0), TokenUsage(input_tokens=real))
        assert ledger.input_ratio(MODEL) == 1.3
        assert ledger.input_ratio("test:other") == 1.0

    run(work())


def test_spending_is_told_by_what_calls_share(open_ledger: Open, clock: Clock) -> None:
    """By day in order, else the dearest first; between two days, both in it."""

    async def work() -> None:
        ledger = open_ledger(BudgetLimit("user", Decimal("5.00"), per="month"))
        for day, user, purpose, tokens in [
            (0, "ana", "answer", 10),
            (0, "bo", "judge", 30),
            (1, "ana", "answer", 5),
            (2, "", "answer", 1),
        ]:
            clock.now = NOON - 20 * DAY_S + day * DAY_S
            one = await ledger.reserve(
                Payer("r", user=user),
                MODEL,
                cost=cent_each,
                output_tokens=50,
                deadline=Deadline.after(0),
                purpose=purpose,
            )
            await ledger.settle(one, cent_each(tokens), TokenUsage(7, tokens, 3, 2, 1))
        await reserve(ledger, 25, user="bo")
        assert [(row.name, row.usd, row.calls, row.held_usd) for row in ledger.spending("user")] == [
            ("bo", Decimal("0.30"), 2, Decimal("0.25")),
            ("ana", Decimal("0.15"), 2, 0),
            ("", Decimal("0.01"), 1, 0),
        ]
        assert [row.name for row in ledger.spending("day")] == ["2026-03-11", "2026-03-12", "2026-03-13"]
        (answers,) = ledger.spending("purpose", since=date(2026, 3, 11), until=date(2026, 3, 12))[1:]
        assert (answers.name, answers.usd, answers.input_tokens) == ("answer", Decimal("0.15"), 14)
        assert (answers.cache_read_tokens, answers.cache_write_tokens, answers.reasoning_tokens) == (6, 4, 2)
        assert [(row.title, row.left_usd) for row in ledger.budgets()] == [
            ("user bo per month", Decimal("4.45")),
            ("user ana per month", Decimal("4.85")),
            ("user (not known) per month", Decimal("4.99")),
        ]

    run(work())


PROCESSES = 4
REQUESTS = 16


def test_four_processes_cannot_spend_more_than_there_is(url: str) -> None:
    """64 requests race for the money of 10, streams are cut and retried, one is killed: no cent too much.

    Killed while it holds money, which its reservations' expiry settles. Everything that was charged, by the
    ledger and by the calls' own account, stays within the budget, and what it could pay was admitted.
    """
    budget = Decimal("0.02")  # ten calls of 500 tokens
    Database(url).close()
    task = {
        "url": url,
        "usd": str(budget),
        "requests": REQUESTS,
        "reservation_s": 2.0,
        "deadline_s": 30.0,
        "output_tokens": 500,
        "dropped": 0.2,
    }
    with contextlib.ExitStack() as stack:
        processes = [
            stack.enter_context(spender(task | {"name": f"p{number}", "call_s": 0.1 if number else 30}))
            for number in range(PROCESSES)
        ]
        victim = processes[0]
        for process in processes:
            assert next_event(process) == {"ready": True}
        tell(victim)
        events = [next_event(victim)]
        assert "admitted" in events[0]
        for process in processes[1:]:
            tell(process)
        events += [next_event(process) for process in processes[1:2]]
        victim.send_signal(signal.SIGKILL)
        for process in processes:
            assert process.stdout is not None
            events += [json.loads(line) for line in process.stdout if line.endswith("}\n")]
            process.wait()
    assert [process.returncode for process in processes] == [-signal.SIGKILL, 0, 0, 0]
    held = {event["admitted"]: Decimal(event["usd"]) for event in events if "admitted" in event}
    settled = {event["settled"]: Decimal(event["usd"]) for event in events if "settled" in event}
    lost = sum((usd for id_, usd in held.items() if id_ not in settled), Decimal(0))
    assert lost > 0
    assert sum(settled.values()) + lost <= budget
    database = Database(url)
    ledger = Ledger(database, [total(str(budget))], clock=lambda: time.time() + 60)
    (row,) = ledger.budgets()
    ledger.close()
    database.close()
    assert row.spent_usd <= budget
    assert row.held_usd == 0
    # Nothing useful could have been paid with the rest.
    assert row.left_usd < Decimal("0.0012") + Decimal("0.0001")


@contextlib.contextmanager
def spender(task: dict[str, Any]) -> Iterator[subprocess.Popen[str]]:
    """A process that spends, which ends with the test."""
    with subprocess.Popen(
        [sys.executable, SPENDER, json.dumps(task)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(loccit.__file__).parents[1])},
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def next_event(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


def tell(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()
