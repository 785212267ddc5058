"""Tools of other MCP servers, as the policy sees tools.

The operator names the servers and the tools, says what each does and approves what it says of itself. What a
tool gives is untrusted. What an operator says nothing of counts as reaching somebody else, and each of its
arguments as a destination.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from loccit.agents.mcp_connection import Connection
from loccit.agents.mcp_offers import MOST_TOOLS, Offer, digest_of, read_offer, without_collisions
from loccit.agents.options import McpServerOptions, McpToolOptions
from loccit.core.errors import InputError, ModelNotConfigured, OutcomeUnknown, ToolUnavailable
from loccit.core.visible import one_line, visible
from loccit.policy.labels import Integrity, Label, Labelled
from loccit.policy.tools import ArgumentRole, Effect, Tool, ToolResult

if TYPE_CHECKING:
    from mcp_types import CallToolResult

Variable = Callable[[str], str | None]
"""What an environment variable holds: only the settings read it."""


@dataclass(frozen=True, slots=True)
class RefusedTool:
    """A tool, or with an empty `tool` a server, that is not offered to a model, and why."""

    server: str
    tool: str
    reason: str


@dataclass(frozen=True, slots=True)
class Offered:
    """What one server lists that can be offered. `approved` are those whose digest the operator approved."""

    offers: tuple[Offer, ...]
    refused: tuple[RefusedTool, ...]


@dataclass(frozen=True, slots=True)
class McpTools:
    """The tools of all servers that may be called, and what was refused."""

    tools: tuple[Tool, ...] = ()
    refused: tuple[RefusedTool, ...] = ()


@asynccontextmanager
async def opened(servers: Mapping[str, McpServerOptions], variable: Variable) -> AsyncGenerator[McpTools]:
    """The tools of these servers, for as long as the block runs; the servers end with it.

    A server that cannot be reached and a tool that is not what was approved are in `refused`. Raises
    ModelNotConfigured where the package for it is not installed.
    """
    tools: list[Tool] = []
    refused: list[RefusedTool] = []
    async with AsyncExitStack() as stack:
        for name, options in servers.items():
            try:
                connection = await stack.enter_async_context(connected(name, options, variable))
                offered = await offers_of(connection)
            except ToolUnavailable as error:
                refused.append(RefusedTool(name, "", str(error)))
                continue
            refused += offered.refused
            by_name = {offer.name: offer for offer in offered.offers}
            for tool, chosen in options.tools.items():
                offer = by_name.get(tool)
                why = _why_refused(offer, chosen)
                if offer is None or why:
                    refused.append(RefusedTool(name, tool, why))
                else:
                    tools.append(_McpTool(connection, offer, chosen, options).tool())
        yield McpTools(tuple(tools), tuple(refused))


@asynccontextmanager
async def connected(name: str, options: McpServerOptions, variable: Variable) -> AsyncGenerator[Connection]:
    """A connection to one server. Raises ToolUnavailable, ModelNotConfigured."""
    if find_spec("mcp") is None:
        raise ModelNotConfigured("the package 'mcp' is not installed", next_step="pip install 'loccit[mcp]'")
    environment = {each: value for each in options.variables if (value := variable(each)) is not None}
    key = (variable(options.key_variable) or "") if options.key_variable else ""
    connection = Connection(name, options, environment=environment, key=key)
    try:
        await connection.open()
        yield connection
    finally:
        await connection.close()


async def offers_of(connection: Connection) -> Offered:
    """What a server lists now, each as it could be shown to a model. Raises ToolUnavailable."""
    listed = await connection.tools()
    offers: list[Offer] = []
    refused: list[RefusedTool] = []
    for tool in listed[:MOST_TOOLS]:
        try:
            offers.append(read_offer(connection.name, tool))
        except InputError as error:
            refused.append(RefusedTool(connection.name, one_line(tool.name[:80]), str(error)))
    alone, same = without_collisions(offers)
    refused += [
        RefusedTool(connection.name, one_line(offer.name[:80]), "another tool would have the same name")
        for offer in same
    ]
    if len(listed) > MOST_TOOLS:
        refused.append(RefusedTool(connection.name, "", f"it lists more than {MOST_TOOLS} tools"))
    return Offered(alone, tuple(refused))


def _why_refused(offer: Offer | None, chosen: McpToolOptions) -> str:
    if offer is None:
        return "the server does not list it"
    if not chosen.digest:
        return f"nobody approved it; read it with 'loccit tools show {offer.server}'"
    if chosen.digest != offer.digest:
        return (
            "its description or its arguments are not what was approved; read them again with"
            f" 'loccit tools show {offer.server}'"
        )
    unknown = [name for name in chosen.roles if name not in offer.arguments]
    if unknown:
        return f"it has no argument {unknown[0]!r}, for which [agents.mcp] has a role"
    return ""


class _McpTool:
    """One tool of one server, and how a call of it is made."""

    def __init__(
        self, connection: Connection, offer: Offer, chosen: McpToolOptions, options: McpServerOptions
    ) -> None:
        self._connection = connection
        self._offer = offer
        self._effect = Effect(chosen.effect)
        self._chosen = chosen
        self._most_characters = options.result_characters
        self._label = Label(
            Integrity.UNTRUSTED,
            None,
            frozenset({f"mcp {offer.server}/{one_line(offer.name)}"}),
            chosen.secret,
        )

    def tool(self) -> Tool:
        """It as the policy sees it."""
        roles = {
            name: ArgumentRole(self._chosen.roles.get(name, ArgumentRole.DESTINATION.value))
            for name in self._offer.arguments
        }
        return Tool(self._offer.spec, self._effect, roles, self._run)

    async def _run(self, arguments: Mapping[str, Any], intent: str) -> ToolResult:
        """What the server gives.

        Raises ToolUnavailable, and OutcomeUnknown where a call that may have done something had no answer.
        """
        del intent  # the protocol has no idempotency keys
        if self._effect is not Effect.READ or self._connection.has_changed:
            await self._check_unchanged()
        try:
            result = await self._connection.call(self._offer.name, arguments)
        except ToolUnavailable as error:
            if self._effect is Effect.READ or not error.may_have_run:
                raise
            raise OutcomeUnknown(
                error.message, next_step="see at the server whether the call was done before it is made again"
            ) from error
        data = result.structured_content
        return ToolResult(
            _cut(text_of(result), self._most_characters),
            None if data is None else Labelled(data, self._label),
            self._label,
            is_error=result.is_error,
        )

    async def _check_unchanged(self) -> None:
        """Raises ToolUnavailable where the server now says something else of the tool than was approved."""
        listed = await self._connection.tools()
        now = next((tool for tool in listed if tool.name == self._offer.name), None)
        if now is None or digest_of(now) != self._offer.digest:
            raise ToolUnavailable(
                f"the MCP server {self._offer.server!r} has changed its tool {self._offer.name!r} since it"
                " was approved",
                next_step=f"read it again with 'loccit tools show {self._offer.server}'",
            )


def text_of(result: CallToolResult) -> str:
    """What a result says, with nothing hidden in it; what is no text is named by kind and size."""
    from mcp_types import AudioContent, ImageContent, ResourceLink, TextContent, TextResourceContents

    parts: list[str] = []
    for block in result.content:
        match block:
            case TextContent():
                parts.append(visible(block.text))
            case ImageContent() | AudioContent():
                parts.append(f"[{block.type}, {one_line(block.mime_type[:80])}, not shown]")
            case ResourceLink():
                parts.append(f"[a resource: {one_line(str(block.uri)[:400])}]")
            case _ if isinstance(block.resource, TextResourceContents):
                parts.append(visible(block.resource.text))
            case _:
                parts.append("[a resource, no text, not shown]")
    if not parts and result.structured_content is not None:
        parts.append(visible(json.dumps(result.structured_content, ensure_ascii=False)))
    return "\n".join(parts)


def _cut(text: str, most_characters: int) -> str:
    left = len(text) - most_characters
    return text if left <= 0 else f"{text[:most_characters]}\n[{left:,} more characters were cut off]"


def approved(options: McpServerOptions, offer: Offer) -> McpServerOptions:
    """The server's options with this offer approved; what was said of the tool before stays."""
    before = options.tools.get(offer.name, McpToolOptions())
    return replace(options, tools={**options.tools, offer.name: replace(before, digest=offer.digest)})
