"""What does a call of a model cost in CPU, beside what the model does?

A server in a process of its own answers at once, in one piece of JSON or as a stream of fifty. Calls are made
one after another, each with a prompt of its own of about two thousand tokens, through all that stands between
a question and a provider: the cache, retries, slots, the ledger in its database, the counting of tokens, the
provider's library. CPU is that of the whole process, the median of five rounds. Beside it, in the same run:
the provider's library with our adapter alone, a bare HTTP client that sends the same bytes and reads them,
LiteLLM's SDK, and LiteLLM's proxy, whose CPU is that of its own process, from /proc.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx

import benchmarks
from benchmarks import peers
from benchmarks.litellm_proxy import cpu_s, litellm_proxy, quiet
from loccit.budgets.deadline import Deadline
from loccit.budgets.ledger import Ledger
from loccit.budgets.options import BudgetLimit, BudgetOptions
from loccit.budgets.prices import STANDARD, PriceList
from loccit.budgets.rates import Rate, Rates
from loccit.core.calls import Message, ModelCall, ModelReply, Payer, Speaker
from loccit.models.configured import Models, Money
from loccit.models.options import ModelOptions, ProviderOptions, RealCalls
from loccit.models.protocols import ChatModel
from loccit.models.providers import Provider, ProviderModel
from loccit.storage.database import Database

NAME = "call-overhead"
SUMMARY = "CPU of one call of a model, whole and streamed, beside a bare client and LiteLLM"

_CALLS = 200
_ROUNDS = 5
_WARM = 20
_TEXT = "word " * 50
_PROMPT = "The evidence says that a line of code does one thing and then another. " * 130
_PROGRAMS = Path(__file__).parent / "peer_programs"

Call = Callable[[int], Awaitable[None]]


def run(setting: benchmarks.Setting) -> dict[str, Any]:
    """CPU milliseconds per call."""
    calls = min(_CALLS, setting.sample or _CALLS)
    with benchmarks.home() as home, fifty_pieces() as base_url:
        figures = asyncio.run(_ours(base_url, home, calls))
        litellm = _litellm(base_url, home, calls)
    return {
        "calls_per_round": calls,
        "rounds": _ROUNDS,
        "prompt_characters": len(_PROMPT),
        "cpu_ms_per_json_call": benchmarks.target(figures["loccit"]["json"], at_most=8),
        "cpu_ms_per_50_chunk_stream": benchmarks.target(figures["loccit"]["stream"], at_most=12),
        "cpu_ms": {**figures, **litellm},
    }


async def _ours(base_url: str, home: Path, calls: int) -> dict[str, dict[str, float]]:
    rates = Rates(Rate(Decimal("0.25")), Rate(Decimal(2)))
    prices = PriceList({"box:*": {STANDARD: rates}})
    database = Database.in_folder(home)
    limits = (BudgetLimit(of="total", usd=Decimal(1000)), BudgetLimit(of="user", usd=Decimal(100), per="day"))
    ledger = Ledger.of_options(database, BudgetOptions(limits=limits))
    table = ProviderOptions(base_url=base_url)
    options = ModelOptions(answer="box:m", providers={"box": table})
    models = Models(
        options,
        key_of=lambda _: None,
        real_calls=RealCalls.LOOPBACK,
        home=home,
        money=lambda: Money(ledger, prices),
        database=lambda: database,
    )
    whole = models.chat("answer")
    assert whole is not None
    provider = Provider("box", table, "", RealCalls.LOOPBACK, 60.0, 2_000_000)
    figures = {
        "loccit": await _both(*_calls_of(whole), calls),
        "adapter_alone": await _both(*_calls_of(ProviderModel(provider, "m")), calls),
    }
    await models.close()
    await provider.close()
    async with httpx.AsyncClient() as client:
        figures["bare_client"] = await _both(*_bare(client, base_url), calls)
    ledger.close()
    database.close()
    return figures


def _calls_of(model: ChatModel) -> tuple[Call, Call]:
    def call(number: int) -> ModelCall:
        words = (Message(Speaker.SYSTEM, "Answer."), Message(Speaker.USER, f"{_PROMPT} {number}"))
        return ModelCall("answer", words, "answer@1", max_output_tokens=200)

    async def whole(number: int) -> None:
        reply = await model.reply(call(number), Payer(f"w{number}", user="ana"), Deadline.after(60))
        assert reply.text == _TEXT

    async def streamed(number: int) -> None:
        pieces: list[str] = []
        async for item in model.stream(
            call(1_000_000 + number), Payer(f"s{number}", user="ana"), Deadline.after(60)
        ):
            if not isinstance(item, ModelReply):
                pieces.append(item)
        assert "".join(pieces) == _TEXT

    return whole, streamed


def _bare(client: httpx.AsyncClient, base_url: str) -> tuple[Call, Call]:
    def body(number: int, **more: Any) -> dict[str, Any]:
        messages = [
            {"role": "system", "content": "Answer."},
            {"role": "user", "content": f"{_PROMPT} {number}"},
        ]
        return {"model": "m", "messages": messages, "max_completion_tokens": 200, **more}

    async def whole(number: int) -> None:
        reply = await client.post(f"{base_url}/chat/completions", json=body(number))
        assert reply.json()["choices"][0]["message"]["content"] == _TEXT

    async def streamed(number: int) -> None:
        text = ""
        document = body(number, stream=True)
        async with client.stream("POST", f"{base_url}/chat/completions", json=document) as response:
            async for line in response.aiter_lines():
                if line.startswith("data: {"):
                    choices = json.loads(line[6:])["choices"]
                    text += choices[0]["delta"].get("content", "") if choices else ""
        assert text == _TEXT

    return whole, streamed


async def _both(whole: Call, streamed: Call, calls: int) -> dict[str, float]:
    figures: dict[str, float] = {}
    numbers = iter(range(10_000_000))
    for name, call in (("json", whole), ("stream", streamed)):
        for _ in range(_WARM):
            await call(next(numbers))
        rounds: list[float] = []
        for _ in range(_ROUNDS):
            began = time.process_time()
            for _ in range(calls):
                await call(next(numbers))
            rounds.append(1000 * (time.process_time() - began) / calls)
        figures[name] = round(statistics.median(rounds), 2)
    return figures


@contextmanager
def fifty_pieces() -> Iterator[str]:
    """The address of a model server in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.model_server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[1],
        text=True,
    )
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
    finally:
        process.communicate()


