"""The heart: a model is asked, the tools that it calls are decided about and run, it sees what came of it.

    model → decide → tool → observation → model …

until it calls `finish` with a result in the form that was asked for, a limit is reached, or it gets nowhere.
Money, retries, fallbacks, recordings are the model's (`models`), who may do what is the gateway's (`policy`),
what survives a kill is the journal's (`durable`), what the model is shown is the context's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from loccit.agents.limits import Meter, Watch
from loccit.agents.options import Limits
from loccit.agents.values import Ending, Observation, Step, Trajectory
from loccit.core.calls import Finish, Message, ModelCall, Speaker, ToolCall, ToolSpec
from loccit.core.errors import ContextTooLong, InputError
from loccit.policy.schema import parse_arguments, problem_of

if TYPE_CHECKING:
    from loccit.agents.protocols import Context, Journal, Tools

FINISH = "finish"
_CALL_A_TOOL = f"Call a tool. When the task is done, or cannot be done, call {FINISH!r}."
_SAME_AGAIN = "\n(The same call gave the same before. Do something else.)"
# What is left of a context that was too long for the model, and below which it is not made shorter.
_SHORTER, _LEAST_CONTEXT_TOKENS = 0.7, 4_000
_ANY_RESULT: Mapping[str, Any] = {
    "type": "object",
    "properties": {"summary": {"type": "string", "description": "What was done, and what was not."}},
    "required": ["summary"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Task:
    """What a loop is to do.

    `messages` are the instructions and the task itself, `prompt` names their template with its version.
    `result` is the JSON Schema of what `finish` must be called with.
    """

    messages: tuple[Message, ...]
    prompt: str
    purpose: str = "agent"
    result: Mapping[str, Any] = field(default_factory=lambda: _ANY_RESULT)
    context_tokens: int = 100_000
    most_reply_tokens: int = 8_000


async def run_loop(
    task: Task, tools: Tools, context: Context, journal: Journal, limits: Limits | None = None
) -> Trajectory:
    """What the model did about a task, and how that ended; whatever it does is a result, never an error.

    The limits hold across restarts: what the journal remembers counts.
    """
    return await _Loop(task, tools, context, journal, limits or Limits()).run()


@dataclass(frozen=True, slots=True)
class _End:
    why: Ending
    detail: str = ""
    result: Mapping[str, Any] | None = None


class _Loop:
    def __init__(self, task: Task, tools: Tools, context: Context, journal: Journal, limits: Limits) -> None:
        self.task = task
        self.tools = tools
        self.context = context
        self.journal = journal
        self.meter = Meter(limits)
        self.watch = Watch(limits.repeats)
        self.steps: list[Step] = []
        self.context_tokens = task.context_tokens
        self._seen: set[tuple[str, str, str]] = set()

    async def run(self) -> Trajectory:
        for message in self.task.messages:
            self.context.add(message)
        end: _End | None = None
        while end is None:
            over = self.meter.exceeded
            end = _End(Ending.LIMIT, over) if over else await self._step()
        return Trajectory(end.why, tuple(self.steps), self.meter.spend, end.result, end.detail)

    async def _step(self) -> _End | None:
        try:
            await self._shorten()
            call = self._call()
        except ContextTooLong as error:
            return _End(Ending.MODEL_FAILED, str(error))
        number = self.meter.spend.steps + 1
        replied = await self.journal.reply(str(number), call, self.meter.seconds_left)
        self.meter.count_reply(replied.reply, replied.usd, replied.seconds)
        if replied.reply is None:
            if replied.is_too_long and self.context_tokens > _LEAST_CONTEXT_TOKENS:
                self.context_tokens = int(self.context_tokens * _SHORTER)
                return None
            return _End(replied.ending or Ending.MODEL_FAILED, replied.detail)
        reply = replied.reply
        if reply.finish is Finish.REFUSAL:
            return _End(Ending.REFUSED, reply.text)
        self.context.add(Message(Speaker.ASSISTANT, reply.text, reply.calls))
        observations: list[Observation] = []
        end: _End | None = None
        for position, called in enumerate(reply.calls, 1):
            # Those after the one that ended the loop were not made; what was made is told.
            if end is not None or self.meter.exceeded:
                break
            observation, end = await self._observe(f"{number}.{position}", called)
            self.context.add(Message(Speaker.TOOL, self._shown(observation), call_id=called.id))
            observations.append(observation)
        step = Step(number, reply.text, tuple(observations))
        self.steps.append(step)
        if end is not None:
            return end
        if not reply.calls:
            self.context.add(Message(Speaker.USER, _CALL_A_TOOL))
        stuck = self.watch.note(step)
        return _End(*stuck) if stuck else None

    async def _shorten(self) -> None:
        """Have what left the view summarised, where the context asks for it. It counts as a step."""
        due = self.context.summary_due(self.context_tokens)
        if due is not None:
            replied = await self.journal.reply(due.key, due.call(), self.meter.seconds_left)
            self.meter.count_reply(replied.reply, replied.usd, replied.seconds)
            self.context.take_summary(due.key, replied.reply)

    def _call(self) -> ModelCall:
        finish = ToolSpec(FINISH, "End the task and give its result.", self.task.result)
        return ModelCall(
            self.task.purpose,
            self.context.messages(self.context_tokens),
            self.task.prompt,
            max_output_tokens=self.task.most_reply_tokens,
            tools=(*self.tools.specs, finish),
        )

    async def _observe(self, key: str, call: ToolCall) -> tuple[Observation, _End | None]:
        """What the model is told of a call, and whether it ends the loop."""
        try:
            arguments = parse_arguments(call.arguments)
        except InputError as error:
            return self._told(call, str(error)), None
        if call.name == FINISH:
            problem = problem_of(arguments, self.task.result)
            if problem:
                return self._told(call, f"This is no result: {problem}"), None
            return Observation(call, "Done.", is_error=False), _End(Ending.FINISHED, result=arguments)
        if call.name not in (names := [spec.name for spec in self.tools.specs]):
            return self._told(call, f"There is no tool {call.name!r}. There are: {', '.join(names)}."), None
        observed = await self.journal.observe(key, call, self.tools, self.meter.seconds_left)
        seen = observed.observation
        self.meter.count_observation(seen.text, observed.seconds, observed.within)
        return seen, _End(observed.ending, observed.detail) if observed.ending else None

    def _shown(self, seen: Observation) -> str:
        """What the model sees of it; that it has seen the same before is said."""
        sign = (seen.call.name, seen.call.arguments, seen.text)
        is_known = sign in self._seen
        self._seen.add(sign)
        return seen.text + _SAME_AGAIN if is_known else seen.text

    def _told(self, call: ToolCall, text: str) -> Observation:
        self.meter.count_observation(text)
        return Observation(call, text, is_error=True)
