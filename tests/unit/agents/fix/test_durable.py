"""A fix survives the process that works on it, and is shown again for nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.planted_issues import scripts
from loccit import Loccit
from loccit.agents.fix.asked import followed
from loccit.core.errors import InputError, ModelNotConfigured, Unsupported
from loccit.core.fixes import FixOutcome
from tests.unit.agents.fix.durable_run import ISSUE, agents_in, begin

ROOT = Path(__file__).resolve().parents[4]


def test_a_run_that_is_killed_goes_on_and_makes_each_commit_once(tmp_path: Path) -> None:
    home, run = begin(tmp_path)
    path = f"{ROOT / 'src'}{os.pathsep}{ROOT}"
    worker = subprocess.Popen(
        [sys.executable, "-m", "tests.unit.agents.fix.durable_run", str(home), run],
        env={**os.environ, "PYTHONPATH": path},
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    agents = agents_in(home)
    try:
        until = time.monotonic() + 60
        while not any(event.text.startswith("edit:") for event in agents.store.events(run)):
            assert time.monotonic() < until
            time.sleep(0.05)
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    told: list[str] = []
    fix = followed(agents, run, "0", told.append)
    assert fix.outcome is FixOutcome.FIXED, fix.why
    assert [step.name for step in fix.steps if step.commit] == ["reproduce", "edit"]
    assert fix.run is not None
    # Every part told of itself once, before the kill or after it.
    assert [text.partition(":")[0] for text in told].count("plan") == 1
    shown: list[str] = []
    again = Loccit(home).replay_fix(run, tell=shown.append)
    assert again == fix.model_copy(update={"run": again.run})
    assert shown == told
    bundle = Loccit(home).fix_bundle(fix, repo=str(tmp_path / "spans"))
    assert bundle.startswith(b"# v2 git bundle\n")


def test_a_model_has_a_plan_its_long_outputs_and_skills_at_hand(tmp_path: Path) -> None:
    turns = dict(scripts.good(ISSUE))
    aids = [
        scripts.call("plan", goal="See it fail", steps=["read", "write the test"]),
        scripts.call("skill", name="write-a-regression-test"),
        scripts.call("read_output", name="output-1", last_line=2),
    ]
    turns["fix_reproduce"] = [*aids, *turns["fix_reproduce"]]
    home, run = begin(tmp_path, turns)
    agents = agents_in(home)
    fix = followed(agents, run, "0", lambda text: None)
    assert fix.outcome is FixOutcome.FIXED, fix.why
    used = [event for event in agents.store.events(run) if event.kind == "tool"]
    said = {event.details["tool"]: event for event in used}
    assert {said[name].details["verdict"] for name in ("plan", "skill", "read_output")} == {"allow"}
    assert "See it fail" in said["plan"].text
    assert "A regression test is worth having" in said["skill"].text
    # What the skill said was long enough to be kept.
    assert not said["read_output"].details["is_error"]


def test_without_a_model_it_says_what_to_configure_and_does_nothing(tmp_path: Path) -> None:
    with pytest.raises(ModelNotConfigured, match=r"\[agents\]"):
        Loccit(tmp_path / "home").fix(ISSUE.issue, repo=str(tmp_path))


@pytest.mark.parametrize("issue", ["", "  \n", b"\x00\x01binary", "\ud800"])
def test_an_issue_that_is_none_is_refused_before_anything_is_begun(
    tmp_path: Path, issue: str | bytes
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "settings.toml").write_text('[models]\nanswer = "scripted:quote-first"\n')
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "a.py").write_text("a = 1\n")
    loccit = Loccit(home)
    loccit.index(tmp_path / "plain")
    with pytest.raises(InputError):
        loccit.fix(issue)
    with pytest.raises(Unsupported, match="git init"):
        loccit.fix("It fails")
    assert loccit.agents().store.list() == ()
