"""Answers as they come, as server-sent events: plain responses, a line of JSON an event."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

from starlette.responses import StreamingResponse

from loccit.core.errors import LoccitError
from loccit.pipeline.events import ClaimChecked, Degraded, Event, Found, Searching, Writing
from loccit.serving.problems import problem_of

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from loccit.serving.service import Service

T = TypeVar("T")

MEDIA_TYPE = "text/event-stream"
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
# Proxies take a silent connection for a dead one.
_BEAT_S = 15.0
BEAT = b": still here\n\n"


class EventStream(StreamingResponse):
    """A response of server-sent events; `left` is called when it is over, however it ends.

    `source` is what is closed then, where that is not `events` themselves.
    """

    def __init__(
        self,
        events: AsyncGenerator[bytes],
        *,
        left: Callable[[], None],
        source: AsyncGenerator[bytes] | None = None,
    ) -> None:
        super().__init__(events, media_type=MEDIA_TYPE, headers=HEADERS)
        self._events = source or events
        self._left = left

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it. A generator that is left to the garbage collector would go on working."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._events.aclose()
            self._left()


def frame(event: str, data: str) -> bytes:
    """One event; `data` is one line."""
    return f"event: {event}\ndata: {data}\n\n".encode("utf-8", "backslashreplace")


async def stream(
    service: Service,
    work: Callable[[Callable[[Event], None]], Awaitable[T]],
    *,
    told: Callable[[Event], bytes],
    done: Callable[[T], bytes],
    failed: Callable[[LoccitError], bytes],
) -> AsyncGenerator[bytes]:
    """Bytes of what `work` tells (`told`) and comes to (`done`), or why not (`failed`); a beat where it is
    silent.

    Closing it, as the server does when the client is gone, cancels `work`. The place among the streams must
    be taken before: what is refused is then refused by a status.
    """
    events: asyncio.Queue[bytes | None] = asyncio.Queue()

    async def worked() -> None:
        try:
            result = await work(lambda event: events.put_nowait(told(event)))
            # What was told from a thread comes in the order of the loop's calls: after those.
            await asyncio.sleep(0)
            events.put_nowait(done(result))
        except LoccitError as error:
            events.put_nowait(failed(error))
        finally:
            events.put_nowait(None)

    task = asyncio.create_task(worked())
    try:
        while True:
            try:
                async with asyncio.timeout(_BEAT_S):
                    chunk = await events.get()
            except TimeoutError:
                chunk = BEAT
            if chunk is None:
                break
            if chunk:
                yield chunk
        await task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def event_document(event: Event) -> tuple[str, dict[str, Any]]:
    """An event's name, and what it says as JSON can hold it."""
    match event:
        case Searching(queries):
            return "searching", {"queries": list(queries)}
        case Found(hits, kept):
            return "found", {"hits": len(hits), "read": [asdict(place) for place in kept]}
        case Writing(model, why):
            return "writing", {"model": model, "why": why}
        case ClaimChecked(text, verdict, places):
            return "claim", {
                "text": text,
                "verdict": verdict.model_dump(mode="json"),
                "places": list(places),
            }
        case Degraded(why, next_step):
            return "degraded", {"why": why, "next_step": next_step}


def event_frame(event: Event) -> bytes:
    """An event as bytes of the stream."""
    name, document = event_document(event)
    return frame(name, json.dumps(document, ensure_ascii=False, separators=(",", ":")))


def error_frame(error: LoccitError) -> bytes:
    """The problem that ended a stream."""
    return frame("error", json.dumps(problem_of(error), ensure_ascii=False, separators=(",", ":")))
