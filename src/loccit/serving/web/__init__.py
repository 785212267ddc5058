"""The page: server-rendered, with nothing that comes from elsewhere, and usable without a script.

What a stranger wrote (sources, questions, names, messages, texts of models) reaches it through templates that
escape everything, and shows what would hide or reorder text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter

from loccit.serving.web import (
    asking,
    assets,
    dashboard,
    login,
    reports,
    repositories,
    runs,
    search,
    source,
    triage,
)
from loccit.serving.web.pages import Pages

if TYPE_CHECKING:
    from loccit.serving.service import Service


__all__ = ["Pages", "routes"]


def routes(service: Service, pages: Pages) -> APIRouter:
    """Every page. Raises SettingsError."""
    router = APIRouter(include_in_schema=False)
    for part in (assets, login, asking, runs, source, search, triage, repositories, dashboard, reports):
        router.include_router(part.routes(service, pages))
    return router
