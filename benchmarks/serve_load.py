"""How fast the server starts, how little it needs idle, and how much one worker answers.

`loccit serve` with one worker over Django, without a model: sixteen clients, each sending its next request
when the last one is answered, on the same cores. Questions are titles of issues and questions of the
development data, all different; searches are the queries of the search benchmark. Nothing of an answer is
kept from one to the next. A minute each after ten seconds that are not counted.
"""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import urlencode, urlsplit

import benchmarks
from benchmarks import queries, repositories, served
from benchmarks.load import Load, generate
from loccit import Loccit

NAME = "serve-load"
SUMMARY = "loccit serve: start, idle memory, answers and searches per second with 16 clients"

_CLIENTS = 16
_STARTS = 5
_SECONDS = 60.0
_WARM_S = 10.0


def run(setting: benchmarks.Setting) -> dict[str, Any]:
    """Seconds, megabytes, requests per second, milliseconds."""
    django = setting.repository("django/django")
    if django is None:
        return {"missing_repositories": ["django/django"]}
    kinds = queries.by_kind(setting, django)
    questions = [*kinds["issue titles"], *kinds["questions"]]
    every = [query for asked in kinds.values() for query in asked if len(query) < 2_000]
    seconds = min(_SECONDS, float(setting.sample or _SECONDS))
    with benchmarks.home() as home:
        Loccit(home).index(django)
        starts: list[tuple[float, float, float]] = []
        for _ in range(_STARTS):
            with served.serving(home) as one:
                time.sleep(2)
                starts.append((one.ready_s, one.cpu_s, one.memory_mb()))
        asks = tuple(("POST", "/v1/ask", json.dumps({"question": text})) for text in questions)
        searches = tuple(("GET", "/v1/search?" + urlencode({"q": text}), None) for text in every)
        with served.serving(home) as one:
            answered = _measured(one, asks, seconds)
            loaded_mb = one.memory_mb()
        with served.serving(home) as one:
            searched = _measured(one, searches, seconds)
    starts.sort()
    return {
        "missing_repositories": [],
        "repository": "django/django",
        "head": repositories.head(django),
        "seconds": seconds,
        "start": {
            "ready_s": benchmarks.target(round(starts[len(starts) // 2][0], 2), at_most=3),
            "cpu_s": round(starts[len(starts) // 2][1], 2),
            "idle_mb": benchmarks.target(round(max(row[2] for row in starts), 1), at_most=150),
        },
        "ask": {
            "questions": len(questions),
            "per_s": benchmarks.target(answered["per_s"], at_least=60),
            "p95_ms": benchmarks.target(answered["p95_ms"], at_most=400),
            **{k: v for k, v in answered.items() if k not in {"per_s", "p95_ms"}},
            "memory_mb": round(loaded_mb, 1),
        },
        "search": {
            "queries": len(every),
            "per_s": benchmarks.target(searched["per_s"], at_least=100),
            **{k: v for k, v in searched.items() if k != "per_s"},
        },
    }


def _measured(one: served.Served, requests: tuple[Any, ...], seconds: float) -> dict[str, Any]:
    parts = urlsplit(one.url)
    before = one.cpu()
    rows = generate(
        Load(
            parts.hostname or "",
            parts.port or 0,
            requests,
            seconds=_WARM_S + seconds,
            clients=_CLIENTS,
        )
    )
    cpu = one.cpu() - before
    counted = [row for row in rows if row[0] >= _WARM_S and row[0] + row[1] <= _WARM_S + seconds]
    times = [1000 * took for _, took, status in counted if status == 200]
    return {
        "per_s": round(len(times) / seconds, 1),
        "p50_ms": round(benchmarks.percentile(times, 0.5), 1),
        "p95_ms": round(benchmarks.percentile(times, 0.95), 1),
        "max_ms": round(max(times), 1),
        "other_statuses": len(counted) - len(times),
        "cpu_ms_per_request": round(1000 * cpu / len(rows), 2),
    }
