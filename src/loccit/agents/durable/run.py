"""What a blueprint is given: steps that are remembered, loops, calls of tools, words for who watches."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from loccit.agents.conversation import Conversation
from loccit.agents.durable.journal import DurableJournal
from loccit.agents.durable.values import Failing, Happened
from loccit.agents.limits import Limits
from loccit.agents.loop import Task, run_loop
from loccit.agents.values import Observation, Spend, Trajectory
from loccit.core.calls import Message, Speaker, ToolCall
from loccit.core.errors import LimitExceeded, LoccitError, ModelNotConfigured, StepFailed, StorageFailed

if TYPE_CHECKING:
    from loccit.agents.durable.working import Working
    from loccit.agents.durable.workshop import Decided
    from loccit.agents.options import AgentOptions
    from loccit.agents.protocols import Context, Tools
    from loccit.core.calls import Payer
    from loccit.models.protocols import ChatModel


Record = Callable[[str, Callable[[], Awaitable[dict[str, Any]]]], Awaitable[dict[str, Any]]]
"""Makes a step: under this name, by this function, or what it gave when it was made before."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What runs of a process share. `model` is who decides, None where none is configured."""

    options: AgentOptions
    model: ChatModel | None
    record: Record
    decided: Callable[[str, str], Decided]
    """Hears of decisions of a run (its id) for somebody."""


