"""What is kept about a user is exported whole and erased whole, over both databases."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from loccit import Loccit
from loccit.agents.durable.ledger import Ledger
from loccit.agents.durable.store import RunStore
from loccit.agents.durable.values import Question, QuestionKind
from loccit.agents.limits import Limits
from loccit.budgets.deadline import Deadline
from loccit.budgets.ledger import ERASED
from loccit.core.calls import ModelReply, Payer, TokenUsage, ToolCall
from loccit.models.cache import ReplyCache
from loccit.settings import Settings
from loccit.storage.options import StorageOptions
from loccit.storage.tables import METADATA, agent_events, agent_intents, agent_questions, agent_replies
from loccit.telemetry.alerts import Reading
from loccit.telemetry.feedback import Thumb
from loccit.telemetry.scores import RunScore
from tests.answers_at_hand import small_answer
from tests.contract.postgresql import PostgreSQL, postgresql_server
from tests.unit.telemetry.test_records import record

USERS = ("ana", "ben")
# Not so long ago that records would go by themselves.
BASE = float(int(time.time()) - 20_000)
# What has no name in it, or is kept for the books and for who watches over who administers.
NOT_THEIRS = {"replies", "spending", "charges", "call_sizes", "audit", "waiting"}


@pytest.fixture(scope="module")
def postgresql() -> Iterator[PostgreSQL]:
    with postgresql_server() as server:
        yield server


def opened(request: pytest.FixtureRequest, kind: str, home: Path) -> Loccit:
    url = "" if kind == "sqlite" else request.getfixturevalue("postgresql").new_database()
    return Loccit(settings=Settings(home=home, storage=StorageOptions(url)))


@pytest.fixture(params=["sqlite", "postgresql"])
def loccit(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Loccit]:
    made = opened(request, request.param, tmp_path / "home")
    yield made
    made._system.close()


def rows_of(loccit: Loccit) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table."""
    with loccit._system.database().reading() as connection:
        return {
            table.name: [dict(row) for row in connection.execute(select(table)).mappings()]
            for table in METADATA.sorted_tables
        }


def pay(loccit: Loccit, user: str, run: str, usd: str) -> None:
    async def call() -> None:
        ledger = loccit._system.ledger()
        reservation = await ledger.reserve(
            Payer(run, user=user),
            "test:m",
            cost=lambda _: Decimal(1),
            output_tokens=9,
            deadline=Deadline.after(9),
        )
        await ledger.settle(reservation, Decimal(usd), TokenUsage(10, 9))

    asyncio.run(call())


def run_of(user: str, number: int) -> str:
    """The id of a run; nobody's name is in it."""
    return hashlib.sha256(f"{user} {number}".encode()).hexdigest()[:32]


def ask(loccit: Loccit, user: str, number: int, *, rated_by: Sequence[str] = ()) -> None:
    """A run of a user with all that comes of one."""
    system = loccit._system
    run = run_of(user, number)
    at = BASE + 1000 * number + (500 if user == "ben" else 0)
    question = f"question {number} of {user}"
    session = system.conversations().begin(user)
    system.runs().save(
        record(run, at=at, user=user, session=session, question=question, answer=small_answer(question))
    )
    system.conversations().add(session, run, question, small_answer(question))
    for rater in rated_by:
        system.feedback().rate(run, Thumb.DOWN, user=rater, correction=f"{rater} says no to {run}")
    system.scores().keep([RunScore(run, "grounded", "local", "1", 0.5, at)])
    pay(loccit, user, run, "0.25")


def exported(loccit: Loccit, user: str) -> list[dict[str, Any]]:
    return list(loccit.export_user(user))


def kinds(found: Sequence[dict[str, Any]]) -> set[str]:
    return {one["type"] for one in found}


