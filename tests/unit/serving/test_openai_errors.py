"""Errors in OpenAI's dialect: the client's own exceptions, wherever the error arises."""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections.abc import Generator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from benchmarks.model_server import Behaviour, ModelServer
from loccit import Loccit
from loccit.budgets.options import BudgetOptions
from loccit.core import errors as tree
from loccit.core.errors import (
    BudgetExceeded,
    LimitExceeded,
    LoccitError,
    PolicyDenied,
    StepFailed,
    StorageFailed,
)
from loccit.models.options import ModelOptions, ProviderOptions
from loccit.serving.openai_compat import errors
from loccit.serving.openai_compat.schemas import ERRORS
from loccit.settings import Settings
from tests.servers import Server, index_two, running

QUESTION = "Where is the weather report of a city made?"
MESSAGES: Any = [{"role": "user", "content": QUESTION}]
BODIES: dict[str, dict[str, Any]] = {
    "chat/completions": {"model": "loccit", "messages": MESSAGES},
    "responses": {"model": "loccit", "input": QUESTION},
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("served")
    index_two(folder, folder / "home")
    return folder / "home"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Generator[Server]:
    """A server with keys, that takes small bodies."""
    folder = tmp_path_factory.mktemp("keyed")
    index_two(folder, folder / "home")
    with running(folder / "home", most_body_bytes=20_000) as one:
        one.key("somebody")
        yield one


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Generator[ModelServer]:
    """A model over HTTP, on this machine, that takes its time."""
    monkeypatch.setenv("LOCCIT_FORBID_MODEL_CALLS", "remote")
    with ModelServer(Behaviour(delay_s=60)) as one:
        yield one


@pytest.fixture
def slow(home: Path, model: ModelServer) -> Generator[Server]:
    """A server that gives up before its model answers."""
    with running(home, settings_of(home, model), deadline_s=3) as one:
        yield one


def settings_of(home: Path, model: ModelServer) -> Settings:
    settings = Settings.load(home)
    options = ModelOptions(
        answer="box:m", cache=False, providers={"box": ProviderOptions(base_url=model.openai_url)}
    )
    return replace(settings, models=options, budgets=BudgetOptions(allow_unknown_prices=True))


@pytest.fixture
def client(server: Server) -> Generator[openai.OpenAI]:
    with client_of(server, server.key("reader", repositories=["open"])) as one:
        yield one


def client_of(server: Server, key: str, **options: Any) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key=key, **{"max_retries": 0, **options})


def refused(kind: type[openai.APIStatusError], call: Any, **arguments: Any) -> openai.APIStatusError:
    """What the client raises, whose response is an envelope and nothing else."""
    with pytest.raises(kind) as told:
        call(**arguments)
    assert told.value.status_code == told.value.response.status_code
    assert told.value.response.headers["content-type"] == "application/json"
    assert set(told.value.response.json()) == {"error"}
    assert set(told.value.response.json()["error"]) == {"message", "type", "param", "code"}
    assert told.value.request_id == told.value.response.headers["loccit-request"]
    return told.value


def test_a_wrong_key_and_none_are_not_authenticated(server: Server):
    with client_of(server, "sk-wrong") as wrong:
        told = refused(openai.AuthenticationError, wrong.models.list)
    assert (told.code, told.type) == ("invalid_api_key", "invalid_request_error")
    assert told.response.headers["www-authenticate"] == 'Bearer realm="loccit"'
    with server.client() as nobody:
        for reply in (
            nobody.post("/v1/chat/completions", json={}),
            nobody.post("/v1/responses", json={}),
            nobody.get("/v1/models/loccit"),
        ):
            assert (reply.status_code, reply.json()["error"]["code"]) == (401, "invalid_api_key")