def _litellm(base_url: str, home: Path, calls: int) -> dict[str, Any]:
    """LiteLLM's figures, or why there are none."""
    try:
        python = peers.environment("litellm")
    except subprocess.CalledProcessError as error:
        reason = (error.stderr or "").strip().splitlines()[-1:] or [str(error)]
        return {"litellm": {"not_measured": f"it does not install here: {reason[0]}"}}
    prompt = home / "prompt.txt"
    prompt.write_text(_PROMPT)
    program = [python, _PROGRAMS / "litellm_sdk.py", base_url, str(calls), prompt]
    done = subprocess.run(program, capture_output=True, text=True, env=quiet(), check=False)
    figures: dict[str, Any] = {}
    if done.returncode:
        figures["litellm_sdk"] = {"not_measured": done.stderr.strip().splitlines()[-1]}
    else:
        found = json.loads(done.stdout.strip().splitlines()[-1])
        figures["litellm_sdk"] = {name: round(value, 2) for name, value in found.items()}
    figures["litellm_proxy"] = _proxy(python, base_url, home, calls)
    return figures


def _proxy(python: Path, base_url: str, home: Path, calls: int) -> dict[str, Any]:
    """CPU of the proxy's own process per call."""
    try:
        with litellm_proxy(python, base_url, home) as proxy:
            return asyncio.run(_through(proxy.url, proxy.pid, calls))
    except RuntimeError as error:
        return {"not_measured": str(error)}


async def _through(address: str, pid: int, calls: int) -> dict[str, float]:
    figures: dict[str, float] = {}
    async with httpx.AsyncClient(timeout=60) as client:
        for name, call in zip(("json", "stream"), _bare(client, address), strict=True):
            for number in range(_WARM):
                await call(number)
            began = cpu_s(pid)
            for number in range(calls):
                await call(number)
            figures[name] = round(1000 * (cpu_s(pid) - began) / calls, 2)
    return figures
