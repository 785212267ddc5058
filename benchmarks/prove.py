"""The past of repositories, asked again: is tuned better than untuned, and how long does it take?

Five repositories that were never used to choose anything are proved with their last fixes, whose messages
stand in for issues; MRR must be better, with an interval clear of zero, on at least four. Django is proved
for the time. With `--raw` each whole document is appended to that file.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import benchmarks
from benchmarks import processes

NAME = "prove"
SUMMARY = "the past asked again: tuned over untuned on five untouched repositories, seconds on Django"

UNTOUCHED = ("python/mypy", "ipython/ipython", "scipy/scipy", "cli/cli", "prettier/prettier")
FOR_TIME = "django/django"
# The gain of tuning is a point or two: with 200 cases no interval could tell it from none.
CASES, CASES_FOR_TIME = 600, 200
MOST_SECONDS, MOST_MB, LEAST_CLEAR = 180, 2_000, 4
_METRICS = ("recall@1", "recall@3", "recall@5", "recall@10", "mrr")
_SYSTEMS = ("git grep", "BM25", "untuned", "tuned")


def run(setting: benchmarks.Setting) -> dict[str, Any]:
    """Per repository recall and MRR in percent with 95 % intervals, differences, seconds and memory."""
    there = {name: setting.repository(name) for name in (*UNTOUCHED, FOR_TIME)}
    missing = [name for name, path in there.items() if path is None]
    for name in missing:
        print(f"{name} is not there: it is left out", file=sys.stderr)
    proved = {
        name: _proved(path, setting, CASES_FOR_TIME if name == FOR_TIME else CASES)
        for name, path in there.items()
        if path is not None
    }
    clear = [name for name in UNTOUCHED if name in proved and _is_clear(proved[name]["document"])]
    timed = proved.get(FOR_TIME)
    memory = [each["peak_mb"] for each in proved.values() if each["peak_mb"] is not None]
    return {
        "missing": missing,
        "clear_of_zero": benchmarks.target(None if missing else len(clear), at_least=LEAST_CLEAR),
        "django_seconds": benchmarks.target(
            None if timed is None else timed["seconds"], at_most=MOST_SECONDS
        ),
        "peak_mb": benchmarks.target(max(memory, default=None), at_most=MOST_MB),
        "repositories": {name: _row(each) for name, each in proved.items()},
        "tuned_minus_untuned": {name: _gains(each["document"], "untuned") for name, each in proved.items()},
        "tuned_minus_bm25": {name: _gains(each["document"], "BM25") for name, each in proved.items()},
        **{f"systems of {name}": _systems(each["document"]) for name, each in proved.items()},
    }


def _proved(path: Path, setting: benchmarks.Setting, most: int) -> dict[str, Any]:
    """Index a repository, then prove it as a person would."""
    cases = str(min(most, setting.sample or most))
    with benchmarks.home() as home:
        indexed = processes.loccit(home, "index", "--quiet", path)
        command = ["prove", "--repo", path, "--cases", cases, "--json", "--quiet"]
        done = processes.loccit(home, *command, "--out", home / "proof.html")
    if setting.raw is not None:
        with setting.raw.open("a", encoding="utf-8") as file:
            file.write(done.output)
    return {
        "document": json.loads(done.output),
        "index_seconds": round(indexed.seconds, 1),
        "seconds": round(done.seconds, 1),
        "peak_mb": done.peak_mb,
    }


def _is_clear(document: dict[str, Any]) -> bool:
    return document["differences"]["untuned"]["mrr"]["low"] > 0


def _row(proved: dict[str, Any]) -> dict[str, Any]:
    document = proved["document"]
    named = document["splits"]["named"]
    return {
        "commit": document["commit"][:12],
        "cases": document["replayed"],
        "named": sum(group["cases"] for group in named if group["group"] == "names it"),
        "leaks": document["leak_check"]["failed"],
        "clear_of_zero": _is_clear(document),
        "calibration_error": document["calibration"]["expected_error"],
        "index_seconds": proved["index_seconds"],
        "prove_seconds": proved["seconds"],
        "peak_mb": proved["peak_mb"],
    }


def _systems(document: dict[str, Any]) -> dict[str, Any]:
    return {
        system: {
            f"{metric}{suffix}": figure
            for metric in _METRICS
            for suffix, figure in _percent(document["systems"][system][metric])
        }
        for system in _SYSTEMS
    }


def _gains(document: dict[str, Any], other: str) -> dict[str, Any]:
    found = document["differences"][other]
    return {f"{metric}{suffix}": figure for metric in _METRICS for suffix, figure in _percent(found[metric])}


def _percent(interval: dict[str, float]) -> list[tuple[str, Any]]:
    ends = [round(100 * interval["low"], 1), round(100 * interval["high"], 1)]
    return [("", round(100 * interval["estimate"], 1)), (" between", ends)]
