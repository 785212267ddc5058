"""What is left of the server's work when ten times as much is asked of it as it can do.

The peak is found with sixteen clients that wait for their answers. Then requests come at ten times that rate,
as chance has it, whoever waits. Those that are let in should be nearly as many as at the peak
(`goodput_share`), and wait hardly longer (`p95_ratio`): what is over must be sent away cheaply, by 503 with
Retry-After.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import benchmarks
from benchmarks import queries, repositories, served
from benchmarks.load import Load, generate
from loccit import Loccit

NAME = "overload"
SUMMARY = "goodput and p95 of those let in at ten times the peak rate"

_CLIENTS = 16
_SECONDS = 30.0
_WARM_S = 5.0
_TIMES = 10


def run(setting: benchmarks.Setting) -> dict[str, Any]:
    """Requests per second, milliseconds, and their ratios to those at the peak."""
    django = setting.repository("django/django")
    if django is None:
        return {"missing_repositories": ["django/django"]}
    kinds = queries.by_kind(setting, django)
    questions = [*kinds["issue titles"], *kinds["questions"]]
    requests = tuple(("POST", "/v1/ask", json.dumps({"question": text})) for text in questions)
    seconds = min(_SECONDS, float(setting.sample or _SECONDS))
    with benchmarks.home() as home:
        Loccit(home).index(django)
        with served.serving(home) as one:
            parts = urlsplit(one.url)
            place: dict[str, Any] = {"host": parts.hostname, "port": parts.port, "requests": requests}
            length = _WARM_S + seconds
            peak = _figures(generate(Load(**place, seconds=length, clients=_CLIENTS)), seconds)
            rate = _TIMES * peak["per_s"]
            over = _figures(generate(Load(**place, seconds=length, rate=rate)), seconds)
            after = _figures(generate(Load(**place, seconds=length, clients=_CLIENTS)), seconds)
    return {
        "missing_repositories": [],
        "head": repositories.head(django),
        "seconds": seconds,
        "asked_per_s": round(rate, 1),
        "goodput_share": benchmarks.target(round(over["per_s"] / peak["per_s"], 3), at_least=0.9),
        "p95_ratio": benchmarks.target(round(over["p95_ms"] / peak["p95_ms"], 2), at_most=2),
        "peak": peak,
        "overloaded": over,
        "afterwards": after,
    }


def _figures(rows: list[tuple[float, float, int]], seconds: float) -> dict[str, Any]:
    counted = [row for row in rows if row[0] >= _WARM_S and row[0] + row[1] <= _WARM_S + seconds]
    times = [1000 * took for _, took, status in counted if status == 200]
    shed = [1000 * took for _, took, status in counted if status == 503]
    return {
        "per_s": round(len(times) / seconds, 1),
        "p50_ms": round(benchmarks.percentile(times, 0.5), 1),
        "p95_ms": round(benchmarks.percentile(times, 0.95), 1),
        "sent_away_per_s": round(len(shed) / seconds, 1),
        "sent_away_p95_ms": round(benchmarks.percentile(shed, 0.95), 1) if shed else None,
        "failed": len(counted) - len(times) - len(shed),
    }
