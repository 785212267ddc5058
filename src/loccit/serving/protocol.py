"""How HTTP comes in: uvicorn's protocol, with a bound on how long and how large a request's head may be, and
a short way out for requests that there is no room for.
"""

from __future__ import annotations

import asyncio
from functools import partial
from http import HTTPStatus
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from loccit.serving.problems import MEDIA_TYPE, body_of

REFUSAL = "refusal"
"""Where the application's state has the `Shedding.refusal` of the server."""
_MOST_HEAD_BYTES = 65_536
# So much of a body that nobody wants is read, so that the connection can be used again.
_MOST_UNWANTED_BYTES = 65_536


def _refusal(status: HTTPStatus, detail: str) -> bytes:
    document = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail}
    body = body_of(document)
    head = f"HTTP/1.1 {status.value} {status.phrase}\r\nconnection: close\r\n"
    return f"{head}content-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\n\r\n".encode("ascii") + body


_SAID = {
    400: _refusal(HTTPStatus.BAD_REQUEST, "what was sent is no HTTP request"),
    408: _refusal(HTTPStatus.REQUEST_TIMEOUT, "the head of the request takes too long to come"),
    431: _refusal(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the head of the request is too long"),
}


class BoundedProtocol(HttpToolsProtocol):
    """Closes connections that send a head too slowly, too long, or never: uvicorn waits for as long as it
    takes.
    """

    def __init__(self, *arguments: Any, header_timeout_s: float, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._header_timeout_s = header_timeout_s
        self._head_bytes = 0
        self._is_in_head = True
        self._head_timer: asyncio.TimerHandle | None = None
        # What the request is answered with when it is whole, where there is no room for it.
        self._refusal: bytes | None = None
        self._unwanted_bytes = 0
        self._is_kept_alive = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """A client is there: its first head may take so long."""
        super().connection_made(transport)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes of a head or a body."""
        if self._is_in_head:
            if self._head_timer is None:
                self._wait_for_head()
            self._head_bytes += len(data)
            # A body in the same packet counts; what is over is over by far.
            if self._head_bytes > _MOST_HEAD_BYTES + len(data):
                self._say(431)
                return
        super().data_received(data)

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._stop_waiting()
        self._is_in_head, self._head_bytes = False, 0
        self._is_kept_alive = self.parser is not None and self.parser.should_keep_alive()
        self._refusal = self._refused()
        if self._refusal is None:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        if self._refusal is None:
            super().on_body(body)
            return
        self._unwanted_bytes += len(body)
        if self._unwanted_bytes > _MOST_UNWANTED_BYTES and not self.transport.is_closing():
            self.transport.write(self._refusal)
            self.transport.close()

    def on_message_complete(self) -> None:
        """The request is whole: what comes now is the next one's head, timed from its first byte."""
        self._is_in_head = True
        if self._refusal is None:
            super().on_message_complete()
        elif not self.transport.is_closing():
            self.transport.write(self._refusal)
            if not self._is_kept_alive:
                self.transport.close()
            self.on_response_complete()
        self._refusal, self._unwanted_bytes = None, 0

    def _refused(self) -> bytes | None:
        """The response to a request that there is no room for, None for one that is worked on."""
        is_behind_another = bool(self.cycle) and not self.cycle.response_complete
        if is_behind_another or self.expect_100_continue or REFUSAL not in self.app_state:
            return None
        path = httptools.parse_url(self.url).path
        refusal: bytes | None = self.app_state[REFUSAL](path.decode("ascii"))
        return refusal

    def send_400_response(self, msg: str) -> None:
        """Say that what came is no HTTP."""
        self._say(400)

    def _wait_for_head(self) -> None:
        self._head_timer = self.loop.call_later(self._header_timeout_s, self._say, 408)

    def _stop_waiting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _say(self, status: int) -> None:
        self._stop_waiting()
        if not self.transport.is_closing():
            self.transport.write(_SAID[status])
            self.transport.close()


def bounded(header_timeout_s: float) -> Any:
    """The protocol with this bound, as uvicorn's `http` takes it."""
    return _Factory(header_timeout_s)


class _Factory:
    """Picklable, because worker processes are spawned."""

    def __init__(self, header_timeout_s: float) -> None:
        self._make = partial(BoundedProtocol, header_timeout_s=header_timeout_s)

    def __call__(self, *arguments: Any, **options: Any) -> BoundedProtocol:
        return self._make(*arguments, **options)
