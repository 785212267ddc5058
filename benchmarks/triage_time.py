"""How long triage of one issue takes on Django: in process with everything warm, and as a whole process."""

from __future__ import annotations

import statistics
import time
from typing import Any

import benchmarks
from benchmarks import processes, repositories
from loccit import Loccit

NAME = "triage-time"
SUMMARY = "triage of Django's development issues: milliseconds in process, seconds and memory as a process"

_ISSUES = 60
_RUNS = 9
# 1: not enough to go on, which takes as long.
_ANSWERED = (0, 1)


def run(setting: benchmarks.Setting) -> dict[str, Any]:
    """Medians over development issues, asked of Django's newest commit."""
    django = setting.repository("django/django")
    if django is None:
        return {"missing_repositories": ["django/django"]}
    rows = [r["issue"] for r in setting.rows("localisation_dev.jsonl") if r["repo"] == "django/django"]
    issues = repositories.spread(rows, min(_ISSUES, setting.sample or _ISSUES))
    with benchmarks.home() as home:
        processes.loccit(home, "index", django, "--quiet")
        loccit = Loccit(home)
        loccit.triage(issues[0], repo=str(django))
        warm = sorted(_milliseconds(loccit, str(django), issue) for issue in issues)
        texts = home / "issues"
        texts.mkdir()
        runs = []
        for number, issue in enumerate(issues[:_RUNS]):
            (texts / f"{number}.md").write_text(issue, encoding="utf-8")
            command = ["triage", str(texts / f"{number}.md"), "--repo", str(django)]
            runs.append(processes.loccit(home, *command, accepted=_ANSWERED))
    return {
        "missing_repositories": [],
        "head": repositories.head(django),
        "issues": len(issues),
        "in_process_p50_ms": benchmarks.target(round(statistics.median(warm), 1), at_most=150),
        "in_process_p95_ms": round(warm[int(0.95 * (len(warm) - 1))], 1),
        "whole_process_seconds": benchmarks.target(
            round(statistics.median(run.seconds for run in runs), 3), at_most=1.5
        ),
        "peak_mb": benchmarks.target(round(max(run.peak_mb for run in runs), 0), at_most=2000),
    }


def _milliseconds(loccit: Loccit, repository: str, issue: str) -> float:
    started = time.perf_counter()
    loccit.triage(issue, repo=repository)
    return 1000 * (time.perf_counter() - started)
