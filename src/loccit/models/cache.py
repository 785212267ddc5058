"""Replies that are kept: a call that is equal in everything is answered without a model."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select, update

from loccit.core.calls import Finish, ModelReply, Origin, ToolCall
from loccit.core.errors import StorageFailed
from loccit.storage.tables import replies
from loccit.telemetry.trace import span

if TYPE_CHECKING:
    from loccit.budgets.deadline import Deadline
    from loccit.core.calls import ModelCall, Payer
    from loccit.models.protocols import ChatModel
    from loccit.storage.database import Database

_FORMAT = 2
_DAY_S = 86_400.0
# When a reply was used last is known to within an hour: a write for each reading would tell little more.
_USE_IS_KNOWN_TO_S = 3_600.0


def key_of(call: ModelCall, model: str, permissions: str) -> str:
    """SHA-256, in hex, of everything that a reply depends on: no calls that differ in any of it share one.

    The messages hold the evidence with its ids. `permissions` says what the asker may see: what somebody was
    told from sources that another may not read is never told to the other.
    """
    parts = {
        "format": _FORMAT,
        "model": model,
        "permissions": permissions,
        "purpose": call.purpose,
        "prompt": call.prompt,
        "messages": [message.written() for message in call.messages],
        "tools": [[tool.name, tool.description, tool.schema] for tool in call.tools],
        "schema": call.schema,
        "max_output_tokens": call.max_output_tokens,
        "temperature": call.temperature,
    }
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class ReplyCache:
    """The replies that a database keeps, each until nobody has asked for it for so many days."""

    def __init__(self, database: Database, days: int) -> None:
        """In this database."""
        self._database = database
        self._kept_s = days * _DAY_S
        self._is_swept = False

    def find(self, key: str) -> ModelReply | None:
        """The reply that was kept under a key, which costs nothing any more. Raises StorageFailed."""
        now = time.time()
        wanted = select(replies.c.reply, replies.c.model, replies.c.used_at).where(replies.c.key == key)
        with self._database.reading() as connection:
            row = connection.execute(wanted).one_or_none()
        if row is None or row.used_at < now - self._kept_s:
            return None
        if row.used_at < now - _USE_IS_KNOWN_TO_S:
            with self._database.writing() as connection:
                connection.execute(update(replies).where(replies.c.key == key).values(used_at=now))
        kept = json.loads(row.reply)
        calls = tuple(ToolCall(*call) for call in kept["calls"])
        return ModelReply(kept["text"], row.model, origin=Origin.CACHE, calls=calls)

    def keep(self, key: str, reply: ModelReply) -> None:
        """Keep what a reply says, and let go what is too old. Raises StorageFailed."""
        now = time.time()
        calls = [[call.id, call.name, call.arguments] for call in reply.calls]
        kept = json.dumps({"format": _FORMAT, "text": reply.text, "calls": calls}).encode()
        with self._database.writing() as connection:
            if not self._is_swept:
                connection.execute(delete(replies).where(replies.c.used_at < now - self._kept_s))
                self._is_swept = True
            connection.execute(delete(replies).where(replies.c.key == key))
            row = {"key": key, "made_at": now, "used_at": now, "model": reply.model, "reply": kept}
            connection.execute(insert(replies).values(**row))


def forget_replies(database: Database, spans: Iterable[tuple[float, float]]) -> int:
    """Forget the replies that were made in these spans of time (seconds since the epoch, both ends in them);
    how many there were.

    A kept reply has nobody's name: those of a run are known by when it ran, and with them go what others were
    told in the same moments, which costs no more than to ask again.
    """
    forgotten = 0
    with database.writing() as connection:
        for first, last in spans:
            made = replies.c.made_at.between(first, last)
            forgotten += connection.execute(delete(replies).where(made)).rowcount
    return forgotten


class Cached:
    """A model whose whole replies are kept. One from the cache costs nothing and uses no tokens.

    Refusals and replies that were cut off are not kept. A cache that cannot be written loses no reply. It is
    kept before it is paid for: a process that is killed in between has it, and pays what it had set aside.
    """

    def __init__(self, model: ChatModel, cache: ReplyCache, permissions: str) -> None:
        """For those who may see what `permissions` says."""
        self._model = model
        self._cache = cache
        self._permissions = permissions

    @property
    def name(self) -> str:
        """The model's."""
        return self._model.name

    async def reply(self, call: ModelCall, payer: Payer, deadline: Deadline) -> ModelReply:
        """What was kept, or the model's reply."""
        key = key_of(call, self.name, self._permissions)
        found = await self._found(key)
        if found is not None:
            return found
        keeping = _Keeping(self._cache, key, call.came)
        reply = await self._model.reply(replace(call, came=keeping), payer, deadline)
        await keeping(reply)
        return reply

    async def stream(
        self, call: ModelCall, payer: Payer, deadline: Deadline
    ) -> AsyncGenerator[str | ModelReply]:
        """The same in pieces; what was kept is one."""
        key = key_of(call, self.name, self._permissions)
        found = await self._found(key)
        if found is not None:
            yield found.text
            yield found
            return
        keeping = _Keeping(self._cache, key, call.came)
        async with aclosing(self._model.stream(replace(call, came=keeping), payer, deadline)) as stream:
            async for item in stream:
                if isinstance(item, ModelReply):
                    await keeping(item)
                yield item

    async def _found(self, key: str) -> ModelReply | None:
        return await asyncio.to_thread(self._cache.find, key)


class _Keeping:
    """Keeps the reply of one call, once, whoever hears of it first: a model that is paid says so early."""

    def __init__(
        self, cache: ReplyCache, key: str, came: Callable[[ModelReply], Awaitable[None]] | None
    ) -> None:
        self._cache = cache
        self._key = key
        self._came = came
        self._is_kept = False

    async def __call__(self, reply: ModelReply) -> None:
        """Keep it where it is whole, after whoever else wants to."""
        if self._came is not None:
            came, self._came = self._came, None
            await came(reply)
        if self._is_kept or reply.finish is not Finish.STOP:
            return
        self._is_kept = True
        try:
            await asyncio.to_thread(self._cache.keep, self._key, reply)
        except StorageFailed as error:
            # The reply is here and paid for; that it was not kept stands in the trace.
            with span("reply not kept", {"reason": error.message}) as one:
                one.error = type(error).__name__
