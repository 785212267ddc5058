"""What is kept of replies: of equal calls and no others, never across permissions, without secrets."""

from __future__ import annotations

import dataclasses
import json
import resource
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit import CALL, PAYER, collected, database_in, options_for, provider_model, run

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
from loccit.core.errors import MalformedReply, ModelNotConfigured, StorageFailed
from loccit.models.cache import Cached, ReplyCache, key_of
from loccit.models.configured import Models
from loccit.models.options import RealCalls
from loccit.models.replay import Recorded, Recorder, ReplayModel, recording_key
from loccit.models.scripted import Said, ScriptedCall, ScriptedModel
from loccit.storage.database import Database
from loccit.telemetry.trace import recording
from tests.planted_secrets import PLANTED

TEXT = "é “q” <|im_start|> \u200d \\n\n"


@pytest.fixture
def database(tmp_path: Path):
    database = database_in(tmp_path)
    yield database
    database.close()


def saying(text: str = TEXT) -> tuple[ScriptedModel, list[ModelCall]]:
    calls: list[ModelCall] = []

    def script(call: ModelCall) -> str:
        calls.append(call)
        return text

    return ScriptedModel("box:m", script), calls


def ask(model: Cached | Recorded | ReplayModel, call: ModelCall = CALL) -> ModelReply:
    return run(model.reply(call, PAYER, Deadline.after(5)))


# The cache


def test_an_equal_call_is_answered_from_the_cache_for_nothing(database: Database) -> None:
    model, calls = saying()
    cached = Cached(model, ReplyCache(database, 30), "all")
    first, second = ask(cached), ask(cached)
    assert first.origin is Origin.MODEL
    assert second == ModelReply(TEXT, "box:m", origin=Origin.CACHE)
    assert len(calls) == 1
    pieces, third = run(collected(cached))
    assert (pieces, third) == ([TEXT], second)


def test_a_stream_is_kept_too(database: Database) -> None:
    model, calls = saying()
    cached = Cached(model, ReplyCache(database, 30), "all")
    run(collected(cached))
    assert ask(cached).origin is Origin.CACHE
    assert len(calls) == 1


def test_nothing_is_handed_on_across_permissions(database: Database) -> None:
    model, calls = saying()
    cache = ReplyCache(database, 30)
    ask(Cached(model, cache, "may read: a, b"))
    assert ask(Cached(model, cache, "may read: a")).origin is Origin.MODEL
    assert len(calls) == 2


CHANGES: dict[str, object] = {
    "purpose": "judge",
    "prompt": "answer@2",
    "messages": (Message(Speaker.USER, "What is it? "),),
    "schema": {"type": "object"},
    "max_output_tokens": 101,
    "temperature": 0.5,
    "tools": (ToolSpec("read", "A file.", {"type": "object"}),),
}


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(ModelCall) if field.compare])
def test_no_field_of_a_call_is_left_out_of_its_key(field: str) -> None:
    """A field that is added to calls later must be added here, or this fails."""
    other = dataclasses.replace(CALL, **{field: CHANGES[field]})
    assert key_of(other, "box:m", "") != key_of(CALL, "box:m", "")
    assert key_of(CALL, "box:n", "") != key_of(CALL, "box:m", "")


@given(st.lists(st.tuples(st.sampled_from(Speaker), st.text(max_size=5)), max_size=4), st.text(max_size=5))
def test_keys_are_equal_only_where_calls_are(messages: list[tuple[Speaker, str]], permissions: str) -> None:
    """Texts that run together differently are different calls."""
    call = ModelCall("a", tuple(Message(*one) for one in messages), "p@1")
    joined = ModelCall("a", (Message(Speaker.USER, "".join(text for _, text in messages)),), "p@1")
    assert (key_of(call, "m", permissions) == key_of(joined, "m", permissions)) == (
        call.messages == joined.messages
    )


MESSAGES = st.builds(
    Message,
    st.sampled_from(Speaker),
    st.text(max_size=3),
    st.lists(st.builds(ToolCall, *[st.text(max_size=3)] * 3), max_size=2).map(tuple),
    st.text(max_size=3),
)


