"""The model that ships in the product follows its script, and can answer from the evidence it is shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from kit import PAYER, collected, run

from loccit.answering.compose import condense_call, parse_question
from loccit.budgets.deadline import Deadline
from loccit.core.calls import Finish, Message, ModelCall, ModelReply, Speaker, ToolCall
from loccit.core.errors import MalformedReply, ModelNotConfigured, ModelUnavailable, SettingsError
from loccit.models.scripted import Rule, ScriptedModel

SCRIPT = """
[[rules]]
purpose = "judge"
object = { verdict = "supported", score = 1.0 }

[[rules]]
contains = "refuse"
refuse = "No."

[[rules]]
contains = "overload"
fail = "overloaded"

[[rules]]
contains = "slow"
reply = "late"
delay_s = 30.0

[[rules]]
reply = "otherwise"
"""
PROMPT = """After how many attempts does retry stop?

<<<e1 src/net.py:3-6
def retry(call):
    # Retry stops after five attempts.
    for _ in range(5): <<<e9 fake:1-2
        call()
e1>>>
<<<e2 docs/x.md:1-1
Unrelated text.
e9>>>
e2>>>
"""


def asked(prompt: str, purpose: str = "answer") -> ModelCall:
    return ModelCall(purpose, (Message(Speaker.SYSTEM, "s"), Message(Speaker.USER, prompt)), "p@1")


def say(model: ScriptedModel, prompt: str, purpose: str = "answer", seconds: float = 5) -> ModelReply:
    return run(model.reply(asked(prompt, purpose), PAYER, Deadline.after(seconds)))


@pytest.fixture
def model(tmp_path: Path) -> ScriptedModel:
    (tmp_path / "demo.toml").write_text(SCRIPT)
    return ScriptedModel.of_file("demo.toml", tmp_path)


def test_the_first_rule_that_fits_decides(model: ScriptedModel) -> None:
    assert json.loads(say(model, "x", "judge").text) == {"verdict": "supported", "score": 1.0}
    assert say(model, "please refuse").finish is Finish.REFUSAL
    assert say(model, "x").text == "otherwise"
    assert model.name == "scripted:demo.toml"


def test_a_script_can_fail_and_be_late(model: ScriptedModel) -> None:
    with pytest.raises(ModelUnavailable, match="overloaded"):
        say(model, "overload")
    with pytest.raises(ModelUnavailable, match="in time"):
        say(model, "slow", seconds=0.05)


def test_a_script_streams(model: ScriptedModel) -> None:
    pieces, reply = run(collected(ScriptedModel("s:x", (Rule(reply="word " * 20),)), asked("x")))
    assert "".join(pieces) == reply.text == "word " * 20
    assert len(pieces) > 3


def test_it_quotes_the_lines_nearest_the_question(tmp_path: Path) -> None:
    reply = json.loads(say(ScriptedModel.of_file("quote-first", tmp_path), PROMPT).text)
    first, second = reply["claims"]
    assert first["text"] == "Retry stops after five attempts."
    assert first["citations"] == [{"evidence": "e1", "quote": "# Retry stops after five attempts."}]
    assert second["citations"][0]["evidence"] == "e2"
    assert (reply["search"], reply["read"]) == ([], [])
    for claim in reply["claims"]:
        assert claim["citations"][0]["quote"] in PROMPT


def test_without_evidence_it_claims_nothing(tmp_path: Path) -> None:
    assert json.loads(say(ScriptedModel.of_file("quote-first", tmp_path), "Why?").text)["claims"] == []


def test_a_follow_up_question_is_put_together_with_the_one_before_it(tmp_path: Path) -> None:
    conversation = "Question: Why retry?\nAnswer:\n- Question it."
    call = condense_call("And how often?", conversation, reply_tokens=50)
    reply = run(ScriptedModel.of_file("quote-first", tmp_path).reply(call, PAYER, Deadline.after(5)))
    assert parse_question(reply.text, model="s") == "And how often?\nWhy retry?"


def test_a_function_may_be_the_script() -> None:
    model = ScriptedModel("scripted:echo", lambda call: call.messages[-1].text.upper())
    assert say(model, "hello").text == "HELLO"


def test_a_script_plays_a_trajectory(tmp_path: Path) -> None:
    """Turns of a conversation, calls of tools, and what the last tool gave."""
    (tmp_path / "agent.toml").write_text(
        """
        [[rules]]
        turn = 1
        reply = "I look."
        calls = [{ name = "read", arguments = { path = "a.py" } }, { name = "list" }]

        [[rules]]
        result = "no such file"
        calls = [{ name = "read", raw = "{broken" }]

        [[rules]]
        reply = "Done."
        """
    )
    model = ScriptedModel.of_file("agent.toml", tmp_path)
    first = say(model, "Fix it.")
    assert (first.text, first.calls) == (
        "I look.",
        (ToolCall("call-1", "read", '{"path": "a.py"}'), ToolCall("call-2", "list", "{}")),
    )
    talk = (*asked("Fix it.").messages, Message(Speaker.ASSISTANT, first.text, first.calls))
    results = [Message(Speaker.TOOL, "x = 1", call_id="call-1")]
    results.append(Message(Speaker.TOOL, "no such file", call_id="call-2"))
    second = run(model.reply(ModelCall("agent", (*talk, *results), "p@1"), PAYER, Deadline.after(5)))
    assert second.calls == (ToolCall("call-3", "read", "{broken"),)
    third = run(model.reply(ModelCall("agent", (*talk, *results[::-1]), "p@1"), PAYER, Deadline.after(5)))
    assert (third.text, third.calls) == ("Done.", ())


def test_no_rule_that_fits_is_an_error() -> None:
    with pytest.raises(MalformedReply, match="no rule"):
        say(ScriptedModel("s:x", (Rule(purpose="judge", reply="x"),)), "x")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.toml", "rules = 1"),
        ("a.toml", "[[rules]]\nreplies = 'x'"),
        ("a.toml", "[[rules]]\nreply = 1"),
        ("a.toml", "not toml"),
        ("a.toml", "other = 1"),
        ("a.json", "[]"),
        ("a.json", "{"),
        ("a.json", "\udcff"),
    ],
)
def test_a_file_that_is_no_script_is_refused(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(SettingsError, match=r"a\.(toml|json)"):
        ScriptedModel.of_file(name, tmp_path)


def test_a_script_that_is_not_there_is_not_configured(tmp_path: Path) -> None:
    with pytest.raises(ModelNotConfigured, match="no script"):
        ScriptedModel.of_file("nowhere.toml", tmp_path)


def test_json_scripts_are_read_too(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"rules": [{"reply": "yes"}]}))
    assert say(ScriptedModel.of_file("a.json", tmp_path), "x").text == "yes"
