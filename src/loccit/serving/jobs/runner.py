"""The process that works on jobs: takes them from the database to a DBOS queue, and does them.

DBOS keeps its own state beside ours: in `jobs.sqlite` of the home folder, or in a schema of the same
PostgreSQL database. If that is lost, or from another time than ours, nothing is: each job that is open is
handed over again.
"""

from __future__ import annotations

import logging
import os
import platform
import threading
import time
import uuid
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from loccit.core.errors import Cancelled, JobFailed, LoccitError, StorageFailed
from loccit.library import Loccit
from loccit.serving.jobs.lock import runner_lock, taken
from loccit.serving.jobs.store import JobStore
from loccit.serving.jobs.values import Job, JobState
from loccit.serving.jobs.work import problem_of_job, work
from loccit.settings import children_without_working_directory

if TYPE_CHECKING:
    from loccit.settings import Settings

_log = logging.getLogger("loccit.jobs")

_NAME = "loccit"
_QUEUE = "loccit-jobs"
_SCHEMA = "loccit_jobs"
# Pinned: DBOS takes up only what its own version began, and what it keeps of a job is the id alone.
_VERSION = "1"
_POLL_S = 0.25
_BEAT_S = 1.0
# On PostgreSQL a runner that was not seen for so long is dead; on SQLite there is no other one.
_DEAD_AFTER_S = 10.0
# A job that ends its process each time must not do so for ever.
_MOST_ATTEMPTS = 5
_LOCK_WAIT_S = 2.0
# Who was started for a while does not wait for a database that is gone for good.
_AWAY_S = 300.0
_KEPT_MS = 86_400_000


def run_jobs(settings: Settings, *, idle_s: float | None = None) -> bool:
    """Work on the jobs of a home folder until there were none for `idle_s` (None: for ever).

    False, at once, where another process does. Raises SettingsError, StorageFailed.
    """
    loccit = Loccit(settings=settings)
    database = loccit.database()
    lock = runner_lock(loccit.home, is_sqlite=database.is_sqlite)
    if not taken(lock, wait_s=_LOCK_WAIT_S):
        return False
    try:
        # Parsers that are started by several jobs at once all find it set.
        with children_without_working_directory():
            store = JobStore(database)
            Runner(settings, store, is_alone=database.is_sqlite).run(idle_s)
    finally:
        lock.release()
        database.close()
    return True


class Runner:
    """One process's part in the work. `is_alone` says that there can be no other one."""

    def __init__(self, settings: Settings, store: JobStore, *, is_alone: bool) -> None:
        self._settings = settings
        self._store = store
        self._is_alone = is_alone
        # Alone, what the last one left is taken up by DBOS itself, under the same name.
        self.id = "alone" if is_alone else f"{platform.node()[:60]}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._working: dict[str, _Working] = {}
        self._is_over = threading.Event()

    def run(self, idle_s: float | None) -> None:
        """Work until there was nothing to do for so long."""
        with self._queue() as queue:
            beats = threading.Thread(target=self._beat, name="beats", daemon=True)
            beats.start()
            try:
                self._turn(queue, idle_s)
            finally:
                self._is_over.set()
                beats.join()

    def _turn(self, queue: _Queue, idle_s: float | None) -> None:
        busy_at = looked_at = float("-inf")
        answered_at = time.monotonic()
        while True:
            now = time.monotonic()
            try:
                if now - looked_at > _BEAT_S:
                    self._look_after(queue)
                    looked_at = now
                for job in self._store.hand_over():
                    queue.put(job)
                    _log.info("job handed over", extra={"job": job.id, "kind": job.request.kind.value})
                if self._store.has_open() or busy_at == float("-inf"):
                    busy_at = now
                elif idle_s is not None and now - busy_at >= idle_s:
                    return
                answered_at = now
            except StorageFailed as error:
                # A database that is away for a while comes back: nothing is lost by waiting for it.
                if idle_s is not None and now - answered_at > _AWAY_S:
                    raise
                _log.warning("the database does not answer", extra={"problem": str(error)})
                self._is_over.wait(_BEAT_S)
            self._is_over.wait(_POLL_S)

    def _look_after(self, queue: _Queue) -> None:
        """Have what nobody works on any more handed over again."""
        if not self._is_alone:
            self._store.seen(self.id)
        living = {self.id} if self._is_alone else {self.id, *self._store.living(_DEAD_AFTER_S)}
        jobs = self._store.handed_over()
        for job in queue.lost(jobs, living):
            if self._store.take_back(job):
                _log.warning("job taken back", extra={"job": job.id, "runner": job.runner})
                queue.drop(job)

    def work_on(self, job_id: str, handed: int) -> None:
        """Do a job, if it is still to be done, and keep how it ended. Raises StorageFailed."""
        job = self._store.begin(job_id, handed, self.id)
        if job is None:
            return
        if job.is_cancelled:
            self._store.finish(job, JobState.CANCELLED)
            return
        if job.attempts > _MOST_ATTEMPTS:
            error = JobFailed(
                f"the process that worked on it ended {_MOST_ATTEMPTS} times",
                next_step="see its log; give it more memory, or ask for the job again",
            )
            self._store.finish(job, JobState.FAILED, problem=problem_of_job(error))
            return
        working = self._working[job.id] = _Working(job)
        try:
            self._end(job, working)
        finally:
            del self._working[job.id]

    def _end(self, job: Job, working: _Working) -> None:
        try:
            result = work(job, self._settings, working.hear)
        except Cancelled:
            self._store.finish(job, JobState.CANCELLED)
        except LoccitError as error:
            _log.warning("job failed", extra={"job": job.id, "problem": str(error)})
            self._store.finish(job, JobState.FAILED, problem=problem_of_job(error))
        except Exception as error:  # noqa: BLE001 - the edge of a job: its defect must not end the others
            _log.exception("job failed by a defect", extra={"job": job.id})
            told = JobFailed(
                f"a defect of loccit: {type(error).__name__}: {error}", next_step="report what the log says"
            )
            self._store.finish(job, JobState.FAILED, problem=problem_of_job(told))
        else:
            working.flush(self._store)
            self._store.finish(job, JobState.DONE, result=result)
            _log.info("job done", extra={"job": job.id, "seconds": result["seconds"]})

    def _beat(self) -> None:
        """Once a second: say that we live, how far each job is, and hear which are not wanted."""
        while not self._is_over.wait(_BEAT_S):
            try:
                if not self._is_alone:
                    self._store.seen(self.id)
                for working in list(self._working.values()):
                    working.flush(self._store)
            except StorageFailed as error:
                _log.warning("the database does not answer", extra={"problem": str(error)})
        if not self._is_alone:
            try:
                self._store.left(self.id)
            except StorageFailed as error:
                _log.warning("the database does not answer", extra={"problem": str(error)})

    @contextmanager
    def _queue(self) -> Generator[_Queue]:
        """DBOS, running in this process."""
        url = self._settings.storage.database or f"sqlite:///{self._settings.home / 'jobs.sqlite'}"
        with _dbos(url, self.id, self._settings.serving.jobs_at_once, self.work_on) as queue:
            yield queue


