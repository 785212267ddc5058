"""A connection to another MCP server, kept in a task of its own: whatever becomes of the server, the caller's
task is not cancelled by it.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, TypeVar, cast

from loccit.core.errors import ToolUnavailable
from loccit.core.visible import one_line

if TYPE_CHECKING:
    from mcp import Client
    from mcp_types import CallToolResult, Tool

    from loccit.agents.options import McpServerOptions

T = TypeVar("T")
_STOP_S = 10.0
_MOST_PAGES = 20
_MOST_LAST_WORDS = 400
_MOST_WORDS = 300
_LAST_ANSWER_S = 0.2
# The libraries' own limits come after ours: theirs end the whole connection, not the call.
_LATER_S = 30.0


class Connection:
    """A server that was reached. `environment` are the variables that its program is handed besides the clean
    ones, `key` the bearer token for its address. Not thread-safe.
    """

    def __init__(
        self, name: str, options: McpServerOptions, *, environment: Mapping[str, str], key: str = ""
    ) -> None:
        self.name = name
        self._options = options
        self._environment = environment
        self._key = key
        self._stop = asyncio.Event()
        self._client: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
        self._errors = _LastWords()
        self._life: asyncio.Task[None] | None = None
        self._failure: Exception | None = None
        self.has_changed = False

    async def open(self) -> None:
        """Start or reach the server. Raises ToolUnavailable."""
        self._life = asyncio.create_task(self._live(), name=f"mcp {self.name}")
        await self._within(self._options.start_timeout_s, lambda: asyncio.shield(self._client), "starting")

    async def close(self) -> None:
        """End the connection, and the program that was started for it."""
        self._stop.set()
        if self._life is not None:
            if not self._client.done():
                self._life.cancel()
            await asyncio.wait({self._life}, timeout=_STOP_S)
            if not self._life.done():
                self._life.cancel()
                await asyncio.wait({self._life}, timeout=_STOP_S)
            if self._life.done() and not self._life.cancelled():
                self._life.exception()  # taken note of: it was told to whoever called
        if self._client.done() and not self._client.cancelled():
            self._client.exception()
        self._errors.close()

    async def tools(self) -> tuple[Tool, ...]:
        """All tools that the server lists now. Raises ToolUnavailable."""
        return await self._within(self._options.start_timeout_s, self._list, "listing its tools")

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> CallToolResult:
        """What the tool gives. Raises ToolUnavailable where nothing came back in time (`may_have_run`), where
        the server was gone before, or refuses the call.
        """
        client = await self._within(1.0, lambda: asyncio.shield(self._client), "waiting for it")
        if self._life is None or self._life.done():
            raise self._gone("gone")
        return await self._within(
            self._options.timeout_s, lambda: client.call_tool(tool, dict(arguments)), f"calling {tool!r}"
        )

    async def _list(self) -> tuple[Tool, ...]:
        client = await asyncio.shield(self._client)
        self.has_changed = False
        found: list[Tool] = []
        cursor: str | None = None
        for _ in range(_MOST_PAGES):
            page = await client.list_tools(cursor=cursor, cache_mode="refresh")
            found += page.tools
            cursor = page.next_cursor
            if cursor is None:
                break
        return tuple(found)

    async def _within(self, seconds: float, work: Callable[[], Awaitable[T]], doing: str) -> T:
        """What the work comes to, unless the server dies or takes too long first."""
        from anyio import BrokenResourceError, ClosedResourceError
        from mcp.shared.exceptions import MCPError
        from mcp_types import CONNECTION_CLOSED, REQUEST_TIMEOUT
        from pydantic import ValidationError

        async def waited() -> T:
            return await work()

        if self._life is None:
            raise self._gone("not open")
        task = asyncio.create_task(waited())
        try:
            await asyncio.wait({task, self._life}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if not task.done() and self._life.done():
                # What it said last may still be on its way to us.
                await asyncio.wait({task}, timeout=_LAST_ANSWER_S)
            if not task.done():
                late = f"silent for {seconds:g} seconds"
                raise self._gone("gone" if self._life.done() else late, doing, may_have_run=True)
            return task.result()
        except MCPError as error:
            if error.code in {CONNECTION_CLOSED, REQUEST_TIMEOUT}:
                raise self._gone("gone", doing, may_have_run=True) from error
            raise ToolUnavailable(
                f"the MCP server {self.name!r} refused {doing}: {one_line(str(error)[:_MOST_WORDS])}"
            ) from error
        except ValidationError as error:
            raise self._gone("not understood", doing, may_have_run=True) from error
        except (OSError, ClosedResourceError, BrokenResourceError) as error:
            raise self._gone("gone", doing, may_have_run=True) from error
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait({task}, timeout=1.0)

    def _gone(self, how: str, doing: str = "", *, may_have_run: bool = False) -> ToolUnavailable:
        words = self._errors.text() or _first_line(self._failure)
        return ToolUnavailable(
            f"the MCP server {self.name!r} is {how}"
            f"{f' ({doing})' if doing else ''}{f': {words}' if words else ''}",
            next_step="see whether it starts by hand, and what [agents.mcp] says of it",
            may_have_run=may_have_run,
        )

    async def _live(self) -> None:
        """The connection's life. It ends when it is told to, or when the server does."""
        import httpx2
        from mcp import Client
        from mcp.shared.exceptions import MCPError

        try:
            async with AsyncExitStack() as stack:
                client = Client(
                    await self._transport(stack),
                    message_handler=self._heard,
                    read_timeout_seconds=self._options.timeout_s + _LATER_S,
                )
                await stack.enter_async_context(client)
                self._client.set_result(client)
                await self._stop.wait()
        except (OSError, MCPError, httpx2.HTTPError, ExceptionGroup) as error:
            self._failure = error  # whoever waits for an answer is told
        finally:
            if not self._client.done():
                self._client.set_exception(self._gone("not to be reached"))

    async def _heard(self, message: Any) -> None:
        """A server may say that its tools have changed: they are looked at again before the next call."""
        from mcp_types import ToolListChangedNotification

        self.has_changed |= isinstance(getattr(message, "root", message), ToolListChangedNotification)

    async def _transport(self, stack: AsyncExitStack) -> Any:
        options = self._options
        if options.command:
            from mcp import StdioServerParameters
            from mcp.client.stdio import stdio_client

            program, *arguments = options.command
            parameters = StdioServerParameters(
                command=program, args=arguments, env=dict(self._environment), cwd="/"
            )
            return stdio_client(parameters, errlog=self._errors.writer)
        import httpx2
        from mcp.client.streamable_http import streamable_http_client

        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        http = await stack.enter_async_context(
            httpx2.AsyncClient(headers=headers, timeout=options.timeout_s + _LATER_S, trust_env=False)
        )
        return streamable_http_client(options.url, http_client=http)


def _first_line(error: Exception | None) -> str:
    """What an error says, of a group the first; on one line, with nothing hidden in it."""
    while isinstance(error, ExceptionGroup):
        error = cast("ExceptionGroup[Exception]", error).exceptions[0]
    return one_line(f"{type(error).__name__}: {error}"[:_MOST_WORDS]) if error is not None else ""


class _LastWords:
    """The end of what a program writes on its standard error, which is read for as long as it writes."""

    def __init__(self) -> None:
        reading, writing = os.pipe()
        self.writer = os.fdopen(writing, "w", encoding="utf-8")
        self._kept = b""
        self._thread = threading.Thread(target=self._read, args=(reading,), daemon=True)
        self._thread.start()

    def text(self) -> str:
        """The last of it on one line, with nothing hidden in it."""
        return one_line(self._kept.decode("utf-8", "replace").strip())

    def close(self) -> None:
        """Let go of the pipe; reading ends with the last process that holds it."""
        self.writer.close()

    def _read(self, descriptor: int) -> None:
        with os.fdopen(descriptor, "rb", buffering=0) as pipe:
            while block := pipe.read(65_536):
                self._kept = (self._kept + block)[-_MOST_LAST_WORDS:]
