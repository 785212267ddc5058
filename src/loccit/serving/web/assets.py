"""The files that pages load: read once, named by what is in them, so that browsers keep them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from starlette.responses import Response

from loccit.core.errors import NotFound

if TYPE_CHECKING:
    from loccit.serving.service import Service
    from loccit.serving.web.pages import Pages

_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_KEPT = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """A file. `url` changes with its bytes."""

    body: bytes
    media_type: str
    url: str


@cache
def assets() -> dict[str, Asset]:
    """The files by name."""
    found: dict[str, Asset] = {}
    for path in sorted((Path(__file__).parent / "static").iterdir()):
        body = path.read_bytes()
        tag = hashlib.sha256(body).hexdigest()[:12]
        found[path.name] = Asset(body, _TYPES[path.suffix], f"/static/{path.name}?{tag}")
    return found


def routes(service: Service, pages: Pages) -> APIRouter:
    """`/static/`, for everybody."""
    router = APIRouter()

    @router.get("/static/{name}")
    async def static(request: Request, name: str) -> Response:
        asset = assets().get(name)
        if asset is None:
            raise NotFound(f"there is no file {name!r}")
        is_this = asset.url == f"/static/{name}?{request.url.query}"
        headers = {"Cache-Control": _KEPT if is_this else "no-cache"}
        return Response(asset.body, media_type=asset.media_type, headers=headers)

    return router
