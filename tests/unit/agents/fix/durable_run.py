"""A durable fix of the tiny package in a home folder; as a program it works on the one run that is there."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from benchmarks.planted_issues import inprocess, scripts
from benchmarks.planted_issues.rules import rules_of
from loccit import Loccit
from loccit.agents.durable.agents import Agents
from loccit.agents.fix.asked import task_of
from loccit.agents.sandbox import Environment
from tests.unit.agents.fix import tiny
from tests.unit.agents.fix.runs import environment

ISSUE = tiny.SWALLOWED


def agents_in(home: Path) -> Agents:
    """Runs of a home folder, with the interpreter of these tests as what the package's tests need."""
    loccit = Loccit(home)

    async def prepared(files: Mapping[str, bytes]) -> Environment:
        return environment()

    return loccit.agents({"fix": replace(loccit._fixes(), environment=prepared).blueprint()})  # pyright: ignore[reportPrivateUsage]


def begin(folder: Path, turns: scripts.Turns | None = None) -> tuple[Path, str]:
    """A home folder with a repository, a model that plays these turns (the good ones, where none are given),
    and a run of it; the run's id.
    """
    files = {path: text.encode() for path, text in tiny.SPANS.items()}
    (folder / "spans").mkdir()
    inprocess.make_repository(folder / "spans", inprocess.planted(files, ISSUE))
    home = folder / "home"
    home.mkdir()
    (home / "script.json").write_text(json.dumps(rules_of(turns or scripts.good(ISSUE))))
    (home / "settings.toml").write_text(
        '[models]\nanswer = "scripted:script.json"\n[agents.fix]\nsuite_timeout_s = 0\n'
    )
    loccit = Loccit(home)
    loccit.index(folder / "spans")
    task = task_of(ISSUE.issue, loccit._system.repository(str(folder / "spans")))  # pyright: ignore[reportPrivateUsage]
    return home, agents_in(home).begin("fix", task).id


if __name__ == "__main__":
    agents = agents_in(Path(sys.argv[1]))
    agents.follow(sys.argv[2])
