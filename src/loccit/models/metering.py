"""Every call is paid for: money is reserved before it is sent and settled when it has ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from loccit.core.calls import ModelReply, TokenUsage
from loccit.core.errors import ModelError
from loccit.models import tokens
from loccit.telemetry.trace import paid

if TYPE_CHECKING:
    from loccit.budgets.deadline import Deadline
    from loccit.budgets.ledger import Ledger, Reservation
    from loccit.budgets.prices import PriceList
    from loccit.core.calls import ModelCall, Payer
    from loccit.models.protocols import ChatModel

# How often a ledger hears that a call is still under way.
_HEARTBEAT_S = 20.0


class Metered:
    """A model whose every call is paid for. It stands right around the provider: each attempt is one call.

    A call that was refused costs nothing. One that ended without a word about its tokens is settled at what
    was reserved; a stream that was cut at its input and what came of it, but never above what was reserved.
    """

    def __init__(self, model: ChatModel, ledger: Ledger, prices: PriceList) -> None:
        """Calls of this model are paid from this ledger at these prices."""
        self._model = model
        self._ledger = ledger
        self._prices = prices

    @property
    def name(self) -> str:
        """The model's."""
        return self._model.name

    async def reply(self, call: ModelCall, payer: Payer, deadline: Deadline) -> ModelReply:
        """Its reply, with what it cost. Raises as it does, and BudgetExceeded and PriceUnknown."""
        bill = await self._open(call, payer, deadline)
        try:
            async with self._kept_alive(bill):
                reply = await self._model.reply(bill.call, payer, deadline)
        except ModelError as error:
            error.spent_usd += await bill.fail(error.usage)
            raise
        except BaseException:
            # Cancelled: what the provider made of it until then is not known.
            await bill.fail(None)
            raise
        return await bill.pay(reply)

    async def stream(
        self, call: ModelCall, payer: Payer, deadline: Deadline
    ) -> AsyncGenerator[str | ModelReply]:
        """The same in pieces."""
        bill = await self._open(call, payer, deadline)
        pieces: list[str] = []
        try:
            async with (
                self._kept_alive(bill),
                aclosing(self._model.stream(bill.call, payer, deadline)) as stream,
            ):
                async for item in stream:
                    if isinstance(item, ModelReply):
                        reply = await bill.pay(item)
                        yield reply
                        return
                    pieces.append(item)
                    yield item
        except ModelError as error:
            error.spent_usd += await bill.fail(error.usage, "".join(pieces))
            raise
        except BaseException:
            await bill.fail(None, "".join(pieces))
            raise

    async def _open(self, call: ModelCall, payer: Payer, deadline: Deadline) -> _Bill:
        ratio = self._ledger.input_ratio(self.name)
        most_input = tokens.bound(call, ratio)
        reservation = await self._ledger.reserve(
            payer,
            self.name,
            cost=lambda output: self._prices.bound(self.name, most_input, output),
            output_tokens=call.max_output_tokens,
            deadline=deadline,
            purpose=call.purpose,
            input_tokens=tokens.estimate(call),
        )
        limited = replace(call, max_output_tokens=reservation.output_tokens)
        return _Bill(self._ledger, self._prices, self.name, limited, reservation, ratio)

    @asynccontextmanager
    async def _kept_alive(self, bill: _Bill) -> AsyncGenerator[None]:
        async def beat() -> None:
            while True:
                await asyncio.sleep(_HEARTBEAT_S)
                await self._ledger.heartbeat(bill.reservation)

        beating = asyncio.ensure_future(beat())
        try:
            yield
        finally:
            beating.cancel()
            with suppress(asyncio.CancelledError):
                await beating


class _Bill:
    """One reservation, from which one settlement is made."""

    def __init__(
        self,
        ledger: Ledger,
        prices: PriceList,
        model: str,
        call: ModelCall,
        reservation: Reservation,
        ratio: float,
    ) -> None:
        self.ledger = ledger
        self.prices = prices
        self.model = model
        self.call = call
        self.reservation = reservation
        self.ratio = ratio
        self._is_settled = False

    async def pay(self, reply: ModelReply) -> ModelReply:
        """The reply with its price, by the provider's count or, where it gives none, by ours."""
        usage = reply.usage
        if usage == TokenUsage():
            usage = replace(self._counted(""), output_tokens=tokens.said(reply))
        usd = self.prices.price(self.model, usage)
        priced = replace(reply, usage=usage, cost_usd=usd)
        try:
            if self.call.came is not None:
                await self.call.came(priced)
        finally:
            await self._settle(usd, usage)
        return priced

    async def fail(self, usage: TokenUsage | None, text: str = "") -> Decimal:
        """What a call costs that failed: by its tokens, or without them by what came or all that is held."""
        if self._is_settled:
            return Decimal(0)
        if usage is None and text:
            usage = self._counted(text)
            usd = min(self.prices.price(self.model, usage), self.reservation.usd)
        elif usage is None:
            # It may have written to its limit before it fell silent.
            usage = replace(self._counted(""), output_tokens=self.reservation.output_tokens)
            usd = self.reservation.usd
        elif usage == TokenUsage():
            self._is_settled = True
            await self.ledger.release(self.reservation)
            return Decimal(0)
        else:
            usd = self.prices.price(self.model, usage)
        await self._settle(usd, usage)
        return usd

    async def _settle(self, usd: Decimal, usage: TokenUsage) -> None:
        self._is_settled = True
        paid(usd)
        await self.ledger.settle(self.reservation, usd, usage)

    def _counted(self, text: str) -> TokenUsage:
        return TokenUsage(round(tokens.estimate(self.call) * self.ratio), tokens.count(text) if text else 0)
