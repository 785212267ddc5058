"""The official MCP client over either transport, as a coding agent has it, for tests that do not await."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult

import loccit

T = TypeVar("T")
Transport = Callable[[], Any]


def by_stdio(home: Path, folder: Path, *options: str) -> Transport:
    """`loccit mcp` as a process, started in this folder."""
    names = ("PATH", "HOME", "LC_ALL", "GIT_CONFIG_NOSYSTEM", "LOCCIT_FORBID_MODEL_CALLS")
    environment = {name: os.environ[name] for name in names if name in os.environ}
    # The process is that of this checkout, wherever it is installed.
    environment["PYTHONPATH"] = str(Path(loccit.__file__).parent.parent)
    return lambda: StdioServerParameters(
        command=sys.executable,
        args=["-P", "-m", "loccit", "mcp", *options],
        cwd=folder,
        env=environment | {"LOCCIT_HOME": str(home)},
    )


def by_http(url: str, key: str = "", **headers: str) -> Transport:
    """A server's /mcp, with this key or none."""

    @asynccontextmanager
    async def opened() -> AsyncGenerator[Any]:
        sent = headers | ({"Authorization": f"Bearer {key}"} if key else {})
        async with (
            httpx2.AsyncClient(headers=sent, timeout=60, trust_env=False) as client,
            streamable_http_client(f"{url}/mcp", http_client=client) as streams,
        ):
            yield streams

    return opened


class Agent:
    """A client that is connected, in a thread of its own."""

    def __init__(self, client: Client, loop: asyncio.AbstractEventLoop) -> None:
        self.client = client
        self._loop = loop

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """What it comes to, in the client's event loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(90)

    def call(self, tool: str, **arguments: Any) -> CallToolResult:
        """What a tool gives."""
        return self.run(self.client.call_tool(tool, arguments))

    def given(self, tool: str, **arguments: Any) -> Any:
        """The structured result of a tool that does not fail."""
        result = self.call(tool, **arguments)
        assert not result.is_error, text_of(result)
        return result.structured_content

    def read(self, uri: str) -> str:
        """The text of a resource."""
        (contents,) = self.run(self.client.read_resource(uri)).contents
        return contents.text  # pyright: ignore


@contextmanager
def connected(transport: Transport, mode: str = "auto") -> Generator[Agent]:
    """A client over this transport, until the end. `mode` "legacy" is the protocol of 2025."""
    ready, failed = threading.Event(), list[BaseException]()
    held: dict[str, Any] = {}

    async def opened() -> None:
        held["loop"], over = asyncio.get_running_loop(), asyncio.Event()
        held["over"] = over
        async with Client(transport(), mode=mode) as client:
            held["client"] = client
            ready.set()
            await over.wait()

    def run() -> None:
        try:
            asyncio.run(opened())
        except BaseException as error:  # noqa: BLE001 - told below
            failed.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=run, name="agent")
    thread.start()
    assert ready.wait(60)
    try:
        if failed:
            raise failed[0]
        yield Agent(held["client"], held["loop"])
    finally:
        if not failed:
            held["loop"].call_soon_threadsafe(held["over"].set)
        thread.join(30)
        assert not thread.is_alive()


def text_of(result: CallToolResult) -> str:
    """The text of a tool's result, without its links."""
    return result.content[0].text  # pyright: ignore
