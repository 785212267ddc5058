"""What tokens cost: exact decimal arithmetic over the rates of one model."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow, localcontext

from loccit.core.calls import TokenUsage

# Far more digits than any price times any number of tokens has; were one lost after all, it is an error.
_EXACT = Context(prec=120, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow])
_MILLION_DIGITS = -6


@dataclass(frozen=True, slots=True)
class Rate:
    """USD per million tokens, which may depend on how long the whole input of the call is.

    `tiers` are (above so many input tokens, price) by rising size. The price of the highest tier that is
    exceeded holds for all tokens of the call, not only for those above.
    """

    base: Decimal
    tiers: tuple[tuple[int, Decimal], ...] = ()

    def of(self, input_tokens: int) -> Decimal:
        """The price where the input has so many tokens."""
        return next((price for above, price in reversed(self.tiers) if input_tokens > above), self.base)

    def dearest(self, input_tokens: int) -> Decimal:
        """The highest price that an input of at most so many tokens can have."""
        return max(self.base, *(price for above, price in self.tiers if input_tokens > above), Decimal(0))

    def times(self, factor: Decimal) -> Rate:
        """Every price multiplied."""
        with localcontext(_EXACT):
            return Rate(self.base * factor, tuple((above, price * factor) for above, price in self.tiers))


@dataclass(frozen=True, slots=True)
class Rates:
    """What a model costs. `request` is USD for each call, beside its tokens.

    Without a rate for the cache such tokens cost what input costs, without one for reasoning what output
    costs. `output` is None where the model writes nothing (embeddings).
    """

    input: Rate
    output: Rate | None
    cache_read: Rate | None = None
    cache_write: Rate | None = None
    reasoning: Rate | None = None
    request: Decimal = Decimal(0)

    def cost(self, usage: TokenUsage) -> Decimal:
        """USD for this usage, exact.

        Where the parts of a usage exceed its whole, the parts are charged; a negative number is none.
        """
        read, write = max(0, usage.cache_read_tokens), max(0, usage.cache_write_tokens)
        reasoning = max(0, usage.reasoning_tokens)
        whole = max(usage.input_tokens, read + write)
        output = self.output or _NOTHING
        with localcontext(_EXACT):
            total = (
                (whole - read - write) * self.input.of(whole)
                + read * (self.cache_read or self.input).of(whole)
                + write * (self.cache_write or self.input).of(whole)
                + max(0, usage.output_tokens - reasoning) * output.of(whole)
                + reasoning * (self.reasoning or output).of(whole)
            )
            return total.scaleb(_MILLION_DIGITS) + self.request

    def bound(self, input_tokens: int, output_tokens: int) -> Decimal:
        """The most USD that a call with at most so many tokens can cost, whatever is cached or thought."""
        read_in = [rate for rate in (self.input, self.cache_read, self.cache_write) if rate]
        written = [rate for rate in (self.output, self.reasoning) if rate] or [_NOTHING]
        with localcontext(_EXACT):
            total = max(0, input_tokens) * max(rate.dearest(input_tokens) for rate in read_in)
            total += max(0, output_tokens) * max(rate.dearest(input_tokens) for rate in written)
            return total.scaleb(_MILLION_DIGITS) + self.request

    def times(self, factor: Decimal) -> Rates:
        """Every price multiplied."""
        with localcontext(_EXACT):
            return Rates(
                input=self.input.times(factor),
                output=self.output and self.output.times(factor),
                cache_read=self.cache_read and self.cache_read.times(factor),
                cache_write=self.cache_write and self.cache_write.times(factor),
                reasoning=self.reasoning and self.reasoning.times(factor),
                request=self.request * factor,
            )


_NOTHING = Rate(Decimal(0))
FREE = Rates(input=_NOTHING, output=_NOTHING)