def test_an_export_has_one_of_everything(loccit: Loccit) -> None:
    ask(loccit, "ana", 1, rated_by=["ana", "ben"])
    ask(loccit, "ben", 1, rated_by=["ana"])
    title = "user ana per day"
    loccit._system.alerts().apply(
        [Reading("money", "budget_burn", title, 1.0, 0.8, True, False, "x")], {"money"}, 1
    )
    found = exported(loccit, "ana")
    assert [one["type"] for one in found] == [
        *["user", "run", "score", "score", "conversation", "turn"],
        *["rating", "rating", "rating", "charge", "alert", "act", "end"],
    ]
    assert found[-1]["counts"] == {
        "run": 1,
        "score": 2,
        "conversation": 1,
        "turn": 1,
        "rating": 3,
        "charge": 1,
        "alert": 1,
        "act": 1,
    }
    assert found[0]["format"] == "loccit-user/1"
    assert found[1]["record"]["question"] == "question 1 of ana"
    (charge,) = (one for one in found if one["type"] == "charge")
    assert (charge["spent_usd"], charge["user"], charge["request"]) == ("0.25", "ana", run_of("ana", 1))
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_whatever_erasing_deletes_was_in_the_export_and_nothing_is_left(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, kind: str
) -> None:
    """But for the acts: that somebody was exported and erased is remembered. Nobody else's is touched."""

    @settings(max_examples=12 if kind == "sqlite" else 5, suppress_health_check=list(HealthCheck))
    @given(
        asked=st.lists(
            st.tuples(st.sampled_from(USERS), st.sets(st.sampled_from(USERS)).map(sorted)), max_size=6
        )
    )
    def holds(asked: list[tuple[str, list[str]]]) -> None:
        loccit = opened(request, kind, tmp_path_factory.mktemp("home"))
        for number, (user, raters) in enumerate(asked):
            ask(loccit, user, number, rated_by=raters)
        before, export = rows_of(loccit), exported(loccit, "ana")
        told = json.dumps(export, ensure_ascii=False)
        forgotten = loccit.erase_user("ana", actor="root")
        after = rows_of(loccit)
        for table in before.keys() - NOT_THEIRS:
            gone = [row for row in before[table] if row not in after[table]]
            for row in gone:
                texts = [
                    value for value in row.values() if isinstance(value, str) and " says no to " in value
                ]
                assert all(text in told for text in [*texts, row.get("id", row.get("run", ""))])
        again = exported(loccit, "ana")
        assert kinds(again) == {"user", "act", "end"}
        everything = json.dumps({k: v for k, v in after.items() if k != "audit"}, default=str)
        assert "ana" not in everything
        assert forgotten.runs == sum(user == "ana" for user, _ in asked)
        # The books hold what they held.
        for name in ("charges", "spending"):
            for column in ("spent", "held"):
                assert sum(row[column] for row in after[name]) == sum(row[column] for row in before[name])
        theirs = [row for row in before["runs"] if row["user"] == "ben"]
        assert [row for row in after["runs"] if row["user"] == "ben"] == theirs
        assert loccit.verify_audit().broken is None
        loccit._system.close()

    holds()


def test_what_a_user_spent_is_kept_in_nobodys_name_and_their_budget_begins_anew(loccit: Loccit) -> None:
    ask(loccit, "ana", 1)
    ask(loccit, "ana", 2)
    ask(loccit, "ben", 1)
    before = loccit.cost("model").usd
    assert loccit.erase_user("ana").charges == 2
    assert {row.name: row.usd for row in loccit.cost("user").rows} == {
        ERASED: Decimal("0.5"),
        "ben": Decimal("0.25"),
    }
    assert loccit.cost("model").usd == before
    ask(loccit, "ana", 3)
    loccit.erase_user("ana")
    assert {row.name: row.usd for row in loccit.cost("user").rows}[ERASED] == Decimal("0.75")
    assert loccit.erase_user(ERASED).charges == 0


