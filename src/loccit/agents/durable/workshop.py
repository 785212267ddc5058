"""What a worker works with, as the wiring puts it together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loccit.agents.durable.blueprints import Blueprint
    from loccit.agents.durable.store import RunStore
    from loccit.agents.options import AgentOptions
    from loccit.core.calls import ToolCall
    from loccit.models.protocols import ChatModel
    from loccit.policy.rules import Decision

Decided = Callable[["ToolCall", "Decision"], None]
"""Hears of every decision when it is made. May raise StorageFailed."""


async def _nothing() -> None:
    """Nothing was opened."""


@dataclass(frozen=True, slots=True)
class Workshop:
    """What a worker works with. `model` is asked for when the first run needs it, in the loop that runs, and
    `closed` is awaited there at the end.

    `decided` is who hears of the decisions of a run (its id) for a user. `url` is where the queue is kept;
    `is_alone` says that there can be no other worker.
    """

    store: RunStore
    blueprints: Mapping[str, Blueprint]
    options: AgentOptions
    model: Callable[[], ChatModel | None]
    decided: Callable[[str, str], Decided]
    url: str
    is_alone: bool
    closed: Callable[[], Awaitable[None]] = _nothing
