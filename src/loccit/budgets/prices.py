"""What does a call cost? The operator's own prices, then those that come with genai-prices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from loccit.budgets.options import BudgetOptions
from loccit.budgets.price_file import read_prices
from loccit.budgets.rates import FREE, Rate, Rates
from loccit.core.calls import TokenUsage
from loccit.core.errors import PriceUnknown

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice, TieredPrices

STANDARD = "standard"

# Prices of other things than text: images, sound, searches by the provider. We send text and no such tools.
_BESIDE_TEXT = ("audio", "image", "video", "document", "searches")
_TOKENS = frozenset(
    "input_mtok output_mtok cache_read_mtok cache_write_mtok output_reasoning_mtok requests_kcount "
    # Of tokens that are kept for an hour; ours are kept for the standard five minutes.
    "cache_write_1h_mtok".split()
)


class PriceList:
    """The price of every model that has one.

    Models are named as in the settings, "PROVIDER:MODEL". The operator's file stands first: the model, then
    "PROVIDER:*". Then come the prices that genai-prices was published with; they are never fetched. All
    amounts are exact. Threads may share it.
    """

    def __init__(
        self,
        overrides: Mapping[str, Mapping[str, Rates]] | None = None,
        *,
        allow_unknown: bool = False,
        providers: Mapping[str, str] | None = None,
    ) -> None:
        """`overrides` as `read_prices` gives them; `providers` says whose prices those of another name have.

        With `allow_unknown` a model that nobody knows costs nothing; `is_known` tells.
        """
        self._overrides = dict(overrides or {})
        self._allow_unknown = allow_unknown
        self._providers = dict(providers or {})
        # Kept by second: a reservation asks many times for one call, and prices change at whole minutes.
        self._known = lru_cache(maxsize=512)(self._find)

    @classmethod
    def load(
        cls, options: BudgetOptions, home: Path, *, providers: Mapping[str, str] | None = None
    ) -> PriceList:
        """The list that the settings of a home folder describe. Raises SettingsError for a file of prices."""
        overrides = read_prices(home / options.prices) if options.prices else None
        return cls(overrides, allow_unknown=options.allow_unknown_prices, providers=providers)

    def price(
        self, model: str, usage: TokenUsage, *, service: str = STANDARD, at: datetime | None = None
    ) -> Decimal:
        """USD for this usage, at this time (now). Raises PriceUnknown."""
        rates = self.rates(model, service=service, at=at)
        self._check_output(model, rates, max(usage.output_tokens, usage.reasoning_tokens))
        return rates.cost(usage)

    def bound(
        self,
        model: str,
        input_tokens: int,
        output_tokens: int,
        *,
        service: str = STANDARD,
        at: datetime | None = None,
    ) -> Decimal:
        """The most USD that a call with at most so many tokens can cost if it is made within a day.

        Whatever part of it is read from or written to a cache or spent on reasoning, and whatever price
        begins to hold meanwhile. Raises PriceUnknown.
        """
        found = [self.rates(model, service=service, at=one) for one in self._moments(model, _utc(at))]
        for rates in found:
            self._check_output(model, rates, output_tokens)
        return max(rates.bound(input_tokens, output_tokens) for rates in found)

    def rates(self, model: str, *, service: str = STANDARD, at: datetime | None = None) -> Rates:
        """The rates of a model, at this time (now). Raises PriceUnknown."""
        found = self._known(model, service, _utc(at).replace(microsecond=0))
        if found is not None:
            return found
        if self._allow_unknown:
            return FREE
        of = "" if service == STANDARD else f" as {service!r}"
        raise PriceUnknown(
            f"nobody knows what a call of {model!r} costs{of}",
            next_step="state it in the file that [budgets] prices names, or set allow_unknown_prices = true",
        )

    def is_known(self, model: str, *, service: str = STANDARD, at: datetime | None = None) -> bool:
        """Whether somebody states what it costs; else it is refused, or free where that is allowed."""
        return self._known(model, service, _utc(at).replace(microsecond=0)) is not None

    def _check_output(self, model: str, rates: Rates, output_tokens: int) -> None:
        if rates.output is None and output_tokens > 0 and not self._allow_unknown:
            raise PriceUnknown(
                f"{model!r} has a price for what it reads and none for what it writes",
                next_step="state 'output' in the file that [budgets] prices names",
            )

    def _find(self, model: str, service: str, at: datetime) -> Rates | None:
        provider = model.partition(":")[0]
        for name in (model, f"{provider}:*"):
            if name in self._overrides:
                return self._overrides[name].get(service)
        found = self._published(model)
        return None if found is None else _published_rates(*found, service, at)

    def _published(self, model: str) -> tuple[ModelInfo, bool] | None:
        """The model as genai-prices has it, and whether it is the provider's own; None where it has none."""
        from genai_prices.data_snapshot import get_snapshot

        provider, _, name = model.partition(":")
        provider = self._providers.get(provider, provider)
        snapshot = get_snapshot()
        # By its exact name only: genai-prices would also take "my-openai-gateway" for OpenAI.
        known = next((one for one in snapshot.providers if one.id == provider), None)
        if known is None or not name:
            return None
        found = known.find_model(name, all_providers=snapshot.providers)
        return None if found is None else (found, any(found is one for one in known.models))

    def _moments(self, model: str, at: datetime) -> list[datetime]:
        """Now, and each time within a day at which the published price may change."""
        if any(name in self._overrides for name in (model, f"{model.partition(':')[0]}:*")):
            return [at]
        found = self._published(model)
        return [at] if found is None else [at, *_changes(found[0], at)]


