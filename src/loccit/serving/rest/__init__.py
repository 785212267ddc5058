"""REST under `/v1`, with the OpenAPI document at `/openapi.json`: docs/reference/rest.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter

from loccit.serving.rest import asking, books, jobs, repositories, searching

if TYPE_CHECKING:
    from loccit.serving.service import Service


def routes(service: Service) -> APIRouter:
    """Every route under `/v1`."""
    router = APIRouter()
    for part in (asking, searching, repositories, books, jobs):
        router.include_router(part.routes(service))
    return router
