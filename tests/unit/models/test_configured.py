"""From settings to models: names, keys, chains, and nothing heavy before it is needed."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from kit import CALL, PAYER, PRICES, collected, database_in, ledger_in, options_for

from benchmarks.model_server import Behaviour, ModelServer
from loccit.budgets.deadline import Deadline
from loccit.core.calls import ModelCall, ModelReply, Origin
from loccit.core.errors import ContextTooLong, ModelError, ModelNotConfigured, ModelUnavailable, SettingsError
from loccit.models.configured import Models, Money, priced_as
from loccit.models.options import ModelOptions, ProviderOptions, RealCalls
from loccit.settings import Settings, model_key, real_model_calls
from tests.conftest import ROOT
from tests.planted_secrets import PLANTED


def models_of(options: ModelOptions, home: Path, **more: Any) -> Models:
    defaults: dict[str, Any] = {"key_of": lambda _: None, "real_calls": RealCalls.LOOPBACK}
    return Models(options, home=home, **(defaults | more))


def ask(models: Models, role: Any = "answer", permissions: str = "", call: ModelCall = CALL) -> ModelReply:
    async def and_close() -> ModelReply:
        model = models.chat(role, permissions)
        assert model is not None
        try:
            return await model.reply(call, PAYER, Deadline.after(10))
        finally:
            await models.close()

    return asyncio.run(and_close())


def test_nothing_is_configured_by_default(tmp_path: Path) -> None:
    models = models_of(ModelOptions(), tmp_path)
    assert models.chat("answer") is models.chat("stronger") is models.chat("judge") is None
    assert models.embedding() is models.rerank() is None
    assert models.listed() == ()


def test_a_chain_asks_the_next_where_one_is_down(tmp_path: Path) -> None:
    with ModelServer(Behaviour("from the spare")) as server:
        down = ProviderOptions(base_url="http://127.0.0.1:9/v1")
        spare = ProviderOptions(base_url=server.openai_url)
        options = options_for(
            server, answer="box:m", fallback=("spare:n",), providers={"box": down, "spare": spare}
        )
        models = models_of(options, tmp_path)
        reply = ask(models)
    assert (reply.text, reply.model) == ("from the spare", "spare:n")


def test_a_stream_moves_on_before_its_first_word_and_not_after(tmp_path: Path) -> None:
    async def story() -> None:
        model = models.chat("answer")
        assert model is not None
        try:
            pieces, reply = await collected(model)
            assert ("".join(pieces), reply.model) == ("spare", "spare:n")
            server.decide = lambda seen: (
                Behaviour("one two three", drop_after=1) if seen.body["model"] == "m" else Behaviour("spare")
            )
            with pytest.raises(ModelUnavailable):
                await collected(model)
        finally:
            await models.close()

    with ModelServer() as server:
        server.decide = lambda seen: (
            Behaviour(status=503) if seen.body["model"] == "m" else Behaviour("spare", pieces=("sp", "are"))
        )
        models = models_of(options_for(server, fallback=("spare:n",), attempts=1), tmp_path)
        asyncio.run(story())
    assert [body["model"] for body in server.bodies()] == ["m", "n", "m"]


def test_when_every_model_is_down_the_error_says_so_with_what_it_cost(tmp_path: Path) -> None:
    database = database_in(tmp_path)
    ledger = ledger_in(database)
    with ModelServer(Behaviour(drop_after=0)) as server:
        options = options_for(server, fallback=("spare:n",), attempts=2, call_timeout_s=5.0)
        models = models_of(options, tmp_path, money=lambda: Money(ledger, PRICES))
        with pytest.raises(ModelUnavailable) as raised:
            ask(models)
    spent = sum((row.usd for row in ledger.spending("model")), Decimal(0))
    ledger.close()
    database.close()
    assert "box:m" in str(raised.value)
    assert "spare:n" in str(raised.value)
    assert len(server.seen) == 4
    assert raised.value.spent_usd == spent > 0


def test_a_prompt_that_is_too_long_goes_to_whoever_packs_it(tmp_path: Path) -> None:
    error = {"error": {"message": "too long", "code": "context_length_exceeded"}}
    with ModelServer(Behaviour(status=400, error=error)) as server, pytest.raises(ContextTooLong):
        ask(models_of(options_for(server, fallback=("spare:n",)), tmp_path))
    assert len(server.seen) == 1


def test_replies_of_a_fallback_are_kept_under_its_own_name(tmp_path: Path) -> None:
    database = database_in(tmp_path)
    with ModelServer(Behaviour("spare")) as server:
        server.script.append(Behaviour(status=401))
        options = options_for(server, fallback=("spare:n",), cache=True)
        models = models_of(options, tmp_path, database=lambda: database)
        assert ask(models).model == "spare:n"
        server.default = Behaviour("from the first")
        assert ask(models).text == "from the first"
        assert ask(models).origin is Origin.CACHE
        assert ask(models, permissions="others").origin is Origin.MODEL
    database.close()


def test_a_server_that_knows_no_schemas_is_asked_in_words_from_then_on(tmp_path: Path) -> None:
    call = ModelCall("answer", CALL.messages, "answer@1", schema={"type": "object"}, max_output_tokens=50)
    error = {"error": {"message": "Unsupported parameter: response_format json_schema", "code": 400}}

    def decide(seen: Any) -> Behaviour:
        form = seen.body.get("response_format", {}).get("type")
        return Behaviour(status=400, error=error) if form == "json_schema" else Behaviour('{"a": 1}')

    with ModelServer() as server:
        server.decide = decide
        models = models_of(options_for(server), tmp_path)
        assert ask(models, call=call).text == ask(models, call=call).text == '{"a": 1}'
    forms = [body.get("response_format", {}).get("type") for body in server.bodies()]
    assert forms == ["json_schema", "json_object", "json_object"]
    assert "JSON object" in str(server.bodies()[1]["messages"])


def test_another_refusal_is_not_taken_for_one_of_the_schema(tmp_path: Path) -> None:
    call = ModelCall("answer", CALL.messages, "answer@1", schema={"type": "object"})
    error = {"error": {"message": "temperature must be 1", "code": 400}}
    refusing = ModelServer(Behaviour(status=400, error=error))
    with refusing as server, pytest.raises(ModelError, match="temperature must be 1"):
        ask(models_of(options_for(server), tmp_path), call=call)
    assert len(server.seen) == 1


def test_a_prompt_that_is_known_not_to_fit_is_not_sent(tmp_path: Path) -> None:
    """Local servers cut prompts off in silence."""
    with ModelServer() as server:
        table = ProviderOptions(base_url=server.openai_url, context_tokens=110)
        models = models_of(options_for(server, providers={"box": table}), tmp_path)
        assert models.context_tokens("answer") == 110
        with pytest.raises(ContextTooLong, match="110"):
            ask(models)
        short = ModelCall("answer", CALL.messages, "answer@1", max_output_tokens=50)
        assert ask(models, call=short).text == "Hello."
    assert len(server.seen) == 1


@pytest.mark.parametrize("kind", PLANTED)
def test_a_secret_that_a_server_repeats_is_not_passed_on(tmp_path: Path, kind: str) -> None:
    secret, around = PLANTED[kind]
    said = {"error": {"message": f"cannot read: {around.format(secret)}", "code": 400}}
    with ModelServer(Behaviour(status=400, error=said)) as server, pytest.raises(ModelError) as raised:
        ask(models_of(options_for(server), tmp_path))
    assert secret not in str(raised.value)
    assert "cannot read" in str(raised.value)


@pytest.mark.parametrize("name", ["gpt-5", ":m", "openai:", "nobody:m"])
def test_a_name_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelNotConfigured) as raised:
        models_of(ModelOptions(answer=name), tmp_path).chat("answer")
    assert repr(name) in str(raised.value)
    assert "[models" in raised.value.next_step


def test_only_the_named_variable_holds_the_key(tmp_path: Path) -> None:
    asked: list[str] = []

    def key_of(variable: str) -> str:
        asked.append(variable)
        return "the-key-of-the-box"

    with ModelServer() as server:
        table = ProviderOptions(base_url=server.openai_url, key_variable="BOX_KEY")
        models = models_of(options_for(server, providers={"box": table}), tmp_path, key_of=key_of)
        ask(models)
    assert asked == ["BOX_KEY"]
    assert server.seen[0].headers["authorization"] == "Bearer the-key-of-the-box"
    assert "the-key" not in repr(models.__dict__)


def test_the_environment_of_the_libraries_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An address, an organisation or a key that is meant for others is not sent anywhere."""
    for name in ("OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_BASE_URL", "OLLAMA_API_KEY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/planted")
    with ModelServer() as server:
        ask(models_of(options_for(server), tmp_path))
    assert "planted" not in str(server.seen[0].headers)