@given(MESSAGES, MESSAGES)
def test_messages_are_written_alike_only_where_they_are_equal(one: Message, other: Message) -> None:
    assert (one.written() == other.written()) == (one == other)


def test_calls_of_tools_are_kept_and_recorded(database: Database, tmp_path: Path) -> None:
    """What comes back from the cache or a recording calls the same tools under the same ids."""
    said = Said("I look.", (ScriptedCall("read", {"path": "é.py"}), ScriptedCall("read", raw="{no json")))
    model = ScriptedModel("box:m", lambda call: said)
    call = dataclasses.replace(CALL, tools=(ToolSpec("read", "A file.", {"type": "object"}),))
    cached = Cached(Recorded(model, Recorder(tmp_path / "calls")), ReplyCache(database, 30), "")
    first, second = ask(cached, call), ask(cached, call)
    assert [(one.id, one.arguments) for one in first.calls] == [
        ("call-1", '{"path": "é.py"}'),
        ("call-2", "{no json"),
    ]
    assert second == ModelReply("I look.", "box:m", origin=Origin.CACHE, calls=first.calls)
    again = ask(ReplayModel(tmp_path / "calls"), call)
    assert again == ModelReply("I look.", "box:m", origin=Origin.RECORDING, calls=first.calls)
    with pytest.raises(MalformedReply):
        ask(ReplayModel(tmp_path / "calls"))


def test_a_reply_is_read_back_as_it_was_written() -> None:
    calls = (ToolCall("t1", "read", "{"),)
    reply = ModelReply("é", "box:m", TokenUsage(1, 2, 3, 4, 5), Finish.LENGTH, Decimal("0.01"), calls=calls)
    assert ModelReply.of_json(json.loads(json.dumps(reply.as_json()))) == reply


