"""Jobs over both databases, done by real processes that are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

import loccit as package
from loccit.core.errors import NotFound
from loccit.library import Loccit
from loccit.serving.jobs.store import JobStore
from loccit.serving.jobs.values import Job, JobKind, JobRequest, JobState
from loccit.settings import write_settings
from tests.contract.postgresql import PostgreSQL, postgresql_server
from tests.repositories import make_repository
from tests.unit.pipeline.homes import found, loccit_at

_PATIENCE_S = 90.0


@pytest.fixture(scope="module")
def postgresql() -> Iterator[PostgreSQL]:
    with postgresql_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A home folder whose state is in one of the databases, and whose jobs may read what is beside it."""
    tables: dict[str, dict[str, object]] = {
        "serving": {"local_roots": [str(tmp_path)]},
        "indexing": {"workers": 1},
    }
    if request.param == "postgresql":
        tables["storage"] = {"database": request.getfixturevalue("postgresql").new_database()}
    (tmp_path / "home").mkdir()
    write_settings(tmp_path / "home", tables)
    return tmp_path / "home"


@pytest.fixture
def loccit(home: Path) -> Iterator[Loccit]:
    opened = Loccit(home)
    yield opened
    opened.database().close()


def names(home: Path) -> tuple[str, ...]:
    return Loccit(home).names()


@pytest.fixture
def store(loccit: Loccit) -> JobStore:
    return JobStore(loccit.database())


def runner(home: Path, *arguments: str, name: str = "") -> subprocess.Popen[bytes]:
    """A process that works on the jobs of a home. With `name` it is as on another machine."""
    command = [sys.executable, "-P", "-m", "loccit"]
    if name:
        code = f"import platform; platform.node = lambda: {name!r}; from loccit.cli import main; main()"
        command = [sys.executable, "-P", "-c", code]
    environment = {"LOCCIT_HOME": str(home), "PYTHONPATH": str(Path(package.__file__).parents[1])}
    with (home / "runner.log").open("ab") as log:
        return subprocess.Popen(
            [*command, "jobs", "run", *(arguments or ("--idle", "1"))],
            env={**os.environ, **environment},
            stdout=subprocess.DEVNULL,
            stderr=log,
        )


def asked(store: JobStore, path: Path | str, **more: object) -> Job:
    """The job of indexing what is there."""
    request = JobRequest(JobKind.INDEX, location=str(path), **more)  # pyright: ignore[reportArgumentType]
    return store.add(request, key=str(path)[-60:], name=Path(path).name, caller="c", user="ana")


def until(what: object, patience_s: float = _PATIENCE_S) -> object:
    """What a function gives as soon as it is something."""
    deadline = time.monotonic() + patience_s
    while not (given := what()):  # pyright: ignore[reportCallIssue]
        assert time.monotonic() < deadline, "that took too long"
        time.sleep(0.02)
    return given


def ended(store: JobStore, job: Job) -> Job:
    until(lambda: store.get(job.id).state.is_over)
    return store.get(job.id)


