"""The ledger: what may be spent is reserved before a call, and what was spent is settled after it.

One row per call, written before it is sent, and sums by account and day that are kept in the same
transactions. A reservation reads the sums of the budgets that bound it, and is granted only where spent, held
and the call together stay within each; transactions that write exclude each other across processes.
"""

from __future__ import annotations

import asyncio
import json
import random
import threading
import time
import uuid
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from sqlalchemy import Connection, Row

from loccit.budgets import statements
from loccit.budgets.accounting import BudgetRow, By, SpendingRow, budget_rows, spending_rows
from loccit.budgets.limits import (
    Account,
    Budget,
    Granted,
    Later,
    Refused,
    Standing,
    Wish,
    accounts_of,
    budgets_for,
    day_of,
    decide,
    limits_for,
)
from loccit.budgets.money import dollars, picodollars
from loccit.budgets.options import BudgetOptions
from loccit.core.calls import TokenUsage
from loccit.core.errors import BudgetExceeded

if TYPE_CHECKING:
    from datetime import date

    from loccit.budgets.deadline import Deadline
    from loccit.budgets.options import BudgetLimit
    from loccit.core.calls import Payer
    from loccit.storage.database import Database

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")

# In the place of the name of a user who was erased.
ERASED = "(erased)"
_DEFAULTS = BudgetOptions()
_MOST_TOKENS = 10**12
# How often those who wait look again: another process may have made room. In this one they are woken.
_FIRST_PAUSE_S = 0.01
_LONGEST_PAUSE_S = 0.25
# A process that was killed while it waited is waited for no longer than this.
_FORGOTTEN_S = 3.0
# The longest reply of a kind is forgotten by so much with each other one.
_FADING = 0.98


