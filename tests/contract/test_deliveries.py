"""One suite for what trackers tell of, and what was said of it, over both databases."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from loccit.serving.hooks.deliveries import Deliveries, Delivery
from loccit.storage.database import Database
from loccit.storage.tables import deliveries as table
from loccit.telemetry.triages import TriagedIssues
from tests.contract.postgresql import PostgreSQL, postgresql_server


@pytest.fixture(scope="module")
def postgresql() -> Iterator[PostgreSQL]:
    with postgresql_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'state.sqlite'}"
    else:
        url = request.getfixturevalue("postgresql").new_database()
    opened = Database(url)
    yield opened
    opened.close()


@pytest.fixture
def deliveries(database: Database) -> Deliveries:
    return Deliveries(database)


def add(deliveries: Deliveries, name: str, subject: str = "t#1", tracker: str = "t") -> bool:
    return deliveries.add(tracker, name, f"body of {name}", subject=subject, event=name)


def taken(deliveries: Deliveries) -> Delivery:
    found = deliveries.take()
    assert found is not None
    return found


def test_what_comes_twice_is_known(deliveries: Deliveries) -> None:
    """By its id or its bytes, and at one tracker only."""
    assert add(deliveries, "a")
    assert not add(deliveries, "a")
    assert not deliveries.add("t", "a", "other bytes", subject="t#1", event="x")
    assert not deliveries.add("t", "other", "body of a", subject="t#1", event="x")
    assert add(deliveries, "a", tracker="u")
    deliveries.done(taken(deliveries))
    assert not add(deliveries, "a"), "what is done stays known"


def test_several_that_come_in_one_moment_are_kept_once(deliveries: Deliveries) -> None:
    came: list[bool] = []
    threads = [Thread(target=lambda: came.append(add(deliveries, "a"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(came) == [False] * 7 + [True]


def test_each_is_taken_by_one(deliveries: Deliveries) -> None:
    for number in range(20):
        add(deliveries, str(number), subject=f"t#{number}")
    found: list[str] = []

    def work() -> None:
        while (one := deliveries.take()) is not None:
            found.append(one.event)
            deliveries.done(one)

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # One that another worker was looking at is passed over, and comes the next time.
    work()
    assert sorted(found, key=int) == [str(number) for number in range(20)]


def test_one_that_nobody_holds_any_more_is_taken_again(deliveries: Deliveries, database: Database) -> None:
    add(deliveries, "a")
    first = taken(deliveries)
    assert deliveries.take() is None
    with database.writing() as connection:
        connection.execute(table.update().values(held_until=time.time() - 1))
    again = taken(deliveries)
    assert (again.event, again.attempts) == ("a", first.attempts + 1)
    deliveries.hold(again)
    assert deliveries.take() is None


def test_what_failed_is_due_later_and_in_the_end_given_up(
    deliveries: Deliveries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loccit.serving.hooks.deliveries._FIRST_PAUSE_S", 0.0)
    add(deliveries, "a")
    assert deliveries.failed(taken(deliveries), "no", retry_at=time.time() + 60, is_final=False)
    assert deliveries.take() is None
    add(deliveries, "b", subject="t#2")
    for attempt in range(1, 11):
        assert deliveries.failed(taken(deliveries), "no", retry_at=None, is_final=False) is (attempt < 10)
    assert deliveries.counts() == {"pending": 1, "done": 0, "failed": 1}


def test_what_is_done_is_forgotten_when_nothing_can_bring_it_back(
    deliveries: Deliveries, database: Database
) -> None:
    add(deliveries, "a")
    deliveries.done(taken(deliveries))
    add(deliveries, "b", subject="t#2")
    with database.writing() as connection:
        connection.execute(table.update().values(at=time.time() - 30 * 86_400))
    assert add(Deliveries(database), "c", subject="t#3")
    assert deliveries.counts() == {"pending": 2, "done": 0, "failed": 0}, "what waits is not forgotten"


def test_what_is_known_of_an_issue_is_changed_field_by_field(database: Database) -> None:
    issues = TriagedIssues(database)
    assert issues.get("t", "1") is None
    issues.change("t", "1", "repo", corrected_files=("wörüm.py",), is_quiet=True)
    found = issues.change("t", "1", "repo", triaged_at=5.0, triage="{}", said="x")
    assert (found.corrected_files, found.is_quiet, found.said) == (("wörüm.py",), True, "x")
    assert issues.get("t", "1") == found
    issues.change("t", "2", "other", triaged_at=6.0)
    issues.change("t", "3", "repo")
    assert [one.issue for one in issues.list()] == ["1", "2"]
    assert [one.issue for one in issues.list(repo="repo")] == ["1"]
    assert [one.issue for one in issues.list(since=5.5)] == ["2"]


def test_the_first_fix_of_an_issue_stays(database: Database) -> None:
    issues = TriagedIssues(database)
    issues.change("t", "1", "repo", triaged_at=5.0)
    assert issues.fixed("t", ["1", "2"], "repo", "first", ["a.py"]) == 2
    assert issues.fixed("t", ["1"], "repo", "second", ["b.py"]) == 0
    found = issues.get("t", "1")
    assert found is not None
    assert (found.fix, found.fix_files) == ("first", ("a.py",))
