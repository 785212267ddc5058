"""How does a program reach us? `create_app(settings)` gives the ASGI application, `server.serve` runs it.

Every door (REST, the OpenAI-compatible one, MCP, the page, webhooks) finds out who asks
(`authentication`), calls `service.Service`, and says what comes of it in its own words. Nothing else knows a
wire format.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi import FastAPI

    from loccit.settings import Settings

__all__ = ["create_app"]


def create_app(settings: Settings) -> FastAPI:
    """The application that answers for this home folder. Raises SettingsError, StorageFailed."""
    from loccit.serving.app import create_app as create

    return create(settings)
