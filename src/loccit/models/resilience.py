"""What stands between a failing provider and an answer: slots, a breaker, retries, a second try in time.

From the inside: `Guarded` holds a slot of its provider and leaves it alone while it fails; `Hedged` asks
again where the first call is slow; `Retried` tries again with pauses, within the deadline and a budget.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from loccit.core.calls import ModelReply
from loccit.core.errors import ModelError, ModelUnavailable
from loccit.telemetry.trace import span

if TYPE_CHECKING:
    from stamina import Attempt

    from loccit.budgets.deadline import Deadline
    from loccit.core.calls import ModelCall, Payer
    from loccit.models.options import ModelOptions
    from loccit.models.protocols import ChatModel

_Result = TypeVar("_Result")

# So many retries are there before any call has earned one, and so many at most.
_FIRST_RETRIES = 5.0
_MOST_RETRIES = 20.0
_LONGEST_PAUSE_S = 20.0


class Slots:
    """How many calls a provider gets at once.

    Where it adapts, the number grows by one for each round of calls that went well and is halved by each that
    found the provider overloaded (additive increase, multiplicative decrease), between 1 and `most`.
    """

    def __init__(self, most: int, *, adapts: bool = False) -> None:
        """`most` calls at once; where it adapts, the first round has a quarter of them."""
        self._most = most
        self._adapts = adapts
        self.limit = max(1.0, most / 4) if adapts else float(most)
        self._taken = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @asynccontextmanager
    async def one(self, model: str, deadline: Deadline) -> AsyncGenerator[None]:
        """A slot, when it is its turn. Raises ModelUnavailable where that is not before the deadline."""
        await self._take(model, deadline)
        try:
            yield
        finally:
            self._give_back()

    def went_well(self) -> None:
        """A call came back as it should."""
        if self._adapts:
            self.limit = min(self._most, self.limit + 1 / self.limit)
            self._wake()

    def was_too_much(self) -> None:
        """The provider was overloaded or fell silent."""
        if self._adapts:
            self.limit = max(1.0, self.limit / 2)

    async def _take(self, model: str, deadline: Deadline) -> None:
        if self._taken < int(self.limit):
            self._taken += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(deadline.remaining_s):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self._give_back()  # the slot came in the same moment
            else:
                turn.cancel()
            if isinstance(error, TimeoutError):
                raise ModelUnavailable(
                    f"no call of {model!r} could be made in time: {self._taken} are under way",
                    next_step="raise most_calls_at_once in [models]",
                    model=model,
                ) from None
            raise

    def _give_back(self) -> None:
        self._taken -= 1
        self._wake()

    def _wake(self) -> None:
        while self._waiting and self._taken < int(self.limit):
            turn = self._waiting.popleft()
            if not turn.done():
                self._taken += 1
                turn.set_result(None)


class Breaker:
    """Leaves a provider alone for a while after so many failures in a row; then one call tries it."""

    def __init__(self, failures: int, pause_s: float) -> None:
        """Open after `failures` in a row, for `pause_s`."""
        self._most = failures
        self._pause_s = pause_s
        self._failures = 0
        self._open_until = 0.0
        self._is_trying = False

    @property
    def left_s(self) -> float:
        """Seconds until the provider is tried again, 0 where it may be called."""
        return max(0.0, self._open_until - time.monotonic()) if self._failures >= self._most else 0.0

    @property
    def is_open(self) -> bool:
        """Whether no call may be made now."""
        return self.left_s > 0 or (self._failures >= self._most and self._is_trying)

    def before(self, model: str) -> None:
        """Raise ModelUnavailable where no call may be made now."""
        if self.is_open:
            raise ModelUnavailable(
                f"{model!r} failed {self._failures} times in a row and is left alone for {self.left_s:.0f} s",
                next_step="try again later, or name a fallback in [models]",
                model=model,
                retry_after_s=self.left_s,
            )
        self._is_trying = self._failures >= self._most

    def went_well(self) -> None:
        """The provider is there."""
        self._failures, self._is_trying = 0, False

    def failed(self) -> None:
        """It is not."""
        self._failures += 1
        self._is_trying = False
        if self._failures >= self._most:
            self._open_until = time.monotonic() + self._pause_s

    def gave_up(self) -> None:
        """The call was cancelled: nothing is known."""
        self._is_trying = False


class Guard:
    """What all models of one provider share: its slots, its breaker and the budget of retries."""

    def __init__(self, options: ModelOptions) -> None:
        """As the settings say."""
        self.slots = Slots(options.most_calls_at_once, adapts=options.adaptive_concurrency)
        self.breaker = Breaker(options.breaker_failures, options.breaker_pause_s)
        self._share = options.retry_share
        self._retries = _FIRST_RETRIES

    def earn_retry(self) -> None:
        """A first call is made: it earns a share of a retry."""
        self._retries = min(_MOST_RETRIES, self._retries + self._share)

    def spend_retry(self) -> bool:
        """Whether there is a retry left; it is spent then."""
        if self._retries < 1:
            return False
        self._retries -= 1
        return True


class Guarded:
    """A model that is called in a slot of its provider, and not while the provider is left alone."""

    def __init__(self, model: ChatModel, guard: Guard) -> None:
        """The model behind this guard."""
        self._model = model
        self._guard = guard

    @property
    def name(self) -> str:
        """The model's."""
        return self._model.name

    async def reply(self, call: ModelCall, payer: Payer, deadline: Deadline) -> ModelReply:
        """Its reply. Raises as it does."""
        async with self._guard.slots.one(self.name, deadline), self._watched(call) as watch:
            watch.reply = await self._model.reply(call, payer, deadline)
            return watch.reply

    async def stream(
        self, call: ModelCall, payer: Payer, deadline: Deadline
    ) -> AsyncGenerator[str | ModelReply]:
        """The same in pieces."""
        async with (
            self._guard.slots.one(self.name, deadline),
            self._watched(call) as watch,
            aclosing(self._model.stream(call, payer, deadline)) as stream,
        ):
            async for item in stream:
                if isinstance(item, ModelReply):
                    watch.reply = item
                yield item

    @asynccontextmanager
    async def _watched(self, call: ModelCall) -> AsyncGenerator[_Watch]:
        breaker, slots = self._guard.breaker, self._guard.slots
        breaker.before(self.name)
        watch = _Watch(self.name, call)
        try:
            yield watch
        except ModelUnavailable as error:
            slots.was_too_much()
            # One that says when to come back is there.
            if error.retry_after_s is None:
                breaker.failed()
            else:
                breaker.gave_up()
            watch.note(error)
            raise
        except ModelError as error:
            breaker.went_well()
            watch.note(error)
            raise
        except BaseException as error:
            # Who reads a stream may stop at the reply, which is its end.
            if watch.reply is None:
                breaker.gave_up()
                watch.note(error)
                raise
            self._went_well(watch)
            raise
        self._went_well(watch)

    def _went_well(self, watch: _Watch) -> None:
        self._guard.breaker.went_well()
        self._guard.slots.went_well()
        watch.note(None)


