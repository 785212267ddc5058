"""Who stands behind the tools: the service with the caller's key, or the library of this machine."""

from __future__ import annotations

import asyncio
import contextvars
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from loccit.core.errors import InputError, LoccitError, NotFound, NotIndexed
from loccit.serving.cursors import Cursors
from loccit.serving.problems import message_of

if TYPE_CHECKING:
    from loccit.core.answers import Answer
    from loccit.library import Loccit
    from loccit.pipeline.events import Event
    from loccit.pipeline.written import Written
    from loccit.policy.callers import Caller
    from loccit.serving.service import Question, Service

T = TypeVar("T")
Tell = Callable[[str], None]

# Agents wait a minute for a tool, by default; what takes longer is told of, and asked for again.
_PATIENCE_S = 40.0
_LOOK_EVERY_S = 0.25


class Desk(ABC):
    """What the tools need of the rest of loccit, for one caller."""

    @property
    @abstractmethod
    def cursors(self) -> Cursors:
        """Makes and reads the cursors of pages."""

    @property
    @abstractmethod
    def model(self) -> str:
        """The model that writes answers; empty where there is none."""

    @abstractmethod
    async def run(self, work: Callable[[Loccit], T]) -> T:
        """What `work` makes of the library as the caller sees it. Raises what it raises."""

    @abstractmethod
    async def ask(self, question: Question, *, tell: Callable[[Event], None]) -> Written:
        """The answer, kept as a run; `tell` is called in the event loop. Cancelling it cancels the model."""

    @abstractmethod
    async def answer(self, run: str) -> Answer:
        """The answer of a run that the caller may read. Raises NotFound."""

    @abstractmethod
    async def ready(self, repos: Sequence[str], tell: Tell) -> None:
        """Wait until what is asked about is indexed, where the caller may have that done; `tell` hears how it
        goes. Raises NotIndexed where it takes too long, and says when to come again.
        """

    @abstractmethod
    def repos(self, named: Sequence[str], collection: str) -> tuple[str, ...]:
        """The repositories to search: those that were named, else those that go without saying."""

    @abstractmethod
    async def under_way(self) -> tuple[tuple[str, str, str], ...]:
        """The repositories that are not indexed yet and would be: name, state, and what is to be told."""

    @abstractmethod
    def told(self, error: LoccitError) -> tuple[str, str]:
        """What may be told of an error, and what to try next."""


class ServedDesk(Desk):
    """For a caller over HTTP: all that they may see, as it is indexed, within their rates and budgets."""

    def __init__(self, service: Service, caller: Caller, cursors: Cursors) -> None:
        self._service = service
        self._caller = caller
        self._cursors = cursors

    @property
    def cursors(self) -> Cursors:
        """Those of the server: any worker reads what another one wrote."""
        return self._cursors

    @property
    def model(self) -> str:
        """As the settings name it."""
        return self._service.loccit.settings.models.answer

    async def run(self, work: Callable[[Loccit], T]) -> T:
        """In a thread of the service, when it is its turn."""
        return await self._service.run(self._caller, work)

    async def ask(self, question: Question, *, tell: Callable[[Event], None]) -> Written:
        """By the service."""
        return await self._service.ask(self._caller, question, tell=tell, streams=True)

    async def answer(self, run: str) -> Answer:
        """By the records."""
        return _answer_of((await self._service.record(self._caller, run)).answer, run)

    async def ready(self, repos: Sequence[str], tell: Tell) -> None:
        """Nothing is indexed for a question that comes over a network."""

    def repos(self, named: Sequence[str], collection: str) -> tuple[str, ...]:
        """Those that were named; none stand for all."""
        return tuple(named)

    async def under_way(self) -> tuple[tuple[str, str, str], ...]:
        """None."""
        return ()

    def told(self, error: LoccitError) -> tuple[str, str]:
        """Nothing of folders and settings of the server."""
        message = message_of(error)
        return message, error.next_step if message == error.message else ""


@dataclass(frozen=True, slots=True)
class Indexer:
    """A process that indexes a repository. `is_over` says whether it ended, `fault` why it failed, empty
    where it did not.
    """

    is_over: Callable[[], bool]
    fault: Callable[[], str]


@dataclass(slots=True)
class _Missing:
    """A repository that is not indexed yet: since when it is being indexed, and about how long that takes."""

    name: str
    indexer: Indexer | None = None
    began_at: float = 0.0
    estimate_s: float = 0.0

    @property
    def left_s(self) -> float:
        # Where the estimate was too low, the rest is guessed by what it took until now.
        took_s = time.monotonic() - self.began_at
        return max(1.0, self.estimate_s - took_s, took_s / 4)


