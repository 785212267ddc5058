"""One suite over every adapter: whoever serves a model, it is the same to the rest of the house."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from importlib import import_module
from typing import Any

import pytest

from benchmarks.model_server import Behaviour, ModelServer
from loccit.budgets.deadline import Deadline
from loccit.core.calls import (
    Finish,
    Message,
    ModelCall,
    ModelReply,
    Origin,
    Payer,
    Speaker,
    TokenUsage,
    ToolCall,
    ToolSpec,
)
from loccit.core.errors import (
    ContextTooLong,
    MalformedReply,
    ModelError,
    ModelRefused,
    ModelUnavailable,
    RealCallsForbidden,
)
from loccit.models.options import ProviderOptions, RealCalls
from loccit.models.providers import Provider, ProviderModel
from tests.timing import quickest

PAYER = Payer("run-1")
KEY = "planted-key-0123456789abcdef"
SCHEMA = {
    "type": "object",
    "properties": {"claims": {"type": "array", "items": {"type": "string"}}},
    "required": ["claims"],
    "additionalProperties": False,
}
CALL = ModelCall(
    "answer",
    (Message(Speaker.SYSTEM, "Answer from the evidence."), Message(Speaker.USER, "What is it?")),
    "answer@1",
    max_output_tokens=200,
)
FORMED = ModelCall("answer", CALL.messages, "answer@1", schema=SCHEMA, max_output_tokens=200)
# (name of the dialect, model): models that the libraries know, so that their best ways are taken.
DIALECTS = {
    "openai": "gpt-4.1-mini",
    "openai-responses": "gpt-4.1-mini",
    "anthropic": "claude-sonnet-4-6",
    "google": "gemini-2.5-flash",
}


@dataclass
class Adapter:
    server: ModelServer
    dialect: str
    model: ProviderModel

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        async def and_close() -> Any:
            try:
                return await work
            finally:
                await self.model.provider.close()

        return asyncio.run(and_close())

    def reply(self, call: ModelCall = CALL, seconds: float = 10) -> ModelReply:
        return self.run(self.model.reply(call, PAYER, Deadline.after(seconds)))

    def stream(self, call: ModelCall = CALL, seconds: float = 10) -> list[str | ModelReply]:
        async def collect() -> list[str | ModelReply]:
            return [each async for each in self.model.stream(call, PAYER, Deadline.after(seconds))]

        return self.run(collect())


@pytest.fixture(params=DIALECTS)
def adapter(request: pytest.FixtureRequest) -> Iterator[Adapter]:
    with ModelServer() as server:
        yield adapter_for(server, request.param)


def adapter_for(server: ModelServer, dialect: str, key: str = KEY, **more: Any) -> Adapter:
    # Seconds that are no part of the first call's deadline.
    import_module(f"pydantic_ai.models.{dialect.partition('-')[0]}")
    base_url = server.openai_url if dialect.startswith("openai") else server.url
    options = ProviderOptions(dialect, base_url, "BOX_KEY", **more)
    provider = Provider("box", options, key, RealCalls.LOOPBACK, 5.0, 20_000)
    return Adapter(server, dialect, ProviderModel(provider, DIALECTS[dialect]))


def texts_sent(body: Any) -> Iterator[str]:
    """Every text anywhere in a request."""
    if isinstance(body, str):
        yield body
    elif isinstance(body, dict):
        for value in body.values():
            yield from texts_sent(value)
    elif isinstance(body, list):
        for value in body:
            yield from texts_sent(value)


def error_of(adapter: Adapter, call: ModelCall = CALL, seconds: float = 10) -> ModelError:
    """The error that both roads end in, which is the same."""
    script = list(adapter.server.script)
    with pytest.raises(ModelError) as whole:
        adapter.reply(call, seconds)
    adapter.server.script.extend(script)
    with pytest.raises(ModelError) as streamed:
        adapter.stream(call, seconds)
    assert type(whole.value) is type(streamed.value)
    for each in (whole.value, streamed.value):
        assert each.model == "box:" + DIALECTS[adapter.dialect]
        assert KEY not in str(each)
        assert each.__cause__ is None
        assert each.spent_usd == Decimal(0)
    return whole.value


def test_a_reply_is_the_very_text_with_its_tokens(adapter: Adapter) -> None:
    """Nothing is trimmed, and tags inside a text belong to it."""
    text = "  é <think>quoted</think> \u200d<system>x</system>\n\t“q”  \n"
    adapter.server.default = Behaviour(text, usage={"output": 9, "reasoning": 4, "cache_read": 5})
    reply = adapter.reply()
    assert reply.text == text
    assert reply.model == "box:" + DIALECTS[adapter.dialect]
    assert (reply.finish, reply.origin, reply.cost_usd) == (Finish.STOP, Origin.MODEL, Decimal(0))
    # Anthropic counts no tokens of reasoning apart.
    reasoning = 0 if adapter.dialect == "anthropic" else 4
    assert reply.usage == TokenUsage(12, 9, 5, 0, reasoning)


def test_a_stream_is_the_reply_in_pieces(adapter: Adapter) -> None:
    text = "one two <think>three</think> four\n"
    adapter.server.default = Behaviour(text)
    *pieces, last = adapter.stream()
    assert "".join(str(piece) for piece in pieces) == text
    assert len(pieces) > 3
    assert isinstance(last, ModelReply)
    assert last == adapter.reply()


def test_messages_and_limits_arrive(adapter: Adapter) -> None:
    call = ModelCall(
        "answer",
        (
            Message(Speaker.SYSTEM, "the rules"),
            Message(Speaker.USER, "first"),
            Message(Speaker.ASSISTANT, "second"),
            Message(Speaker.USER, "third"),
        ),
        "answer@1",
        max_output_tokens=77,
    )
    adapter.reply(call)
    (seen,) = adapter.server.seen
    sent = list(texts_sent(seen.body))
    assert [text for text in sent if text in {"the rules", "first", "second", "third"}] in (
        ["the rules", "first", "second", "third"],
        ["first", "second", "third", "the rules"],
    )
    assert "77" in str(seen.body)
    assert "temperature" in str(seen.body)
    assert KEY in " ".join(seen.headers.values())


def test_a_schema_is_asked_for_in_the_best_way(adapter: Adapter) -> None:
    adapter.server.default = Behaviour('{"claims": ["a"]}')
    assert adapter.reply(FORMED).text == '{"claims": ["a"]}'
    assert isinstance(adapter.stream(FORMED)[-1], ModelReply)
    assert all("claims" in str(body) for body in adapter.server.bodies())


@pytest.mark.parametrize("form", ["native", "tool", "prompted"])
def test_every_way_of_asking_for_a_schema_ends_in_the_same_text(adapter: Adapter, form: str) -> None:
    said = '{"claims": ["é <|im_start|> “q”"]}'
    other = adapter_for(adapter.server, adapter.dialect, structured=form)
    adapter.server.default = Behaviour(said)
    reply = other.reply(FORMED)
    assert reply.text == said
    last = adapter_for(adapter.server, adapter.dialect, structured=form).stream(FORMED)[-1]
    assert isinstance(last, ModelReply)
    assert last.text == said


def test_prose_instead_of_the_schema_is_malformed_and_its_tokens_are_known(adapter: Adapter) -> None:
    adapter.server.default = Behaviour("I would rather tell you a story.")
    other = Adapter(adapter.server, adapter.dialect, adapter.model)
    other.model.provider.options = ProviderOptions(
        adapter.model.provider.options.api, adapter.model.provider.options.base_url, structured="prompted"
    )
    error = error_of(other, FORMED)
    assert isinstance(error, MalformedReply)
    assert error.usage is not None
    assert error.usage.output_tokens > 0


def test_a_fence_round_json_is_taken_off(adapter: Adapter) -> None:
    adapter.server.default = Behaviour('```json\n{"claims": []}\n```')
    assert adapter.reply(FORMED).text == '{"claims": []}'


TOOLS = (
    ToolSpec(
        "read",
        "Read a file.",
        {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]},
    ),
    ToolSpec("list", "List the files.", {"type": "object", "properties": {}}),
)
EQUIPPED = ModelCall("agent", CALL.messages, "agent@1", max_output_tokens=200, tools=TOOLS)


@pytest.mark.parametrize("text", ["", "I look into it."])
def test_tools_are_called_with_the_arguments_that_the_model_wrote(adapter: Adapter, text: str) -> None:
    adapter.server.default = Behaviour(text, calls=(("read", '{"path": "é.py"}'), ("list", "{}")))
    reply = adapter.reply(EQUIPPED)
    assert reply.text == text
    assert [(one.name, json.loads(one.arguments)) for one in reply.calls] == [
        ("read", {"path": "é.py"}),
        ("list", {}),
    ]
    assert len({one.id for one in reply.calls} - {""}) == 2
    assert reply.finish is Finish.STOP
    assert "Read a file." in set(texts_sent(adapter.server.seen[0].body))


def test_a_stream_says_no_calls_and_ends_with_them(adapter: Adapter) -> None:
    adapter.server.default = Behaviour(
        "I look into it.", calls=(("read", '{"path": "é.py"}'), ("list", "{}"))
    )
    *pieces, last = adapter.stream(EQUIPPED)
    assert "".join(str(piece) for piece in pieces) == "I look into it."
    assert isinstance(last, ModelReply)
    assert [(one.name, json.loads(one.arguments)) for one in last.calls] == [
        ("read", {"path": "é.py"}),
        ("list", {}),
    ]


def test_what_tools_gave_goes_back_to_the_model_under_the_ids_of_the_calls(adapter: Adapter) -> None:
    """Also after arguments that are no JSON, and beside words of the user."""
    called = (ToolCall("t1", "read", '{"path": "a.py"}'), ToolCall("t2", "list", "{not json"))
    call = replace(
        EQUIPPED,
        messages=(
            *CALL.messages,
            Message(Speaker.ASSISTANT, "", called),
            Message(Speaker.TOOL, "the bytes of a.py", call_id="t1"),
            Message(Speaker.TOOL, "no JSON: {not json", call_id="t2"),
            Message(Speaker.USER, "and now?"),
        ),
    )
    adapter.server.default = Behaviour("Done.")
    assert adapter.reply(call) == replace(adapter.reply(call), text="Done.")
    sent = list(texts_sent(adapter.server.seen[0].body))
    for text in ("the bytes of a.py", "no JSON: {not json", "and now?"):
        assert text in sent
    if adapter.dialect != "google":
        assert sent.count("t1") == sent.count("t2") == 2


def test_a_result_without_its_call_is_a_defect(adapter: Adapter) -> None:
    messages = (*CALL.messages, Message(Speaker.TOOL, "found", call_id="t9"))
    with pytest.raises(ValueError, match="t9"):
        adapter.reply(replace(EQUIPPED, messages=messages))


def test_a_form_and_tools_may_be_offered_at_once(adapter: Adapter) -> None:
    """The model either calls tools or gives the reply in its form."""
    both = adapter_for(adapter.server, adapter.dialect, structured="tool")
    call = replace(EQUIPPED, schema=SCHEMA)
    adapter.server.default = Behaviour('{"claims": ["a"]}')
    assert (both.reply(call).text, both.reply(call).calls) == ('{"claims": ["a"]}', ())
    adapter.server.default = Behaviour('{"claims": ["a"]}', calls=(("list", "{}"),))
    assert len(adapter_for(adapter.server, adapter.dialect).reply(EQUIPPED).calls) == 1


def test_a_refusal_is_a_reply_that_says_so(adapter: Adapter) -> None:
    adapter.server.default = Behaviour("", refusal="I cannot help with that.")
    reply = adapter.reply()
    assert reply.finish is Finish.REFUSAL
    assert reply.usage.input_tokens == 12
    last = adapter.stream()[-1]
    assert isinstance(last, ModelReply)
    assert last.finish is Finish.REFUSAL


def test_a_reply_that_is_cut_at_its_limit_says_so(adapter: Adapter) -> None:
    adapter.server.default = Behaviour("half a sent", finish="length")
    assert adapter.reply().finish is Finish.LENGTH
    last = adapter.stream()[-1]
    assert isinstance(last, ModelReply)
    assert last.finish is Finish.LENGTH


@pytest.mark.parametrize("status", [401, 403])
def test_a_wrong_key_is_refused_and_named_by_its_variable(adapter: Adapter, status: int) -> None:
    body = {
        "error": {"message": f"Incorrect API key provided: {KEY[:4]}...{KEY[-4:]}", "type": "x", "code": 1}
    }
    adapter.server.script.append(Behaviour(status=status, error=body))
    error = error_of(adapter)
    assert isinstance(error, ModelRefused)
    assert "BOX_KEY" in error.next_step
    assert KEY[-4:] not in str(error)
    assert error.usage == TokenUsage()


def test_a_key_that_is_not_set_is_missed_before_anything_is_sent(adapter: Adapter) -> None:
    error = error_of(adapter_for(adapter.server, adapter.dialect, key=""))
    assert isinstance(error, ModelRefused)
    assert "BOX_KEY is not set" in str(error)
    assert adapter.server.seen == []


def test_a_wrong_address_is_named(adapter: Adapter) -> None:
    adapter.server.script.append(Behaviour(status=404, error={"error": {"message": "no such route"}}))
    error = error_of(adapter)
    assert isinstance(error, ModelRefused)
    assert adapter.server.url in error.next_step


def test_a_web_page_instead_of_an_answer_is_malformed(adapter: Adapter) -> None:
    page = Behaviour(raw=b"<html><body>Welcome</body></html>", raw_type="text/html")
    adapter.server.script.append(page)
    with pytest.raises(ModelError) as raised:
        adapter.reply()
    assert isinstance(raised.value, MalformedReply)
    adapter.server.script.append(page)
    with pytest.raises(ModelError):
        adapter.stream()


def test_nobody_there_is_unavailable_and_costs_nothing(adapter: Adapter) -> None:
    options = adapter.model.provider.options
    adapter.model.provider.options = ProviderOptions(options.api, "http://127.0.0.1:9", "BOX_KEY")
    error = error_of(adapter)
    assert isinstance(error, ModelUnavailable)
    assert error.usage == TokenUsage()
    assert "127.0.0.1:9" in str(error)


def test_too_many_requests_say_how_long_to_wait(adapter: Adapter) -> None:
    adapter.server.script.append(Behaviour(status=429, headers=(("retry-after", "7"),)))
    error = error_of(adapter)
    assert isinstance(error, ModelUnavailable)
    assert error.retry_after_s == 7
    assert error.usage == TokenUsage()


@pytest.mark.parametrize("status", [500, 502, 503, 529])
def test_a_failing_server_is_unavailable(adapter: Adapter, status: int) -> None:
    adapter.server.script.append(Behaviour(status=status))
    error = error_of(adapter)
    assert isinstance(error, ModelUnavailable)
    assert error.retryable


def test_nothing_is_tried_again_by_the_libraries(adapter: Adapter) -> None:
    adapter.server.default = Behaviour(status=500)
    error_of(adapter)
    assert len(adapter.server.seen) == 2


@pytest.mark.parametrize(
    ("dialect", "body"),
    [
        ("openai", {"error": {"message": "Too long", "code": "context_length_exceeded"}}),
        ("openai", {"error": {"message": "This model's maximum context length is 4096 tokens", "code": 400}}),
        ("openai", {"error": {"message": "the request exceeds the available context size", "code": 400}}),
        ("openai-responses", {"error": {"message": "Too long", "code": "context_length_exceeded"}}),
        (
            "anthropic",
            {"type": "error", "error": {"type": "x", "message": "prompt is too long: 9 tokens > 8"}},
        ),
        (
            "google",
            {
                "error": {
                    "code": 400,
                    "status": "INVALID_ARGUMENT",
                    "message": "The input token count (9) exceeds the maximum number of tokens allowed (8).",
                }
            },
        ),
    ],
)
def test_a_prompt_that_does_not_fit_is_told_apart(dialect: str, body: dict[str, Any]) -> None:
    with ModelServer() as server:
        server.script.append(Behaviour(status=400, error=body))
        assert isinstance(error_of(adapter_for(server, dialect)), ContextTooLong)


def test_silence_ends_at_the_deadline(adapter: Adapter) -> None:
    adapter.server.default = Behaviour(delay_s=30)
    began = time.monotonic()
    error = error_of(adapter, seconds=0.5)
    assert time.monotonic() - began < 3
    assert isinstance(error, ModelUnavailable)
    assert error.usage is None


def test_a_stream_that_dries_up_ends_at_the_deadline(adapter: Adapter) -> None:
    adapter.server.default = Behaviour("one two three four five six", gap_s=0.15)
    with pytest.raises(ModelUnavailable):
        adapter.stream(seconds=0.4)


def test_a_dropped_stream_is_unavailable(adapter: Adapter) -> None:
    adapter.server.default = Behaviour("one two three four", drop_after=2)
    error = error_of(adapter)
    assert isinstance(error, ModelUnavailable)
    assert error.usage is None


def test_a_stream_that_ends_before_the_reply_is_no_reply(adapter: Adapter) -> None:
    """A connection that is closed politely in the middle is cut off all the same."""
    adapter.server.default = Behaviour("one two three four", end_after=2, usage=False)
    with pytest.raises(ModelError):
        adapter.stream()


def test_a_stream_without_a_word_is_malformed(adapter: Adapter) -> None:
    adapter.server.default = Behaviour("")
    assert isinstance(error_of(adapter), MalformedReply)


def test_an_answer_without_end_is_cut_off(adapter: Adapter) -> None:
    """Whether its text is too long or the bytes that carry it."""
    adapter.server.default = Behaviour("x" * 25_000, pieces=("x" * 25_000,))
    assert isinstance(error_of(adapter), MalformedReply)
    adapter.server.default = Behaviour(raw=b'{"a": "' + b"x" * 10_000_000 + b'"}')
    began = time.monotonic()
    with pytest.raises(MalformedReply, match="cut off"):
        adapter.reply()
    assert time.monotonic() - began < 3


def test_bytes_that_are_no_utf8_are_malformed(adapter: Adapter) -> None:
    adapter.server.script.append(Behaviour(raw=b'{"id": "\xff\xfe", "choices": ['))
    with pytest.raises(MalformedReply):
        adapter.reply()
    stream = b'event: x\ndata: {"id": "\xff\xfe"}\n\n'
    adapter.server.script.append(Behaviour(raw=stream, raw_type="text/event-stream"))
    with pytest.raises(ModelError):
        adapter.stream()


def test_a_cancelled_call_reaches_the_server_within_100_ms(adapter: Adapter) -> None:
    adapter.server.default = Behaviour(delay_s=30)

    async def cancel(calls: int) -> float:
        task = asyncio.ensure_future(adapter.model.reply(CALL, PAYER, Deadline.after(30)))
        while len(adapter.server.seen) == calls:
            await asyncio.sleep(0.005)
        cancelled = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return cancelled

    def seconds() -> float:
        calls = len(adapter.server.seen)
        cancelled = adapter.run(cancel(calls))
        return adapter.server.wait_until_left(calls) - cancelled

    assert quickest(seconds, below=0.1) < 0.1


def test_a_closed_stream_reaches_the_server_within_100_ms(adapter: Adapter) -> None:
    adapter.server.default = Behaviour("one two three four " * 20, gap_s=0.05)

    async def close() -> float:
        stream = adapter.model.stream(CALL, PAYER, Deadline.after(30))
        assert await anext(stream)
        closed = time.monotonic()
        await stream.aclose()
        return closed

    def seconds() -> float:
        calls = len(adapter.server.seen)
        closed = adapter.run(close())
        return adapter.server.wait_until_left(calls) - closed

    assert quickest(seconds, below=0.1) < 0.1


def test_a_forbidden_call_is_not_made(adapter: Adapter) -> None:
    adapter.model.provider.real_calls = RealCalls.FORBIDDEN
    assert isinstance(error_of(adapter), RealCallsForbidden)
    adapter.model.provider.real_calls = RealCalls.LOOPBACK
    options = adapter.model.provider.options
    adapter.model.provider.options = ProviderOptions(options.api, "https://models.example", "BOX_KEY")
    assert isinstance(error_of(adapter), RealCallsForbidden)
    assert adapter.server.seen == []


def test_one_connection_serves_many_calls(adapter: Adapter) -> None:
    async def thrice() -> None:
        for _ in range(3):
            await adapter.model.reply(CALL, PAYER, Deadline.after(10))

    adapter.run(thrice())
    assert len({seen.headers["host"] for seen in adapter.server.seen}) == 1
    assert adapter.server.connections == 1


def test_a_model_outlives_its_event_loop(adapter: Adapter) -> None:
    assert adapter.reply().text == adapter.reply().text == "Hello."
