"""The record of a run tells all of it, holds no secret, and is found, listed and forgotten."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text, update

import loccit
from loccit.core.calls import Message, ModelCall, ModelReply, Origin, Speaker, TokenUsage
from loccit.core.errors import IndexBroken, InputError, ModelUnavailable
from loccit.storage.database import Database
from loccit.storage.tables import runs
from loccit.telemetry.calls import calling
from loccit.telemetry.records import RunRecord, RunStore, record_of
from loccit.telemetry.trace import Trace, recording, span
from tests.answers_at_hand import small_answer
from tests.planted_secrets import PLANTED


def traced(run: str = "5a" * 16, message: str = "overloaded") -> Trace:
    """A run of two calls, one of which failed."""
    call = ModelCall(purpose="answer", messages=(Message(Speaker.USER, "why?"),), prompt="answer@1")
    repair = ModelCall(purpose="repair", messages=(Message(Speaker.USER, "so?"),), prompt="repair@2")
    with recording(run) as trace:
        with span("search", {"hits": 12}):
            pass
        with pytest.raises(ModelUnavailable), calling("openai:big", call):
            raise ModelUnavailable(message, spent_usd=Decimal("0.25"))
        with span("check"), calling("openai:small", repair) as replied:
            usage = TokenUsage(1000, 200, 800, 0, 64)
            replied(ModelReply("x", "openai:small", usage, cost_usd=Decimal("0.0000001")))
        with calling("openai:small", call) as replied:
            replied(ModelReply("x", "openai:small", origin=Origin.CACHE))
    return trace


def record(run: str = "5a" * 16, *, at: float = 1767607200.5, **fields: Any) -> RunRecord:
    question = fields.pop("question", "where are rates kept?")
    trace = traced(run)
    trace.at = at
    return record_of(trace, kind="ask", question=question, outcome="answered", **fields)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database.in_folder(tmp_path)
    yield database
    database.close()


@pytest.fixture
def store(database: Database) -> RunStore:
    return RunStore(database)


def test_a_record_has_every_call_token_cent_and_verdict() -> None:
    found = record(
        answer=small_answer("where are rates kept?"), user="ana", settings={"models": {"answer": "x"}}
    )
    assert found.started_at == "2026-01-05T10:00:00.500000Z"
    assert found.cost_usd == Decimal("0.2500001")
    assert [(call.model, call.purpose, call.error, call.cost_usd) for call in found.calls] == [
        ("openai:big", "answer", "ModelUnavailable", Decimal("0.25")),
        ("openai:small", "repair", "", Decimal("0.0000001")),
        ("openai:small", "answer", "", Decimal(0)),
    ]
    assert found.calls[0].message == "overloaded"
    assert [call.origin for call in found.calls] == [Origin.MODEL, Origin.MODEL, Origin.CACHE]
    repaired = found.calls[1]
    assert (repaired.input_tokens, repaired.output_tokens) == (1000, 200)
    assert (repaired.cache_read_tokens, repaired.cache_write_tokens, repaired.reasoning_tokens) == (
        800,
        0,
        64,
    )
    assert found.prompts == ("answer@1", "repair@2")
    assert found.verdicts == {"supported": 1, "unsupported": 1}
    assert found.settings == {"models": {"answer": "x"}}
    assert list(found.timings_ms) == ["search", "call", "check"]
    assert found.timings_ms["call"] == pytest.approx(
        sum(s.took_ms for s in found.spans if s.number in {1, 4})
    )
    assert [(s.number, s.parent, s.name) for s in found.spans] == [
        (0, -1, "search"),
        (1, -1, "call"),
        (2, -1, "check"),
        (3, 2, "call"),
        (4, -1, "call"),
    ]
    assert found.answer_digest == small_answer("where are rates kept?").digest


def test_money_is_kept_as_decimal_text_and_comes_back_exact(database: Database, store: RunStore) -> None:
    store.save(record())
    with database.reading() as connection:
        kept = json.loads(connection.execute(select(runs.c.record)).scalar_one())
    assert kept["cost_usd"] == "0.2500001"
    assert store.get("5a").cost_usd == Decimal("0.2500001")
    assert store.list()[0].cost_usd == Decimal("0.2500001")


def test_what_is_kept_comes_back_as_it_was(store: RunStore) -> None:
    whole = record(
        answer=small_answer("q"), user="ana", session="s", error="x", settings={"a": {"b": [1, True]}}
    )
    store.save(whole)
    assert store.get(whole.id) == whole


def test_a_run_is_found_by_the_beginning_of_its_id_where_there_is_one_such(store: RunStore) -> None:
    for run in ("abc1", "abc2", "abc"):
        store.save(record(run))
    assert store.get("abc1").id == "abc1"
    assert store.get("abc").id == "abc"
    with pytest.raises(InputError, match="several runs begin with 'ab'"):
        store.get("ab")
    for none in ("x", "%", "_bc1", "", " "):
        with pytest.raises(InputError, match="no run"):
            store.get(none)


def test_runs_are_listed_newest_first_and_by_what_is_asked_for(store: RunStore) -> None:
    for number in range(5):
        store.save(record(f"r{number}", at=1000.0 + number, user="ana" if number % 2 else "ben"))
    assert [one.id for one in store.list()] == ["r4", "r3", "r2", "r1", "r0"]
    assert [one.id for one in store.list(limit=2)] == ["r4", "r3"]
    assert [one.id for one in store.list(since=1003.0)] == ["r4", "r3"]
    assert [one.id for one in store.list(user="ana")] == ["r3", "r1"]
    assert store.list(kind="triage") == ()
    first = store.list(limit=1)[0]
    assert (first.kind, first.outcome, first.question) == ("ask", "answered", "where are rates kept?")


def test_old_runs_and_those_of_a_user_are_forgotten(store: RunStore) -> None:
    for number in range(4):
        store.save(record(f"r{number}", at=1000.0 + number, user="ana" if number == 3 else "ben"))
    assert store.prune(1002.0) == 2
    assert store.erase("ana") == 1
    assert [one.id for one in store.list()] == ["r2"]


def test_a_record_whose_days_are_over_goes_when_another_is_kept(database: Database) -> None:
    RunStore(database).save(record("old", at=time.time() - 3 * 86_400))
    RunStore(database).save(record("new", at=time.time() - 1 * 86_400))
    RunStore(database, keep_days=2).save(record("now", at=time.time()))
    assert [one.id for one in RunStore(database).list()] == ["now", "new"]
    RunStore(database, keep_days=0).save(record("ancient", at=1000.0))
    assert len(RunStore(database).list()) == 3


def test_without_texts_neither_question_nor_answer_is_on_disk(tmp_path: Path) -> None:
    database = Database.in_folder(tmp_path)
    store = RunStore(database, keep_text=False)
    answer = small_answer("where is the hidden lighthouse?", text="In the lighthouse keeper's book.")
    store.save(record(question="where is the hidden lighthouse?", answer=answer))
    found = store.get("5a")
    assert (found.question, found.answer, found.answer_digest) == ("", None, answer.digest)
    database.close()
    assert b"lighthouse" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


@pytest.mark.parametrize("name", PLANTED)
def test_no_planted_secret_reaches_the_disk(name: str, tmp_path: Path) -> None:
    """Asked for, answered with, raised, set in a span or in the settings: it is in no byte of the folder."""
    secret, known_by = PLANTED[name]
    said = known_by.format(secret)
    trace = traced(message=said)
    with recording(trace.run) as more, span("note", {"said": said}):
        pass
    trace.spans += more.spans
    database = Database.in_folder(tmp_path)
    whole = record_of(
        trace,
        kind="ask",
        question=f"what is {said}?",
        outcome="answered",
        error=said,
        settings={"base_url": said, "list": [said]},
        answer=small_answer(f"what is {said}?", text=said),
    )
    RunStore(database).save(whole)
    database.close()
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"redacted]" in kept
    assert secret.encode() not in kept
    assert json.dumps(secret)[1:-1].encode() not in kept


@given(
    question=st.text(alphabet=st.characters(exclude_categories=[])),
    attribute=st.text(alphabet=st.characters(exclude_categories=[])),
)
def test_any_text_can_be_recorded(question: str, attribute: str) -> None:
    with recording("run") as trace, span("search", {"text": attribute}):
        pass
    found = record_of(trace, kind="ask", question=question, outcome="abstained")
    assert RunRecord.model_validate_json(found.model_dump_json()) == found


def test_a_record_that_cannot_be_read_is_told(database: Database, store: RunStore) -> None:
    store.save(record())
    with database.writing() as connection:
        connection.execute(update(runs).values(record='{"format": "loccit-run/9"}'))
    with pytest.raises(IndexBroken, match="record of run '5a"):
        store.get("5a")


def test_a_reader_of_the_list_reads_no_documents(database: Database, store: RunStore) -> None:
    """A list of thousands stays quick: what could be large is not among its columns."""
    store.save(record())
    with database.writing() as connection:
        connection.execute(text("UPDATE runs SET record = 'broken'"))
    assert len(store.list()) == 1


FULL = """
import resource, signal, sys
from pathlib import Path
from loccit.core.errors import StorageFailed
from loccit.storage.database import Database
from loccit.telemetry.records import RunStore, record_of
from loccit.telemetry.trace import Trace
store = RunStore(Database.in_folder(Path(sys.argv[1])))
def save(run, question="q"):
    store.save(record_of(Trace(run), kind="ask", question=question, outcome="answered"))
save("before")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
size = (Path(sys.argv[1]) / "state.sqlite-wal").stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
try:
    save("full", "q" * 100_000)
except StorageFailed as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
save("after")
"""


def test_a_full_disk_is_told_and_the_other_records_stay(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL, tmp_path],
        env={**os.environ, "PYTHONPATH": str(Path(loccit.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "has room" in done.stdout
    database = Database.in_folder(tmp_path)
    assert {one.id for one in RunStore(database).list()} == {"before", "after"}
    database.close()