@pytest.mark.parametrize(
    ("value", "meaning"),
    [
        (None, RealCalls.ALLOWED),
        ("", RealCalls.ALLOWED),
        ("0", RealCalls.ALLOWED),
        ("remote", RealCalls.LOOPBACK),
        ("1", RealCalls.FORBIDDEN),
        ("yes", RealCalls.FORBIDDEN),
    ],
)
def test_the_switch_forbids_real_calls(
    monkeypatch: pytest.MonkeyPatch, value: str | None, meaning: RealCalls
) -> None:
    if value is None:
        monkeypatch.delenv("LOCCIT_FORBID_MODEL_CALLS")
    else:
        monkeypatch.setenv("LOCCIT_FORBID_MODEL_CALLS", value)
    assert real_model_calls() is meaning


def test_real_calls_are_forbidden_in_tests() -> None:
    assert real_model_calls() is RealCalls.FORBIDDEN


def test_a_key_with_odd_characters_is_refused_and_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOX_KEY", "planted\nkey")
    with pytest.raises(SettingsError) as raised:
        model_key("BOX_KEY")
    assert "planted" not in str(raised.value)


def write(home: Path, text: str) -> Callable[[], Settings]:
    (home / "settings.toml").write_text(text)
    return lambda: Settings.load(home)


