"""Calls of language models: what is asked, what comes back, and who pays."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any


class Speaker(StrEnum):
    """Whose words a message holds."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """What a model is told of a tool. `schema` is the JSON Schema of its arguments, an object."""

    name: str
    description: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool that a model wants called. `arguments` is what it wrote: JSON, or what it took for it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a call, in the order of the conversation.

    `calls` are the tools that the assistant calls in it. A message of a tool is what came of the call
    `call_id`, which an earlier message made.
    """

    speaker: Speaker
    text: str
    calls: tuple[ToolCall, ...] = ()
    call_id: str = ""

    def written(self) -> list[Any]:
        """Everything it says, as JSON has it: equal for equal messages alone."""
        if not self.calls and not self.call_id:
            return [self.speaker.value, self.text]
        calls = [[call.id, call.name, call.arguments] for call in self.calls]
        return [self.speaker.value, self.text, calls, self.call_id]


@dataclass(frozen=True, slots=True)
class ModelCall:
    """What a model is asked.

    `purpose` is what for ("answer", "repair", "judge", "condense"), `prompt` the template with its version
    ("answer@1"). What stays the same from call to call stands first in `messages`, so that providers can keep
    it. `schema` is a JSON Schema that the reply must follow, None for prose; a reply that calls one of the
    `tools` instead follows theirs. Without `max_output_tokens` the budget decides. `came` is awaited with the
    whole reply as soon as it is there, before it is paid for: whoever keeps it then need not pay twice for it
    after a kill. A reply that costs nothing may come without it.
    """

    purpose: str
    messages: tuple[Message, ...]
    prompt: str
    schema: Mapping[str, Any] | None = None
    max_output_tokens: int | None = None
    temperature: float = 0.0
    tools: tuple[ToolSpec, ...] = ()
    came: Callable[[ModelReply], Awaitable[None]] | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """Tokens of one call as the provider counts them.

    `input_tokens` includes those read from and written to the provider's cache, `output_tokens` those of
    reasoning.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0

    def __add__(self, other: TokenUsage) -> TokenUsage:
        return TokenUsage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cache_read_tokens + other.cache_read_tokens,
            self.cache_write_tokens + other.cache_write_tokens,
            self.reasoning_tokens + other.reasoning_tokens,
        )


class Finish(StrEnum):
    """Why a model stopped."""

    STOP = "stop"
    LENGTH = "length"
    REFUSAL = "refusal"


class Origin(StrEnum):
    """Where a reply comes from."""

    MODEL = "model"
    CACHE = "cache"
    RECORDING = "recording"


@dataclass(frozen=True, slots=True)
class ModelReply:
    """What a model said.

    `model` is the model that answered, as the settings name it ("openai:gpt-5-mini"): of a chain not always
    the first. `usage` and `cost_usd` are of this reply alone; both are zero where it comes from the cache or
    a recording. `calls` are the tools that it wants called; its text may be empty then.
    """

    text: str
    model: str
    usage: TokenUsage = field(default_factory=TokenUsage)
    finish: Finish = Finish.STOP
    cost_usd: Decimal = Decimal(0)
    origin: Origin = Origin.MODEL
    calls: tuple[ToolCall, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """It as JSON has it, whole: `of_json` reads it back."""
        return {
            "text": self.text,
            "model": self.model,
            "usage": asdict(self.usage),
            "finish": self.finish.value,
            "cost_usd": str(self.cost_usd),
            "origin": self.origin.value,
            "calls": [asdict(call) for call in self.calls],
        }

    @classmethod
    def of_json(cls, kept: Mapping[str, Any]) -> ModelReply:
        """What `as_json` wrote."""
        return cls(
            text=kept["text"],
            model=kept["model"],
            usage=TokenUsage(**kept["usage"]),
            finish=Finish(kept["finish"]),
            cost_usd=Decimal(kept["cost_usd"]),
            origin=Origin(kept["origin"]),
            calls=tuple(ToolCall(**call) for call in kept["calls"]),
        )


@dataclass(frozen=True, slots=True)
class Payer:
    """For whom a call is made: what budgets are kept by. Empty where it is not known.

    `request` is one question with all its calls; it has the id of its run. `key_usd` is what the key may
    spend in a month (UTC), None where only the budgets of the settings bound it; `request_usd` so what the
    request may spend with all its calls.
    """

    request: str
    session: str = ""
    user: str = ""
    key: str = ""
    team: str = ""
    key_usd: Decimal | None = None
    request_usd: Decimal | None = None
