"""How soon is the call of a model ended whose answer nobody waits for any more?

`loccit serve` asks a model on this machine that takes ten seconds. Clients send a question, plain or
streamed, as a chat completion, as a response or over REST, and close their connection once the model was
asked.
Measured is the time until the model's server sees its own client go: both moments on one clock.
"""

from __future__ import annotations

import json
import socket
import time
from typing import Any
from urllib.parse import urlsplit

import benchmarks
from benchmarks import served, written_homes
from benchmarks.model_server import Behaviour, ModelServer
from loccit import Loccit

NAME = "cancel"
SUMMARY = "from a client that goes away to its call of a model ended, plain and streamed"

_TIMES = 50
_P95_MS = 100.0
_PATIENCE_S = 30.0
_QUESTION = "how is the postage of a parcel computed?"
_SOURCE = (
    "def postage(weight):\n    '''How the postage of a parcel is computed.'''\n    return RATES[weight]\n"
)


def run(setting: benchmarks.Setting) -> dict[str, Any]:
    """Milliseconds, by interface."""
    times = min(_TIMES, setting.sample or _TIMES)
    took: dict[str, list[float]] = {}
    with ModelServer(Behaviour(delay_s=10)) as model, written_homes.written_home(model) as home:
        (home / "source").mkdir()
        (home / "source" / "rates.py").write_text(_SOURCE)
        Loccit(home).index(home / "source")
        with served.serving(home, environment={"LOCCIT_FORBID_MODEL_CALLS": "remote"}) as server:
            for _ in range(times):
                for name, (path, body) in _requests().items():
                    took.setdefault(name, []).append(_cancelled_ms(server.url, path, body, model))
    every = [one for found in took.values() for one in found]
    return {
        "cancelled": len(every),
        "p95_ms": benchmarks.target(round(benchmarks.percentile(every, 0.95), 1), at_most=_P95_MS),
        "by_interface": {
            name: {
                "p50_ms": round(benchmarks.percentile(found, 0.5), 1),
                "p95_ms": round(benchmarks.percentile(found, 0.95), 1),
                "most_ms": round(max(found), 1),
            }
            for name, found in took.items()
        },
    }


def _requests() -> dict[str, tuple[str, dict[str, Any]]]:
    chat = {"model": "loccit", "messages": [{"role": "user", "content": _QUESTION}]}
    response = {"model": "loccit", "input": _QUESTION}
    ask = {"question": _QUESTION}
    return {
        f"{name}_{'streamed' if stream else 'plain'}": (path, {**body, "stream": stream})
        for name, path, body in (
            ("chat", "/v1/chat/completions", chat),
            ("responses", "/v1/responses", response),
            ("rest", "/v1/ask", ask),
        )
        for stream in (False, True)
    }


def _cancelled_ms(url: str, path: str, body: dict[str, Any], model: ModelServer) -> float:
    parts = urlsplit(url)
    data = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
    number = len(model.seen)
    with socket.create_connection((parts.hostname or "", parts.port or 0)) as connection:
        connection.sendall(f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data)
        until = time.monotonic() + _PATIENCE_S
        while len(model.seen) == number:
            if time.monotonic() > until:
                raise RuntimeError("the model was not asked")
            time.sleep(0.001)
        # What goes away at once is the simple case: the call is under way.
        time.sleep(0.02)
    gone_at = time.monotonic()
    return 1000 * (model.wait_until_left(number, _PATIENCE_S) - gone_at)
