"""`loccit tools`: tools of other MCP servers, looked at and approved before agents may call them."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from loccit.cli.exit_codes import ExitCode
from loccit.cli.help_pages import Command
from loccit.cli.options import Json, Quiet

if TYPE_CHECKING:
    from loccit.agents.mcp_offers import Offer
    from loccit.agents.mcp_tools import Offered
    from loccit.agents.options import McpServerOptions
    from loccit.library import Loccit

app = typer.Typer(
    name="tools",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Look at tools of other MCP servers ([agents.mcp] of the settings), and approve them for agents.",
)

Server = Annotated[str, typer.Argument(metavar="SERVER", help="Its name in [agents.mcp].")]


@app.command(cls=Command)
def show(server: Server, *, json: Json = False, quiet: Quiet = False) -> None:
    """Ask a server what it offers, and show all that a model would be told of it.

    The server is started, or asked at its address; none of its tools is called. Read the descriptions: who
    wrote them wants to be believed by a model.
    """
    from loccit.cli.output import emit, note, say

    options = _server(_loccit(), server)
    offered = asyncio.run(_offered(server, options))
    if json:
        tools = [{**_facts(offer), "state": _state(options, offer)} for offer in offered.offers]
        emit(
            {
                "format": "loccit-tools/1",
                "server": server,
                "tools": tools,
                "refused": [asdict(each) for each in offered.refused],
            }
        )
        return
    for offer in offered.offers:
        say(f"{offer.name}  [{_state(options, offer)}]")
        say(f"    {offer.spec.description}")
        say(f"    arguments: {', '.join(offer.arguments) or 'none'}")
        say(f"    {offer.digest}")
    if not quiet:
        for each in offered.refused:
            note(f"cannot be offered: {each.tool or each.server}: {each.reason}")


@app.command(cls=Command)
def approve(
    server: Server,
    tool: Annotated[str, typer.Argument(metavar="TOOL", help="The server's own name of the tool.")],
    digest: Annotated[str, typer.Argument(metavar="DIGEST", help="What 'loccit tools show' printed for it.")],
    *,
    quiet: Quiet = False,
) -> None:
    """Let agents call a tool as it describes itself now, under the policy.

    The digest is asked for so that what is approved is what was read. It is written into the settings, where
    `effect` and `roles` of the tool say what it does; without a word there it counts as reaching somebody
    else, and a person is asked about each call. Ends with 3 where the server says something else by now.
    """
    from loccit.agents.mcp_tools import approved
    from loccit.cli.output import note
    from loccit.core.errors import NotFound

    loccit = _loccit()
    options = _server(loccit, server)
    offered = asyncio.run(_offered(server, options))
    offer = next((each for each in offered.offers if each.name == tool), None)
    if offer is None:
        why = next(
            (each.reason for each in offered.refused if each.tool == tool), "the server does not list it"
        )
        raise NotFound(f"{tool!r} of {server!r} cannot be approved: {why}")
    if offer.digest != digest:
        note(
            f"loccit: {tool!r} of {server!r} is {offer.digest} now; read it again: loccit tools show {server}"
        )
        raise typer.Exit(ExitCode.FELL)
    loccit.approve_tool(server, tool, digest)
    if not quiet:
        note(f"{tool} of {server} is approved; its effect is {approved(options, offer).tools[tool].effect}")


def _loccit() -> Loccit:
    from loccit.library import Loccit

    return Loccit()


def _server(loccit: Loccit, name: str) -> McpServerOptions:
    from loccit.core.errors import NotFound

    servers = loccit.settings.agents.mcp
    if name not in servers:
        known = ", ".join(sorted(servers)) or "none"
        raise NotFound(f"there is no server {name!r} in [agents.mcp]", next_step=f"there are {known}")
    return servers[name]


async def _offered(name: str, options: McpServerOptions) -> Offered:
    from loccit.agents.mcp_tools import connected, offers_of
    from loccit.settings import tool_variable

    async with connected(name, options, tool_variable) as connection:
        return await offers_of(connection)


def _state(options: McpServerOptions, offer: Offer) -> str:
    chosen = options.tools.get(offer.name)
    if chosen is None or not chosen.digest:
        return "not approved"
    return f"approved, {chosen.effect}" if chosen.digest == offer.digest else "changed since it was approved"


def _facts(offer: Offer) -> dict[str, Any]:
    spec = offer.spec
    return {
        "name": offer.name,
        "shown_as": spec.name,
        "digest": offer.digest,
        "description": spec.description,
        "schema": spec.schema,
    }
