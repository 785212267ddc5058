"""`loccit eval` report, compare, gate, improve, export and import from the outside."""

from __future__ import annotations

import json
import subprocess
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from loccit.evals.log import read_log
from tests.e2e.conftest import Shop


@pytest.fixture(scope="module")
def desk(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The shop with a home of its own: the others' knows nothing of the built-in project."""
    return replace(shop, home=tmp_path_factory.mktemp("desk") / "home")


@pytest.fixture(scope="module")
def logs(desk: Shop, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The built-in samples, asked as they are and with a lower bar."""
    folder = tmp_path_factory.mktemp("logs")
    paths = folder / "before.jsonl", folder / "after.jsonl"
    for path, more in zip(paths, ((), ("--set", "retrieval.answer_confidence=0.1")), strict=True):
        done = desk("eval", "run", "builtin", "--log", path, "--quiet", *more)
        assert done.returncode == 0, done.stderr
    return paths


def gate(desk: Shop, old: Path, new: Path, *more: str | Path) -> subprocess.CompletedProcess[str]:
    return desk("eval", "gate", old, new, *more)


def test_a_comparison_says_what_changed_and_by_how_much(
    desk: Shop, logs: tuple[Path, Path], tmp_path: Path
) -> None:
    page, summary = tmp_path / "page.html", tmp_path / "summary.md"
    done = desk("eval", "compare", *logs, "--report", page, "--summary", summary)
    assert done.returncode == 0, done.stderr
    assert "coverage" in done.stdout
    assert "60 samples" in done.stdout
    assert page.read_text().startswith("<!doctype html>")
    assert "| " in summary.read_text()
    found = json.loads(desk("eval", "compare", *logs, "--json").stdout)
    coverage = next(one for one in found["metrics"] if one["metric"]["name"] == "coverage")
    assert coverage["difference"]["low"] > 0
    assert coverage["flips"]


def test_a_gate_passes_fails_or_cannot_tell_and_its_exit_code_says_which(
    desk: Shop, logs: tuple[Path, Path], tmp_path: Path
) -> None:
    before, after = logs
    assert gate(desk, before, after, "--margin", "coverage=0.05").returncode == 0
    failed = gate(desk, after, before, "--margin", "coverage=0.05")
    assert (failed.returncode, "FAIL" in failed.stdout) == (3, True)
    summary = tmp_path / "summary.md"
    unclear = gate(desk, before, after, "--margin", "abstention.recall=0.05", "--summary", summary)
    assert (unclear.returncode, "INCONCLUSIVE" in unclear.stdout) == (4, True)
    assert "INCONCLUSIVE" in summary.read_text()
    found = json.loads(gate(desk, before, after, "--margin", "abstention.recall=0.05", "--json").stdout)
    assert found["needed"] > 60


@pytest.mark.parametrize("margin", ["coverage", "coverage=much", "nothing=0.1", "coverage=-1", "coverage=5%"])
def test_a_margin_that_is_none_is_a_fault_of_use(desk: Shop, logs: tuple[Path, Path], margin: str) -> None:
    done = gate(desk, *logs, "--margin", margin)
    assert done.returncode == 2, done.stdout
    assert "Traceback" not in done.stderr


def test_logs_of_other_samples_and_files_that_are_none_are_refused(
    desk: Shop, logs: tuple[Path, Path], tmp_path: Path
) -> None:
    (tmp_path / "other.jsonl").write_text('{"id": "x", "question": "Where?", "gold": {"files": ["a"]}}\n')
    desk("eval", "run", tmp_path / "other.jsonl", "--log", tmp_path / "other.log", "--quiet")
    for other in (tmp_path / "other.log", tmp_path / "other.jsonl", tmp_path / "nothing"):
        done = desk("eval", "compare", logs[0], other)
        assert done.returncode in {2, 5}, done.stdout
        assert "Traceback" not in done.stderr


def test_a_report_of_one_log_or_several_is_a_page_that_stands_alone(
    desk: Shop, logs: tuple[Path, Path], tmp_path: Path
) -> None:
    for number, chosen in enumerate((logs[:1], logs)):
        page = tmp_path / f"{number}.html"
        done = desk("eval", "report", *chosen, "--out", page)
        assert done.returncode == 0, done.stderr
        text = page.read_text()
        assert "<script" not in text
        assert "builtin" in text
    found = json.loads(desk("eval", "report", logs[0], "--json").stdout)
    assert found["figures"]["coverage"]["samples"] == 36
    assert found["format"] == "loccit-eval-summary/1"


def test_logs_go_out_to_inspect_ai_and_come_back(desk: Shop, logs: tuple[Path, Path], tmp_path: Path) -> None:
    out, back = tmp_path / "out.json", tmp_path / "back.jsonl"
    assert desk("eval", "export", logs[0], "-o", out).returncode == 0
    assert desk("eval", "import", out, "-o", back).returncode == 0
    ours, theirs = read_log(logs[0]), read_log(back)
    assert [e.scores for e in ours.entries] == [e.scores for e in theirs.entries]
    assert gate(desk, logs[0], back, "--margin", "coverage=0.2").returncode in {0, 4}


def test_improve_asks_what_the_log_asked_and_changes_nothing_by_itself(
    desk: Shop, logs: tuple[Path, Path]
) -> None:
    """Not the repository that one happens to be in. The built-in project has no working tree: no lesson."""
    done = desk("eval", "improve", logs[0], "--json", "--tries", "2")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["format"] == "loccit-improvement/1"
    assert sum(len(samples) for samples in found["causes"].values()) > 10
    assert len(found["trials"]) == 2
    assert found["lesson"] is None
    assert not (desk.home / "settings.toml").exists()


def test_what_was_settled_is_a_lesson_in_the_repository_and_what_is_kept_can_be_applied(
    new_shop: Shop, tmp_path: Path
) -> None:
    """Every answer stands in the passage that comes second: a second one wins everywhere."""
    samples = [
        {
            "id": f"q{number}",
            "question": "how is a parcel weighed in grams, and where is its postage computed?",
            "gold": {"passages": [{"path": "src/parcels/weigh.py", "start_line": 1, "end_line": 3}]},
        }
        for number in range(60)
    ]
    dataset, space = tmp_path / "asked.jsonl", tmp_path / "space.toml"
    dataset.write_text("".join(json.dumps(one) + "\n" for one in samples))
    space.write_text('[[setting]]\nkey = "answering.passages"\nvalues = [3]\n')
    new_shop.home.mkdir(exist_ok=True)
    (new_shop.home / "settings.toml").write_text("[answering]\npassages = 1  # too few\n")
    log = tmp_path / "asked.log"
    assert new_shop("index", new_shop.parcels).returncode == 0
    assert new_shop("eval", "run", dataset, "--log", log, "--quiet").returncode == 0
    found = new_shop.json("eval", "improve", log, "--space", space, "--apply")
    assert (found["kept"], found["applied"]) == (True, True)
    (lesson,) = (new_shop.parcels / "docs" / "lessons").glob("*.md")
    assert found["lesson"] == str(lesson)
    front = tomllib.loads(lesson.read_text().split("+++\n")[1])
    assert (front["key"], front["before"], front["after"]) == ("answering.passages", 1, 3)
    assert "passages = 3  # too few" in (new_shop.home / "settings.toml").read_text()
