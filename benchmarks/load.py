"""A load generator in a process of its own: clients that each send their next request when the last one is
answered, or requests at a rate, whoever waits. Prints JSON: python -m benchmarks.load SPEC
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httptools


@dataclass(frozen=True)
class Load:
    """What to send: `requests` are (method, path, body or None), taken in turn. With `clients` so many send
    one after another for `seconds`; with `rate` so many a second begin, spread as chance has it.
    """

    host: str
    port: int
    requests: tuple[tuple[str, str, str | None], ...]
    seconds: float
    clients: int = 0
    rate: float = 0.0
    key: str = ""
    seed: int = 7


def generate(load: Load) -> list[tuple[float, float, int]]:
    """Send it from a process of its own: for each request when it began, how long it took, and the status (0
    for none), in seconds from the first.
    """
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load"],
        input=json.dumps(asdict(load)),
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).resolve().parent.parent,
    )
    return [tuple(row) for row in json.loads(done.stdout)]


class _Reply:
    """What llhttp says of a reply."""

    def __init__(self) -> None:
        self.is_whole = False

    def on_message_complete(self) -> None:
        self.is_whole = True


class _Client:
    """One connection, opened again where it was closed."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, request: bytes) -> int:
        try:
            if self._streams is None:
                self._streams = await asyncio.open_connection(self._load.host, self._load.port)
            reader, writer = self._streams
            writer.write(request)
            reply = _Reply()
            parser = httptools.HttpResponseParser(reply)
            while not reply.is_whole:
                data = await reader.read(262_144)
                if not data:
                    raise ConnectionError
                parser.feed_data(data)
            if not parser.should_keep_alive():
                self.close()
            return parser.get_status_code()
        except (OSError, httptools.HttpParserError):
            self.close()
            return 0

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def _sent(load: Load) -> list[tuple[float, float, int]]:
    requests = [_encoded(load, *one) for one in load.requests]
    order = random.Random(load.seed)
    results: list[tuple[float, float, int]] = []
    began = time.perf_counter()

    async def one(client: _Client) -> None:
        at = time.perf_counter()
        status = await client.send(order.choice(requests))
        results.append((round(at - began, 4), round(time.perf_counter() - at, 4), status))

    async def client() -> None:
        mine = _Client(load)
        while time.perf_counter() - began < load.seconds:
            await one(mine)
        mine.close()

    if load.clients:
        await asyncio.gather(*(client() for _ in range(load.clients)))
        return results
    idle: list[_Client] = []

    async def arrival() -> None:
        mine = idle.pop() if idle else _Client(load)
        await one(mine)
        idle.append(mine)

    tasks: set[asyncio.Task[None]] = set()
    due = began
    while due - began < load.seconds:
        due += order.expovariate(load.rate)
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        task = asyncio.create_task(arrival())
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)
    for one_idle in idle:
        one_idle.close()
    return results


def _encoded(load: Load, method: str, path: str, body: str | None) -> bytes:
    data = (body or "").encode()
    head = [f"{method} {path} HTTP/1.1", f"Host: {load.host}:{load.port}"]
    if load.key:
        head.append(f"Authorization: Bearer {load.key}")
    if body is not None:
        head += ["Content-Type: application/json", f"Content-Length: {len(data)}"]
    return "\r\n".join([*head, "", ""]).encode() + data


def main() -> None:
    """Send what standard input describes."""
    import uvloop

    spec: dict[str, Any] = json.loads(sys.stdin.read())
    spec["requests"] = tuple(tuple(one) for one in spec["requests"])
    json.dump(uvloop.run(_sent(Load(**spec))), sys.stdout)


if __name__ == "__main__":
    main()
