"""How long until another worker goes on with the run of one that died?

Two workers over PostgreSQL, each as on a machine of its own. One of them works on a run; it is killed
(SIGKILL) in the middle, and it is timed from then until the other one has done the next step. Then one is
stopped (SIGSTOP) rather than killed, and continued when the other one has taken over: it lives, and must not
have any more effects. Runs end with their own result all the same.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import benchmarks
from benchmarks import agent_desk
from benchmarks.agent_desk import EffectServer, killed_at_the_end
from benchmarks.model_server import Behaviour, ModelServer, Seen
from loccit.agents.durable.agents import Agents
from loccit.agents.values import RunState
from tests.contract.postgresql import postgresql_server

NAME = "takeover"
SUMMARY = "a worker dies, or is stopped: how long until another one goes on with its run"

TRIALS = 5
_STEPS = 60
_PATIENCE_S = 120.0


def run(setting: benchmarks.Setting) -> dict[str, Any]:
    """Seconds, and what was repeated."""
    trials = setting.sample or TRIALS
    with (
        benchmarks.home() as folder,
        postgresql_server() as database,
        ModelServer() as server,
        EffectServer() as effects,
    ):
        server.decide = _slowly
        scene = Scene(folder, server, effects, database.new_database())
        times = [scene.takeover(number, signal.SIGKILL) for number in range(trials)]
        stopped_s = scene.takeover(trials, signal.SIGSTOP)
        rows = scene.runs.store.list(limit=trials + 1)
        return {
            "trials": trials,
            "takeover_s": benchmarks.target(round(max(*times, stopped_s), 2), at_most=15),
            "mean_s": round(sum(times) / len(times), 2),
            "stopped_s": round(stopped_s, 2),
            "repeated_effects": benchmarks.target(effects.repeated, at_most=0),
            "lost_runs": benchmarks.target(sum(row.state is not RunState.DONE for row in rows), at_most=0),
        }


class Scene:
    """A home with two workers, of which one is taken away at a time."""

    def __init__(self, folder: Path, server: ModelServer, effects: EffectServer, database: str) -> None:
        """Nobody works yet."""
        self.home = folder / "home"
        self.runs: Agents = agent_desk.make_home(self.home, server.openai_url, database=database).agents()
        self._effects = effects
        self._born = 0

    def takeover(self, number: int, how: signal.Signals) -> float:
        """Seconds from when a worker is gone to the next step of its run, which then ends."""
        workers = [self._worker(), self._worker()]
        with killed_at_the_end(workers):
            task = {"number": number, "steps": _STEPS, "effects": self._effects.url}
            run = self.runs.begin("desk", task).id
            _until(lambda: self.runs.store.get(run).spend.steps >= 5)
            row = self.runs.store.get(run)
            victim = next(one for one in workers if f"-{one.pid}-" in row.worker)
            os.kill(victim.pid, how)
            gone_at = time.monotonic()
            _until(lambda: self.runs.store.get(run).epoch > row.epoch)
            steps = self.runs.store.get(run).spend.steps
            _until(lambda: self._moved(run, steps))
            took_s = time.monotonic() - gone_at
            if how is signal.SIGSTOP:
                os.kill(victim.pid, signal.SIGCONT)
            _until(lambda: self.runs.store.get(run).state.is_over)
        return took_s

    def _moved(self, run: str, steps: int) -> bool:
        row = self.runs.store.get(run)
        return row.state.is_over or row.spend.steps > steps

    def _worker(self) -> subprocess.Popen[bytes]:
        self._born += 1
        return agent_desk.started(self.home, "--stay", name=f"machine{self._born}")


def _until(what: Callable[[], bool]) -> None:
    until = time.monotonic() + _PATIENCE_S
    while not what():
        if time.monotonic() > until:
            raise RuntimeError("nobody went on")
        time.sleep(0.02)


def _slowly(seen: Seen) -> Behaviour:
    return replace(agent_desk.script(seen), delay_s=0.1)
