"""What runs did, by the name of each call: replies of models from before they are paid, effects from before
they are had, and what came of each call of a tool.

Who writes here holds the run's lease at that moment; who lost it writes nothing any more.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, select

from loccit.agents.durable.store import Also, held, stepped
from loccit.core.errors import RunFailed
from loccit.storage.tables import agent_intents, agent_replies

if TYPE_CHECKING:
    from loccit.agents.durable.values import Lease, Wish
    from loccit.core.calls import ToolCall
    from loccit.storage.database import Database

_BEGUN, _DONE = "begun", "done"


@dataclass(frozen=True, slots=True)
class Opened:
    """An effect that is about to be had.

    What is wished of the run, how often the step was begun, and the epoch of whoever began with the effect
    before, None where nobody did.
    """

    wish: Wish | None
    attempts: int
    begun_in: int | None


class Ledger:
    """The calls of the runs of a database. Methods raise StorageFailed, those that write Lost."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # Replies

    def reply(self, id_: str) -> Mapping[str, Any] | None:
        """What is kept of a call of the model, None where nothing is."""
        query = select(agent_replies.c.reply).where(agent_replies.c.id == id_)
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        return None if row is None else json.loads(row.reply)

    def keep_reply(self, lease: Lease, id_: str, kept: Mapping[str, Any]) -> None:
        """Keep what came of a call of the model before it is paid for."""
        with self._database.writing() as connection:
            held(connection, lease)
            self.replied(lease, id_, kept)(connection)

    def replied(self, lease: Lease, id_: str, kept: Mapping[str, Any]) -> Also:
        """Keep what came of a call of the model."""

        def write(connection: Connection) -> None:
            values = {"at": time.time(), "reply": json.dumps(kept)}
            known = agent_replies.update().where(agent_replies.c.id == id_).values(**values)
            if not connection.execute(known).rowcount:
                connection.execute(agent_replies.insert(), {"id": id_, "run": lease.run, **values})

        return write

    # Calls of tools

    def call(self, id_: str, call: ToolCall) -> Mapping[str, Any] | None:
        """What came of a call of a tool, None where that is not known.

        Raises RunFailed where it was another call: a blueprint that does something else each time.
        """
        query = select(agent_intents).where(agent_intents.c.id == id_)
        with self._database.reading() as connection:
            row = connection.execute(query).mappings().first()
        if row is None:
            return None
        if (row["tool"], row["arguments"]) != (call.name, call.arguments):
            raise RunFailed(
                f"the call {id_!r} was of {row['tool']!r} before, and is another one now",
                next_step="a blueprint must do the same each time; begin anew",
            )
        return None if row["result"] is None else json.loads(row["result"])

    def open(self, lease: Lease, id_: str, call: ToolCall, *, arguments_hash: str, effect: str) -> Opened:
        """Write down that an effect is about to be had, unless the run is to stop or it was begun before."""
        query = select(agent_intents.c.epoch).where(agent_intents.c.id == id_)
        with self._database.writing() as connection:
            wish, attempts = stepped(connection, lease)
            row = connection.execute(query).first()
            if row is None and wish is None:
                values = _intent(lease, id_, call, arguments_hash, effect)
                connection.execute(agent_intents.insert(), values)
        return Opened(wish, attempts, None if row is None else row.epoch)

    def begin_again(self, lease: Lease, id_: str) -> None:
        """Write down that an effect which surely did not happen is about to be had after all."""
        with self._database.writing() as connection:
            held(connection, lease)
            values = {"epoch": lease.epoch, "begun_at": time.time()}
            connection.execute(agent_intents.update().where(agent_intents.c.id == id_).values(**values))

    def ended(self, lease: Lease, id_: str, call: ToolCall, result: Mapping[str, Any], effect: str) -> Also:
        """Keep what came of a call."""

        def write(connection: Connection) -> None:
            values = {"state": _DONE, "ended_at": time.time(), "result": json.dumps(result)}
            known = agent_intents.update().where(agent_intents.c.id == id_).values(**values)
            if not connection.execute(known).rowcount:
                row = _intent(lease, id_, call, result["arguments_hash"], effect) | values
                connection.execute(agent_intents.insert(), row)

        return write


def _intent(lease: Lease, id_: str, call: ToolCall, arguments_hash: str, effect: str) -> dict[str, Any]:
    return {
        "id": id_,
        "run": lease.run,
        "tool": call.name,
        "arguments": call.arguments,
        "arguments_hash": arguments_hash,
        "effect": effect,
        "state": _BEGUN,
        "epoch": lease.epoch,
        "begun_at": time.time(),
    }
