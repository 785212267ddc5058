"""What a search found, as the document `loccit-search/1`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from loccit.core.answers import path_fields
from loccit.core.evidence import Hit

FORMAT = "loccit-search/1"


def search_document(query: str, found: Iterable[tuple[Hit, bytes]]) -> dict[str, Any]:
    """The hits with their bytes, best first: docs/reference/search-output.md."""
    return {"format": FORMAT, "query": query, "hits": [hit_document(hit, data) for hit, data in found]}


def hit_document(hit: Hit, data: bytes) -> dict[str, Any]:
    """One hit with its bytes."""
    place = hit.place
    path = path_fields(place.path) if place.path else {"path": None, "path_base64": None}
    return {
        "repo": place.repo,
        "commit": place.commit if place.path else place.object_id,
        "tree": None if place.commit else place.tree,
        **path,
        "blob": place.object_id if place.path else None,
        "start_byte": place.start_byte,
        "end_byte": place.end_byte,
        "start_line": place.start_line,
        "end_line": place.end_line,
        "symbol": hit.symbol,
        "kind": hit.kind if place.path else "commit",
        "language": hit.language,
        "role": hit.role,
        "score": hit.score,
        "why": list(hit.reasons),
        "text": data.decode(hit.encoding, "replace"),
    }
