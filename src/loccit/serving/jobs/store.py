"""Jobs as rows of the database: the one truth about them, whoever works on them."""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from collections.abc import Collection, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, func, select, text

from loccit.core.errors import IndexBroken, NotFound
from loccit.serving.jobs.values import Job, JobKind, JobRequest, JobState
from loccit.storage.tables import job_runners, jobs

if TYPE_CHECKING:
    from loccit.storage.database import Database

_OPEN = (JobState.QUEUED.value, JobState.RUNNING.value)
_KEPT_S = 30 * 86_400.0
# Any number that nobody else locks.
_POSTGRESQL_LOCK = 7_142_024
_MOST_PHASE_CHARS = 100


class JobStore:
    """Jobs of a database. Every method raises StorageFailed; on PostgreSQL writers of the queue take
    turns.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    # For whoever asks

    def add(self, request: JobRequest, *, key: str, name: str, caller: str, user: str) -> Job:
        """The new job at the end of the queue; where the same one waits already, that one.

        Jobs that ended 30 days ago are forgotten.
        """
        same = hashlib.sha256(f"{key} {_written(request)}".encode("utf-8", "backslashreplace")).hexdigest()
        now = time.time()
        with self._database.writing() as connection:
            self._take_turn(connection)
            connection.execute(jobs.delete().where(jobs.c.finished_at < now - _KEPT_S))
            found = connection.execute(select(jobs).where(jobs.c.same == same)).mappings().first()
            if found is not None:
                return _job(found)
            row = {
                "id": uuid.uuid4().hex,
                "kind": request.kind.value,
                "repository": key,
                "name": name,
                "request": _written(request),
                "state": JobState.QUEUED.value,
                "same": same,
                "handed": 0,
                "attempts": 0,
                "runner": "",
                "is_cancelled": 0,
                "user": user,
                "caller": caller,
                "created_at": now,
                "phase": "",
                "done": 0,
                "total": 0,
                "unit": "",
            }
            connection.execute(jobs.insert(), row)
            added = connection.execute(select(jobs).where(jobs.c.id == row["id"])).mappings().one()
            return _job(added)

    def get(self, job: str) -> Job:
        """The job with this id. Raises NotFound."""
        with self._database.reading() as connection:
            row = connection.execute(select(jobs).where(jobs.c.id == job)).mappings().first()
        if row is None:
            raise unknown(job)
        return _job(row)

    def list(
        self,
        *,
        keys: Collection[str] | None = None,
        state: JobState | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> tuple[Job, ...]:
        """Jobs about the repositories with these keys (None: all), the newest first."""
        query = select(jobs).order_by(jobs.c.number.desc()).limit(limit)
        if keys is not None:
            query = query.where(jobs.c.repository.in_(sorted(keys)))
        if state is not None:
            query = query.where(jobs.c.state == state.value)
        if before is not None:
            query = query.where(jobs.c.number < before)
        with self._database.reading() as connection:
            return tuple(_job(row) for row in connection.execute(query).mappings())

    def counts(self) -> dict[str, int]:
        """How many jobs are in each state."""
        query = select(jobs.c.state, func.count()).group_by(jobs.c.state)
        with self._database.reading() as connection:
            return {str(state): int(count) for state, count in connection.execute(query)}

    def newest(self, key: str) -> Job | None:
        """The job about a repository that was asked for last."""
        return next(iter(self.list(keys=(key,), limit=1)), None)

    def has_open(self) -> bool:
        """Whether there is anything to do."""
        query = select(jobs.c.number).where(jobs.c.state.in_(_OPEN)).limit(1)
        with self._database.reading() as connection:
            return connection.execute(query).first() is not None

    def cancel(self, job: str) -> Job:
        """End a job that waits, and have one that runs end as soon as it can; as it is then. Raises
        NotFound.
        """
        waits = (jobs.c.id == job) & (jobs.c.state == JobState.QUEUED.value)
        runs = (jobs.c.id == job) & (jobs.c.state == JobState.RUNNING.value)
        over = {"state": JobState.CANCELLED.value, "same": None, "busy": None, "finished_at": time.time()}
        with self._database.writing() as connection:
            self._take_turn(connection)
            connection.execute(jobs.update().where(waits).values(is_cancelled=1, **over))
            connection.execute(jobs.update().where(runs).values(is_cancelled=1))
        return self.get(job)

    # For whoever works

    def hand_over(self) -> tuple[Job, ...]:
        """The jobs that may begin now, in order: of each repository the first, if none of it is at work.

        From here on they are the caller's to put into its queue; what it does not keep there is handed over
        again by `take_back`.
        """
        waiting = select(jobs).where(jobs.c.state == JobState.QUEUED.value, jobs.c.busy.is_(None))
        with self._database.writing() as connection:
            self._take_turn(connection)
            taken = select(jobs.c.busy).where(jobs.c.busy.is_not(None))
            busy = set(connection.execute(taken).scalars())
            found: list[Job] = []
            for row in connection.execute(waiting.order_by(jobs.c.number)).mappings():
                if row["repository"] not in busy:
                    busy.add(row["repository"])
                    values = {"busy": row["repository"], "handed": row["handed"] + 1}
                    connection.execute(jobs.update().where(jobs.c.number == row["number"]).values(**values))
                    found.append(_job({**row, **values}))
            return tuple(found)

    def handed_over(self) -> tuple[Job, ...]:
        """The jobs that a runner has in its queue, or works on."""
        query = select(jobs).where(jobs.c.busy.is_not(None), jobs.c.state.in_(_OPEN))
        with self._database.reading() as connection:
            return tuple(_job(row) for row in connection.execute(query.order_by(jobs.c.number)).mappings())

    def take_back(self, job: Job) -> bool:
        """Have a job handed over again that nobody has any more; False where it went on meanwhile."""
        as_it_was = (jobs.c.number == job.number) & (jobs.c.handed == job.handed) & jobs.c.state.in_(_OPEN)
        with self._database.writing() as connection:
            self._take_turn(connection)
            values = {"busy": None, "state": JobState.QUEUED.value}
            return connection.execute(jobs.update().where(as_it_was).values(**values)).rowcount > 0

    def begin(self, job: str, handed: int, runner: str) -> Job | None:
        """The job, which is this runner's from now on; None where it is not to be done (any more)."""
        mine = (jobs.c.id == job) & (jobs.c.handed == handed) & jobs.c.busy.is_not(None)
        with self._database.writing() as connection:
            begun = connection.execute(
                jobs.update()
                .where(mine, jobs.c.state.in_(_OPEN))
                .values(
                    state=JobState.RUNNING.value,
                    same=None,
                    runner=runner,
                    attempts=jobs.c.attempts + 1,
                    started_at=func.coalesce(jobs.c.started_at, time.time()),
                )
            )
            if not begun.rowcount:
                return None
            return _job(connection.execute(select(jobs).where(jobs.c.id == job)).mappings().one())

    def note(self, job: Job, phase: str, done: int, total: int, unit: str) -> bool:
        """Keep how far a job is. False where it is to end: somebody cancelled it, or has taken it over."""
        mine = _of_runner(job)
        values = {"phase": phase[:_MOST_PHASE_CHARS], "done": done, "total": total, "unit": unit}
        wanted = select(jobs.c.number).where(mine, jobs.c.is_cancelled == 0)
        with self._database.writing() as connection:
            connection.execute(jobs.update().where(mine).values(**values))
            return connection.execute(wanted).first() is not None

    def finish(
        self,
        job: Job,
        state: JobState,
        *,
        result: Mapping[str, Any] | None = None,
        problem: Mapping[str, Any] | None = None,
    ) -> bool:
        """Keep how a job ended; False where somebody has taken it over."""
        values: dict[str, Any] = {
            "state": state.value,
            "busy": None,
            "finished_at": time.time(),
            "result": None if result is None else json.dumps(result),
            "problem": None if problem is None else json.dumps(problem),
        }
        with self._database.writing() as connection:
            return connection.execute(jobs.update().where(_of_runner(job)).values(**values)).rowcount > 0

    # Runners

    def seen(self, runner: str) -> None:
        """Note that a runner lives now. What was not seen for a day is forgotten."""
        now = time.time()
        with self._database.writing() as connection:
            mine = job_runners.c.id == runner
            old = job_runners.c.seen_at < now - 86_400
            if not connection.execute(job_runners.update().where(mine).values(seen_at=now)).rowcount:
                connection.execute(job_runners.insert(), {"id": runner, "seen_at": now})
                connection.execute(job_runners.delete().where(old))

    def left(self, runner: str) -> None:
        """Note that a runner has ended."""
        with self._database.writing() as connection:
            connection.execute(job_runners.delete().where(job_runners.c.id == runner))

    def living(self, within_s: float) -> frozenset[str]:
        """The runners that were seen within so many seconds."""
        query = select(job_runners.c.id).where(job_runners.c.seen_at > time.time() - within_s)
        with self._database.reading() as connection:
            return frozenset(connection.execute(query).scalars())

    def _take_turn(self, connection: Connection) -> None:
        # On SQLite the transaction alone does it.
        if not self._database.is_sqlite:
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_POSTGRESQL_LOCK})"))


