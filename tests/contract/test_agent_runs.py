"""Runs of agents over both databases: steered, asked about, killed, taken over."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from benchmarks import agent_desk
from benchmarks.model_server import ModelServer
from loccit.agents.conversation import Conversation
from loccit.agents.durable.agents import Agents
from loccit.agents.durable.ledger import Ledger
from loccit.agents.durable.run import Run
from loccit.agents.durable.store import RunStore
from loccit.agents.durable.values import Answer, Failing, Happened, Lease, Lost, QuestionKind, RunRow
from loccit.agents.limits import Limits
from loccit.agents.loop import Task, run_loop
from loccit.agents.options import AgentOptions
from loccit.agents.values import RunState, Spend
from loccit.core.calls import Message, ModelCall, ModelReply, Payer, Speaker, ToolCall
from loccit.core.errors import (
    Conflict,
    InputError,
    ModelUnavailable,
    NotFound,
    OutcomeUnknown,
    RevisionNotFound,
    RunFailed,
    StepFailed,
)
from loccit.models.scripted import Said, ScriptedModel
from loccit.policy.gateway import Gateway
from loccit.policy.grants import Request
from loccit.policy.policy_file import parse_policy
from loccit.policy.tools import ToolResult
from loccit.storage.database import Database
from tests.agent_runs import FINISH, POLICY, Bench, agents_in, calls, turns
from tests.contract.postgresql import PostgreSQL, postgresql_server

_PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def postgresql() -> Iterator[PostgreSQL]:
    with postgresql_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'state.sqlite'}"
    return request.getfixturevalue("postgresql").new_database()


# Where the database makes no difference: over one of them, since each start of a queue takes a second or two.
once = pytest.mark.parametrize("url", ["sqlite"], indirect=True)


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    database = Database(url)
    yield database
    database.close()


@pytest.fixture
def store(database: Database) -> RunStore:
    return RunStore(database)


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def agents(tmp_path: Path, database: Database, url: str, bench: Bench) -> Callable[..., Agents]:
    """Agents of this database; by default with a blueprint "write" of one loop over the bench."""

    async def write(run: Run, task: dict[str, Any]) -> dict[str, Any]:
        done = await run.loop("write", prompt="Write it.", tools=bench.gateway(), limits=Limits(steps=20))
        return {"ending": done.ending.value, "detail": done.detail, "steps": len(done.steps)}

    def made(script: Any = None, **more: Any) -> Agents:
        queue = f"sqlite:///{tmp_path / 'agents.sqlite'}" if database.is_sqlite else url
        return agents_in(tmp_path, database, script, url=queue, **({"write": write} | more))

    return made


def until(what: Callable[[], object], patience_s: float = _PATIENCE_S) -> None:
    deadline = time.monotonic() + patience_s
    while not what():
        assert time.monotonic() < deadline, "that took too long"
        time.sleep(0.02)


def begun(store: RunStore, worker: str = "w", run: RunRow | None = None) -> tuple[RunRow, Lease]:
    row = run or store.add("write", {}, Limits(), Payer("", user="ana"))
    store.hand_over()
    found = store.begin(row.id, worker)
    assert found is not None
    return found


# Rows


def test_a_run_is_kept_with_what_it_may_use_and_who_pays(store: RunStore) -> None:
    row = store.add("write", {"text": "é"}, Limits(usd=Decimal("0.50")), Payer("", user="ana", team="red"))
    assert (row.state, row.task, row.limits.usd) == (RunState.QUEUED, {"text": "é"}, Decimal("0.50"))
    assert row.payer == Payer(row.id, user="ana", team="red", request_usd=Decimal("0.50"))
    assert store.get(row.id[:10]) == row
    with pytest.raises(NotFound, match="no run of an agent"):
        store.get("nothing")
    with pytest.raises(NotFound):
        store.get("")


def test_runs_are_handed_over_in_order_and_to_one_at_a_time(store: RunStore) -> None:
    first, second = (store.add("write", number, Limits(), Payer("")) for number in range(2))
    assert [row.id for row in store.hand_over()] == [first.id, second.id]
    assert store.hand_over() == ()
    assert [row.id for row in store.list()] == [second.id, first.id]


def test_who_lost_a_run_can_write_nothing_about_it(store: RunStore, database: Database) -> None:
    """Neither a step, nor an effect, nor a reply, nor its end: it was taken for dead, and lives."""
    row, lease = begun(store)
    ledger = Ledger(database)
    call = ToolCall("c", "write", "{}")
    store.advance(lease, Spend(steps=1), Happened("a", "step"))
    assert store.take_back(store.get(row.id))
    store.hand_over()
    second = store.begin(row.id, "w")
    assert second is not None
    assert second[1].epoch == 2
    for write in (
        lambda: store.step(lease),
        lambda: store.give_back(lease),
        lambda: store.advance(lease, Spend(steps=2), Happened("b", "step")),
        lambda: store.tell(lease, "c", "note", "", {}),
        lambda: store.finish(lease, RunState.DONE),
        lambda: store.rest(lease),
        lambda: ledger.open(lease, "i", call, arguments_hash="", effect="write"),
        lambda: ledger.begin_again(lease, "i"),
        lambda: ledger.keep_reply(lease, "r", {}),
    ):
        with pytest.raises(Lost):
            write()
    assert ledger.open(second[1], "i", call, arguments_hash="", effect="write").begun_in is None
    assert store.get(row.id).spend.steps == 1


def test_one_of_two_that_begin_at_once_gets_the_run(store: RunStore) -> None:
    row = store.add("write", {}, Limits(), Payer(""))
    store.hand_over()
    given: list[object] = []
    threads = [
        threading.Thread(target=lambda name: given.append(store.begin(row.id, name)), args=(f"w{n}",))
        for n in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(one is not None for one in given) == 1


def test_what_is_told_twice_is_told_once(store: RunStore) -> None:
    """A kill between telling and recording tells it again."""
    row, lease = begun(store)
    for _ in range(2):
        store.tell(lease, "note 1", "note", "half of it", {})
    assert [event.text for event in store.events(row.id) if event.kind == "note"] == ["half of it"]


def test_an_effect_is_known_from_before_it_is_had(store: RunStore, database: Database) -> None:
    _, lease = begun(store)
    ledger, call, id_ = Ledger(database), ToolCall("c", "write", "{}"), "run:l:1.1"

    def begun_in() -> int | None:
        return ledger.open(lease, id_, call, arguments_hash="h", effect="write").begun_in

    assert ledger.call(id_, call) is None
    assert begun_in() is None
    assert begun_in() == 1
    assert ledger.call(id_, call) is None
    result = {"text": "x", "arguments_hash": "h"}
    store.advance(lease, Spend(), Happened("t", "tool"), ledger.ended(lease, id_, call, result, "write"))
    assert ledger.call(id_, call) == result
    with pytest.raises(RunFailed, match="another one now"):
        ledger.call(id_, ToolCall("c", "write", '{"text": "y"}'))


# A run from its beginning to its end


def test_a_run_is_done_and_tells_what_it_did(
    agents: Callable[..., Agents], bench: Bench, store: RunStore
) -> None:
    heard: list[str] = []

    async def report(run: Run, task: dict[str, int]) -> dict[str, Any]:
        doubled = await run.step("double", lambda number: 2 * number, task["number"])
        done = await run.loop("write", prompt="Write it.", tools=bench.gateway())
        await run.tell("nearly there", doubled=doubled)
        last = await run.call("close", bench.gateway(), "write", {"text": "end"})
        return {"doubled": doubled, "ending": done.ending.value, "last": last.text, "id": run.id}

    script = turns(calls("look", text="a"), calls("write", text="b"), FINISH)
    runs = agents(script, report=report)
    row = runs.follow(runs.begin("report", {"number": 21}).id, hear=lambda row: heard.append(row.state.value))
    assert (row.state, row.result) == (
        RunState.DONE,
        {"doubled": 42, "ending": "finished", "last": "written end", "id": row.id},
    )
    assert (row.spend.steps, row.spend.tool_calls) == (3, 3)
    assert [text for _, text in bench.written] == ["b", "end"]
    assert [intent for intent, _ in bench.written] == [f"{row.id}:write:2.1", f"{row.id}:close:1"]
    kinds = [event.kind for event in store.events(row.id)]
    assert kinds == "queued begun step model tool model tool model note tool done".split()
    assert {"queued", "done"} <= set(heard)


@once
def test_a_blueprint_that_fails_or_is_broken_ends_its_run_and_nothing_else(
    agents: Callable[..., Agents], caplog: pytest.LogCaptureFixture
) -> None:
    async def fails(run: Run, task: Any) -> None:
        raise RevisionNotFound("there is no revision 'x'", next_step="fetch it")

    async def broken(run: Run, task: Any) -> None:
        raise RuntimeError("oops")

    async def no_json(run: Run, task: Any) -> None:
        await run.step("set", lambda: {1, 2})

    runs = agents(turns(FINISH), fails=fails, broken=broken, no_json=no_json)
    rows = [runs.begin(name, {}).id for name in ("fails", "broken", "no_json", "write")]
    failed, defect, unkept, well = (runs.follow(run) for run in rows)
    assert failed.state is defect.state is unkept.state is RunState.FAILED
    assert failed.problem == {
        "kind": "revision_not_found",
        "message": "there is no revision 'x'",
        "next_step": "fetch it",
    }
    assert defect.problem is not None
    assert "RuntimeError: oops" in defect.problem["message"]
    assert unkept.problem is not None
    assert "JSON" in unkept.problem["message"]
    assert well.state is RunState.DONE


@once
def test_a_step_that_fails_fails_again_after_a_restart_without_being_run(
    agents: Callable[..., Agents], bench: Bench, store: RunStore
) -> None:
    """What a blueprint does about it is the same each time."""
    tried: list[int] = []

    def lookup() -> None:
        tried.append(1)
        raise RevisionNotFound("there is no revision 'x'", next_step="fetch it")

    async def careful(run: Run, task: Any) -> str:
        try:
            await run.step("lookup", lookup)
        except StepFailed as error:
            await run.call("ask", bench.gateway(), "publish", {"text": error.kind})
            return f"{error.message}; {error.next_step}"
        return "found"

    runs = agents(turns(FINISH), careful=careful)
    run = runs.begin("careful", {}).id
    assert runs.follow(run).state is RunState.WAITING
    store.answer(run, Answer.YES, by="ana")
    assert runs.follow(run).result == "lookup: there is no revision 'x'; fetch it"
    assert tried == [1]
    assert [text for _, text in bench.written] == ["revision_not_found"]


@once
def test_without_a_model_a_run_fails_and_says_what_to_configure(agents: Callable[..., Agents]) -> None:
    runs = agents(None)
    row = runs.follow(runs.begin("write", {}).id)
    assert row.state is RunState.FAILED
    assert row.problem is not None
    assert row.problem["kind"] == "model_not_configured"


@once
def test_a_task_that_is_none_is_refused_before_anything_is_kept(
    agents: Callable[..., Agents], store: RunStore
) -> None:
    runs = agents(turns(FINISH))
    with pytest.raises(InputError, match="this is no task for 'write'"):
        runs.begin("write", [1])
    with pytest.raises(InputError, match=r"no blueprint 'paint'"):
        runs.begin("paint", {})
    assert store.list() == ()


@once
def test_a_model_that_fails_is_an_outcome(agents: Callable[..., Agents]) -> None:
    class Down(ScriptedModel):
        async def reply(self, call: ModelCall, payer: Payer, deadline: Any) -> ModelReply:
            raise ModelUnavailable("nobody answers")

    runs = agents(Down("scripted:down", ()))
    row = runs.follow(runs.begin("write", {}).id)
    assert (row.state, row.result) == (
        RunState.DONE,
        {"ending": "model_failed", "detail": "nobody answers", "steps": 0},
    )


# Steering


def slow(bench: Bench) -> Callable[[ModelCall], Said | str]:
    bench.hold_s = 0.05
    return turns(*[calls("look", text="a")] * 15, FINISH)


def working(runs: Agents) -> threading.Thread:
    thread = threading.Thread(target=runs.work)
    thread.start()
    return thread


def test_a_run_is_paused_and_goes_on_where_it_was(
    agents: Callable[..., Agents], bench: Bench, store: RunStore
) -> None:
    runs = agents(slow(bench))
    run = runs.begin("write", {}).id
    thread = working(runs)
    try:
        until(lambda: store.get(run).spend.steps >= 3)
        store.pause(run)
        until(lambda: store.get(run).state is RunState.PAUSED)
        looked = len(bench.looked)
        time.sleep(0.5)
        assert len(bench.looked) == looked
        assert store.resume(run).state is RunState.QUEUED
        until(lambda: store.get(run).state.is_over)
    finally:
        runs.stop()
        thread.join()
    row = store.get(run)
    assert (row.state, row.spend.steps) == (RunState.DONE, 16)
    # The look that the pause cut off was looked again.
    assert 15 <= len(bench.looked) <= 16
    with pytest.raises(Conflict, match="not paused"):
        store.resume(run)


def test_a_run_is_cancelled_while_it_waits_for_a_model(
    agents: Callable[..., Agents], store: RunStore
) -> None:
    class Slow(ScriptedModel):
        async def reply(self, call: ModelCall, payer: Payer, deadline: Any) -> ModelReply:
            await asyncio.sleep(60)
            raise AssertionError("nobody waits that long")

    runs = agents(Slow("scripted:slow", ()))
    run = runs.begin("write", {}).id
    thread = working(runs)
    try:
        until(lambda: store.get(run).state is RunState.RUNNING)
        store.cancel(run)
        until(lambda: store.get(run).state is RunState.CANCELLED, 10)
    finally:
        runs.stop()
        thread.join()
    assert store.cancel(run).state is RunState.CANCELLED


@once
def test_a_run_in_the_queue_is_cancelled_at_once(agents: Callable[..., Agents], store: RunStore) -> None:
    runs = agents(turns(FINISH))
    run = runs.begin("write", {}).id
    assert store.cancel(run).state is RunState.CANCELLED
    runs.work(idle_s=0.3)
    assert store.get(run).epoch == 0


# A person


def test_a_call_that_is_asked_about_waits_and_is_made_once_it_is_approved(
    agents: Callable[..., Agents], bench: Bench, store: RunStore
) -> None:
    runs = agents(turns(calls("publish", text="news"), FINISH))
    run = runs.begin("write", {}).id
    assert runs.follow(run).state is RunState.WAITING
    (question,) = store.questions(run)
    assert question.kind is QuestionKind.APPROVAL
    assert 'text = "news"' in question.shown
    assert not bench.written
    with pytest.raises(Conflict, match="another call"):
        store.answer(run, Answer.YES, by="ana", arguments_hash="0" * 64)
    with pytest.raises(InputError, match="no answer"):
        store.answer(run, Answer.HAPPENED, by="ana")
    store.answer(run, Answer.YES, by="ana", arguments_hash=question.arguments_hash)
    row = runs.follow(run)
    assert (row.state, [text for _, text in bench.written]) == (RunState.DONE, ["news"])
    with pytest.raises(Conflict, match="asks nothing"):
        store.answer(run, Answer.YES, by="ana")


@once
def test_an_approval_is_for_the_one_call(
    agents: Callable[..., Agents], bench: Bench, store: RunStore
) -> None:
    """The same tool with other arguments asks again, also after a restart."""
    script = turns(calls("publish", text="news"), calls("publish", text="more news"), FINISH)
    run = agents(script).begin("write", {}).id
    for text in ("news", "more news"):
        assert agents(script).follow(run).state is RunState.WAITING
        assert f'text = "{text}"' in store.questions(run)[0].shown
        store.answer(run, Answer.YES, by="ana")
    assert agents(script).follow(run).state is RunState.DONE
    assert [text for _, text in bench.written] == ["news", "more news"]


@once
def test_a_call_that_a_person_refuses_is_told_to_the_model(
    agents: Callable[..., Agents], bench: Bench, store: RunStore
) -> None:
    runs = agents(turns(calls("publish", text="news"), FINISH))
    run = runs.begin("write", {}).id
    runs.follow(run)
    store.answer(run, Answer.NO, by="ana")
    row = runs.follow(run)
    assert (row.state, bench.written) == (RunState.DONE, [])
    told = [event.text for event in store.events(run) if event.kind == "tool"]
    assert told == ["publish: A person was asked, and does not allow this call."]


@once
@pytest.mark.parametrize(
    ("answer", "ending", "written"),
    [(Answer.HAPPENED, "finished", 1), (Answer.DID_NOT, "finished", 2), (Answer.GIVE_UP, "denied", 1)],
)
def test_an_effect_of_which_nobody_knows_is_asked_about(
    agents: Callable[..., Agents],
    bench: Bench,
    store: RunStore,
    answer: Answer,
    ending: str,
    written: int,
) -> None:
    bench.can_find_out = False
    bench.fails = [OutcomeUnknown("the line went dead")]
    runs = agents(turns(calls("write", text="b"), FINISH))
    run = runs.begin("write", {}).id
    assert runs.follow(run).state is RunState.WAITING
    (question,) = store.questions(run)
    assert question.kind is QuestionKind.OUTCOME
    assert "Did this happen?" in question.shown
    assert 'text = "b"' in question.shown
    store.answer(run, answer, by="ana")
    row = runs.follow(run)
    assert (row.state, row.result["ending"]) == (RunState.DONE, ending)
    assert len(bench.written) == written


@once
def test_an_effect_that_breaks_off_is_looked_for_by_the_tool_before_anybody_is_asked(
    agents: Callable[..., Agents], bench: Bench
) -> None:
    bench.fails = [RuntimeError("a defect after the effect")]
    runs = agents(turns(calls("write", text="b"), FINISH))
    row = runs.follow(runs.begin("write", {}).id)
    assert (row.state, row.result["ending"]) == (RunState.DONE, "finished")
    assert len(bench.written) == 1


@once
def test_a_loop_within_a_tool_is_remembered_and_counts(
    agents: Callable[..., Agents], bench: Bench, store: RunStore
) -> None:
    """A sub-agent's model is not asked again after a restart, and what it used is the run's."""
    asked: list[str] = []

    def script(call: ModelCall) -> Said | str:
        asked.append(call.messages[0].text)
        if call.messages[0].text == "inner":
            return turns(calls("write", text="within"), FINISH)(call)
        return turns(calls("look", text="a"), calls("publish", text="b"), FINISH)(call)

    async def nested(run: Run, task: Any) -> dict[str, Any]:
        inner = Bench()

        async def look(arguments: Any, intent: str) -> ToolResult:
            task = Task((Message(Speaker.USER, "inner"),), "inner@1")
            done = await run_loop(task, inner.gateway(), Conversation(), run.journal(intent))
            bench.written.extend(inner.written)
            return ToolResult(done.ending.value)

        tools = [replace(tool, run=look) if tool.name == "look" else tool for tool in bench.tools()]
        gateway = Gateway(parse_policy(POLICY), Request("write it"), tools)
        done = await run.loop("outer", prompt="outer", tools=gateway)
        return {"ending": done.ending.value, "tokens": done.spend.tokens}

    runs = agents(script, nested=nested)
    run = runs.begin("nested", {}).id
    assert runs.follow(run).state is RunState.WAITING
    store.answer(run, Answer.NO, by="ana")
    row = agents(script, nested=nested).follow(run)
    assert (row.state, row.result["ending"]) == (RunState.DONE, "finished")
    assert asked == ["outer", "inner", "inner", "outer", "outer"]
    assert [intent for intent, _ in bench.written] == [f"{run}:outer:1.1:1.1"]
    # Outside one look and one question; within one write.
    assert (row.spend.steps, row.spend.tool_calls) == (5, 3)
    assert row.result["tokens"] == row.spend.tokens


@once
def test_a_tool_that_hangs_is_cut_off(
    agents: Callable[..., Agents], bench: Bench, tmp_path: Path, store: RunStore
) -> None:
    bench.hold_s = 60
    runs = agents(turns(calls("look", text="a"), FINISH), options=AgentOptions(tool_timeout_s=0.2))
    run = runs.begin("write", {}).id
    row = runs.follow(run)
    assert (row.state, row.result["ending"]) == (RunState.DONE, "finished")
    assert any("took longer than" in event.text for event in store.events(run))


@once
def test_a_tool_that_gives_very_much_is_cut(agents: Callable[..., Agents], bench: Bench) -> None:
    bench.text = "x" * 3_000_000
    runs = agents(turns(calls("look", text="a"), FINISH))
    row = runs.follow(runs.begin("write", {}).id)
    assert row.state is RunState.DONE
    assert 1_000_000 < row.spend.output_bytes < 1_001_000


# Restarts


@once
def test_a_run_goes_on_after_each_restart_and_its_limits_count_what_was_before(
    agents: Callable[..., Agents], bench: Bench, store: RunStore
) -> None:
    runs = agents(slow(bench))
    run = runs.begin("write", {}, limits=Limits(steps=10)).id
    for steps in (3, 7):
        runs = agents(slow(bench))
        thread = working(runs)
        until(lambda steps=steps: store.get(run).spend.steps >= steps or store.get(run).state.is_over)
        runs.stop()
        thread.join()
    row = agents(slow(bench)).follow(run)
    assert (row.state, row.result["ending"]) == (RunState.DONE, "limit")
    assert row.spend.steps == 10
    assert row.epoch >= 2


def test_what_dbos_has_lost_is_not_lost(
    agents: Callable[..., Agents], bench: Bench, store: RunStore, tmp_path: Path, database: Database
) -> None:
    """Without its tables the run begins anew; what the model said and what was written is known."""
    script = turns(calls("write", text="a"), calls("publish", text="b"), FINISH)
    asked: list[ModelCall] = []

    def heard(call: ModelCall) -> Said | str:
        asked.append(call)
        return script(call)

    run = agents(heard).begin("write", {}).id
    assert agents(heard).follow(run).state is RunState.WAITING
    if database.is_sqlite:
        for path in tmp_path.glob("agents.sqlite*"):
            path.unlink()
    else:
        with database.engine.begin() as connection:
            connection.exec_driver_sql("DROP SCHEMA loccit_agents CASCADE")
    store.answer(run, Answer.YES, by="ana")
    row = agents(heard).follow(run)
    assert (row.state, [text for _, text in bench.written]) == (RunState.DONE, ["a", "b"])
    assert len(asked) == 3


@once
def test_a_reply_that_came_is_not_asked_for_again(agents: Callable[..., Agents], store: RunStore) -> None:
    """The process dies between the reply and its settlement: it is kept, with what it cost."""
    asked: list[ModelCall] = []

    class Paid(ScriptedModel):
        async def reply(self, call: ModelCall, payer: Payer, deadline: Any) -> ModelReply:
            asked.append(call)
            reply = replace(await super().reply(call, payer, deadline), cost_usd=Decimal("0.02"))
            assert call.came is not None
            await call.came(reply)
            raise Failing("killed")

    runs = agents(Paid("scripted:paid", turns(FINISH)))
    row = runs.follow(runs.begin("write", {}).id)
    assert (row.state, row.result["ending"]) == (RunState.DONE, "finished")
    assert (len(asked), row.spend.usd, row.epoch) == (1, Decimal("0.02"), 2)


@once
def test_a_step_that_ends_its_process_each_time_is_given_up(
    store: RunStore, agents: Callable[..., Agents]
) -> None:
    run = store.add("write", {}, Limits(), Payer(""))
    for _ in range(100):
        _, lease = begun(store, "w", run)
        store.step(lease)
        assert store.take_back(store.get(run.id))
    row = agents(turns(FINISH)).follow(run.id)
    assert row.state is RunState.LOST
    assert row.problem is not None
    assert "again and again in the same step" in row.problem["message"]


@once
def test_a_blueprint_that_does_other_steps_than_before_has_a_defect(
    agents: Callable[..., Agents], bench: Bench, store: RunStore
) -> None:
    names = iter(("one", "other"))

    async def moody(run: Run, task: Any) -> None:
        await run.step(next(names), lambda: 1)
        await run.call("ask", bench.gateway(), "publish", {"text": "x"})

    runs = agents(turns(FINISH), moody=moody)
    run = runs.begin("moody", {}).id
    assert runs.follow(run).state is RunState.WAITING
    store.answer(run, Answer.NO, by="ana")
    row = runs.follow(run)
    assert row.state is RunState.FAILED
    assert row.problem is not None
    assert "moody" in row.problem["message"]


# Real processes


def worker(home: Path, *arguments: str, name: str = "") -> subprocess.Popen[bytes]:
    return agent_desk.started(home, *arguments, name=name)


@once
def test_a_worker_that_is_killed_repeats_nothing_and_pays_nothing_twice(url: str, tmp_path: Path) -> None:
    """Here twice; two hundred times in the benchmark `durable`."""
    with ModelServer() as server, agent_desk.EffectServer(0.02) as effects:
        server.decide = lambda seen: replace(agent_desk.script(seen), delay_s=0.02)
        database = "" if url.startswith("sqlite") else url
        home = tmp_path / "home"
        runs = agent_desk.make_home(home, server.openai_url, database=database).agents()
        run = runs.begin("desk", {"number": 3, "steps": 24, "effects": effects.url}).id
        for steps in (2, 12):
            process = worker(home, "--stay", name=f"machine{steps}")
            until(lambda steps=steps: runs.store.get(run).spend.steps >= steps)
            process.send_signal(signal.SIGKILL)
            process.wait()
        process = worker(home, "--idle", "1")
        assert process.wait(_PATIENCE_S) == 0, (home / "worker.log").read_text()
        row = runs.store.get(run)
        assert row.state is RunState.DONE
        assert row.result["result"] == {"summary": "run 3 is done"}
        assert len(effects.lines) == 13
        assert effects.repeated == 0
        assert row.spend.steps == 25
        runs.store.database.close()


def test_a_worker_that_was_taken_for_dead_and_lives_has_no_more_effects(
    postgresql: PostgreSQL, tmp_path: Path
) -> None:
    with ModelServer() as server, agent_desk.EffectServer(0.02) as effects:
        server.decide = lambda seen: replace(agent_desk.script(seen), delay_s=0.05)
        home = tmp_path / "home"
        loccit = agent_desk.make_home(home, server.openai_url, database=postgresql.new_database())
        store = loccit.agents().store
        run = loccit.agents().begin("desk", {"number": 1, "steps": 40, "effects": effects.url}).id
        slow = worker(home, "--stay", name="slow")
        with agent_desk.killed_at_the_end([slow]):
            until(lambda: store.get(run).spend.steps >= 4)
            os.kill(slow.pid, signal.SIGSTOP)
            quick = worker(home, "--stay", name="quick")
            with agent_desk.killed_at_the_end([quick]):
                until(lambda: store.get(run).epoch == 2)
                os.kill(slow.pid, signal.SIGCONT)
                until(lambda: store.get(run).state.is_over)
        row = store.get(run)
        assert (row.state, effects.repeated, len(effects.lines)) == (RunState.DONE, 0, 21)
        loccit.database().close()
