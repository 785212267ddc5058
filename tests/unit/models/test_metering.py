"""Every attempt is paid for: exactly where the provider counts, else never above what was held."""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import threading
from decimal import Decimal
from pathlib import Path
from types import AsyncGeneratorType

import pytest
from kit import CALL, PAYER, PRICES, collected, database_in, ledger_in, provider_model, run

from benchmarks.model_server import Behaviour, ModelServer
from loccit.budgets.deadline import Deadline
from loccit.budgets.ledger import Ledger, Reservation
from loccit.budgets.options import BudgetLimit
from loccit.core.calls import Message, ModelCall, ModelReply, Speaker, TokenUsage, ToolCall, ToolSpec
from loccit.core.errors import BudgetExceeded, MalformedReply, ModelError, ModelRefused, PriceUnknown
from loccit.models import tokens
from loccit.models.cache import Cached, ReplyCache, key_of
from loccit.models.metering import Metered
from loccit.models.providers import ProviderModel
from loccit.telemetry.trace import recording
from tests.timing import quickest


def spent(ledger: Ledger) -> Decimal:
    return sum((row.usd for row in ledger.spending("model")), Decimal(0))


def held(ledger: Ledger) -> Decimal:
    return sum((row.held_usd for row in ledger.budgets()), Decimal(0))


@pytest.fixture
def ledger(tmp_path: Path):
    database = database_in(tmp_path)
    ledger = ledger_in(database, BudgetLimit(of="total", usd=Decimal(5000)))
    yield ledger
    ledger.close()
    database.close()


def test_a_reply_costs_what_the_provider_counts(ledger: Ledger) -> None:
    with ModelServer(Behaviour("12345678")) as server:
        inner = provider_model(server)
        reply = run(Metered(inner, ledger, PRICES).reply(CALL, PAYER, Deadline.after(5)), inner)
    assert reply.cost_usd == 12 + 2 * 2
    assert spent(ledger) == reply.cost_usd
    assert held(ledger) == 0


def test_a_stream_costs_the_same(ledger: Ledger) -> None:
    with ModelServer(Behaviour("12345678")) as server:
        inner = provider_model(server)
        pieces, reply = run(collected(Metered(inner, ledger, PRICES)), inner)
    assert pieces == ["1234", "5678"]
    assert spent(ledger) == reply.cost_usd == 16


def test_the_run_around_hears_of_every_cent_also_of_what_failed(ledger: Ledger) -> None:
    """A call that was cut is paid for, and the trace adds up to what the ledger has."""
    with ModelServer(Behaviour("12345678")) as server, recording("run-1") as trace:
        server.script.append(Behaviour(drop_after=0))
        inner = provider_model(server)
        model = Metered(inner, ledger, PRICES)

        async def twice() -> None:
            with pytest.raises(ModelError):
                await model.reply(CALL, PAYER, Deadline.after(5))
            await model.reply(CALL, PAYER, Deadline.after(5))

        run(twice(), inner)
    assert trace.spent_usd == spent(ledger) > 16


def test_the_ledger_says_how_long_a_reply_may_be(ledger: Ledger) -> None:
    """A call without a limit gets one that is affordable, and the provider hears of it."""
    call = ModelCall("answer", CALL.messages, "answer@1")
    with ModelServer() as server:
        inner = provider_model(server)
        run(Metered(inner, ledger, PRICES).reply(call, PAYER, Deadline.after(5)), inner)
    (body,) = server.bodies()
    assert 0 < body["max_completion_tokens"] * 2 < 5000


def test_tokens_that_are_not_reported_are_counted_here(ledger: Ledger) -> None:
    text = "some words that are counted"
    with ModelServer(Behaviour(text, usage=False)) as server:
        inner = provider_model(server)
        reply = run(Metered(inner, ledger, PRICES).reply(CALL, PAYER, Deadline.after(5)), inner)
    assert reply.usage == TokenUsage(tokens.estimate(CALL), tokens.count(text))
    assert spent(ledger) == reply.cost_usd > 0