def unknown(job: str) -> NotFound:
    """The error for a job that is not there, or not for who asks."""
    return NotFound(f"there is no job {job[:64]!r}", next_step="see what there is: GET /v1/index-jobs")


def _of_runner(job: Job) -> Any:
    return (
        (jobs.c.number == job.number)
        # Whoever began with it after this one has a higher number.
        & (jobs.c.attempts == job.attempts)
        & (jobs.c.state == JobState.RUNNING.value)
    )


def _written(request: JobRequest) -> str:
    return json.dumps(asdict(request), sort_keys=True)


def _job(row: Mapping[Any, Any]) -> Job:
    try:
        asked = json.loads(row["request"])
        asked["kind"] = JobKind(asked["kind"])
        request = JobRequest(**asked)
    except (ValueError, KeyError, TypeError) as error:
        raise IndexBroken(f"the job {row['id']!r} cannot be read: {error}") from error
    return Job(
        id=row["id"],
        number=row["number"],
        request=request,
        key=row["repository"],
        name=row["name"],
        state=JobState(row["state"]),
        user=row["user"],
        created_at=row["created_at"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        phase=row["phase"],
        done=row["done"],
        total=row["total"],
        unit=row["unit"],
        is_cancelled=bool(row["is_cancelled"]),
        handed=row["handed"],
        attempts=row["attempts"],
        runner=row["runner"],
        result=None if row["result"] is None else json.loads(row["result"]),
        problem=None if row["problem"] is None else json.loads(row["problem"]),
    )
