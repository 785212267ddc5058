"""`loccit jobs`: what a server was asked to index, synchronise and remove, and the process that does it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from loccit.cli.help_pages import Command
from loccit.cli.options import Json, Quiet, check_numbers

if TYPE_CHECKING:
    from loccit.serving.jobs.store import JobStore
    from loccit.serving.jobs.values import Job

app = typer.Typer(
    name="jobs",
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

JobId = Annotated[str, typer.Argument(metavar="JOB", help="The id of the job.")]


@app.callback()
def jobs(
    context: typer.Context,
    *,
    limit: Annotated[int, typer.Option("--limit", "-n", metavar="N", help="At most so many.")] = 20,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """List the jobs of the server, or show, cancel and work on them.

    The newest first: how each stands, what it does, and with which repository.
    """
    if context.invoked_subcommand is not None:
        return
    from loccit.cli.output import emit, note, one_line, say

    check_numbers(limit=limit)
    found = _store().list(limit=limit)
    if json:
        emit({"format": "loccit-jobs/1", "jobs": [_document(job) for job in found]})
        return
    for job in found:
        what = f"{job.request.kind.value:6} {one_line(job.name)}"
        say(f"{job.id}  {_time(job.created_at)}  {job.state.value:9}  {what}  {one_line(job.message)}")
    if not found and not quiet:
        note("no server was asked for a job yet")


@app.command(cls=Command)
def show(job: JobId, *, json: Json = False) -> None:
    """Show a job: what was asked for, how far it is, and what came of it."""
    from loccit.cli.output import emit, one_line, say

    found = _store().get(job)
    if json:
        emit({"format": "loccit-job/1", **_document(found)})
        return
    say(f"{found.id}: {found.request.kind.value} {one_line(found.name)}, {one_line(found.message)}")
    for name in ("created_at", "started_at", "finished_at"):
        at = getattr(found, name)
        if at is not None:
            say(f"  {name.removesuffix('_at'):9}{_time(at)}")
    for name, value in (found.result or {}).items():
        say(f"  {name}: {one_line(str(value))}")
    if found.problem is not None:
        say(f"  {one_line(found.problem['message'])}")
        if found.problem["next_step"]:
            say(f"  {one_line(found.problem['next_step'])}")


@app.command(cls=Command)
def cancel(job: JobId, *, json: Json = False, quiet: Quiet = False) -> None:
    """End a job: at once where it waits, within seconds where it runs. What it did is kept."""
    from loccit.cli.output import emit, one_line, say

    found = _store().cancel(job)
    if json:
        emit({"format": "loccit-job/1", **_document(found)})
    elif not quiet:
        say(f"{found.id}: {one_line(found.message)}")


@app.command(cls=Command)
def run(
    *,
    idle: Annotated[
        int, typer.Option("--idle", metavar="SECONDS", help="End when there was nothing to do for so long.")
    ] = 20,
    stay: Annotated[bool, typer.Option("--stay", help="Do not end.")] = False,
    quiet: Quiet = False,
) -> None:
    """Work on the server's jobs. Servers start this by themselves, unless run_jobs in [serving] is false.

    With SQLite one process does it, with PostgreSQL one on each machine: another one ends at once. It may be
    killed at any moment: the next one goes on.
    """
    import logging

    from loccit.cli.output import note
    from loccit.core.errors import SettingsError
    from loccit.settings import Settings

    check_numbers(idle=idle)
    try:
        from loccit.serving.jobs.runner import run_jobs
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"jobs need a package that is not installed: {error.name}",
            next_step="pip install 'loccit[serve]'",
        ) from error
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    if not run_jobs(Settings.load(), idle_s=None if stay else idle) and not quiet:
        note("another process works on these jobs already")


def _store() -> JobStore:
    from loccit.library import Loccit
    from loccit.serving.jobs.store import JobStore

    return JobStore(Loccit().database())


def _document(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "request": asdict(job.request),
        "repository": job.name,
        "state": job.state.value,
        "message": job.message,
        "user": job.user,
        "created_at": _time(job.created_at),
        "started_at": _time(job.started_at),
        "finished_at": _time(job.finished_at),
        "cancelled": job.is_cancelled,
        "result": job.result,
        "problem": job.problem,
    }


def _time(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
