"""REST under `/v1`, with the OpenAPI document at `/openapi.json`: docs/reference/rest.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter

from loccit.serving.rest import asking, books, jobs, repositories, searching

if TYPE_CHECKING:
    from loccit.serving.service import Service

_PROBLEMS: dict[int | str, dict[str, object]] = {
    code: {"description": what, "content": {"application/problem+json": {"schema": {"$ref": ref}}}}
    for ref in ("#/components/schemas/Problem",)
    for code, what in (
        (401, "No key, or one that is not valid"),
        (403, "The key's role does not suffice"),
        (404, "Not there, or not for this key"),
        (408, "The body takes too long to come"),
        (409, "The idempotency key stands for another request, or is at work"),
        (413, "The body is too long"),
        (422, "Not understood, or not possible"),
        (429, "More requests than the key has"),
        (402, "A budget is spent"),
        (502, "A model gave out"),
        (503, "No room now, or the index cannot be read"),
        (504, "It took too long"),
    )
}


def routes(service: Service) -> APIRouter:
    """Every route under `/v1`."""
    router = APIRouter(prefix="/v1", responses=_PROBLEMS)
    for part in (asking, searching, repositories, books, jobs):
        router.include_router(part.routes(service))
    return router
