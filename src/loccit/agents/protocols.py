"""What the loop needs of others."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

from loccit.agents.values import Spend

if TYPE_CHECKING:
    from loccit.agents.values import Ending, Observation
    from loccit.core.calls import Message, ModelCall, ModelReply, ToolCall, ToolSpec
    from loccit.policy.rules import Decision
    from loccit.policy.tools import Tool, ToolResult


class Context(Protocol):
    """What a model is shown of a conversation.

    It is rebuilt after a kill by adding the same messages in the same order, so it must depend on nothing
    else.
    """

    def add(self, message: Message) -> None:
        """The next message: what the model said, what a tool gave, or what else it is told."""
        ...

    def summary_due(self, limit_tokens: int) -> SummaryDue | None:
        """A summary that a model may write before `messages` is asked, None where none is due."""
        ...

    def take_summary(self, key: str, reply: ModelReply | None) -> None:
        """What the model wrote of it, None where it could not: a loop goes on without."""
        ...

    def messages(self, limit_tokens: int) -> tuple[Message, ...]:
        """The messages of the next call, in order, within so many tokens.

        A result of a tool is among them only together with the call that it answers. Raises ContextTooLong
        where even what must stay does not fit.
        """
        ...


class SummaryDue(Protocol):
    """A summary that a context would have written."""

    @property
    def key(self) -> str:
        """What its reply is kept under: the same for the same moment of a loop."""
        ...

    def call(self) -> ModelCall:
        """What the model is asked."""
        ...


class Tools(Protocol):
    """The tools of a task behind their policy: `policy.gateway.Gateway`."""

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        """What a model may be told of."""
        ...

    def tool(self, name: str) -> Tool:
        """The tool of this name. Raises PolicyDenied where there is none."""
        ...

    def decide(self, call: ToolCall) -> Decision:
        """What becomes of a call as things are now; nothing changes by asking."""
        ...

    def approve(self, arguments_hash: str, by: str) -> None:
        """Let a call with exactly these arguments pass once."""
        ...

    async def perform(self, call: ToolCall, decision: Decision, intent_id: str) -> ToolResult:
        """What comes of a call that was allowed."""
        ...

    def observed(self, call: ToolCall, result: ToolResult) -> None:
        """Take in what a call gave, in the order of the calls, recorded ones too."""
        ...


@dataclass(frozen=True, slots=True)
class Replied:
    """What came of asking the model: a reply, or how the loop ends. `usd` is all that it cost."""

    reply: ModelReply | None
    usd: Decimal = Decimal(0)
    seconds: float = 0.0
    ending: Ending | None = None
    detail: str = ""
    is_too_long: bool = False


@dataclass(frozen=True, slots=True)
class Observed:
    """What came of a call of a tool, and whether a person ended the loop over it.

    `within` is what models used that the tool itself asked; `seconds` are all that it took.
    """

    observation: Observation
    seconds: float = 0.0
    within: Spend = field(default_factory=Spend)
    ending: Ending | None = None
    detail: str = ""


class Journal(Protocol):
    """Does what a loop decides to do, and remembers it: what was done is not done again after a kill."""

    async def reply(self, key: str, call: ModelCall, seconds_left: float) -> Replied:
        """The model's reply, made now or remembered. `key` names it within the loop: the step's number."""
        ...

    async def observe(self, key: str, call: ToolCall, tools: Tools, seconds_left: float) -> Observed:
        """What came of a call, made now or remembered. `key` names it within the loop: "3.1"."""
        ...
