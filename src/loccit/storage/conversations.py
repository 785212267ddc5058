"""Conversations: who asked what after what, and what was answered."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from loccit.core.answers import parse_answer
from loccit.core.errors import IndexBroken, MalformedAnswer, NotFound
from loccit.storage.tables import sessions, turns

if TYPE_CHECKING:
    from loccit.core.answers import Answer
    from loccit.storage.database import Database

_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Turn:
    """A question with its answer. `number` counts from 1; `asked_at` in seconds since the epoch."""

    number: int
    run: str
    asked_at: float
    question: str
    answer: Answer


class Conversations:
    """The memory of conversations. Answers are kept to the byte, so that their citations still hold."""

    def __init__(self, database: Database, *, keep_days: int = 0) -> None:
        """Use this database; `keep_days` is after how many days a turn goes, 0 for never."""
        self._database = database
        self._keep_days = keep_days

    def begin(self, user: str) -> str:
        """The id of a new conversation; turns whose days are over are forgotten. Raises StorageFailed."""
        if self._keep_days > 0:
            self.prune(time.time() - self._keep_days * _DAY_S)
        session = uuid.uuid4().hex
        with self._database.writing() as connection:
            connection.execute(sessions.insert(), {"id": session, "user": user, "created_at": time.time()})
        return session

    def add(self, session: str, run: str, question: str, answer: Answer) -> int:
        """Put a question and its answer at the end of a conversation; the number of the turn.

        Raises NotFound where there is no such conversation, StorageFailed.
        """
        with self._database.writing() as connection:
            held = select(sessions.c.id).where(sessions.c.id == session).with_for_update()
            if connection.execute(held).first() is None:
                raise _unknown(session)
            last = select(func.max(turns.c.number)).where(turns.c.session == session)
            number = (connection.execute(last).scalar() or 0) + 1
            row = {
                "session": session,
                "number": number,
                "run": run,
                "asked_at": time.time(),
                "question": question,
                "answer": answer.to_json(),
            }
            connection.execute(turns.insert(), row)
        return number

    def turns(self, session: str, *, user: str | None = None) -> tuple[Turn, ...]:
        """What was said, in order. Raises NotFound where there is no such conversation, or with `user` none
        of theirs; IndexBroken.
        """
        query = select(turns).where(turns.c.session == session).order_by(turns.c.number)
        known = select(sessions.c.user).where(sessions.c.id == session)
        with self._database.reading() as connection:
            rows = [dict(row) for row in connection.execute(query).mappings()]
            whose = connection.execute(known).first()
            if whose is None or (user is not None and whose.user != user):
                raise _unknown(session)
        return tuple(
            Turn(
                number=row["number"],
                run=row["run"],
                asked_at=row["asked_at"],
                question=row["question"],
                answer=_answer(session, row["number"], row["answer"]),
            )
            for row in rows
        )

    def of(self, user: str) -> dict[str, float]:
        """The conversations of a user, the oldest first, with when each began."""
        query = select(sessions).where(sessions.c.user == user).order_by(sessions.c.created_at, sessions.c.id)
        with self._database.reading() as connection:
            return {row.id: row.created_at for row in connection.execute(query)}

    def latest(self, user: str) -> str | None:
        """The conversation in which a user asked last, None where there is none."""
        asked = func.coalesce(func.max(turns.c.asked_at), sessions.c.created_at)
        query = (
            select(sessions.c.id)
            .outerjoin(turns, turns.c.session == sessions.c.id)
            .where(sessions.c.user == user)
            .group_by(sessions.c.id, sessions.c.created_at)
            .order_by(asked.desc(), sessions.c.created_at.desc())
            .limit(1)
        )
        with self._database.reading() as connection:
            return connection.execute(query).scalar()

    def follow_ups(self) -> frozenset[str]:
        """The runs whose question goes on with a conversation."""
        query = select(turns.c.run).where(turns.c.number > 1)
        with self._database.reading() as connection:
            return frozenset(str(row.run) for row in connection.execute(query))

    def prune(self, before: float) -> int:
        """Forget turns from before (seconds since the epoch), and conversations of which nothing is left; how
        many turns there were.
        """
        with self._database.writing() as connection:
            forgotten = connection.execute(turns.delete().where(turns.c.asked_at < before)).rowcount
            left = select(turns.c.session).where(turns.c.session == sessions.c.id).exists()
            connection.execute(sessions.delete().where(sessions.c.created_at < before, ~left))
            return forgotten

    def erase(self, user: str) -> int:
        """Forget the conversations of a user; how many there were."""
        with self._database.writing() as connection:
            theirs = select(sessions.c.id).where(sessions.c.user == user)
            connection.execute(turns.delete().where(turns.c.session.in_(theirs)))
            return connection.execute(sessions.delete().where(sessions.c.user == user)).rowcount


def _unknown(session: str) -> NotFound:
    return NotFound(f"there is no conversation {session!r}", next_step="begin a new one")


def _answer(session: str, number: int, text: str) -> Answer:
    try:
        return parse_answer(text.encode("utf-8"))
    except MalformedAnswer as error:
        raise IndexBroken(f"turn {number} of conversation {session!r} cannot be read: {error}") from error
