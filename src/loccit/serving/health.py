"""Whether the server lives, whether it can answer, and what it counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from loccit import __version__
from loccit.core.errors import LoccitError
from loccit.policy.callers import Role
from loccit.serving.callers import CallerOf
from loccit.serving.jobs.store import JobStore
from loccit.serving.openapi import PROBLEMS

if TYPE_CHECKING:
    from loccit.library import Loccit
    from loccit.serving.service import Service


def routes(service: Service) -> APIRouter:
    """`/health` for whoever restarts what hangs, `/ready` for whoever sends requests here; neither needs a
    key. `/metrics` for whoever watches.
    """
    router = APIRouter(tags=["health"])

    @router.get("/health", summary="Whether the process lives")
    async def health() -> dict[str, str]:
        return {"status": "alive", "version": __version__}

    @router.get("/ready", summary="Whether it can answer now", responses={503: {"description": "It cannot"}})
    async def ready() -> JSONResponse:
        problems = await service.book(_problems)
        if service.calls.is_full:
            problems.append("no room")
        return JSONResponse(
            {"status": "not ready" if problems else "ready", "problems": problems},
            status_code=503 if problems else 200,
        )

    @router.get(
        "/metrics",
        summary="What is counted, for Prometheus; for admins",
        response_class=Response,
        responses={**PROBLEMS, 200: {"description": "Of all processes", "content": {"text/plain": {}}}},
    )
    async def metrics(request: Request, caller: CallerOf) -> Response:
        caller.require(Role.ADMIN, "reading the metrics")

        def told(loccit: Loccit) -> tuple[bytes, str]:
            accept = request.headers.get("accept", "")
            jobs = JobStore(loccit.database()).counts()
            return service.metrics.exposition(accept, index_age_s=loccit.index_ages(), jobs=jobs)

        body, content_type = await service.book(told)
        return Response(body, headers={"Content-Type": content_type})

    return router


def _problems(loccit: Loccit) -> list[str]:
    """What stands in the way, without names of folders and hosts: everybody may read it."""
    found: list[str] = []
    try:
        loccit.database().check()
    except LoccitError:
        found.append("the database does not answer")
    try:
        loccit.collections()
    except LoccitError:
        found.append("the catalogue cannot be read")
    return found
