"""Can processes that race for one budget spend more than there is, or less than they could?

Four processes with sixteen requests each begin together. The budget affords exactly ten of the calls, none
names a greatest length, and as soon as five were admitted one process is killed (SIGKILL) that holds money at
that moment. What it held is charged when its reservations expire. In a second kind of round streams are cut
half-way and retried as well. The calls are a pause, so that nothing but the ledger is measured; the account
of what they did cost is kept by the callers, not by the ledger.

`admitted_share` is the least of the rounds in which nothing is cut: requests that were admitted, of ten.
"""

from __future__ import annotations

import asyncio
import json
import os
import queue
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import func, insert, select

import benchmarks
import loccit
from loccit.budgets.deadline import Deadline
from loccit.budgets.ledger import Ledger
from loccit.budgets.options import BudgetLimit
from loccit.core.calls import Payer, TokenUsage
from loccit.storage.database import Database
from loccit.storage.tables import charges, spending

NAME = "budget-race"
SUMMARY = "overspend and admitted requests of four processes that race for one budget, one of them killed"

PROCESSES = 4
REQUESTS = 16
AFFORDABLE = 10
ROUNDS = 10
OUTPUT_TOKENS = 500
# What a call of the spender costs: 0.001 and 500 tokens at two millionths.
CALL_USD = Decimal("0.002")
BUDGET_USD = AFFORDABLE * CALL_USD
KILLED_AFTER = 5
SETTLED = 100_000
PAIRS = 500


def run(setting: benchmarks.Setting) -> dict[str, Any]:
    """Money spent over the budget, requests admitted, and what the ledger takes for each."""
    rounds = setting.sample or ROUNDS
    with benchmarks.home() as home:
        plain = [race(home / f"plain-{number}", dropped=0.0) for number in range(rounds)]
        cut = [race(home / f"cut-{number}", dropped=0.3) for number in range(rounds)]
        times = {f"after_{count}_calls": pair_ms(home / str(count), count) for count in (0, SETTLED)}
    over = max(one["over_usd"] for one in plain + cut)
    least = min(one["admitted"] for one in plain) / AFFORDABLE
    return {
        "rounds": 2 * rounds,
        "processes": PROCESSES,
        "requests": PROCESSES * REQUESTS,
        "overspend_usd": benchmarks.target(float(over), at_most=0),
        "admitted_share": benchmarks.target(least, at_least=0.9),
        "admitted_mean": statistics.mean(one["admitted"] for one in plain),
        "whole_replies_mean": statistics.mean(one["whole"] for one in plain),
        "held_by_the_killed_usd_mean": float(statistics.mean(one["lost_usd"] for one in plain)),
        "left_over_usd_mean": float(statistics.mean(one["left_usd"] for one in plain)),
        "seconds_mean": round(statistics.mean(one["seconds"] for one in plain), 2),
        "with_cut_streams": {
            "admitted_mean": statistics.mean(one["admitted"] for one in cut),
            "left_over_usd_mean": float(statistics.mean(one["left_usd"] for one in cut)),
        },
        "reserve_and_settle_ms": times,
    }


def race(folder: Path, *, dropped: float) -> dict[str, Any]:
    """One round, as the callers saw it."""
    database = Database.in_folder(folder)
    task = {
        "url": f"sqlite:///{folder / 'state.sqlite'}",
        "usd": str(BUDGET_USD),
        "requests": REQUESTS,
        "reservation_s": 2.0,
        "deadline_s": 60.0,
        "call_s": 0.3,
        "output_tokens": OUTPUT_TOKENS,
        "dropped": dropped,
    }
    events: queue.Queue[tuple[int, dict[str, Any] | None]] = queue.Queue()
    with ExitStack() as stack:
        processes = [
            stack.enter_context(_spender(task | {"name": f"{folder.name}-p{number}"}))
            for number in range(PROCESSES)
        ]
        for number, process in enumerate(processes):
            reader = threading.Thread(target=_read, args=(number, process, events))
            reader.start()
            stack.callback(reader.join)
        for _ in processes:
            events.get(timeout=60)
        began = time.perf_counter()
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        seen = _watch(processes, events)
        seconds = time.perf_counter() - began
    # The ledger's own word: with everything expired that the killed process held.
    ledger = Ledger(database, [BudgetLimit("total", BUDGET_USD)], clock=lambda: time.time() + 60)
    (row,) = ledger.budgets()
    with database.reading() as connection:
        # A process may be killed between a reservation and saying so.
        admitted = connection.execute(select(func.count(charges.c.request.distinct()))).scalar_one()
    ledger.close()
    database.close()
    held = {event["admitted"]: Decimal(event["usd"]) for _, event in seen if "admitted" in event}
    settled = {event["settled"]: Decimal(event["usd"]) for _, event in seen if "settled" in event}
    lost = sum((usd for id_, usd in held.items() if id_ not in settled), Decimal(0))
    spent = max(sum(settled.values(), Decimal(0)) + lost, row.spent_usd)
    return {
        "over_usd": max(Decimal(0), spent - BUDGET_USD),
        "admitted": admitted,
        "whole": sum(event.get("whole", False) for _, event in seen),
        "lost_usd": lost,
        "left_usd": row.left_usd,
        "seconds": seconds,
    }


