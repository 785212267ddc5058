"""What every model is to the rest of the house, whoever serves it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from loccit.budgets.deadline import Deadline
    from loccit.core.calls import ModelCall, ModelReply, Payer


class ChatModel(Protocol):
    """Writes. A provider, or something around one: retries, a chain, the cache, a recording."""

    @property
    def name(self) -> str:
        """As the settings name it: "openai:gpt-5-mini"."""
        ...

    async def reply(self, call: ModelCall, payer: Payer, deadline: Deadline) -> ModelReply:
        """What it says, whole. Raises ModelError, BudgetExceeded, PriceUnknown.

        Cancelling the task cancels the call at the provider.
        """
        ...

    def stream(self, call: ModelCall, payer: Payer, deadline: Deadline) -> AsyncGenerator[str | ModelReply]:
        """Pieces of the text as they come, then the whole reply, once, as the last item.

        Raises as `reply` does. Closing the generator cancels the call at the provider.
        """
        ...


class EmbeddingModel(Protocol):
    """Turns texts into vectors."""

    @property
    def name(self) -> str:
        """As the settings name it."""
        ...

    async def embed(
        self, texts: Sequence[str], payer: Payer, deadline: Deadline
    ) -> tuple[tuple[float, ...], ...]:
        """One vector per text, in their order. Raises as `ChatModel.reply` does."""
        ...


class RerankModel(Protocol):
    """Says how well texts fit a query."""

    @property
    def name(self) -> str:
        """As the settings name it."""
        ...

    async def rerank(
        self, query: str, texts: Sequence[str], payer: Payer, deadline: Deadline
    ) -> tuple[float, ...]:
        """One score per text, in their order, higher is better. Raises as `ChatModel.reply` does."""
        ...
