"""`loccit audit`, `alerts`, `backup`, `restore` and `runs export` as a person uses them."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest


@pytest.fixture
def run(installed, tmp_path: Path):
    def call(*arguments: str | Path, home: str = "home"):
        return installed(*arguments, env={"LOCCIT_HOME": str(tmp_path / home)}, cwd=tmp_path)

    return call


def test_the_audit_log_is_listed_and_checked(run, tmp_path: Path) -> None:
    """Exit codes: 1 without an act, 0 where all hold, 3 where one does not."""
    nothing = run("audit", "verify")
    assert (nothing.returncode, nothing.stdout) == (1, "")
    run("runs", "erase", "--user", "ana\x1b[31m", "--quiet")
    run("runs", "prune", "--keep-days", "9", "--quiet")
    listed = run("audit", "list").stdout.splitlines()
    assert [line.split()[0] for line in listed] == ["1", "2"]
    assert r"user erased  ana\x1b[31m" in listed[0]
    assert json.loads(run("audit", "list", "--json").stdout.splitlines()[1])["action"] == "runs pruned"
    assert run("audit", "list", "--since", "2100-01-01", "--quiet").stdout == ""
    held = run("audit", "verify")
    assert held.returncode == 0
    anchor = held.stdout.strip().rpartition(" ")[2]
    assert run("audit", "verify", "--anchor", anchor).returncode == 0
    assert run("audit", "verify", "--anchor", "nonsense").returncode == 2
    with sqlite3.connect(tmp_path / "home" / "state.sqlite") as connection:
        connection.execute("UPDATE audit SET actor = 'eve' WHERE number = 1")
    connection.close()
    broken = run("audit", "verify")
    assert broken.returncode == 3
    assert "row 1 was changed" in broken.stdout
    told = json.loads(run("audit", "verify", "--json").stdout)
    assert (told["holds"], told["broken"], told["rows"]) == (False, 1, 0)


def test_what_is_kept_about_a_user_is_written_to_a_new_file(run, tmp_path: Path) -> None:
    assert run("runs", "export", "--user", "ana", "ana.jsonl").returncode == 0
    lines = [json.loads(line) for line in (tmp_path / "ana.jsonl").read_text().splitlines()]
    assert [line["type"] for line in lines] == ["user", "act", "end"]
    assert (tmp_path / "ana.jsonl").stat().st_mode & 0o777 == 0o600
    again = run("runs", "export", "--user", "ana", "ana.jsonl")
    assert again.returncode == 2
    assert "is there already" in again.stderr
    assert json.loads(run("runs", "export", "--user", "ana", "-").stdout.splitlines()[-1])["counts"] == {
        "act": 2
    }


def test_prune_wants_one_of_its_two_moments(run) -> None:
    assert run("runs", "prune").returncode == 2
    assert run("runs", "prune", "--before", "2026-01-31", "--keep-days", "3").returncode == 2
    assert run("runs", "prune", "--keep-days", "0").returncode == 2


def test_an_alert_that_nobody_could_be_told_of_has_an_exit_code(run, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "settings.toml").write_text('[telemetry]\nalerts = "alerts.toml"\n')
    missing = run("alerts", "check")
    assert missing.returncode == 2
    assert "alerts.toml" in missing.stderr
    webhook = '[webhook]\nurl = "http://127.0.0.1:9/x"\nattempts = 1\n'
    (home / "alerts.toml").write_text(webhook)
    assert run("alerts", "check").returncode == 0
    rule = '[[rules]]\nname = "old"\nkind = "index_age"\nhours = 0.0000001\n'
    (home / "alerts.toml").write_text(rule + webhook)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("The shop opens at nine.\n")
    assert run("index", "notes", "--quiet").returncode == 0
    fires = run("alerts", "check")
    assert fires.returncode == 3
    assert "'old' (firing) was not delivered: the webhook at '127.0.0.1' cannot be reached" in fires.stderr
    (home / "alerts.toml").write_text(webhook)
    over = run("alerts", "check")
    assert over.returncode == 4
    assert json.loads(run("alerts", "--json").stdout)["alerts"][0]["state"] == "resolved"
    assert run("alerts", "--firing").stdout == ""
    (home / "alerts.toml").write_text(webhook + 'secret_variable = "LOCCIT_NO_SECRET"\n')
    unsigned = run("alerts", "check")
    assert unsigned.returncode == 2
    assert "LOCCIT_NO_SECRET" in unsigned.stderr


def test_a_home_is_backed_up_and_restored(run, tmp_path: Path) -> None:
    run("runs", "erase", "--user", "ana", "--quiet")
    assert run("backup", "b.tar.gz", "--quiet").stdout == ""
    assert run("backup", "b.tar.gz").returncode == 2
    assert run("restore", "b.tar.gz").returncode == 2
    assert run("restore", "b.tar.gz", "--into", tmp_path / "new").returncode == 0
    assert run("audit", "verify", home="new").stdout.startswith("3 acts hold")
    forced = json.loads(run("restore", "b.tar.gz", "--force", "--json", home="new").stdout)
    assert forced["replaced"].startswith(str(tmp_path / "new" / "replaced-"))
    (tmp_path / "b.tar.gz").write_bytes(b"nonsense")
    damaged = run("restore", "b.tar.gz", "--into", tmp_path / "third")
    assert damaged.returncode == 2
    assert "is damaged, or is none" in damaged.stderr
