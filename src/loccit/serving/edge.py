"""The outermost ring: what is refused before anything is read, and what every response carries."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from loccit.core.errors import LoccitError, NotPermitted, Overloaded, RequestTooLarge, RequestTooSlow
from loccit.serving.authentication import is_loopback, standing_headers
from loccit.serving.doors import ALWAYS, HEADERS, door_of
from loccit.serving.openai_compat import errors as openai_errors
from loccit.serving.problems import MEDIA_TYPE, body_of, headers_of, problem_of, status_of
from loccit.telemetry.logs import note

if TYPE_CHECKING:
    from loccit.serving.service import Service

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

_log = logging.getLogger("loccit.serving")


class Edge:
    """Around the application: names of hosts, room, lengths and times of bodies, headers, a line in the
    log.
    """

    def __init__(self, app: App, service: Service) -> None:
        options = service.options
        self._app = app
        self._service = service
        self._options = options
        public = urlsplit(options.public_url).hostname
        self._hosts = frozenset(h.lower() for h in (*options.hosts, options.host, public or "") if h)
        is_everywhere = options.host in {"0.0.0.0", "::"}  # noqa: S104 - compared only
        self._any_host = is_everywhere and not options.hosts and not public

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        state = scope.setdefault("state", {})
        state["request_id"] = uuid.uuid4().hex
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *self._added(scope, message)]
            await send(message)

        try:
            self._check(scope)
            body = _Body(receive, self._options.most_body_bytes, self._options.body_timeout_s)
            await self._app(scope, body.receive, answer)
        except LoccitError as error:
            if status:
                raise
            if isinstance(error, Overloaded):
                self._service.metrics.shed("queue_full")
            await _refuse(error, scope["path"], answer)
        finally:
            took_s = time.perf_counter() - began
            route, door = getattr(scope.get("route"), "path", ""), door_of(scope["path"])
            self._service.metrics.requested(door, route, status, took_s)
            note(
                _log,
                "request answered",
                method=scope["method"],
                door=door,
                route=route,
                status=status,
                took_ms=round(1000 * took_s, 1),
                request=state["request_id"],
            )

    def _check(self, scope: MutableMapping[str, Any]) -> None:
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1").lower()
        name = host.rsplit(":", 1)[0] if host.count(":") == 1 else host
        if not (self._any_host or is_loopback(host) or name in self._hosts):
            raise NotPermitted(
                f"this server is not called {host[:100]!r}", next_step="add the name to hosts in [serving]"
            )
        if self._service.calls.is_full and not scope["path"].startswith(ALWAYS):
            raise self._service.calls.overloaded()
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > self._options.most_body_bytes:
            raise _too_long(int(length), self._options.most_body_bytes)

    def _added(self, scope: MutableMapping[str, Any], message: Message) -> list[tuple[bytes, bytes]]:
        there = {name.lower() for name, _ in message.get("headers", ())}
        added = [(name, value) for name, value in HEADERS if name not in there]
        request = scope["state"]["request_id"].encode("ascii")
        added.append((b"loccit-request", request))
        if openai_errors.speaks(scope["path"]):
            added.append((b"x-request-id", request))
        standing = scope["state"].get("standing")
        added += [(n.encode("ascii"), v.encode("ascii")) for n, v in standing_headers(standing).items()]
        return added


class _Body:
    """A request's body that is neither longer nor slower than it may be."""

    def __init__(self, receive: Receive, most_bytes: int, timeout_s: float) -> None:
        self._receive = receive
        self._most = most_bytes
        self._timeout_s = timeout_s
        self._deadline = time.monotonic() + timeout_s
        self._length = 0
        self._is_whole = False

    async def receive(self) -> Message:
        if self._is_whole:
            return await self._receive()
        try:
            async with asyncio.timeout(max(0.0, self._deadline - time.monotonic())):
                message = await self._receive()
        except TimeoutError as error:
            raise RequestTooSlow(
                "the seconds that the body takes", self._timeout_s, self._timeout_s
            ) from error
        if message["type"] == "http.request":
            self._length += len(message.get("body", b""))
            if self._length > self._most:
                raise _too_long(self._length, self._most)
            self._is_whole = not message.get("more_body", False)
        return message


def _too_long(length: int, most: int) -> RequestTooLarge:
    return RequestTooLarge("bytes of the body", length, most, next_step="send less")


async def _refuse(error: LoccitError, path: str, send: Send) -> None:
    if openai_errors.speaks(path):
        status, body = openai_errors.status_of(error), openai_errors.body_of(error)
        headers = {"content-type": openai_errors.MEDIA_TYPE, **openai_errors.headers_of(error)}
    else:
        status, body = status_of(error).value, body_of(problem_of(error))
        headers = {"content-type": MEDIA_TYPE, **headers_of(error)}
    if not isinstance(error, Overloaded):
        # What is left of a body that nobody reads would be taken for the next request.
        headers["connection"] = "close"
    headers["content-length"] = str(len(body))
    start: Message = {
        "type": "http.response.start",
        "status": status,
        "headers": [(n.lower().encode("ascii"), v.encode("latin-1")) for n, v in headers.items()],
    }
    await send(start)
    await send({"type": "http.response.body", "body": body})
