"""Jobs as the doors ask for them: each caller within what they may see and do."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from filelock import FileLock

from loccit.core.errors import InputError, LoccitError, NotIndexed, SourceError
from loccit.core.progress import silent
from loccit.policy.callers import Role
from loccit.serving.jobs.launcher import Launcher
from loccit.serving.jobs.lock import taken
from loccit.serving.jobs.places import check_location, check_tracker, guarded
from loccit.serving.jobs.store import JobStore, unknown
from loccit.serving.jobs.values import Job, JobKind, JobRequest, JobState

if TYPE_CHECKING:
    from loccit.indexing.catalogue import KnownRepository
    from loccit.library import Loccit
    from loccit.policy.callers import Caller
    from loccit.serving.service import Service

_log = logging.getLogger("loccit.jobs")

# How often a server looks whether there is something to do that nobody does, and a waiting client whether
# something changed.
_WATCH_S = 2.0
_LOOK_S = 0.5
# What could not be indexed by itself is left alone for so long.
_FAILED_PAUSE_S = 600.0
_SERVER = "server"


class Jobs:
    """What a server was asked to do about repositories. Its methods belong to the event loop that serves.

    A caller sees jobs about the repositories that they may see; an admin all, those of what is not indexed
    yet too.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._launcher: Launcher | None = None
        self._watch: asyncio.Task[None] | None = None

    async def enqueue(self, caller: Caller, request: JobRequest) -> Job:
        """The job that does this; where the same one waits already, that one. It is kept from then on.

        Maintainers have indexed and synchronised what is known, and they may see; admins the rest: new
        locations, collections, trackers, removing. Raises NotPermitted, NotIndexed, InputError for what may
        not or cannot be read too, StorageFailed.
        """
        is_new = bool(request.location or request.collection or request.tracker)
        is_removing = request.kind is JobKind.REMOVE
        caller.require(Role.MAINTAINER, "having repositories indexed")
        if is_new or is_removing:
            caller.require(Role.ADMIN, "bringing repositories, collections and trackers in and out")
        try:
            job = await self._service.book(lambda loccit: self._added(loccit, caller, request))
        except SourceError as error:
            # It is an admin who named the place: they are told what is wrong with it.
            raise InputError(error.message, next_step=error.next_step) from error
        await self._launch()
        return job

    async def list(
        self,
        caller: Caller,
        *,
        repository: str = "",
        state: JobState | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> tuple[Job, ...]:
        """The jobs that a caller may see, the newest first, by what is asked for; `before` is a number.

        A repository that they may not see has none, as one that is not there.
        """

        def found(loccit: Loccit) -> tuple[Job, ...]:
            keys = self._keys(loccit, caller)
            if repository:
                try:
                    name = self._service.guest(caller).name_of(repository)
                except NotIndexed:
                    return ()
                keys = frozenset(known.key for known in loccit.known() if known.name == name)
            store = JobStore(loccit.database())
            return store.list(keys=keys, state=state, before=before, limit=limit)

        return await self._service.book(found)

    async def get(self, caller: Caller, job: str) -> Job:
        """A job that they may see. Raises NotFound, alike for one that they may not."""

        def found(loccit: Loccit) -> Job:
            one = JobStore(loccit.database()).get(job)
            keys = self._keys(loccit, caller)
            if keys is not None and one.key not in keys:
                raise unknown(job)
            return one

        return await self._service.book(found)

    async def cancel(self, caller: Caller, job: str) -> Job:
        """End a job: at once where it waits, as soon as it can where it runs; as it is then.

        Raises NotFound, NotPermitted.
        """
        caller.require(Role.MAINTAINER, "cancelling jobs")
        found = await self.get(caller, job)
        if found.request.kind is JobKind.REMOVE:
            caller.require(Role.ADMIN, "cancelling that a repository is removed")
        return await self._service.book(lambda loccit: JobStore(loccit.database()).cancel(job))

    async def changed(self, caller: Caller, job: str, since: Job, *, wait_s: float) -> Job:
        """A job as soon as it is otherwise than it was, or after so many seconds. Raises NotFound."""
        deadline = time.monotonic() + wait_s
        while True:
            found = await self.get(caller, job)
            left_s = deadline - time.monotonic()
            if found != since or found.state.is_over or left_s <= 0 or self._service.is_draining:
                return found
            await asyncio.sleep(min(_LOOK_S, left_s))

    async def follow(self, caller: Caller, job: str) -> AsyncGenerator[Job]:
        """A job each time that something about it changes, until it is over. Raises NotFound."""
        held = await self.get(caller, job)
        yield held
        while not held.state.is_over and not self._service.is_draining:
            found = await self.changed(caller, job, held, wait_s=10.0)
            if found != held:
                yield found
            held = found

    def start(self) -> None:
        """Begin to look after what is to be done: that somebody does it, and what is to be done anew."""
        self._watch = asyncio.create_task(self._watched())

    async def stop(self) -> None:
        """Stop looking; what is under way goes on in its own process."""
        if self._watch is not None:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch

    def _added(self, loccit: Loccit, caller: Caller, request: JobRequest) -> Job:
        known = self._found(caller, request)
        if request.tracker:
            check_tracker(request.tracker, self._service.options)
        user = caller.user
        return JobStore(loccit.database()).add(
            request, key=known.key, name=known.name, caller=caller.id, user=user
        )

    def _found(self, caller: Caller, request: JobRequest) -> KnownRepository:
        """The repository that a job is to be about. Raises NotIndexed, SourceError."""
        if request.location:
            check_location(request.location)
            settings = self._service.loccit.settings
            return guarded(settings, progress=silent, is_new=True).identify(request.location)
        guest = self._service.guest(caller)
        name = guest.name_of(request.repository)
        return next(known for known in guest.known() if known.name == name)

    def _keys(self, loccit: Loccit, caller: Caller) -> frozenset[str] | None:
        """The repositories whose jobs a caller may see, None for all."""
        if caller.role is Role.ADMIN:
            return None
        return frozenset(known.key for known in loccit.known() if caller.may_see(known.name))

    async def _launch(self) -> None:
        if not self._service.options.run_jobs:
            return

        def launched(loccit: Loccit) -> None:
            if self._launcher is None:
                self._launcher = Launcher(loccit.settings, is_sqlite=loccit.database().is_sqlite)
            self._launcher.ensure()

        await self._service.book(launched)

    async def _watched(self) -> None:
        # One server of a home folder looks after what has moved.
        lock = FileLock(self._service.loccit.home / "refresh.lock")
        looked_at = time.monotonic()
        refresh_s, fetch_s = self._service.options.refresh_s, self._service.options.fetch_s
        every_s = min((one for one in (refresh_s, fetch_s) if one > 0), default=0.0)
        try:
            while True:
                try:
                    if await self._service.book(lambda loccit: JobStore(loccit.database()).has_open()):
                        await self._launch()
                    is_due = every_s > 0 and time.monotonic() - looked_at >= every_s
                    if is_due and (lock.is_locked or taken(lock, wait_s=0)):
                        looked_at = time.monotonic()
                        await self._refresh()
                except LoccitError as error:
                    _log.warning("jobs cannot be looked after", extra={"problem": str(error)})
                await asyncio.sleep(_WATCH_S if not every_s else min(_WATCH_S, every_s))
        finally:
            lock.release()

    async def _refresh(self) -> None:
        """Ask for what has moved to be indexed."""
        if self._service.options.refresh_s > 0:
            moved = await asyncio.to_thread(self._service.loccit.moved)
            for known, has_history in moved:
                await self._again(known, history=has_history)
        if self._service.options.fetch_s > 0:
            for known in await self._service.book(lambda loccit: loccit.known()):
                if not known.location.startswith("/"):
                    await self._again(known, history=True, not_within_s=self._service.options.fetch_s)

    async def _again(self, known: KnownRepository, *, history: bool, not_within_s: float = 0.0) -> None:
        request = JobRequest(JobKind.INDEX, repository=known.name, history=history)

        def added(loccit: Loccit) -> bool:
            store, now = JobStore(loccit.database()), time.time()
            last = store.newest(known.key)
            if last is not None and not last.state.is_over:
                return False
            failed = last is not None and last.state is not JobState.DONE
            pause_s = max(not_within_s, _FAILED_PAUSE_S if failed else 0.0)
            if now - (last.created_at if last else known.added_at) < pause_s:
                return False
            store.add(request, key=known.key, name=known.name, caller=_SERVER, user="")
            return True

        if await self._service.book(added):
            await self._launch()
