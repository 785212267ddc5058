"""Readers of a repository that stay open from one question to the next: starting git takes milliseconds.

A reader is lent to one caller at a time. What it says is what a new one would say: one that was started
before the packs changed, or too long ago, is not lent any more, and what a used one cannot give is asked of
a new one before anybody hears that it is not there.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from threading import Lock, Timer
from types import TracebackType
from typing import TYPE_CHECKING, Self
from weakref import finalize, ref

from loccit.core.errors import SourceError
from loccit.core.source import GitObject
from loccit.sources.reader import BatchReader

if TYPE_CHECKING:
    from loccit.sources.git_repository import GitReaderSpec

# Lent at once, a repository may have more; they end when they come back.
_MOST_IDLE = 8
_IDLE_S = 20.0
# git learns of most that is deleted only when it looks for something new.
_LONGEST_LIFE_S = 60.0

_Packs = tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class _Started:
    """A reader, with what it was started for."""

    reader: BatchReader
    spec: GitReaderSpec
    packs: _Packs
    began: float


class ReaderPool:
    """The readers of one repository that nobody uses now. Safe across threads.

    Readers that were idle for some seconds are closed, and all are when the pool is forgotten.
    """

    def __init__(self) -> None:
        self._guard = Lock()
        # With the time since which each is idle, the oldest first.
        self._idle: list[tuple[float, _Started]] = []
        self._timers: list[Timer] = []
        finalize(self, _end, self._idle, self._timers)

    def lend(self, spec: GitReaderSpec) -> LentReader:
        """A reader for one caller, who gives it back by closing its context."""
        return LentReader(self, spec)

    def take(self, spec: GitReaderSpec) -> _Started | None:
        """An idle reader that may be used for this; None where there is none."""
        packs = _packs_of(spec)
        unfit: list[_Started] = []
        try:
            with self._guard:
                while self._idle:
                    _, found = self._idle.pop()
                    is_young = time.monotonic() - found.began < _LONGEST_LIFE_S
                    if is_young and (found.spec, found.packs) == (spec, packs):
                        return found
                    unfit.append(found)
            return None
        finally:
            for one in unfit:
                one.reader.close()

    def give_back(self, started: _Started) -> None:
        """Keep a reader for the next caller, unless it is of no use."""
        with self._guard:
            is_kept = started.reader.is_settled and len(self._idle) < _MOST_IDLE
            if is_kept:
                self._idle.append((time.monotonic(), started))
                self._wake_later()
        if not is_kept:
            started.reader.close()

    def close_idle(self, *, since_s: float) -> None:
        """Close the readers that have been idle for so many seconds."""
        with self._guard:
            self._timers.clear()
            before = time.monotonic() - since_s
            old = [one for since, one in self._idle if since <= before]
            self._idle[:] = [entry for entry in self._idle if entry[0] > before]
            if self._idle:
                self._wake_later()
        for one in old:
            one.reader.close()

    def _wake_later(self) -> None:
        """Have idle readers closed in a while. Only under the guard."""
        if self._timers:
            return
        timer = Timer(_IDLE_S, _wake, [ref(self)])
        timer.daemon = True
        self._timers.append(timer)
        timer.start()


class LentReader:
    """Reads objects of one repository, as `BatchReader` does, through a reader that may be in use already."""

    def __init__(self, pool: ReaderPool, spec: GitReaderSpec) -> None:
        self._pool = pool
        self._spec = spec
        self._started: _Started | None = None
        self._is_used = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        started, self._started = self._started, None
        if started is not None:
            self._pool.give_back(started)

    def read(self, object_id: str) -> GitObject:
        """The object with this full id. Raises like `BatchReader.read`."""
        reader = self._reader()
        try:
            return reader.read(object_id)
        except SourceError:
            if not self._is_used:
                raise
        return self._renewed().read(object_id)

    def read_many(self, ids: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Each id with its content, in the order given. Raises like `BatchReader.read_many`."""
        done = 0
        try:
            for found in self._reader().read_many(ids):
                done += 1
                yield found
        except SourceError:
            if not self._is_used:
                raise
        else:
            return
        yield from self._renewed().read_many(ids[done:])

    def _reader(self) -> BatchReader:
        if self._started is None:
            self._started = self._pool.take(self._spec)
            self._is_used = self._started is not None
        return self._renewed() if self._started is None else self._started.reader

    def _renewed(self) -> BatchReader:
        """A reader whose git is started anew."""
        if self._started is not None:
            self._started.reader.close()
        self._started = _Started(self._spec.open(), self._spec, _packs_of(self._spec), time.monotonic())
        self._is_used = False
        return self._started.reader


def _packs_of(spec: GitReaderSpec) -> _Packs:
    """What changes when packs come or go: the times of the folders that hold them."""
    return tuple(_changed_at(folder) for folder in spec.view.pack_folders())


def _changed_at(folder: str) -> int | None:
    try:
        return os.stat(folder).st_mtime_ns  # noqa: PTH116  # asked for each question
    except OSError:
        return None


def _wake(pool: ref[ReaderPool]) -> None:
    found = pool()
    if found is not None:
        found.close_idle(since_s=_IDLE_S)


def _end(idle: list[tuple[float, _Started]], timers: list[Timer]) -> None:
    for timer in timers:
        timer.cancel()
    for _, one in idle:
        one.reader.close()
