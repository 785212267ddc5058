"""Agents to be killed: a blueprint, tools with effects that can be counted, and a model that is a script.

The effects are lines in a file, written by a server of its own that hinders nobody from writing one twice: it
counts how often it was asked to, by the key that the tool gives. Its probe says what stands in the file. The
model's server says what step N of run R calls, and counts other tokens for each, so that the ledger tells
which calls were paid.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import loccit as package
from benchmarks.model_server import Behaviour, Seen
from loccit.agents.durable.run import Run
from loccit.agents.values import Trajectory
from loccit.core.calls import ToolSpec
from loccit.library import Loccit
from loccit.policy.gateway import Gateway
from loccit.policy.grants import Request
from loccit.policy.policy_file import parse_policy
from loccit.policy.tools import ArgumentRole, Effect, Tool, ToolResult

# The server counts so many tokens of input for the first step of a run, one more for each next one.
FIRST_TOKENS = 1_000
_PER_RUN = 200
_POLICY = """
format = "loccit-policy/1"
name = "desk"

[tools.look]
granted = "always"
uses = 10000

[tools.append]
granted = "always"
uses = 10000

[tools.publish]
granted = "never"
otherwise = "ask"
"""
_SETTINGS = """[models]
answer = "local:test"
[models.providers.local]
api = "openai"
base_url = "{url}"
[budgets]
prices = "prices.toml"
[agents]
runs_at_once = {at_once}
[agents.blueprints]
desk = "benchmarks.agent_desk:desk"
{more}"""
_PRICES = '[models."local:test"]\ninput = "0.25"\noutput = "2"\n'


@dataclass(frozen=True, slots=True)
class DeskTask:
    """What a run is to do: `steps` calls, every other of which has an effect at the server `effects`."""

    number: int
    steps: int
    effects: str
    has_probe: bool = True
    hold_s: float = 0.0


async def desk(run: Run, task: DeskTask) -> dict[str, Any]:
    """Three parts: a step, a loop of looks and effects, an effect of its own."""
    begun = await run.step("begin", _begin, task.number)
    gateway = Gateway(parse_policy(_POLICY), Request("append the lines"), tools(task))
    done = await run.loop("lines", prompt=prompt_of(task), tools=gateway)
    await run.tell(f"wrote {len(done.steps)} steps")
    last = await run.call("close", gateway, "append", {"line": f"run {task.number} closed"})
    return {"begun": begun, "ending": done.ending.value, "steps": len(done.steps), "last": last.text} | (
        _summary(done)
    )


def prompt_of(task: DeskTask) -> str:
    """What the model is told; its server reads it."""
    return f"[run {task.number} of {task.steps} steps]"


def tools(task: DeskTask) -> tuple[Tool, ...]:
    """A look that takes no time, an effect, and one that a person must approve."""

    async def look(arguments: Mapping[str, Any], intent: str) -> ToolResult:
        return ToolResult(f"seen {arguments['at']}")

    async def append(arguments: Mapping[str, Any], intent: str) -> ToolResult:
        import asyncio

        path = f"{task.effects}/append?key={quote(intent)}&line={quote(arguments['line'])}"
        said = await asyncio.to_thread(_asked, path, "POST")
        if task.hold_s:
            await asyncio.sleep(task.hold_s)
        return ToolResult(said)

    async def probe(arguments: Mapping[str, Any], intent: str) -> ToolResult | None:
        import asyncio

        said = await asyncio.to_thread(_asked, f"{task.effects}/find?key={quote(intent)}", "GET")
        return ToolResult(said) if said else None

    def spec(name: str, argument: str) -> ToolSpec:
        properties = {argument: {"type": "string"}}
        return ToolSpec(name, name, {"type": "object", "properties": properties, "required": [argument]})

    found = probe if task.has_probe else None
    line = {"line": ArgumentRole.CONTENT}
    return (
        Tool(spec("look", "at"), Effect.READ, {"at": ArgumentRole.OPTION}, look),
        Tool(spec("append", "line"), Effect.WRITE, line, append, found),
        Tool(spec("publish", "line"), Effect.EGRESS, line, append, found),
    )


def _begin(number: int) -> dict[str, int]:
    return {"number": number}


def _summary(done: Trajectory) -> dict[str, Any]:
    return {"result": dict(done.result or {}), "usd": str(done.spend.usd), "detail": done.detail}


def _asked(url: str, method: str) -> str:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=30) as reply:
            return reply.read().decode()
    except urllib.error.URLError as error:
        from loccit.core.errors import OutcomeUnknown

        raise OutcomeUnknown(f"the server of effects does not answer: {error}") from error


class EffectServer:
    """Writes lines, as often as it is asked to, and counts."""

    def __init__(self, delay_s: float = 0.0) -> None:
        """Each takes so long before it is written, and half as long again until it is told."""
        self.asked: Counter[str] = Counter()
        self.lines: dict[str, str] = {}
        self._delay_s = delay_s
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                key = parse_qs(urlsplit(self.path).query)["key"][0]
                self._say(f"written: {outer.lines[key]}" if key in outer.lines else "")

            def do_POST(self) -> None:
                query = parse_qs(urlsplit(self.path).query)
                key, line = query["key"][0], query["line"][0]
                time.sleep(outer._delay_s)
                with outer._lock:
                    outer.asked[key] += 1
                    outer.lines[key] = line
                time.sleep(outer._delay_s / 2)
                self._say(f"written: {line}")

            def _say(self, text: str) -> None:
                data = text.encode()
                self.send_response(200)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                """Who asked was killed."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> EffectServer:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def repeated(self) -> int:
        """Effects that were had more than once."""
        return sum(count > 1 for count in self.asked.values())


