"""Spans: what belongs to what, how long it took, and what a call of a model leaves in them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from decimal import Decimal

import pytest

from loccit.core.calls import Finish, Message, ModelCall, ModelReply, Origin, Speaker, TokenUsage
from loccit.core.errors import ModelUnavailable
from loccit.telemetry.calls import calling
from loccit.telemetry.trace import recording, span
from tests.planted_secrets import PLANTED

CALL = ModelCall(purpose="answer", messages=(Message(Speaker.USER, "why?"),), prompt="answer@1")


def test_spans_know_what_they_are_in_and_in_which_order_they_began() -> None:
    with recording("run") as trace, span("ask"):
        with span("search", {"hits": 3}) as search:
            search.set(kept=2)
        with span("call"), span("check"):
            pass
    assert [(one.number, one.parent, one.name) for one in trace.spans] == [
        (0, -1, "ask"),
        (1, 0, "search"),
        (2, 0, "call"),
        (3, 2, "check"),
    ]
    assert trace.spans[1].attributes == {"hits": 3, "kept": 2}
    assert trace.spans[1].started_s + trace.spans[1].took_s <= trace.spans[2].started_s
    assert trace.spans[0].took_s >= sum(one.took_s for one in trace.spans[1:3])
    assert abs(trace.at - time.time()) < 60


def test_an_error_is_named_in_every_span_that_it_goes_through() -> None:
    with recording("run") as trace:
        with pytest.raises(KeyError), span("ask"), span("call"):
            raise KeyError
        with span("later"):
            pass
    assert [(one.name, one.parent, one.error) for one in trace.spans] == [
        ("ask", -1, "KeyError"),
        ("call", 0, "KeyError"),
        ("later", -1, ""),
    ]


def test_spans_outside_of_a_run_are_nowhere() -> None:
    with span("alone") as alone:
        alone.set(x=1)
    assert alone.number == -1
    with recording("run") as trace:
        pass
    with span("after"):
        pass
    assert trace.spans == []


def test_tasks_that_run_at_once_keep_their_spans_apart() -> None:
    async def part(name: str) -> None:
        with span(name):
            await asyncio.sleep(0)
            with span(f"{name}.inner"):
                await asyncio.sleep(0)

    async def run(name: str) -> list[tuple[str, str]]:
        with recording(name) as trace, span("top"):
            await asyncio.gather(*(part(f"{name}{number}") for number in range(3)))
        return [(one.name, trace.spans[one.parent].name) for one in trace.spans[1:]]

    async def both() -> list[list[tuple[str, str]]]:
        return await asyncio.gather(run("a"), run("b"))

    for name, found in zip("ab", asyncio.run(both()), strict=True):
        outer = [(f"{name}{number}", "top") for number in range(3)]
        inner = [(f"{name}{number}.inner", f"{name}{number}") for number in range(3)]
        assert sorted(found) == sorted(outer + inner)


def test_a_stream_may_be_closed_in_another_task_than_it_began_in() -> None:
    async def pieces() -> AsyncGenerator[int]:
        with span("call"):
            yield 1
            yield 2

    async def run() -> None:
        stream = pieces()
        assert await anext(stream) == 1
        await asyncio.create_task(stream.aclose())

    with recording("run") as trace:
        asyncio.run(run())
    assert [(one.name, one.error) for one in trace.spans] == [("call", "GeneratorExit")]


def test_a_call_leaves_who_answered_its_tokens_and_what_it_cost() -> None:
    reply = ModelReply(
        text="because",
        model="openai:gpt-5-mini",
        usage=TokenUsage(120, 30, 100, 5, 8),
        finish=Finish.LENGTH,
        cost_usd=Decimal("0.00012345"),
        origin=Origin.CACHE,
    )
    with recording("run") as trace, calling("anthropic:claude-x", CALL) as replied:
        replied(reply)
    assert trace.spans[0].attributes == {
        "provider": "anthropic",
        "model": "anthropic:claude-x",
        "purpose": "answer",
        "prompt": "answer@1",
        "answered_by": "openai:gpt-5-mini",
        "origin": "cache",
        "finish": "length",
        "cost_usd": "0.00012345",
        "input_tokens": 120,
        "output_tokens": 30,
        "cache_read_tokens": 100,
        "cache_write_tokens": 5,
        "reasoning_tokens": 8,
    }


def test_a_call_that_fails_leaves_why_without_secrets_and_what_it_cost_all_the_same() -> None:
    secret, _ = PLANTED["openai"]
    error = ModelUnavailable(f"the key {secret} was refused", spent_usd=Decimal("0.5"))
    with recording("run") as trace, pytest.raises(ModelUnavailable), calling("openai:x", CALL):
        raise error
    (one,) = trace.spans
    assert one.error == "ModelUnavailable"
    assert one.attributes["cost_usd"] == "0.5"
    assert one.attributes["message"] == "the key [OpenAI key redacted] was refused"