def test_settings_name_models_and_providers(tmp_path: Path) -> None:
    settings = write(
        tmp_path,
        """
        [models]
        answer = "box:qwen3"
        fallback = ["openai:gpt-5-mini"]
        [models.providers.box]
        base_url = "http://10.0.0.7:8000/v1/"
        price_as = "together"
        """,
    )()
    assert settings.models.providers["box"].api == "openai"
    assert priced_as(settings.models) == {"box": "together"}
    listed = models_of(settings.models, tmp_path, key_of=lambda _: "k").listed()
    assert [(one.role, one.name, one.key_variable, one.has_key) for one in listed] == [
        ("answer", "box:qwen3", "", False),
        ("fallback", "openai:gpt-5-mini", "OPENAI_API_KEY", True),
    ]
    assert listed[0].base_url == "http://10.0.0.7:8000/v1"


@pytest.mark.parametrize(
    "text",
    [
        "[models.providers.box]\nkey = 'sk-planted'",
        "[models.providers.box]\napi = 'grpc'",
        "[models]\nattempts = 'many'",
        "[models]\nanswers = 'x'",
    ],
)
def test_what_settings_do_not_know_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError, match="models"):
        write(tmp_path, text)()


def test_embeddings_and_ranks_come_in_the_order_of_the_texts(tmp_path: Path) -> None:
    async def both() -> tuple[Any, Any]:
        embedding, rerank = models.embedding(), models.rerank()
        assert embedding is not None
        assert rerank is not None
        try:
            texts = [f"text {'a' * number}" for number in range(130)]
            vectors = await embedding.embed(texts, PAYER, Deadline.after(10))
            scores = await rerank.rerank("a b", ["c", "a b", "b"], PAYER, Deadline.after(10))
            assert await rerank.rerank("a b", [], PAYER, Deadline.after(10)) == ()
        finally:
            await models.close()
        return vectors, scores

    database = database_in(tmp_path)
    ledger = ledger_in(database)
    with ModelServer() as server:
        server.script.append(Behaviour(status=503))
        options = options_for(server, embedding="box:e", rerank="box:r")
        models = models_of(options, tmp_path, money=lambda: Money(ledger, PRICES))
        vectors, scores = asyncio.run(both())
    spent = sum((row.usd for row in ledger.spending("model")), Decimal(0))
    ledger.close()
    database.close()
    assert [vector[0] for vector in vectors] == [5 + number for number in range(130)]
    assert scores == (0.0, 1.0, 0.5)
    assert spent == 36
    assert len(server.seen) == 4


@pytest.mark.parametrize("raw", [b"[]", b"{}", b'{"data": [], "results": []}', b"\xff", b"<html>"])
def test_vectors_that_are_none_are_an_error(tmp_path: Path, raw: bytes) -> None:
    async def embed() -> None:
        embedding, rerank = models.embedding(), models.rerank()
        assert embedding is not None
        assert rerank is not None
        try:
            with pytest.raises(ModelError):
                await embedding.embed(["x"], PAYER, Deadline.after(5))
            with pytest.raises(ModelError):
                await rerank.rerank("x", ["x"], PAYER, Deadline.after(5))
        finally:
            await models.close()

    with ModelServer(Behaviour(raw=raw)) as server:
        models = models_of(options_for(server, embedding="box:e", rerank="box:r"), tmp_path)
        asyncio.run(embed())


PROGRAM = """
import sys
from pathlib import Path
from loccit.models.configured import Models
from loccit.settings import Settings, model_key, real_model_calls
from loccit.wiring import build
settings = Settings.load(Path(sys.argv[1]))
models = build(settings).models()
assert models.chat("answer") is None
import loccit.cli.app
print([name for name in ("pydantic_ai", "sqlalchemy", "tiktoken", "openai", "httpx2") if name in sys.modules])
"""


def test_without_models_nothing_heavy_is_loaded(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        check=True,
    )
    assert done.stdout.strip() == "[]"


WITHOUT_THE_EXTRA = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("pydantic_ai", "openai", "tiktoken"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
from pathlib import Path
from loccit.core.errors import ModelNotConfigured
from loccit.models.configured import Models
from loccit.models.options import ModelOptions, RealCalls
try:
    options = ModelOptions(answer="openai:gpt-5")
    Models(options, key_of=lambda _: "k", real_calls=RealCalls.ALLOWED, home=Path(".")).chat("answer")
except ModelNotConfigured as error:
    print(error)
"""


def test_without_the_extra_it_says_what_to_install() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_THE_EXTRA],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        check=True,
    )
    assert "pip install 'loccit[models]'" in done.stdout
