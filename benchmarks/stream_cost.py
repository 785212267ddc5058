"""What does a streamed answer cost in CPU, beside LiteLLM's proxy that passes a stream through?

`loccit serve` answers questions about one repository as streamed chat completions, one after another, once
without a model and once with one that a server on this machine serves, at once. LiteLLM's proxy passes a
stream of fifty pieces from such a server through, in the same run, in turns. CPU is that of the server's
process and all it started, from /proc, the median over rounds.

The two do not do the same: the proxy forwards and counts; loccit searches, asks the model for the whole
reply, checks every claim, and streams what stands: a chunk for each claim, not for each token. What of its
CPU is not the dialect's is in the other figures: the same answers from `/v1/ask`, and answers in the dialect
over a repository of two files.
"""

from __future__ import annotations

import statistics
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

import benchmarks
from benchmarks import peers, repositories, served, written_homes
from benchmarks.call_overhead import fifty_pieces
from benchmarks.litellm_proxy import litellm_proxy
from benchmarks.model_server import ModelServer
from loccit import Loccit

NAME = "stream-cost"
SUMMARY = "CPU of a streamed OpenAI-compatible answer, beside LiteLLM passing a stream through"

_REPOSITORY = "pallets/flask"
_CALLS = 40
_ROUNDS = 5
_WARM = 10
_MOST = 0.15
_PROMPT = "The evidence says that a line of code does one thing and then another. " * 130
_SMALL = {"rates.py": "def postage(weight):\n    return RATES[weight]\n", "README.md": "# Postage\n"}

Send = Callable[[int], int]
"""Sends a request, reads the stream to its end, and gives the number of its chunks."""


def run(setting: benchmarks.Setting) -> dict[str, Any]:
    """CPU milliseconds per streamed answer, and their share of LiteLLM's."""
    repository = setting.repository(_REPOSITORY)
    if repository is None:
        return {"missing_repositories": [_REPOSITORY]}
    rows = setting.rows("qa_files_dev.jsonl")
    questions = [row["question"] for row in rows if row["repo"] == _REPOSITORY]
    calls = min(_CALLS, setting.sample or _CALLS)
    rounds: dict[str, list[tuple[float, float]]] = {}
    with (
        benchmarks.home() as keyless,
        benchmarks.home() as small,
        fifty_pieces() as base_url,
        ModelServer() as model,
        written_homes.written_home(model) as written,
    ):
        model.decide = written_homes.quoting
        model.keeps = False
        for home in (keyless, written):
            Loccit(home).index(repository)
        Loccit(small).index(_small(small / "source"))
        try:
            python = peers.environment("litellm")
        except subprocess.CalledProcessError as error:
            return {"not_measured": f"LiteLLM does not install here: {(error.stderr or '')[-300:]}"}
        with (
            served.serving(keyless) as plain,
            served.serving(small) as two_files,
            served.serving(written, environment={"LOCCIT_FORBID_MODEL_CALLS": "remote"}) as writing,
            litellm_proxy(python, base_url, keyless) as proxy,
            httpx.Client(timeout=120, trust_env=False) as client,
        ):
            chat, rest = "/v1/chat/completions", "/v1/ask"
            ways: dict[str, tuple[int, Send]] = {
                "litellm": (proxy.pid, _passed(client, f"{proxy.url}{chat}")),
                "loccit_keyless": (plain.pid, _asked(client, f"{plain.url}{chat}", questions)),
                "loccit_with_model": (writing.pid, _asked(client, f"{writing.url}{chat}", questions)),
                "rest_keyless": (plain.pid, _asked_rest(client, f"{plain.url}{rest}", questions)),
                "rest_with_model": (writing.pid, _asked_rest(client, f"{writing.url}{rest}", questions)),
                "loccit_two_files": (two_files.pid, _asked(client, f"{two_files.url}{chat}", ["postage"])),
            }
            for _, send in ways.values():
                for number in range(_WARM):
                    send(number)
            for turn in range(_ROUNDS):
                for name, (pid, send) in ways.items():
                    rounds.setdefault(name, []).append(_round(pid, send, turn * calls, calls))
    cpu = {name: statistics.median(one for one, _ in found) for name, found in rounds.items()}
    shares = {name: round(cpu[name] / cpu["litellm"], 3) for name in cpu if name != "litellm"}
    return {
        "missing_repositories": [],
        "repository": _REPOSITORY,
        "head": repositories.head(repository),
        "calls_per_round": calls,
        "rounds": _ROUNDS,
        "share_keyless": benchmarks.target(shares["loccit_keyless"], at_most=_MOST),
        "share_with_model": benchmarks.target(shares["loccit_with_model"], at_most=_MOST),
        "cpu_ms": {
            name: {
                "per_request": round(cpu[name], 2),
                "least": round(min(one for one, _ in found), 2),
                "most": round(max(one for one, _ in found), 2),
                "share_of_litellm": shares.get(name),
                "chunks": round(statistics.fmean(count for _, count in found), 1),
            }
            for name, found in rounds.items()
        },
    }


def _round(pid: int, send: Send, first: int, calls: int) -> tuple[float, float]:
    """Milliseconds of CPU, and chunks, per request."""
    before = _cpu_s(pid)
    chunks = sum(send(first + number) for number in range(calls))
    return 1000 * (_cpu_s(pid) - before) / calls, chunks / calls


def _cpu_s(pid: int) -> float:
    return served.Served("", pid, 0.0, 0.0).cpu()


def _passed(client: httpx.Client, url: str) -> Send:
    return lambda number: _streamed(client, url, {"model": "m", "messages": _said(f"{_PROMPT} {number}")})


def _asked(client: httpx.Client, url: str, questions: list[str]) -> Send:
    def send(number: int) -> int:
        question = questions[number % len(questions)]
        return _streamed(client, url, {"model": "loccit", "messages": _said(question)})

    return send


def _asked_rest(client: httpx.Client, url: str, questions: list[str]) -> Send:
    def send(number: int) -> int:
        reply = client.post(url, json={"question": questions[number % len(questions)], "stream": True})
        assert reply.status_code == 200
        return reply.text.count("event: ")

    return send


def _streamed(client: httpx.Client, url: str, body: dict[str, Any]) -> int:
    with client.stream("POST", url, json={**body, "stream": True}) as reply:
        assert reply.status_code == 200
        text = "".join(reply.iter_text())
    assert "data: [DONE]" in text
    return text.count("data: {")


def _said(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def _small(folder: Path) -> Path:
    folder.mkdir()
    for name, text in _SMALL.items():
        (folder / name).write_text(text)
    return folder
