"""A written answer as a run: remembered with what it cost, in its conversation, also where it fails."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from loccit.core.answers import Answer
from loccit.core.calls import Message, ModelCall, ModelReply, Payer, Speaker, TokenUsage
from loccit.core.errors import InputError, ModelRefused, PriceUnknown
from loccit.pipeline.written import Bookkeeping, Write, Written, as_run
from loccit.storage.conversations import Conversations
from loccit.storage.database import Database
from loccit.telemetry.calls import calling
from loccit.telemetry.records import RunStore
from loccit.telemetry.trace import paid, span
from tests.answers_at_hand import small_answer

CALL = ModelCall("answer", (Message(Speaker.USER, "why?"),), prompt="answer@1")
Turns = Sequence[tuple[str, Answer]]


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Bookkeeping]:
    database = Database.in_folder(tmp_path)
    yield Bookkeeping(Conversations(database), RunStore(database), user="ana", settings={"models": {}})
    database.close()


def asked(books: Bookkeeping, write: Write, *, question: str = "why?", session: str | None = None) -> Written:
    return asyncio.run(as_run(question, write, books, session=session))


def reply_for(usd: str) -> None:
    """A call that is answered, and paid for."""
    with calling("box:m", CALL) as replied:
        paid(Decimal(usd))
        replied(ModelReply("x", "box:m", TokenUsage(10, 2), cost_usd=Decimal(usd)))


async def answers(payer: Payer, turns: Turns) -> Answer:
    reply_for("0.0125")
    return small_answer("why?")


def only_record(books: Bookkeeping):
    assert books.runs is not None
    (one,) = books.runs.list()
    return books.runs.get(one.id)


def test_the_answer_says_what_its_run_cost_and_the_run_holds_the_answer(books: Bookkeeping) -> None:
    written = asked(books, answers)
    assert written.answer.run is not None
    assert written.answer.run.cost_usd == 0.0125
    record = only_record(books)
    assert record == written.record
    assert (record.kind, record.outcome, record.error) == ("ask", "answered", "")
    assert (record.cost_usd, record.prompts, record.user) == (Decimal("0.0125"), ("answer@1",), "ana")
    assert (record.session, record.settings) == (written.session, {"models": {}})
    assert record.answer_digest == written.answer.digest
    # The run is no part of what the digest covers.
    assert written.answer.digest == small_answer("why?").digest


def test_the_payer_is_the_run_its_conversation_and_its_user(books: Bookkeeping) -> None:
    payers: list[Payer] = []

    async def write(payer: Payer, turns: Turns) -> Answer:
        payers.append(payer)
        return small_answer("why?")

    written = asked(books, write)
    assert payers == [Payer(request=written.record.id, session=written.session, user="ana")]


def test_a_conversation_grows_by_each_answer(books: Bookkeeping) -> None:
    heard: list[list[str]] = []

    async def write(payer: Payer, turns: Turns) -> Answer:
        heard.append([question for question, _ in turns])
        return small_answer("why?")

    first = asked(books, write, question="one?")
    second = asked(books, write, question="two?", session=first.session)
    third = asked(books, write, question="three?", session=first.session)
    assert heard == [[], ["one?"], ["one?", "two?"]]
    assert first.session == second.session == third.session
    turns = books.conversations.turns(first.session)
    assert [turn.run for turn in turns] == [first.record.id, second.record.id, third.record.id]
    assert asked(books, write).session != first.session


@pytest.mark.parametrize("error", [PriceUnknown("nobody knows it"), ModelRefused("no")])
def test_a_run_that_fails_is_recorded_with_what_was_spent_by_then(
    books: Bookkeeping, error: PriceUnknown | ModelRefused
) -> None:
    async def write(payer: Payer, turns: Turns) -> Answer:
        reply_for("0.0125")
        with span("judge"):
            raise error

    with pytest.raises(type(error), match=r"\(\$0\.0125 was spent by then\)"):
        asked(books, write)
    record = only_record(books)
    assert (record.outcome, record.error) == ("failed", type(error).__name__)
    assert (record.cost_usd, record.answer) == (Decimal("0.0125"), None)
    assert [one.name for one in record.spans] == ["call", "judge"]
    # Its question was asked and has no answer: no follow-up builds on it.
    assert books.conversations.turns(record.session) == ()


def test_what_cost_nothing_says_nothing_of_money(books: Bookkeeping) -> None:
    async def write(payer: Payer, turns: Turns) -> Answer:
        raise ModelRefused("no")

    with pytest.raises(ModelRefused) as raised:
        asked(books, write)
    assert raised.value.message == "no"


def test_a_run_that_is_cancelled_is_recorded_with_what_was_paid(books: Bookkeeping) -> None:
    """Also for the call that was under way: it was settled when it was cut."""

    async def write(payer: Payer, turns: Turns) -> Answer:
        with calling("box:m", CALL):
            try:
                await asyncio.sleep(60)
            finally:
                paid(Decimal("0.5"))
        raise AssertionError("it is cancelled before")

    async def cut() -> None:
        task = asyncio.create_task(as_run("why?", write, books, session=None))
        await asyncio.sleep(0.01)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cut())
    record = only_record(books)
    assert (record.outcome, record.error, record.cost_usd) == ("failed", "CancelledError", Decimal("0.5"))


def test_attempts_that_failed_before_an_answer_are_part_of_what_it_cost(books: Bookkeeping) -> None:
    async def write(payer: Payer, turns: Turns) -> Answer:
        paid(Decimal("0.25"))
        return await answers(payer, turns)

    written = asked(books, write)
    assert written.record.cost_usd == Decimal("0.2625")
    assert written.answer.run is not None
    assert written.answer.run.cost_usd == 0.2625


def test_where_no_records_are_kept_the_conversation_still_is(books: Bookkeeping) -> None:
    quiet = Bookkeeping(books.conversations, runs=None)
    written = asked(quiet, answers)
    assert books.runs is not None
    assert books.runs.list() == ()
    assert len(books.conversations.turns(written.session)) == 1


def test_a_conversation_that_is_not_there_is_told_before_anything_is_spent(books: Bookkeeping) -> None:
    async def write(payer: Payer, turns: Turns) -> Answer:
        raise AssertionError("it was written")

    with pytest.raises(InputError, match="nowhere"):
        asked(books, write, session="nowhere")
