"""The plainest context: everything that was said, for loops that are short."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loccit.core.errors import ContextTooLong
from loccit.models.tokens import count_message

if TYPE_CHECKING:
    from loccit.agents.protocols import SummaryDue
    from loccit.core.calls import Message, ModelReply


class Conversation:
    """All messages, in order. Nothing is left out."""

    def __init__(self) -> None:
        self._messages: list[Message] = []
        self._tokens = 0

    def add(self, message: Message) -> None:
        """The next message."""
        self._messages.append(message)
        self._tokens += count_message(message)

    def summary_due(self, limit_tokens: int) -> SummaryDue | None:
        """None: nothing leaves the view."""
        return None

    def take_summary(self, key: str, reply: ModelReply | None) -> None:
        """Nothing: none was due."""

    def messages(self, limit_tokens: int) -> tuple[Message, ...]:
        """All of them. Raises ContextTooLong where they are more than so many tokens."""
        if self._tokens > limit_tokens:
            raise ContextTooLong(
                f"the conversation has about {self._tokens:,} tokens, the limit is {limit_tokens:,}",
                next_step="raise context_tokens in [agents], or give the loop a context that makes room",
            )
        return tuple(self._messages)
