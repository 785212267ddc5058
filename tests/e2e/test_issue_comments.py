"""`loccit issues comment` and `loccit issues shadow`, and the Action that comes along."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import loccit
from loccit import Loccit
from loccit.pipeline.issue_comment import MARKER
from tests.trackers import FakeTracker

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "docs" / "reference" / "loccit-triage-1.example.json"
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "integrations/github-action/action.yml").read_text())
WORKFLOW: dict[str, Any] = yaml.safe_load((ROOT / "docs/how-to/loccit-triage.yml").read_text())


@pytest.fixture
def github() -> Iterator[FakeTracker]:
    fake = FakeTracker()
    yield fake
    fake.close()


def run(home: Path, *arguments: object, token: str = "write-token") -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "LOCCIT_HOME": str(home),
        "LOCCIT_WRITE_TOKEN": token,
        "PYTHONPATH": str(Path(loccit.__file__).parents[1]),
    }
    return subprocess.run(
        [sys.executable, "-m", "loccit", "issues", *map(str, arguments)],
        env=environment,
        cwd=home.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def comment(home: Path, github: FakeTracker, file: Path, *more: str, **options: Any) -> Any:
    tracker = f"github:acme/weather@{github.url}"
    return run(home, "comment", file, "--tracker", tracker, "--issue", "1", *more, **options)


def test_a_triage_is_written_once_and_edited_from_then_on(tmp_path: Path, github: FakeTracker) -> None:
    """With the write token, in an empty home: nothing of the repository is needed."""
    done = comment(tmp_path / "home", github, EXAMPLE)
    assert done.returncode == 0, done.stderr
    (first,) = github.ours
    assert first["body"].startswith(MARKER)
    assert github.tokens == {"Bearer write-token"}
    assert comment(tmp_path / "home", github, EXAMPLE).returncode == 0
    assert [method for method, *_ in github.writes] == ["POST"]


def test_a_dry_run_prints_it_and_asks_nobody(tmp_path: Path, github: FakeTracker) -> None:
    done = comment(tmp_path / "home", github, EXAMPLE, "--dry-run", token="")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(MARKER)
    assert github.writes == []
    assert github.reads == []


def test_a_triage_with_nothing_to_say_writes_nothing(tmp_path: Path, github: FakeTracker) -> None:
    silent = Loccit(tmp_path / "home").triage("it does not work").to_json()
    (tmp_path / "triage.json").write_text(silent)
    assert comment(tmp_path / "home", github, tmp_path / "triage.json").returncode == 1
    assert github.writes == []
    github.comments.append({"id": 1, "body": f"{MARKER} old", "user": {"login": "loccit-bot", "id": 5}})
    assert comment(tmp_path / "home", github, tmp_path / "triage.json").returncode == 0
    assert "too little" in github.comments[0]["body"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("comment", "missing.json", "--tracker", "github:a/b", "--issue", "1"), "missing.json"),
        (("comment", EXAMPLE, "--tracker", "github:a/b", "--issue", "../../user"), "no issue"),
        (("comment", EXAMPLE, "--tracker", "issues.jsonl", "--issue", "1"), "no issue"),
    ],
)
def test_what_cannot_be_done_is_told(tmp_path: Path, arguments: tuple[object, ...], said: str) -> None:
    done = run(tmp_path / "home", *arguments)
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr


def test_without_a_token_nothing_is_asked(tmp_path: Path, github: FakeTracker) -> None:
    done = comment(tmp_path / "home", github, EXAMPLE, token="")
    assert (done.returncode, "LOCCIT_WRITE_TOKEN" in done.stderr) == (2, True)
    assert github.reads == []


def test_a_forged_file_is_refused(tmp_path: Path, github: FakeTracker) -> None:
    (tmp_path / "triage.json").write_text('{"format": "loccit-triage/1"}')
    assert comment(tmp_path / "home", github, tmp_path / "triage.json").returncode == 2
    assert github.writes == []


def test_shadow_shows_figures_with_intervals(tmp_path: Path) -> None:
    """Of an issue that was mended after it was triaged; before that it says what is missing."""
    home = tmp_path / "home"
    nothing = run(home, "shadow")
    assert (nothing.returncode, "nothing can be compared yet" in nothing.stderr) == (1, True)
    issues = Loccit(home).triaged_issues()
    triage = EXAMPLE.read_text().strip()
    first = json.loads(triage)["suspects"][0]["path"]
    issues.change("github:a/b", "1", "parcels", triage=triage, triaged_at=100.0, mode="shadow")
    issues.fixed("github:a/b", ["1"], "parcels", "f" * 40, [first])
    shown = run(home, "shadow")
    assert shown.returncode == 0, shown.stderr
    assert "1 issue triaged, 1 of them scored" in shown.stdout
    assert "100.0% (" in shown.stdout
    document = json.loads(run(home, "shadow", "--json").stdout)
    assert document["format"] == "loccit-shadow/1"
    assert [hit["files"] for hit in document["hits"]] == [1, 5, 10]


# The Action


def test_who_reads_the_issue_can_write_nothing_and_who_writes_reads_no_issue() -> None:
    """No permission beyond that, no secret, no token in the checkout, and no other trigger."""
    assert WORKFLOW["permissions"] == {}
    jobs = WORKFLOW["jobs"]
    assert jobs["triage"]["permissions"] == {"contents": "read", "issues": "read"}
    assert jobs["comment"]["permissions"] == {"contents": "read", "issues": "write"}
    assert WORKFLOW[True] == {"issues": {"types": ["opened", "edited", "reopened"]}}  # YAML's `on`
    text = (ROOT / "docs/how-to/loccit-triage.yml").read_text()
    assert "secrets." not in text
    assert text.count("persist-credentials: false") == 2
    for name, job in jobs.items():
        steps = [step["with"]["step"] for step in job["steps"] if "step" in step.get("with", {})]
        assert steps == [name]


def test_no_text_of_an_issue_gets_into_an_expression_or_a_script() -> None:
    """The number of the issue is all that is taken from the event, and that by the environment."""
    for text in (ROOT / "docs/how-to/loccit-triage.yml", ROOT / "integrations/github-action/action.yml"):
        expressions = [part.partition("}}")[0].strip() for part in text.read_text().split("${{")[1:]]
        taken = {one for one in expressions if one.startswith("github.event")}
        assert taken <= {"github.event.issue.number"}
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step["run"]
        assert step["shell"] == "bash"
    (writes,) = [step for step in ACTION["runs"]["steps"] if "LOCCIT_WRITE_TOKEN" in step.get("env", {})]
    assert "GITHUB_EVENT_PATH" not in writes["run"]
    assert "loccit triage" not in writes["run"]


def test_only_githubs_own_actions_are_used_in_a_major_version() -> None:
    used = [step["uses"] for job in WORKFLOW["jobs"].values() for step in job["steps"] if "uses" in step]
    ours = "./.github/actions/loccit-triage"
    assert all(name == ours or (name.startswith("actions/") and "@v" in name) for name in used), used
    assert ACTION["runs"]["using"] == "composite"
    assert not [step for step in ACTION["runs"]["steps"] if "uses" in step]


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not here; GitHub's runners have it")
def test_the_steps_hand_the_issue_on_as_it_is(tmp_path: Path) -> None:
    """Run as the runner does, with a text that would do harm if a shell ever saw it."""
    (tmp_path / "bin").mkdir()
    recorder = tmp_path / "bin" / "loccit"
    recorder.write_text('#!/bin/sh\necho "$@" >> "$LOG"\nif [ "$1" = triage ]; then cat; exit 1; fi\n')
    recorder.chmod(0o755)
    title = "$(touch harm) `touch harm` \"; touch harm; ' @x"
    (tmp_path / "event.json").write_text(json.dumps({"issue": {"title": title, "body": None}}))
    (step,) = [one for one in ACTION["runs"]["steps"] if one.get("if") == "inputs.step == 'triage'"]
    environment = {
        "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "LOG": str(tmp_path / "log"),
        "GITHUB_REPOSITORY": "acme/weather",
        "GITHUB_EVENT_PATH": str(tmp_path / "event.json"),
        "FILE": "triage.json",
    }
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "triage.json").read_text().rstrip("\n") == title
    assert not (tmp_path / "harm").exists()
    assert (tmp_path / "log").read_text().splitlines()[1] == (
        "issues sync --from github:acme/weather --wait --quiet"
    )
