"""`loccit tune` as a person runs it: learn, look, go back, and the cases in which nothing can be learned."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Installed
from tests.repositories import add_commits, make_repository
from tests.unit.learning.histories import fixes, history

Run = Callable[..., Any]


@pytest.fixture
def run(installed: Installed, tmp_path: Path) -> Run:
    """Runs `loccit tune` in the repository `r` of the test's folder."""

    def tune(*arguments: str | Path) -> Any:
        home = {"LOCCIT_HOME": str(tmp_path / "home")}
        return installed("tune", *arguments, cwd=tmp_path / "r", env=home)

    return tune


def test_tuning_shows_what_it_found_and_can_be_undone(run: Run, tmp_path: Path) -> None:
    """A table, bars, a report, the same as JSON; then `--show`, and `--roll-back` until nothing is left."""
    make_repository(tmp_path / "r", history(110))
    done = run("--out", tmp_path / "report.html")
    assert done.returncode == 0, done.stderr
    assert "110 past fixes" in done.stdout
    assert "difference" in done.stdout
    assert "█" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")
    add_commits(tmp_path / "r", fixes(4, first=110), first=111)
    found = json.loads(run("--json").stdout)
    assert found["format"] == "loccit-tune/1"
    assert found["new"] == 4
    assert found["decision"] in {"adopted", "not_better"}
    kept = json.loads(run("--show", "--json").stdout)["in_use"]
    assert len(kept) == len(found["in_use"])
    for left in range(len(kept) - 1, -1, -1):
        assert len(json.loads(run("--roll-back", "--json").stdout)["in_use"]) == left
    assert "the general ranker is in use" in run("--show").stdout
    again = run("--roll-back")
    assert again.returncode == 2
    assert "nothing to go back to" in again.stderr


def test_too_little_past_is_told_and_ends_as_abstentions_do(run: Run, tmp_path: Path) -> None:
    """A sentence with both numbers, and exit code 1."""
    make_repository(tmp_path / "r", history(5))
    done = run()
    assert done.returncode == 1, done.stderr
    assert "too little past to learn from: 5 fixes, 80 needed" in done.stdout
    assert json.loads(run("--json").stdout)["decision"] == "too_little"


def test_options_that_exclude_each_other_are_refused(run: Run, tmp_path: Path) -> None:
    """And a report is never put over another file."""
    make_repository(tmp_path / "r", history(1))
    assert run("--show", "--roll-back").returncode == 2
    (tmp_path / "mine.html").write_text("mine")
    done = run("--out", tmp_path / "mine.html")
    assert done.returncode == 2
    assert (tmp_path / "mine.html").read_text() == "mine"
