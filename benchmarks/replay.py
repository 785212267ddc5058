"""Are recorded answers replayed for nothing, and to the byte?

Questions of the development data are answered by a server on this machine while every call is recorded. Then
real calls are forbidden, and the same questions are answered from the recordings.
"""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any

import benchmarks
from benchmarks import written_homes
from benchmarks.model_server import ModelServer
from loccit import Loccit

NAME = "replay"
SUMMARY = "1,000 recorded answers replayed: seconds, calls that leave, answers that differ"

ANSWERS = 1_000
SECONDS = 60.0


def run(setting: benchmarks.Setting) -> dict[str, Any]:
    """Answers are compared as JSON without `run`."""
    wanted = setting.sample or ANSWERS
    with ModelServer() as server:
        server.decide = written_homes.quoting
        with written_homes.written_home(server, more='record = "recordings"\n') as home:
            questions = sorted(written_homes.indexed(setting, Loccit(home), wanted))
            # Fewer questions than answers are wanted: they are asked again, as they were.
            asked = (questions * -(-wanted // len(questions)))[:wanted]
            recorded, recording_s = asyncio.run(_answers(Loccit(home), asked))
            calls = len(server.seen)
            settings = home / "settings.toml"
            text = settings.read_text().replace('record = "recordings"\n', "")
            settings.write_text(text.replace('answer = "local:test"', 'answer = "replay:recordings"'))
            os.environ["LOCCIT_FORBID_MODEL_CALLS"] = "1"
            try:
                replayed, seconds = asyncio.run(_answers(Loccit(home), asked))
            finally:
                del os.environ["LOCCIT_FORBID_MODEL_CALLS"]
            left = len(server.seen) - calls
    differing = sum(one != other for one, other in zip(recorded, replayed, strict=True))
    return {
        "answers": len(replayed),
        "calls_recorded": calls,
        "recording_seconds": round(recording_s, 1),
        "seconds": benchmarks.target(round(seconds, 1), at_most=SECONDS),
        "network_calls": benchmarks.target(left, at_most=0),
        "answers_differing": benchmarks.target(differing, at_most=0),
    }


async def _answers(loccit: Loccit, questions: list[tuple[str, str, str]]) -> tuple[list[str], float]:
    began = time.monotonic()
    found: list[str] = []
    try:
        for path, commit, question in questions:
            written = await loccit.write_async(question, repos=[path], rev=commit)
            found.append(written.answer.model_copy(update={"run": None}).to_json())
    finally:
        await loccit.aclose()
    return found, time.monotonic() - began
