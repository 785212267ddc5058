"""`loccit eval mine`, `loccit eval from-runs` and `loccit runs rate` as a person runs them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from loccit.evals.datasets import read_dataset
from loccit.storage.database import Database
from loccit.telemetry.records import RunStore
from tests.repositories import make_repository
from tests.unit.evals.test_from_runs import ANSWERED, SILENT
from tests.unit.learning.fixing import fixes
from tests.unit.learning.test_mine_samples import DESK, documented
from tests.unit.telemetry.test_records import record

GOOD, BAD, QUIET, OLD = "aa" * 16, "ab" * 16, "bb" * 16, "cc" * 16
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `loccit` in the repository `parcels` of the test's folder."""
    monkeypatch.setenv("LOCCIT_HOME", str(tmp_path / "home"))

    def loccit(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-P", "-m", "loccit", *map(str, arguments)]
        return subprocess.run(
            command, cwd=tmp_path / "parcels", capture_output=True, encoding="utf-8", check=False
        )

    return loccit


@pytest.fixture
def parcels(tmp_path: Path) -> Path:
    make_repository(tmp_path / "parcels", [*documented(), *fixes(6)[1:]])
    return tmp_path / "parcels"


@pytest.fixture
def recorded(tmp_path: Path) -> None:
    """A run that is answered, one that nobody rates, one that abstains, and one without texts."""
    (tmp_path / "parcels").mkdir()
    database = Database.in_folder(tmp_path / "home")
    store = RunStore(database)
    store.save(record(GOOD, at=1767607200.0, answer=ANSWERED))
    store.save(record(BAD, at=1767693600.0, answer=ANSWERED))
    store.save(record(QUIET, at=1767780000.0, answer=SILENT))
    RunStore(database, keep_text=False).save(record(OLD, at=1767780001.0, answer=ANSWERED))
    database.close()


def test_mining_writes_a_dataset_and_says_what_is_in_it(run: Run, parcels: Path) -> None:
    """How many of each kind, what was left out and why, the leak check, and what to do next."""
    done = run("eval", "mine")
    assert done.returncode == 0, done.stderr
    assert "localise  fixes" in done.stdout
    assert "name their answer" in done.stdout
    assert "left out" in done.stdout
    assert "samples of the past checked, none leaks" in done.stdout
    assert "next: loccit eval run loccit-mined.jsonl" in done.stderr
    made = read_dataset(parcels / "loccit-mined.jsonl")
    assert {sample.repo for sample in made.samples} == {"parcels"}
    again = run("eval", "mine", "--json", "--quiet", "-o", "again.jsonl")
    document = json.loads(again.stdout)
    assert document["format"] == "loccit-mined/1"
    assert document["kinds"] == {"localise": 6, "changes": 6, "questions": 11}
    assert document["digest"] == made.digest
    assert (parcels / "again.jsonl").read_bytes() == (parcels / "loccit-mined.jsonl").read_bytes()


def test_kinds_and_numbers_can_be_chosen(run: Run, parcels: Path, tmp_path: Path) -> None:
    make_repository(tmp_path / "boats", [{"files": {"src/boat.py": DESK.replace("parcel", "ferry")}}])
    assert run("index", "--quiet", tmp_path / "boats").returncode == 0
    more = ["--unanswerable-from", "boats", "--json", "-q"]
    done = run("eval", "mine", "-k", "questions", "-k", "changes", "-n", "2", *more)
    assert done.returncode == 0, done.stderr
    kinds = json.loads(done.stdout)["kinds"]
    assert (kinds["changes"], kinds["questions"]) == (2, 2)
    assert set(kinds) == {"changes", "questions", "unanswerable"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--kind", "all-of-it"], "--kind is 'all-of-it'"),
        (["--count", "0"], "--count is 0"),
        (["--since", "yesterday"], "'yesterday' is no date"),
        (["--out", "nowhere/x.jsonl"], "is not there"),
        (["--out", "notes.txt"], "is no dataset that loccit made"),
        (["--unanswerable-from", "parcels"], "answers its own questions"),
        (["--unanswerable-from", "boats"], "boats"),
        (["--kind", "localise", "--since", "2100-01-01"], "nothing could be mined"),
    ],
)
def test_what_cannot_be_mined_is_told(run: Run, parcels: Path, arguments: list[str], said: str) -> None:
    """With an exit code that is not 0, and no file of anybody's is replaced."""
    (parcels / "notes.txt").write_text("mine")
    done = run("eval", "mine", *arguments)
    assert done.returncode not in {0, 70}, done.stderr
    assert said in done.stderr
    assert (parcels / "notes.txt").read_text() == "mine"
    assert not (parcels / "loccit-mined.jsonl").exists()


@pytest.mark.usefixtures("recorded")
def test_runs_are_rated_and_become_samples(run: Run, tmp_path: Path) -> None:
    """Those that are none are counted and named."""
    assert run("runs", "rate", "aa", "--good").stdout == "run aaaaaaaa is rated good\n"
    told = run("runs", "rate", "bb", "--bad", "--correction", "In rates.py", "--file", "rates.py", "--json")
    kept = json.loads(told.stdout)
    assert (kept["format"], kept["thumb"], kept["files"]) == ("loccit-rating/1", "down", ["rates.py"])
    done = run("eval", "from-runs", "--rated-only")
    assert done.returncode == 0, done.stderr
    assert "4 runs: 2 samples" in done.stdout
    assert "left out 1: its texts are not kept (cccccccc)" in done.stdout
    assert "left out 1: nobody rated it (abababab)" in done.stdout
    made = read_dataset(tmp_path / "parcels" / "loccit-from-runs.jsonl")
    assert [sample.id for sample in made.samples] == [f"run-{GOOD}", f"run-{QUIET}"]
    assert made.samples[1].gold.answer == "In rates.py"
    all_of_them = json.loads(run("eval", "from-runs", "--json", "-o", "all.jsonl").stdout)
    assert all_of_them["rated"] == {"down": 1, "no": 1, "up": 1}
    younger = json.loads(run("eval", "from-runs", "--json", "--since", "2026-01-06").stdout)
    assert younger["runs"] == 3


@pytest.mark.usefixtures("recorded")
def test_what_a_user_said_is_erased_with_them(run: Run) -> None:
    run("runs", "rate", "aa", "--good", "--user", "ben")
    erased = run("runs", "erase", "--user", "ben")
    assert erased.stdout == "forgot 0 runs, 0 conversations and 1 rating\n"
    assert run("eval", "from-runs", "--rated-only").returncode == 2
    run("runs", "rate", "aa", "--good")
    pruned = json.loads(run("runs", "prune", "--before", "2026-01-06", "--json").stdout)
    assert (pruned["runs"], pruned["ratings"]) == (1, 1)


@pytest.mark.usefixtures("recorded")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["aa"], "is it --good or --bad?"),
        (["aa", "--good", "--bad"], "is it --good or --bad?"),
        (["aa", "--good", "--correction", "x"], "a good answer needs no correction"),
        (["zz", "--good"], "there is no run 'zz'"),
        (["aa", "--bad", "--file", "/etc/passwd"], "no path of a file"),
    ],
)
def test_a_rating_that_says_nothing_is_refused(run: Run, arguments: list[str], said: str) -> None:
    done = run("runs", "rate", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