class _Watch:
    """One call while it is made, and its span when it has ended."""

    def __init__(self, model: str, call: ModelCall) -> None:
        self.reply: ModelReply | None = None
        self._model = model
        self._call = call
        self._began = time.perf_counter()

    def note(self, error: BaseException | None) -> None:
        # Made at the end: one that is open across the pieces of a stream would hold what is done between.
        took_s = time.perf_counter() - self._began
        with span("model call") as one:
            one.set(model=self._model, purpose=self._call.purpose, prompt=self._call.prompt)
            if self.reply is not None:
                usage = self.reply.usage
                one.set(
                    input_tokens=usage.input_tokens,
                    output_tokens=usage.output_tokens,
                    cache_read_tokens=usage.cache_read_tokens,
                    cache_write_tokens=usage.cache_write_tokens,
                    reasoning_tokens=usage.reasoning_tokens,
                    cost_usd=str(self.reply.cost_usd),
                    finish=self.reply.finish.value,
                )
            elif isinstance(error, ModelError):
                one.set(cost_usd=str(error.spent_usd))
        one.started_s = max(0.0, one.started_s - took_s)
        one.took_s = took_s
        if error is not None:
            one.error = type(error).__name__


class Hedged:
    """A model that is asked a second time where it has said nothing for a while; the first to speak wins.

    Both calls are paid for: the one that loses is cancelled, and settled as a call that was cut.
    """

    def __init__(self, model: ChatModel, after_s: float) -> None:
        """Ask again after so many seconds of silence."""
        self._model = model
        self._after_s = after_s

    @property
    def name(self) -> str:
        """The model's."""
        return self._model.name

    async def reply(self, call: ModelCall, payer: Payer, deadline: Deadline) -> ModelReply:
        """The reply of the faster call. Raises as the model does, the first error where both fail."""
        calls: list[asyncio.Task[ModelReply]] = []
        try:
            calls.append(asyncio.ensure_future(self._model.reply(call, payer, deadline)))
            await asyncio.wait(calls, timeout=self._after_s)
            if not calls[0].done():
                calls.append(asyncio.ensure_future(self._model.reply(call, payer, deadline)))
            return (await _first(calls)).result()
        finally:
            await _cancel(calls)

    async def stream(
        self, call: ModelCall, payer: Payer, deadline: Deadline
    ) -> AsyncGenerator[str | ModelReply]:
        """The stream that speaks first."""
        streams = [self._model.stream(call, payer, deadline)]
        firsts: list[asyncio.Task[str | ModelReply]] = []
        try:
            firsts.append(asyncio.ensure_future(anext(streams[0])))
            await asyncio.wait(firsts, timeout=self._after_s)
            if not firsts[0].done():
                streams.append(self._model.stream(call, payer, deadline))
                firsts.append(asyncio.ensure_future(anext(streams[1])))
            winner = await _first(firsts)
            stream = streams[firsts.index(winner)]
            await _cancel(firsts)
            yield winner.result()
            async for item in stream:
                yield item
        finally:
            await _cancel(firsts)
            for stream in streams:
                await stream.aclose()


