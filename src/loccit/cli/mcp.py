"""`loccit mcp`: tools for a coding agent, over standard input and output."""

from __future__ import annotations

from loccit.cli.options import Collection, Repos


def mcp(*, repo: Repos = None, collection: Collection = None) -> None:
    """Give a coding agent tools over MCP: search, history, triage, checked answers.

    The agent starts this: docs/how-to/coding-agents.md. Asked without a name it answers for the repository
    that it is started in, and indexes that the first time it is asked. With --repo or --collection nothing
    else is to be seen. No model, no key and no server is needed; 'loccit serve' has the same at /mcp.
    """
    import sys

    from loccit.cli.here import index_in_background
    from loccit.cli.output import note
    from loccit.core.errors import SettingsError

    try:
        from loccit.serving.mcp.stdio import serve_stdio
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"MCP needs a package that is not installed: {error.name}", next_step="pip install 'loccit[mcp]'"
        ) from error
    from loccit.library import Loccit

    if sys.stdin is not None and sys.stdin.isatty():
        note("loccit mcp speaks MCP on standard input and waits for an agent there; Ctrl-D ends it")
    serve_stdio(Loccit(), repos=repo or [], collection=collection, index=index_in_background)
