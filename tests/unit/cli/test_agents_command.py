"""`loccit agents` as a person uses it: begun, asked about, approved, watched."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import loccit as package

BLUEPRINT = """
from tests.agent_runs import Bench

async def post(run, task):
    done = await run.loop("post", prompt=task["what"], tools=Bench().gateway())
    return done.ending.value
"""
SETTINGS = """
[models]
answer = "scripted:post.toml"
[agents.blueprints]
post = "posting:post"
broken = "posting:nothing"
"""
SCRIPT = """
[[rules]]
turn = 1
calls = [{ name = "publish", arguments = { text = "news\\u001b[31m" } }]
[[rules]]
calls = [{ name = "finish", arguments = { summary = "posted" } }]
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "posting.py").write_text(BLUEPRINT)
    home = tmp_path / "home"
    home.mkdir()
    (home / "settings.toml").write_text(SETTINGS.replace('broken = "posting:nothing"\n', ""))
    (home / "post.toml").write_text(SCRIPT)
    return home


def agents(home: Path, *arguments: str, word: str = "agents") -> subprocess.CompletedProcess[str]:
    root = Path(__file__).resolve().parents[3]
    paths = [str(Path(package.__file__).parents[1]), str(root), str(home.parent)]
    environment = {"LOCCIT_HOME": str(home), "PYTHONPATH": os.pathsep.join(paths)}
    return subprocess.run(
        [sys.executable, "-P", "-m", "loccit", word, *arguments],
        env=os.environ | environment,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


def said(home: Path, *arguments: str) -> Any:
    done = agents(home, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_run_is_begun_approved_and_watched(home: Path) -> None:
    task = home / "task.json"
    task.write_text('{"what": "Post it."}')
    begun = said(home, "begin", "post", "--task", f"@{task}", "--wait")
    assert begun["format"] == "loccit-agent-run/1"
    assert (begun["state"], begun["task"]) == ("waiting", {"what": "Post it."})
    (question,) = begun["questions"]
    assert question["kind"] == "approval"
    run = begun["id"][:8]
    shown = agents(home, "show", run).stdout
    assert "May publish be called with exactly this?" in shown
    assert "yes|no --hash " in shown
    assert "\x1b" not in shown
    wrong = agents(home, "approve", run, "--hash", "0000")
    assert (wrong.returncode, "another call" in wrong.stderr) == (2, True)
    assert said(home, "approve", run, "--hash", question["arguments_hash"])["state"] == "queued"
    assert agents(home, "work", "--idle", "1", "--quiet").returncode == 0
    (listed,) = said(home, "list")["runs"]
    assert (listed["state"], listed["result"]) == ("done", "finished")
    watched = agents(home, "watch", run, word="runs").stdout.splitlines()
    assert [line.split()[1] for line in watched] == [
        *("queued", "begun", "model", "waiting", "answer", "begun", "tool", "model", "done")
    ]
    again = agents(home, "approve", run)
    assert (again.returncode, "asks nothing" in again.stderr) == (2, True)


def test_what_cannot_be_begun_is_said(home: Path) -> None:
    for arguments, words in (
        (("begin", "paint"), "there is no blueprint 'paint'"),
        (("begin", "post", "--task", "{"), "the task cannot be read"),
        (("show", "ffff"), "there is no run of an agent 'ffff'"),
        (("answer", "ffff", "perhaps"), "'perhaps' is no answer"),
    ):
        done = agents(home, *arguments)
        assert done.returncode == 2
        assert words in done.stderr
    (home / "settings.toml").write_text(SETTINGS)
    done = agents(home, "begin", "post")
    assert (done.returncode, "is not at 'posting:nothing'" in done.stderr) == (2, True)


def test_nothing_is_listed_where_nothing_was_begun(home: Path) -> None:
    assert said(home) == {"format": "loccit-agent-runs/1", "runs": []}
    assert agents(home).stderr.strip() == "no run of an agent was begun yet"
