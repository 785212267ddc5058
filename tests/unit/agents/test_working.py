"""A run while a process works on it: it knows when others may have taken it, and when to stop."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from loccit.agents.durable.blueprints import Blueprint, imported
from loccit.agents.durable.run import Run, Surroundings
from loccit.agents.durable.store import RunStore
from loccit.agents.durable.values import Failing, Leaving, Lost, Stopped, Wish
from loccit.agents.durable.working import Pulse, Working
from loccit.agents.limits import Limits
from loccit.agents.options import AgentOptions
from loccit.agents.values import Spend
from loccit.core.calls import Payer
from loccit.core.errors import InputError, LimitExceeded, SettingsError, StorageFailed
from loccit.storage.database import Database


@pytest.fixture
def working(tmp_path: Path):
    database = Database.in_folder(tmp_path)
    store = RunStore(database)
    row = store.add("x", {}, Limits(steps=10), Payer("", user="ana"))
    store.hand_over()
    begun = store.begin(row.id, "w")
    assert begun is not None
    yield Working(store, *begun, Pulse(0.05))
    database.close()


def test_who_was_away_too_long_has_no_effect(working: Working) -> None:
    working.is_sure()
    time.sleep(0.06)
    with pytest.raises(Lost):
        working.is_sure()
    working.pulse.beat()
    working.is_sure()
    assert Pulse(0.0).is_fresh, "alone, nobody can take anything"


def test_what_waits_is_cut_off_when_the_run_is_to_stop_and_also_within_a_tool(working: Working) -> None:
    async def tool() -> None:
        assert await working.interruptible(asyncio.sleep(0, "inner")) == "inner"
        await asyncio.sleep(30)

    async def stopped() -> None:
        waiting = asyncio.ensure_future(working.interruptible(tool()))
        await asyncio.sleep(0.01)
        working.interrupt(Wish.CANCEL)
        await waiting

    with pytest.raises(Stopped, match="cancel"):
        asyncio.run(stopped())


def test_a_process_that_ends_lets_go(working: Working) -> None:
    async def ended() -> None:
        waiting = asyncio.ensure_future(working.interruptible(asyncio.sleep(30)))
        await asyncio.sleep(0.01)
        working.end()
        await waiting

    with pytest.raises(Leaving):
        asyncio.run(ended())
    with pytest.raises(Leaving):
        asyncio.run(working.checked())


def test_a_wish_is_heard_before_the_next_step(working: Working) -> None:
    asyncio.run(working.checked())
    working.store.pause(working.row.id)
    with pytest.raises(Stopped, match="pause"):
        asyncio.run(working.checked())
    working.store.resume(working.row.id)
    asyncio.run(working.checked())


def test_a_database_that_does_not_answer_fails_no_run(working: Working) -> None:
    """Whoever can goes on with it later."""

    def broken() -> None:
        raise StorageFailed("the disk is full")

    with pytest.raises(Failing, match="disk is full"):
        asyncio.run(working.kept(broken))


def run_of(working: Working) -> Run:
    async def record(name: str, make: object) -> dict[str, object]:
        raise AssertionError

    around = Surroundings(AgentOptions(), None, record, lambda run, user: lambda call, decision: None)
    return Run(working, around)


def test_a_loop_gets_what_is_left_of_the_run(working: Working) -> None:
    run = run_of(working)
    working.spend = Spend(steps=7, seconds=100.0)
    left = run._within(Limits(steps=5, seconds=60))
    assert (left.steps, left.seconds) == (3, 60)
    assert run._within(None).seconds == Limits().seconds - 100
    working.spend = Spend(steps=10)
    with pytest.raises(LimitExceeded, match="steps of the run is 10"):
        run._within(None)


@pytest.mark.parametrize("name", ["", "a:b", "x" * 61, "a\nb"])
def test_a_step_has_a_name_that_can_be_kept(working: Working, name: str) -> None:
    with pytest.raises(ValueError, match="is no name of a step"):
        asyncio.run(run_of(working).step(name, lambda: 1))


def test_steps_of_one_name_are_numbered(working: Working) -> None:
    run = run_of(working)
    assert [run._key("test"), run._key("test"), run._key("edit"), run._key("test")] == [
        "test",
        "test#2",
        "edit",
        "test#3",
    ]


def test_a_blueprint_takes_a_run_and_a_task() -> None:
    async def typed(run: Run, task: dict[str, int]) -> list[str]:
        return []

    def plain(run: Run, task: int) -> None: ...

    async def alone(run: Run) -> None: ...

    assert Blueprint("typed", typed).task({"a": "1"}) == {"a": 1}
    with pytest.raises(InputError, match="no task for 'typed': a is 'x'"):
        Blueprint("typed", typed).task({"a": "x"})
    for function in (plain, alone):
        with pytest.raises(SettingsError, match="is no coroutine function"):
            Blueprint("it", function)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    "place", ["nowhere.at:all", "json:nothing", "json", ":x", "json:loads", "loccit.agents.loop:FINISH"]
)
def test_a_blueprint_that_the_settings_name_wrongly_is_refused(place: str) -> None:
    with pytest.raises(SettingsError, match="the blueprint 'mine'"):
        imported("mine", place)
