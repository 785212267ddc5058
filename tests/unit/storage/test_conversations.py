"""Conversations are remembered in order, to the byte, by user, and are forgotten when asked to."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
from sqlalchemy import update

from loccit.core.errors import IndexBroken, InputError
from loccit.storage.conversations import Conversations
from loccit.storage.database import Database
from loccit.storage.tables import turns
from tests.answers_at_hand import small_answer


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database.in_folder(tmp_path)
    yield database
    database.close()


@pytest.fixture
def conversations(database: Database) -> Conversations:
    return Conversations(database)


def test_turns_come_back_in_order_and_to_the_byte(conversations: Conversations) -> None:
    session = conversations.begin("ana")
    asked = ["where are rates kept?", "and who\nchanged them?", "wörüm? ✓"]
    for number, question in enumerate(asked, start=1):
        assert conversations.add(session, f"run{number}", question, small_answer(question)) == number
    found = conversations.turns(session)
    assert [turn.question for turn in found] == asked
    assert [turn.number for turn in found] == [1, 2, 3]
    assert [turn.run for turn in found] == ["run1", "run2", "run3"]
    assert [turn.answer.to_json() for turn in found] == [
        small_answer(question).to_json() for question in asked
    ]
    assert [turn.asked_at for turn in found] == sorted(turn.asked_at for turn in found)


def test_turns_that_are_added_at_once_get_numbers_of_their_own(conversations: Conversations) -> None:
    session = conversations.begin("ana")
    threads = [
        Thread(target=conversations.add, args=(session, str(number), "q", small_answer("q")))
        for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = conversations.turns(session)
    assert [turn.number for turn in found] == list(range(1, 9))
    assert sorted(turn.run for turn in found) == [str(number) for number in range(8)]


def test_the_latest_conversation_is_the_one_that_was_spoken_in_last(conversations: Conversations) -> None:
    assert conversations.latest("ana") is None
    first, second = conversations.begin("ana"), conversations.begin("ana")
    assert conversations.latest("ana") == second
    conversations.add(first, "run", "q", small_answer("q"))
    assert conversations.latest("ana") == first
    conversations.begin("ben")
    assert conversations.latest("ana") == first


def test_a_conversation_that_there_is_not_is_told(conversations: Conversations) -> None:
    assert conversations.turns(conversations.begin("ana")) == ()
    with pytest.raises(InputError, match="no conversation 'x'"):
        conversations.turns("x")
    with pytest.raises(InputError, match="no conversation 'x'"):
        conversations.add("x", "run", "q", small_answer("q"))


def test_a_turn_that_cannot_be_read_is_told(database: Database, conversations: Conversations) -> None:
    session = conversations.begin("ana")
    conversations.add(session, "run", "q", small_answer("q"))
    with database.writing() as connection:
        connection.execute(update(turns).values(answer="{}"))
    with pytest.raises(IndexBroken, match=f"turn 1 of conversation {session!r}"):
        conversations.turns(session)


def test_old_turns_are_forgotten_and_newer_ones_stay(
    database: Database, conversations: Conversations
) -> None:
    session, empty = conversations.begin("ana"), conversations.begin("ana")
    for number in range(3):
        conversations.add(session, f"run{number}", "q", small_answer("q"))
    with database.writing() as connection:
        connection.execute(update(turns).where(turns.c.number < 3).values(asked_at=100.0))
    assert conversations.prune(200.0) == 2
    assert [turn.number for turn in conversations.turns(session)] == [3]
    assert conversations.turns(empty) == ()
    assert conversations.prune(2e10) == 1
    assert conversations.latest("ana") is None


def test_turns_whose_days_are_over_go_when_a_conversation_begins(database: Database) -> None:
    kept = Conversations(database, keep_days=2)
    old, new = kept.begin("ana"), kept.begin("ana")
    for session in (old, new):
        kept.add(session, "run", "q", small_answer("q"))
    with database.writing() as connection:
        connection.execute(
            update(turns).where(turns.c.session == old).values(asked_at=time.time() - 3 * 86_400)
        )
    Conversations(database).begin("ana")
    assert len(kept.turns(old)) == 1
    kept.begin("ana")
    assert kept.turns(old) == ()
    assert len(kept.turns(new)) == 1


def test_what_one_user_said_is_erased_and_nothing_else(conversations: Conversations) -> None:
    theirs, ours = conversations.begin("ana"), conversations.begin("ben")
    conversations.add(theirs, "run", "q", small_answer("q"))
    conversations.add(ours, "run", "q", small_answer("q"))
    assert conversations.erase("ana") == 1
    assert conversations.latest("ana") is None
    assert len(conversations.turns(ours)) == 1
    with pytest.raises(InputError):
        conversations.turns(theirs)
