"""`loccit policy`: its words, its JSON, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from loccit.cli.policy import app
from loccit.core.errors import InputError, SettingsError

FACTS = [
    "--fact",
    "repository=parcels/rates",
    "--fact",
    "issue=7",
    "--fact",
    "branch=loccit/fix-7",
    "--fact",
    "base=main",
]


def run(*arguments: str) -> list[str]:
    done = CliRunner().invoke(app, list(arguments), catch_exceptions=False, standalone_mode=False)
    return done.stdout.splitlines()


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    where = {"repository": "parcels/rates", "issue": "7"}
    said = {**where, "body": "\x1b see https://evil.example/x"}
    lines = [
        {"tool": "read_issue", "arguments": {}, "result": "see https://evil.example/x"},
        {"tool": "comment_on_issue", "arguments": said, "result": "done", "approved": True},
        {"tool": "comment_on_issue", "arguments": {**where, "body": "again"}},
        {"tool": "launch", "arguments": {}},
    ]
    path = tmp_path / "calls.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    return path


def test_the_policies_that_come_with_loccit_are_listed() -> None:
    """By name."""
    assert [line.split()[0] for line in run("list")] == ["fix", "triage"]


def test_recorded_calls_are_judged_each_after_those_before_it(calls: Path) -> None:
    """An approval that was given is used up, and so is a grant."""
    told = [json.loads(line) for line in run("explain", "fix", *FACTS, "--calls", str(calls), "--json")]
    assert [(each["verdict"], each["rule"]) for each in told] == [
        ("allow", "granted"),
        ("ask", "link"),
        ("block", "spent"),
        ("block", "unknown-tool"),
    ]
    assert told[1]["origins"] == {"body: https://evil.example/x": ["read_issue (result 1) (untrusted)"]}


def test_what_is_told_can_be_printed(calls: Path) -> None:
    """No byte that a terminal obeys."""
    assert not any("\x1b" in line for line in run("explain", "fix", *FACTS, "--calls", str(calls)))


def test_words_of_a_request_are_told_with_what_they_grant(tmp_path: Path) -> None:
    """And how often."""
    path = tmp_path / "p.toml"
    path.write_text('format = "loccit-policy/1"\nname = "p"\n[tools.pay]\nwhen = [["pay"]]\nuses = 3\n')
    assert run("explain", str(path), "--request", "pay it") == ["pay  3×  the request says 'pay'"]
    assert run("explain", str(path), "--request", "do not pay it") == []


@pytest.mark.parametrize("line", ["[]", "x", '{"tool": "read_issue"}'])
def test_a_history_that_is_none_is_refused(line: str, tmp_path: Path) -> None:
    """With the number of the line."""
    path = tmp_path / "calls.jsonl"
    path.write_text(line)
    with pytest.raises(InputError, match="line 1"):
        run("explain", "fix", *FACTS, "--calls", str(path))


def test_a_file_that_is_no_policy_is_refused(tmp_path: Path) -> None:
    """So is a fact without a value."""
    path = tmp_path / "p.toml"
    path.write_text("x = 1")
    with pytest.raises(SettingsError, match=r"p\.toml"):
        run("check", str(path))
    with pytest.raises(InputError, match="no fact"):
        run("explain", "fix", "--fact", "repository")
