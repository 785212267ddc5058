"""Requests that go to the addresses which were checked, whatever a name leads to a moment later."""

from __future__ import annotations

import httpx

from loccit.core.errors import FetchFailed
from loccit.sources.addresses import Guard


class PinnedTransport(httpx.HTTPTransport):
    """Connects to checked addresses of one host. Its name stays in the Host header, and in TLS, where the
    certificate has to be for it.
    """

    def __init__(self, guard: Guard) -> None:
        # No proxy is asked: it would look the name up for itself.
        super().__init__()
        self._guard = guard

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request. Raises UnsafeSource, and what httpx raises."""
        host, url = request.url.host, request.url
        try:
            addresses = self._guard.addresses(host, url.port or (443 if url.scheme == "https" else 80))
        except FetchFailed as error:
            raise httpx.ConnectError(error.message, request=request) from error
        failure: httpx.ConnectError | None = None
        for address in addresses:
            pinned = httpx.Request(
                request.method,
                url.copy_with(host=address),
                headers=request.headers,
                stream=request.stream,
                extensions={**request.extensions, "sni_hostname": host},
            )
            try:
                return super().handle_request(pinned)
            except httpx.ConnectError as error:
                failure = error
        raise failure or httpx.ConnectError(f"{host!r} has no address", request=request)
