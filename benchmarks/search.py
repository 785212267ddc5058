"""How long one search takes inside a running program: `Loccit.search` on Django, one thread, warm."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import benchmarks
from benchmarks import queries, repositories
from loccit import Loccit

NAME = "search"
SUMMARY = "Loccit.search on Django in a warm process: p50/p95, with a path filter, over a collection"

_COLLECTION = "all"


def run(setting: benchmarks.Setting) -> dict[str, Any]:
    """Milliseconds per search: all queries, by kind, with a path filter, over all repositories together."""
    django = setting.repository("django/django")
    if django is None:
        return {"missing_repositories": ["django/django"]}
    kinds = queries.by_kind(setting, django)
    every = [query for asked in kinds.values() for query in asked]
    with benchmarks.home() as home:
        loccit = Loccit(home)
        loccit.index(django, history=False, collection=_COLLECTION)
        alone = {"repos": [str(django)]}
        times = {kind: _times(loccit, asked, **alone) for kind, asked in kinds.items()}
        started, busy = time.perf_counter(), time.process_time()
        plain = _times(loccit, every, **alone)
        threads = (time.process_time() - busy) / (time.perf_counter() - started)
        filtered = _times(loccit, every, paths=["django/**"], **alone)
        for path in setting.repositories().values():
            loccit.index(path, history=False, collection=_COLLECTION)
        together = _times(loccit, every, collection=_COLLECTION)
        files = sum(status.snapshots[0].files for status in loccit.status())
    return {
        "missing_repositories": [],
        "repository": "django/django",
        "head": repositories.head(django),
        "queries": len(every),
        "p50_ms": benchmarks.target(_ms(plain, 0.5), at_most=8),
        "p95_ms": benchmarks.target(_ms(plain, 0.95), at_most=25),
        "max_ms": round(max(plain), 2),
        "cpu_per_wall": round(threads, 2),
        "with_path_filter": {"p50_ms": _ms(filtered, 0.5), "p95_ms": _ms(filtered, 0.95)},
        "collection": {
            "repositories": len(setting.repositories()),
            "files": files,
            "p50_ms": _ms(together, 0.5),
            "p95_ms": _ms(together, 0.95),
        },
        "by_kind": {
            kind: {"queries": len(kinds[kind]), "p50_ms": _ms(found, 0.5), "p95_ms": _ms(found, 0.95)}
            for kind, found in times.items()
        },
    }


def _times(loccit: Loccit, asked: Sequence[str], **where: Any) -> list[float]:
    """Milliseconds of each search, after twenty that are not counted."""
    for query in asked[:20]:
        loccit.search(query, **where)
    times: list[float] = []
    for query in asked:
        started = time.perf_counter()
        loccit.search(query, **where)
        times.append(1000 * (time.perf_counter() - started))
    return times


def _ms(times: Sequence[float], share: float) -> float:
    return round(benchmarks.percentile(times, share), 2)
