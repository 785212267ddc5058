"""Misbehaving servers: what is tried again, when, how often, and what it costs to stop."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from contextlib import suppress

import pytest
from kit import CALL, PAYER, collected, provider_model, run

from benchmarks.model_server import Behaviour, ModelServer
from loccit.budgets.deadline import Deadline
from loccit.core.calls import ModelReply
from loccit.core.errors import ModelRefused, ModelUnavailable
from loccit.models.options import ModelOptions
from loccit.models.providers import ProviderModel
from loccit.models.resilience import Breaker, Guard, Guarded, Hedged, Retried, Slots
from loccit.telemetry.trace import recording
from tests.conftest import ROOT
from tests.timing import quickest

FAIL = Behaviour(status=503)
SLOW = Behaviour("slow", delay_s=20)


def guarded(model: ProviderModel, **options: object) -> tuple[Guarded, Guard]:
    guard = Guard(ModelOptions(**options))  # type: ignore[arg-type]
    return Guarded(model, guard), guard


def retried(model: ProviderModel, attempts: int = 4, backoff_s: float = 0.01, **options: object) -> Retried:
    inner, guard = guarded(model, **options)
    return Retried(inner, guard, attempts, backoff_s)


# Retries


def test_what_fails_is_tried_again() -> None:
    with ModelServer() as server:
        server.script.extend([FAIL, Behaviour(status=429), Behaviour(drop_after=0)])
        inner = provider_model(server)
        reply = run(retried(inner).reply(CALL, PAYER, Deadline.after(10)), inner)
    assert reply.text == "Hello."
    assert len(server.seen) == 4


def test_what_cannot_succeed_is_not_tried_again() -> None:
    with ModelServer(Behaviour(status=401)) as server:
        inner = provider_model(server)
        with pytest.raises(ModelRefused):
            run(retried(inner).reply(CALL, PAYER, Deadline.after(10)), inner)
    assert len(server.seen) == 1


def test_attempts_are_counted() -> None:
    with ModelServer(FAIL) as server:
        inner = provider_model(server)
        with pytest.raises(ModelUnavailable):
            run(retried(inner, attempts=3).reply(CALL, PAYER, Deadline.after(10)), inner)
    assert len(server.seen) == 3


def test_the_provider_says_how_long_to_wait() -> None:
    with ModelServer() as server:
        server.script.append(Behaviour(status=429, headers=(("retry-after-ms", "400"),)))
        inner = provider_model(server)
        run(retried(inner).reply(CALL, PAYER, Deadline.after(10)), inner)
    first, second = server.seen
    assert 0.4 <= second.came_at - first.came_at < 1.5


def test_nothing_is_waited_for_that_comes_after_the_deadline() -> None:
    with ModelServer(Behaviour(status=429, headers=(("retry-after", "30"),))) as server:
        inner = provider_model(server)
        began = time.monotonic()
        with pytest.raises(ModelUnavailable) as raised:
            run(retried(inner).reply(CALL, PAYER, Deadline.after(2)), inner)
    assert time.monotonic() - began < 1.5
    assert raised.value.retry_after_s == 30
    assert len(server.seen) == 1


def test_one_deadline_bounds_all_attempts() -> None:
    with ModelServer(Behaviour(delay_s=20)) as server:
        inner = provider_model(server, timeout_s=0.3)
        began = time.monotonic()
        with pytest.raises(ModelUnavailable):
            run(retried(inner, attempts=50).reply(CALL, PAYER, Deadline.after(1.0)), inner)
    assert time.monotonic() - began < 2.0
    assert 2 <= len(server.seen) <= 4


def test_a_provider_that_is_down_is_not_made_busier() -> None:
    """With a tenth of all calls for retries, 100 failing calls are no more than 100 and a tenth and a few."""

    async def many() -> None:
        for _ in range(100):
            with pytest.raises(ModelUnavailable):
                await model.reply(CALL, PAYER, Deadline.after(10))

    with ModelServer(FAIL) as server:
        inner = provider_model(server)
        model = retried(inner, backoff_s=0.001, retry_share=0.1, breaker_failures=10_000)
        run(many(), inner)
    assert 110 <= len(server.seen) <= 116


def test_a_stream_that_breaks_off_goes_on_where_it_was() -> None:
    with ModelServer(Behaviour("one two three four")) as server:
        server.script.append(Behaviour("one two three four", drop_after=2))
        inner = provider_model(server)
        pieces, reply = run(collected(retried(inner)), inner)
    assert "".join(pieces) == reply.text == "one two three four"
    assert len(server.seen) == 2


def test_a_stream_that_says_something_else_is_not_patched_together() -> None:
    with ModelServer(Behaviour("something else")) as server:
        server.script.append(Behaviour("one two three four", drop_after=2))
        inner = provider_model(server)
        with pytest.raises(ModelUnavailable, match="something else"):
            run(collected(retried(inner)), inner)
    assert len(server.seen) == 2


RETRYING = """
import asyncio
from loccit.budgets.deadline import Deadline
from loccit.core.errors import ModelUnavailable
from loccit.models.options import ModelOptions
from loccit.models.resilience import Guard, Retried
class Down:
    name = "x:y"
    async def reply(self, *_):
        raise ModelUnavailable("down")
