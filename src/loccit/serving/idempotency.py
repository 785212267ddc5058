"""A write that is asked for twice under one key is done once, and answered alike."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from sqlalchemy import select
from starlette.responses import Response

from loccit.core.errors import Conflict, InputError
from loccit.storage.tables import idempotent_requests

if TYPE_CHECKING:
    from starlette.requests import Request

    from loccit.policy.callers import Caller
    from loccit.serving.service import Service
    from loccit.storage.database import Database

HEADER = "idempotency-key"
REPLAYED = "idempotent-replayed"
_MOST_CHARS = 200
_KEPT_S = 86_400.0
# A request that was at work when its process was killed is taken up by the next one after so long.
_GIVEN_UP_S = 60.0


async def once(
    service: Service, caller: Caller, request: Request, write: Callable[[], Awaitable[Response]]
) -> Response:
    """What `write` answers; under an `Idempotency-Key` that was used for this very request, what it answered
    then.

    What is written must itself bear being done twice: a process that is killed between the write and this
    record of it leaves the write to be repeated. Raises Conflict where the key stands for another request, or
    for one that is at work; InputError.
    """
    key = request.headers.get(HEADER)
    if key is None:
        return await write()
    if not 0 < len(key) <= _MOST_CHARS or not key.isprintable():
        raise InputError(
            f"the {HEADER} {key[:40]!r}", next_step=f"write 1 to {_MOST_CHARS} printable characters"
        )
    body = await request.body()
    asked = hashlib.sha256(f"{request.method} {request.url.path}?{request.url.query}\n".encode() + body)
    store = IdempotencyStore
    found = await service.book(
        lambda loccit: store(loccit.database()).begin(caller.id, key, asked.hexdigest())
    )
    if found is not None:
        return found
    try:
        response = await write()
    except BaseException:
        await service.book(lambda loccit: store(loccit.database()).forget(caller.id, key))
        raise
    await service.book(lambda loccit: store(loccit.database()).finish(caller.id, key, response))
    return response


class IdempotencyStore:
    """What was asked for under which key, and answered; for a day."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, caller: str, key: str, request: str) -> Response | None:
        """Note that this request is at work; or what it was answered. Raises Conflict, StorageFailed."""
        now = time.time()
        mine = (idempotent_requests.c.caller == caller) & (idempotent_requests.c.key == key)
        with self._database.writing() as connection:
            connection.execute(idempotent_requests.delete().where(idempotent_requests.c.at < now - _KEPT_S))
            row = (
                connection.execute(select(idempotent_requests).where(mine).with_for_update())
                .mappings()
                .first()
            )
            if row is not None and row["request"] != request:
                raise Conflict(
                    f"the {HEADER} {key!r} stands for another request", next_step="choose a new one"
                )
            if row is not None and row["status"] is not None:
                return Response(
                    bytes(row["body"]),
                    status_code=row["status"],
                    media_type=row["media_type"],
                    headers={REPLAYED: "true"},
                )
            if row is not None and now - row["at"] < _GIVEN_UP_S:
                raise Conflict(f"the request of the {HEADER} {key!r} is at work", next_step="ask again later")
            connection.execute(idempotent_requests.delete().where(mine))
            connection.execute(
                idempotent_requests.insert(),
                {
                    "caller": caller,
                    "key": key,
                    "request": request,
                    "at": now,
                    "status": None,
                    "media_type": "",
                    "body": b"",
                },
            )
        return None

    def finish(self, caller: str, key: str, response: Response) -> None:
        """Keep what was answered."""
        mine = (idempotent_requests.c.caller == caller) & (idempotent_requests.c.key == key)
        values = {
            "status": response.status_code,
            "media_type": response.media_type or "",
            "body": bytes(response.body),
        }
        with self._database.writing() as connection:
            connection.execute(idempotent_requests.update().where(mine).values(**values))

    def forget(self, caller: str, key: str) -> None:
        """Let a request that failed be asked for again."""
        mine = (idempotent_requests.c.caller == caller) & (idempotent_requests.c.key == key)
        with self._database.writing() as connection:
            connection.execute(
                idempotent_requests.delete().where(mine & idempotent_requests.c.status.is_(None))
            )
