"""Which budgets a call is counted in, and whether they have room for it."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import get_args

from loccit.budgets.money import picodollars
from loccit.budgets.options import BudgetLimit, Of, Per
from loccit.core.calls import Payer
from loccit.core.errors import InputError

_EPOCH = date(1970, 1, 1).toordinal()
_LONGEST_NAME = 200
# Where the room is so many times what a call may cost, one of unknown length gets all that it may have.
_PLENTY = 8
# Elsewhere it gets so many times the longest reply of its kind.
_HEADROOM = 1.25

Account = tuple[Of, str]
"""What sums are kept by: the kind of payer, and which one."""


def day_of(seconds: float) -> int:
    """The UTC day of a time, counted from the epoch."""
    return date_of_seconds(seconds).toordinal() - _EPOCH


def date_of_seconds(seconds: float) -> date:
    """The UTC date of a time."""
    return datetime.fromtimestamp(seconds, UTC).date()


def date_of(day: int) -> date:
    """The date of a day that is counted from the epoch."""
    return date.fromordinal(day + _EPOCH)


def number_of(day: date) -> int:
    """The days from the epoch to a date."""
    return day.toordinal() - _EPOCH


def accounts_of(payer: Payer, model: str) -> tuple[Account, ...]:
    """Every account that a call is counted in. Raises InputError for a name that is too long to be kept."""
    found: tuple[Account, ...] = (
        ("total", ""),
        ("request", payer.request),
        ("session", payer.session),
        ("user", payer.user),
        ("key", payer.key),
        ("team", payer.team),
        ("model", model),
    )
    for of, name in found:
        if len(name) > _LONGEST_NAME:
            raise InputError(
                f"the name of the {of} {name[:20]!r}… has {len(name):,} characters",
                next_step=f"a name that is paid for has at most {_LONGEST_NAME}",
            )
    return found


@dataclass(frozen=True, slots=True)
class Budget:
    """A limit as it holds for one account now: what may be spent from the first to the last day, both in it.

    Days are counted from the epoch, `most` is in picodollars.
    """

    account: Account
    title: str
    first_day: int
    last_day: int
    most: int

    @classmethod
    def of_limit(cls, limit: BudgetLimit, name: str, day: int) -> Budget:
        """The budget of this name on this day."""
        first, last = _period(limit, day)
        return cls((limit.of, name), _title(limit.of, name, limit.per), first, last, picodollars(limit.usd))


def titles_of(of: Of, name: str) -> frozenset[str]:
    """What budgets of this one may be called, whatever their time."""
    return frozenset(_title(of, name, per) for per in get_args(Per))


def _title(of: Of, name: str, per: Per) -> str:
    whose = of if of == "total" else f"{of} {name or '(not known)'}"
    return f"{whose} per {per}" if per != "ever" else f"{whose} ever"


def limits_for(limits: Sequence[BudgetLimit], payer: Payer) -> Sequence[BudgetLimit]:
    """The limits that bound a payer: those of the settings, then those of their key and their request."""
    own: list[BudgetLimit] = []
    if payer.key_usd is not None:
        own.append(BudgetLimit("key", payer.key_usd, name=payer.key, per="month"))
    if payer.request_usd is not None:
        own.append(BudgetLimit("request", payer.request_usd, name=payer.request, per="ever"))
    return (*limits, *own)


def budgets_for(limits: Iterable[BudgetLimit], accounts: Iterable[Account], day: int) -> list[Budget]:
    """The budgets that bound a call which is counted in these accounts, in the order of the limits."""
    names = dict(accounts)
    return [
        Budget.of_limit(limit, names[limit.of], day)
        for limit in limits
        if not limit.name or limit.name == names[limit.of]
    ]


def _period(limit: BudgetLimit, day: int) -> tuple[int, int]:
    if limit.per == "day":
        return day, day
    if limit.per == "month":
        today = date_of(day)
        first = number_of(today.replace(day=1))
        return first, first + monthrange(today.year, today.month)[1] - 1
    return 0, number_of(date.max)


@dataclass(frozen=True, slots=True)
class Standing:
    """A budget with what is spent, what reservations hold, and what those that came before wait for."""

    budget: Budget
    spent: int
    held: int
    ahead: int = 0

    @property
    def room(self) -> int:
        """What may still be reserved; negative where more is wanted than there is."""
        return self.budget.most - self.spent - self.held - self.ahead

    @property
    def is_shared(self) -> bool:
        """Whether others hold or want money of it."""
        return self.held > 0 or self.ahead > 0

    @property
    def ceiling(self) -> int:
        """What could be reserved if everything that is held or waited for came to nothing."""
        return self.budget.most - self.spent


@dataclass(frozen=True, slots=True)
class Wish:
    """A call that wants to be paid for.

    `amount` is the most picodollars that it costs with so many output tokens. It wants `most` of them, and is
    of no use with fewer than `least`; the two are the same where the caller named a number. `usual` is the
    longest reply of its kind so far, 0 where nothing is known.
    """

    amount: Callable[[int], int]
    least: int
    most: int
    usual: float = 0.0


@dataclass(frozen=True, slots=True)
class Granted:
    """It may be made, with so many output tokens, and holds so many picodollars."""

    output_tokens: int
    amount: int


@dataclass(frozen=True, slots=True)
class Later:
    """There is no room for so many picodollars, and there may be."""

    short: Standing
    amount: int


@dataclass(frozen=True, slots=True)
class Refused:
    """Whatever is settled, this budget cannot pay so many picodollars."""

    short: Standing
    amount: int


def decide(wish: Wish, standings: Sequence[Standing], *, is_patient: bool) -> Granted | Later | Refused:
    """Whether a call may be made now, with how long a reply.

    A call of unknown length gets all that it may have where there is plenty, elsewhere what replies of its
    kind need; where that is not known yet, only one at a time is made. While it is patient it rather waits
    than takes less, where settlements may make room: a reply that is cut off is money for nothing.
    """
    least = wish.amount(wish.least)
    for standing in standings:
        if least > standing.ceiling:
            return Refused(standing, least)
    if not standings:
        return Granted(wish.most, wish.amount(wish.most))
    tightest = min(standings, key=lambda standing: standing.room)
    ceiling = min(standing.ceiling for standing in standings)
    wanted = _wanted(wish, tightest.room)
    tokens = _affordable(wish, wanted, ceiling)
    amount = wish.amount(tokens)
    if is_patient and wanted is None and tightest.is_shared:
        return Later(tightest, amount)
    if amount <= tightest.room:
        return Granted(tokens, amount)
    if is_patient or least > tightest.room:
        return Later(tightest, amount)
    tokens = _affordable(wish, tokens, tightest.room)
    return Granted(tokens, wish.amount(tokens))


def _wanted(wish: Wish, room: int) -> int | None:
    """How long a reply is asked for; None where money is short and nobody knows how long it will be."""
    if wish.least == wish.most or wish.amount(wish.most) * _PLENTY <= room:
        return wish.most
    if not wish.usual:
        return None
    return min(wish.most, max(wish.least, int(wish.usual * _HEADROOM)))


def _affordable(wish: Wish, wanted: int | None, room: int) -> int:
    """The longest reply of what is wanted that the room can pay; it can pay the shortest."""
    most = wish.most if wanted is None else wanted
    if wish.amount(most) <= room:
        return most
    low, high = wish.least, most - 1
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if wish.amount(middle) <= room else (low, middle - 1)
    return low
