"""The loop: whatever a model does is a typed outcome, with what it has used so far."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loccit.agents.conversation import Conversation
from loccit.agents.limits import Limits, Meter
from loccit.agents.loop import Task, run_loop
from loccit.agents.protocols import Observed, Replied, Tools
from loccit.agents.values import Ending, Observation, Spend, Trajectory
from loccit.budgets.deadline import Deadline
from loccit.core.calls import Finish, Message, ModelCall, ModelReply, Payer, Speaker, TokenUsage, ToolCall
from loccit.core.errors import ContextTooLong
from loccit.models.scripted import Said, ScriptedCall, ScriptedModel
from loccit.policy.rules import Verdict
from tests.agent_runs import FINISH, Bench, calls, turns

Script = Callable[[ModelCall], Said | str]


class Plain:
    """A journal that remembers nothing."""

    def __init__(self, script: Script, *, usd: str = "0", seconds: float = 0.0) -> None:
        self.model = ScriptedModel("scripted:test", script)
        self.asked: list[ModelCall] = []
        self.usd = Decimal(usd)
        self.seconds = seconds

    async def reply(self, key: str, call: ModelCall, seconds_left: float) -> Replied:
        self.asked.append(call)
        reply = await self.model.reply(call, Payer("r"), Deadline.after(seconds_left))
        return Replied(reply, self.usd, self.seconds)

    async def observe(self, key: str, call: ToolCall, tools: Tools, seconds_left: float) -> Observed:
        decision = tools.decide(call)
        if decision.verdict is not Verdict.ALLOW:
            return Observed(Observation(call, decision.reason, True, decision.verdict.value))
        result = await tools.perform(call, decision, key)
        tools.observed(call, result)
        return Observed(Observation(call, result.text, result.is_error, "allow"))


def done(
    script: Script, bench: Bench | None = None, *, limits: Limits | None = None, **more: Any
) -> Trajectory:
    journal = Plain(script, **more)
    return asyncio.run(run_loop(TASK, (bench or Bench()).gateway(), Conversation(), journal, limits))


TASK = Task((Message(Speaker.SYSTEM, "Be brief."), Message(Speaker.USER, "Write it.")), "test@1")


def test_a_model_looks_writes_and_finishes_with_its_result() -> None:
    bench = Bench()
    script = turns(calls("look", text="a"), calls("look", "write", text="b"), FINISH)
    trajectory = done(script, bench)
    assert (trajectory.ending, trajectory.result) == (Ending.FINISHED, {"summary": "done"})
    assert [[one.text for one in step.observations] for step in trajectory.steps] == [
        ["seen 1"],
        ["seen 2", "written b"],
        ["Done."],
    ]
    assert [text for _, text in bench.written] == ["b"]
    assert (trajectory.spend.steps, trajectory.spend.tool_calls) == (3, 3)


def test_the_model_sees_what_came_of_its_calls_under_their_ids() -> None:
    journal = Plain(turns(calls("look", text="a"), FINISH))
    asyncio.run(run_loop(TASK, Bench().gateway(), Conversation(), journal))
    assert [spec.name for spec in journal.asked[0].tools] == ["look", "write", "publish", "finish"]
    *_, said, seen = journal.asked[1].messages
    assert (said.speaker, seen) == (Speaker.ASSISTANT, Message(Speaker.TOOL, "seen 1", call_id="call-1"))


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (ScriptedCall("explode", {"text": "x"}), "There is no tool 'explode'. There are: look, write"),
        (ScriptedCall("launch", {"text": "x"}), "There is no tool 'launch'"),
        (ScriptedCall("look", raw="{no json"), "the arguments are no JSON"),
        (ScriptedCall("look", raw="[1]"), "JSON object"),
        (ScriptedCall("look", {"text": 7}), "text"),
        (ScriptedCall("finish", {"summary": 7}), "This is no result: "),
        (ScriptedCall("finish", {}), "This is no result: "),
    ],
)
def test_a_call_that_is_none_is_told_and_the_loop_goes_on(call: ScriptedCall, told: str) -> None:
    bench = Bench()
    trajectory = done(turns(Said("", (call,)), FINISH), bench)
    first = trajectory.steps[0].observations[0]
    assert told in first.text
    assert first.is_error
    assert trajectory.is_finished
    assert not bench.looked


def test_a_model_that_calls_the_same_again_and_again_is_stopped() -> None:
    bench = Bench()
    trajectory = done(turns(calls("write", text="x")), bench, limits=Limits(repeats=3))
    assert trajectory.ending is Ending.REPEATED
    assert "write gave the same 3 times" in trajectory.detail
    assert len(bench.written) == 3


def test_going_round_in_circles_is_seen_too() -> None:
    circle = (calls("write", text="a"), calls("write", text="b"), calls("write", text="c"))
    trajectory = done(turns(*circle * 20), limits=Limits(repeats=3))
    assert (trajectory.ending, len(trajectory.steps)) == (Ending.REPEATED, 7)


def test_the_same_call_with_another_result_is_progress() -> None:
    """Running the tests again after an edit is no circle."""
    trajectory = done(turns(*[calls("look", text="a")] * 8, FINISH), limits=Limits(repeats=3))
    assert trajectory.is_finished


def test_a_model_is_told_that_it_has_seen_the_same_before() -> None:
    journal = Plain(turns(calls("write", text="a"), calls("write", text="a"), FINISH))
    asyncio.run(run_loop(TASK, Bench().gateway(), Conversation(), journal))
    texts = [each.text for each in journal.asked[2].messages if each.speaker is Speaker.TOOL]
    assert texts[0] == "written a"
    assert "gave the same before" in texts[1]


def test_a_model_of_which_nothing_can_be_done_is_stopped() -> None:
    wishes = [Said("", (ScriptedCall(f"tool{number}", {}),)) for number in range(20)]
    trajectory = done(turns(*wishes), limits=Limits(repeats=3))
    assert (trajectory.ending, len(trajectory.steps)) == (Ending.NO_PROGRESS, 6)


def test_a_model_that_only_talks_is_told_to_call_and_then_stopped() -> None:
    journal = Plain(turns("I think.", "I really think."))
    trajectory = asyncio.run(run_loop(TASK, Bench().gateway(), Conversation(), journal))
    assert (trajectory.ending, len(trajectory.steps)) == (Ending.ONLY_TALKED, 3)
    assert "Call a tool" in journal.asked[1].messages[-1].text
    assert trajectory.spend.usage.output_tokens > 0


@pytest.mark.parametrize(
    ("limits", "how"),
    [
        (Limits(steps=4), "steps: 4 of 4"),
        (Limits(tool_calls=5), "tool calls: 5 of 5"),
        (Limits(tokens=100), "tokens: "),
        (Limits(usd=Decimal("0.05")), "usd: 0.05 of 0.05"),
        (Limits(seconds=3), "seconds: 3.0 of 3"),
        (Limits(output_bytes=40), "output bytes: "),
    ],
)
def test_limits_hold_and_what_was_used_is_told(limits: Limits, how: str) -> None:
    looks = [calls("look", text=f"{number}") for number in range(50)]
    trajectory = done(turns(*looks), limits=limits, usd="0.01", seconds=0.5)
    assert trajectory.ending is Ending.LIMIT
    assert how in trajectory.detail
    assert 3 <= trajectory.spend.steps <= 8
    assert trajectory.spend.usd == Decimal("0.01") * trajectory.spend.steps


def test_calls_beyond_the_limit_are_not_made() -> None:
    """A reply of many calls cannot make more than are left."""
    bench = Bench()
    trajectory = done(turns(calls(*["look"] * 30, text="x")), bench, limits=Limits(tool_calls=7))
    assert (trajectory.ending, len(bench.looked)) == (Ending.LIMIT, 7)


def test_a_refusal_ends_it() -> None:
    class Refusing(Plain):
        async def reply(self, key: str, call: ModelCall, seconds_left: float) -> Replied:
            return Replied(ModelReply("I will not.", "m", finish=Finish.REFUSAL))

    trajectory = asyncio.run(run_loop(TASK, Bench().gateway(), Conversation(), Refusing(turns(FINISH))))
    assert (trajectory.ending, trajectory.detail) == (Ending.REFUSED, "I will not.")


def test_a_context_that_the_model_finds_too_long_is_made_shorter() -> None:
    """Once or twice; then that is how it ended."""
    limits: list[int] = []

    class Short(Conversation):
        def messages(self, limit_tokens: int) -> tuple[Message, ...]:
            limits.append(limit_tokens)
            return super().messages(limit_tokens)

    class Small(Plain):
        async def reply(self, key: str, call: ModelCall, seconds_left: float) -> Replied:
            if limits[-1] > 60_000:
                return Replied(None, ending=Ending.MODEL_FAILED, detail="too long", is_too_long=True)
            return await super().reply(key, call, seconds_left)

    trajectory = asyncio.run(run_loop(TASK, Bench().gateway(), Short(), Small(turns(FINISH))))
    assert trajectory.is_finished
    assert limits == [100_000, 70_000, 49_000]


def test_a_conversation_that_does_not_fit_is_an_outcome() -> None:
    context = Conversation()
    context.add(Message(Speaker.USER, "word " * 500))
    with pytest.raises(ContextTooLong, match="the limit is 100"):
        context.messages(100)
    task = Task(TASK.messages, "test@1", context_tokens=10)
    trajectory = asyncio.run(run_loop(task, Bench().gateway(), Conversation(), Plain(turns(FINISH))))
    assert (trajectory.ending, trajectory.spend.steps) == (Ending.MODEL_FAILED, 0)


def test_what_was_used_is_kept_whole() -> None:
    """It goes through JSON and back unchanged."""
    spend = Spend(3, 4, TokenUsage(5, 6, 1, 2, 3), Decimal("0.000001"), 7, 1.5)
    assert Spend.of_json(json.loads(json.dumps(spend.as_json()))) == spend
    assert (spend + spend).tokens == 22


@given(
    st.lists(
        st.sampled_from(
            [
                calls("look", text="a"),
                calls("write", text="b"),
                Said("", (ScriptedCall("nothing", {}),)),
                Said("", (ScriptedCall("look", raw="{"),)),
                Said("words"),
                Said("", (ScriptedCall("look", {"text": "c"}), ScriptedCall("finish", {}))),
                FINISH,
            ]
        ),
        min_size=1,
        max_size=12,
    )
)
def test_whatever_a_model_says_it_ends_within_its_limits(said: list[Said]) -> None:
    limits = Limits(steps=10, tool_calls=12)
    trajectory = done(turns(*said), limits=limits)
    meter = Meter(limits)
    assert trajectory.spend.steps <= limits.steps
    assert trajectory.spend.tool_calls <= limits.tool_calls
    assert trajectory.is_finished == (trajectory.result is not None)
    assert meter.exceeded == ""
