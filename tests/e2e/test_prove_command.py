"""`loccit prove` from the outside: the table, the page, the document, and what is refused."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Installed
from tests.e2e.terminal import on_terminal
from tests.repositories import Commit, git, make_repository
from tests.unit.learning.fixing import fixes, path_of, source


@dataclass(frozen=True)
class Desk:
    """A repository that is indexed, with its home and the installed command."""

    repository: Path
    home: Path
    commits: list[str]
    run: Installed

    def __call__(self, *arguments: str | Path, **options: Any):
        options.setdefault("cwd", self.repository)
        return self.run(*arguments, env={"LOCCIT_HOME": str(self.home)}, **options)


def desk_at(folder: Path, commits: list[Commit], installed: Installed) -> Desk:
    made = make_repository(folder / "parcels", commits)
    desk = Desk(folder / "parcels", folder / "home", made, installed)
    assert desk("index", "--quiet").returncode == 0
    return desk


@pytest.fixture(scope="module")
def desk(installed: Installed, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """Forty fixes, and a tracker in which the last but one and the one before are fixed issues."""
    folder = tmp_path_factory.mktemp("proved")
    commits = fixes(40)
    for number in (39, 40):
        commits[number]["message"] = f"Fixes #{number}"
    made = desk_at(folder, commits, installed)
    issues = [
        {"id": "39", "title": "Wrong \x1b[31mcustoms", "created": 1_699_990_000, "state": "closed"},
        {"id": "40", "title": "Wrong pallet\u202e", "created": 1_699_990_000, "state": "closed"},
    ]
    (folder / "issues.jsonl").write_text("".join(json.dumps(each) + "\n" for each in issues))
    return made


def test_fix_commits_are_asked_again_and_reported(desk: Desk, tmp_path: Path) -> None:
    """A table in 80 columns, a page that stands alone, and where it is."""
    done = desk("prove", "--cases", "20", "--out", tmp_path / "proof.html")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    for system in ("git grep", "BM25", "untuned", "tuned"):
        assert any(line.startswith(system) for line in lines), system
    assert "leak check: 20 of 20 cases" in done.stdout
    assert str(tmp_path / "proof.html") in done.stderr
    page = (tmp_path / "proof.html").read_text()
    assert page.startswith("<!doctype html>")
    assert "20 of 20 cases saw nothing younger" in page
    assert "default-src 'none'" in page
    assert [path.name for path in tmp_path.iterdir()] == ["proof.html"]
    assert git(desk.repository, "status", "--porcelain") == ""


def test_the_document_has_every_case(desk: Desk, tmp_path: Path) -> None:
    """One object on one line; each case with its leak check."""
    done = desk("prove", "--json", "--quiet", "-n", "5", "--out", tmp_path / "proof.html")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""
    document = json.loads(done.stdout)
    assert document["format"] == "loccit-proof/1"
    assert document["report"] == str(tmp_path / "proof.html")
    assert len(document["cases"]) == document["replayed"] == 5
    assert all(case["leaks"]["holds"] for case in document["cases"])
    assert document["origin"] == "commits"


def test_fixed_issues_are_asked_where_a_tracker_was_read(desk: Desk, tmp_path: Path) -> None:
    """By their own text, which cannot steer the terminal."""
    done = desk("issues", "sync", "--from", desk.home.parent / "issues.jsonl")
    assert done.returncode == 0, done.stderr
    done = desk("prove", "--out", tmp_path / "proof.html")
    assert done.returncode == 0, done.stderr
    assert "2 fixed issues" in done.stdout
    assert "200 cases were asked for, and 2 fixed issues" in " ".join(done.stdout.split())
    assert "\x1b" not in done.stdout
    page = (tmp_path / "proof.html").read_text()
    assert "\x1b" not in page
    assert "\u202e" not in page


def test_an_earlier_report_is_replaced_and_nothing_else_is(desk: Desk, tmp_path: Path) -> None:
    """Another file under that name is refused before any work, and so is a folder."""
    report, other = tmp_path / "proof.html", tmp_path / "notes.html"
    assert desk("prove", "-n", "2", "--out", report).returncode == 0
    report.write_text(report.read_text() + "<!-- old -->")
    assert desk("prove", "-n", "2", "--out", report).returncode == 0
    assert "<!-- old -->" not in report.read_text()
    other.write_text("<!doctype html>mine")
    for place, said in (
        (other, "is no report"),
        (tmp_path, "is a folder"),
        (tmp_path / "no" / "x", "not there"),
    ):
        done = desk("prove", "-n", "2", "--out", place)
        assert (done.returncode, said in done.stderr) == (2, True), done.stderr
    assert other.read_text() == "<!doctype html>mine"


def test_interrupted_it_leaves_nothing_half_written(installed: Installed, tmp_path: Path) -> None:
    """Neither the page nor a draft of it; the exit code of Ctrl-C."""
    make_repository(tmp_path / "parcels", fixes(30))
    (tmp_path / "out").mkdir()
    done = on_terminal(
        [installed.prefix / "bin" / "loccit", "prove", "--out", tmp_path / "out" / "proof.html"],
        cwd=tmp_path / "parcels",
        env={**os.environ, "LOCCIT_HOME": str(tmp_path / "home")},
        interrupt_at=b"not indexed yet",
    )
    assert done.returncode == 130, done.output
    assert list((tmp_path / "out").iterdir()) == []
    assert list((tmp_path / "parcels").glob("*.html")) == []


@pytest.mark.parametrize(
    ("commits", "said"),
    [
        ([{"files": {path_of("zone"): source("zone", 1)}}], "1 commit"),
        (
            [
                {"files": {path_of("zone"): source("zone", 1)}},
                {"message": "", "files": {path_of("zone"): source("zone", 2)}},
            ],
            "2 commits",
        ),
    ],
)
def test_a_past_without_fixes_is_told(
    installed: Installed, tmp_path: Path, commits: list[Commit], said: str
) -> None:
    """An error with what a fix is, and no page."""
    desk = desk_at(tmp_path, commits, installed)
    done = desk("prove", "--out", tmp_path / "proof.html")
    assert done.returncode == 2, done.stderr
    assert f"no fix that can be asked again: {said}" in done.stderr
    assert not (tmp_path / "proof.html").exists()


def test_outside_of_every_repository_nothing_is_indexed(installed: Installed, tmp_path: Path) -> None:
    """Exit code 6, as the others have it."""
    done = installed("prove", cwd=tmp_path, env={"LOCCIT_HOME": str(tmp_path / "home")})
    assert done.returncode == 6
    assert "nothing is indexed yet" in done.stderr
