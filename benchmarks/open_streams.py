"""Ten thousand streams opened at once: who is let in, who is told to come again, does the server go on?

`loccit serve` over a repository of two files, with its default settings. Ten thousand connections each ask
for a streamed answer, as fast as one process can open them, and nobody reads until all have asked. Each is
then read to its end: an answer, a 503 with Retry-After, or nothing.
"""

from __future__ import annotations

import asyncio
import json
import resource
import time
from collections import Counter
from typing import Any
from urllib.parse import urlsplit

import benchmarks
from benchmarks import served
from loccit import Loccit

NAME = "open-streams"
SUMMARY = "ten thousand streams opened at once: answered, sent away, lost; and the server afterwards"

_STREAMS = 10_000
_PATIENCE_S = 120.0
_FILES = {"rates.py": "def postage(weight):\n    return RATES[weight]\n", "README.md": "# Postage\n"}
_KNOWN = {"answered", "sent away", "told in the stream"}
_BODY = json.dumps({"question": "how is the postage of a parcel computed?", "stream": True}).encode()


def run(setting: benchmarks.Setting) -> dict[str, Any]:
    """Streams by what became of them, seconds, megabytes."""
    streams = min(_STREAMS, setting.sample or _STREAMS)
    _allow_files(streams + 1_000)
    with benchmarks.home() as home:
        source = home / "source"
        source.mkdir()
        for name, text in _FILES.items():
            (source / name).write_text(text)
        Loccit(home).index(source)
        with served.serving(home) as one:
            before_mb = one.memory_mb()
            began = time.perf_counter()
            found = asyncio.run(_all(one.url, streams))
            took_s = time.perf_counter() - began
            after_mb = one.memory_mb()
            again = asyncio.run(_all(one.url, 1))
    others = {name: count for name, count in found.items() if name not in _KNOWN}
    return {
        "streams": streams,
        "answered": found["answered"],
        "sent_away_with_retry_after": found["sent away"],
        "sent_away_in_the_stream": found["told in the stream"],
        "neither": benchmarks.target(sum(others.values()), at_most=0),
        "neither_by_kind": others,
        "answered_afterwards": benchmarks.target(again["answered"], at_least=1),
        "seconds": round(took_s, 1),
        "memory_before_mb": round(before_mb, 1),
        "memory_after_mb": round(after_mb, 1),
    }


def _allow_files(count: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count if hard < 0 else min(count, hard), hard))


async def _all(url: str, streams: int) -> Counter[str]:
    everybody_asked = asyncio.Event()
    waiting = streams

    async def one() -> str:
        nonlocal waiting
        try:
            reader, writer = await _asked(url)
        except OSError as error:
            return type(error).__name__
        finally:
            waiting -= 1
            if not waiting:
                everybody_asked.set()
        await everybody_asked.wait()
        try:
            async with asyncio.timeout(_PATIENCE_S):
                return _kind(await reader.read())
        except (OSError, TimeoutError) as error:
            return type(error).__name__
        finally:
            writer.close()

    return Counter(await asyncio.gather(*(one() for _ in range(streams))))


async def _asked(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    head = f"POST /v1/ask HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
    writer.write(f"{head}Content-Length: {len(_BODY)}\r\nConnection: close\r\n\r\n".encode() + _BODY)
    return reader, writer


def _kind(said: bytes) -> str:
    head, _, body = said.partition(b"\r\n\r\n")
    if head.startswith(b"HTTP/1.1 200") and b"event: answer" in body:
        return "answered"
    if (
        head.startswith(b"HTTP/1.1 200")
        and b"event: error" in body
        and b"urn:loccit:error:overloaded" in body
    ):
        return "told in the stream"
    if head.startswith(b"HTTP/1.1 503") and b"\nretry-after:" in head.lower():
        return "sent away"
    return head.split(b"\r\n", 1)[0].decode("latin-1") or "nothing"
