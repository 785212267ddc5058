"""The file in which an operator states prices: TOML, one table per model, before those that loccit knows."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

from loccit.budgets.rates import FREE, Rate, Rates
from loccit.core.errors import SettingsError

_MOST = Decimal(1_000_000)
_FORBID_OTHERS: dict[str, Any] = {"extra": "forbid"}


@dataclass(frozen=True, slots=True)
class TokenPrices:
    """USD per million tokens; what is missing costs as much as what it is a part of."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _FORBID_OTHERS

    input: Decimal | None = None
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None
    output: Decimal | None = None
    reasoning: Decimal | None = None


@dataclass(frozen=True, slots=True)
class PriceTier(TokenPrices):
    """The prices of calls whose input has more than `above_input_tokens` tokens, of all their tokens.

    What is missing costs as in the tier below.
    """

    above_input_tokens: int = 0


@dataclass(frozen=True, slots=True)
class ServicePrices(TokenPrices):
    """The prices of a service ("batch", "flex"): those of the model times `multiplier`, or its own ones."""

    multiplier: Decimal | None = None
    request: Decimal | None = None
    tiers: tuple[PriceTier, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelPrices(TokenPrices):
    """The prices of a model. `request` is USD for each call. A free model, your own, has none."""

    free: bool = False
    request: Decimal | None = None
    tiers: tuple[PriceTier, ...] = ()
    services: Mapping[str, ServicePrices] = field(default_factory=dict[str, ServicePrices])


@dataclass(frozen=True, slots=True)
class _PriceFile:
    __pydantic_config__: ClassVar[dict[str, Any]] = _FORBID_OTHERS

    models: dict[str, ModelPrices] = field(default_factory=dict[str, ModelPrices])


def read_prices(path: Path) -> dict[str, dict[str, Rates]]:
    """The rates of a file: by model ("PROVIDER:MODEL" or "PROVIDER:*"), then by service.

    Raises SettingsError, which names the place, for what is no file of prices.
    """
    from pydantic import TypeAdapter, ValidationError

    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"[budgets] prices: cannot read {str(path)!r}: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"[budgets] prices: {str(path)!r} is not TOML: {error}") from error
    try:
        # As JSON, because pydantic is strict about types there and still takes a list for a tuple.
        parsed = TypeAdapter(_PriceFile).validate_json(json.dumps(document, default=str), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise _refused(path, where, f"{first['input']!r}: {first['msg']}") from error
    return {model: _services(path, model, prices) for model, prices in parsed.models.items()}


def _services(path: Path, model: str, prices: ModelPrices) -> dict[str, Rates]:
    """The rates of a model by service. Raises SettingsError."""
    where = f"models.{model}"
    if ":" not in model:
        raise _refused(path, where, "models are named PROVIDER:MODEL")
    if prices.free:
        if prices != ModelPrices(free=True):
            raise _refused(path, where, "a free model has no prices")
        return {"standard": FREE}
    standard = _rates(path, where, prices)
    services = {"standard": standard}
    for name, service in prices.services.items():
        at = f"{where}.services.{name}"
        if name == "standard":
            raise _refused(path, at, "the prices of the model itself are the standard ones")
        if service.multiplier is None:
            services[name] = _rates(path, at, service)
        elif service != ServicePrices(multiplier=service.multiplier):
            raise _refused(path, at, "it has a multiplier or prices of its own, not both")
        else:
            services[name] = standard.times(_checked(path, f"{at}.multiplier", service.multiplier))
    return services


def _rates(path: Path, where: str, prices: ModelPrices | ServicePrices) -> Rates:
    if prices.input is None:
        raise _refused(path, where, "it has no price 'input'")
    sizes = [tier.above_input_tokens for tier in prices.tiers]
    if sizes != sorted(set(sizes)) or any(size < 1 for size in sizes):
        raise _refused(path, f"{where}.tiers", "they begin at rising sizes of at least 1")

    def rate(name: str, take: Callable[[TokenPrices], Decimal | None]) -> Rate | None:
        base = take(prices)
        tiers: list[tuple[int, Decimal]] = []
        for tier in prices.tiers:
            price = take(tier)
            if price is not None:
                tiers.append((tier.above_input_tokens, _checked(path, f"{where}.tiers.{name}", price)))
        if base is None and tiers:
            raise _refused(path, f"{where}.tiers", f"they have a price {name!r}, which the model has not")
        return None if base is None else Rate(_checked(path, f"{where}.{name}", base), tuple(tiers))

    standard_input = rate("input", lambda p: p.input)
    assert standard_input is not None  # noqa: S101 - checked above
    return Rates(
        input=standard_input,
        output=rate("output", lambda p: p.output),
        cache_read=rate("cache_read", lambda p: p.cache_read),
        cache_write=rate("cache_write", lambda p: p.cache_write),
        reasoning=rate("reasoning", lambda p: p.reasoning),
        request=_checked(path, f"{where}.request", prices.request or Decimal(0)),
    )


def _checked(path: Path, where: str, price: Decimal) -> Decimal:
    if not 0 <= price <= _MOST:
        raise _refused(path, where, f"{price!s} is not from 0 to {_MOST:,}")
    return price


def _refused(path: Path, where: str, why: str) -> SettingsError:
    return SettingsError(
        f"[budgets] prices: {str(path)!r}: {where}: {why}", next_step="see docs/reference/settings.md"
    )
