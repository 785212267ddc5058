"""A stream that begins when there is something to say, so that what is refused before has a status of its
own.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol

from loccit.core.errors import LoccitError
from loccit.serving import problems, streaming
from loccit.serving.service import unless_gone

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from loccit.pipeline.events import Event
    from loccit.serving.openai_compat.reply import Reply
    from loccit.serving.service import Service


class Telling(Protocol):
    """How a stream says that it began, what it comes to, and why it failed. Each is told at most once."""

    def begun(self) -> bytes:
        """Before anything else."""
        ...

    def done(self, reply: Reply) -> bytes:
        """All that follows."""
        ...

    def failed(self, error: LoccitError) -> bytes:
        """What ends it in place of that."""
        ...


async def respond(
    request: Request,
    service: Service,
    work: Callable[[Callable[[Event], None]], Awaitable[Reply]],
    telling: Telling,
) -> Response:
    """The stream of what `work` comes to. It begins with the first event that `work` tells.

    Raises what `work` raises before that, Overloaded, ClientDisconnect.
    """
    has_begun = False

    def told(_: object) -> bytes:
        nonlocal has_begun
        if has_begun:
            return b""
        has_begun = True
        return telling.begun()

    def failed(error: LoccitError) -> bytes:
        if not has_begun:
            raise error
        return telling.failed(error)

    entered_at = await service.streams.enter()
    events = streaming.stream(
        service, work, told=told, done=lambda reply: told(reply) + telling.done(reply), failed=failed
    )
    try:
        first = await unless_gone(request, anext(events))
    except BaseException:
        await events.aclose()
        service.streams.leave(entered_at)
        raise
    return streaming.EventStream(
        _resumed(first, events), source=events, left=lambda: service.streams.leave(entered_at)
    )


def data(document: dict[str, Any]) -> bytes:
    """A line of data, as chat completions have it."""
    return b"data: " + problems.body_of(document) + b"\n\n"


async def _resumed(first: bytes, events: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    yield first
    async for event in events:
        yield event
