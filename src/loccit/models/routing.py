"""Which model answers: the first of a chain that can."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from decimal import Decimal
from typing import TYPE_CHECKING

from loccit.core.calls import ModelReply
from loccit.core.errors import MalformedReply, ModelError, ModelRefused, ModelUnavailable

if TYPE_CHECKING:
    from loccit.budgets.deadline import Deadline
    from loccit.core.calls import ModelCall, Payer
    from loccit.models.protocols import ChatModel

# Another model may do better. A prompt that is too long is made shorter first, and a budget is everybody's.
_MOVES_ON = (ModelUnavailable, ModelRefused, MalformedReply)


class Chain:
    """Models that are asked in turn until one answers.

    The next is asked where one is unavailable, refuses (a wrong key, an unknown model) or cannot be
    understood. A stream moves on only while nothing of it has been said. Where all fail, the error of the
    first stands, with what all of them cost.
    """

    def __init__(self, models: Sequence[ChatModel]) -> None:
        """At least one, the preferred first."""
        self._models = tuple(models)

    @property
    def name(self) -> str:
        """That of the first."""
        return self._models[0].name

    async def reply(self, call: ModelCall, payer: Payer, deadline: Deadline) -> ModelReply:
        """The reply of the first that gives one."""
        failed = _Failed()
        for model in self._models:
            try:
                return await model.reply(call, payer, deadline)
            except _MOVES_ON as error:
                failed.add(error)
        raise failed.told()

    async def stream(
        self, call: ModelCall, payer: Payer, deadline: Deadline
    ) -> AsyncGenerator[str | ModelReply]:
        """The stream of the first that says something."""
        failed = _Failed()
        for model in self._models:
            has_spoken = False
            try:
                async with aclosing(model.stream(call, payer, deadline)) as stream:
                    async for item in stream:
                        has_spoken = True
                        yield item
                    return
            except _MOVES_ON as error:
                failed.add(error)
                if has_spoken:
                    break
        raise failed.told()


class _Failed:
    """What went wrong so far."""

    def __init__(self) -> None:
        self._errors: list[ModelError] = []

    def add(self, error: ModelError) -> None:
        self._errors.append(error)

    def told(self) -> ModelError:
        first, *others = self._errors
        first.spent_usd = sum((each.spent_usd for each in self._errors), Decimal(0))
        if others:
            first.message += "".join(f"; then {each.message}" for each in others)
        return first
