"""What the loop needs of others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from loccit.core.calls import Message


class Context(Protocol):
    """What a model is shown of a conversation.

    It is rebuilt after a kill by adding the same messages in the same order, so it must depend on nothing
    else.
    """

    def add(self, message: Message) -> None:
        """The next message: what the model said, what a tool gave, or what else it is told."""
        ...

    def messages(self, limit_tokens: int) -> tuple[Message, ...]:
        """The messages of the next call, in order, within so many tokens.

        A result of a tool is among them only together with the call that it answers. Raises ContextTooLong
        where even what must stay does not fit.
        """
        ...
