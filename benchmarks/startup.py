"""How long a person waits for the installed command: whole processes, Django and its history indexed."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

import benchmarks
from benchmarks import processes, queries, repositories

NAME = "startup"
SUMMARY = "whole processes of the installed command: --help, search and ask on Django"

_RUNS = 15
# 1: the sources are silent, which takes as long as an answer.
_ANSWERED = (0, 1)


def run(setting: benchmarks.Setting) -> dict[str, Any]:
    """Median seconds of each command over real queries."""
    django = setting.repository("django/django")
    if django is None:
        return {"missing_repositories": ["django/django"]}
    titles = repositories.spread(queries.by_kind(setting, django)["issue titles"], _RUNS)
    with benchmarks.home() as home:
        processes.loccit(home, "index", django, "--quiet")
        where = ["--repo", str(django)]
        helped = _seconds(home, [["--help"]] * len(titles))
        searched = _seconds(home, [["search", *where, "--", title] for title in titles])
        asked = _seconds(home, [["ask", *where, "--", title] for title in titles])
    return {
        "missing_repositories": [],
        "repository": "django/django",
        "head": repositories.head(django),
        "runs_of_each": len(titles),
        "help_seconds": benchmarks.target(_median(helped), at_most=0.25),
        "search_seconds": benchmarks.target(_median(searched), at_most=0.6),
        "ask_seconds": benchmarks.target(_median(asked), at_most=1.0),
        "slowest_seconds": {
            "help": round(max(helped), 3),
            "search": round(max(searched), 3),
            "ask": round(max(asked), 3),
        },
    }


def _seconds(home: Path, commands: list[list[str]]) -> list[float]:
    """Seconds of each command; the last one is run once before the clock starts, so that the disk is warm."""
    processes.loccit(home, *commands[-1], accepted=_ANSWERED, sampled=False)
    runs = [processes.loccit(home, *command, accepted=_ANSWERED, sampled=False) for command in commands]
    return [run.seconds for run in runs]


def _median(seconds: list[float]) -> float:
    return round(statistics.median(seconds), 3)
