"""What every door calls: the library, for many callers at once, each within what they may see and spend."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from loccit.core.errors import DeadlinePassed, InputError, NotFound
from loccit.core.issues import repository_name
from loccit.policy.callers import Role
from loccit.serving.admission import Gate
from loccit.serving.jobs.jobs import Jobs

if TYPE_CHECKING:
    from starlette.requests import Request

    from loccit.library import Loccit
    from loccit.pipeline.events import Event
    from loccit.pipeline.written import Written
    from loccit.policy.callers import Caller
    from loccit.serving.options import ServingOptions
    from loccit.telemetry.metrics import Metrics
    from loccit.telemetry.records import RunRecord

T = TypeVar("T")

MOST_QUESTION_CHARS = 100_000
_MOST_NAMES = 100


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody asks. `session` is the conversation it goes on with, `earlier` what else was said before:
    questions with the texts of their answers, oldest first. `quote` asks no model though there is one.
    """

    text: str
    repos: tuple[str, ...] = ()
    collection: str | None = None
    rev: str | None = None
    languages: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    session: str | None = None
    earlier: tuple[tuple[str, str], ...] = ()
    quote: bool = False

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise InputError("the question is empty", next_step="ask something")
        if len(self.text) > MOST_QUESTION_CHARS:
            raise InputError(
                f"the question has {len(self.text):,} characters",
                next_step=f"at most {MOST_QUESTION_CHARS:,} are read",
            )
        for what, names in (("repos", self.repos), ("languages", self.languages), ("paths", self.paths)):
            if len(names) > _MOST_NAMES:
                raise InputError(
                    f"{what} has {len(names):,} entries", next_step=f"write at most {_MOST_NAMES}"
                )

    @property
    def sources(self) -> dict[str, Any]:
        """What it is asked of, as the methods of the library take it."""
        names = ("repos", "collection", "rev", "languages", "paths")
        return {name: getattr(self, name) for name in names}


