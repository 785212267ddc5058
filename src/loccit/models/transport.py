"""The one HTTP client of a provider: reused, and deaf to answers without an end."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import AsyncGenerator, AsyncIterator
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from loccit.core.errors import RealCallsForbidden
from loccit.models.options import RealCalls

if TYPE_CHECKING:
    import httpx2

# A stream wraps each token in some hundred bytes of JSON: so many bytes on the wire for one of text.
_WIRE_BYTES_PER_BYTE = 16
_CONNECT_S = 5.0


class ReplyTooLong(Exception):
    """More came than is taken; found as the cause of what a provider's library raises."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"more than {limit:,} bytes came")


def new_client(timeout_s: float, max_reply_bytes: int) -> httpx2.AsyncClient:
    """A client that keeps connections, follows no redirect and cuts off what is far too long.

    Proxies and certificates are those of the environment, as for everything else that uses this library.
    """
    import httpx2

    limit = max_reply_bytes * _WIRE_BYTES_PER_BYTE

    class Bounded(httpx2.AsyncByteStream):
        def __init__(self, inner: httpx2.AsyncByteStream) -> None:
            self.inner = inner
            self.chunks: AsyncGenerator[bytes] | None = None

        def __aiter__(self) -> AsyncIterator[bytes]:
            self.chunks = self.read()
            return self.chunks

        async def read(self) -> AsyncGenerator[bytes]:
            seen = 0
            chunks = aiter(self.inner)
            try:
                async for chunk in chunks:
                    seen += len(chunk)
                    if seen > limit:
                        raise ReplyTooLong(limit)
                    yield chunk
            finally:
                # The library leaves its generators to the garbage collector, which may run in any thread.
                if isinstance(chunks, AsyncGenerator):
                    await chunks.aclose()

        async def aclose(self) -> None:
            if self.chunks is not None:
                await self.chunks.aclose()
            await self.inner.aclose()

    async def bound(response: httpx2.Response) -> None:
        if isinstance(response.stream, httpx2.AsyncByteStream):
            response.stream = Bounded(response.stream)

    return httpx2.AsyncClient(
        verify=_certificates(),
        timeout=httpx2.Timeout(timeout_s, connect=min(_CONNECT_S, timeout_s)),
        limits=httpx2.Limits(max_connections=None, max_keepalive_connections=100),
        follow_redirects=False,
        event_hooks={"response": [bound]},
    )


@cache
def _certificates() -> ssl.SSLContext:
    """Read once: it takes longer than many a call."""
    import httpx2

    return httpx2.create_ssl_context()


def check_allowed(base_url: str, real_calls: RealCalls, model: str) -> None:
    """Raise RealCallsForbidden for an address that may not be called."""
    if real_calls is RealCalls.ALLOWED or (real_calls is RealCalls.LOOPBACK and is_loopback(base_url)):
        return
    raise RealCallsForbidden(
        f"{model!r} is served at {urlsplit(base_url).netloc!r}, and such calls are forbidden",
        next_step="unset LOCCIT_FORBID_MODEL_CALLS, or use a scripted or recorded model",
        model=model,
    )


def is_loopback(base_url: str) -> bool:
    """Whether an address is of this machine, by its text alone: no name is looked up."""
    host = urlsplit(base_url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
