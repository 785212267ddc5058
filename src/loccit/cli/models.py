"""`loccit models`: which models are configured, what they cost, and whether they answer."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any
from uuid import uuid4

import typer

from loccit.cli.help_pages import Command
from loccit.cli.options import Json

if TYPE_CHECKING:
    from loccit.budgets.prices import PriceList
    from loccit.core.calls import ModelReply
    from loccit.models.configured import ConfiguredModel, Models
    from loccit.wiring import System

app = typer.Typer(
    name="models",
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="See which models are configured, what they cost, and test them.",
)

_MILLION = 1_000_000
_TEST_TOKENS = 16
_TEST_S = 60.0


@app.callback()
def models(context: typer.Context, *, json: Json = False) -> None:
    """List what is configured: for what, at which price, and where the key comes from.

    Prices are US dollars per million tokens read and written, or "unknown": such a model is refused unless
    [budgets] allows it. Keys are never shown.
    """
    if context.invoked_subcommand is not None:
        return
    from loccit.cli.output import emit, note

    system = _system()
    found = system.models().listed()
    if json:
        prices = system.prices() if found else None
        documents = [_document(one, prices) for one in found]
        emit({"format": "loccit-models/1", "models": documents})
        return
    if not found:
        note("no model is configured, so answers are quotations; name one: [models] in settings.toml")
        return
    prices = system.prices()
    for one in found:
        _show(one, prices)


@app.command("test", cls=Command)
def try_out(
    name: Annotated[
        str | None,
        typer.Argument(metavar="MODEL", help="PROVIDER:MODEL. [default: every model that writes]"),
    ] = None,
    *,
    json: Json = False,
) -> None:
    """Make one tiny call to a model, and say how long it took and what it cost.

    Exits with 8 when a model does not answer.
    """
    from loccit.cli.exit_codes import ExitCode
    from loccit.cli.output import Style, emit, note, one_line, say_styled

    system = _system()
    parts = system.models()
    writing = [one.name for one in parts.listed() if one.role not in {"embedding", "rerank"}]
    names = [name] if name else list(dict.fromkeys(writing))
    if not names:
        note("no model is configured; name one: [models] in settings.toml")
        raise typer.Exit(ExitCode.MODEL)
    tests = asyncio.run(_try_all(parts, names))
    if json:
        emit({"format": "loccit-model-tests/1", "tests": [one.document() for one in tests]})
    else:
        style = Style()
        for one in tests:
            mark = style("FAIL", "red") if one.error else style("ok  ", "green")
            took = f"{one.took_s:.2f} s, ${_plain(one.cost_usd)}"
            say_styled(f"{mark} {style(one_line(one.name), 'bold')}: {style(one.error or took)}")
    if any(one.error for one in tests):
        raise typer.Exit(ExitCode.MODEL)


@dataclass(frozen=True, slots=True)
class _Test:
    name: str
    took_s: float
    cost_usd: Decimal
    error: str = ""
    reply: ModelReply | None = None

    def document(self) -> dict[str, Any]:
        usage = self.reply.usage if self.reply else None
        return {
            "name": self.name,
            "answers": not self.error,
            "took_s": round(self.took_s, 3),
            "cost_usd": _plain(self.cost_usd),
            "input_tokens": usage.input_tokens if usage else None,
            "output_tokens": usage.output_tokens if usage else None,
            "error": self.error or None,
        }


async def _try_all(models: Models, names: list[str]) -> list[_Test]:
    try:
        return [await _try(models, name) for name in names]
    finally:
        await models.close()


async def _try(models: Models, name: str) -> _Test:
    from loccit.budgets.deadline import Deadline
    from loccit.core.calls import Message, ModelCall, Payer, Speaker
    from loccit.core.errors import LimitExceeded, MalformedReply, ModelError, PriceUnknown

    words = (Message(Speaker.USER, "Reply with the single word: ready"),)
    call = ModelCall("test", words, "test@1", max_output_tokens=_TEST_TOKENS)
    began = time.perf_counter()
    try:
        reply = await models.one(name).reply(call, Payer(uuid4().hex), Deadline.after(_TEST_S))
    except MalformedReply as error:
        # A model that thinks first may use up so few tokens before it speaks: it is there all the same.
        if error.usage is not None and error.usage.output_tokens:
            return _Test(name, time.perf_counter() - began, error.spent_usd)
        return _Test(name, time.perf_counter() - began, error.spent_usd, str(error))
    except ModelError as error:
        return _Test(name, time.perf_counter() - began, error.spent_usd, str(error))
    except (PriceUnknown, LimitExceeded) as error:
        return _Test(name, time.perf_counter() - began, Decimal(0), str(error))
    return _Test(name, time.perf_counter() - began, reply.cost_usd, reply=reply)


def _show(one: ConfiguredModel, prices: PriceList) -> None:
    from loccit.cli.output import Style, one_line, say_styled

    style = Style()
    say_styled(f"{style(one.role, 'bold')}  {style(one_line(one.name))}")
    if one.is_from_file:
        say_styled(style("  from a file, free", "dim"))
        return
    read, written = _price(one.name, prices)
    cost = (
        "price unknown"
        if read is None
        else f"{_dollars(read)} read, {_dollars(written)} written, per million tokens"
    )
    say_styled(f"  {style(one_line(one.base_url))}, {cost}")
    if one.key_variable:
        state = style("set", "green") if one.has_key else style("not set", "red")
        say_styled(f"  key: {style(one_line(one.key_variable))}, {state}")
    else:
        say_styled("  key: none is sent")


def _document(one: ConfiguredModel, prices: PriceList | None) -> dict[str, Any]:
    read, written = _price(one.name, prices) if prices and not one.is_from_file else (None, None)
    return {
        "role": one.role,
        "name": one.name,
        "provider": one.provider,
        "base_url": one.base_url or None,
        "key_variable": one.key_variable or None,
        "has_key": one.has_key,
        "input_usd_per_million": None if read is None else _plain(read),
        "output_usd_per_million": None if written is None else _plain(written),
    }


def _price(name: str, prices: PriceList) -> tuple[Decimal | None, Decimal | None]:
    """What the first million tokens cost, read and written; none where nobody knows."""
    if not prices.is_known(name):
        return None, None
    rates = prices.rates(name)
    return rates.input.base, rates.output.base if rates.output else None


def _dollars(price: Decimal | None) -> str:
    return "nothing" if price is None else f"${_plain(price)}"


def _plain(amount: Decimal) -> str:
    """Without zeros at the end and without an exponent."""
    return f"{amount.normalize():f}"


def _system() -> System:
    from loccit.settings import Settings
    from loccit.wiring import build

    return build(Settings.load())