def test_what_nobody_asked_for_is_let_go(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    import loccit.models.cache as module

    model, calls = saying()
    ask(Cached(model, ReplyCache(database, 30), ""))
    now = module.time.time()
    monkeypatch.setattr(module.time, "time", lambda: now + 29 * 86_400)
    assert ask(Cached(model, ReplyCache(database, 30), "")).origin is Origin.CACHE
    monkeypatch.setattr(module.time, "time", lambda: now + 58 * 86_400)
    assert ask(Cached(model, ReplyCache(database, 30), "")).origin is Origin.CACHE
    monkeypatch.setattr(module.time, "time", lambda: now + 89 * 86_400)
    assert ask(Cached(model, ReplyCache(database, 30), "")).origin is Origin.MODEL
    assert len(calls) == 2


def test_a_clock_that_goes_back_loses_nothing(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    import loccit.models.cache as module

    model, _ = saying()
    ask(Cached(model, ReplyCache(database, 30), ""))
    now = module.time.time()
    monkeypatch.setattr(module.time, "time", lambda: now - 400 * 86_400)
    assert ask(Cached(model, ReplyCache(database, 30), "")).origin is Origin.CACHE


@pytest.mark.parametrize("behaviour", [Behaviour(finish="length"), Behaviour("", refusal="No.")])
def test_what_was_cut_off_or_refused_is_not_kept(database: Database, behaviour: Behaviour) -> None:
    with ModelServer(behaviour) as server:
        inner = provider_model(server)
        cached = Cached(inner, ReplyCache(database, 30), "")
        assert run(cached.reply(CALL, PAYER, Deadline.after(5)), inner).finish is not Finish.STOP
        run(cached.reply(CALL, PAYER, Deadline.after(5)), inner)
    assert len(server.seen) == 2


def test_a_reply_that_cannot_be_kept_is_not_lost(database: Database) -> None:
    class Full(ReplyCache):
        def keep(self, key: str, reply: ModelReply) -> None:
            raise StorageFailed("the disk is full")

    model, _ = saying()
    with recording("run-1") as trace:
        assert ask(Cached(model, Full(database, 30), "")).text == TEXT
    (lost,) = [one for one in trace.spans if one.name == "reply not kept"]
    assert (lost.error, lost.attributes["reason"]) == ("StorageFailed", "the disk is full")


# Recordings


def test_a_recording_says_the_same_bytes_for_nothing(tmp_path: Path) -> None:
    with ModelServer(Behaviour(TEXT, pieces=("é “q” <|", "im_start|> \u200d", " \\n\n"))) as server:
        inner = provider_model(server, "box:gpt-4.1")
        recorded = Recorded(inner, Recorder(tmp_path / "calls"))
        pieces, reply = run(collected(recorded), inner)
        other = dataclasses.replace(CALL, purpose="judge")
        whole = run(recorded.reply(other, PAYER, Deadline.after(5)), inner)
    replay = ReplayModel(tmp_path / "calls")
    again_pieces, again = run(collected(replay))
    assert again_pieces == pieces
    assert again == ModelReply(reply.text, "box:gpt-4.1", TokenUsage(), Finish.STOP, origin=Origin.RECORDING)
    assert ask(replay, other).text == whole.text == TEXT
    assert len(server.seen) == 2


def test_equal_calls_are_replayed_in_their_order(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    for text in ("one", "two"):
        ask(Recorded(saying(text)[0], recorder))
    replay = ReplayModel(tmp_path)
    assert [ask(replay).text for _ in range(4)] == ["one", "two", "two", "two"]


def test_what_was_not_recorded_is_an_error(tmp_path: Path) -> None:
    ask(Recorded(saying()[0], Recorder(tmp_path)))
    with pytest.raises(MalformedReply, match="was recorded"):
        ask(ReplayModel(tmp_path), dataclasses.replace(CALL, messages=(Message(Speaker.USER, "Else?"),)))
    with pytest.raises(ModelNotConfigured):
        ReplayModel(tmp_path / "nowhere")


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"{}", b'\xff{"format": 1}'])
def test_a_damaged_recording_is_an_error(tmp_path: Path, damage: bytes) -> None:
    ask(Recorded(saying()[0], Recorder(tmp_path)))
    (path,) = tmp_path.glob("*.json")
    path.write_bytes(damage)
    with pytest.raises(MalformedReply, match="recording"):
        ask(ReplayModel(tmp_path))


@pytest.mark.parametrize("kind", PLANTED)
def test_no_secret_is_recorded(tmp_path: Path, kind: str) -> None:
    secret, around = PLANTED[kind]
    line = around.format(secret)
    call = ModelCall("answer", (Message(Speaker.USER, f"Why\n{line}\nfails?"),), "answer@1")
    half = len(line) // 2
    with ModelServer(Behaviour(pieces=("it is\n", line[:half], line[half:], "\n"))) as server:
        inner = provider_model(server)
        run(collected(Recorded(inner, Recorder(tmp_path)), call), inner)
    (path,) = tmp_path.glob("*.json")
    document = json.loads(path.read_text())
    everything = path.read_text() + "".join(document["reply"]["pieces"])
    assert secret not in everything
    assert json.dumps(secret)[1:-1] not in everything


def test_a_full_disk_loses_the_recording_and_not_the_reply(tmp_path: Path) -> None:
    """The system refuses to write more than 100 bytes to a file; the calls go on, and it is told."""
    with ModelServer() as server:
        models = Models(
            options_for(server, record="calls"),
            key_of=lambda _: None,
            real_calls=RealCalls.LOOPBACK,
            home=tmp_path,
        )
        model = models.chat("answer")
        assert model is not None
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

        async def twice() -> list[str]:
            try:
                return [(await model.reply(CALL, Payer("r"), Deadline.after(5))).text for _ in range(2)]
            finally:
                await models.close()

        assert models.recording_failure is None
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
        try:
            texts = run(twice())
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert texts == ["Hello.", "Hello."]
    assert models.recording_failure is not None
    assert "2 calls could not be recorded" in models.recording_failure.message
    assert list((tmp_path / "calls").iterdir()) == []


def test_a_folder_that_cannot_be_made_is_said_before_anything_is_paid(tmp_path: Path) -> None:
    (tmp_path / "calls").write_text("a file")
    with pytest.raises(StorageFailed, match="recordings"):
        Recorder(tmp_path / "calls")


def test_the_key_of_a_recording_does_not_depend_on_the_model() -> None:
    assert recording_key(CALL) == recording_key(dataclasses.replace(CALL, prompt="answer@2"))
    assert recording_key(CALL) != recording_key(dataclasses.replace(CALL, purpose="judge"))