class Service:
    """The library behind a server. One per process; its methods belong to the event loop that serves.

    Searches and answers without a model run in threads, behind one gate; answers of models are awaited,
    behind another. What a caller no longer waits for is given up: at once where it waits or asks a model, and
    a search that is under way is finished by its thread, unheard. `deliveries_came` wakes who deals with what
    trackers tell of.
    """

    def __init__(self, loccit: Loccit, options: ServingOptions, metrics: Metrics) -> None:
        self._loccit = loccit
        self.options = options
        self.metrics = metrics
        self.is_draining = False
        self.calls = Gate("requests", at_once=options.threads, queue=options.queue)
        self.answers = Gate("answers", at_once=options.answers, queue=options.queue)
        self.streams = Gate("streams", at_once=options.streams, queue=0)
        self.jobs = Jobs(self)
        self.deliveries_came = asyncio.Event()
        self._threads = ThreadPoolExecutor(options.threads, thread_name_prefix="loccit-call")
        # What reads or writes a row must not wait behind searches.
        self._books = ThreadPoolExecutor(2, thread_name_prefix="loccit-books")

    @property
    def loccit(self) -> Loccit:
        """The whole library, for what admins and the server itself do. Doors ask for callers by `run`."""
        return self._loccit

    def guest(self, caller: Caller) -> Loccit:
        """The library as a caller sees it."""
        return self._loccit.for_guest(
            caller.repositories, user=caller.user, key=caller.id, key_usd=caller.usd_per_month
        )

    async def run(self, caller: Caller, work: Callable[[Loccit], T], *, deadline_s: float | None = None) -> T:
        """What `work` makes of the library as this caller sees it, in a thread, when it is its turn.

        Raises what `work` raises, Overloaded, DeadlinePassed.
        """
        limit_s = deadline_s or self.options.deadline_s
        try:
            async with asyncio.timeout(limit_s):
                with self.metrics.queued():
                    entered_at = await self.calls.enter()
                self.metrics.admitted()
                context, guest = contextvars.copy_context(), self.guest(caller)
                loop = asyncio.get_running_loop()
                future = loop.run_in_executor(self._threads, lambda: context.run(work, guest))
                # The place is taken until the thread is free, whether or not somebody still waits for it.
                future.add_done_callback(lambda done: self._left(done, entered_at))
                return await asyncio.shield(future)
        except TimeoutError as error:
            raise _late(limit_s) from error

    def _left(self, done: asyncio.Future[T], entered_at: float) -> None:
        self.calls.leave(entered_at)
        if not done.cancelled():
            done.exception()  # heard, so that asyncio does not complain of one that nobody waited for

    async def book(self, work: Callable[[Loccit], T]) -> T:
        """What `work` makes of the whole library, for short reads and writes of the database; it waits behind
        no search. `work` itself must see to what its caller may see.
        """
        context, loop = contextvars.copy_context(), asyncio.get_running_loop()
        return await loop.run_in_executor(self._books, lambda: context.run(work, self._loccit))

    async def ask(
        self,
        caller: Caller,
        question: Question,
        *,
        tell: Callable[[Event], None] | None = None,
        streams: bool = False,
    ) -> Written:
        """The answer, by the configured model or without one, kept as a run.

        `tell` is called in the event loop with what goes on; with `streams` with each claim as it is written
        and checked. Cancelling it cancels the calls of models. Raises InputError, SourceError, Overloaded,
        DeadlinePassed and so on.
        """
        loop = asyncio.get_running_loop()

        def told(event: Event) -> None:
            if tell is not None:
                loop.call_soon_threadsafe(tell, event)

        if question.quote or not self._loccit.has_model:
            return await self.run(
                caller, lambda loccit: loccit.quote(question.text, **question.sources, tell=told)
            )
        limit_s = self.options.deadline_s
        try:
            async with asyncio.timeout(limit_s), self.answers.place():
                self.metrics.admitted()
                return await self.guest(caller).write_async(
                    question.text,
                    **question.sources,
                    session=question.session,
                    earlier=question.earlier,
                    user=caller.user,
                    scope=caller.user,
                    tell=told,
                    streams=streams,
                )
        except TimeoutError as error:
            raise _late(limit_s) from error

    def may_read(self, caller: Caller, record: RunRecord) -> bool:
        """Whether a caller may read a run: their own; as a maintainer those of others whose answers rest on
        what they may see; as an admin all.
        """
        if record.user == caller.user or caller.role is Role.ADMIN:
            return True
        if not caller.role.includes(Role.MAINTAINER):
            return False
        if caller.repositories is None:
            return True
        snapshots = (record.answer or {}).get("snapshots", ())
        return bool(snapshots) and all(caller.may_see(repository_name(one["repo"])) for one in snapshots)

    async def record(self, caller: Caller, run_id: str) -> RunRecord:
        """The record of a run that they may read. Raises NotFound, alike for one that is another's."""
        missing = NotFound(f"there is no run {run_id!r}", next_step="see what there is: GET /v1/runs")
        if len(run_id) < 8:
            raise missing
        try:
            record = await self.book(lambda loccit: loccit.run(run_id))
        except InputError as error:
            raise missing from error
        if not self.may_read(caller, record):
            raise missing
        return record

    def drain(self) -> None:
        """The server is about to end: what would go on for long ends as soon as it can."""
        self.is_draining = True

    async def close(self) -> None:
        """Wait for what is under way, and close what is open."""
        await self.jobs.stop()
        await asyncio.to_thread(self._threads.shutdown)
        await asyncio.to_thread(self._books.shutdown)
        await self._loccit.aclose()


async def unless_gone(request: Request, work: Awaitable[T]) -> T:
    """What `work` comes to, given up as soon as the client is gone: Starlette goes on without that.

    The body must have been read. Raises ClientDisconnect.
    """
    from starlette.requests import ClientDisconnect

    async def gone() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    task, watch = asyncio.ensure_future(work), asyncio.ensure_future(gone())
    try:
        await asyncio.wait({task, watch}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise ClientDisconnect
    finally:
        for one in (task, watch):
            one.cancel()
        await asyncio.gather(task, watch, return_exceptions=True)


def _late(limit_s: float) -> DeadlinePassed:
    return DeadlinePassed(
        "the seconds that the request takes",
        limit_s,
        limit_s,
        next_step="ask for less, or raise deadline_s in [serving]",
    )
