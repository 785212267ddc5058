"""Runs of agents in one home folder: begun, steered, and worked on by whichever process does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from loccit.agents.durable.blueprints import named
from loccit.agents.options import Limits
from loccit.agents.values import RunState
from loccit.core.calls import Payer
from loccit.core.errors import SettingsError, StorageFailed

if TYPE_CHECKING:
    from loccit.agents.durable.blueprints import Blueprint
    from loccit.agents.durable.store import RunStore
    from loccit.agents.durable.values import RunRow
    from loccit.agents.durable.worker import Worker
    from loccit.agents.durable.workshop import Workshop

_LOOK_S = 0.2
_LOCK_WAIT_S = 2.0
# In these states a run goes on only when somebody says so.
RESTING = frozenset({RunState.PAUSED, RunState.WAITING})


class Agents:
    """What can be done with runs: `store` has what is known of them."""

    def __init__(self, home: Path, store: RunStore, workshop: Callable[[], Workshop]) -> None:
        """`workshop` is asked for when blueprints are."""
        self.store = store
        self._home = home
        self._make = workshop
        self._shop: Workshop | None = None
        self._worker: Worker | None = None
        self._is_stopped = threading.Event()

    @property
    def blueprints(self) -> Mapping[str, Blueprint]:
        """What can be begun, by name."""
        return self._workshop().blueprints

    def begin(
        self, blueprint: str, task: Any, *, limits: Limits | None = None, payer: Payer | None = None
    ) -> RunRow:
        """The new run of a blueprint, in the queue. Raises InputError for what is no task, StorageFailed."""
        shop = self._workshop()
        found = named(shop.blueprints, blueprint)
        plain = found.as_json(found.task(task))
        return self.store.add(blueprint, plain, limits or shop.options.limits, payer or Payer(""))

    def work(self, *, idle_s: float | None = None, until: Callable[[], bool] | None = None) -> bool:
        """Work on runs until there were none for `idle_s` (None: for ever), `until` says so, or `stop` is
        called. False, at once, where another process works alone (SQLite). Raises SettingsError,
        StorageFailed.
        """
        shop = self._workshop()
        lock = FileLock(self._home / "agents.lock")
        try:
            if shop.is_alone:
                lock.acquire(timeout=_LOCK_WAIT_S if until is None else 0)
        except Timeout:
            return False
        except OSError as error:
            raise StorageFailed(f"cannot lock {lock.lock_file!r}: {error.strerror}") from error
        try:
            self._worker = _worker(shop)
            if not self._is_stopped.is_set():
                self._worker.run(idle_s=idle_s, until=until)
        finally:
            self._worker = None
            lock.release()
        return True

    def stop(self) -> None:
        """Let `work` end soon; what is under way is for the next process. For signal handlers too."""
        self._is_stopped.set()
        if self._worker is not None:
            self._worker.stop()

    def follow(self, run: str, *, hear: Callable[[RunRow], None] = lambda row: None) -> RunRow:
        """A run when it is over, or rests until somebody says something: worked on here if nobody else does.

        `hear` is called again and again meanwhile. Raises NotFound, SettingsError, StorageFailed.
        """

        def is_at_rest() -> bool:
            row = self.store.get(run)
            hear(row)
            return row.state.is_over or row.state in RESTING

        while not is_at_rest() and not self._is_stopped.is_set():
            if not self.work(until=is_at_rest):
                time.sleep(_LOOK_S)
        return self.store.get(run)

    def _workshop(self) -> Workshop:
        if self._shop is None:
            self._shop = self._make()
        return self._shop

    def with_limits(self, **changes: Any) -> Limits:
        """The limits of the settings with some others."""
        return replace(self._workshop().options.limits, **changes)


def _worker(shop: Workshop) -> Worker:
    if find_spec("dbos") is None:
        raise SettingsError(
            "agents need a package that is not installed: dbos", next_step="pip install 'loccit[agents]'"
        )
    from loccit.agents.durable.worker import Worker

    return Worker(shop)
