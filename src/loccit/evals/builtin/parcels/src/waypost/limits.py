"""How many requests a key may send: a bucket of tokens that refills all the time."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from waypost.settings import LimitSettings

# Keys that were not seen for longest are forgotten; a forgotten key has a full bucket again.
_MOST_KEYS = 10_000


@dataclass(slots=True)
class _Bucket:
    tokens: float
    seen_at: float


class RateLimiter:
    """Lets a burst through and then a steady rate, for each key by itself. Safe for several threads."""

    def __init__(self, settings: LimitSettings, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._rate = settings.per_minute / 60
        self._burst = settings.burst
        self._monotonic = monotonic
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: str) -> float:
        """Take a token; 0 where there was one, or else the seconds until there will be.

        Whoever is refused loses nothing: refused requests do not make the wait longer.
        """
        with self._lock:
            now = self._monotonic()
            bucket = self._buckets.pop(key, None) or _Bucket(float(self._burst), now)
            bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.seen_at) * self._rate)
            bucket.seen_at = now
            self._buckets[key] = bucket
            if len(self._buckets) > _MOST_KEYS:
                self._buckets.popitem(last=False)
            if bucket.tokens >= 1:
                bucket.tokens -= 1
                return 0.0
            return (1 - bucket.tokens) / self._rate


def retry_after(wait_s: float) -> str:
    """The header of that name: whole seconds, rounded up, so that nobody comes back too early."""
    return str(max(1, math.ceil(wait_s)))
