"""Does a long run stay within its context, with its plan in view?

A scripted run of 300 steps through the real loop, gateway and tools, once for each limit: it writes a plan,
reads this checkout's own files, gets long outputs of a test run, reads some of them again, ticks off its
plan and now and then calls several tools at once. Every call is looked at before it would be sent: its
tokens as they are counted here (messages alone, as the limit is), whether the plan's first line is in it,
whether each call of a tool stands directly before its results, and how much of it is the call before, which
providers keep. One run is without summaries by a model, one with; a run that is killed half-way adds the
same messages to a new context, and must see the same.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import benchmarks
from loccit.agents.context import Context
from loccit.agents.loop import Task, run_loop
from loccit.agents.options import Limits
from loccit.agents.outputs import Outputs
from loccit.agents.plan import PlanBook
from loccit.agents.protocols import Observed, Replied
from loccit.agents.protocols import Tools as AnyTools
from loccit.agents.tool_rules import with_rules
from loccit.agents.values import Observation
from loccit.core.calls import Message, ModelCall, ModelReply, Speaker, ToolCall, ToolSpec
from loccit.models.tokens import count_message
from loccit.policy.gateway import Gateway
from loccit.policy.grants import Request
from loccit.policy.labels import UNTRUSTED
from loccit.policy.policy_file import Policy
from loccit.policy.tools import ArgumentRole, Effect, Tool, ToolResult

NAME = "context"
SUMMARY = "a run of 300 steps: tokens of each call against the limit, and whether its plan stays in view"

ROOT = Path(__file__).resolve().parent.parent
STEPS = 300
LIMITS = (8_000, 32_000, 100_000)
GOAL = "the parser accepts an empty file and says so"
TASK = (
    Message(
        Speaker.SYSTEM, "You repair defects in a repository, step by step, with the tools that you have."
    ),
    Message(Speaker.USER, "An empty file makes the parser fail. Find out why, and repair it with a test."),
)


def _tools(files: Sequence[Path], book: PlanBook, outputs: Outputs) -> list[Tool]:
    async def read(arguments: Mapping[str, Any], intent: str) -> ToolResult:
        return ToolResult((ROOT / arguments["path"]).read_text(encoding="utf-8"), label=UNTRUSTED)

    async def run_tests(arguments: Mapping[str, Any], intent: str) -> ToolResult:
        lines = [f"{path.relative_to(ROOT)}::test_{n} PASSED" for n in range(12) for path in files]
        return ToolResult("\n".join([*lines, f"{len(lines)} passed"]), label=UNTRUSTED)

    def schema(*names: str) -> dict[str, Any]:
        return {"type": "object", "properties": {name: {"type": "string"} for name in names}}

    role = ArgumentRole.OPTION
    return [
        Tool(ToolSpec("read", "Reads a file.", schema("path")), Effect.READ, {"path": role}, read),
        Tool(ToolSpec("run_tests", "Runs the tests.", schema("of")), Effect.READ, {"of": role}, run_tests),
        book.tool(),
        outputs.tool(),
    ]


@dataclass
class _Played:
    """Plays the run, and looks at each call before it is sent."""

    files: Sequence[Path]
    limit: int
    seed: int
    has_summaries: bool
    added: list[Message] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    plan_shown: int = 0
    plan_due: int = 0
    broken_pairs: int = 0
    kept_tokens: int = 0
    sent_tokens: int = 0
    before: tuple[Message, ...] = ()
    summaries: int = 0
    outputs: int = 0

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)

    async def reply(self, key: str, call: ModelCall, seconds_left: float) -> Replied:
        if key.startswith("summary"):
            self.summaries += 1
            text = f"Record {self.summaries}: " + "what was found and tried, with paths and lines. " * 30
            return Replied(ModelReply(text, "m") if self.has_summaries else None, Decimal(0))
        self._look(call.messages)
        return Replied(self._next(int(key)))

    def _look(self, messages: tuple[Message, ...]) -> None:
        tokens = [count_message(message) for message in messages]
        self.tokens.append(sum(tokens))
        same = 0
        while same < min(len(messages), len(self.before)) and messages[same] == self.before[same]:
            same += 1
        self.kept_tokens += sum(tokens[:same])
        self.sent_tokens += sum(tokens)
        self.before = messages
        if len(self.tokens) > 1:
            self.plan_due += 1
            self.plan_shown += any(f"Plan: {GOAL}" in message.text for message in messages)
        open_calls: list[str] = []
        for message in messages:
            if message.speaker is Speaker.TOOL:
                self.broken_pairs += message.call_id not in open_calls
                open_calls = [each for each in open_calls if each != message.call_id]
            else:
                self.broken_pairs += len(open_calls)
                open_calls = [each.id for each in message.calls]
        self.broken_pairs += len(open_calls)

    def _next(self, step: int) -> ModelReply:
        choose = self.random
        if len(self.tokens) > STEPS:
            return self._calls("Done.", ("finish", {"summary": "It says so now."}))
        if len(self.tokens) == 1:
            steps = [f"look at {path.stem}" for path in self.files[:20]]
            return self._calls("First a plan.", ("plan", {"goal": GOAL, "steps": steps}))
        if step % 25 == 0:
            return self._calls("The tests.", ("run_tests", {"of": f"part {step}"}))
        if step % 40 == 7 and self.outputs:
            lines = {"name": f"output-{choose.randrange(1, self.outputs + 1)}", "first_line": step}
            return self._calls("Again.", ("read_output", lines))
        if step % 10 == 0:
            return self._calls("One is done.", ("plan", {"done": [min(20, step // 12 + 1)]}))
        paths = choose.sample(self.files, choose.choice((1, 1, 1, 2, 5)))
        said = f"Step {step}: I think that it is here. " * choose.choice((1, 3, 40))
        return self._calls(said, *(("read", {"path": str(path.relative_to(ROOT))}) for path in paths))

    def _calls(self, text: str, *calls: tuple[str, dict[str, Any]]) -> ModelReply:
        made = [ToolCall(f"c{n}", name, json.dumps(arguments)) for n, (name, arguments) in enumerate(calls)]
        return ModelReply(text, "m", calls=tuple(made))

    async def observe(self, key: str, call: ToolCall, tools: AnyTools, seconds_left: float) -> Observed:
        result = await tools.perform(call, tools.decide(call), key)
        tools.observed(call, result)
        self.outputs += len(result.text) > 600
        return Observed(Observation(call, result.text, result.is_error, "allow"))


class _Timed(Context):
    """A context that remembers what was added and how long it took to say what is shown."""

    def __init__(self, outputs: Outputs, book: PlanBook) -> None:
        super().__init__(outputs, plan=book)
        self.added: list[Message] = []
        self.seconds: list[float] = []
        self.last: tuple[int, tuple[Message, ...]] = (0, ())

    def add(self, message: Message, label: Any = None) -> None:
        self.added.append(message)
        super().add(message, label)

    def messages(self, limit_tokens: int) -> tuple[Message, ...]:
        began = time.perf_counter()
        shown = super().messages(limit_tokens)
        self.seconds.append(time.perf_counter() - began)
        self.last = len(self.added), shown
        return shown


def _run(folder: Path, limit: int, *, has_summaries: bool) -> dict[str, Any]:
    files = sorted((ROOT / "src" / "loccit").rglob("*.py"))
    outputs, book = Outputs(folder / "outputs"), PlanBook()
    tools = _tools(files, book, outputs)
    policy = with_rules(Policy(format="loccit-policy/1", name="context", tools={}), tools)
    played = _Played(files, limit, seed=7, has_summaries=has_summaries)
    context = _Timed(outputs, book)
    task = Task(TASK, "context@1", context_tokens=limit)
    most = Limits(steps=10 * STEPS, tool_calls=10_000, repeats=1_000, output_bytes=10**10, tokens=10**10)
    asyncio.run(
        asyncio.wait_for(
            run_loop(task, Gateway(policy, Request("repair it"), tools), context, played, most), 450
        )
    )
    figures = context.figures
    return {
        "calls": len(played.tokens),
        "most_tokens": benchmarks.target(max(played.tokens), at_most=limit),
        "limit": limit,
        "plan_kept": benchmarks.target(played.plan_shown / played.plan_due, at_least=1.0),
        "calls_parted_from_results": benchmarks.target(played.broken_pairs, at_most=0),
        "same_after_a_kill": _is_same(folder, limit, context) if not has_summaries else None,
        "room_made": figures.made_room,
        "results_cleared": figures.cleared_results,
        "tokens_cleared": figures.cleared_tokens,
        "steps_summarised": figures.summarised_steps,
        "summaries_by_a_model": figures.model_summaries,
        "share_of_tokens_that_stood_in_the_call_before": round(played.kept_tokens / played.sent_tokens, 3),
        "ms_per_call_p95": round(1000 * benchmarks.percentile(context.seconds, 0.95), 2),
    }


def _is_same(folder: Path, limit: int, context: _Timed) -> bool:
    """Whether a run that was killed, and adds the same, is shown the same without asking in between."""
    again = Context(Outputs(folder / "again"))
    count, shown = context.last
    for message in context.added[:count]:
        again.add(message)
    return again.messages(limit) == shown


def run(setting: benchmarks.Setting) -> dict[str, Any]:
    """The figures, by limit and whether a model wrote summaries."""
    runs: list[dict[str, Any]] = []
    for limit in LIMITS:
        for has_summaries in (False, True):
            with TemporaryDirectory(prefix="loccit-context-") as folder:
                found = _run(Path(folder), limit, has_summaries=has_summaries)
            runs.append({"summaries": "by a model" if has_summaries else "lines", **found})
    first = next(each for each in runs if each["limit"] == 32_000)
    return {
        "steps": STEPS,
        "most_tokens": first["most_tokens"],
        "limit": first["limit"],
        "plan_kept": benchmarks.target(min(each["plan_kept"]["value"] for each in runs), at_least=1.0),
        "runs": runs,
    }
