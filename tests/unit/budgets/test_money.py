"""Dollars become picodollars and come back; rates are exact and bounds are bounds."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loccit.budgets.money import dollars, picodollars
from loccit.budgets.rates import Rate, Rates
from loccit.core.calls import TokenUsage

PRICES = st.decimals(0, 1000, places=6) | st.decimals(0, 1, places=18)
RATES_OF_ONE = st.builds(
    lambda base, tiers: Rate(base, tuple(sorted(dict(tiers).items()))),
    PRICES,
    st.lists(st.tuples(st.integers(1, 400_000), PRICES), max_size=3),
)
RATES = st.builds(
    Rates,
    input=RATES_OF_ONE,
    output=st.none() | RATES_OF_ONE,
    cache_read=st.none() | RATES_OF_ONE,
    cache_write=st.none() | RATES_OF_ONE,
    reasoning=st.none() | RATES_OF_ONE,
    request=PRICES,
)


@st.composite
def usages(draw: st.DrawFn) -> TokenUsage:
    """A usage as a provider should report it."""
    whole = draw(st.integers(0, 500_000))
    read = draw(st.integers(0, whole))
    output = draw(st.integers(0, 100_000))
    return TokenUsage(whole, output, read, draw(st.integers(0, whole - read)), draw(st.integers(0, output)))


@given(st.integers(0, 10**18))
def test_an_amount_comes_back_as_it_was(amount: int) -> None:
    """Every number of picodollars is a number of dollars, exactly."""
    assert picodollars(dollars(amount)) == amount


@given(st.decimals(0, 1_000_000, allow_nan=False, allow_infinity=False))
def test_an_amount_is_never_rounded_down(usd: Decimal) -> None:
    """It is the next picodollar that is not below it."""
    kept = Fraction(dollars(picodollars(usd)))
    assert 0 <= kept - Fraction(usd) < Fraction(1, 10**12)


@pytest.mark.parametrize("usd", ["-0.01", "NaN", "-Infinity"])
def test_what_is_no_amount_is_refused(usd: str) -> None:
    """Nobody is paid for a call."""
    with pytest.raises(ValueError, match="no amount"):
        picodollars(Decimal(usd))


def test_an_amount_beyond_all_measure_is_the_largest_that_is_counted() -> None:
    """A provider may report any number of tokens."""
    assert picodollars(Decimal("1e30")) == picodollars(Decimal("Infinity")) == 10**18


def exact(rate: Rate, input_tokens: int) -> Fraction:
    """The price of a rate, by its definition."""
    price = rate.base
    for above, tier in rate.tiers:
        if input_tokens > above:
            price = tier
    return Fraction(price)


@given(RATES, usages())
def test_a_price_is_the_sum_of_its_parts_without_a_rounding(rates: Rates, usage: TokenUsage) -> None:
    """The same sum in fractions."""
    whole = usage.input_tokens
    plain = whole - usage.cache_read_tokens - usage.cache_write_tokens
    output = rates.output or Rate(Decimal(0))
    total = (
        plain * exact(rates.input, whole)
        + usage.cache_read_tokens * exact(rates.cache_read or rates.input, whole)
        + usage.cache_write_tokens * exact(rates.cache_write or rates.input, whole)
        + (usage.output_tokens - usage.reasoning_tokens) * exact(output, whole)
        + usage.reasoning_tokens * exact(rates.reasoning or output, whole)
    )
    assert Fraction(rates.cost(usage)) == total / 10**6 + Fraction(rates.request)


@given(RATES, usages(), st.integers(0, 100_000), st.integers(0, 100_000))
def test_no_call_costs_more_than_its_bound(rates: Rates, usage: TokenUsage, more: int, longer: int) -> None:
    """Whatever is cached or thought, and however much shorter it is than what was allowed."""
    bound = rates.bound(usage.input_tokens + more, usage.output_tokens + longer)
    assert rates.cost(usage) <= bound


@given(RATES, usages(), st.sampled_from(["0.5", "2", "0"]))
def test_a_multiplier_multiplies_the_whole_price(rates: Rates, usage: TokenUsage, factor: str) -> None:
    """Tiers, caches and the price of the request too."""
    assert rates.times(Decimal(factor)).cost(usage) == rates.cost(usage) * Decimal(factor)


@pytest.mark.parametrize(("tokens", "usd"), [(200_000, "0.25"), (200_001, "0.5000025")])
def test_a_tier_begins_above_its_size_and_holds_for_all_tokens(tokens: int, usd: str) -> None:
    """At the size itself the lower price holds still."""
    rates = Rates(input=Rate(Decimal("1.25"), ((200_000, Decimal("2.5")),)), output=None)
    assert rates.cost(TokenUsage(tokens)) == Decimal(usd)


def test_parts_that_exceed_their_whole_are_charged() -> None:
    """Some servers count what is cached beside the input, and some report nonsense: never for less."""
    rates = Rates(
        input=Rate(Decimal(10)),
        output=Rate(Decimal(20)),
        cache_read=Rate(Decimal(1)),
        reasoning=Rate(Decimal(30)),
    )
    assert rates.cost(TokenUsage(0, 0, 1_000_000)) == Decimal(1)
    assert rates.cost(TokenUsage(0, 0, 0, 0, 1_000_000)) == Decimal(30)
    assert rates.cost(TokenUsage(-5, -5, -5, -5, -5)) == Decimal(0)
