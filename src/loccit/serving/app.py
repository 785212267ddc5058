"""The application: every door, behind one edge, with one way to say what went wrong."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import threading
from collections.abc import AsyncGenerator
from http import HTTPStatus
from types import FrameType
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from loccit import __version__
from loccit.core.errors import InputError, LoccitError, NotFound
from loccit.library import Loccit
from loccit.serving.authentication import Authenticator
from loccit.serving.edge import Edge
from loccit.serving.openai_compat import errors as openai_errors
from loccit.serving.openapi import describe
from loccit.serving.problems import MEDIA_TYPE, body_of, headers_of, message_of, problem_of
from loccit.serving.protocol import REFUSAL
from loccit.serving.service import Service
from loccit.serving.shedding import Shedding
from loccit.serving.watching import Watch
from loccit.telemetry.logs import note

if TYPE_CHECKING:
    from loccit.settings import Settings

_log = logging.getLogger("loccit.serving")

_DESCRIPTION = (
    "Answers about your own code, each statement cited to bytes at a commit and re-checked. Show a key as "
    "`Authorization: Bearer loccit_…`. Errors are `application/problem+json` (RFC 9457)."
)


def create_app(settings: Settings) -> FastAPI:
    """The application that answers for this home folder. Raises SettingsError, StorageFailed."""
    from loccit.serving import health, hooks, openai_compat, rest, web
    from loccit.serving.mcp.http import McpDoor

    watch = Watch(settings)
    service = Service(Loccit(settings=settings, ended=watch.ended), settings.serving, watch.metrics)
    app = FastAPI(
        title="loccit",
        version=__version__,
        description=_DESCRIPTION,
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
    )
    app.state.service = service
    app.state.watch = watch
    app.state.authenticator = Authenticator(service)
    app.state.mcp = McpDoor(service, app.state.authenticator)
    app.add_exception_handler(LoccitError, _told)
    app.add_exception_handler(RequestValidationError, _misunderstood)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_middleware(Edge, service=service)
    app.include_router(health.routes(service))
    app.include_router(rest.routes(service))
    app.include_router(hooks.routes(service))
    app.include_router(openai_compat.routes(service))
    app.router.routes.extend(app.state.mcp.routes())
    app.state.pages = web.Pages(service)
    app.include_router(web.routes(service, app.state.pages))
    describe(app)
    return app


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncGenerator[dict[str, Any]]:
    from loccit.serving import hooks

    service: Service = app.state.service
    # Opened now, so that the first question need not wait for it, and a database that is not there is told
    # of.
    await asyncio.to_thread(service.loccit.database)
    _hear_the_end(service)
    service.jobs.start()
    try:
        async with app.state.watch.running(service.loccit), app.state.mcp.running(), hooks.working(service):
            yield {REFUSAL: Shedding(service).refusal}
    finally:
        await service.close()


def _hear_the_end(service: Service) -> None:
    """Tell the service of the signals that end the server, before uvicorn deals with them."""
    if threading.current_thread() is not threading.main_thread():
        return
    for number in (signal.SIGTERM, signal.SIGINT):
        following = signal.getsignal(number)

        def ending(number: int, frame: FrameType | None, following: Any = following) -> None:
            service.drain()
            if callable(following):
                following(number, frame)

        signal.signal(number, ending)


async def _told(request: Request, error: Exception) -> Response:
    assert isinstance(error, LoccitError)  # noqa: S101 - it is registered for these alone
    if message_of(error) != error.message:
        note(_log, "request failed", level=logging.WARNING, error=error, request=request.state.request_id)
    return _problem(problem_of(error), headers_of(error))


async def _misunderstood(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    told = InputError(f"{where}: {first['msg']}", next_step="compare the request with /openapi.json")
    return _problem(problem_of(told), {})


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    if isinstance(error.__cause__, LoccitError):
        return await _told(request, error.__cause__)
    if openai_errors.speaks(request.url.path):
        return openai_errors.of_http(error)
    if error.status_code == HTTPStatus.NOT_FOUND and "text/html" in request.headers.get("accept", ""):
        # Somebody with a browser, who wrote an address that is none.
        missing = NotFound(f"there is no page {request.url.path!r}", next_step="begin at the first one")
        return request.app.state.pages.refused(request, missing)
    document: dict[str, object] = {
        "type": "about:blank",
        "title": error.detail,
        "status": error.status_code,
        "detail": f"{request.method} {request.url.path}: {error.detail}",
    }
    return _problem(document, dict(error.headers or {}))


async def _gone(request: Request, error: Exception) -> Response:
    # Nobody reads it; the number is nginx's for it, for the log.
    return Response(status_code=499)


def _problem(document: dict[str, Any], headers: dict[str, str]) -> Response:
    return Response(body_of(document), status_code=document["status"], headers=headers, media_type=MEDIA_TYPE)
