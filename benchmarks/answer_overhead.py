"""What a written answer costs in our own time: everything but the model.

A server on this machine answers at once, over real HTTP, in pieces. Own time is the time from question to
sealed answer less the time between the arrival of a request at the server and the last byte of its reply. It
holds search, packing, prompt, tokens, budget, quotes, support check, re-check, record and conversation.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import benchmarks
from benchmarks import written_homes
from benchmarks.model_server import ModelServer
from loccit import Loccit

NAME = "answer-overhead"
SUMMARY = "our own time per written answer, model time excluded: p50, p95, by stage"

QUESTIONS = 200
P50_MS = 30.0
P95_MS = 80.0


def run(setting: benchmarks.Setting) -> dict[str, Any]:
    """Milliseconds over questions of the development data, each asked once after one that warms up."""
    with ModelServer() as server:
        server.decide = written_homes.quoting
        with written_homes.written_home(server) as home:
            return asyncio.run(_measured(setting, server, Loccit(home)))


async def _measured(setting: benchmarks.Setting, server: ModelServer, loccit: Loccit) -> dict[str, Any]:
    questions = written_homes.indexed(setting, loccit, setting.sample or QUESTIONS)
    own: list[float] = []
    stages: dict[str, list[float]] = {}
    outcomes: dict[str, int] = {}
    warmed: set[tuple[str, str]] = set()
    try:
        # By repository: what is open stays open, as in a server that answers for one team.
        for path, commit, question in sorted(questions):
            if (path, commit) not in warmed:
                warmed.add((path, commit))
                await loccit.write_async(question, repos=[path], rev=commit)
            before = len(server.seen)
            began = time.monotonic()
            written = await loccit.write_async(question, repos=[path], rev=commit)
            took = time.monotonic() - began
            calls = server.seen[before:]
            own.append(1000 * (took - sum((seen.done_at or 0.0) - seen.came_at for seen in calls)))
            outcome = written.answer.outcome.value
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
            for name, milliseconds in (written.answer.run.timings_ms if written.answer.run else {}).items():
                stages.setdefault(name, []).append(milliseconds)
    finally:
        await loccit.aclose()
    return {
        "answers": len(own),
        "outcomes": outcomes,
        "own_p50_ms": benchmarks.target(round(benchmarks.percentile(own, 0.5), 1), at_most=P50_MS),
        "own_p95_ms": benchmarks.target(round(benchmarks.percentile(own, 0.95), 1), at_most=P95_MS),
        "stages_p50_ms": {name: round(benchmarks.percentile(v, 0.5), 1) for name, v in stages.items()},
    }
