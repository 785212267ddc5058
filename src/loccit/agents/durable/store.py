"""Runs as rows of the database: the one truth about them, whoever works on them."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from loccit.agents.durable.keeping import forget_old
from loccit.agents.durable.rows import event_row, question_row, run_row
from loccit.agents.durable.values import (
    Answer,
    Event,
    Happened,
    Lease,
    Lost,
    Question,
    RunRow,
    Wish,
)
from loccit.agents.options import Limits
from loccit.agents.values import RunState, Spend
from loccit.core.calls import Payer
from loccit.core.errors import Conflict, InputError, NotFound
from loccit.storage.database import Database
from loccit.storage.tables import agent_events, agent_questions, agent_runs, agent_workers

_QUEUED, _RUNNING = RunState.QUEUED.value, RunState.RUNNING.value
_OPEN = (_QUEUED, _RUNNING)
_RESTING = (RunState.PAUSED.value, RunState.WAITING.value)
# What was handed to the queue and was not begun by then is looked after again.
_HANDED_S = 5.0
_MOST_TEXT_CHARS = 2_000

Also = Callable[[Connection], None]
"""What is written in the same transaction as a step's end."""


class RunStore:
    """Runs of a database. Every method raises StorageFailed."""

    def __init__(self, database: Database, *, keep_days: int = 0) -> None:
        """Those that ended `keep_days` ago are forgotten when one is added; 0: none is."""
        self.database = database
        self._keep_days = keep_days

    # For whoever asks

    def add(self, blueprint: str, task: Any, limits: Limits, payer: Payer) -> RunRow:
        """The new run at the end of the queue. `payer` pays for it; its request becomes the run's id."""
        id_ = uuid.uuid4().hex
        payer_of_run = {**asdict(payer), "request": id_, "key_usd": _text(payer.key_usd)}
        payer_of_run["request_usd"] = str(limits.usd)
        row = {
            "id": id_,
            "blueprint": blueprint,
            "task": json.dumps(task),
            "limits": json.dumps({**asdict(limits), "usd": str(limits.usd)}),
            "payer": json.dumps(payer_of_run),
            "user": payer.user,
            "state": _QUEUED,
            "wish": "",
            "worker": "",
            "epoch": 0,
            "attempts": 0,
            "created_at": time.time(),
            "spend": json.dumps(Spend().as_json()),
        }
        with self.database.writing() as connection:
            forget_old(connection, self._keep_days)
            connection.execute(agent_runs.insert(), row)
            self._tell(connection, id_, "queued", RunState.QUEUED.value, f"a run of {blueprint}", {})
        return self.get(id_)

    def get(self, run: str) -> RunRow:
        """The run with this id, or the one whose id begins so. Raises NotFound, also where several do."""
        query = select(agent_runs).where(agent_runs.c.id.startswith(run, autoescape=True)).limit(2)
        with self.database.reading() as connection:
            rows = connection.execute(query).mappings().all()
        if len(rows) != 1 or not run:
            raise NotFound(
                f"there is no run of an agent {run[:64]!r}" if not rows else f"{run[:64]!r} is several runs",
                next_step="see what there is: loccit agents list",
            )
        return run_row(rows[0])

    def list(
        self, *, states: Collection[RunState] = (), before: int | None = None, limit: int = 50
    ) -> tuple[RunRow, ...]:
        """Runs in these states (none named: in all), the newest first; `before` is a number."""
        query = select(agent_runs).order_by(agent_runs.c.number.desc()).limit(limit)
        if states:
            query = query.where(agent_runs.c.state.in_([state.value for state in states]))
        if before is not None:
            query = query.where(agent_runs.c.number < before)
        with self.database.reading() as connection:
            return tuple(run_row(row) for row in connection.execute(query).mappings())

    def ids(self) -> frozenset[str]:
        """The ids of all runs."""
        with self.database.reading() as connection:
            return frozenset(connection.execute(select(agent_runs.c.id)).scalars())

    def has_open(self) -> bool:
        """Whether there is anything to work on."""
        query = select(agent_runs.c.number).where(agent_runs.c.state.in_(_OPEN)).limit(1)
        with self.database.reading() as connection:
            return connection.execute(query).first() is not None

    def cancel(self, run: str) -> RunRow:
        """End a run: at once where nobody works on it, else as soon as it can. What is over stays."""
        found = self.get(run)
        rests = (agent_runs.c.id == found.id) & agent_runs.c.state.in_((_QUEUED, *_RESTING))
        over = {"state": RunState.CANCELLED.value, "wish": "", "finished_at": time.time()}
        self._wish(found.id, Wish.CANCEL, rests, over)
        return self.get(found.id)

    def pause(self, run: str) -> RunRow:
        """Let a run rest: at once where it waits in the queue, else after the step that it is in.

        Raises Conflict for one that is over or waits for a person.
        """
        found = self.get(run)
        if found.state is RunState.WAITING or found.state.is_over:
            raise Conflict(f"the run {found.id[:8]!r} is {found.state.value}, and does nothing")
        rests = (agent_runs.c.id == found.id) & (agent_runs.c.state == _QUEUED)
        self._wish(found.id, Wish.PAUSE, rests, {"state": RunState.PAUSED.value, "wish": ""})
        return self.get(found.id)

    def resume(self, run: str) -> RunRow:
        """Let a run that rests go on. Raises Conflict for one that does not."""
        found = self.get(run)
        mine = agent_runs.c.id == found.id
        with self.database.writing() as connection:
            wakes = mine & (agent_runs.c.state == RunState.PAUSED.value)
            woken = agent_runs.update().where(wakes).values(state=_QUEUED, wish="", handed_at=None)
            is_woken = connection.execute(woken).rowcount > 0
            # One that was to rest, and has not come to it yet, goes on.
            goes_on = mine & (agent_runs.c.state == _RUNNING) & (agent_runs.c.wish == Wish.PAUSE.value)
            changed = connection.execute(agent_runs.update().where(goes_on).values(wish="")).rowcount
        if not is_woken and not changed:
            raise Conflict(
                f"the run {found.id[:8]!r} is {found.state.value}, not paused",
                next_step="answer what it asks: loccit agents answer"
                if found.state is RunState.WAITING
                else "",
            )
        return self.get(found.id)

    def questions(self, run: str, *, is_open: bool = True) -> tuple[Question, ...]:
        """What a run asks, and without `is_open` what it asked before too, the oldest first."""
        query = select(agent_questions).where(agent_questions.c.run == run)
        if is_open:
            query = query.where(agent_questions.c.answer == "")
        with self.database.reading() as connection:
            found = connection.execute(query.order_by(agent_questions.c.asked_at)).mappings()
            return tuple(question_row(row) for row in found)

    def answer(self, run: str, answer: Answer, *, by: str, arguments_hash: str = "") -> Question:
        """Answer what a run waits for; it goes on. An approval holds for exactly the call that was shown.

        `arguments_hash` (or how it begins) must be that of the call where it is given. Raises Conflict where
        it waits for nothing, or for another call, InputError for an answer to another kind of question.
        """
        found = self.get(run)
        asked = self.questions(found.id)
        if not asked:
            raise Conflict(f"the run {found.id[:8]!r} is {found.state.value}, and asks nothing")
        question = asked[-1]
        if not question.arguments_hash.startswith(arguments_hash):
            raise Conflict(
                f"it asks about another call: {question.arguments_hash[:16]!r}",
                next_step=f"look at it: loccit agents show {found.id[:8]}",
            )
        if answer not in question.kind.answers:
            raise InputError(
                f"{answer.value!r} is no answer to a question about an {question.kind.value}",
                next_step=f"say one of: {', '.join(each.value for each in question.kind.answers)}",
            )
        now = time.time()
        mine = (agent_questions.c.id == question.id) & (agent_questions.c.answer == "")
        waits = (agent_runs.c.id == found.id) & (agent_runs.c.state == RunState.WAITING.value)
        with self.database.writing() as connection:
            said = agent_questions.update().where(mine).values(answer=answer.value, by=by, answered_at=now)
            if not connection.execute(said).rowcount:
                raise Conflict("somebody else has answered meanwhile")
            connection.execute(agent_runs.update().where(waits).values(state=_QUEUED, handed_at=None))
            details = {"arguments_hash": question.arguments_hash, "by": by}
            self._tell(connection, found.id, f"answer {question.id}", "answer", answer.value, details)
        return next(one for one in self.questions(found.id, is_open=False) if one.id == question.id)

    def events(self, run: str, *, after: int = 0, limit: int = 500) -> tuple[Event, ...]:
        """What happened in a run after an event, in order."""
        query = select(agent_events).where(agent_events.c.run == run, agent_events.c.number > after)
        with self.database.reading() as connection:
            rows = connection.execute(query.order_by(agent_events.c.number).limit(limit)).mappings()
            return tuple(event_row(row) for row in rows)

    # For whoever hands runs over

    def hand_over(self) -> tuple[RunRow, ...]:
        """The runs to be given to the queue now, in order. They are the caller's for a few seconds."""
        now = time.time()
        due = agent_runs.c.handed_at.is_(None) | (agent_runs.c.handed_at < now - _HANDED_S)
        query = select(agent_runs).where(agent_runs.c.state == _QUEUED, due).order_by(agent_runs.c.number)
        with self.database.writing() as connection:
            rows = connection.execute(query.with_for_update(skip_locked=True)).mappings().all()
            ids = [row["number"] for row in rows]
            if ids:
                taken = agent_runs.update().where(agent_runs.c.number.in_(ids)).values(handed_at=now)
                connection.execute(taken)
            return tuple(run_row(row) for row in rows)

    def running(self) -> tuple[RunRow, ...]:
        """The runs that somebody works on, or worked on when they died."""
        query = select(agent_runs).where(agent_runs.c.state == _RUNNING).order_by(agent_runs.c.number)
        with self.database.reading() as connection:
            return tuple(run_row(row) for row in connection.execute(query).mappings())

    def take_back(self, row: RunRow) -> bool:
        """Have a run that nobody works on any more handed over again; False where it went on meanwhile."""
        mine = _of(row.lease)
        with self.database.writing() as connection:
            values = {"state": _QUEUED, "handed_at": None}
            if not connection.execute(agent_runs.update().where(mine).values(**values)).rowcount:
                return False
            text = f"{row.worker} is gone"
            self._tell(connection, row.id, f"taken {row.epoch}", "taken", text, {"worker": row.worker})
            return True

    def beat(self, worker: str) -> None:
        """Note that a worker lives. Raises Lost never: who was forgotten is known again."""
        now = time.time()
        with self.database.writing() as connection:
            mine = agent_workers.c.id == worker
            values = {"beats": agent_workers.c.beats + 1, "seen_at": now}
            if not connection.execute(agent_workers.update().where(mine).values(**values)).rowcount:
                connection.execute(agent_workers.insert(), {"id": worker, "beats": 1, "seen_at": now})
                old = agent_workers.c.seen_at < now - 86_400
                connection.execute(agent_workers.delete().where(old))

    def beats(self) -> dict[str, int]:
        """How far each worker has counted."""
        with self.database.reading() as connection:
            rows = connection.execute(select(agent_workers.c.id, agent_workers.c.beats))
            return {row.id: row.beats for row in rows}

    def left(self, worker: str) -> None:
        """Note that a worker has ended: its runs are everybody's at once."""
        with self.database.writing() as connection:
            connection.execute(agent_workers.delete().where(agent_workers.c.id == worker))

    def wishes(self, runs: Collection[str]) -> dict[str, Wish]:
        """What is wished of runs that are worked on."""
        query = select(agent_runs.c.id, agent_runs.c.wish).where(
            agent_runs.c.id.in_(sorted(runs)), agent_runs.c.wish != ""
        )
        with self.database.reading() as connection:
            return {row.id: Wish(row.wish) for row in connection.execute(query)}

    # For whoever works on one: all of it only while the lease holds

    def begin(self, run: str, worker: str) -> tuple[RunRow, Lease] | None:
        """The run, which is this worker's from now on; None where it is not to be worked on (any more)."""
        mine = (agent_runs.c.id == run) & (agent_runs.c.state == _QUEUED)
        with self.database.writing() as connection:
            begun = (
                agent_runs.update()
                .where(mine)
                .values(
                    state=_RUNNING,
                    worker=worker,
                    epoch=agent_runs.c.epoch + 1,
                    handed_at=None,
                    started_at=func.coalesce(agent_runs.c.started_at, time.time()),
                )
            )
            if not connection.execute(begun).rowcount:
                return None
            row = run_row(
                connection.execute(select(agent_runs).where(agent_runs.c.id == run)).mappings().one()
            )
            self._tell(connection, run, f"begun {row.epoch}", "begun", worker, {"epoch": row.epoch})
        return row, row.lease

    def step(self, lease: Lease) -> tuple[Wish | None, int]:
        """Note that a step is begun; what is wished of the run, and how often this step was begun by now.

        Raises Lost.
        """
        with self.database.writing() as connection:
            return stepped(connection, lease)

    def give_back(self, lease: Lease) -> None:
        """Have a run handed over again that was let go of on purpose. Raises Lost."""
        with self.database.writing() as connection:
            held(connection, lease, {"state": _QUEUED, "handed_at": None, "attempts": 0})

    def advance(self, lease: Lease, spend: Spend, event: Happened, also: Also | None = None) -> None:
        """Keep that a run got a step further, what it has used, what came of it (`also`), and tell of it.

        Raises Lost.
        """
        with self.database.writing() as connection:
            values = {"spend": json.dumps(spend.as_json()), "attempts": 0}
            held(connection, lease, values)
            if also is not None:
                also(connection)
            self._tell(connection, lease.run, event.key, event.kind, event.text, event.details)

    def tell(self, lease: Lease, key: str, kind: str, text: str, details: Mapping[str, Any]) -> None:
        """Tell those who watch of something, once by this key. Raises Lost."""
        with self.database.writing() as connection:
            held(connection, lease)
            self._tell(connection, lease.run, key, kind, text, details)

    def ask(self, lease: Lease, question: Question) -> None:
        """Let the run wait for a person. Raises Lost."""
        with self.database.writing() as connection:
            held(connection, lease, {"state": RunState.WAITING.value, "attempts": 0})
            row = {**asdict(question), "kind": question.kind.value, "answer": ""}
            connection.execute(agent_questions.insert(), row)
            details = {"kind": question.kind.value, "arguments_hash": question.arguments_hash}
            self._tell(connection, lease.run, f"ask {question.id}", "waiting", question.shown, details)

    def answered(self, question: str) -> Question | None:
        """A question by its id, None where it was not asked."""
        query = select(agent_questions).where(agent_questions.c.id == question)
        with self.database.reading() as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else question_row(row)

    def rest(self, lease: Lease) -> None:
        """Let the run rest, as was wished. Raises Lost."""
        with self.database.writing() as connection:
            held(connection, lease, {"state": RunState.PAUSED.value, "wish": "", "attempts": 0})
            self._tell(connection, lease.run, f"paused {lease.epoch}", "paused", "", {})

    def finish(
        self,
        lease: Lease,
        state: RunState,
        *,
        result: Any = None,
        problem: Mapping[str, Any] | None = None,
    ) -> None:
        """Keep how a run ended. Raises Lost."""
        values: dict[str, Any] = {
            "state": state.value,
            "wish": "",
            "finished_at": time.time(),
            "result": None if state is not RunState.DONE else json.dumps(result),
            "problem": None if problem is None else json.dumps(problem),
        }
        text = str(problem["message"]) if problem else ""
        with self.database.writing() as connection:
            held(connection, lease, values)
            self._tell(connection, lease.run, f"over {lease.epoch}", state.value, text, dict(problem or {}))

    def _wish(self, run: str, wish: Wish, rests: ColumnElement[bool], values: Mapping[str, Any]) -> None:
        works = (agent_runs.c.id == run) & (agent_runs.c.state == _RUNNING)
        with self.database.writing() as connection:
            if connection.execute(agent_runs.update().where(rests).values(**values)).rowcount:
                state = str(values["state"])
                self._tell(connection, run, f"{state} {time.time()}", state, "", {})
            else:
                connection.execute(agent_runs.update().where(works).values(wish=wish.value))

    def _tell(
        self,
        connection: Connection,
        run: str,
        key: str,
        kind: str,
        text: str,
        details: Mapping[str, Any],
    ) -> None:
        row = {
            "run": run,
            "key": key[:300],
            "at": time.time(),
            "kind": kind,
            "text": text[:_MOST_TEXT_CHARS],
            "details": json.dumps(details),
        }
        insert = insert_sqlite if self.database.is_sqlite else insert_postgresql
        connection.execute(insert(agent_events).values(**row).on_conflict_do_nothing())


def held(connection: Connection, lease: Lease, values: Mapping[str, Any] | None = None) -> None:
    """Change the run's row within a transaction, which nobody can take over until it ends. Raises Lost."""
    changed = agent_runs.update().where(_of(lease)).values(**(values or {"epoch": lease.epoch}))
    if not connection.execute(changed).rowcount:
        raise Lost


def stepped(connection: Connection, lease: Lease) -> tuple[Wish | None, int]:
    """Note within a transaction that a step is begun, as `RunStore.step`. Raises Lost."""
    mine = agent_runs.update().where(_of(lease)).values(attempts=agent_runs.c.attempts + 1)
    found = connection.execute(mine.returning(agent_runs.c.wish, agent_runs.c.attempts)).first()
    if found is None:
        raise Lost
    return Wish(found.wish) if found.wish else None, found.attempts


def _of(lease: Lease) -> ColumnElement[bool]:
    return (
        (agent_runs.c.id == lease.run)
        & (agent_runs.c.epoch == lease.epoch)
        & (agent_runs.c.worker == lease.worker)
        & (agent_runs.c.state == _RUNNING)
    )


def _text(usd: Decimal | None) -> str | None:
    return None if usd is None else str(usd)
