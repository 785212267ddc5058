"""Whether the server lives, and whether it can answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter
from starlette.responses import JSONResponse

from loccit import __version__
from loccit.core.errors import LoccitError

if TYPE_CHECKING:
    from loccit.library import Loccit
    from loccit.serving.service import Service


def routes(service: Service) -> APIRouter:
    """`/health` for whoever restarts what hangs, `/ready` for whoever sends requests here. Neither needs a
    key.
    """
    router = APIRouter(tags=["health"])

    @router.get("/health", summary="Whether the process lives")
    async def health() -> dict[str, str]:
        return {"status": "alive", "version": __version__}

    @router.get("/ready", summary="Whether it can answer now", responses={503: {"description": "It cannot"}})
    async def ready() -> JSONResponse:
        problems = await service.book(_problems)
        if service.is_draining:
            problems.append("shutting down")
        if service.calls.is_full:
            problems.append("no room")
        return JSONResponse(
            {"status": "not ready" if problems else "ready", "problems": problems},
            status_code=503 if problems else 200,
        )

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
