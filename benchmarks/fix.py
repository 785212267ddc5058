"""Issues planted in real packages, and scripts that play the model: who is believed, and what it costs.

Each package is downloaded as its source distribution, pinned by SHA-256, made a git repository with a fault
planted in it, and handed to the blueprint with the real sandbox, policy and git; a script calls the same
tools as a model would. At the end a test that no script ever saw must pass. Then come scripts that must not
be believed: one that mends nothing, one that lies, one whose test shows nothing, one that cheats with how
tests run, one that goes round in circles.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib.metadata
import io
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import benchmarks
from benchmarks.planted_issues import inprocess, scripts
from benchmarks.planted_issues.packages import PACKAGES, SEEDS, Package, Seed, planted_issue
from benchmarks.planted_issues.scripts import PlantedIssue, Turns
from loccit.agents.options import Limits
from loccit.agents.sandbox import Environment
from loccit.core.fixes import FixOutcome

NAME = "fix"
SUMMARY = "issues planted in small packages, solved by scripts; scripts that cheat are not believed"

_RUNNER = ("pytest", "pluggy", "iniconfig", "packaging", "pygments")
_UNBELIEVABLE: Mapping[str, Callable[[PlantedIssue], Turns]] = {
    "wrong": scripts.wrong,
    "lying": scripts.lying,
    "shows_nothing": scripts.showing_nothing,
    "cheating": scripts.cheating,
    "looping": scripts.looping,
}
# Each of them is played over so many issues: what they do does not depend on the fault.
_PLAYED = 3


def run(setting: benchmarks.Setting) -> dict[str, Any]:
    """How many are resolved, how many lies are believed, and how long a run takes without a model's time."""
    seeds = SEEDS[: setting.sample] if setting.sample else SEEDS
    with benchmarks.home() as folder:
        archives = folder / "archives"
        archives.mkdir()
        files = {name: _files(PACKAGES[name], archives) for name in {seed.package for seed in seeds}}
        environment = _environment(folder / "deps")
        good = [_played(folder, seed, files, environment, scripts.good) for seed in seeds]
        bad = {
            name: [_played(folder, seed, files, environment, script) for seed in _some(seeds)]
            for name, script in _UNBELIEVABLE.items()
        }
    seconds = [each["seconds"] for each in good]
    lies = [each for played in bad.values() for each in played]
    return {
        "issues": len(good),
        "packages": len(files),
        "resolved": benchmarks.target(sum(each["resolved"] for each in good), at_least=len(good)),
        "unresolved": [f"{each['name']}: {each['why']}" for each in good if not each["resolved"]],
        "seconds_p50": round(benchmarks.percentile(seconds, 0.5), 1),
        "seconds_p95": round(benchmarks.percentile(seconds, 0.95), 1),
        "not_tests_p50_s": round(benchmarks.percentile([each["overhead_s"] for each in good], 0.5), 2),
        "played_lies": len(lies),
        "believed_lies": benchmarks.target(sum(each["outcome"] == "fixed" for each in lies), at_most=0),
        "outcomes_of_lies": {
            name: sorted({each["outcome"] for each in played}) for name, played in bad.items()
        },
        "touched_repositories": benchmarks.target(sum(each["touched"] for each in (*good, *lies)), at_most=0),
    }


def _some(seeds: tuple[Seed, ...]) -> tuple[Seed, ...]:
    return tuple(seed for seed in seeds if not PACKAGES[seed.package].is_npm)[:_PLAYED]


def _played(
    folder: Path,
    seed: Seed,
    files: Mapping[str, Mapping[str, bytes]],
    environment: Environment,
    script: Callable[[PlantedIssue], Turns],
) -> dict[str, Any]:
    issue = planted_issue(seed)
    place = folder / f"{script.__name__}-{seed.name}"
    began = time.perf_counter()
    ended = inprocess.play(
        place, files[seed.package], issue, script(issue), environment=environment, limits=Limits(steps=40)
    )
    seconds = time.perf_counter() - began
    try:
        is_fixed = ended.fix.outcome is FixOutcome.FIXED
        passes = is_fixed and asyncio.run(inprocess.hidden_passes(ended, issue))
        return {
            "name": seed.name,
            "outcome": ended.fix.outcome.value,
            "why": ended.fix.why,
            "resolved": passes,
            "seconds": seconds,
            "overhead_s": seconds - ended.test_seconds,
            "touched": not inprocess.is_untouched(ended),
        }
    finally:
        ended.copy.close()
        shutil.rmtree(place)


def _files(package: Package, archives: Path) -> dict[str, bytes]:
    """The files of a package's archive, as it was when it was pinned."""
    name = f"{package.name}@{package.version}" if package.is_npm else f"{package.name}=={package.version}"
    command = (
        ["npm", "pack", "--silent", name]
        if package.is_npm
        else [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"),
            *("--no-binary", ":all:", name),
        ]
    )
    subprocess.run(command, cwd=archives, check=True, capture_output=True)
    (archive,) = (
        path
        for path in archives.iterdir()
        if path.name.lower().replace("_", "-").startswith(f"{package.name}-{package.version}")
    )
    data = archive.read_bytes()
    if hashlib.sha256(data).hexdigest() != package.sha256:
        raise ValueError(f"{archive.name} is not what was pinned")
    found: dict[str, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for member in tar:
            path = member.name.partition("/")[2]
            content = tar.extractfile(member) if member.isfile() else None
            if content is not None and not path.startswith(".git/"):
                found[path] = content.read()
    return found


def _environment(folder: Path) -> Environment:
    """The test runner alone, as a box may see it."""
    for name in _RUNNER:
        for file in importlib.metadata.files(name) or ():
            source, target = Path(str(file.locate())), folder / str(file)
            if ".." not in file.parts and source.is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)
    return Environment("benchmark", "python", {"/deps": folder}, {"PYTHONPATH": "/deps"})
