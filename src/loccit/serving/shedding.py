"""Who comes when there is no room is told so before anything is made of the request.

At ten times what a server can do, nine requests of ten are refused: what that costs is taken from those that
are answered. So the response stands ready, and the application never hears of the request.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections import Counter
from http import HTTPStatus
from typing import TYPE_CHECKING

from loccit.serving.doors import ALWAYS, HEADERS, door_of
from loccit.serving.openai_compat import errors as openai_errors
from loccit.serving.problems import MEDIA_TYPE, body_of, headers_of, problem_of
from loccit.telemetry.logs import note

if TYPE_CHECKING:
    from loccit.core.errors import Overloaded
    from loccit.serving.service import Service

_log = logging.getLogger("loccit.serving")

_STATUS = HTTPStatus.SERVICE_UNAVAILABLE
_COUNT_EVERY_S = 0.5


class Shedding:
    """What a server's requests find that has no room for more."""

    def __init__(self, service: Service) -> None:
        self._service = service
        # By dialect, and by the seconds after which to come again.
        self._ready: dict[tuple[bool, str], tuple[bytes, bytes]] = {}
        self._uncounted: Counter[str] = Counter()

    def refusal(self, path: str) -> bytes | None:
        """The whole response to a request for this path, None where there is room; it is counted as sent."""
        calls = self._service.calls
        if not calls.is_full or path.startswith(ALWAYS):
            return None
        error = calls.overloaded()
        is_openai = openai_errors.speaks(path)
        kind = (is_openai, headers_of(error)["Retry-After"])
        if kind not in self._ready:
            self._ready[kind] = _response(error, is_openai=is_openai)
        self._count(path)
        before, after = self._ready[kind]
        return b"".join((before, uuid.uuid4().hex.encode("ascii"), after))

    def _count(self, path: str) -> None:
        if not self._uncounted:
            asyncio.get_running_loop().call_later(_COUNT_EVERY_S, self._counted)
        self._uncounted[door_of(path)] += 1

    def _counted(self) -> None:
        """Tell the metrics and the log, once for all that came since the first."""
        note(_log, "requests sent away", level=logging.WARNING, requests=self._uncounted.total())
        for door, requests in self._uncounted.items():
            self._service.metrics.sent_away(door, requests)
        self._uncounted.clear()


def _response(error: Overloaded, *, is_openai: bool) -> tuple[bytes, bytes]:
    """What stands before the request's id, and after it."""
    if is_openai:
        body, headers = openai_errors.body_of(error), openai_errors.headers_of(error)
        headers["content-type"] = openai_errors.MEDIA_TYPE
    else:
        body, headers = body_of(problem_of(error)), headers_of(error)
        headers["content-type"] = MEDIA_TYPE
    headers["content-length"] = str(len(body))
    lines = [f"HTTP/1.1 {_STATUS.value} {_STATUS.phrase}"]
    lines += [f"{name.lower()}: {value}" for name, value in headers.items()]
    lines += [f"{name.decode('ascii')}: {value.decode('ascii')}" for name, value in HEADERS]
    lines.append("x-request-id: " if is_openai else "loccit-request: ")
    return "\r\n".join(lines).encode("latin-1"), b"\r\n\r\n" + body
