"""What an operator may choose about money."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar, Literal

from loccit.core.errors import SettingsError

Of = Literal["total", "request", "session", "user", "key", "team", "model"]
Per = Literal["day", "month", "ever"]

# Above it 64 bits could not hold a sum of picodollars.
_MOST_USD = 1_000_000


@dataclass(frozen=True, slots=True)
class BudgetLimit:
    """So much may be spent by whom in which time.

    `of` is what the budget is kept by, `name` the one that it is for; empty: each one separately, and those
    of no name together. `per` is a day or a month in UTC, or the whole life of the ledger.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    of: Of
    usd: Decimal
    name: str = ""
    per: Per = "ever"

    def __post_init__(self) -> None:
        if not self.usd.is_finite() or not 0 <= self.usd <= _MOST_USD:
            raise SettingsError(
                f"a budget of {self.of!r} is {self.usd!s} USD, expected 0 to {_MOST_USD:,}",
                next_step="write usd as a number of dollars: usd = 5.00",
            )
        if self.of == "total" and self.name:
            raise SettingsError(
                f"a budget of 'total' has the name {self.name!r}",
                next_step="leave the name out, or write of = 'team'",
            )


@dataclass(frozen=True, slots=True)
class BudgetOptions:
    """How money is bounded.

    Without `limits` nothing is refused, and everything is counted. `prices` is a TOML file whose prices stand
    before those that loccit knows, relative to the home folder; empty: none. A model without a price is
    refused unless `allow_unknown_prices`: it then counts as free.

    A reservation that hears nothing for `reservation_s` is settled at what it held. A caller that does not
    say how long a reply may be gets at most `most_output_tokens`, and where money is short never fewer than
    `least_output_tokens`: a shorter reply is of no use. Runs whose estimate is above `estimate_over_usd` say
    so before they begin.
    """

    limits: tuple[BudgetLimit, ...] = ()
    prices: str = ""
    allow_unknown_prices: bool = False
    reservation_s: float = 120.0
    least_output_tokens: int = 512
    most_output_tokens: int = 8192
    estimate_over_usd: float = 1.0

    def __post_init__(self) -> None:
        if not 1 <= self.reservation_s <= 86_400:
            raise SettingsError(
                f"reservation_s is {self.reservation_s!r}, expected 1 to 86400",
                next_step="choose a little more than the longest silence of a provider",
            )
        if not 1 <= self.least_output_tokens <= self.most_output_tokens:
            raise SettingsError(
                f"least_output_tokens is {self.least_output_tokens!r}, expected 1 to most_output_tokens "
                f"({self.most_output_tokens})",
                next_step="lower least_output_tokens or raise most_output_tokens",
            )
        if not self.estimate_over_usd >= 0:
            raise SettingsError(
                f"estimate_over_usd is {self.estimate_over_usd!r}, expected 0 or more",
                next_step="write 0 to be told of every run",
            )
