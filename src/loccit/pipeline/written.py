"""What is answered as a run: with the conversation before it, a record after it, and what it cost."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from loccit.core.answers import Answer
from loccit.core.calls import Payer
from loccit.core.errors import LoccitError
from loccit.core.triage import Part, Triage
from loccit.pipeline.reply import with_note
from loccit.pipeline.write import SURVIVABLE
from loccit.telemetry.records import RunRecord, record_of
from loccit.telemetry.trace import Trace, recording

if TYPE_CHECKING:
    from loccit.storage.conversations import Conversations
    from loccit.telemetry.export import Exporter
    from loccit.telemetry.records import RunStore


@dataclass(frozen=True, slots=True)
class Written:
    """An answer with the record of the run that made it, and the conversation that it belongs to."""

    answer: Answer
    record: RunRecord
    session: str


@dataclass(frozen=True, slots=True)
class Bookkeeping:
    """Where runs are remembered, for whom they are made, and where they are sent.

    `key` is the id of the key that somebody showed, `key_usd` what it may spend in a month. `runs` is None
    where no record is kept, `exporter` where nothing is sent. `settings` are those that a run is made with,
    none of them secret. `ended` hears of every run that has ended, well or not.
    """

    conversations: Conversations
    runs: RunStore | None = None
    user: str = ""
    key: str = ""
    key_usd: Decimal | None = None
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    exporter: Exporter | None = None
    ended: Callable[[RunRecord], None] | None = None

    def payer(self, run: str, session: str = "") -> Payer:
        """Who pays for a run."""
        return Payer(request=run, session=session, user=self.user, key=self.key, key_usd=self.key_usd)


Write = Callable[[Payer, Sequence[tuple[str, Answer]]], Awaitable[Answer]]
Draft = Callable[[Payer], Awaitable[Triage]]


async def as_run(question: str, write: Write, books: Bookkeeping, *, session: str | None) -> Written:
    """What `write` makes of the question, remembered as a turn of the conversation and as a run.

    `write` is awaited with the payer and the conversation so far. Without a session a new one begins. A run
    that fails or is cancelled is recorded too, with its error. Raises what `write` raises, with what was
    spent by then in its message; InputError for a conversation that is not there, StorageFailed.
    """
    turns = books.conversations.turns(session, user=books.user) if session else ()
    session = session or books.conversations.begin(books.user)
    run = uuid.uuid4().hex
    payer = books.payer(run, session)
    with recording(run) as trace:
        try:
            answer = await write(payer, [(turn.question, turn.answer) for turn in turns])
        except (LoccitError, asyncio.CancelledError) as error:
            record = _record(trace, question, books, session, error=type(error).__name__)
            if isinstance(error, LoccitError) and record.cost_usd:
                error.message += f" (${record.cost_usd:.4f} was spent by then)"
            _keep(record, trace, books)
            raise
    record = _record(trace, question, books, session, answer=answer)
    if answer.run is not None:
        run_facts = answer.run.model_copy(update={"cost_usd": float(record.cost_usd)})
        answer = answer.model_copy(update={"run": run_facts})
    _keep(record, trace, books)
    books.conversations.add(session, run, question, answer)
    return Written(answer, record, session)


def quoted(question: str, ask: Callable[[], Answer], books: Bookkeeping) -> Written:
    """The answer that `ask` gives without a model, remembered as a run, in no conversation.

    A run that fails is recorded too, with its error. Raises what `ask` raises, StorageFailed.
    """
    with recording(uuid.uuid4().hex) as trace:
        try:
            answer = ask()
        except LoccitError as error:
            _keep(_record(trace, question, books, "", error=type(error).__name__), trace, books)
            raise
        facts = answer.run
        if facts is not None:
            for stage, took_ms in facts.timings_ms.items():
                trace.add(stage, took_ms / 1000)
            answer = answer.model_copy(update={"run": facts.model_copy(update={"trace_id": trace.run})})
    record = _record(trace, question, books, "", answer=answer)
    _keep(record, trace, books)
    return Written(answer, record, "")


def triaged(issue: str, triage: Callable[[], Triage], books: Bookkeeping) -> tuple[Triage, str]:
    """What `triage` makes of an issue, its text being `issue`, remembered as a run; with the run's id, empty
    where no runs are kept.

    A run that fails is recorded too, with its error. Raises what `triage` raises, StorageFailed.
    """

    def kept(trace: Trace, *, found: Triage | None = None, error: str = "") -> str:
        record = record_of(
            trace,
            kind="triage",
            question=issue,
            outcome="failed" if found is None else found.outcome.value,
            error=error,
            user=books.user,
            settings=books.settings,
            triage=found,
        )
        _keep(record, trace, books)
        return record.id if books.runs is not None else ""

    with recording(uuid.uuid4().hex) as trace:
        try:
            found = triage()
        except LoccitError as error:
            kept(trace, error=type(error).__name__)
            raise
        if found.run is not None:
            for stage, took_ms in found.run.timings_ms.items():
                trace.add(stage, took_ms / 1000)
            facts = found.run.model_copy(update={"trace_id": trace.run})
            found = found.model_copy(update={"run": facts})
    return found, kept(trace, found=found)


async def drafted_reply(triage: Triage, draft: Draft, books: Bookkeeping) -> Triage:
    """The triage with what `draft` makes of it, remembered as a run; as it was, with a note, where a model or
    the budget for it gives out.

    `draft` is awaited with the payer. Raises ModelNotConfigured, PriceUnknown, StorageFailed.
    """
    run = uuid.uuid4().hex
    error = ""
    with recording(run) as trace:
        try:
            result = await draft(books.payer(run))
        except SURVIVABLE as stopped:
            error = type(stopped).__name__
            result = with_note(triage, Part.REPLY_DRAFT, f"left out: {stopped.message}")
    record = record_of(
        trace,
        kind="triage",
        question=triage.issue.title,
        outcome="failed" if error else "none" if result.reply_draft is None else "drafted",
        error=error,
        user=books.user,
        settings=books.settings,
    )
    if result.run is not None:
        run_facts = result.run.model_copy(update={"cost_usd": float(record.cost_usd)})
        result = result.model_copy(update={"run": run_facts})
    _keep(record, trace, books)
    return result


def _record(
    trace: Trace,
    question: str,
    books: Bookkeeping,
    session: str,
    *,
    answer: Answer | None = None,
    error: str = "",
) -> RunRecord:
    return record_of(
        trace,
        kind="ask",
        question=question,
        outcome="failed" if answer is None else answer.outcome.value,
        error=error,
        user=books.user,
        session=session,
        settings=books.settings,
        answer=answer,
    )


def _keep(record: RunRecord, trace: Trace, books: Bookkeeping) -> None:
    if books.runs is not None:
        books.runs.save(record)
    if books.ended is not None:
        books.ended(record)
    if books.exporter is not None:
        # A collector that cannot be reached costs nobody an answer: `send` says so, and nothing is lost here.
        books.exporter.send(trace, kind=record.kind, outcome=record.outcome, error=record.error)