def _utc(at: datetime | None) -> datetime:
    return datetime.now(UTC) if at is None else at.astimezone(UTC)


def _changes(model: ModelInfo, at: datetime) -> list[datetime]:
    """The times within the next day at which a price of the model may change."""
    from genai_prices.types import StartDateConstraint, TimeOfDateConstraint

    prices = model.prices if isinstance(model.prices, list) else []
    constraints = [one.constraint for one in (*prices, *(model.price_variants or ()))]
    tomorrow = datetime.combine(at.date() + timedelta(days=1), time(), UTC)
    found: list[datetime] = []
    for constraint in constraints:
        if isinstance(constraint, StartDateConstraint) and constraint.start_date == tomorrow.date():
            found.append(tomorrow)
        elif isinstance(constraint, TimeOfDateConstraint):
            for clock in (constraint.start_time, constraint.end_time):
                turn = datetime.combine(at.date(), clock.replace(tzinfo=clock.tzinfo or UTC))
                turn = turn.astimezone(UTC)
                found += [moment for days in (0, 1) if (moment := turn + timedelta(days=days)) > at]
    return found


def _published_rates(model: ModelInfo, is_own: bool, service: str, at: datetime) -> Rates | None:
    """The rates of a service; None where genai-prices states none, or more than tokens can tell."""
    if service == STANDARD:
        return _rates(model.get_prices(at))
    context = {"processing": "batch"} if service == "batch" else {"service_tier": service, "speed": service}
    for variant in model.price_variants or ():
        is_on = variant.constraint is None or variant.constraint.active(at)
        if is_own and is_on and all(context.get(key) == value for key, value in variant.when.items()):
            return _rates(model.get_prices(at, context))
    return None


def _rates(prices: ModelPrice) -> Rates | None:
    """None for a model that is not priced by tokens, or by tokens of a kind that replies do not tell."""
    stated = {key for key, value in vars(prices).items() if value is not None}
    if any(key not in _TOKENS and not any(part in key for part in _BESIDE_TEXT) for key in stated):
        return None
    if prices.input_mtok is None:
        return None
    input_rate = _rate(prices.input_mtok)
    requests = prices.requests_kcount
    rates = Rates(
        input=input_rate,
        output=None if prices.output_mtok is None else _rate(prices.output_mtok),
        cache_read=None if prices.cache_read_mtok is None else _rate(prices.cache_read_mtok),
        cache_write=None if prices.cache_write_mtok is None else _rate(prices.cache_write_mtok),
        reasoning=None if prices.output_reasoning_mtok is None else _rate(prices.output_reasoning_mtok),
    )
    return rates if requests is None else replace(rates, request=_rate(requests).base.scaleb(-3))


def _rate(price: Decimal | TieredPrices) -> Rate:
    if isinstance(price, Decimal):
        return Rate(price)
    return Rate(price.base, tuple((tier.start, tier.price) for tier in price.tiers))
