"""Who is let in, who waits, and who is sent away."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from loccit.core.errors import Overloaded, RateLimited

# What is known of a caller who sends nothing for so long is forgotten.
_IDLE_S = 600.0


class Gate:
    """So many at once, so many more in a queue, first come first served; the others are sent away at once.

    A queue that is longer than what is done within a client's patience only makes everybody late: what is
    over is told so while it still costs nothing. Belongs to one event loop.
    """

    def __init__(self, name: str, *, at_once: int, queue: int) -> None:
        self.name = name
        self._at_once = at_once
        self._most_waiting = queue
        self._inside = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._usual_s = 0.05

    @property
    def inside(self) -> int:
        """How many are at work."""
        return self._inside

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    @property
    def is_full(self) -> bool:
        """Whether the next one would be sent away."""
        return self._inside >= self._at_once and len(self._waiting) >= self._most_waiting

    def retry_after_s(self) -> float:
        """When there should be room again, judged by how long it took of late."""
        return max(1.0, self._usual_s * (1 + len(self._waiting)) / self._at_once)

    async def enter(self) -> float:
        """Wait for a place and take it; when that was. Whoever enters must `leave`. Raises Overloaded."""
        if self._inside < self._at_once and not self._waiting:
            self._inside += 1
            return time.perf_counter()
        if len(self._waiting) >= self._most_waiting:
            raise self.overloaded()
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(mine)
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():
                # The place was given in the moment in which nobody wanted it any more.
                self._give_place()
            else:
                self._waiting.remove(mine)
            raise
        return time.perf_counter()

    def leave(self, entered_at: float) -> None:
        """Give the place to the next one."""
        self._usual_s += 0.1 * (time.perf_counter() - entered_at - self._usual_s)
        self._give_place()

    def _give_place(self) -> None:
        while self._waiting:
            following = self._waiting.popleft()
            if not following.done():
                following.set_result(None)
                return
        self._inside -= 1

    @asynccontextmanager
    async def place(self) -> AsyncGenerator[None]:
        """A place for as long as what is within takes. Raises Overloaded."""
        entered_at = await self.enter()
        try:
            yield
        finally:
            self.leave(entered_at)

    def overloaded(self) -> Overloaded:
        """What the ones that are sent away are told."""
        return Overloaded(
            f"the server has no room for more {self.name} now",
            next_step="ask again after the seconds that Retry-After names",
            retry_after_s=self.retry_after_s(),
        )


@dataclass(frozen=True, slots=True)
class Standing:
    """What a caller may send in one go, how much of it is left, and after how many seconds all of it will
    be.
    """

    limit: int
    remaining: int
    reset_s: float


class Rates:
    """Token buckets: so many requests a minute for each caller, in one go or spread.

    Each worker keeps its own; `workers` is by how many a rate is shared.
    """

    def __init__(self, per_minute: int, *, workers: int = 1) -> None:
        """`per_minute` for whom has no rate of their own, 0 for any number."""
        self._per_minute = per_minute
        self._workers = workers
        self._buckets: dict[str, tuple[float, float]] = {}
        self._swept_at = 0.0

    def take(self, caller: str, per_minute: int | None) -> Standing | None:
        """Count a request of a caller: what they have left, None where they have no rate. Raises
        RateLimited.
        """
        rate = self._per_minute if per_minute is None else per_minute
        if rate <= 0:
            return None
        most = max(1.0, rate / self._workers)
        now = time.monotonic()
        self._sweep(now)
        left, at = self._buckets.get(caller, (most, now))
        left = min(most, left + (now - at) * most / 60)
        if left < 1:
            self._buckets[caller] = (left, now)
            wait_s = (1 - left) * 60 / most
            raise RateLimited(
                "requests per minute",
                rate + 1,
                rate,
                next_step=f"ask again in {wait_s:.0f} s",
                retry_after_s=max(1.0, wait_s),
            )
        self._buckets[caller] = (left - 1, now)
        return Standing(int(most), int(left - 1), (most - left + 1) * 60 / most)

    def _sweep(self, now: float) -> None:
        if now - self._swept_at > _IDLE_S:
            self._buckets = {who: held for who, held in self._buckets.items() if now - held[1] < _IDLE_S}
            self._swept_at = now
