"""Attempts to get out of a box, those that take no time: `python -m benchmarks sandbox` tries all of them."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.escapes import ATTEMPTS, Attempt, program
from benchmarks.escapes.trial import Outside, outside, try_one

FAST = [attempt for attempt in ATTEMPTS if not attempt.slow]
ROOT = Path(__file__).resolve().parents[4]


@pytest.fixture(scope="module")
def there() -> Iterator[Outside]:
    with outside() as found:
        yield found


def test_there_are_attempts_of_every_kind() -> None:
    assert len({attempt.name for attempt in ATTEMPTS}) == len(ATTEMPTS) >= 80


@pytest.mark.parametrize("attempt", FAST, ids=lambda attempt: attempt.name)
def test_it_is_held(bubblewrap: str, there: Outside, attempt: Attempt) -> None:
    assert asyncio.run(try_one(attempt, there)).why == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="who is no root has tried them all as an ordinary user")
def test_they_are_held_for_an_ordinary_user_too(bubblewrap: str, tmp_path: Path) -> None:
    # Who is nobody may not read root's own interpreter.
    python = sys.executable if Path(sys.base_prefix).is_relative_to("/usr") else "/usr/bin/python3"
    setpriv = shutil.which("setpriv")
    assert setpriv is not None
    copy = tmp_path / "code"
    shutil.copytree(ROOT / "src", copy / "src", ignore=shutil.ignore_patterns("__pycache__", "builtin"))
    shutil.copytree(ROOT / "benchmarks" / "escapes", copy / "benchmarks" / "escapes")
    shutil.copy(ROOT / "benchmarks" / "__init__.py", copy / "benchmarks")
    for folder in (tmp_path, *tmp_path.parents):
        if not folder.stat().st_mode & 0o001:
            folder.chmod(0o755)
    done = subprocess.run(
        [
            setpriv,
            "--reuid=54321",
            "--regid=54321",
            "--clear-groups",
            python,
            "-m",
            "benchmarks.escapes.trial",
            "--fast",
        ],
        cwd=copy,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "PYTHONPATH": "src", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        timeout=200,
        check=True,
    )
    tried = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["name"] for one in tried] == [attempt.name for attempt in FAST]
    assert {one["name"]: one["why"] for one in tried if not one["held"]} == {}


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("refused(lambda: os.open('/', os.O_RDONLY))", "escaped: "),
        ("absent('/')", "escaped: / is there"),
        ("refused(lambda: os.open('/no-such-file', os.O_RDONLY))", ""),
        ("raise Escaped('so')", "escaped: so"),
        ("pass", "held"),
    ],
)
def test_an_attempt_that_works_or_breaks_is_not_taken_for_held(source: str, said: str) -> None:
    """Outside of a box, where the same programs get something."""
    done = subprocess.run(
        [sys.executable, "-c", program(source)], capture_output=True, text=True, check=False
    )
    assert done.stdout.startswith(said)
    assert (done.stdout.strip() == "held") == (said == "held")
