"""What a loop has used, what it may use, and whether it gets anywhere."""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from loccit.agents.options import Limits
from loccit.agents.values import Ending, Spend

if TYPE_CHECKING:
    from loccit.agents.values import Step
    from loccit.core.calls import ModelReply, ToolCall

__all__ = ["Limits", "Meter", "Watch"]

# A loop of so many different steps, times the repeats that are allowed, is still seen as one.
_CYCLE = 4


class Meter:
    """Counts what is used against limits. After a kill it is counted again from what is recorded."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.spend = Spend()

    def count_reply(self, reply: ModelReply | None, usd: Decimal, seconds: float) -> None:
        """One call of the model: its reply, what it cost, and what failed before it."""
        used = Spend(steps=1, usd=usd, seconds=seconds)
        self.spend += used if reply is None else replace(used, usage=reply.usage)

    def count_observation(self, text: str, seconds: float = 0.0, within: Spend | None = None) -> None:
        """One call of a tool, what it gave, and the tokens and money of models that it asked itself."""
        used = Spend(tool_calls=1, output_bytes=len(text.encode()), seconds=seconds)
        self.spend += used if within is None else replace(used, usage=within.usage, usd=within.usd)

    @property
    def exceeded(self) -> str:
        """The limits that are reached, for a person; empty while there are none."""
        return "; ".join(f"{what}: {used:,} of {most:,}" for what, used, most in self._all() if used >= most)

    @property
    def seconds_left(self) -> float:
        """How long the next call may take."""
        return max(0.0, self.limits.seconds - self.spend.seconds)

    def _all(self) -> Iterator[tuple[str, float | Decimal, float | Decimal]]:
        used, most = self.spend, self.limits
        yield "steps", used.steps, most.steps
        yield "tool calls", used.tool_calls, most.tool_calls
        yield "tokens", used.tokens, most.tokens
        yield "usd", used.usd, most.usd
        yield "seconds", round(used.seconds, 1), most.seconds
        yield "output bytes", used.output_bytes, most.output_bytes


class Watch:
    """Sees a loop go round in circles, get nowhere, or only talk."""

    def __init__(self, repeats: int) -> None:
        self._repeats = repeats
        self._recent: deque[str] = deque(maxlen=_CYCLE * repeats)
        self._fruitless = 0
        self._talked = 0

    def note(self, step: Step) -> tuple[Ending, str] | None:
        """Why the loop should end after this step, None where it may go on."""
        if not step.observations:
            self._talked += 1
            if self._talked >= self._repeats:
                return Ending.ONLY_TALKED, f"{self._talked} replies in a row that call no tool"
            return None
        self._talked = 0
        sign = _sign_of(step)
        self._recent.append(sign)
        seen = self._recent.count(sign)
        if seen >= self._repeats:
            names = ", ".join(sorted({one.call.name for one in step.observations}))
            return Ending.REPEATED, f"the same call of {names} gave the same {seen} times"
        is_fruitless = all(one.is_error and one.verdict != "allow" for one in step.observations)
        self._fruitless = self._fruitless + 1 if is_fruitless else 0
        if self._fruitless >= 2 * self._repeats:
            return Ending.NO_PROGRESS, f"{self._fruitless} steps in a row of which nothing could be done"
        return None


def _sign_of(step: Step) -> str:
    """The same for steps that call the same and get the same."""
    parts = [[one.call.name, _plain(one.call), one.text] for one in step.observations]
    return hashlib.sha256(json.dumps(parts).encode("utf-8", "surrogatepass")).hexdigest()


def _plain(call: ToolCall) -> str:
    """Arguments however they are spaced and ordered."""
    try:
        return json.dumps(json.loads(call.arguments), sort_keys=True)
    except (ValueError, RecursionError):
        return call.arguments