@pytest.mark.parametrize("status", [401, 404, 429, 500])
def test_a_call_that_is_refused_costs_nothing(ledger: Ledger, status: int) -> None:
    with ModelServer(Behaviour(status=status)) as server:
        inner = provider_model(server)
        with pytest.raises(ModelError) as raised:
            run(Metered(inner, ledger, PRICES).reply(CALL, PAYER, Deadline.after(5)), inner)
    assert raised.value.spent_usd == 0
    assert spent(ledger) == held(ledger) == 0


def test_a_call_that_falls_silent_costs_what_was_held(ledger: Ledger) -> None:
    """It may have written to its limit: no less can be known to suffice."""
    with ModelServer(Behaviour(delay_s=30)) as server:
        inner = provider_model(server)
        with pytest.raises(ModelError) as raised:
            run(Metered(inner, ledger, PRICES).reply(CALL, PAYER, Deadline.after(0.5)), inner)
    most = PRICES.bound("box:m", tokens.bound(CALL, 1.0), 100)
    assert raised.value.spent_usd == most == spent(ledger)
    assert held(ledger) == 0


def test_prose_instead_of_the_schema_is_paid_for(ledger: Ledger) -> None:
    call = ModelCall("answer", CALL.messages, "answer@1", schema={"type": "object"}, max_output_tokens=50)
    with ModelServer(Behaviour("12345678")) as server:
        inner = provider_model(server)
        with pytest.raises(MalformedReply) as raised:
            run(Metered(inner, ledger, PRICES).reply(call, PAYER, Deadline.after(5)), inner)
    assert raised.value.spent_usd == spent(ledger) == 16


def test_a_stream_that_is_cut_costs_what_came(ledger: Ledger) -> None:
    with ModelServer(Behaviour("one two three four", drop_after=2)) as server:
        inner = provider_model(server)
        with pytest.raises(ModelError) as raised:
            run(collected(Metered(inner, ledger, PRICES)), inner)
    came = PRICES.price("box:m", TokenUsage(tokens.estimate(CALL), tokens.count("one two ")))
    assert raised.value.spent_usd == came == spent(ledger)
    assert held(ledger) == 0


def test_what_a_cut_stream_costs_is_bounded_by_what_was_held(ledger: Ledger) -> None:
    """A server that writes more than it may cannot make us pay for it."""
    call = ModelCall("answer", CALL.messages, "answer@1", max_output_tokens=2)
    with ModelServer(Behaviour("word " * 200, drop_after=200)) as server:
        inner = provider_model(server)
        with pytest.raises(ModelError):
            run(collected(Metered(inner, ledger, PRICES), call), inner)
    assert spent(ledger) == PRICES.bound("box:m", tokens.bound(call, 1.0), 2)


def test_a_closed_stream_is_settled(ledger: Ledger) -> None:
    async def read_one() -> None:
        stream = Metered(inner, ledger, PRICES).stream(CALL, PAYER, Deadline.after(5))
        assert await anext(stream) == "one "
        await stream.aclose()

    with ModelServer(Behaviour("one two three four", gap_s=0.05)) as server:
        inner = provider_model(server)
        run(read_one(), inner)
        assert server.wait_until_left()
    assert spent(ledger) == PRICES.price("box:m", TokenUsage(tokens.estimate(CALL), tokens.count("one ")))
    assert held(ledger) == 0


def test_a_closed_stream_leaves_nothing_to_the_garbage_collector() -> None:
    """It would end the rest in whichever thread it happens to run, beside the loop that still uses it."""

    async def still_open() -> list[str]:
        gc.disable()
        try:
            stream = inner.stream(CALL, PAYER, Deadline.after(5))
            assert await anext(stream) == "one "
            assert transport_readers()
            await stream.aclose()
            return transport_readers()
        finally:
            gc.enable()

    def transport_readers() -> list[str]:
        return [
            reader.__qualname__
            for reader in gc.get_objects()
            if isinstance(reader, AsyncGeneratorType)
            and "_transports" in reader.ag_code.co_filename
            and reader.ag_frame is not None
        ]

    with ModelServer(Behaviour("one two three four", gap_s=0.05)) as server:
        inner = provider_model(server)
        assert run(still_open(), inner) == []


