"""What a call costs, by whom it is known, and what happens where nobody knows."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from decimal import Context, Decimal, localcontext
from pathlib import Path

import pytest
from genai_prices import Usage
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ModelPrice

from loccit.budgets import BudgetOptions, open_prices
from loccit.budgets.price_file import read_prices
from loccit.budgets.prices import PriceList
from loccit.budgets.rates import FREE
from loccit.core.calls import TokenUsage
from loccit.core.errors import PriceUnknown, SettingsError

AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
MILLION = TokenUsage(1_000_000, 1_000_000)
FILE = """
[models."gateway:large"]
input = 1.25
cache_read = 0.125
cache_write = "1.5625"
output = 10
reasoning = 12
request = 0.0001

[[models."gateway:large".tiers]]
above_input_tokens = 200_000
input = 2.5
output = 15

[models."gateway:large".services.batch]
multiplier = 0.5

[models."gateway:large".services.flex]
input = 1
output = 4

[models."ollama:*"]
free = true

[models."ollama:rented"]
input = 1
output = 1
"""


@pytest.fixture
def prices(tmp_path: Path) -> PriceList:
    (tmp_path / "prices.toml").write_text(FILE)
    return open_prices(BudgetOptions(prices="prices.toml"), tmp_path)


@pytest.mark.parametrize(
    ("usage", "service", "usd"),
    [
        (TokenUsage(100_000, 1_000), "standard", "0.1351"),
        (
            TokenUsage(100_000, 1_000, 40_000, 20_000, 400),
            "standard",
            "0.0500 0.0050 0.03125 0.0060 0.0048 0.0001",
        ),
        (TokenUsage(200_001, 1_000), "standard", "0.5000025 0.015 0.0001"),
        # Caches and reasoning have no price of their own in that tier: they keep the one below.
        (TokenUsage(300_000, 1_000, 100_000, 0, 1_000), "standard", "0.5 0.0125 0.012 0.0001"),
        (TokenUsage(100_000, 1_000), "batch", "0.06755"),
        (TokenUsage(100_000, 1_000, 50_000), "flex", "0.1 0.004"),
    ],
)
def test_a_file_of_prices_says_what_its_models_cost(
    prices: PriceList, usage: TokenUsage, service: str, usd: str
) -> None:
    """Tiers, caches, reasoning, the request itself, and services by a multiplier or prices of their own."""
    assert prices.price("gateway:large", usage, service=service) == sum(map(Decimal, usd.split()))


def test_a_model_of_ones_own_machine_is_free(prices: PriceList) -> None:
    """A star stands for every model of a provider that is not named itself."""
    assert prices.price("ollama:qwen3", MILLION) == 0
    assert prices.bound("ollama:qwen3", 10**6, 10**6) == 0
    assert prices.price("ollama:rented", MILLION) == 2


@pytest.mark.parametrize(
    ("model", "service"),
    [
        ("gateway:small", "standard"),
        ("gateway:large", "priority"),
        ("ollama:qwen3", "batch"),
        ("openai:gpt-99-nonesuch", "standard"),
        ("my-openai-gateway:gpt-5", "standard"),
        ("anthropic:claude-opus-4-1", "flex"),
        ("openai", "standard"),
        ("openai:", "standard"),
        ("", "standard"),
        # Priced by the hour of sound.
        ("groq:whisper-large-v3", "standard"),
    ],
)
def test_a_price_that_nobody_knows_is_refused(prices: PriceList, model: str, service: str) -> None:
    """The error names the model; where that is allowed the call is free, and the list says so."""
    assert not prices.is_known(model, service=service, at=AT)
    with pytest.raises(PriceUnknown, match="nobody knows"):
        prices.price(model, MILLION, service=service, at=AT)
    with pytest.raises(PriceUnknown):
        prices.bound(model, 1, 1, service=service, at=AT)
    lenient = PriceList(allow_unknown=True)
    if service == "standard":
        assert lenient.price(model, MILLION, at=AT) == lenient.bound(model, 9, 9, at=AT) == 0
        assert lenient.rates(model, at=AT) is FREE


def test_a_model_that_only_reads_has_no_price_for_what_it_writes() -> None:
    """Embeddings: their input is paid for, and a reply would be a surprise."""
    prices = PriceList()
    model = "openai:text-embedding-3-small"
    assert prices.price(model, TokenUsage(1_000_000), at=AT) == Decimal("0.02")
    with pytest.raises(PriceUnknown, match="none for what it writes"):
        prices.price(model, TokenUsage(1, 1), at=AT)
    with pytest.raises(PriceUnknown, match="none for what it writes"):
        prices.bound(model, 1, 1, at=AT)


def test_a_gateway_has_the_prices_of_the_provider_that_the_settings_name() -> None:
    """Its own name says nothing."""
    prices = PriceList(providers={"my-gateway": "openai"})
    assert prices.price("my-gateway:gpt-5-mini", MILLION, at=AT) == Decimal("2.25")


@pytest.mark.parametrize(("day", "usd"), [(9, 50), (10, 10)])
def test_a_price_holds_from_its_day_on(day: int, usd: int) -> None:
    """o3 became cheaper on June 10, 2025."""
    at = datetime(2025, 6, day, tzinfo=UTC)
    assert PriceList().price("openai:o3", MILLION, at=at) == usd


def test_a_bound_holds_for_a_call_that_ends_at_a_dearer_hour() -> None:
    """DeepSeek was cheaper at night: what begins at midnight may end in the morning."""
    prices, model = PriceList(), "deepseek:deepseek-chat"
    night, day = datetime(2026, 11, 1, 0, tzinfo=UTC), datetime(2026, 11, 1, 1, tzinfo=UTC)
    assert prices.price(model, MILLION, at=night) < prices.price(model, MILLION, at=day)
    assert prices.bound(model, 10**6, 10**6, at=night) == prices.price(model, MILLION, at=day)


def test_published_prices_come_to_what_their_publisher_computes() -> None:
    """A usage by chance for every model of genai-prices that is priced by tokens, against its own sum."""
    chance = random.Random(20261101)
    prices, compared = PriceList(), 0
    for provider in get_snapshot().providers:
        for model in provider.models:
            name = f"{provider.id}:{model.id}"
            if provider.find_model(model.id) is not model or not prices.is_known(name, at=AT):
                continue
            whole = chance.randrange(600_000)
            read = chance.randrange(whole + 1)
            write = chance.randrange(whole - read + 1)
            stated = model.get_prices(AT)
            output = chance.randrange(10_000) if stated.output_mtok is not None else 0
            thought = chance.randrange(output + 1)
            usage = TokenUsage(whole, output, read, write, thought)
            with localcontext(Context(prec=80)):
                theirs = model.calc_price(
                    their_usage(usage, stated), provider, genai_request_timestamp=AT
                ).total_price
            assert prices.price(name, usage, at=AT) == theirs, name
            assert prices.bound(name, whole, output, at=AT) >= theirs, name
            compared += 1
    assert compared > 1_500


def their_usage(usage: TokenUsage, stated: ModelPrice) -> Usage:
    """With zeros for everything that is not text: genai-prices wants to be told."""
    counts = {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cache_read_tokens": usage.cache_read_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        "cache_write_1h_tokens": 0,
    }
    for kind in ("audio", "image", "video"):
        counts |= {f"input_{kind}_tokens": 0, f"output_{kind}_tokens": 0}
    counts |= {"cache_audio_read_tokens": 0, "cache_image_read_tokens": 0}
    if stated.output_reasoning_mtok is not None:
        counts["output_reasoning_tokens"] = usage.reasoning_tokens
    return Usage(**counts)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("x", "not TOML"),
        ("[modles]", "modles: {}: "),
        ('[models."a:b"]\ninput = -1\noutput = 1', "models.a:b.input: -1 is not from 0"),
        ('[models."a:b"]\ninput = nan', "finite"),
        ('[models."a:b"]\ninput = true', "models.a:b.input"),
        ('[models."a:b"]\noutput = 1', "has no price 'input'"),
        ('[models."a:b"]\ninput = 1\noutputs = 1', "models.a:b.outputs"),
        ("[models.b]\ninput = 1", "PROVIDER:MODEL"),
        ('[models."a:b"]\nfree = true\ninput = 1', "free model has no prices"),
        ('[models."a:b"]\ninput = 1\n[models."a:b".services.standard]\nmultiplier = 1', "standard ones"),
        ('[models."a:b"]\ninput = 1\n[models."a:b".services.x]\nmultiplier = 1\ninput = 1', "not both"),
        (
            '[models."a:b"]\ninput = 1\n[models."a:b".services.x]\nmultiplier = -1',
            "services.x.multiplier: -1",
        ),
        ('[models."a:b"]\ninput = 1\n[[models."a:b".tiers]]\ninput = 2', "rising sizes"),
        (
            '[models."a:b"]\ninput = 1\n[[models."a:b".tiers]]\nabove_input_tokens = 9\noutput = 2',
            "'output', which the model has not",
        ),
    ],
)
def test_a_file_that_is_no_file_of_prices_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    """The error names the file and the place in it."""
    path = tmp_path / "prices.toml"
    path.write_text(text)
    with pytest.raises(SettingsError) as told:
        read_prices(path)
    assert str(path) in str(told.value)
    assert complaint in str(told.value)


def test_a_file_of_prices_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """Not as if there were none."""
    with pytest.raises(SettingsError, match="cannot read"):
        open_prices(BudgetOptions(prices="none.toml"), tmp_path)
