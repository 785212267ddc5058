"""What does a step of an agent cost beside the model and the tools?

One run of two hundred steps over each database. The model is a script in the same process, and the tool that
it calls in each step has an effect that takes no time. So a step is: a look at what is wished, the reply kept
with what it used and an event; a decision with its line in the audit log, the intent, and what came of it
with another event. It is timed from one reply to the next.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from statistics import mean, median
from typing import Any

import benchmarks
from loccit.agents.durable.run import Run
from loccit.agents.limits import Limits
from loccit.core.calls import ToolSpec
from loccit.library import Loccit
from loccit.policy.gateway import Gateway
from loccit.policy.grants import Request
from loccit.policy.policy_file import parse_policy
from loccit.policy.tools import ArgumentRole, Effect, Tool, ToolResult
from tests.contract.postgresql import postgresql_server

NAME = "step-overhead"
SUMMARY = "200 steps of an agent without the model's time, over SQLite and PostgreSQL"

STEPS = 200
# The first ones load what is needed.
_WARM = 5
_POLICY = """
format = "loccit-policy/1"
name = "stepper"

[tools.note]
granted = "always"
uses = 100000
"""
_SCRIPT = """
[[rules]]
turn = {last}
calls = [{{ name = "finish", arguments = {{ summary = "done" }} }}]

[[rules]]
reply = "One more."
calls = [{{ name = "note", arguments = {{ text = "x" }} }}]
"""


async def stepper(run: Run, task: dict[str, Any]) -> dict[str, Any]:
    """A loop of one effect after the other."""
    noted = 0

    async def note(arguments: Mapping[str, Any], intent: str) -> ToolResult:
        nonlocal noted
        noted += 1
        return ToolResult(f"noted {noted}")

    schema = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
    tool = Tool(ToolSpec("note", "Note.", schema), Effect.WRITE, {"text": ArgumentRole.CONTENT}, note)
    gateway = Gateway(parse_policy(_POLICY), Request("note it"), [tool])
    done = await run.loop("notes", prompt="Note it, again and again.", tools=gateway)
    return {"steps": len(done.steps), "ending": done.ending.value, "detail": done.detail}


def run(setting: benchmarks.Setting) -> dict[str, Any]:
    """Milliseconds per step over each database."""
    steps = setting.sample or STEPS
    figures: dict[str, Any] = {"steps": steps}
    with benchmarks.home() as folder, postgresql_server() as server:
        for name, database in (("sqlite", ""), ("postgresql", server.new_database())):
            found = _measured(folder / name, database, steps)
            figures[name] = found
    worst = max(figures[name]["mean_ms"] for name in ("sqlite", "postgresql"))
    figures["overhead_ms"] = benchmarks.target(worst, at_most=25)
    return figures


def _measured(home: Path, database: str, steps: int) -> dict[str, float]:
    home.mkdir()
    storage = f'[storage]\ndatabase = "{database}"\n' if database else ""
    (home / "settings.toml").write_text(f'[models]\nanswer = "scripted:steps.toml"\n{storage}')
    (home / "steps.toml").write_text(_SCRIPT.format(last=steps + 1))
    loccit = Loccit(home)
    runs = loccit.agents({"stepper": stepper})
    row = runs.begin("stepper", {}, limits=Limits(steps=steps + 10, tool_calls=steps + 10))
    began = time.perf_counter()
    row = runs.follow(row.id)
    whole_s = time.perf_counter() - began
    if row.result != {"steps": steps + 1, "ending": "finished", "detail": ""}:
        raise RuntimeError(f"the run ended otherwise: {row.state} {row.result} {row.problem}")
    events = [event for event in runs.store.events(row.id, limit=10 * steps) if event.kind == "model"]
    times = [later.at - earlier.at for earlier, later in pairwise(events)][_WARM:]
    loccit.database().close()
    return {
        "mean_ms": round(1000 * mean(times), 2),
        "p50_ms": round(1000 * median(times), 2),
        "p95_ms": round(1000 * benchmarks.percentile(times, 0.95), 2),
        "seconds": round(whole_s, 2),
    }