def test_a_call_under_way_is_settled_after_its_user_was_erased(loccit: Loccit) -> None:
    ledger = loccit._system.ledger()

    async def call() -> None:
        reservation = await ledger.reserve(
            Payer("r", user="ana"),
            "test:m",
            cost=lambda _: Decimal(1),
            output_tokens=9,
            deadline=Deadline.after(9),
        )
        await asyncio.to_thread(loccit.erase_user, "ana")
        await ledger.settle(reservation, Decimal("0.5"), TokenUsage(10, 9))

    asyncio.run(call())
    (row,) = loccit.cost("user").rows
    assert (row.name, row.usd, row.held_usd) == (ERASED, Decimal("0.5"), Decimal(0))
    sums = [
        one for one in rows_of(loccit)["spending"] if one["of"] == "user" and (one["spent"] or one["held"])
    ]
    assert [one["name"] for one in sums] == [ERASED]


def test_kept_replies_of_the_users_runs_go_with_them(loccit: Loccit) -> None:
    database = loccit._system.database()
    cache = ReplyCache(database, 30)
    cache.keep("a" * 64, ModelReply("what ana was told", "test:m"))
    loccit._system.runs().save(record("c" * 32, at=time.time(), user="ana"))
    assert loccit.erase_user("ana").replies == 1
    assert cache.find("a" * 64) is None


def test_an_act_tells_who_erased_whom_and_no_text(loccit: Loccit) -> None:
    ask(loccit, "ana", 1)
    loccit.erase_user("ana", actor="root")
    (act,) = loccit.audit_log(actor="root")
    assert (act.action, act.subject) == ("user erased", "ana")
    assert json.loads(act.details) == {
        "runs": 1,
        "conversations": 1,
        "ratings": 0,
        "replies": 0,
        "charges": 1,
        "alerts": 0,
        "keys": 0,
        "agent_runs": 0,
    }


def test_runs_of_agents_are_exported_and_go_with_their_user(loccit: Loccit) -> None:
    """With what they did; those of others stay."""
    database = loccit._system.database()
    store, ledger = RunStore(database), Ledger(database)
    for user in ("ana", "bo"):
        run = store.add("fix", {"text": f"asked by {user}"}, Limits(), Payer("", user=user)).id
        store.hand_over()
        begun = store.begin(run, "w")
        assert begun is not None
        lease = begun[1]
        ledger.keep_reply(lease, f"{run}:l:1", {"text": f"told to {user}"})
        call = ToolCall("c", "write", json.dumps({"by": user}))
        ledger.open(lease, f"{run}:l:1.1", call, arguments_hash="h", effect="write")
        store.ask(lease, Question(f"{run}?", run, QuestionKind.APPROVAL, "write", "h", f"may {user}?", 1.0))
    (found,) = (each for each in loccit.export_user("ana") if each["type"] == "agent_run")
    text = json.dumps(found)
    assert all(words in text for words in ("asked by ana", "told to ana", "may ana?", '\\"by\\": \\"ana'))
    assert "bo" not in json.dumps([found["task"], found["replies"], found["questions"], found["intents"]])
    assert loccit.erase_user("ana").agent_runs == 1
    assert [row.payer.user for row in store.list()] == ["bo"]
    with database.reading() as connection:
        for table in (agent_events, agent_intents, agent_questions, agent_replies):
            runs = set(connection.execute(select(table.c.run)).scalars())
            assert runs == {store.list()[0].id}


def test_scores_go_with_their_runs(loccit: Loccit) -> None:
    from datetime import UTC, datetime

    ask(loccit, "ana", 1)
    ask(loccit, "ana", 5)
    store = loccit._system.scores()
    assert {score.metric for score in store.of([run_of("ana", 1)])[run_of("ana", 1)]} == {
        "claims.supported",
        "grounded",
    }
    loccit.prune_runs(datetime.fromtimestamp(BASE + 2000, UTC))
    assert set(store.of([run_of("ana", 1), run_of("ana", 5)])) == {run_of("ana", 5)}
    store.keep([RunScore("gone", "grounded", "local", "1", 0.5, 0.0)])
    assert store.of(["gone"]) == {}
    store.keep([RunScore(run_of("ana", 5), "grounded", "local", "2", 0.75, 0.0)])
    assert len(store.between("claims.supported", 0, 2e9)) == 1
