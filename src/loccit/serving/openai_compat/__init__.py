"""The dialect of OpenAI's API, for clients that speak it: docs/reference/openai.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter

if TYPE_CHECKING:
    from loccit.serving.service import Service


def routes(service: Service) -> APIRouter:
    """`/v1/models`, `/v1/chat/completions`, `/v1/responses`."""
    from loccit.serving.openai_compat import chat, models, responses
    from loccit.serving.openai_compat.errors import OpenAIRoute
    from loccit.serving.openai_compat.schemas import ERRORS

    router = APIRouter(prefix="/v1", tags=["openai"], route_class=OpenAIRoute, responses=ERRORS)
    for part in (models, chat, responses):
        part.add_routes(router, service)
    return router
