"""A process that works on runs: takes them from the queue, executes blueprints, looks after the dead."""

from __future__ import annotations

import asyncio
import logging
import os
import platform
import threading
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from loccit.agents.durable.blueprints import named
from loccit.agents.durable.queue import let_go, recorded, running_queue
from loccit.agents.durable.run import Run, Surroundings, problem_of_run
from loccit.agents.durable.values import Failing, Lease, Leaving, Left, RunRow, Stopped, Stuck, Wish
from loccit.agents.durable.working import Pulse, Working
from loccit.agents.values import RunState
from loccit.core.errors import LoccitError, RunFailed, StorageFailed

if TYPE_CHECKING:
    from loccit.agents.durable.queue import Queue
    from loccit.agents.durable.workshop import Workshop

_log = logging.getLogger("loccit.agents")

_TURN_S = 0.1
_BEAT_S = 1.0
# On PostgreSQL a worker that has not counted on for so long is dead, and one that was away for nearly as long
# has no more effects; on SQLite there is no other one.
_DEAD_AFTER_S = 8.0
_FRESH_S = 5.5
# Who was started for a while does not wait for a database that is gone for good.
_AWAY_S = 300.0
_GOODBYE_S = 10.0


class Worker:
    """One process's part in the work."""

    def __init__(self, shop: Workshop) -> None:
        self._shop = shop
        self._store = shop.store
        # Alone, what the last one left has the same name.
        name = f"{platform.node()[:60]}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self.id = "alone" if shop.is_alone else name
        self._pulse = Pulse(0.0 if shop.is_alone else _FRESH_S)
        self._active: dict[str, Working] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._around: Surroundings | None = None
        self._seen: dict[str, tuple[int, float]] = {}
        self._idle = set[Lease]()
        self._is_over = threading.Event()

    def run(self, *, idle_s: float | None = None, until: Callable[[], bool] | None = None) -> None:
        """Work until `stop`, until there was nothing to do for so long, or until `until` says so.

        Raises StorageFailed.
        """
        if self._shop.is_alone:
            # Nobody else lives: whatever was at work when the last process died goes on now.
            for row in self._store.running():
                self._store.take_back(row)
        else:
            self._store.beat(self.id)
        options = self._shop.options
        with running_queue(self._shop.url, self.id, options.runs_at_once, self._execute) as queue:
            queue.sweep(self._store.ids)
            beats = threading.Thread(target=self._beat, name="beats", daemon=True)
            beats.start()
            try:
                self._turns(queue, idle_s, until)
            finally:
                self._is_over.set()
                beats.join()
                self._let_go()

    def stop(self) -> None:
        """End soon: runs that are under way are let go of, for the next process to go on with."""
        self._is_over.set()

    def _turns(self, queue: Queue, idle_s: float | None, until: Callable[[], bool] | None) -> None:
        busy_at = answered_at = time.monotonic()
        looked_at = float("-inf")
        while not self._is_over.is_set():
            now = time.monotonic()
            try:
                if now - looked_at >= _BEAT_S:
                    self._look_after()
                    looked_at = now
                for row in self._store.hand_over():
                    queue.put(row.id, self._active)
                if until is not None and until():
                    return
                if self._store.has_open():
                    busy_at = now
                elif idle_s is not None and now - busy_at >= idle_s:
                    return
                answered_at = now
            except StorageFailed as error:
                # A database that is away for a while comes back: nothing is lost by waiting for it.
                if idle_s is not None and now - answered_at > _AWAY_S:
                    raise
                _log.warning("the database does not answer", extra={"problem": str(error)})
                self._is_over.wait(_BEAT_S)
            self._is_over.wait(_TURN_S)

    # Others, and those of ours that nobody works on

    def _look_after(self) -> None:
        """Have what nobody works on any more handed over again."""
        running = self._store.running()
        dead = set[str]() if self._shop.is_alone else self._dead({row.worker for row in running})
        idle = {row.lease for row in running if row.worker == self.id and row.id not in self._active}
        for row in running:
            # One that begins just now is in the rows a moment before it is in ours: it is looked at twice.
            is_dropped = row.lease in idle & self._idle
            if (is_dropped or row.worker in dead) and self._store.take_back(row):
                _log.warning("run taken back", extra={"run": row.id, "worker": row.worker})
        self._idle = idle

    def _dead(self, workers: set[str]) -> set[str]:
        """Those of these workers that have said that they end, or count on no more.

        By our own clock from when we saw them count: clocks of machines differ.
        """
        beats, now = self._store.beats(), time.monotonic()
        self._seen = {
            worker: seen
            if (seen := self._seen.get(worker)) is not None and seen[0] == count
            else (count, now)
            for worker, count in beats.items()
        }
        gone = {worker for worker in workers if worker not in beats}
        silent = {worker for worker, (_, at) in self._seen.items() if now - at > _DEAD_AFTER_S}
        return (gone | silent) - {self.id}

    def _beat(self) -> None:
        """Once a second: say that we live, and hear what is wished of runs."""
        while not self._is_over.wait(_BEAT_S):
            try:
                if not self._shop.is_alone:
                    self._store.beat(self.id)
                    self._pulse.beat()
                active = dict(self._active)
                for run, wish in (self._store.wishes(active) if active else {}).items():
                    self._interrupt(active[run], wish)
            except StorageFailed as error:
                _log.warning("the database does not answer", extra={"problem": str(error)})

    def _interrupt(self, working: Working, wish: Wish) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(working.interrupt, wish)

    def _let_go(self) -> None:
        """Let go of what is under way, and say that we end."""
        until = time.monotonic() + _GOODBYE_S
        for working in list(self._active.values()):
            if self._loop is not None:
                self._loop.call_soon_threadsafe(working.end)
        while self._active and time.monotonic() < until:
            time.sleep(0.02)
        if self._loop is not None and self._around is not None:
            asyncio.run_coroutine_threadsafe(_ended(self._shop.closed), self._loop).result(_GOODBYE_S)
        try:
            if not self._shop.is_alone and not self._active:
                self._store.left(self.id)
        except StorageFailed as error:
            _log.warning("the database does not answer", extra={"problem": str(error)})

    # A run

    async def _execute(self, run: str) -> None:
        """Work on a run, and keep how it ended. Whatever happens to it is no matter of the process."""
        from dbos import error as of_dbos

        self._loop = asyncio.get_running_loop()
        try:
            begun = await asyncio.to_thread(self._store.begin, run, self.id)
            if begun is None:
                if (await asyncio.to_thread(self._store.get, run)).state.is_over:
                    return
                raise let_go()
        except StorageFailed as error:
            _log.warning("a run cannot be begun", extra={"run": run, "problem": str(error)})
            raise let_go() from error
        row, lease = begun
        working = self._active[run] = Working(self._store, row, lease, self._pulse)
        try:
            await self._worked(working)
        except (Left, StorageFailed, of_dbos.DBOSBaseException) as left:
            # The last: it has lost the run to somebody else, or cannot keep a step.
            _log.info("run let go", extra={"run": run, "why": type(left).__name__})
            raise let_go() from left
        finally:
            # Somebody who took it from us, and us again, has a value of their own there.
            if self._active.get(run) is working:
                del self._active[run]

    async def _worked(self, working: Working) -> None:
        row, lease = working.row, working.lease
        try:
            result = await self._result(row, working)
        except Stopped as stopped:
            if stopped.wish is Wish.CANCEL:
                await self._over(lease, RunState.CANCELLED)
                return
            await asyncio.to_thread(self._store.rest, lease)
            raise
        except Leaving:
            await asyncio.to_thread(self._store.give_back, lease)
            raise
        except Stuck:
            error = RunFailed(
                "the process that worked on it ended again and again in the same step",
                next_step="see its log; give it more memory, or begin anew",
            )
            await self._over(lease, RunState.LOST, problem=problem_of_run(error))
        except Left:
            raise
        except LoccitError as error:
            _log.warning("run failed", extra={"run": row.id, "problem": str(error)})
            await self._over(lease, RunState.FAILED, problem=problem_of_run(error))
        except Exception as error:
            if _is_of_the_queue(error):
                raise Failing(str(error)) from error
            _log.exception("run failed by a defect", extra={"run": row.id})
            told = RunFailed(
                f"a defect of the blueprint {row.blueprint!r}: {type(error).__name__}: {error}",
                next_step="see the worker's log",
            )
            await self._over(lease, RunState.FAILED, problem=problem_of_run(told))
        else:
            await self._over(lease, RunState.DONE, result=result)
            _log.info("run done", extra={"run": row.id, "usd": str(working.spend.usd)})

    async def _result(self, row: RunRow, working: Working) -> Any:
        blueprint = named(self._shop.blueprints, row.blueprint)
        if self._around is None:
            shop = self._shop
            self._around = Surroundings(shop.options, shop.model(), recorded, shop.decided)
        task = blueprint.task(row.task)
        return blueprint.as_json(await blueprint.function(Run(working, self._around), task))

    async def _over(self, lease: Lease, state: RunState, **how: Any) -> None:
        await asyncio.to_thread(lambda: self._store.finish(lease, state, **how))


async def _ended(what: Callable[[], Awaitable[None]]) -> None:
    await what()


def _is_of_the_queue(error: Exception) -> bool:
    """Whether what a step gave could not be kept or read: no fault of the blueprint.

    One that does other steps than before is.
    """
    from dbos import error as of_dbos
    from sqlalchemy.exc import SQLAlchemyError

    is_theirs = isinstance(error, of_dbos.DBOSException | SQLAlchemyError)
    faults = of_dbos.DBOSUnexpectedStepError | of_dbos.DBOSStepNondeterminismError
    return is_theirs and not isinstance(error, faults)
