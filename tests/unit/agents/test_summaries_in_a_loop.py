"""A loop has summaries written under a key of their own, pays for them, and goes on without."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import pytest

from loccit.agents.context import Context
from loccit.agents.loop import Task, run_loop
from loccit.agents.options import Limits
from loccit.agents.outputs import Outputs
from loccit.agents.protocols import Observed, Replied
from loccit.agents.protocols import Tools as AnyTools
from loccit.agents.values import Observation
from loccit.core.calls import Message, ModelCall, ModelReply, Speaker, ToolCall, ToolSpec
from loccit.models.tokens import count_message

LIMIT = 8_000


class OneTool:
    """A tool by name, which a journal answers for."""

    specs = (ToolSpec("read", "Reads.", {"type": "object"}),)


@dataclass
class Reading:
    """A journal of a model that reads many files; what it is asked is kept by key."""

    can_summarise: bool
    asked: dict[str, ModelCall] = field(default_factory=dict)

    async def reply(self, key: str, call: ModelCall, seconds_left: float) -> Replied:
        assert key not in self.asked
        self.asked[key] = call
        if key.startswith("summary-"):
            said = ModelReply(f"Written for {key}.", "m") if self.can_summarise else None
            return Replied(said, Decimal("0.01"), detail="the model is gone")
        if len(self.asked) > 150:
            call_ = ToolCall("f", "finish", json.dumps({"summary": "Done."}))
        else:
            call_ = ToolCall("c", "read", json.dumps({"path": f"{key}.py"}))
        return Replied(ModelReply("", "m", calls=(call_,)), Decimal("0.02"))

    async def observe(self, key: str, call: ToolCall, tools: AnyTools, seconds_left: float) -> Observed:
        return Observed(Observation(call, f"the file {key}\n" + "word " * 900, False, "allow"))


@pytest.mark.parametrize("can_summarise", [True, False])
def test_a_loop_has_summaries_written_and_goes_on_without(tmp_path: Path, can_summarise: bool) -> None:
    journal = Reading(can_summarise)
    task = Task((Message(Speaker.USER, "Read all."),), "t@1", context_tokens=LIMIT)
    context = Context(Outputs(tmp_path))
    done = asyncio.run(run_loop(task, OneTool(), context, journal, Limits(steps=500)))  # pyright: ignore
    assert done.is_finished
    summaries = [key for key in journal.asked if key.startswith("summary-")]
    calls = [call for key, call in journal.asked.items() if key not in summaries]
    assert len(summaries) >= 2
    assert done.spend.usd == Decimal("0.02") * len(calls) + Decimal("0.01") * len(summaries)
    assert context.figures.model_summaries == (len(summaries) if can_summarise else 0)
    shown = calls[-1].messages[1].text
    assert (f"Written for {summaries[-1]}." in shown) is can_summarise
    assert ('read(path="' in shown) is not can_summarise
    assert all(sum(map(count_message, call.messages)) <= LIMIT for call in calls)
    assert not any(call.tools for key, call in journal.asked.items() if key in summaries)