try:
    asyncio.run(Retried(Down(), Guard(ModelOptions()), 3, 0.01).reply(None, None, Deadline.after(5)))
except ModelUnavailable:
    pass
"""


def test_retries_are_not_printed() -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, "-c", RETRYING], capture_output=True, text=True, env=env, check=True
    )
    assert done.stdout == done.stderr == ""


def test_a_cancelled_retry_stops_at_once() -> None:
    async def cancel(server: ModelServer, model: Retried) -> float:
        task = asyncio.ensure_future(model.reply(CALL, PAYER, Deadline.after(60)))
        while not server.seen:
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.1)  # it waits between two attempts
        began = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.monotonic() - began

    def seconds() -> float:
        with ModelServer(Behaviour(status=503)) as server:
            inner = provider_model(server)
            took_s = run(cancel(server, retried(inner, backoff_s=20)), inner)
        assert len(server.seen) == 1
        return took_s

    assert quickest(seconds, below=0.1) < 0.1


# The breaker


def test_a_provider_that_fails_is_left_alone_and_then_tried_by_one_call() -> None:
    async def story() -> None:
        for _ in range(3):
            with pytest.raises(ModelUnavailable):
                await model.reply(CALL, PAYER, Deadline.after(5))
        with pytest.raises(ModelUnavailable, match="left alone"):
            await model.reply(CALL, PAYER, Deadline.after(5))
        assert len(server.seen) == 3
        await asyncio.sleep(0.35)
        server.default = Behaviour(delay_s=0.2)
        trial = asyncio.ensure_future(model.reply(CALL, PAYER, Deadline.after(5)))
        await asyncio.sleep(0.05)
        with pytest.raises(ModelUnavailable, match="left alone"):
            await model.reply(CALL, PAYER, Deadline.after(5))
        assert (await trial).text == "Hello."
        assert (await model.reply(CALL, PAYER, Deadline.after(5))).text == "Hello."

    with ModelServer(FAIL) as server:
        inner = provider_model(server)
        model, _ = guarded(inner, breaker_failures=3, breaker_pause_s=0.3)
        run(story(), inner)
    assert len(server.seen) == 5


def test_a_trial_that_fails_closes_the_door_again() -> None:
    breaker = Breaker(1, 0.05)
    breaker.before("m")
    breaker.failed()
    with pytest.raises(ModelUnavailable):
        breaker.before("m")
    time.sleep(0.06)
    breaker.before("m")
    breaker.failed()
    assert breaker.is_open


def test_a_provider_that_asks_to_wait_is_not_taken_for_dead() -> None:
    with ModelServer(Behaviour(status=429, headers=(("retry-after", "30"),))) as server:
        inner = provider_model(server)
        model, guard = guarded(inner, breaker_failures=1)
        with pytest.raises(ModelUnavailable):
            run(model.reply(CALL, PAYER, Deadline.after(5)), inner)
    assert not guard.breaker.is_open


# Slots


def test_no_more_calls_are_made_at_once_than_allowed() -> None:
    async def many() -> None:
        await asyncio.gather(*(model.reply(CALL, PAYER, Deadline.after(10)) for _ in range(12)))

    with ModelServer(Behaviour(delay_s=0.05)) as server:
        inner = provider_model(server)
        model, _ = guarded(inner, most_calls_at_once=3)
        run(many(), inner)
    assert server.most_open == 3
    assert len(server.seen) == 12


def test_a_slot_that_does_not_come_in_time_is_an_error_that_costs_nothing() -> None:
    async def two() -> None:
        first = asyncio.ensure_future(model.reply(CALL, PAYER, Deadline.after(2)))
        await asyncio.sleep(0.1)
        with pytest.raises(ModelUnavailable, match="most_calls_at_once"):
            await model.reply(CALL, PAYER, Deadline.after(0.1))
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)

    with ModelServer(SLOW) as server:
        inner = provider_model(server)
        model, guard = guarded(inner, most_calls_at_once=1)
        run(two(), inner)
    assert len(server.seen) == 1
    assert guard.slots._taken == 0


def test_cancelled_waiters_lose_no_slot() -> None:
    async def story() -> None:
        slots = Slots(1)
        deadline = Deadline.after(5)

        async def hold(seconds: float) -> None:
            async with slots.one("m", deadline):
                await asyncio.sleep(seconds)

        tasks = [asyncio.ensure_future(hold(0.02)) for _ in range(20)]
        await asyncio.sleep(0.01)
        for task in tasks[1::2]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert slots._taken == 0
        async with slots.one("m", deadline):
            assert slots._taken == 1

    asyncio.run(story())


def test_the_number_of_slots_follows_what_the_provider_bears() -> None:
    """A server that bears four at once and answers 503 to more: the number hovers round four."""
    limits: list[float] = []

    async def many() -> None:
        async def one() -> None:
            with suppress(ModelUnavailable):
                await model.reply(CALL, PAYER, Deadline.after(30))
            limits.append(guard.slots.limit)

        await asyncio.gather(*(one() for _ in range(300)))

    with ModelServer() as server:
        server.decide = lambda _: FAIL if server.open > 4 else Behaviour(delay_s=0.01)
        inner = provider_model(server)
        model, guard = guarded(
            inner, most_calls_at_once=64, adaptive_concurrency=True, breaker_failures=10_000
        )
        run(many(), inner)
    settled = limits[100:]
    assert 2 <= sum(settled) / len(settled) <= 6
    assert server.most_open <= 20


# Hedging


def test_a_slow_call_is_asked_a_second_time_and_the_loser_is_cancelled() -> None:
    with ModelServer(Behaviour("quick")) as server:
        server.script.append(SLOW)
        inner = provider_model(server, timeout_s=30)
        began = time.monotonic()
        reply = run(Hedged(inner, 0.1).reply(CALL, PAYER, Deadline.after(10)), inner)
        assert time.monotonic() - began < 3
        assert server.wait_until_left(0)
    assert reply.text == "quick"
    assert len(server.seen) == 2


def test_a_quick_call_is_asked_once() -> None:
    with ModelServer() as server:
        inner = provider_model(server)
        run(Hedged(inner, 2.0).reply(CALL, PAYER, Deadline.after(10)), inner)
    assert len(server.seen) == 1


def test_the_stream_that_speaks_first_wins() -> None:
    with ModelServer(Behaviour("one two three")) as server:
        server.script.append(Behaviour("late", first_s=20))
        inner = provider_model(server, timeout_s=30)
        pieces, reply = run(collected(Hedged(inner, 0.1)), inner)
        assert server.wait_until_left(0)
    assert "".join(pieces) == reply.text == "one two three"


def test_a_failure_of_one_of_two_waits_for_the_other() -> None:
    with ModelServer() as server:
        server.script.extend([Behaviour("first", delay_s=0.4), FAIL])
        inner = provider_model(server)
        reply = run(Hedged(inner, 0.1).reply(CALL, PAYER, Deadline.after(10)), inner)
    assert reply.text == "first"


def test_a_cancelled_hedge_cancels_both_within_100_ms() -> None:
    async def cancel(server: ModelServer, inner: ProviderModel) -> float:
        task = asyncio.ensure_future(Hedged(inner, 0.05).reply(CALL, PAYER, Deadline.after(30)))
        while len(server.seen) < 2:
            await asyncio.sleep(0.005)
        at = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return at

    def seconds() -> float:
        with ModelServer(SLOW) as server:
            inner = provider_model(server, timeout_s=30)
            cancelled_at = run(cancel(server, inner), inner)
            return max(server.wait_until_left(0), server.wait_until_left(1)) - cancelled_at

    assert quickest(seconds, below=0.1) < 0.1


# Spans


def test_each_attempt_is_a_span_with_its_tokens() -> None:
    async def both() -> ModelReply:
        await model.reply(CALL, PAYER, Deadline.after(5))
        _, reply = await collected(model)
        return reply

    with ModelServer() as server, recording("run-1") as trace:
        server.script.append(FAIL)
        inner = provider_model(server)
        model = retried(inner)
        run(both(), inner)
    spans = [one for one in trace.spans if one.name == "model call"]
    assert [one.error for one in spans] == ["ModelUnavailable", "", ""]
    assert all(one.took_s > 0 for one in spans)
    assert spans[1].attributes["input_tokens"] == spans[2].attributes["input_tokens"] == 12
    assert spans[1].attributes["model"] == "box:m"