class Run:
    """One run of a blueprint.

    A blueprint is plain code that is run again from its beginning after a kill, and gets from here what it
    got before: steps and calls in the same order, one after the other. What it does besides must be
    repeatable.
    """

    def __init__(self, working: Working, around: Surroundings) -> None:
        self._working = working
        self._around = around
        self._names: Counter[str] = Counter()
        self._told = 0

    @property
    def id(self) -> str:
        """Its id."""
        return self._working.row.id

    @property
    def limits(self) -> Limits:
        """What the whole run may use."""
        return self._working.row.limits

    @property
    def payer(self) -> Payer:
        """For whom it runs."""
        return self._working.row.payer

    @property
    def spent(self) -> Spend:
        """What it has used so far."""
        return self._working.spend

    async def step(self, name: str, function: Callable[..., Any], *arguments: Any) -> Any:
        """What a function gives, which must be JSON; after a kill what it gave before.

        A coroutine function is awaited, another one runs in a thread. One that a kill interrupts is run
        again. Raises StepFailed where it raised an error of ours, then and ever after.
        """
        key, working = self._key(name), self._working

        async def make() -> dict[str, Any]:
            await working.checked()
            try:
                if inspect.iscoroutinefunction(function):
                    value = await working.interruptible(function(*arguments))
                else:
                    value = await asyncio.to_thread(function, *arguments)
            except StorageFailed as error:
                raise Failing(str(error)) from error
            except LoccitError as error:
                recorded: dict[str, Any] = {"problem": problem_of_run(error)}
            else:
                if json.loads(json.dumps(value)) != value:
                    raise TypeError(f"the step {name!r} gives {type(value).__name__}, which JSON cannot keep")
                recorded = {"value": value}
            text = recorded.get("problem", {}).get("message", "")
            await working.advance(Spend(), Happened(f"step {key}", "step", f"{name} {text}".rstrip()))
            return recorded

        recorded = await self._around.record(f"step {key}", make)
        if "problem" in recorded:
            problem = recorded["problem"]
            raise StepFailed(name, problem["message"], problem["kind"], next_step=problem["next_step"])
        return recorded["value"]

    async def loop(
        self,
        name: str,
        *,
        prompt: str | tuple[Message, ...],
        tools: Tools,
        result: Mapping[str, Any] | None = None,
        limits: Limits | None = None,
        context: Context | None = None,
        template: str = "",
        model: ChatModel | None = None,
    ) -> Trajectory:
        """What a model did about a task with these tools, within the limits of the loop and of the run.

        `prompt` is the task, or instructions and task. `result` is the JSON Schema of what it must finish
        with, `template` names the prompt with its version, `context` is what the model is shown (all of it,
        where none is given). Raises ModelNotConfigured without a model, LimitExceeded where nothing is left.
        """
        options = self._around.options
        messages = (Message(Speaker.USER, prompt),) if isinstance(prompt, str) else prompt
        task = Task(
            messages,
            template or f"{self._working.row.blueprint}-{name}@1",
            context_tokens=options.context_tokens,
            most_reply_tokens=options.most_reply_tokens,
        )
        if result is not None:
            task = replace(task, result=result)
        allowed = self._within(limits)
        journal = self._journal(self._key(name), allowed, model)
        return await run_loop(task, tools, context or Conversation(), journal, allowed)

    async def call(self, name: str, tools: Tools, tool: str, arguments: Mapping[str, Any]) -> Observation:
        """What came of one call of a tool that the blueprint itself makes, through the gateway as others."""
        key = self._key(name)
        journal = self._journal(key, self.limits)
        called = ToolCall(key, tool, json.dumps(arguments, ensure_ascii=False))
        observed = await journal.observe("1", called, tools, self.limits.seconds)
        return observed.observation

    def journal(self, intent: str, *, limits: Limits | None = None) -> DurableJournal:
        """A journal for a loop within a tool: what its model says and what effects it has is remembered under
        the id of the tool's own intent, so that a kill pays for nothing twice and repeats nothing.
        """
        name = intent.removeprefix(f"{self.id}:")
        return self._journal(name, self._within(limits))

    async def tell(self, text: str, **details: Any) -> None:
        """Tell who watches. Told once, also where the run goes on after a kill."""
        self._told += 1
        working = self._working
        key = f"told {self._told}"
        await working.kept(working.store.tell, working.lease, key, "note", text, details)

    def _within(self, limits: Limits | None) -> Limits:
        """What a loop may use: its own limits, and what is left of the run's. Raises LimitExceeded."""
        most, used, own = self.limits, self.spent, limits or self.limits
        left = replace(
            own,
            steps=min(own.steps, most.steps - used.steps),
            tool_calls=min(own.tool_calls, most.tool_calls - used.tool_calls),
            tokens=min(own.tokens, most.tokens - used.tokens),
            usd=min(own.usd, most.usd - used.usd),
            seconds=min(own.seconds, most.seconds - used.seconds),
            output_bytes=min(own.output_bytes, most.output_bytes - used.output_bytes),
        )
        for what in ("steps", "tool_calls", "tokens", "usd", "seconds", "output_bytes"):
            if getattr(left, what) <= 0:
                asked, limit = getattr(used, what), getattr(most, what)
                raise LimitExceeded(f"{what} of the run", float(asked), float(limit))
        return left

    def _journal(self, name: str, limits: Limits, model: ChatModel | None = None) -> DurableJournal:
        chosen = model or self._around.model
        if chosen is None:
            raise ModelNotConfigured(
                "no model is configured that could decide what to do",
                next_step="name one: answer in [models], or model in [agents]",
            )
        payer = self.payer
        return DurableJournal(
            self._working,
            name,
            model=chosen,
            payer=replace(payer, request_usd=min(self.limits.usd, self.spent.usd + limits.usd)),
            tool_timeout_s=self._around.options.tool_timeout_s,
            decided=self._around.decided(self.id, payer.user),
        )

    def _key(self, name: str) -> str:
        """The name, numbered where it was used before."""
        if not name or len(name) > 60 or ":" in name or not name.isprintable():
            raise ValueError(f"{name[:80]!r} is no name of a step: at most 60 printable characters, no colon")
        self._names[name] += 1
        count = self._names[name]
        return name if count == 1 else f"{name}#{count}"


def problem_of_run(error: LoccitError) -> dict[str, str]:
    """An error as it is kept: its kind in words, its message and what to do."""
    kind = "".join(f"_{each.lower()}" if each.isupper() else each for each in type(error).__name__)
    return {"kind": kind.lstrip("_"), "message": error.message, "next_step": error.next_step}
