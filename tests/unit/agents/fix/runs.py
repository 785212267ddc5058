"""The player of planted issues, with what a box needs to run the tests of tiny packages."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.planted_issues import inprocess
from benchmarks.planted_issues.inprocess import Ended
from benchmarks.planted_issues.scripts import PlantedIssue, Turns
from loccit.agents.options import Limits
from loccit.agents.sandbox import Environment


def environment() -> Environment:
    """The packages that these tests run with, as a box may see them."""
    return Environment(
        "tests", "python", {"/deps": Path(pytest.__file__).parent.parent}, {"PYTHONPATH": "/deps"}
    )


@contextmanager
def played(
    folder: Path,
    files: dict[str, str],
    issue: PlantedIssue,
    turns: Turns,
    limits: Limits | None = None,
    *,
    writes_lesson: bool = False,
) -> Generator[Ended]:
    """What comes of the script over these files. The whole suite is left out: it is the related tests."""
    ended = inprocess.play(
        folder,
        {path: text.encode() for path, text in files.items()},
        issue,
        turns,
        environment=environment(),
        limits=limits,
        suite_timeout_s=0.0,
        writes_lesson=writes_lesson,
    )
    try:
        yield ended
    finally:
        ended.copy.close()