def test_a_cancelled_call_is_settled_and_has_left_within_100_ms(ledger: Ledger) -> None:
    import time

    async def cancel(server: ModelServer, inner: ProviderModel) -> float:
        task = asyncio.ensure_future(Metered(inner, ledger, PRICES).reply(CALL, PAYER, Deadline.after(30)))
        while not server.seen:
            await asyncio.sleep(0.005)
        at = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return at

    def seconds() -> float:
        with ModelServer(Behaviour(delay_s=30)) as server:
            inner = provider_model(server)
            cancelled_at = run(cancel(server, inner), inner)
            return server.wait_until_left() - cancelled_at

    assert quickest(seconds, below=0.1) < 0.1
    assert spent(ledger) > 0
    assert held(ledger) == 0


def test_an_unknown_price_is_refused_before_anything_is_sent(ledger: Ledger) -> None:
    with ModelServer() as server:
        inner = provider_model(server, "elsewhere:m")
        with pytest.raises(PriceUnknown):
            run(Metered(inner, ledger, PRICES).reply(CALL, PAYER, Deadline.after(5)), inner)
    assert server.seen == []
    assert held(ledger) == 0


def test_a_missing_key_costs_nothing(ledger: Ledger) -> None:
    with ModelServer() as server:
        inner = provider_model(server)
        inner.provider.options = inner.provider.options.__class__(
            base_url=server.openai_url, key_variable="K"
        )
        with pytest.raises(ModelRefused):
            run(Metered(inner, ledger, PRICES).reply(CALL, PAYER, Deadline.after(5)), inner)
    assert spent(ledger) == held(ledger) == 0


def test_a_budget_that_is_used_up_refuses_without_a_call(tmp_path: Path) -> None:
    database = database_in(tmp_path)
    ledger = ledger_in(database, BudgetLimit(of="user", usd=Decimal(1)))
    with ModelServer() as server:
        inner = provider_model(server)
        with pytest.raises(BudgetExceeded, match="ana"):
            run(Metered(inner, ledger, PRICES).reply(CALL, PAYER, Deadline.after(1)), inner)
    ledger.close()
    database.close()
    assert server.seen == []


def test_inputs_that_were_longer_than_estimated_are_held_for_from_then_on(ledger: Ledger) -> None:
    """The provider's tokenizer cuts finer: the ledger learns by how much."""
    call = ModelCall("answer", (Message(Speaker.USER, "word " * 200),), "answer@1", max_output_tokens=10)
    guess = tokens.bound(call, ledger.input_ratio("box:m"))
    with ModelServer(Behaviour("ok", usage={"input": 400, "output": 1})) as server:
        inner = provider_model(server)
        run(Metered(inner, ledger, PRICES).reply(call, PAYER, Deadline.after(5)), inner)
    assert guess < 400 < tokens.bound(call, ledger.input_ratio("box:m"))


def test_no_thread_is_left_behind(ledger: Ledger) -> None:
    before = threading.active_count()
    with ModelServer() as server:
        inner = provider_model(server)
        for _ in range(3):
            run(Metered(inner, ledger, PRICES).reply(CALL, PAYER, Deadline.after(5)), inner)
    assert threading.active_count() <= before + 1


