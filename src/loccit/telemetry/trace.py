"""Spans: what a run did, how long each part took, and what belongs to what."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from decimal import Decimal

Attribute = str | int | float | bool


@dataclass(slots=True)
class Span:
    """One part of a run. `parent` is the number of the span around it, -1 at the top; times in seconds.

    `started_s` counts from the beginning of the run.
    """

    number: int
    parent: int
    name: str
    started_s: float
    attributes: dict[str, Attribute]
    took_s: float = 0.0
    error: str = ""

    def set(self, **attributes: Attribute) -> None:
        """Add what became known."""
        self.attributes.update(attributes)


@dataclass(slots=True)
class Trace:
    """The spans of one run, in the order in which they began.

    `at` is when it began in seconds since the epoch, `began` the same moment on the clock of the spans.
    `spent_usd` is what was paid within, also for what failed or was cut off.
    """

    run: str
    at: float = field(default_factory=time.time)
    began: float = field(default_factory=time.perf_counter)
    spans: list[Span] = field(default_factory=list[Span])
    spent_usd: Decimal = Decimal(0)

    def add(self, name: str, took_s: float) -> None:
        """A part that was timed by others, and began when the last one at the top ended."""
        started = max((one.started_s + one.took_s for one in self.spans if one.parent < 0), default=0.0)
        self.spans.append(Span(len(self.spans), -1, name, started, {}, took_s))


_trace: ContextVar[Trace | None] = ContextVar("loccit_trace", default=None)
_inside: ContextVar[int] = ContextVar("loccit_span", default=-1)


@contextmanager
def recording(run: str) -> Generator[Trace]:
    """Collect the spans that are made within, in this task and those that it starts."""
    trace = Trace(run)
    tokens = _trace.set(trace), _inside.set(-1)
    try:
        yield trace
    finally:
        _trace.reset(tokens[0])
        _inside.reset(tokens[1])


def paid(usd: Decimal) -> None:
    """Add this to what the run around has cost, where there is one."""
    trace = _trace.get()
    if trace is not None:
        trace.spent_usd += usd


@contextmanager
def span(name: str, attributes: Mapping[str, Attribute] | None = None) -> Generator[Span]:
    """A span around what is within. What is raised within is named in it, and goes on."""
    trace = _trace.get()
    if trace is None:
        yield Span(-1, -1, name, 0.0, dict(attributes or {}))
        return
    began = time.perf_counter()
    one = Span(len(trace.spans), _inside.get(), name, began - trace.began, dict(attributes or {}))
    trace.spans.append(one)
    _inside.set(one.number)
    try:
        yield one
    except BaseException as error:
        one.error = type(error).__name__
        raise
    finally:
        # Not by a token: a stream may be closed in another task than the one that began it.
        _inside.set(one.parent)
        one.took_s = time.perf_counter() - began
