"""What trackers told of, kept from the moment in which we said that we have it until it is dealt with."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from loccit.storage.tables import deliveries as table

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

    from loccit.storage.database import Database

# Longer than what trackers deliver again, so that nothing old is taken for new: GitHub does for three days.
KEPT_S = 7 * 86_400.0
_HELD_S = 60.0
_MOST_ATTEMPTS = 10
_FIRST_PAUSE_S = 5.0
_LONGEST_PAUSE_S = 3_600.0


@dataclass(frozen=True, slots=True)
class Delivery:
    """Something that a tracker told of. `event` is what `events.event_of` reads; `attempts` counts this
    one.
    """

    tracker: str
    id: str
    event: str
    attempts: int


class Deliveries:
    """Deliveries of all trackers. What concerns one subject is dealt with in the order in which it came, by
    one worker at a time, whatever worker that is; several processes may share them.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, tracker: str, delivery: str, body: str, *, subject: str, event: str) -> bool:
        """Keep a delivery; False where it, or one of the same bytes (`body` is their SHA-256), came before.

        A tracker signs the bytes and not the delivery's id: with another id they are no news either. Raises
        StorageFailed.
        """
        now = time.time()
        same = (table.c.id == delivery) | (table.c.body == body)
        row = {
            "tracker": tracker,
            "id": delivery,
            "body": body,
            "subject": subject,
            "at": now,
            "state": "pending",
            "event": event,
            "attempts": 0,
            "due_at": now,
            "held_until": 0.0,
            "problem": "",
        }
        dialect = sqlite if self._database.is_sqlite else postgresql
        # Two may come in one moment, to two processes.
        adding = dialect.insert(table).on_conflict_do_nothing().returning(table.c.id)
        known = select(table.c.id).where((table.c.tracker == tracker) & same)
        old = (table.c.at < now - 2 * KEPT_S) & (table.c.state != "pending")
        with self._database.writing() as connection:
            connection.execute(table.delete().where(old))
            if connection.execute(known).first() is not None:
                return False
            return connection.execute(adding, row).first() is not None

    def take(self) -> Delivery | None:
        """The next one that is due and that nobody has, held for a minute; None where there is none."""
        now = time.time()
        earlier = table.alias()
        is_first = ~(
            select(earlier.c.id)
            .where(
                (earlier.c.subject == table.c.subject)
                & (earlier.c.state == "pending")
                & or_(earlier.c.at < table.c.at, and_(earlier.c.at == table.c.at, earlier.c.id < table.c.id))
            )
            .exists()
        )
        query = (
            select(table)
            .where((table.c.state == "pending") & (table.c.due_at <= now) & (table.c.held_until < now))
            .where(is_first)
            .order_by(table.c.due_at)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        with self._database.writing() as connection:
            row = connection.execute(query).mappings().first()
            if row is None:
                return None
            taken = Delivery(row["tracker"], row["id"], row["event"], row["attempts"] + 1)
            held = {"held_until": now + _HELD_S, "attempts": taken.attempts}
            connection.execute(table.update().where(_is(taken)).values(**held))
            return taken

    def hold(self, delivery: Delivery) -> None:
        """Go on holding it: it still is being dealt with."""
        self._change(delivery, held_until=time.time() + _HELD_S)

    def done(self, delivery: Delivery) -> None:
        """It is dealt with. What it said is forgotten, that it came is not."""
        self._change(delivery, state="done", event="", held_until=0.0, problem="")

    def failed(self, delivery: Delivery, problem: str, *, retry_at: float | None, is_final: bool) -> bool:
        """It could not be dealt with; whether it will be tried again, at `retry_at` or after a growing
        pause.
        """
        again = not is_final and delivery.attempts < _MOST_ATTEMPTS
        pause_s = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2 ** (delivery.attempts - 1))
        self._change(
            delivery,
            state="pending" if again else "failed",
            due_at=max(retry_at or 0.0, time.time() + pause_s),
            held_until=0.0,
            problem=problem[:2_000],
        )
        return again

    def counts(self) -> dict[str, int]:
        """How many there are, by state."""
        with self._database.reading() as connection:
            states = [str(row.state) for row in connection.execute(select(table.c.state))]
        return {state: states.count(state) for state in ("pending", "done", "failed")}

    def _change(self, delivery: Delivery, **values: object) -> None:
        with self._database.writing() as connection:
            connection.execute(table.update().where(_is(delivery)).values(**values))


def _is(delivery: Delivery) -> ColumnElement[bool]:
    return (table.c.tracker == delivery.tracker) & (table.c.id == delivery.id)