def _watch(
    processes: list[subprocess.Popen[str]], events: queue.Queue[tuple[int, dict[str, Any] | None]]
) -> list[tuple[int, dict[str, Any]]]:
    """Every event until all have ended; meanwhile one is killed that holds money."""
    seen: list[tuple[int, dict[str, Any]]] = []
    running, killed = len(processes), False
    while running:
        number, event = events.get(timeout=120)
        if event is None:
            running -= 1
            continue
        seen.append((number, event))
        admitted = sum("admitted" in one for _, one in seen)
        if not killed and admitted >= KILLED_AFTER and "admitted" in event:
            processes[number].send_signal(signal.SIGKILL)
            killed = True
    return seen


def _read(
    number: int, process: subprocess.Popen[str], events: queue.Queue[tuple[int, dict[str, Any] | None]]
) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if line.endswith("}\n"):
            events.put((number, json.loads(line)))
    events.put((number, None))


@contextmanager
def _spender(task: dict[str, Any]) -> Iterator[subprocess.Popen[str]]:
    program = Path(__file__).resolve().parent / "spender.py"
    with subprocess.Popen(
        [sys.executable, program, json.dumps(task)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(loccit.__file__).parents[1])},
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def pair_ms(folder: Path, settled: int) -> dict[str, float]:
    """Milliseconds for a reservation and its settlement under three budgets, with so many calls settled."""
    database = Database.in_folder(folder)
    _fill(database, settled)
    limits = [
        BudgetLimit("total", Decimal(1_000_000)),
        BudgetLimit("user", Decimal(1_000), per="day"),
        BudgetLimit("team", Decimal(1_000), per="month"),
    ]
    ledger = Ledger(database, limits)
    reserving: list[float] = []
    settling: list[float] = []

    async def work() -> None:
        for number in range(PAIRS):
            began = time.perf_counter()
            reservation = await ledger.reserve(
                Payer(f"r{number}", user="user 7", team="core"),
                "test:model",
                cost=lambda tokens: tokens * CALL_USD,
                output_tokens=None,
                deadline=Deadline.after(5),
                purpose="answer",
                input_tokens=1_000,
            )
            reserved = time.perf_counter()
            await ledger.settle(reservation, CALL_USD, TokenUsage(1_000, 500))
            reserving.append(1e3 * (reserved - began))
            settling.append(1e3 * (time.perf_counter() - reserved))

    asyncio.run(work())
    ledger.close()
    database.close()
    return {
        "reserve_p50": round(benchmarks.percentile(reserving, 0.5), 2),
        "reserve_p95": round(benchmarks.percentile(reserving, 0.95), 2),
        "settle_p50": round(benchmarks.percentile(settling, 0.5), 2),
        "settle_p95": round(benchmarks.percentile(settling, 0.95), 2),
    }


def _fill(database: Database, count: int) -> None:
    """So many settled calls over 90 days, by fifty users."""
    today = int(time.time() // 86_400)
    rows = [
        {
            "id": f"{number:032x}",
            "reserved_at": 86_400.0 * (today - number % 90),
            "day": today - number % 90,
            "state": "settled",
            "expires_at": None,
            "request": f"old {number}",
            "session": f"session {number // 5}",
            "user": f"user {number % 50}",
            "key": "",
            "team": "core",
            "model": "test:model",
            "purpose": "answer",
            "held": 2 * 10**9,
            "spent": 10**9,
            "expected_input_tokens": 1_000,
            "granted_output_tokens": 1_000,
            "input_tokens": 1_000,
            "output_tokens": 500,
            "cache_read_tokens": 0,
            "cache_write_tokens": 0,
            "reasoning_tokens": 0,
        }
        for number in range(count)
    ]
    sums: dict[tuple[str, str, int], int] = {}
    for row in rows:
        for of in ("total", "request", "session", "user", "key", "team", "model"):
            account = of, row.get(of, ""), row["day"]
            sums[account] = sums.get(account, 0) + row["spent"]
    with database.writing() as connection:
        if rows:
            connection.execute(insert(charges), rows)
            connection.execute(
                insert(spending),
                [
                    {"of": of, "name": name, "day": day, "spent": spent, "held": 0}
                    for (of, name, day), spent in sums.items()
                ],
            )