def script(seen: Seen) -> Behaviour:
    """What the model says at this point of a conversation."""
    messages = seen.body["messages"]
    asked = next(text for text in _texts(messages) if text.startswith("[run "))
    number, steps = (int(word) for word in asked.strip("[]").split() if word.isdigit())
    step = 1 + sum(message["role"] == "assistant" for message in messages)
    usage = {"input": FIRST_TOKENS + number * _PER_RUN + step, "output": 20}
    if step > steps:
        return Behaviour(
            "", calls=(("finish", json.dumps({"summary": f"run {number} is done"})),), usage=usage
        )
    if step % 2:
        return Behaviour(
            "", calls=(("append", json.dumps({"line": f"run {number} step {step}"})),), usage=usage
        )
    return Behaviour("I look.", calls=(("look", json.dumps({"at": f"step {step}"})),), usage=usage)


def call_of(input_tokens: int) -> tuple[int, int]:
    """Which call of the model it was, by the tokens that its server counted: run and step."""
    return divmod(input_tokens - FIRST_TOKENS, _PER_RUN)


def _texts(messages: list[dict[str, Any]]) -> Iterator[str]:
    for message in messages:
        content = message["content"]
        if isinstance(content, str):
            yield content
        for part in content if isinstance(content, list) else ():
            yield part.get("text", "")


def make_home(home: Path, model_url: str, *, database: str = "", at_once: int = 4) -> Loccit:
    """A home folder whose agents ask this server."""
    home.mkdir(parents=True, exist_ok=True)
    more = f'[storage]\ndatabase = "{database}"\n' if database else ""
    (home / "settings.toml").write_text(_SETTINGS.format(url=model_url, at_once=at_once, more=more))
    (home / "prices.toml").write_text(_PRICES)
    return Loccit(home)


def started(home: Path, *arguments: str, name: str = "") -> subprocess.Popen[bytes]:
    """A process that works on the runs of a home. With `name` it is as on another machine."""
    command = [sys.executable, "-P", "-m", "loccit"]
    if name:
        code = f"import platform; platform.node = lambda: {name!r}; from loccit.cli import main; main()"
        command = [sys.executable, "-P", "-c", code]
    root = Path(package.__file__).parents[1]
    environment = {
        "LOCCIT_HOME": str(home),
        "LOCCIT_FORBID_MODEL_CALLS": "remote",
        "PYTHONPATH": os.pathsep.join([str(root), str(Path(__file__).parents[1])]),
    }
    with (home / "worker.log").open("ab") as log:
        return subprocess.Popen(
            [*command, "agents", "work", *arguments],
            env=os.environ | environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )


@contextmanager
def killed_at_the_end(processes: list[subprocess.Popen[bytes]]) -> Iterator[None]:
    """None of these processes outlives it."""
    try:
        yield
    finally:
        for process in processes:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.wait()


class Nursery:
    """A process that has everything imported, and of which workers are forked: they begin in no time."""

    def __init__(self, home: Path) -> None:
        """For the runs of this home folder."""
        self._home = home

    def __enter__(self) -> Nursery:
        root = Path(package.__file__).parents[1]
        environment = {
            "LOCCIT_FORBID_MODEL_CALLS": "remote",
            "PYTHONPATH": os.pathsep.join([str(root), str(Path(__file__).parents[1])]),
        }
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "benchmarks.agent_desk", str(self._home)],
            env=os.environ | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self._process.stdout.readline()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def born(self) -> int:
        """The id of a new worker."""
        return int(self._told("born"))

    def wait(self, worker: int) -> None:
        """Wait until a worker has ended."""
        self._told(f"wait {worker}")

    def _told(self, order: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{order}\n")
        self._process.stdin.flush()
        return self._process.stdout.readline()


def _nurse(home: Path) -> None:
    import importlib

    for name in (
        "loccit.agents.durable.worker",
        "loccit.agents.durable.run",
        "loccit.budgets.ledger",
        "loccit.models.configured",
        "loccit.models.metering",
        "loccit.models.providers",
        "loccit.models.resilience",
        "pydantic_ai.models.openai",
        "dbos",
    ):
        importlib.import_module(name)
    print("ready", flush=True)
    for line in sys.stdin:
        word, _, worker = line.strip().partition(" ")
        if word == "wait":
            os.waitpid(int(worker), 0)
            print("ended", flush=True)
            continue
        child = os.fork()
        if not child:
            log = os.open(home / "worker.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(log, 1)
            os.dup2(log, 2)
            import logging

            logging.basicConfig(level=logging.WARNING)
            try:
                Loccit(home).agents().work()
            finally:
                os._exit(1)
        print(child, flush=True)


if __name__ == "__main__":
    _nurse(Path(sys.argv[1]))