class _Working:
    """A job that is worked on: hears its progress in one thread, writes it down in another."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self._heard: tuple[str, int, int, str] = ("", 0, 0, "")
        self._is_unwanted = threading.Event()

    def hear(self, stage: str, done: int, total: int, unit: str) -> None:
        """The job's `Progress`. Raises Cancelled where nobody wants it any more."""
        self._heard = (stage, done, total, unit)
        if self._is_unwanted.is_set():
            raise Cancelled("the job was cancelled", next_step="ask for it again to go on from there")

    def flush(self, store: JobStore) -> None:
        """Write down how far it is."""
        if not store.note(self.job, *self._heard):
            self._is_unwanted.set()


class _Queue:
    """The DBOS queue. A job stands in it under its id and the number of times that it was handed over."""

    def __init__(self, dbos: Any, workflow: Callable[[str, int], None]) -> None:
        self._dbos = dbos
        self._workflow = workflow

    def put(self, job: Job) -> None:
        """Put a job in, by its number in order; one that is in it stays."""
        from dbos import SetEnqueueOptions, SetWorkflowID

        with SetWorkflowID(_name(job)), SetEnqueueOptions(priority=job.number):
            self._dbos.enqueue_workflow(_QUEUE, self._workflow, job.id, job.handed)

    def lost(self, jobs: tuple[Job, ...], living: set[str]) -> list[Job]:
        """Those of these jobs that are not in it, or that a runner has which is not among the living."""
        if not jobs:
            return []
        names = [_name(job) for job in jobs]
        found = self._dbos.list_workflows(workflow_ids=names, load_input=False, load_output=False)
        held = {
            one.workflow_id
            for one in found
            if one.status in {"ENQUEUED", "DELAYED"}
            or (one.status == "PENDING" and one.executor_id in living)
        }
        return [job for job in jobs if _name(job) not in held]

    def drop(self, job: Job) -> None:
        """Forget what it has of a job that was taken back."""
        self._dbos.delete_workflows([_name(job)])

    def sweep(self) -> None:
        """Forget what ended a day ago."""
        from datetime import UTC, datetime

        before = datetime.fromtimestamp(time.time() - _KEPT_MS / 1000, UTC).isoformat()
        old = self._dbos.list_workflows(completed_before=before, load_input=False, load_output=False)
        if old:
            self._dbos.delete_workflows([one.workflow_id for one in old])


@contextmanager
def _dbos(url: str, runner: str, at_once: int, work_on: Callable[[str, int], None]) -> Generator[_Queue]:
    """DBOS over this database, launched. Raises StorageFailed."""
    from dbos import DBOS, DBOSConfig, WorkflowSerializationFormat
    from sqlalchemy.exc import SQLAlchemyError

    config = DBOSConfig(
        name=_NAME,
        system_database_url=url,
        dbos_system_schema=_SCHEMA,
        executor_id=runner,
        application_version=_VERSION,
        log_level="WARNING",
        use_listen_notify=False,
    )
    DBOS(config=config)

    def perform(job_id: str, handed: int) -> None:
        work_on(job_id, handed)

    step = DBOS.step(name="work")(perform)

    def job(job_id: str, handed: int) -> None:
        step(job_id, handed)

    # JSON: what stands in the database is never unpickled.
    workflow = DBOS.workflow(name="job", serialization_type=WorkflowSerializationFormat.PORTABLE)(job)
    try:
        try:
            DBOS.launch()
            DBOS.register_queue(
                _QUEUE,
                worker_concurrency=at_once,
                polling_interval_sec=_POLL_S,
                on_conflict="always_update",
            )
        except SQLAlchemyError as error:
            raise StorageFailed(
                f"the queue of jobs cannot be opened: {str(error).splitlines()[0]}",
                next_step="check that the database runs, has room and may be written",
            ) from error
        queue = _Queue(DBOS, workflow)
        queue.sweep()
        yield queue
    finally:
        DBOS.destroy(destroy_registry=True)


def _name(job: Job) -> str:
    return f"{job.id}.{job.handed}"
