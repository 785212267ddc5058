"""`loccit runs` as a person uses it: the list, the story of one run, forgetting."""

from __future__ import annotations

import json
import os
import subprocess
from decimal import Decimal
from pathlib import Path

import pytest

from loccit.core.calls import Finish, Message, ModelCall, ModelReply, Origin, Speaker, TokenUsage
from loccit.core.errors import ModelUnavailable
from loccit.storage.conversations import Conversations
from loccit.storage.database import Database
from loccit.telemetry.calls import calling
from loccit.telemetry.records import RunRecord, RunStore, record_of
from loccit.telemetry.trace import recording, span
from tests.answers_at_hand import small_answer

ANSWER = ModelCall("answer", (Message(Speaker.USER, "why?"),), prompt="answer@1")
REPAIR = ModelCall("repair", (Message(Speaker.USER, "so?"),), prompt="repair@2")


def record(run: str, *, at: float, question: str, user: str = "ana") -> RunRecord:
    """A run with a search, a call that fails, one that is answered, and a repair within the check."""
    with recording(run) as trace:
        with span("search", {"hits": 12}):
            pass
        with pytest.raises(ModelUnavailable), calling("openai:big", ANSWER):
            raise ModelUnavailable("overloaded")
        with calling("openai:small", ANSWER) as replied:
            usage = TokenUsage(3120, 410, 2048, 0, 64)
            replied(ModelReply("x", "openai:small", usage, cost_usd=Decimal("0.01")))
        with span("check"), calling("openai:small", REPAIR) as replied:
            replied(ModelReply("x", "openai:small", finish=Finish.LENGTH, origin=Origin.CACHE))
    trace.at = at
    answer = small_answer(question)
    return record_of(trace, kind="ask", question=question, outcome="answered", answer=answer, user=user)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Three runs and a conversation."""
    database = Database.in_folder(tmp_path / "home")
    store = RunStore(database)
    store.save(record("aa" * 16, at=1767607200.0, question="where are\nrates kept? " + "x" * 200))
    store.save(record("ab" * 16, at=1767693600.0, question="who changed them? \x1b[31m"))
    store.save(record("bb" * 16, at=1767780000.0, question="why?", user="ben"))
    conversations = Conversations(database)
    conversations.add(conversations.begin("ana"), "aa" * 16, "q", small_answer("q"))
    database.close()
    return tmp_path / "home"


def run(installed, home: Path, *arguments: str):
    return installed("runs", *arguments, env={"LOCCIT_HOME": str(home)})


def test_runs_are_listed_newest_first_in_columns(installed, home: Path) -> None:
    done = run(installed, home)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line[:28] for line in lines] == [
        "bbbbbbbb  2026-01-07 10:00  ",
        "abababab  2026-01-06 10:00  ",
        "aaaaaaaa  2026-01-05 10:00  ",
    ]
    assert all("ask  answered" in line and "$0.0100" in line and " ms  " in line for line in lines)
    assert lines[1].endswith(r"who changed them? \x1b[31m")
    assert "where are rates kept? xxx" in lines[2]
    assert lines[2].endswith("…")
    assert max(map(len, lines)) <= 100


def test_the_list_can_be_narrowed_and_read_by_a_program(installed, home: Path) -> None:
    assert run(installed, home, "--user", "ben").stdout.count("\n") == 1
    assert run(installed, home, "--since", "2026-01-06").stdout.count("\n") == 2
    assert run(installed, home, "-n", "1").stdout.startswith("bbbbbbbb")
    assert run(installed, home, "--kind", "triage").stdout == ""
    document = json.loads(run(installed, home, "--json").stdout)
    assert document["format"] == "loccit-runs/1"
    assert [one["id"] for one in document["runs"]] == ["bb" * 16, "ab" * 16, "aa" * 16]
    assert document["runs"][0]["cost_usd"] == "0.01"
    assert document["runs"][0]["started_at"] == "2026-01-07T10:00:00.000000Z"


def test_a_run_is_told_as_a_tree(installed, home: Path) -> None:
    done = run(installed, home, "show", "bb")
    assert done.returncode == 0, done.stderr
    head, question, summary, _, *tree = done.stdout.splitlines()
    assert head == f"{'bb' * 16}  ask, answered, 2026-01-07 10:00:00 UTC"
    assert question == "why?"
    assert summary.startswith("3 calls; $0.0100; ")
    assert summary.endswith("; 1 supported; 1 unsupported; prompts answer@1, repair@2; by ben")
    assert [line.split(" ms")[0].rstrip("0123456789.,").rstrip() for line in tree] == [
        "├─ search",
        "├─ call",
        "├─ call",
        "└─ check",
        "   └─ call",
    ]
    assert [line.partition(" ms  ")[2] for line in tree] == [
        "hits=12",
        "ModelUnavailable overloaded  openai:big  answer@1",
        "openai:small  answer@1  $0.0100  3,120 tokens in (2,048 cached), 410 out (64 reasoning)",
        "",
        "openai:small  repair@2  from the cache  0 tokens in, 0 out  ended by length",
    ]
    places = {line.index(" ms") for line in tree}
    assert len(places) == 1
    whole = json.loads(run(installed, home, "show", "bb", "--json").stdout)
    assert whole["format"] == "loccit-run/1"
    assert whole["answer"]["question"] == "why?"


def test_a_run_that_there_is_not_is_told(installed, home: Path) -> None:
    none, several = run(installed, home, "show", "cc"), run(installed, home, "show", "a")
    assert (none.returncode, several.returncode) == (2, 2)
    assert "there is no run 'cc'" in none.stderr
    assert "several runs begin with 'a'" in several.stderr


def test_runs_are_forgotten_by_date_and_by_user(installed, home: Path) -> None:
    assert (
        run(installed, home, "prune", "--before", "2026-01-06").stdout
        == "forgot 1 run, 0 turns and 0 ratings\n"
    )
    erased = run(installed, home, "erase", "--user", "ana", "--json")
    assert json.loads(erased.stdout) == {
        "format": "loccit-runs-forgotten/1",
        "runs": 1,
        "conversations": 1,
        "ratings": 0,
        "replies": 0,
        "charges": 0,
        "alerts": 0,
        "agent_runs": 0,
    }
    assert [line[:8] for line in run(installed, home).stdout.splitlines()] == ["bbbbbbbb"]


@pytest.mark.parametrize("option", [["--since"], ["prune", "--before"]])
def test_what_is_no_date_is_refused(installed, home: Path, option: list[str]) -> None:
    done = run(installed, home, *option, "yesterday")
    assert done.returncode == 2
    assert "'yesterday' is no date" in done.stderr


def test_without_runs_it_says_so_and_the_database_of_a_newer_loccit_is_refused(
    installed, tmp_path: Path
) -> None:
    done = run(installed, tmp_path / "new")
    assert (done.returncode, done.stdout) == (0, "")
    assert "no run is recorded" in done.stderr
    database = Database.in_folder(tmp_path / "new")
    with database.writing() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    done = run(installed, tmp_path / "new")
    assert done.returncode == 6
    assert "newer loccit" in done.stderr


def test_the_keyless_road_opens_no_database(installed, shop) -> None:
    """Searching and asking without a model loads no database and no OpenTelemetry, and records nothing."""
    heavy = "sqlalchemy alembic opentelemetry pydantic_ai".split()
    code = (
        "import sys; from loccit.library import Loccit; loccit = Loccit(); loccit.search('price'); "
        f"loccit.ask('what does a parcel cost?'); print([m for m in {heavy} if m in sys.modules])"
    )
    done = subprocess.run(
        [installed.python, "-c", code],
        env={**os.environ, "LOCCIT_HOME": str(shop.home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[]\n"
    assert not (shop.home / "state.sqlite").exists()
