"""A model whose calls are spans: what was asked, what came back, what it cost."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING

from loccit.core.calls import ModelReply
from loccit.telemetry.calls import calling

if TYPE_CHECKING:
    from loccit.budgets.deadline import Deadline
    from loccit.core.calls import ModelCall, Payer
    from loccit.models.protocols import ChatModel


class Traced:
    """A model, or a chain of them, of which every call is one span, however often it is tried inside."""

    def __init__(self, model: ChatModel) -> None:
        self._model = model

    @property
    def name(self) -> str:
        """As the settings name it."""
        return self._model.name

    async def reply(self, call: ModelCall, payer: Payer, deadline: Deadline) -> ModelReply:
        """What it says, whole. Raises what the model raises."""
        with calling(self.name, call) as replied:
            reply = await self._model.reply(call, payer, deadline)
            replied(reply)
        return reply

    async def stream(
        self, call: ModelCall, payer: Payer, deadline: Deadline
    ) -> AsyncGenerator[str | ModelReply]:
        """The same in pieces; what is done with a piece before the next is asked for is part of the span."""
        with calling(self.name, call) as replied:
            async with aclosing(self._model.stream(call, payer, deadline)) as pieces:
                async for piece in pieces:
                    if isinstance(piece, ModelReply):
                        replied(piece)
                    yield piece