def test_a_model_that_may_not_be_seen_is_one_that_does_not_exist(client: openai.OpenAI):
    assert [model.id for model in client.models.list()] == ["loccit", "loccit/open", "loccit:all"]
    chat, respond = client.chat.completions.create, client.responses.create
    told: list[bytes] = []
    for name in ("closed", "nobody"):
        id = f"loccit/{name}"
        errors = [refused(openai.NotFoundError, client.models.retrieve, model=id)]
        for stream in (False, True):
            errors.append(refused(openai.NotFoundError, chat, model=id, messages=MESSAGES, stream=stream))
            errors.append(refused(openai.NotFoundError, respond, model=id, input=QUESTION, stream=stream))
        assert {(error.code, error.param) for error in errors} == {("model_not_found", "model")}
        told += [error.response.content.replace(name.encode(), b"NAME") for error in errors]
    assert len(set(told)) == 1
    for id in ("gpt-5", "loccit/", "loccit:", "loccit/all", "loccit:open", "LOCCIT", "loccit/open/"):
        assert refused(openai.NotFoundError, client.models.retrieve, model=id).code == "model_not_found"


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"functions": [{"name": "f"}]}, "functions"),
        ({"n": 2}, "n"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"response_format": {"type": "json_schema", "json_schema": {"name": "x"}}}, "response_format"),
        ({"logprobs": True}, "logprobs"),
        ({"stop": ["."]}, "stop"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"audio": {"voice": "alloy", "format": "wav"}}, "audio"),
        ({"web_search_options": {}}, "web_search_options"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
            "messages[0].content[0].type",
        ),
        (
            {"messages": [*MESSAGES, {"role": "tool", "content": "x", "tool_call_id": "c1"}]},
            "messages[1]",
        ),
    ],
)
def test_what_is_not_done_here_is_refused_by_its_name(client: openai.OpenAI, more: Any, param: str):
    body: Any = {"model": "loccit", "messages": MESSAGES} | more
    for stream in (False, True):
        told = refused(openai.BadRequestError, client.chat.completions.create, **body, stream=stream)
        assert (told.code, told.param) == ("unsupported_parameter", param)


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"tools": [{"type": "function", "name": "f", "parameters": {}}]}, "tools"),
        ({"tools": [{"type": "web_search"}]}, "tools"),
        ({"background": True}, "background"),
        ({"prompt": {"id": "pmpt_1"}}, "prompt"),
        ({"text": {"format": {"type": "json_object"}}}, "text"),
        ({"include": ["message.output_text.logprobs"]}, "include"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"input": [{"type": "function_call_output", "call_id": "c", "output": "x"}]}, "input[0]"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "x"}]}]},
            "input[0].content[0].type",
        ),
    ],
)
def test_a_response_refuses_it_too(client: openai.OpenAI, more: Any, param: str):
    body: Any = {"model": "loccit", "input": QUESTION} | more
    told = refused(openai.BadRequestError, client.responses.create, **body)
    assert (told.code, told.param) == ("unsupported_parameter", param)


def test_what_says_only_what_is_done_anyway_is_taken(client: openai.OpenAI):
    plain: Any = {
        "n": 1,
        "tools": [],
        "tool_choice": "none",
        "response_format": {"type": "text"},
        "logprobs": False,
        "stop": [],
        "modalities": ["text"],
        "temperature": 1.5,
        "max_tokens": 5,
        "reasoning_effort": "high",
    }
    assert client.chat.completions.create(model="loccit", messages=MESSAGES, **plain).choices
    text: Any = {"format": {"type": "text"}, "verbosity": "low"}
    assert client.responses.create(
        model="loccit", input=QUESTION, text=text, store=False, include=["reasoning.encrypted_content"]
    ).output_text


