"""A sub-agent has a window of its own, no more rights than its parent, and labels on what it says."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loccit.agents.context import Context
from loccit.agents.options import Limits
from loccit.agents.outputs import Outputs
from loccit.agents.protocols import Observed, Replied
from loccit.agents.protocols import Tools as AnyTools
from loccit.agents.subagents import SubAgents, shared
from loccit.agents.values import Observation
from loccit.core.calls import Message, ModelCall, ModelReply, Speaker, ToolCall
from loccit.policy.gateway import Gateway
from loccit.policy.grants import Request
from loccit.policy.labels import TRUSTED, Integrity, Label
from loccit.policy.policy_file import Policy, ToolRule
from loccit.policy.rules import Verdict
from loccit.policy.tools import Tool, ToolResult
from tests.simulated_tools import Done, tool

READ = ToolRule(granted="always", uses=None)
SECRET = Label(Integrity.UNTRUSTED, frozenset({"team"}), frozenset({"issue 7"}), is_secret=True)


@dataclass
class Played:
    """A journal that plays replies, and remembers what was asked and decided."""

    replies: list[ModelReply]
    asked: list[ModelCall] = field(default_factory=list)
    verdicts: list[tuple[str, str]] = field(default_factory=list)

    async def reply(self, key: str, call: ModelCall, seconds_left: float) -> Replied:
        self.asked.append(call)
        return Replied(self.replies.pop(0))

    async def observe(self, key: str, call: ToolCall, tools: AnyTools, seconds_left: float) -> Observed:
        decision = tools.decide(call)
        self.verdicts.append((call.name, decision.verdict.value))
        if decision.verdict is not Verdict.ALLOW:
            return Observed(Observation(call, decision.reason, True, decision.verdict.value))
        result = await tools.perform(call, decision, key)
        tools.observed(call, result)
        return Observed(Observation(call, result.text, result.is_error, decision.verdict.value))


def says(*calls: tuple[str, dict[str, Any]]) -> ModelReply:
    made = tuple(ToolCall(f"c{n}", name, json.dumps(arguments)) for n, (name, arguments) in enumerate(calls))
    return ModelReply("", "m", calls=made)


FOUND = {"answer": "In a.py.", "places": [{"path": "a.py", "lines": "1-2", "why": "it"}], "not_found": ""}


@dataclass
class Setting:
    folder: Path
    done: Done = field(default_factory=Done)
    limits: list[Limits] = field(default_factory=list)

    def tools(self) -> list[Tool]:
        return [
            tool("read", "read", self.done, result=ToolResult("def f(): ...", label=SECRET), path="option"),
            tool("scarce", "read", self.done),
            tool("ungranted", "read", self.done),
            tool("push", "egress", self.done, branch="target"),
        ]

    def parent(self) -> Gateway:
        rules = {
            "read": READ,
            "scarce": ToolRule(granted="always", uses=1),
            "ungranted": ToolRule(granted="never", otherwise="ask"),
            "push": ToolRule(granted="always", uses=None),
            "delegate": READ,
        }
        return Gateway(
            Policy(format="loccit-policy/1", name="p", tools=rules), Request("find it"), self.tools()
        )

    def sub(self, played: Played, **options: Any) -> Tool:
        def journal(intent: str, limits: Limits) -> Played:
            self.limits.append(limits)
            return played

        return SubAgents(
            self.parent(),
            self.tools(),
            journal=journal,
            context=lambda intent: Context(Outputs(self.folder / intent)),
            limits=options.pop("limits", Limits()),
            **options,
        ).tool()


def delegated(sub: Tool, task: str = "Where is f?", kind: str = "search") -> ToolResult:
    return asyncio.run(sub.run({"kind": kind, "task": task}, "run-1:loop:3.1"))


def test_only_its_answer_comes_back_labelled_with_all_that_it_read(tmp_path: Path) -> None:
    played = Played([says(("read", {"path": "a.py"})), says(("finish", FOUND))])
    result = delegated(Setting(tmp_path).sub(played))
    assert json.loads(result.text.rpartition("\n(")[0]) == FOUND
    assert "def f" not in result.text
    assert result.label == TRUSTED.joined(SECRET)
    assert result.data is not None
    assert result.data.label.is_secret


def test_its_window_holds_its_task_and_nothing_of_the_parent(tmp_path: Path) -> None:
    played = Played([says(("finish", FOUND))])
    delegated(Setting(tmp_path).sub(played), "Where is f?")
    assert [m.speaker for m in played.asked[0].messages] == [Speaker.SYSTEM, Speaker.USER]
    assert played.asked[0].messages[1] == Message(Speaker.USER, "Where is f?")
    assert played.asked[0].prompt == "search_code@1"


def test_it_has_the_parents_reading_tools_that_are_granted_without_a_count(tmp_path: Path) -> None:
    setting = Setting(tmp_path)
    calls = [says((name, {})) for name in ("push", "scarce", "ungranted", "delegate")]
    played = Played([*calls, says(("finish", FOUND))])
    delegated(setting.sub(played))
    assert [spec.name for spec in played.asked[0].tools] == ["read", "finish"]
    assert setting.done.calls == []
    assert played.verdicts == []


def test_the_parent_may_give_it_fewer_tools(tmp_path: Path) -> None:
    played = Played([says(("finish", FOUND))])
    delegated(Setting(tmp_path).sub(played, names=()))
    assert [spec.name for spec in played.asked[0].tools] == ["finish"]


def test_it_gets_a_share_of_the_limits_and_an_end_without_an_answer_is_an_error(tmp_path: Path) -> None:
    setting = Setting(tmp_path)
    played = Played([says(("read", {"path": str(n)})) for n in range(9)])
    result = delegated(setting.sub(played, limits=Limits(steps=12)))
    assert setting.limits == [shared(Limits(steps=12))]
    assert len(played.asked) == 3
    assert result.is_error
    assert "gave no answer: limit steps: 3 of 3" in result.text
    assert result.label.is_secret


def test_an_answer_of_another_form_is_not_taken(tmp_path: Path) -> None:
    played = Played([says(("finish", {"answer": "Somewhere."})), says(("finish", FOUND))])
    assert not delegated(Setting(tmp_path).sub(played)).is_error
    assert "This is no result" in played.asked[1].messages[-1].text


def test_each_kind_has_its_prompt_and_its_answer(tmp_path: Path) -> None:
    answers: dict[str, dict[str, Any]] = {
        "search": FOUND,
        "review": {"verdict": "accept", "findings": [], "not_checked": ""},
        "triage-tests": {"summary": "One cause.", "causes": []},
    }
    for kind, answer in answers.items():
        played = Played([says(("finish", answer))])
        assert not delegated(Setting(tmp_path).sub(played), kind=kind).is_error
