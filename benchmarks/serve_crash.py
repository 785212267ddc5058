"""What becomes of requests while workers are killed.

Two workers, and every five seconds `kill -9` hits one of them. Meanwhile clients ask and rate: each write
carries an idempotency key and is sent again until it is acknowledged, each question until it is answered. In
the end every acknowledged write must be there, once, as it was acknowledged, and every answer be that of a
server that nobody killed.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

import benchmarks
from benchmarks import repositories, served
from loccit import Loccit

NAME = "serve-crash"
SUMMARY = "1,000 requests while kill -9 hits one of two workers every 5 s"

_REQUESTS = 1_000
_CLIENTS = 4
_EVERY_S = 5.0
# Slow enough that several kills fall into the run.
_PAUSE_S = 0.15
_LONGEST_S = 60.0


def run(setting: benchmarks.Setting) -> dict[str, Any]:
    """Requests, kills, and what was wrong or lost."""
    flask = setting.repository("pallets/flask")
    if flask is None:
        return {"missing_repositories": ["pallets/flask"]}
    requests = setting.sample or _REQUESTS
    questions = repositories.spread(
        [row["question"] for row in setting.rows("qa_files_dev.jsonl") if row["repo"] == "pallets/flask"], 40
    )
    with benchmarks.home() as home:
        loccit = Loccit(home)
        loccit.index(flask)
        right = {text: loccit.ask(text).digest for text in questions}
        with served.serving(home, "--workers", "2") as one:
            kills: list[float] = []
            over = threading.Event()
            killer = threading.Thread(target=_kill, args=(one.pid, over, kills))
            killer.start()
            began = time.perf_counter()
            try:
                with ThreadPoolExecutor(_CLIENTS) as clients:
                    work = [
                        clients.submit(_story, one.url, questions, right, number, requests // _CLIENTS)
                        for number in range(_CLIENTS)
                    ]
                    stories = [done.result() for done in work]
            finally:
                over.set()
                killer.join()
            took_s = time.perf_counter() - began
        lost = sum(_lost(loccit, story["acknowledged"]) for story in stories)
    return {
        "missing_repositories": [],
        "requests": sum(story["requests"] for story in stories),
        "kills": len(kills),
        "seconds": round(took_s, 1),
        "sent_again": sum(story["again"] for story in stories),
        "acknowledged_writes": sum(len(story["acknowledged"]) for story in stories),
        "wrong_answers": benchmarks.target(sum(story["wrong"] for story in stories), at_most=0),
        "lost_or_doubled_writes": benchmarks.target(lost, at_most=0),
        "given_up": benchmarks.target(sum(story["given_up"] for story in stories), at_most=0),
    }


def _story(
    url: str, questions: list[str], right: dict[str, str], number: int, requests: int
) -> dict[str, Any]:
    """One client: asks, and says something of each answer."""
    choice = random.Random(number)
    told: dict[str, Any] = {"requests": 0, "again": 0, "wrong": 0, "given_up": 0, "acknowledged": {}}
    while told["requests"] < requests:
        question = choice.choice(questions)
        answered = _until_done(told, url, "/v1/ask", {"question": question}, "")
        if answered is None:
            continue
        told["wrong"] += answered.json()["digest"] != right[question]
        run = answered.headers["loccit-run"]
        correction = f"client {number}, request {told['requests']}"
        body = {"thumb": "down", "correction": correction}
        rated = _until_done(told, url, f"/v1/runs/{run}/feedback", body, f"{number}-{told['requests']}")
        if rated is not None:
            told["acknowledged"][run] = correction
            told["wrong"] += rated.json()["correction"] != correction
        time.sleep(_PAUSE_S)
    return told


def _until_done(
    told: dict[str, Any], url: str, path: str, body: dict[str, Any], key: str
) -> httpx.Response | None:
    told["requests"] += 1
    headers = {"Idempotency-Key": key} if key else {}
    deadline = time.monotonic() + _LONGEST_S * 2
    while time.monotonic() < deadline:
        try:
            reply = httpx.post(url + path, json=body, headers=headers, timeout=_LONGEST_S, trust_env=False)
        except httpx.HTTPError:
            reply = None
        if reply is not None and reply.status_code == 200:
            return reply
        # Killed under it, sent away, or its first try is still noted as at work.
        told["again"] += 1
        time.sleep(0.1)
    told["given_up"] += 1
    return None


def _lost(loccit: Loccit, acknowledged: dict[str, str]) -> int:
    """How many acknowledged writes are not there, or not as they were acknowledged."""
    from loccit.telemetry.feedback import FeedbackStore

    kept = FeedbackStore(loccit.database()).of(acknowledged)
    return sum([one.correction for one in kept.get(run, ())] != [said] for run, said in acknowledged.items())


def _kill(pid: int, over: threading.Event, kills: list[float]) -> None:
    choice = random.Random(3)
    while not over.wait(_EVERY_S):
        workers = [child for child in served.family(pid)[1:] if b"spawn_main" in _command(child)]
        if workers:
            os.kill(choice.choice(workers), signal.SIGKILL)
            kills.append(time.monotonic())


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
