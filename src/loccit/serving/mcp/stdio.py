"""MCP over standard input and output: an agent starts it, and it ends when the agent closes its end."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import anyio
from mcp.server.stdio import stdio_server

from loccit.library import Loccit
from loccit.serving.mcp.desk import Indexer, LocalDesk
from loccit.serving.mcp.server import build_server


def serve_stdio(
    loccit: Loccit, *, repos: Sequence[str], collection: str | None, index: Callable[[str], Indexer]
) -> None:
    """Answer until standard input ends. What the parameters mean: `LocalDesk`."""

    async def served() -> None:
        desk = LocalDesk(loccit, repos=repos, collection=collection, index=index)
        server = build_server(lambda context: desk)
        try:
            async with stdio_server() as (incoming, outgoing):
                await server.run(incoming, outgoing, server.create_initialization_options())
        finally:
            await desk.close()

    anyio.run(served)
