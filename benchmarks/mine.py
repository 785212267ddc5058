"""Datasets that make themselves: how long mining takes, and what is left out.

The installed command mines 200 localisation samples from the full history of Django, from an index that is
there already, as a whole process; then every kind, with unanswerable questions from Flask. No tracker is
read: messages of fix commits stand in for issues. Every sample of the past is checked for leaks once more,
here, by `git merge-base`, which shares no code with the check that mining itself makes. The same command once
more must give the same bytes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from statistics import median
from subprocess import CalledProcessError
from typing import Any

import benchmarks
from benchmarks import processes
from benchmarks.repositories import git, lines, warm
from loccit.evals.datasets import Sample, read_dataset

NAME = "mine"
SUMMARY = "200 localisation samples mined from Django's history: seconds, leaks, what is left out"

MINED, OTHER = "django/django", "pallets/flask"
COUNT, MOST_SECONDS, RUNS = 200, 60, 3


def run(setting: benchmarks.Setting) -> dict[str, Any]:
    """Seconds of whole processes, memory, samples of each kind, and leaks that git finds."""
    path, other = setting.repository(MINED), setting.repository(OTHER)
    missing = [name for name, found in ((MINED, path), (OTHER, other)) if found is None]
    if path is None or other is None:
        print(f"{', '.join(missing)} is not there", file=sys.stderr)
        return {"missing": missing, "seconds": benchmarks.target(None, at_most=MOST_SECONDS)}
    count = min(COUNT, setting.sample or COUNT)
    warm(path)
    with benchmarks.home() as home:
        for each in (path, other):
            processes.loccit(home, "index", "--quiet", each)
        first = [_mined(home, path, count, f"localise{n}", "--kind", "localise") for n in range(RUNS)]
        every = _mined(home, path, count, "all", "--unanswerable-from", str(other))
        localised = read_dataset(home / "localise0.jsonl").samples
        asked = read_dataset(home / "all.jsonl").samples
        same = len({(home / f"localise{n}.jsonl").read_bytes() for n in range(RUNS)}) == 1
        leaks = sum(_leaks(path, sample) for sample in asked)
    seconds = median(each["seconds"] for each in first)
    return {
        "commits": len(lines(path, "rev-list", "HEAD")),
        "seconds": benchmarks.target(seconds if count == COUNT else None, at_most=MOST_SECONDS),
        "runs": [each["seconds"] for each in first],
        "peak_mb": first[0]["peak_mb"],
        "samples": len(localised),
        "with_functions": sum(bool(sample.gold.functions) for sample in localised),
        "names_answer": sum(sample.slices["names_answer"] == "yes" for sample in localised),
        "leaks_that_git_finds": benchmarks.target(leaks, at_most=0),
        "same_bytes": same,
        "every_kind_seconds": every["seconds"],
        "kinds": {name: {"samples": number} for name, number in every["document"]["kinds"].items()},
        "left_out": {
            f"{kind}: {reason}": {"number": number}
            for kind, reasons in every["document"]["left_out"].items()
            for reason, number in reasons.items()
        },
    }


def _mined(home: Path, repository: Path, count: int, name: str, *more: str) -> dict[str, Any]:
    """Mine in a process of its own into a file of this name."""
    out = ["--out", str(home / f"{name}.jsonl"), "--json", "--quiet"]
    done = processes.loccit(home, "eval", "mine", "--repo", repository, "--count", str(count), *out, *more)
    return {"document": json.loads(done.output), "seconds": round(done.seconds, 1), "peak_mb": done.peak_mb}


def _leaks(repository: Path, sample: Sample) -> bool:
    """Whether the fix of a sample leads to the commit that it is asked at, or its change does not."""
    fix, change = sample.origin.get("fix"), sample.origin.get("change")
    if fix is None and change is None:
        return False
    leads = _leads(repository, fix or change or "", sample.commit or "")
    return leads if fix is not None else not leads


def _leads(repository: Path, older: str, younger: str) -> bool:
    try:
        git(repository, "merge-base", "--is-ancestor", older, younger)
    except CalledProcessError as error:
        if error.returncode == 1:
            return False
        raise
    return True
