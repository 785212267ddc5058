"""Search, and lines of files."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from loccit.core.errors import InputError
from loccit.pipeline.search_document import search_document
from loccit.serving.callers import CallerOf
from loccit.serving.cursors import Cursors
from loccit.serving.rest.router import router_of
from loccit.serving.rest.schemas import Source
from loccit.serving.service import unless_gone

if TYPE_CHECKING:
    from loccit.library import Loccit
    from loccit.serving.service import Service

_MOST_HITS = 1_000
Several = Annotated[list[str] | None, Query(max_length=100)]


def routes(service: Service) -> APIRouter:
    """`/v1/search`, `/v1/source`."""
    router = router_of("search")
    cursors = Cursors(service.loccit.secret("cursors"))

    @router.get(
        "/search",
        summary="Find places that bear on a query",
        description=(
            "A loccit-search/1 document with `next_cursor`. `repo`, `lang` and `path` may be repeated; "
            "`history` searches commits. The ETag holds as long as the same is found."
        ),
        response_class=Response,
        responses={
            200: {"description": "Hits, best first", "content": {"application/json": {"schema": _HITS}}},
            304: {"description": "As before (If-None-Match)"},
        },
    )
    async def search(
        request: Request,
        caller: CallerOf,
        q: Annotated[str, Query(min_length=1, max_length=20_000, description="What to look for")],
        repo: Several = None,
        collection: Annotated[str | None, Query(max_length=500)] = None,
        rev: Annotated[str | None, Query(max_length=500)] = None,
        lang: Several = None,
        path: Several = None,
        history: bool = False,
        per_file: Annotated[int, Query(ge=1, le=100)] = 1,
        limit: Annotated[int, Query(ge=1, le=100)] = 10,
        cursor: Annotated[str | None, Query(max_length=2_000)] = None,
    ) -> Response:
        asked: dict[str, Any] = {
            "repos": tuple(repo or ()),
            "collection": collection,
            "rev": rev,
            "languages": tuple(lang or ()),
            "paths": tuple(path or ()),
            "history": history,
            "per_file": per_file,
        }
        first = cursors.read(cursor, [q, asked]) if cursor else 0

        def found(loccit: Loccit) -> bytes:
            wanted = min(first + limit, _MOST_HITS)
            # One more says whether there are more.
            hits = loccit.search(q, **asked, limit=wanted + 1)
            page = hits[first:wanted]
            document = search_document(q, zip(page, loccit.read_many(page), strict=True))
            more = len(hits) > wanted and wanted < _MOST_HITS
            document["next_cursor"] = cursors.write(wanted, [q, asked]) if more else None
            return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode(
                "utf-8", "backslashreplace"
            )

        body = await unless_gone(request, service.run(caller, found))
        return _tagged(request, body)

    @router.get(
        "/source",
        summary="Read lines of an indexed file",
        response_model=Source,
        responses={304: {"description": "As before (If-None-Match)"}},
    )
    async def source(
        request: Request,
        caller: CallerOf,
        repo: Annotated[str, Query(min_length=1, max_length=500)],
        path: Annotated[str, Query(min_length=1, max_length=4_096)],
        rev: Annotated[str | None, Query(max_length=500)] = None,
        start_line: Annotated[int, Query(ge=1)] = 1,
        end_line: Annotated[int | None, Query(ge=1)] = None,
    ) -> Response:
        if end_line is not None and end_line < start_line:
            raise InputError(f"lines {start_line} to {end_line}", next_step="write the smaller one first")
        lines = await unless_gone(
            request,
            service.run(
                caller,
                lambda loccit: loccit.source(repo, path, start_line=start_line, end_line=end_line, rev=rev),
            ),
        )
        text = json.dumps(asdict(lines), ensure_ascii=False, separators=(",", ":"))
        return _tagged(request, text.encode("utf-8", "backslashreplace"))

    return router


_HITS = {
    "type": "object",
    "required": ["format", "query", "hits", "next_cursor"],
    "properties": {
        "format": {"const": "loccit-search/1"},
        "query": {"type": "string"},
        "hits": {"type": "array", "items": {"type": "object"}},
        "next_cursor": {"type": ["string", "null"]},
    },
}


def _tagged(request: Request, body: bytes) -> Response:
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)
