"""Runs of agents as values: what is asked, what was done, how it stands and what it cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

from loccit.core.calls import TokenUsage, ToolCall


class RunState(StrEnum):
    """How a run stands. `LOST` is one that ended the process that worked on it again and again."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    WAITING = "waiting"  # for a person
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"

    @property
    def is_over(self) -> bool:
        """Whether nothing changes any more."""
        return self in {RunState.DONE, RunState.FAILED, RunState.CANCELLED, RunState.LOST}


class Ending(StrEnum):
    """Why a loop ended."""

    FINISHED = "finished"  # the model called the tool that ends it, with a result in its form
    LIMIT = "limit"
    REPEATED = "repeated"  # the same call of the same tool, again and again
    NO_PROGRESS = "no_progress"  # calls that were refused, unknown or malformed, one after another
    ONLY_TALKED = "only_talked"  # words and no call, however often it was told to call
    REFUSED = "refused"  # the model will not
    MODEL_FAILED = "model_failed"  # no model gave a usable reply
    BUDGET = "budget"  # no money for the next call
    DENIED = "denied"  # a person said no to a call, or gave up


@dataclass(frozen=True, slots=True)
class Spend:
    """What was used: model calls with their tokens and price, calls of tools and the bytes they gave."""

    steps: int = 0
    tool_calls: int = 0
    usage: TokenUsage = field(default_factory=TokenUsage)
    usd: Decimal = Decimal(0)
    output_bytes: int = 0
    seconds: float = 0.0

    @property
    def tokens(self) -> int:
        """Read and written together."""
        return self.usage.input_tokens + self.usage.output_tokens

    def __add__(self, other: Spend) -> Spend:
        return Spend(
            self.steps + other.steps,
            self.tool_calls + other.tool_calls,
            self.usage + other.usage,
            self.usd + other.usd,
            self.output_bytes + other.output_bytes,
            self.seconds + other.seconds,
        )

    def __sub__(self, other: Spend) -> Spend:
        """What was used since then."""
        usage = TokenUsage(
            self.usage.input_tokens - other.usage.input_tokens,
            self.usage.output_tokens - other.usage.output_tokens,
            self.usage.cache_read_tokens - other.usage.cache_read_tokens,
            self.usage.cache_write_tokens - other.usage.cache_write_tokens,
            self.usage.reasoning_tokens - other.usage.reasoning_tokens,
        )
        return Spend(
            self.steps - other.steps,
            self.tool_calls - other.tool_calls,
            usage,
            self.usd - other.usd,
            self.output_bytes - other.output_bytes,
            self.seconds - other.seconds,
        )

    def as_json(self) -> dict[str, Any]:
        """It as JSON has it; money is a decimal in a string."""
        return {**asdict(self), "usd": str(self.usd)}

    @classmethod
    def of_json(cls, kept: Mapping[str, Any]) -> Spend:
        """What `as_json` wrote."""
        return cls(
            kept["steps"],
            kept["tool_calls"],
            TokenUsage(**kept["usage"]),
            Decimal(kept["usd"]),
            kept["output_bytes"],
            kept["seconds"],
        )


@dataclass(frozen=True, slots=True)
class Observation:
    """What came of one call of a tool.

    `verdict` is what was decided: "allow", "ask", "block"; empty where there was nothing to decide, for a
    call that is malformed or of an unknown tool. `text` is what the model was told.
    """

    call: ToolCall
    text: str
    is_error: bool
    verdict: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One reply of the model and what came of the calls in it, in their order."""

    number: int
    text: str
    observations: tuple[Observation, ...]


@dataclass(frozen=True, slots=True)
class Trajectory:
    """What a loop did.

    `result` holds the arguments of the finishing call, None where it did not finish. `detail` says for a
    person why it ended: the limit, the error, the call that was repeated.
    """

    ending: Ending
    steps: tuple[Step, ...]
    spend: Spend
    result: Mapping[str, Any] | None = None
    detail: str = ""

    @property
    def is_finished(self) -> bool:
        """Whether there is a result."""
        return self.ending is Ending.FINISHED
