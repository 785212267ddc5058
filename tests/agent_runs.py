"""Runs of agents for tests: tools that count what they did, a model that is a function, a worker at hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loccit.agents.durable.agents import Agents
from loccit.agents.durable.blueprints import Blueprint, Function
from loccit.agents.durable.store import RunStore
from loccit.agents.durable.workshop import Workshop
from loccit.agents.options import AgentOptions
from loccit.core.calls import ModelCall, ToolCall, ToolSpec
from loccit.core.errors import OutcomeUnknown
from loccit.models.protocols import ChatModel
from loccit.models.scripted import Said, ScriptedCall, ScriptedModel, turn_of
from loccit.policy.gateway import Gateway
from loccit.policy.grants import Request
from loccit.policy.policy_file import parse_policy
from loccit.policy.rules import Decision
from loccit.policy.tools import ArgumentRole, Effect, Tool, ToolResult
from loccit.storage.database import Database

POLICY = """
format = "loccit-policy/1"
name = "bench"

[tools.look]
granted = "always"
uses = 1000

[tools.write]
granted = "always"
uses = 1000

[tools.publish]
granted = "never"
otherwise = "ask"

[tools.launch]
granted = "never"
"""
FINISH = Said("", (ScriptedCall("finish", {"summary": "done"}),))


def calls(*names: str, **arguments: Any) -> Said:
    """A turn that calls these tools with these arguments."""
    return Said("", tuple(ScriptedCall(name, arguments) for name in names))


def turns(*said: Said | str) -> Callable[[ModelCall], Said | str]:
    """What a model says, turn by turn; then the last of it again and again."""
    return lambda call: said[min(turn_of(call), len(said)) - 1]


@dataclass
class Bench:
    """Tools and what they did. `fails` is raised by `write` after it has written, once."""

    looked: list[str] = field(default_factory=list[str])
    written: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    fails: list[Exception] = field(default_factory=list[Exception])
    hold_s: float = 0.0
    can_find_out: bool = True
    text: str = "seen"

    def gateway(self) -> Gateway:
        """They, behind the policy."""
        return Gateway(parse_policy(POLICY), Request("write it"), self.tools())

    def tools(self) -> tuple[Tool, ...]:
        """A look, an effect, one to be asked about, and one that is forbidden."""
        roles = {"text": ArgumentRole.CONTENT}
        probe = self.probe if self.can_find_out else None
        return (
            Tool(_spec("look"), Effect.READ, {"text": ArgumentRole.OPTION}, self.look),
            Tool(_spec("write"), Effect.WRITE, roles, self.write, probe),
            Tool(_spec("publish"), Effect.EGRESS, roles, self.write, probe),
            Tool(_spec("launch"), Effect.EGRESS, roles, self.write, probe),
        )

    async def look(self, arguments: Mapping[str, Any], intent: str) -> ToolResult:
        """Looks."""
        self.looked.append(arguments["text"])
        await asyncio.sleep(self.hold_s)
        return ToolResult(f"{self.text} {len(self.looked)}")

    async def write(self, arguments: Mapping[str, Any], intent: str) -> ToolResult:
        """Writes."""
        self.written.append((intent, arguments["text"]))
        if self.fails:
            raise self.fails.pop()
        await asyncio.sleep(self.hold_s)
        return ToolResult(f"written {arguments['text']}")

    async def probe(self, arguments: Mapping[str, Any], intent: str) -> ToolResult | None:
        """Whether it was written."""
        found = [text for key, text in self.written if key == intent]
        return ToolResult(f"written {found[0]}") if found else None


class UnknownAtFirst(OutcomeUnknown):
    """Nobody knows."""


def _spec(name: str) -> ToolSpec:
    properties = {"text": {"type": "string"}}
    return ToolSpec(name, name, {"type": "object", "properties": properties, "required": ["text"]})


def agents_in(
    home: Path,
    database: Database,
    script: Callable[[ModelCall], Said | str] | ChatModel | None,
    *,
    url: str = "",
    decided: Callable[[ToolCall, Decision], None] = lambda call, decision: None,
    options: AgentOptions | None = None,
    **blueprints: Function,
) -> Agents:
    """Agents of this database, whose model is this script."""
    model = ScriptedModel("scripted:test", script) if callable(script) else script
    shop = Workshop(
        RunStore(database),
        {name: Blueprint(name, function) for name, function in blueprints.items()},
        options or AgentOptions(),
        lambda: model,
        lambda run, user: decided,
        url or f"sqlite:///{home / 'agents.sqlite'}",
        is_alone=database.is_sqlite,
    )
    return Agents(home, shop.store, lambda: shop)
