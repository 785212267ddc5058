"""Do runs of agents that are killed at any moment end as if nothing had happened?

Forty runs stand in the queue of one home folder (SQLite), four are worked on at once. Each is a loop of sixty
steps, every other of which has an effect, between two recorded parts. The process that works on them is
killed (SIGKILL) at a moment drawn evenly from its first second and a half, two hundred times, and begun
again; then the rest is done in peace. The model is a server on this machine that takes between a fiftieth
and a seventh of a second for a reply; effects are lines that another server writes as often as it is asked
to.

A run is lost that does not end with its own result. An effect is repeated that the server was asked for
twice (by the key that the tool gives), and missing where it never was. What was paid is read from the ledger,
which has a row for each call from before it is sent: a call is paid twice of which two rows were settled. A
call that was under way when the process died is another matter: nobody can know what the provider made of it,
the ledger books all that was set aside for it, and the model is asked again. Such calls are counted apart.

Processes are forked from one that has everything imported, so that kills fall into work rather than imports.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import time
from collections import Counter
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import benchmarks
from benchmarks import agent_desk
from benchmarks.agent_desk import EffectServer, Nursery
from benchmarks.model_server import Behaviour, ModelServer, Seen
from loccit.agents.values import RunState

NAME = "durable"
SUMMARY = "40 runs of agents, their process killed at 200 random moments: lost, repeated, paid twice"

RUNS = 40
KILLS = 200
STEPS = 60
SEED = 11
_LONGEST_LIFE_S = 1.5
_PATIENCE_S = 300.0
_LOOK_S = 0.05


def run(setting: benchmarks.Setting) -> dict[str, Any]:
    """What was lost, repeated and paid twice."""
    kills = min(KILLS, setting.sample or KILLS)
    moments = random.Random(SEED)
    with benchmarks.home() as folder, ModelServer() as server, EffectServer(0.01) as effects:
        server.decide = _slowly
        home = folder / "home"
        runs = agent_desk.make_home(home, server.openai_url).agents()
        # So long that the kills fall into them, however many there are.
        steps = max(2, round(STEPS * kills / KILLS)) if kills < KILLS else STEPS
        ids = [
            runs.begin("desk", {"number": number, "steps": steps, "effects": effects.url}).id
            for number in range(RUNS)
        ]
        began = time.monotonic()
        with Nursery(home) as nursery:
            killed = 0
            while killed < kills and runs.store.has_open():
                worker = nursery.born()
                time.sleep(moments.uniform(0.0, _LONGEST_LIFE_S))
                os.kill(worker, signal.SIGKILL)
                nursery.wait(worker)
                killed += 1
            worker = nursery.born()
            until = time.monotonic() + _PATIENCE_S
            while runs.store.has_open() and time.monotonic() < until:
                time.sleep(_LOOK_S)
            seconds = time.monotonic() - began
            os.kill(worker, signal.SIGKILL)
            nursery.wait(worker)
        rows = [runs.store.get(id_) for id_ in ids]
        paid = _paid(home)
        expected = len(ids) * (steps // 2 + steps % 2 + 1)
        return {
            "runs": RUNS,
            "steps_per_run": steps,
            "kills": benchmarks.target(killed, at_least=kills),
            "lost_runs": benchmarks.target(
                sum(not _is_whole(row.state, row.result, number) for number, row in enumerate(rows)),
                at_most=0,
            ),
            "repeated_effects": benchmarks.target(effects.repeated, at_most=0),
            "missing_effects": benchmarks.target(expected - len(effects.lines), at_most=0),
            "paid_twice": benchmarks.target(sum(count > 1 for count in paid["settled"].values()), at_most=0),
            "how_runs_ended": dict(Counter(row.state.value for row in rows)),
            "problems": sorted({str(row.problem["message"]) for row in rows if row.problem}),
            "times_begun": sum(row.epoch for row in rows),
            "effects": sum(effects.asked.values()),
            "calls_settled": sum(paid["settled"].values()),
            "calls_in_flight_when_killed": paid["open"],
            "calls_kept_and_not_asked_again": len(ids) * (steps + 1) - len(paid["settled"]),
            "seconds": round(seconds, 1),
        }


def _is_whole(state: RunState, result: Any, number: int) -> bool:
    return (
        state is RunState.DONE
        and result["result"] == {"summary": f"run {number} is done"}
        and result["last"] == f"written: run {number} closed"
    )


def _slowly(seen: Seen) -> Behaviour:
    said = agent_desk.script(seen)
    usage = said.usage if isinstance(said.usage, dict) else {}
    return replace(said, delay_s=random.Random(usage["input"]).uniform(0.02, 0.15))


def _paid(home: Path) -> dict[str, Any]:
    with closing(sqlite3.connect(home / "state.sqlite")) as database:
        rows = database.execute("SELECT state, input_tokens FROM charges").fetchall()
    settled = Counter(agent_desk.call_of(tokens) for state, tokens in rows if state == "settled")
    return {"settled": settled, "open": sum(state != "settled" for state, _ in rows)}
