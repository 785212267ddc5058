"""How long `tune` takes on Django, the first time and after 100 new commits, and what it finds there.

A clone is set back by 100 commits, indexed and tuned, set forward, and tuned again. The second time contains
making the new commits searchable.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import benchmarks
from benchmarks import processes, repositories

NAME = "tune"
SUMMARY = "tune of Django: seconds and memory the first time and after 100 new commits, and the gain it finds"

_REPOSITORY = "django/django"
_NEW = 100
# 1: too little past to learn from.
_ANSWERED = (0, 1)


def run(setting: benchmarks.Setting) -> dict[str, Any]:
    """Both runs of `tune`."""
    source = setting.repository(_REPOSITORY)
    if source is None:
        return {"missing_repositories": [_REPOSITORY]}
    with benchmarks.home() as home:
        return {"missing_repositories": [], **measure(source, home)}


def measure(source: Path, home: Path) -> dict[str, Any]:
    """The figures of one repository."""
    repository = repositories.clone(source, home / "clone.git")
    now = repositories.head(repository)
    earlier = repositories.lines(repository, "rev-parse", f"HEAD~{_NEW}")[0]
    repositories.git(repository, "update-ref", "HEAD", earlier)
    processes.loccit(home, "index", repository, "--quiet")
    first = _tune(home, repository)
    repositories.git(repository, "update-ref", "HEAD", now)
    again = _tune(home, repository)
    return {
        "head": now,
        "commits": again["commits"],
        "fixes": again["fixes"],
        "replayed": again["replayed"],
        "tested": again["tested"],
        "decision": again["decision"],
        "new_commits": len(repositories.lines(repository, "rev-list", f"{earlier}..{now}")),
        "new_fixes": again["new"],
        "first_seconds": benchmarks.target(first["took"], at_most=480),
        "after_new_commits_seconds": benchmarks.target(again["took"], at_most=20),
        "peak_mb": benchmarks.target(max(first["peak_mb"], again["peak_mb"]), at_most=2000),
        "stages_first_seconds": first["seconds"],
        "stages_after_seconds": again["seconds"],
        "mrr": again["validation"].get("mrr", {}),
    }


def _tune(home: Path, repository: Path) -> dict[str, Any]:
    """What `tune` says as JSON, with the seconds and the memory of the process."""
    done = processes.loccit(home, "tune", "--repo", repository, "--json", "--quiet", accepted=_ANSWERED)
    found: dict[str, Any] = json.loads(done.output)
    return {**found, "took": round(done.seconds, 1), "peak_mb": round(done.peak_mb or 0.0, 0)}