@pytest.mark.parametrize(
    ("path", "body", "code", "param"),
    [
        ("chat/completions", {"messages": MESSAGES}, "missing_required_parameter", "model"),
        ("chat/completions", {"model": "loccit"}, "missing_required_parameter", "messages"),
        ("chat/completions", {"model": "loccit", "messages": []}, "invalid_value", "messages"),
        ("chat/completions", {"model": 7, "messages": MESSAGES}, "invalid_type", "model"),
        (
            "chat/completions",
            {"model": "loccit", "messages": MESSAGES, "colour": 1},
            "unknown_parameter",
            "colour",
        ),
        (
            "chat/completions",
            {"model": "loccit", "messages": [{"role": "user", "content": " "}]},
            "invalid_value",
            "messages[0].content",
        ),
        (
            "chat/completions",
            {"model": "loccit", "messages": [*MESSAGES, {"role": "assistant", "content": "x"}]},
            "invalid_value",
            "messages[1]",
        ),
        (
            "chat/completions",
            {"model": "loccit", "messages": [{"role": "system", "content": "x"}]},
            "invalid_value",
            "messages[0]",
        ),
        ("responses", {"model": "loccit", "input": "x", "previous_response_id": "resp_1"}, None, None),
        ("responses", {"model": "loccit", "input": "x", "conversation": "conv_1"}, None, None),
        (
            "responses",
            {"model": "loccit", "input": "x", "conversation": "c", "previous_response_id": "r"},
            "invalid_value",
            "previous_response_id",
        ),
    ],
)
def test_a_request_that_is_not_understood_names_its_fault(
    server: Server, path: str, body: Any, code: str | None, param: str | None
):
    with server.client(server.key("raw")) as client:
        reply = client.post(f"/v1/{path}", json=body)
    error = reply.json()["error"]
    if code is None:
        field = "conversation" if "conversation" in body else "previous_response"
        assert (reply.status_code, error["code"]) == (404, f"{field}_not_found")
        return
    assert (reply.status_code, error["type"]) == (400, "invalid_request_error")
    assert (error["code"], error["param"]) == (code, param)


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff\xfe", b'"x"', b""])
def test_a_body_that_is_none_is_told_so(server: Server, body: bytes):
    with server.client(server.key("raw")) as client:
        for path in ("/v1/chat/completions", "/v1/responses"):
            reply = client.post(path, content=body, headers={"Content-Type": "application/json"})
            assert reply.status_code == 400, reply.text
            assert reply.json()["error"]["type"] == "invalid_request_error"


def test_the_edge_speaks_the_dialect_too(server: Server):
    with server.client(server.key("raw")) as client:
        said = {"model": "loccit", "messages": [{"role": "user", "content": "x" * 30_000}]}
        long = client.post("/v1/chat/completions", json=said)
        assert (long.status_code, long.json()["error"]["code"]) == (413, "request_too_large")
        # A length that nobody announced is found while it is read.
        pieces = client.post("/v1/responses", content=(b"x" * 10_000 for _ in range(4)))
        assert (pieces.status_code, pieces.json()["error"]["code"]) == (413, "request_too_large")
        host = client.get("/v1/models", headers={"Host": "evil.example"})
        assert (host.status_code, host.json()["error"]["code"]) == (403, "permission_denied")
        missing = client.get("/v1/responses/resp_1")
        assert (missing.status_code, set(missing.json())) == (404, {"error"})
        method = client.delete("/v1/chat/completions")
        assert (method.status_code, method.json()["error"]["type"]) == (405, "invalid_request_error")
        # Other doors keep their own.
        assert client.post("/v1/ask", content=b"x" * 30_000).json()["status"] == 413


def test_more_requests_than_a_key_has_say_when_to_come_again(server: Server):
    key = server.key("hasty", requests_per_minute=2)
    with client_of(server, key) as client:
        for left in ("1", "0"):
            head = client.models.with_raw_response.list().headers
            assert (head["x-ratelimit-limit-requests"], head["x-ratelimit-remaining-requests"]) == ("2", left)
            assert head["x-ratelimit-reset-requests"].endswith("s")
        told = refused(openai.RateLimitError, client.models.list)
    assert (told.code, told.type) == ("rate_limit_exceeded", "requests")
    head = told.response.headers
    assert 1 <= int(head["retry-after"]) <= 30
    assert (head["x-ratelimit-limit-requests"], head["x-ratelimit-remaining-requests"]) == ("2", "0")


def test_a_server_without_room_sheds_in_the_dialect(home: Path):
    with running(home, threads=1, queue=0, streams=1) as server, server.client(server.key("r")) as client:
        started, release = threading.Event(), threading.Event()

        def block(guest: object) -> None:
            started.set()
            release.wait(20)

        blocked = asyncio.run_coroutine_threadsafe(server.service.run(server.local, block), server.loop)
        assert started.wait(10)
        for reply in (client.get("/v1/models"), client.post("/v1/responses", json={})):
            assert (reply.status_code, reply.json()["error"]["code"]) == (503, "overloaded")
            assert int(reply.headers["retry-after"]) >= 1
        release.set()
        blocked.result(10)
        asyncio.run_coroutine_threadsafe(server.service.streams.enter(), server.loop).result(5)
        body = {"model": "loccit", "messages": MESSAGES, "stream": True}
        full = client.post("/v1/chat/completions", json=body)
        assert (full.status_code, full.json()["error"]["code"]) == (503, "overloaded")


