"""What an operator may choose about agents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one loop, or one run, may use before it is ended.

    `steps`: replies of the model. `tool_calls`: calls of tools, those that are refused too. `tokens`: read
    and written together. `usd`: what may be paid; reserved before each call, so it is never passed.
    `seconds`: of work; time in which nobody worked on it, or a person was waited for, does not count.
    `output_bytes`: of what tools give. `repeats`: how often the same call may give the same before that is
    taken for going round in circles.
    """

    __pydantic_config__: ClassVar[Mapping[str, str]] = {"extra": "forbid"}

    steps: int = 100
    tool_calls: int = 300
    tokens: int = 5_000_000
    usd: Decimal = Decimal(5)
    seconds: float = 3_600.0
    output_bytes: int = 20_000_000
    repeats: int = 3


@dataclass(frozen=True, slots=True)
class AgentOptions:
    """How agents run.

    `model`: who decides what is done next, PROVIDER:MODEL; empty: the model that writes answers, with its
    fallbacks. `limits` bound each run. `context_tokens`: the longest conversation that the model is shown.
    `most_reply_tokens`: the longest reply of it. `tool_timeout_s`: how long one call of a tool may take.
    `runs_at_once`: in one process. `blueprints`: those of one's own, by name: "package.module:function".
    """

    model: str = ""
    limits: Limits = field(default_factory=Limits)
    context_tokens: int = 100_000
    most_reply_tokens: int = 8_000
    tool_timeout_s: float = 900.0
    runs_at_once: int = 2
    blueprints: dict[str, str] = field(default_factory=dict[str, str])