class LocalDesk(Desk):
    """For whoever sits at the machine, as the command line knows them.

    Without `repos` and `collection` all that is indexed may be asked, and a question that names nothing is
    about the repository of the working directory; with them nothing else is to be seen. What is not indexed
    yet is by `index`, which starts that for a path and comes back at once, when it is first asked about.
    """

    def __init__(
        self,
        loccit: Loccit,
        *,
        repos: Sequence[str] = (),
        collection: str | None = None,
        index: Callable[[str], Indexer],
        threads: int = 4,
    ) -> None:
        self._loccit = loccit
        self._named = tuple(repos)
        self._collection = collection
        self._index = index
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="loccit-call")
        self._lock = asyncio.Lock()
        self._missing: dict[str, _Missing] | None = None
        self._scope: tuple[str, ...] = ()
        self._cursors: Cursors | None = None

    @property
    def cursors(self) -> Cursors:
        """Of this home folder."""
        if self._cursors is None:
            self._cursors = Cursors(self._loccit.secret("cursors"))
        return self._cursors

    @property
    def model(self) -> str:
        """As the settings name it."""
        return self._loccit.settings.models.answer

    @property
    def _is_narrowed(self) -> bool:
        return bool(self._named) or self._collection is not None

    def _library(self) -> Loccit:
        """The library, where repositories were named with those alone."""
        if not self._is_narrowed:
            return self._loccit
        names = {self._loccit.name_of(one) for one in self._named if self._loccit.is_known(one)}
        if self._collection is not None:
            names.update(self._loccit.collections().get(self._collection, ()))
        return self._loccit.only(frozenset(names))

    async def _in_thread(self, work: Callable[[], T]) -> T:
        context = contextvars.copy_context()
        return await asyncio.get_running_loop().run_in_executor(self._threads, lambda: context.run(work))

    async def run(self, work: Callable[[Loccit], T]) -> T:
        """In a thread; a search that nobody waits for any more is finished unheard."""
        return await self._in_thread(lambda: work(self._library()))

    async def ask(self, question: Question, *, tell: Callable[[Event], None]) -> Written:
        """By the model, where one is configured, else by quotations."""
        loop = asyncio.get_running_loop()

        def told(event: Event) -> None:
            loop.call_soon_threadsafe(tell, event)

        if not self._loccit.has_model:
            return await self.run(lambda loccit: loccit.quote(question.text, **question.sources, tell=told))
        library = await self._in_thread(self._library)
        return await library.write_async(
            question.text, **question.sources, session=question.session, tell=told, streams=True
        )

    async def answer(self, run: str) -> Answer:
        """By the records of this home folder."""
        if len(run) < 8:
            raise _no_answer(run)
        try:
            record = await self._in_thread(lambda: self._loccit.run(run))
        except InputError as error:
            raise _no_answer(run) from error
        return _answer_of(record.answer, run)

    def repos(self, named: Sequence[str], collection: str) -> tuple[str, ...]:
        """Those that were named, else the one that the working directory is in."""
        return tuple(named) if named or collection else self._scope

    async def ready(self, repos: Sequence[str], tell: Tell) -> None:
        """Index what goes without saying, unless others were named."""
        await self._looked()
        if repos and not self._is_narrowed:
            return
        deadline = time.monotonic() + _PATIENCE_S
        for path, one in list((self._missing or {}).items()):
            await self._indexed(path, one, deadline, tell)

    async def _looked(self) -> None:
        async with self._lock:
            if self._missing is None:
                await self._in_thread(self._look)

    def _look(self) -> None:
        """See which repositories go without saying, and which of them are not indexed."""
        library = self._loccit
        wanted = list(self._named)
        if not self._is_narrowed:
            here = library.repository_at(".")
            wanted = [here] if here else []
        self._missing = {path: _Missing(path) for path in wanted if not library.is_known(path)}
        if not self._is_narrowed:
            self._scope = tuple(library.name_of(path) for path in wanted if path not in self._missing)

    async def _indexed(self, path: str, one: _Missing, deadline: float, tell: Tell) -> None:
        if one.indexer is None:
            one.estimate_s = (await self._in_thread(lambda: self._loccit.estimate(path))).seconds
            one.began_at = time.monotonic()
            one.indexer = self._index(path)
        while not await self._in_thread(lambda: self._loccit.is_known(path)):
            if one.indexer.is_over() and not await self._in_thread(lambda: self._loccit.is_known(path)):
                fault, one.indexer = one.indexer.fault(), None
                raise NotIndexed(
                    f"{one.name!r} could not be indexed: {fault or 'the indexer ended'}",
                    next_step="run 'loccit index' there, and see what it says",
                )
            if time.monotonic() > deadline:
                raise NotIndexed(
                    f"{one.name!r} is being indexed for the first time",
                    next_step=f"call again in about {one.left_s:.0f} s; until then read files directly",
                )
            tell(f"indexing {one.name} for the first time, about {one.left_s:.0f} s left")
            await asyncio.sleep(_LOOK_EVERY_S)
        (self._missing or {}).pop(path, None)
        if not self._is_narrowed:
            self._scope = (await self._in_thread(lambda: self._loccit.name_of(path)),)

    async def under_way(self) -> tuple[tuple[str, str, str], ...]:
        """What is being indexed, or will be when it is asked about."""
        await self._looked()
        for path in list(self._missing or {}):
            if await self._in_thread(lambda path=path: self._loccit.is_known(path)):
                self._missing = None
                await self._looked()
                break
        return tuple(
            (one.name, "not_indexed", "it is indexed when it is first asked about")
            if one.indexer is None
            else (one.name, "indexing", f"about {one.left_s:.0f} s left")
            for one in (self._missing or {}).values()
        )

    def told(self, error: LoccitError) -> tuple[str, str]:
        """All of it: it is their machine."""
        return error.message, error.next_step

    async def close(self) -> None:
        """Close what is open; what threads still work on is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        await self._loccit.aclose()


def _no_answer(run: str) -> NotFound:
    return NotFound(f"there is no answer {run[:80]!r}", next_step="take the answer_id that ask gave")


def _answer_of(document: dict[str, Any] | None, run: str) -> Answer:
    from loccit.core.answers import Answer

    if document is None:
        raise _no_answer(run)
    return Answer.model_validate(document)