@dataclass(frozen=True, slots=True)
class Reservation:
    """Money that is set aside for one call, which may have so many output tokens and not one more."""

    id: str
    usd: Decimal
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a reservation is for."""

    payer: Payer
    model: str
    purpose: str
    input_tokens: int
    accounts: tuple[Account, ...]


@dataclass(frozen=True, slots=True)
class Ticket:
    """A place in the queue, and what the one who holds it must know."""

    number: int
    short: Standing
    amount: int


class Ledger:
    """Money that was spent and money that is set aside, and the budgets that bound both.

    Threads, tasks and processes may share one database. The first reservation of a process is a few
    milliseconds, later ones about one.
    """

    def __init__(
        self,
        database: Database,
        limits: Sequence[BudgetLimit] = (),
        *,
        reservation_s: float = _DEFAULTS.reservation_s,
        least_output_tokens: int = _DEFAULTS.least_output_tokens,
        most_output_tokens: int = _DEFAULTS.most_output_tokens,
        clock: Callable[[], float] | None = None,
    ) -> None:
        """Keep the ledger of this database within these limits; the other numbers as in `BudgetOptions`.

        `clock` gives seconds since the epoch. Without one it is the database's: of a PostgreSQL server, so
        that clocks of several machines need not agree, of this machine with SQLite.
        """
        self.limits = tuple(limits)
        self._database = database
        self._reservation_s = reservation_s
        self._least = least_output_tokens
        self._most = most_output_tokens
        self._clock = clock
        # One thread: transactions of one process would only wait for each other.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="loccit-ledger")
        self._listeners: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()
        self._listening = threading.Lock()

    @classmethod
    def of_options(cls, database: Database, options: BudgetOptions) -> Ledger:
        """The ledger as the settings want it."""
        return cls(
            database,
            options.limits,
            reservation_s=options.reservation_s,
            least_output_tokens=options.least_output_tokens,
            most_output_tokens=options.most_output_tokens,
        )

    def close(self) -> None:
        """Let the thread go. The database stays open."""
        self._thread.shutdown()

    # Before a call

    async def reserve(
        self,
        payer: Payer,
        model: str,
        *,
        cost: Callable[[int], Decimal],
        output_tokens: int | None,
        deadline: Deadline,
        purpose: str = "",
        input_tokens: int = 0,
    ) -> Reservation:
        """Money for one call, which must then be settled or released, and kept alive by `heartbeat`.

        `cost` tells the most that the call can cost with so many output tokens; it never falls as they grow.
        Without `output_tokens` the ledger says how many there may be. `input_tokens` is the plain estimate of
        the input, from which `input_ratio` learns.

        Where there is no room it waits for settlements, first come first served, until the deadline. Raises
        BudgetExceeded when that has passed, and at once where no settlement can help; and what `cost` raises.
        """
        accounts = accounts_of(payer, model)
        claimed = Claimed(payer, model, purpose, input_tokens, accounts)
        least = output_tokens if output_tokens is not None else min(self._least, self._most)
        most = output_tokens if output_tokens is not None else self._most
        wish = Wish(lambda tokens: picodollars(cost(tokens)), least, most)
        wish.amount(most)  # what it raises is raised before anything is locked
        patient_until = time.monotonic() + deadline.remaining_s / 2
        number: int | None = None
        pause = _FIRST_PAUSE_S
        with self._woken() as woken:
            try:
                while True:
                    woken.clear()
                    is_patient = time.monotonic() < patient_until
                    found = await self._attempt(claimed, wish, number, is_patient=is_patient)
                    if isinstance(found, Reservation):
                        return found
                    if isinstance(found, Refused):
                        raise _exceeded(found)
                    number = found.number
                    if deadline.has_passed:
                        raise _exceeded(found)
                    with suppress(TimeoutError):
                        async with asyncio.timeout(min(pause, deadline.remaining_s)):
                            await woken.wait()
                    # Not all at the same moment.
                    pause = min(_LONGEST_PAUSE_S, pause * random.uniform(1.3, 1.9))  # noqa: S311
            except BaseException:
                if number is not None:
                    await self._to_the_end(self._leave, number)
                raise

    async def _attempt(
        self, claimed: Claimed, wish: Wish, ticket: int | None, *, is_patient: bool
    ) -> Reservation | Ticket | Refused:
        """`_reserve` in the thread. A task that is cancelled meanwhile leaves nothing reserved."""
        work = self._start(self._reserve, claimed, wish, ticket, is_patient=is_patient)
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            await asyncio.wait([work])
            if not work.exception():
                found = work.result()
                if isinstance(found, Reservation):
                    await self._to_the_end(self._release, found.id)
                elif isinstance(found, Ticket):
                    await self._to_the_end(self._leave, found.number)
            raise

    def _reserve(
        self, claimed: Claimed, wish: Wish, ticket: int | None, *, is_patient: bool
    ) -> Reservation | Ticket | Refused:
        with self._writing() as (connection, now):
            self._expire(connection, now)
            day = day_of(now)
            standings = self._standings(connection, claimed, now, day, ticket)
            if standings and wish.least < wish.most:
                usual = self._usual(connection, claimed)
                wish = Wish(wish.amount, wish.least, wish.most, usual)
            found = decide(wish, standings, is_patient=is_patient)
            if isinstance(found, Refused):
                return found
            if isinstance(found, Later):
                number = self._queue(connection, claimed, now, ticket, found.amount)
                return Ticket(number, found.short, found.amount)
            if ticket is not None:
                connection.execute(statements.DELETE_TICKET, {"which": ticket})
            return self._write(connection, claimed, now, day, found)

    def _write(
        self, connection: Connection, claimed: Claimed, now: float, day: int, granted: Granted
    ) -> Reservation:
        payer = claimed.payer
        id_ = uuid.uuid4().hex
        row = {
            "id": id_,
            "reserved_at": now,
            "day": day,
            "state": "held",
            "expires_at": now + self._reservation_s,
            "request": payer.request,
            "session": payer.session,
            "user": payer.user,
            "key": payer.key,
            "team": payer.team,
            "model": claimed.model,
            "purpose": claimed.purpose,
            "held": granted.amount,
            "spent": 0,
            "expected_input_tokens": _countable(claimed.input_tokens),
            "granted_output_tokens": granted.output_tokens,
            **_tokens(TokenUsage()),
        }
        connection.execute(statements.ADD_CHARGE, row)
        self._add(connection, claimed.accounts, day, spent=0, held=granted.amount)
        return Reservation(id_, dollars(granted.amount), granted.output_tokens)

    def _standings(
        self, connection: Connection, claimed: Claimed, now: float, day: int, ticket: int | None
    ) -> list[Standing]:
        """The budgets that bound the call as they are now."""
        budgets = budgets_for(limits_for(self.limits, claimed.payer), claimed.accounts, day)
        if not budgets:
            return []
        queue = self._ahead(connection, now, ticket)
        standings: list[Standing] = []
        for budget in budgets:
            spent, held = _sums(connection, budget)
            ahead = sum(amount for amount, accounts in queue if budget.account in accounts)
            standings.append(Standing(budget, spent, held, ahead))
        return standings

    # In the queue

    def _ahead(
        self, connection: Connection, now: float, ticket: int | None
    ) -> list[tuple[int, set[Account]]]:
        """What those who came before wait for, and the accounts that it is counted in."""
        return [
            (row.amount, {(of, name) for of, name in json.loads(row.budgets)})
            for row in connection.execute(statements.QUEUE)
            if (ticket is None or row.ticket < ticket) and row.seen_at > now - _FORGOTTEN_S
        ]

    def _queue(
        self, connection: Connection, claimed: Claimed, now: float, ticket: int | None, amount: int
    ) -> int:
        """The number of the ticket, which is written or kept alive."""
        connection.execute(statements.DELETE_FORGOTTEN, {"before": now - 10 * _FORGOTTEN_S})
        if ticket is not None:
            kept = connection.execute(statements.KEEP_TICKET, {"which": ticket, "now": now, "wanted": amount})
            if kept.rowcount:
                return ticket
        row: dict[str, Any] = {"seen_at": now, "amount": amount, "budgets": json.dumps(claimed.accounts)}
        if ticket is not None:
            # It was forgotten, because this process slept, and has its old place still.
            row["ticket"] = ticket
        return int(connection.execute(statements.ADD_TICKET, row).scalar_one())

    def _leave(self, ticket: int) -> None:
        with self._writing() as (connection, _):
            connection.execute(statements.DELETE_TICKET, {"which": ticket})
        self._wake()

    @contextmanager
    def _woken(self) -> Generator[asyncio.Event]:
        """An event that is set whenever this process has made room."""
        one = asyncio.get_running_loop(), asyncio.Event()
        with self._listening:
            self._listeners.add(one)
        try:
            yield one[1]
        finally:
            with self._listening:
                self._listeners.discard(one)

    def _wake(self) -> None:
        with self._listening:
            for loop, event in self._listeners:
                # A loop that was closed while its task waited has nobody to wake.
                with suppress(RuntimeError):
                    loop.call_soon_threadsafe(event.set)

    # After a call

    async def settle(self, reservation: Reservation, usd: Decimal, usage: TokenUsage) -> None:
        """Book what the call did cost, and give back the rest.

        More than was reserved is booked as it is, and counted as overrun. A reservation that had expired is
        corrected. To settle once more with the same amount changes nothing, so that a caller who was
        interrupted may do it again; with another one it raises ValueError. A task that is cancelled meanwhile
        has settled all the same.
        """
        await self._to_the_end(self._settle, reservation.id, picodollars(usd), usage)

    async def release(self, reservation: Reservation) -> None:
        """Give all of it back: the call was never sent. Once more changes nothing.

        Raises ValueError where it was settled.
        """
        await self._to_the_end(self._release, reservation.id)

    async def heartbeat(self, reservation: Reservation) -> bool:
        """Keep it alive for another `reservation_s`; whether it was still alive."""
        return await self._to_the_end(self._extend, reservation.id)

    def _settle(self, id_: str, spent: int, usage: TokenUsage) -> None:
        with self._writing() as (connection, _):
            row = _charge(connection, id_)
            if row is None:
                raise ValueError(f"the reservation {id_} was released, it cannot be settled")
            if row.state == "settled":
                if row.spent != spent:
                    raise ValueError(f"the reservation {id_} is settled at {dollars(row.spent)} USD already")
                return
            self._book(connection, row, "settled", spent, usage)
            self._learn(connection, row, usage)
        self._wake()

    def _release(self, id_: str) -> None:
        with self._writing() as (connection, _):
            row = _charge(connection, id_)
            if row is None:
                return
            if row.state == "settled":
                raise ValueError(f"the reservation {id_} is settled at {dollars(row.spent)} USD already")
            connection.execute(statements.DELETE_CHARGE, {"which": id_})
            self._add(connection, _accounts(row), row.day, spent=-row.spent, held=-_holding(row))
        self._wake()

    def _extend(self, id_: str) -> bool:
        with self._writing() as (connection, now):
            done = connection.execute(
                statements.EXTEND_CHARGE, {"which": id_, "until": now + self._reservation_s}
            )
            return bool(done.rowcount)

    def _expire(self, connection: Connection, now: float) -> None:
        """Settle what nobody kept alive at what it held: the call may have been made."""
        for row in connection.execute(statements.CHARGES_OVERDUE, {"now": now}).all():
            self._book(connection, row, "expired", row.held, TokenUsage())

    def _book(self, connection: Connection, row: Row[Any], state: str, spent: int, usage: TokenUsage) -> None:
        connection.execute(
            statements.BOOK_CHARGE,
            {"which": row.id, "state": state, "expires_at": None, "spent": spent, **_tokens(usage)},
        )
        self._add(connection, _accounts(row), row.day, spent=spent - row.spent, held=-_holding(row))

    # What was spent

    def spending(self, by: By, *, since: date | None = None, until: date | None = None) -> list[SpendingRow]:
        """What calls that began on these days (UTC, both in it) did cost: days in order, else dearest first.

        It takes milliseconds: call it in a thread where a loop runs.
        """
        self._expire_now()
        with self._database.reading() as connection:
            return spending_rows(connection, by, since=since, until=until)

    def budgets(self) -> list[BudgetRow]:
        """How each budget stands now, in the order of the limits; of a limit for each, the ten fullest."""
        now = self._expire_now()
        with self._database.reading() as connection:
            return budget_rows(connection, self.limits, day_of(now))

    def _expire_now(self) -> float:
        """Now, with everything expired that is overdue."""
        with self._writing() as (connection, now):
            self._expire(connection, now)
            return now

    def charges_of(self, user: str) -> list[dict[str, Any]]:
        """The calls that a user paid for, the oldest first; money in USD, as text that is exact."""
        with self._database.reading() as connection:
            rows = connection.execute(statements.CHARGES_OF, {"name": user}).mappings().all()
        money = ("held", "spent")
        return [
            {
                f"{name}_usd" if name in money else name: f"{dollars(value).normalize():f}"
                if name in money
                else value
                for name, value in row.items()
            }
            for row in rows
        ]

    def forget_user(self, user: str) -> int:
        """Book what a user has spent under nobody's name (`ERASED`); how many calls there were.

        Sums by day, model and so on stay as they are; the budgets of the user begin anew.
        """
        if user in ("", ERASED):
            return 0
        with self._writing() as (connection, now):
            connection.execute(statements.DELETE_FORGOTTEN, {"before": now - 10 * _FORGOTTEN_S})
            for row in connection.execute(statements.SPENDING_OF, {"name": user}).all():
                self._add(connection, [("user", ERASED)], row.day, spent=row.spent, held=row.held)
            connection.execute(statements.DELETE_SPENDING_OF, {"name": user})
            return connection.execute(statements.RENAME_CHARGES, {"name": user, "erased": ERASED}).rowcount

    # What calls were like

    def input_ratio(self, model: str) -> float:
        """The most that an input of this model was longer than its estimate: at least 1.

        Multiply an estimate by it before asking for the most that a call can cost.
        """
        with self._database.reading() as connection:
            found = connection.execute(statements.INPUT_RATIO, {"model": model}).scalar()
        return max(1.0, found or 0.0)

    def _usual(self, connection: Connection, claimed: Claimed) -> float:
        kind = {"model": claimed.model, "purpose": claimed.purpose}
        found = connection.execute(statements.SIZES, kind).one_or_none()
        return found.output_tokens if found else 0.0

    def _learn(self, connection: Connection, row: Row[Any], usage: TokenUsage) -> None:
        kind = {"model": row.model, "purpose": row.purpose}
        known = connection.execute(statements.SIZES, kind).one_or_none()
        # A reply that was cut off would have been longer.
        length = usage.output_tokens * (2 if usage.output_tokens >= row.granted_output_tokens else 1)
        ratio = usage.input_tokens / row.expected_input_tokens if row.expected_input_tokens > 0 else 0.0
        sizes = {
            "output_tokens": max(length, _FADING * known.output_tokens if known else 0.0),
            "input_ratio": max(ratio, known.input_ratio if known else 0.0),
        }
        connection.execute(statements.set_sizes(is_sqlite=self._database.is_sqlite), kind | sizes)

    # The database

    def _start(
        self,
        function: Callable[_Parameters, _Result],
        *args: _Parameters.args,
        **kwargs: _Parameters.kwargs,
    ) -> asyncio.Future[_Result]:
        return asyncio.get_running_loop().run_in_executor(self._thread, partial(function, *args, **kwargs))

    async def _to_the_end(
        self,
        function: Callable[_Parameters, _Result],
        *args: _Parameters.args,
        **kwargs: _Parameters.kwargs,
    ) -> _Result:
        """What the function returns, run in the thread; it is run even where this task is cancelled."""
        work = self._start(function, *args, **kwargs)
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            await asyncio.wait([work])
            raise

    @contextmanager
    def _writing(self) -> Generator[tuple[Connection, float]]:
        """A transaction that excludes every other one, and the time in it."""
        with self._database.writing() as connection:
            if self._database.is_sqlite:
                now = time.time()
            else:
                now = float(connection.execute(statements.LOCK_AND_TIME).scalar_one())
            yield connection, self._clock() if self._clock else now

    def _add(
        self, connection: Connection, accounts: Iterable[Account], day: int, *, spent: int, held: int
    ) -> None:
        if not spent and not held:
            return
        connection.execute(
            statements.add_spending(is_sqlite=self._database.is_sqlite),
            [{"of": of, "name": name, "day": day, "spent": spent, "held": held} for of, name in accounts],
        )


def _sums(connection: Connection, budget: Budget) -> tuple[int, int]:
    """Spent and held in the time of a budget."""
    of, name = budget.account
    row = connection.execute(
        statements.SUMS,
        {"of": of, "name": name, "first_day": budget.first_day, "last_day": budget.last_day},
    ).one()
    return int(row.spent), int(row.held)


def _charge(connection: Connection, id_: str) -> Row[Any] | None:
    return connection.execute(statements.CHARGE, {"which": id_}).one_or_none()


def _holding(row: Row[Any]) -> int:
    """What a charge holds at present."""
    return row.held if row.state == "held" else 0


def _accounts(row: Row[Any]) -> tuple[Account, ...]:
    return (
        ("total", ""),
        ("request", row.request),
        ("session", row.session),
        ("user", row.user),
        ("key", row.key),
        ("team", row.team),
        ("model", row.model),
    )


def _tokens(usage: TokenUsage) -> dict[str, int]:
    return {
        "input_tokens": _countable(usage.input_tokens),
        "output_tokens": _countable(usage.output_tokens),
        "cache_read_tokens": _countable(usage.cache_read_tokens),
        "cache_write_tokens": _countable(usage.cache_write_tokens),
        "reasoning_tokens": _countable(usage.reasoning_tokens),
    }


def _countable(tokens: int) -> int:
    """A number that a provider may have made up, within what the database can add up."""
    return min(max(0, tokens), _MOST_TOKENS)


def _exceeded(found: Refused | Ticket) -> BudgetExceeded:
    budget, short = found.short.budget, found.short
    if isinstance(found, Refused):
        value = short.spent + found.amount
        hint = "ask for a shorter reply, raise the budget in settings.toml, or wait for the next day or month"
    else:
        value = short.spent + short.held + found.amount
        hint = "ask again when the calls that are under way have ended"
    return BudgetExceeded(budget.title, dollars(value), dollars(budget.most), next_step=hint)
