"""Where the routes of one part stand."""

from __future__ import annotations

from fastapi import APIRouter

from loccit.serving.openapi import PROBLEMS


def router_of(tag: str) -> APIRouter:
    """A router under `/v1`. The prefix is its own: logs and metrics read the whole path from the route."""
    return APIRouter(prefix="/v1", tags=[tag], responses=PROBLEMS)