@pytest.mark.parametrize("path", ["chat/completions", "responses"])
def test_what_fails_before_there_is_anything_to_say_fails_by_a_status(
    home: Path, monkeypatch: pytest.MonkeyPatch, path: str
):
    """A stream whose first word is an error is none."""
    monkeypatch.setattr(Loccit, "quote", _full)
    with running(home) as server, server.client(server.key("r")) as client:
        for stream in (False, True):
            reply = client.post(f"/v1/{path}", json=BODIES[path] | {"stream": stream})
            assert (reply.status_code, reply.json()["error"]["type"]) == (503, "server_error")
            assert "secret/place" not in reply.text
        assert server.service.streams.inside == 0


def _full(*_: Any, **__: Any) -> None:
    raise StorageFailed("cannot write '/secret/place'")


def test_what_fails_later_ends_the_stream_in_the_dialect(slow: Server):
    with client_of(slow, slow.key("reader")) as client:
        stream = client.chat.completions.create(model="loccit", messages=MESSAGES, stream=True)
        with pytest.raises(openai.APIError) as told:
            list(stream)
        assert told.value.code == "timeout"
        events: list[Any] = list(client.responses.create(model="loccit", input=QUESTION, stream=True))
        assert [event.type for event in events] == [
            "response.created",
            "response.in_progress",
            "response.failed",
        ]
        assert events[-1].response.error.code == "server_error"
        assert events[-1].response.id == events[0].response.id
        told_plainly = refused(
            openai.InternalServerError,
            lambda: client.chat.completions.create(model="loccit", messages=MESSAGES),
        )
        assert (told_plainly.status_code, told_plainly.code) == (504, "timeout")
        # The client would ask the model again, and pay again.
        assert told_plainly.response.headers["x-should-retry"] == "false"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", ["chat/completions", "responses"])
def test_a_client_that_is_gone_ends_the_call_of_the_model(
    home: Path, model: ModelServer, path: str, stream: bool
):
    with running(home, settings_of(home, model), deadline_s=100) as server:
        key = server.key("leaver")

        async def leaves() -> float:
            async with httpx.AsyncClient(
                base_url=server.url, headers={"Authorization": f"Bearer {key}"}, trust_env=False
            ) as client:
                before = len(model.seen)
                asked = asyncio.create_task(
                    client.post(f"/v1/{path}", json=BODIES[path] | {"stream": stream}, timeout=60)
                )
                while len(model.seen) == before:
                    assert not asked.done(), asked.result().text
                    await asyncio.sleep(0.005)
                asked.cancel()
                await asyncio.gather(asked, return_exceptions=True)
                return time.monotonic()

        gone_at = asyncio.run(leaves())
        # How soon is for the benchmark `cancel` to say; the model itself would go on for a minute.
        assert model.wait_until_left(len(model.seen) - 1) - gone_at < 30
        until = time.monotonic() + 5
        while server.service.answers.inside or server.service.streams.inside:
            assert time.monotonic() < until
            time.sleep(0.01)


def test_every_error_of_the_tree_has_a_status_and_a_code_that_clients_know():
    families = [one for _, one in inspect.getmembers(tree, inspect.isclass) if issubclass(one, LoccitError)]
    assert len(families) > 40
    for family in families:
        error = made(family)
        said = errors.error_of(error)
        assert errors.status_of(error) in openapi_statuses(), family
        assert (errors.status_of(error) >= 500) == (said["type"] == "server_error"), family
        assert said["message"]
        assert said["code"]


def test_a_spent_budget_is_an_insufficient_quota_that_is_not_asked_again():
    error = BudgetExceeded("key k1 per month", Decimal(3), Decimal(2))
    assert errors.status_of(error) == 429
    assert errors.error_of(error)["code"] == errors.error_of(error)["type"] == "insufficient_quota"
    assert errors.headers_of(error) == {"x-should-retry": "false"}


def made(family: type[LoccitError]) -> LoccitError:
    if issubclass(family, BudgetExceeded):
        return family("total", Decimal(2), Decimal(1))
    if issubclass(family, LimitExceeded):
        return family("bytes", 2, 1)
    if issubclass(family, PolicyDenied):
        return family("push", "grant")
    if issubclass(family, StepFailed):
        return family("prepare", "it went wrong", "storage_failed")
    return family("it went wrong")


def openapi_statuses() -> set[int]:
    return {int(status) for status in ERRORS}
