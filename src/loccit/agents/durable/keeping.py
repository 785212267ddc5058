"""What is kept of runs of agents, for how long, and what goes with a user."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, delete, select

from loccit.agents.values import RunState
from loccit.storage.tables import agent_events, agent_intents, agent_questions, agent_replies, agent_runs

if TYPE_CHECKING:
    from loccit.storage.database import Database

_DAY_S = 86_400.0
_PARTS = (agent_events, agent_questions, agent_intents, agent_replies)
_OVER = tuple(state.value for state in RunState if state.is_over)


def forget_old(connection: Connection, keep_days: int) -> None:
    """Forget runs that ended so many days ago; 0: they stay."""
    if keep_days:
        old = agent_runs.c.finished_at < time.time() - keep_days * _DAY_S
        _forget(connection, old & agent_runs.c.state.in_(_OVER))


def forget_runs_of(database: Database, user: str) -> int:
    """Forget all runs of a user with what they did; how many there were. One that is at work loses its row,
    and with it the right to go on. Raises StorageFailed.
    """
    with database.writing() as connection:
        return _forget(connection, agent_runs.c.user == user)


def runs_of(database: Database, user: str) -> Iterator[dict[str, Any]]:
    """All that is kept of the runs of a user, as JSON, the oldest first. Raises StorageFailed."""
    query = select(agent_runs).where(agent_runs.c.user == user).order_by(agent_runs.c.number)
    with database.reading() as connection:
        for row in connection.execute(query).mappings():
            parts = {
                table.name.removeprefix("agent_"): [
                    dict(part)
                    for part in connection.execute(select(table).where(table.c.run == row["id"])).mappings()
                ]
                for table in _PARTS
            }
            yield {**row, **parts}


def _forget(connection: Connection, which: ColumnElement[bool]) -> int:
    ids = select(agent_runs.c.id).where(which)
    for table in _PARTS:
        connection.execute(delete(table).where(table.c.run.in_(ids)))
    return connection.execute(delete(agent_runs).where(which)).rowcount