class Retried:
    """A model that is asked again where it was overloaded, failed or fell silent.

    What the provider says of waiting goes first; else pauses double, with chance in them. None is begun that
    would end after the deadline, and retries are a share of all calls at most: a provider that is down is not
    made busier. A stream that breaks off is asked again and goes on where it was, if the new one begins with
    the same text; else the error stands.
    """

    def __init__(self, model: ChatModel, guard: Guard, attempts: int, backoff_s: float) -> None:
        """At most `attempts` calls, the first pause about `backoff_s`."""
        self._model = model
        self._guard = guard
        self._attempts = attempts
        self._backoff_s = backoff_s

    @property
    def name(self) -> str:
        """The model's."""
        return self._model.name

    async def reply(self, call: ModelCall, payer: Payer, deadline: Deadline) -> ModelReply:
        """Its reply. The error of the last attempt says what all of them cost."""
        patience = Patience(self._guard, deadline, self._backoff_s)
        async for attempt in patience.attempts(self._attempts):
            with attempt, patience.counted():
                return await self._model.reply(call, payer, deadline)
        raise AssertionError("stamina ends with a result or an error")

    async def stream(
        self, call: ModelCall, payer: Payer, deadline: Deadline
    ) -> AsyncGenerator[str | ModelReply]:
        """The same in pieces."""
        patience = Patience(self._guard, deadline, self._backoff_s)
        said = ""
        async for attempt in patience.attempts(self._attempts):
            with attempt, patience.counted():
                again = ""
                async with aclosing(self._model.stream(call, payer, deadline)) as stream:
                    async for item in stream:
                        if isinstance(item, ModelReply):
                            yield item
                            return
                        again += item
                        if not _agree(said, again):
                            patience.is_over = True
                            raise ModelUnavailable(
                                f"{self.name!r} broke off, and said something else when it was asked again",
                                next_step="ask again",
                                model=self.name,
                                usage=None,
                            )
                        if len(again) > len(said):
                            piece, said = again[len(said) :], again
                            yield piece
        raise AssertionError("stamina ends with a result or an error")


class Patience:
    """How long one call is tried, and what its attempts have cost."""

    def __init__(self, guard: Guard, deadline: Deadline, backoff_s: float) -> None:
        self.is_over = False
        self._guard = guard
        self._deadline = deadline
        self._backoff_s = backoff_s
        self._spent = Decimal(0)
        self._failed = 0

    def attempts(self, most: int) -> AsyncIterator[Attempt]:
        """One context after another, with pauses between, until one ends without an error."""
        from stamina import retry_context

        _be_quiet_about_retries()
        self._guard.earn_retry()
        return aiter(retry_context(on=self._pause, attempts=most, timeout=None))

    @contextmanager
    def counted(self) -> Generator[None]:
        """What an attempt within costs is added to what those before it did."""
        try:
            yield
        except ModelError as error:
            self._failed += 1
            self._spent += error.spent_usd
            error.spent_usd = self._spent
            raise

    def _pause(self, error: Exception) -> bool | float:
        """Seconds until the next attempt, False where there is none."""
        if not isinstance(error, ModelUnavailable) or self.is_over or self._guard.breaker.is_open:
            return False
        pause_s = min(_LONGEST_PAUSE_S, self._backoff_s * 2 ** (self._failed - 1))
        pause_s = random.uniform(pause_s / 2, pause_s)  # noqa: S311
        if error.retry_after_s is not None:
            # Those who wait for the same moment do not come in the same moment.
            pause_s = error.retry_after_s + random.uniform(0, self._backoff_s / 4)  # noqa: S311
        return pause_s if pause_s < self._deadline.remaining_s and self._guard.spend_retry() else False


@cache
def _be_quiet_about_retries() -> None:
    """Each is logged, and without a handler Python prints what is logged to standard error."""
    logging.getLogger("stamina").addHandler(logging.NullHandler())


def _agree(said: str, again: str) -> bool:
    """Whether one of two texts begins with the other."""
    return again.startswith(said) or said.startswith(again)


async def _first(tasks: list[asyncio.Task[_Result]]) -> asyncio.Task[_Result]:
    """The first task that ends well, or the first of all where none does."""
    waiting = set(tasks)
    while waiting:
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task in done and task.exception() is None:
                return task
    return tasks[0]


async def _cancel(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Cancel what still runs and wait until it has cleaned up."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
