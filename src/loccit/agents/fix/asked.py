"""From an issue to a run of the blueprint, and from a run to its document."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from loccit.agents.fix.service import NAME, fix_of
from loccit.agents.fix.task import FixTask
from loccit.agents.fix.working_copy import branch_name
from loccit.agents.values import RunState
from loccit.core.errors import Cancelled, InputError, RunFailed, RunWaits, Unsupported
from loccit.core.fixes import Fix
from loccit.pipeline.report import report_of

if TYPE_CHECKING:
    from loccit.agents.durable.agents import Agents
    from loccit.agents.durable.store import RunStore
    from loccit.agents.durable.values import RunRow
    from loccit.core.issues import Issue
    from loccit.sources.repository import Repository

Tell = Callable[[str], None]


def task_of(
    issue: str | bytes | Issue,
    repository: Repository,
    *,
    rev: str | None = None,
    target: str = "",
    pushes: bool = False,
    writes_lesson: bool = False,
) -> FixTask:
    """The task of fixing an issue at a commit (HEAD by default). Raises InputError, RevisionNotFound,
    Unsupported for a folder that has no commits.
    """
    report = report_of(issue)
    if not repository.is_git:
        raise Unsupported(
            f"{repository.name!r} is a folder without commits",
            next_step="make it a git repository: 'git init', 'git add', 'git commit'",
        )
    return FixTask.of_report(
        report,
        repo=repository.name,
        location=repository.location,
        base=repository.resolve(rev),
        branch=branch_name(report.id or (report.title or report.body).strip()[:40], secrets.token_hex(8)),
        time=int(time.time()),
        target=target,
        pushes=pushes,
        writes_lesson=writes_lesson,
    )


def followed(agents: Agents, run: str, version: str, tell: Tell) -> Fix:
    """What became of a run, worked on here if nobody else does; `tell` hears each line of it once.

    Raises RunWaits where a person has to say something first, Cancelled, RunFailed.
    """
    heard = 0

    def hear(row: RunRow) -> None:
        nonlocal heard
        for event in agents.store.events(row.id, after=heard):
            heard = event.number
            if event.kind == "note":
                tell(event.text)

    row = agents.follow(run, hear=hear)
    hear(row)
    return _ended(row, version)


def replayed(store: RunStore, run: str, version: str, tell: Tell) -> Fix:
    """The document of a run that is over, after all that was told of it: read, not run. Raises NotFound,
    InputError for a run of something else, and as `followed` does.
    """
    row = store.get(run)
    if row.blueprint != NAME:
        raise InputError(
            f"the run {run!r} is one of {row.blueprint!r}", next_step="see its events: loccit agents watch"
        )
    after = 0
    while events := store.events(row.id, after=after):
        for event in events:
            if event.kind == "note":
                tell(event.text)
        after = events[-1].number
    return _ended(row, version)


def _ended(row: RunRow, version: str) -> Fix:
    match row.state:
        case RunState.DONE:
            return fix_of(row, version)
        case RunState.CANCELLED:
            raise Cancelled(f"the run {row.id} was cancelled", next_step="what it found is in its events")
        case RunState.FAILED | RunState.LOST:
            problem = row.problem or {"message": "nobody knows why", "next_step": ""}
            raise RunFailed(f"the run {row.id} failed: {problem['message']}", next_step=problem["next_step"])
        case _:
            raise RunWaits(
                f"the run {row.id} is {row.state.value}",
                next_step=f"see what it waits for: loccit agents show {row.id}",
            )
