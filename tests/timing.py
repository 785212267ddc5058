"""Limits of time on a machine that does other things as well."""

from __future__ import annotations

from collections.abc import Callable


def quickest(seconds: Callable[[], float], *, below: float, tries: int = 3) -> float:
    """The least of what up to `tries` measurements give; the first that is below the limit is the last.

    Whatever else runs slows one of them now and then. What is slow in itself is slow each time.
    """
    least = float("inf")
    for _ in range(tries):
        least = min(least, seconds())
        if least < below:
            break
    return least