def test_a_reply_is_kept_before_it_is_paid_for(ledger: Ledger, tmp_path: Path) -> None:
    """A process that is killed in between has the reply, and the call is still open: not paid twice."""
    seen: list[tuple[str | None, Decimal, Decimal]] = []
    database = database_in(tmp_path / "cache")
    cache = ReplyCache(database, 30)
    settle = ledger.settle

    async def settled(reservation: Reservation, usd: Decimal, usage: TokenUsage) -> None:
        kept = cache.find(key_of(CALL, "box:m", ""))
        seen.append((kept and kept.text, spent(ledger), held(ledger)))
        await settle(reservation, usd, usage)

    ledger.settle = settled
    with ModelServer(Behaviour("12345678")) as server:
        inner = provider_model(server)
        model = Cached(Metered(inner, ledger, PRICES), cache, "")
        run(model.reply(CALL, PAYER, Deadline.after(5)), inner)
        other = dataclasses.replace(CALL, prompt="answer@9")
        inner = provider_model(server)
        run(collected(Cached(Metered(inner, ledger, PRICES), cache, ""), other), inner)
        kept = cache.find(key_of(other, "box:m", ""))
    database.close()
    ((first, nothing, reserved), (_, before, _)) = seen
    assert (first, nothing) == ("12345678", 0)
    assert reserved > 0
    assert (before, spent(ledger)) == (16, 32)
    assert kept is not None
    assert kept.text == "12345678"


def test_calls_of_tools_are_reserved_for_and_counted(ledger: Ledger) -> None:
    """What a model is told of its tools is read, and the arguments that it writes are written."""
    tool = ToolSpec("read", "Read a file. " * 20, {"type": "object", "properties": {"path": {}}})
    equipped = dataclasses.replace(CALL, tools=(tool,))
    behaviour = Behaviour("", calls=(("read", '{"path": "src/net.py"}'),), usage=False)
    with ModelServer(behaviour) as server:
        inner = provider_model(server)
        reply = run(Metered(inner, ledger, PRICES).reply(equipped, PAYER, Deadline.after(5)), inner)
    assert reply.calls == (ToolCall("t0", "read", '{"path": "src/net.py"}'),)
    assert tokens.bound(equipped, 1.0) > tokens.estimate(equipped) > tokens.estimate(CALL) + 60
    assert reply.usage == TokenUsage(tokens.estimate(equipped), tokens.said(reply))
    assert spent(ledger) == reply.cost_usd


def test_a_request_is_bounded_by_what_it_may_spend_itself(ledger: Ledger) -> None:
    """Reserved before the call: nothing is sent that could pass it."""
    payer = dataclasses.replace(PAYER, request_usd=Decimal(40))
    with ModelServer(Behaviour("12345678")) as server:
        inner = provider_model(server)
        model = Metered(inner, ledger, PRICES)
        short = dataclasses.replace(CALL, max_output_tokens=4)
        with pytest.raises(BudgetExceeded, match="request run-1 ever"):
            for _ in range(5):
                run(model.reply(short, payer, Deadline.after(5)), inner)
        assert 1 <= len(server.seen) < 5
    assert spent(ledger) <= 40


def test_whoever_else_keeps_replies_hears_of_one_before_it_is_paid_for(
    ledger: Ledger, tmp_path: Path
) -> None:
    """The cache does not stand in the way of a run that keeps its own."""
    heard: list[tuple[str, Decimal]] = []
    database = database_in(tmp_path / "cache")

    async def hear(reply: ModelReply) -> None:
        heard.append((reply.text, spent(ledger)))

    with ModelServer(Behaviour("12345678")) as server:
        inner = provider_model(server)
        model = Cached(Metered(inner, ledger, PRICES), ReplyCache(database, 30), "")
        run(model.reply(dataclasses.replace(CALL, came=hear), PAYER, Deadline.after(5)), inner)
    database.close()
    assert heard == [("12345678", Decimal(0))]


def test_a_reply_that_is_not_kept_because_its_task_was_cancelled_is_paid_by_its_tokens(
    ledger: Ledger,
) -> None:
    """Not at all that was held: the provider said what it counted."""

    async def cancelled(reply: ModelReply) -> None:
        raise asyncio.CancelledError

    with ModelServer(Behaviour("12345678")) as server:
        inner = provider_model(server)
        call = dataclasses.replace(CALL, came=cancelled)
        with pytest.raises(asyncio.CancelledError):
            run(Metered(inner, ledger, PRICES).reply(call, PAYER, Deadline.after(5)), inner)
    assert (spent(ledger), held(ledger)) == (16, 0)
