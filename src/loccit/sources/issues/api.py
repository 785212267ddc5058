"""Asking a tracker's REST interface: patient with limits and faults, and careful whom the token goes to."""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Literal, cast

from loccit.core.errors import TrackerRefused, TrackerUnreachable, UnsafeSource
from loccit.sources.addresses import Guard
from loccit.sources.options import SourceOptions

if TYPE_CHECKING:
    import httpx

_MAX_ANSWER_BYTES = 64_000_000
_MOST_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 307, 308})
_SAME_METHOD = frozenset({307, 308})
_FAULTS = frozenset({500, 502, 503, 504})
_LONGEST_BACKOFF_S = 30.0
# What GitHub asks for where it names no time.
_UNNAMED_WAIT_S = 60.0
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

Method = Literal["POST", "PUT", "PATCH"]


class Token:
    """A secret that is sent to one host and shown to nobody."""

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The secret itself, for a header."""
        return self._text

    def __repr__(self) -> str:
        return "Token(...)"


@dataclass(frozen=True, slots=True)
class ApiAnswer:
    """An answer with status 200, 201, 204, 304, 404, 410 or 422. `document` is None unless it is 200 or
    201.
    """

    status: int
    document: Any
    etag: str
    next_url: str | None
    url: str

    def items(self) -> list[dict[str, Any]]:
        """The JSON objects of a list. Raises TrackerUnreachable where it is something else."""
        found = cast("list[Any]", self.document)
        if not isinstance(self.document, list) or not all(isinstance(item, dict) for item in found):
            raise TrackerUnreachable(
                f"{self.url!r} answered with something that is no list of objects",
                next_step="is this the address of the tracker's REST interface?",
            )
        return cast("list[dict[str, Any]]", found)


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    url: httpx.URL
    etag: str = ""
    document: bytes | None = None


class Api:
    """One REST interface below `base_url`. Requests go to that scheme, host and port only."""

    def __init__(
        self,
        base_url: str,
        *,
        token: Token | None,
        headers: Mapping[str, str],
        options: SourceOptions,
        guard: Guard | None = None,
    ) -> None:
        """`guard` says whom it may reach, without one everybody. Raises UnsafeSource where it may not, or the
        token would travel unencrypted.
        """
        import httpx

        from loccit.sources.issues.pinned import PinnedTransport

        self._base = httpx.URL(base_url.rstrip("/") + "/")
        self._token = token
        self._options = options
        is_open = self._base.scheme == "http" and self._base.host not in _LOOPBACK
        if is_open and not options.allow_http:
            raise UnsafeSource(
                f"{base_url!r} is unencrypted: texts and the token could be read on the way",
                next_step="write https://, or set sources.allow_http = true",
            )
        secret = {} if token is None else {"Authorization": f"Bearer {token.reveal()}"}
        transport: httpx.BaseTransport | None = None
        if guard is not None:
            guard.check_url(self._base.scheme, self._base.host)
            transport = None if guard.trusts(self._base.host) else PinnedTransport(guard)
        self._client = httpx.Client(
            headers={"User-Agent": "loccit", **headers, **secret},
            timeout=options.tracker_timeout_s,
            follow_redirects=False,
            transport=transport,
        )

    def close(self) -> None:
        """End the connection."""
        self._client.close()

    def get(self, where: str, parameters: Mapping[str, str] | None = None, *, etag: str = "") -> ApiAnswer:
        """The answer to a request for a path below the base, or for an address that the interface gave.

        Waits out limits of up to `tracker_wait_s` and tries again after faults. Raises TrackerRefused and
        TrackerUnreachable.
        """
        url = self._own(where)
        if parameters:
            url = url.copy_merge_params(dict(parameters))
        return self._asked(_Request("GET", url, etag=etag), self._options.tracker_attempts)

    def change(self, method: Method, where: str, document: Any) -> ApiAnswer:
        """The answer to a request that changes something, `document` being what it says, as JSON.

        What comes to the same when it is done twice (PUT, PATCH) is tried again after faults. A POST is sent
        once, limits apart: after a fault nobody knows whether it was done, and TrackerUnreachable says so.
        """
        request = _Request(method, self._own(where), document=json.dumps(document).encode())
        return self._asked(request, 1 if method == "POST" else self._options.tracker_attempts)

    def _asked(self, request: _Request, attempts: int) -> ApiAnswer:
        """The answer; faults are met so often at most, limits however often the tracker is asked at all."""
        problem, faults = "", 0
        for attempt in range(self._options.tracker_attempts):
            if faults:
                time.sleep(self._backoff(attempt))
            try:
                answer, problem = self._once(request)
            except _Fault as fault:
                problem, faults = str(fault), faults + 1
                if faults >= attempts:
                    break
                continue
            if answer is not None:
                return answer
        raise TrackerUnreachable(
            f"{self._shown(request.url)} cannot be had: {problem}",
            next_step="what came before is kept: run the same command again to go on from there",
        )

    def _once(self, request: _Request) -> tuple[ApiAnswer | None, str]:
        """The answer; without one, the limit that was waited out."""
        url = request.url
        for _ in range(_MOST_REDIRECTS):
            response, body = self._send(replace(request, url=url))
            if response.status_code not in _REDIRECTS:
                break
            if request.method != "GET" and response.status_code not in _SAME_METHOD:
                raise TrackerRefused(
                    f"{self._shown(url)} has moved to {response.headers.get('location', '')[:200]!r}",
                    next_step="name the tracker as it is called now",
                )
            url = self._own(response.headers.get("location", ""), url)
        else:
            raise TrackerRefused(f"{self._shown(url)} redirects without end")
        status = response.status_code
        if status in (200, 201):
            return self._answer(url, response, _document(body)), ""
        if status == 204:
            return self._answer(url, response, None), ""
        if status in (304, 404, 410, 422):
            return self._answer(url, response, None), ""
        if status in _FAULTS:
            raise _Fault(f"it answered with status {status}")
        wait = self._wait_of(response, body)
        if wait is None:
            raise self._refusal(url, status, body)
        return None, self._wait_out(url, wait)

    def _send(self, request: _Request) -> tuple[httpx.Response, bytes]:
        """One exchange, its body read to the end within the time. Raises _Fault."""
        import httpx

        url, limit_s = request.url, self._options.tracker_timeout_s
        headers = {"If-None-Match": request.etag} if request.etag else {}
        if request.document is not None:
            headers["Content-Type"] = "application/json"
        deadline = time.monotonic() + limit_s
        pieces: list[bytes] = []
        size = 0
        try:
            with self._client.stream(
                request.method, url, headers=headers, content=request.document
            ) as response:
                for piece in response.iter_bytes():
                    pieces.append(piece)
                    size += len(piece)
                    if size > _MAX_ANSWER_BYTES:
                        raise TrackerUnreachable(f"{self._shown(url)} answered with more than {size:,} bytes")
                    if time.monotonic() > deadline:
                        raise _Fault(f"the answer took longer than {limit_s:g} seconds")
        except (httpx.RequestError, httpx.InvalidURL) as error:
            raise _Fault(self._without_token(str(error) or type(error).__name__)) from error
        return response, b"".join(pieces)

    def _answer(self, url: httpx.URL, response: httpx.Response, document: Any) -> ApiAnswer:
        next_page = response.links.get("next", {}).get("url") if response.status_code == 200 else None
        return ApiAnswer(
            status=response.status_code,
            document=document,
            etag=response.headers.get("etag", ""),
            next_url=None if not next_page else str(self._own(next_page, url)),
            url=self._plain(url),
        )

    def _own(self, where: str, base: httpx.URL | None = None) -> httpx.URL:
        """The address, which is of our host: nothing else is ever asked. Raises TrackerRefused."""
        import httpx

        try:
            url = (base or self._base).join(where.lstrip("/") if base is None else where)
        except (httpx.InvalidURL, TypeError, ValueError) as error:
            raise TrackerRefused(f"{self._shown(self._base)} leads to {where[:200]!r}, no address") from error
        if (url.scheme, url.host, url.port) != (self._base.scheme, self._base.host, self._base.port):
            raise TrackerRefused(
                f"{self._shown(self._base)} leads to another host, {url.scheme}://{url.netloc.decode()}",
                next_step="if the tracker has moved, name its new address with --from",
            )
        return url

    def _wait_of(self, response: httpx.Response, body: bytes) -> float | None:
        """How many seconds the tracker asks us to stay away; None where it refuses for another reason."""
        headers = response.headers
        is_spent = headers.get("x-ratelimit-remaining", headers.get("ratelimit-remaining")) == "0"
        is_named = "retry-after" in headers
        is_told = re.search(rb"rate limit|abuse", body, re.IGNORECASE) is not None
        if response.status_code != 429 and not (
            response.status_code == 403 and (is_named or is_spent or is_told)
        ):
            return None
        after = _seconds_after(headers.get("retry-after", ""), _clock_of(headers.get("date", "")))
        if after is not None:
            return after
        reset = headers.get("x-ratelimit-reset", headers.get("ratelimit-reset", ""))
        if re.fullmatch(r"\d{1,11}", reset, re.ASCII):
            return max(0.0, int(reset) - _clock_of(headers.get("date", ""))) + 1
        return _UNNAMED_WAIT_S

    def _wait_out(self, url: httpx.URL, wait_s: float) -> str:
        """Sleep, if the wait is within the limit. Raises TrackerRefused."""
        if wait_s <= self._options.tracker_wait_s:
            time.sleep(wait_s)
            return f"it asked again and again to wait, at last for {wait_s:.0f} seconds"
        retry_at = int(time.time() + wait_s)
        at = datetime.fromtimestamp(retry_at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        advice = "" if self._token else "; with a token in the environment the limit is higher"
        raise TrackerRefused(
            f"{self._shown(url)} has had enough requests and asks to wait until {at}",
            next_step=f"what came before is kept: run the same command again then{advice}",
            retry_at=retry_at,
        )

    def _refusal(self, url: httpx.URL, status: int, body: bytes) -> TrackerRefused:
        said = self._without_token(_message_of(body))
        token = "the token that was sent" if self._token else "without a token"
        steps = {
            401: f"the tracker does not accept {token}",
            403: f"it does not allow this {'with ' if self._token else ''}{token}",
        }
        return TrackerRefused(
            f"{self._shown(url)} refuses with status {status}{said}",
            next_step=steps.get(status, "check the address of the tracker's REST interface"),
        )

    def _backoff(self, attempt: int) -> float:
        most = min(_LONGEST_BACKOFF_S, self._options.tracker_backoff_s * 2**attempt)
        return random.uniform(most / 2, most)  # noqa: S311 - spreads requests, hides nothing

    def _plain(self, url: httpx.URL) -> str:
        return self._without_token(str(url.copy_with(query=None, fragment=None)))

    def _shown(self, url: httpx.URL) -> str:
        return repr(self._plain(url))

    def _without_token(self, text: str) -> str:
        return text if self._token is None else text.replace(self._token.reveal(), "…")


class _Fault(Exception):
    """Something that may go better the next time."""


def _document(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _Fault(f"it answered with something that is no JSON: {str(error)[:100]}") from error


def _message_of(body: bytes) -> str:
    """What an error's JSON says, fit for a message."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    said = cast("dict[str, Any]", document).get("message") if isinstance(document, dict) else None
    text = "".join(c if c.isprintable() else "?" for c in said[:200]) if isinstance(said, str) else ""
    return f": {text}" if text else ""


def _clock_of(date: str) -> float:
    """The time by the tracker's clock, which its reset times are in; ours where it does not say."""
    try:
        return parsedate_to_datetime(date).timestamp()
    except ValueError:
        return time.time()


def _seconds_after(written: str, now: float) -> float | None:
    """`Retry-After`: seconds, or a date."""
    if re.fullmatch(r"\d{1,9}", written, re.ASCII):
        return float(written)
    try:
        return max(0.0, parsedate_to_datetime(written).timestamp() - now)
    except ValueError:
        return None
