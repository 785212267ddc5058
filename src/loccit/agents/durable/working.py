"""One run while a process works on it: its lease, what it has used, and how it is interrupted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from loccit.agents.durable.ledger import Ledger
from loccit.agents.durable.values import Failing, Leaving, Lost, Stopped, Stuck
from loccit.agents.values import Spend
from loccit.core.errors import StorageFailed

if TYPE_CHECKING:
    from loccit.agents.durable.store import Also, RunStore
    from loccit.agents.durable.values import Happened, Lease, RunRow, Wish

_Result = TypeVar("_Result")
_Given = ParamSpec("_Given")

# A step that ends its process each time must not do so for ever. Far more often than a process that is killed
# again and again happens to be in the same step.
_MOST_ATTEMPTS = 100


class Pulse:
    """When a process was last seen alive, by itself: after `most_s` others may have taken what it had.

    On the clock that goes on while a machine sleeps, where there is one.
    """

    def __init__(self, most_s: float) -> None:
        """Alive from now on. With 0 nobody else can take anything."""
        self._most_s = most_s
        self._clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
        self.beat()

    def beat(self) -> None:
        """Others were told that we live."""
        self._at = time.clock_gettime(self._clock)

    @property
    def is_fresh(self) -> bool:
        """Whether nobody can have taken us for dead."""
        return not self._most_s or time.clock_gettime(self._clock) - self._at < self._most_s


class Working:
    """A run that is worked on. Its methods belong to the event loop that works on it."""

    def __init__(self, store: RunStore, row: RunRow, lease: Lease, pulse: Pulse) -> None:
        self.store = store
        self.ledger = Ledger(store.database)
        self.row = row
        self.lease = lease
        self.pulse = pulse
        self.spend = Spend()
        self._inside: asyncio.Task[Any] | None = None
        self._wish: Wish | None = None
        self._is_over = False

    async def kept(
        self, work: Callable[_Given, _Result], *arguments: _Given.args, **named: _Given.kwargs
    ) -> _Result:
        """What a method of store or ledger gives, in a thread. Raises Lost, and Failing for StorageFailed."""
        try:
            return await asyncio.to_thread(work, *arguments, **named)
        except StorageFailed as error:
            raise Failing(str(error)) from error

    async def checked(self) -> None:
        """Before anything is begun. Raises Lost where somebody else has it, Stopped where it is to end,
        Leaving where the process ends, Stuck where that ended here too often.
        """
        self.goes_on()
        self.allowed(*await self.kept(self.store.step, self.lease))

    def goes_on(self) -> None:
        """Raises Leaving where the process ends."""
        if self._is_over:
            raise Leaving

    def allowed(self, wish: Wish | None, attempts: int) -> None:
        """Raises Stopped where that is wished, Stuck after too many attempts."""
        if wish is not None:
            raise Stopped(wish)
        if attempts > _MOST_ATTEMPTS:
            raise Stuck

    def is_sure(self) -> None:
        """Right before an effect: raises Lost where this process was away so long that others took over."""
        if not self.pulse.is_fresh:
            raise Lost

    async def interruptible(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        """What it gives, unless somebody wants the run to stop meanwhile; then it is cancelled."""
        # A loop within a tool waits within the tool.
        before, task = self._inside, asyncio.ensure_future(work)
        self._inside = task
        try:
            return await task
        except asyncio.CancelledError:
            if self._wish is not None:
                raise Stopped(self._wish) from None
            if self._is_over:
                raise Leaving from None
            raise
        finally:
            self._inside = before

    def interrupt(self, wish: Wish) -> None:
        """Let it stop: what waits for a model or reads is cut off, an effect is never."""
        self._wish = wish
        if self._inside is not None:
            self._inside.cancel()

    def end(self) -> None:
        """The process ends: as `interrupt`, and somebody else goes on with the run."""
        self._is_over = True
        if self._inside is not None:
            self._inside.cancel()

    async def advance(self, used: Spend, event: Happened, also: Also | None = None) -> None:
        """Keep that it got a step further, what that used, and what came of it."""
        await self.kept(self.store.advance, self.lease, self.spend + used, event, also)
