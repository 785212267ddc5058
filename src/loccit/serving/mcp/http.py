"""MCP over HTTP at `/mcp`: stateless, so that any worker answers any request."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from loccit.core.errors import NotAuthenticated, NotPermitted
from loccit.serving.cursors import Cursors
from loccit.serving.mcp.desk import Desk, ServedDesk
from loccit.serving.mcp.server import build_server
from loccit.serving.problems import MEDIA_TYPE, body_of, problem_of

if TYPE_CHECKING:
    from mcp.server.context import ServerRequestContext

    from loccit.serving.authentication import Authenticator
    from loccit.serving.service import Service

Message = MutableMapping[str, Any]

PATH = "/mcp"
METADATA_PATH = "/.well-known/oauth-protected-resource"


class McpDoor:
    """The ASGI application at `/mcp`. Belongs to one event loop; requests are answered within `running`.

    A request that wants to hear of progress is answered by a stream of events, any other by one document. A
    client that goes away gives up its request, whatever version of the protocol it speaks.
    """

    def __init__(self, service: Service, authenticator: Authenticator) -> None:
        self._service = service
        self._authenticator = authenticator
        self._cursors = Cursors(service.loccit.secret("cursors"))
        server = build_server(self._desk)
        self._plain, self._streamed = (
            StreamableHTTPSessionManager(
                server,
                json_response=is_plain,
                stateless=True,
                max_request_body_size=service.options.most_body_bytes,
            )
            for is_plain in (True, False)
        )

    def _desk(self, context: ServerRequestContext[Any, Any]) -> Desk:
        request: Request | None = context.request
        assert request is not None  # noqa: S101 - the SDK hands on the request that it was given
        return ServedDesk(self._service, request.state.caller, self._cursors)

    def routes(self) -> list[Route]:
        """`/mcp`, and what says how it is protected (RFC 9728)."""
        return [
            Route(PATH, self),
            Route(f"{METADATA_PATH}{PATH}", self._metadata),
            Route(METADATA_PATH, self._metadata),
        ]

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Requests are answered as long as this lasts."""
        async with AsyncExitStack() as stack:
            for manager in (self._plain, self._streamed):
                await stack.enter_async_context(manager.run())
            yield

    async def __call__(self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Any) -> None:
        """Answer one request. Raises RateLimited and so on."""
        request = Request(scope, receive)
        try:
            self._refuse_other_origins(request)
            await self._authenticator.caller(request)
        except NotAuthenticated as error:
            await self._unauthorised(request, error)(scope, receive, send)
            return
        if request.method != "POST":
            # There is no session to listen to or to end.
            await Response(status_code=405, headers={"Allow": "POST"})(scope, receive, send)
            return
        body = await request.body()
        manager = self._streamed if _wants_progress(request, body) else self._plain
        await _unless_gone(manager, scope, body, receive, send)

    def _refuse_other_origins(self, request: Request) -> None:
        """A page of another site has no business here, even with a key: the protocol wants it so."""
        origin = request.headers.get("origin")
        if origin is None:
            return
        own = {request.headers.get("host", ""), urlsplit(self._service.options.public_url).netloc}
        if urlsplit(origin).netloc not in own - {""}:
            raise NotPermitted(
                f"the origin {origin[:100]!r} is not this server's", next_step="call it from a program"
            )

    def _base(self, request: Request) -> str:
        return self._service.options.public_url.rstrip("/") or f"{request.url.scheme}://{request.url.netloc}"

    def _unauthorised(self, request: Request, error: NotAuthenticated) -> Response:
        where = f"{self._base(request)}{METADATA_PATH}{PATH}"
        headers = {"WWW-Authenticate": f'Bearer realm="loccit", resource_metadata="{where}"'}
        return Response(body_of(problem_of(error)), 401, headers=headers, media_type=MEDIA_TYPE)

    async def _metadata(self, request: Request) -> Response:
        # No authorization server is named: keys are made by whoever runs this one, and nothing else opens it.
        return JSONResponse(
            {
                "resource": f"{self._base(request)}{PATH}",
                "bearer_methods_supported": ["header"],
                "resource_name": "loccit",
            }
        )


def _wants_progress(request: Request, body: bytes) -> bool:
    if "text/event-stream" not in request.headers.get("accept", "") or b'"progressToken"' not in body:
        return False
    try:
        held: Any = json.loads(body)
    except (ValueError, RecursionError):
        return False  # the SDK answers what is none
    match held:
        case {"method": "tools/call", "params": {"_meta": {"progressToken": str() | int()}}}:
            return True
        case _:
            return False


async def _unless_gone(
    manager: StreamableHTTPSessionManager,
    scope: Message,
    body: bytes,
    receive: Callable[[], Awaitable[Message]],
    send: Any,
) -> None:
    """Let the SDK answer, and give that up when the client is gone: in most of its ways it would go on."""
    is_gone = asyncio.Event()
    is_read = False

    async def heard() -> Message:
        nonlocal is_read
        if not is_read:
            is_read = True
            return {"type": "http.request", "body": body, "more_body": False}
        await is_gone.wait()
        return {"type": "http.disconnect"}

    async def watched() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        is_gone.set()

    answering = asyncio.ensure_future(manager.handle_request(scope, heard, send))
    watching = asyncio.ensure_future(watched())
    try:
        await asyncio.wait({answering, watching}, return_when=asyncio.FIRST_COMPLETED)
        if answering.done():
            answering.result()
    finally:
        for one in (answering, watching):
            one.cancel()
        await asyncio.gather(answering, watching, return_exceptions=True)