def many_files(count: int, lines: int) -> dict[str, str]:
    return {
        f"part{number % 7}/config_{number}.py": "".join(
            f"def load_config_{number}_{line}(path):\n    return parse(path, {line}, cache={number})\n\n"
            for line in range(lines)
        )
        for number in range(count)
    }


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository that takes some seconds to index."""
    folder = tmp_path_factory.mktemp("big") / "big"
    make_repository(folder, [{"files": many_files(300, 60)}])
    return folder


def small(folder: Path, name: str) -> Path:
    make_repository(folder / name, [{"files": {"tool.py": f"def {name}():\n    return 1\n"}}])
    return folder / name


def test_a_job_is_kept_with_what_was_asked_and_ends_with_what_came_of_it(store: JobStore, home: Path) -> None:
    job = asked(store, small(home.parent, "one"), history=True)
    assert (job.state, job.attempts, job.result) == (JobState.QUEUED, 0, None)
    assert runner(home).wait(_PATIENCE_S) == 0
    done = store.get(job.id)
    assert done.state is JobState.DONE
    assert done.result is not None
    assert (done.result["repository"], done.result["files"], done.result["commits"]) == ("one", 1, 1)
    assert done.started_at is not None
    assert done.finished_at is not None
    assert job.created_at <= done.started_at <= done.finished_at <= time.time()
    assert names(home) == ("one",)


def test_the_same_job_is_not_queued_twice_and_another_one_is(store: JobStore, home: Path) -> None:
    path = small(home.parent, "one")
    first = asked(store, path)
    assert asked(store, path).id == first.id
    assert asked(store, path, rev="main").id != first.id
    assert store.begin(first.id, 0, "me") is None, "nobody handed it over"
    (handed, *_) = store.hand_over()
    assert store.begin(handed.id, handed.handed, "me") is not None
    assert asked(store, path).id != first.id, "what has begun may have read what was there before"


def test_many_who_ask_for_the_same_at_once_get_one_job(store: JobStore, home: Path) -> None:
    given: list[str] = []
    threads = [Thread(target=lambda: given.append(asked(store, "/somewhere").id)) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(given) == 12
    assert len(set(given)) == 1


def test_jobs_of_one_repository_follow_each_other_and_those_of_others_go_by(store: JobStore) -> None:
    first, second = asked(store, "/a"), asked(store, "/a", rev="x")
    third = asked(store, "/b")
    assert [job.id for job in store.hand_over()] == [first.id, third.id]
    assert store.hand_over() == ()
    begun = store.begin(first.id, 1, "me")
    assert begun is not None
    assert store.hand_over() == ()
    store.finish(begun, JobState.DONE, result={})
    assert [job.id for job in store.hand_over()] == [second.id]


def test_who_lost_a_job_can_neither_tell_of_it_nor_end_it(store: JobStore) -> None:
    """A runner that was stopped for a while, and taken for dead, must not end what another one does."""
    job = asked(store, "/a")
    store.hand_over()
    slow = store.begin(job.id, 1, "slow")
    assert slow is not None
    assert store.note(slow, "reading", 1, 2, "files")
    assert store.take_back(slow)
    store.hand_over()
    handed = store.get(job.id)
    assert store.begin(job.id, 1, "slow") is None, "its turn in the queue is over"
    quick = store.begin(job.id, handed.handed, "quick")
    assert quick is not None
    assert not store.note(slow, "reading", 2, 2, "files")
    slow, quick = quick, store.begin(job.id, handed.handed, "quick")  # as the queue itself recovers it
    assert quick is not None
    assert not store.note(slow, "reading", 2, 2, "files")
    assert not store.finish(slow, JobState.FAILED, problem={})
    assert store.finish(quick, JobState.DONE, result={"files": 1})
    assert store.get(job.id).state is JobState.DONE
    assert store.begin(job.id, handed.handed, "slow") is None


def test_a_job_that_waits_is_cancelled_at_once_and_never_begun(store: JobStore, home: Path) -> None:
    path = small(home.parent, "one")
    job = asked(store, path)
    assert store.cancel(job.id).state is JobState.CANCELLED
    assert runner(home).wait(_PATIENCE_S) == 0
    assert store.get(job.id).attempts == 0
    assert names(home) == ()
    with pytest.raises(NotFound):
        store.cancel("nothing")


def test_jobs_begin_in_the_order_in_which_they_were_asked_for(store: JobStore, home: Path) -> None:
    jobs = [asked(store, small(home.parent, f"one{number}")) for number in range(5)]
    assert runner(home).wait(_PATIENCE_S) == 0
    begun = [store.get(job.id).started_at or 0.0 for job in jobs]
    assert begun == sorted(begun)
    assert all(store.get(job.id).state is JobState.DONE for job in jobs)


def test_a_runner_that_is_killed_while_it_indexes_loses_nothing(
    store: JobStore, home: Path, big: Path, tmp_path: Path
) -> None:
    """The next one finishes it, and the index is the one that a run without a kill makes."""
    write_settings(home, {"serving": {"local_roots": [str(tmp_path), str(big)]}})
    job = asked(store, big)
    waiting = asked(store, small(home.parent, "after"))
    first = runner(home)
    until(lambda: store.get(job.id).done > 0)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    killed = store.get(job.id)
    assert (killed.state, killed.attempts) == (JobState.RUNNING, 1)
    assert 0 < killed.done < killed.total
    second = runner(home)
    done = ended(store, job)
    assert (done.state, done.attempts) == (JobState.DONE, 2)
    assert done.result is not None
    assert done.result["files"] == 300
    assert done.result["files_read"] < 300, "what was read before the kill is not read again"
    assert ended(store, waiting).state is JobState.DONE
    assert second.wait(_PATIENCE_S) == 0
    fresh = loccit_at(tmp_path / "fresh")
    fresh.index(big)
    assert found(Loccit(home), repos=["big"]) == found(fresh)


def test_a_job_that_runs_ends_soon_after_it_was_cancelled(store: JobStore, home: Path, big: Path) -> None:
    write_settings(home, {"serving": {"local_roots": [str(home.parent), str(big)]}})
    job = asked(store, big)
    process = runner(home)
    until(lambda: store.get(job.id).done > 0)
    assert store.cancel(job.id).is_cancelled
    assert ended(store, job).state is JobState.CANCELLED
    again = asked(store, big)
    assert ended(store, again).state is JobState.DONE
    assert process.wait(_PATIENCE_S) == 0


def test_what_cannot_be_read_fails_by_name_and_the_next_job_is_done(store: JobStore, home: Path) -> None:
    broken = home.parent / "broken"
    small(home.parent, "broken")
    (broken / ".git" / "objects").rename(home.parent / "elsewhere")
    (broken / ".git" / "objects").mkdir()
    outside = asked(store, "/usr/share/doc")
    gone, bad = asked(store, home.parent / "nowhere"), asked(store, broken)
    well = asked(store, small(home.parent, "well"))
    assert runner(home).wait(_PATIENCE_S) == 0
    kinds = [(store.get(job.id).problem or {}).get("kind") for job in (outside, gone, bad)]
    assert kinds == ["unsafe_source", "not_a_repository", "object_missing"]
    assert store.get(well.id).state is JobState.DONE


def test_a_job_that_ends_its_process_each_time_is_given_up(store: JobStore, home: Path) -> None:
    job = asked(store, small(home.parent, "one"))
    for _ in range(5):
        store.hand_over()
        begun = store.begin(job.id, store.get(job.id).handed, "dead")
        assert begun is not None
        assert store.take_back(begun)
    assert runner(home).wait(_PATIENCE_S) == 0
    given_up = store.get(job.id)
    assert given_up.state is JobState.FAILED
    assert (given_up.problem or {})["kind"] == "job_failed"


def test_a_queue_that_was_lost_is_filled_again(store: JobStore, home: Path, loccit: Loccit) -> None:
    """What DBOS keeps may be from another time than our rows, as after a restore."""
    job = asked(store, small(home.parent, "one"))
    store.hand_over()
    assert store.begin(job.id, 1, "gone") is not None
    assert runner(home).wait(_PATIENCE_S) == 0
    done = store.get(job.id)
    assert (done.state, done.attempts) == (JobState.DONE, 2)


def test_on_sqlite_one_process_works_and_on_postgresql_one_on_each_machine(
    store: JobStore, home: Path, loccit: Loccit
) -> None:
    job = asked(store, small(home.parent, "one"))
    first = runner(home, "--stay")
    try:
        assert ended(store, job).state is JobState.DONE
        assert runner(home).wait(_PATIENCE_S) == 0, "the second one ends by itself"
        other = runner(home, "--stay", name="elsewhere")
        try:
            if loccit.database().is_sqlite:
                assert other.wait(_PATIENCE_S) == 0
                return
            until(lambda: len(store.living(10.0)) == 2)
            jobs = [asked(store, small(home.parent, f"two{number}")) for number in range(6)]
            assert all(ended(store, one).state is JobState.DONE for one in jobs)
            assert all(store.get(one.id).attempts == 1 for one in jobs)
        finally:
            other.kill()
            other.wait()
    finally:
        first.kill()
        first.wait()


@pytest.mark.parametrize("home", ["postgresql"], indirect=True)
def test_on_postgresql_what_a_killed_runner_had_is_taken_over_by_the_living(
    store: JobStore, home: Path, big: Path
) -> None:
    write_settings(home, {"serving": {"local_roots": [str(home.parent), str(big)]}})
    job = asked(store, big)
    first = runner(home, "--stay")
    until(lambda: store.get(job.id).done > 0)
    second = runner(home, "--stay", name="elsewhere")
    try:
        until(lambda: len(store.living(10.0)) == 2 or store.get(job.id).state.is_over)
        first.kill()
        first.wait()
        done = ended(store, job)
        assert done.state is JobState.DONE
        assert done.attempts == 1 or done.runner.startswith("elsewhere-")
    finally:
        second.kill()
        second.wait()


@pytest.mark.parametrize("home", ["postgresql"], indirect=True)
def test_a_database_that_goes_away_and_comes_back_stops_nobody(
    store: JobStore, home: Path, loccit: Loccit
) -> None:
    """Connections that are cut are made anew."""
    from sqlalchemy import text

    process = runner(home, "--stay")
    try:
        first = asked(store, small(home.parent, "one"))
        assert ended(store, first).state is JobState.DONE
        with loccit.database().writing() as connection:
            cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            connection.execute(text(f"{cut} AND datname = current_database()"))
        second = asked(store, small(home.parent, "two"))
        assert ended(store, second).state is JobState.DONE
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()
