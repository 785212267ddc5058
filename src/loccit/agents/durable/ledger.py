"""The intent ledger: effects are written down before they are had and after, replies before they are paid.

Who writes here holds the run's lease at that moment; who lost it writes nothing any more.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from loccit.agents.durable.store import held
from loccit.core.calls import ModelReply
from loccit.storage.tables import agent_intents, agent_replies

if TYPE_CHECKING:
    from loccit.agents.durable.values import Lease
    from loccit.core.calls import ToolCall
    from loccit.storage.database import Database

_BEGUN, _DONE = "begun", "done"


@dataclass(frozen=True, slots=True)
class Intent:
    """An effect that is meant to be had. `is_new` where it was not begun before.

    `epoch` is that of whoever began it last, `result` (JSON) what came of it, None while that is not known.
    """

    id: str
    is_new: bool
    epoch: int
    result: Mapping[str, Any] | None


class IntentLedger:
    """Effects and replies of a database's runs. Every method raises StorageFailed, those that write Lost."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open(self, lease: Lease, id_: str, call: ToolCall, *, arguments_hash: str, effect: str) -> Intent:
        """Write down that an effect is about to be had; where it was begun before, how that stands."""
        query = select(agent_intents).where(agent_intents.c.id == id_)
        with self._database.writing() as connection:
            held(connection, lease)
            row = connection.execute(query).mappings().first()
            if row is not None:
                result = None if row["result"] is None else json.loads(row["result"])
                return Intent(id_, is_new=False, epoch=row["epoch"], result=result)
            values = {
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
            connection.execute(agent_intents.insert(), values)
        return Intent(id_, is_new=True, epoch=lease.epoch, result=None)

    def begin_again(self, lease: Lease, id_: str) -> None:
        """Write down that an effect which surely did not happen is about to be had after all."""
        with self._database.writing() as connection:
            held(connection, lease)
            values = {"epoch": lease.epoch, "begun_at": time.time()}
            connection.execute(agent_intents.update().where(agent_intents.c.id == id_).values(**values))

    def close(self, lease: Lease, id_: str, result: Mapping[str, Any]) -> None:
        """Write down what came of an effect."""
        with self._database.writing() as connection:
            held(connection, lease)
            values = {"state": _DONE, "ended_at": time.time(), "result": json.dumps(result)}
            connection.execute(agent_intents.update().where(agent_intents.c.id == id_).values(**values))

    def keep_reply(self, lease: Lease, id_: str, reply: ModelReply) -> None:
        """Keep a reply; the first one stays."""
        row = {"id": id_, "run": lease.run, "at": time.time(), "reply": json.dumps(reply.as_json())}
        insert = insert_sqlite if self._database.is_sqlite else insert_postgresql
        with self._database.writing() as connection:
            held(connection, lease)
            connection.execute(insert(agent_replies).values(**row).on_conflict_do_nothing())

    def reply(self, id_: str) -> ModelReply | None:
        """The reply that was kept, None where none was."""
        query = select(agent_replies.c.reply).where(agent_replies.c.id == id_)
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        return None if row is None else ModelReply.of_json(json.loads(row.reply))
