"""`loccit agents`: runs of agents, begun, watched, steered and worked on."""

from __future__ import annotations

import time
from dataclasses import asdict
from datetime import UTC, datetime
from json import dumps, loads
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from loccit.cli.help_pages import Command
from loccit.cli.options import Json, Quiet, check_numbers

if TYPE_CHECKING:
    from loccit.agents.durable.store import RunStore
    from loccit.agents.durable.values import Event, Question, RunRow

app = typer.Typer(
    name="agents",
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

RunId = Annotated[str, typer.Argument(metavar="RUN", help="The id of the run, or how it begins.")]
By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who says so.")]
Hash = Annotated[
    str, typer.Option("--hash", metavar="HASH", help="Only if it is about the call with this hash.")
]
_LOOK_S = 0.3
_LOCAL = "local"


@app.callback()
def agents(
    context: typer.Context,
    *,
    limit: Annotated[int, typer.Option("--limit", "-n", metavar="N", help="At most so many.")] = 20,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """List the runs of agents, or begin, watch, pause, resume, cancel, answer and work on them.

    The newest first: how each stands, what it runs, and what it has used so far.
    """
    if context.invoked_subcommand is None:
        _list(limit, json=json, quiet=quiet)


@app.command(name="list", cls=Command)
def list_runs(
    *,
    limit: Annotated[int, typer.Option("--limit", "-n", metavar="N", help="At most so many.")] = 20,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """List the runs of agents, the newest first."""
    _list(limit, json=json, quiet=quiet)


@app.command(cls=Command)
def begin(
    blueprint: Annotated[
        str, typer.Argument(metavar="BLUEPRINT", help="What to run: a name of the settings.")
    ],
    *,
    task: Annotated[
        str, typer.Option("--task", metavar="JSON", help="What it is to do, or @FILE that says so.")
    ] = "{}",
    wait: Annotated[bool, typer.Option("--wait", help="Work on it here until it is over.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Begin a run of a blueprint. Without --wait it stands in the queue for whoever works on runs."""
    from loccit.core.calls import Payer
    from loccit.library import Loccit

    runs = Loccit().agents()
    row = runs.begin(blueprint, _task(task), payer=Payer("", user=_LOCAL))
    if wait:
        row = runs.follow(row.id)
    _told(runs.store, row, json=json, quiet=quiet)


@app.command(cls=Command)
def show(run: RunId, *, json: Json = False) -> None:
    """Show a run: what was asked for, how it stands, what it waits for, what came of it."""
    store = _store()
    _told(store, store.get(run), json=json, quiet=False)


@app.command(cls=Command)
def watch(
    run: RunId,
    *,
    follow: Annotated[
        bool, typer.Option("--follow/--no-follow", help="Go on until the run is over, or waits.")
    ] = True,
    json: Json = False,
) -> None:
    """Show what happens in a run as it happens, from its beginning."""
    watch_run(run, follow=follow, json=json)


@app.command(cls=Command)
def pause(run: RunId, *, json: Json = False, quiet: Quiet = False) -> None:
    """Let a run rest after the step that it is in."""
    store = _store()
    _told(store, store.pause(run), json=json, quiet=quiet)


@app.command(cls=Command)
def resume(run: RunId, *, json: Json = False, quiet: Quiet = False) -> None:
    """Let a run that rests go on."""
    store = _store()
    _told(store, store.resume(run), json=json, quiet=quiet)


@app.command(cls=Command)
def cancel(run: RunId, *, json: Json = False, quiet: Quiet = False) -> None:
    """End a run: at once where nobody works on it, else within seconds. What it did stays done."""
    store = _store()
    _told(store, store.cancel(run), json=json, quiet=quiet)


@app.command(cls=Command)
def approve(
    run: RunId, *, hash: Hash = "", by: By = _LOCAL, json: Json = False, quiet: Quiet = False
) -> None:
    """Allow the very call that a run asks about, once."""
    _answered(run, "yes", hash, by, json=json, quiet=quiet)


@app.command(cls=Command)
def answer(
    run: RunId,
    said: Annotated[
        str,
        typer.Argument(
            metavar="ANSWER", help="To a call: yes, no. To an effect: happened, did-not, give-up."
        ),
    ],
    *,
    hash: Hash = "",
    by: By = _LOCAL,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Answer what a run waits for: may a call be made, or did an effect happen that nobody knows of."""
    _answered(run, said, hash, by, json=json, quiet=quiet)


@app.command(cls=Command)
def work(
    *,
    idle: Annotated[
        int, typer.Option("--idle", metavar="SECONDS", help="End when there was nothing to do for so long.")
    ] = 20,
    stay: Annotated[bool, typer.Option("--stay", help="Do not end.")] = False,
    quiet: Quiet = False,
) -> None:
    """Work on runs of agents.

    With SQLite one process does it: another one ends at once. With PostgreSQL as many as you like, on as many
    machines. It may be killed at any moment: another one, or the next one, goes on.
    """
    import logging
    import signal

    from loccit.cli.output import note
    from loccit.library import Loccit

    check_numbers(idle=idle)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    runs = Loccit().agents()

    def stop(_number: int, _frame: object) -> None:
        runs.stop()

    signal.signal(signal.SIGTERM, stop)
    if not runs.work(idle_s=None if stay else idle) and not quiet:
        note("another process works on these runs already")


def watch_run(run: str, *, follow: bool, json: bool) -> None:
    """Print what happens in a run of an agent. Raises NotFound."""
    from loccit.cli.output import emit, one_line, say

    store = _store()
    row, after = store.get(run), 0
    while True:
        # What was told before the row was read is printed before it ends.
        row = store.get(row.id)
        while events := store.events(row.id, after=after):
            for event in events:
                if json:
                    emit(dumps(_event(event)))
                else:
                    say(f"{_clock(event.at)}  {event.kind:9}  {one_line(event.text)}".rstrip())
            after = events[-1].number
        if not follow or row.state.is_over or row.state.value in {"paused", "waiting"}:
            break
        time.sleep(_LOOK_S)
    if not json:
        _say_questions(store.questions(row.id), row)


def _list(limit: int, *, json: bool, quiet: bool) -> None:
    from loccit.cli.output import emit, note, one_line, say

    check_numbers(limit=limit)
    found = _store().list(limit=limit)
    if json:
        emit({"format": "loccit-agent-runs/1", "runs": [_document(row) for row in found]})
        return
    for row in found:
        what = f"{row.state.value:9}  {one_line(row.blueprint)}  {_used(row)}"
        say(f"{row.id[:12]}  {_time(row.created_at)}  {what}")
    if not found and not quiet:
        note("no run of an agent was begun yet")


def _told(store: RunStore, row: RunRow, *, json: bool, quiet: bool) -> None:
    from loccit.cli.output import emit, one_line, say

    questions = store.questions(row.id)
    if json:
        asked = [{**asdict(each), "kind": each.kind.value} for each in questions]
        emit({"format": "loccit-agent-run/1", **_document(row), "questions": asked})
        return
    if quiet:
        return
    say(f"{row.id}: {one_line(row.blueprint)}, {row.state.value}  {_used(row)}")
    for name in ("created_at", "started_at", "finished_at"):
        at = getattr(row, name)
        if at is not None:
            say(f"  {name.removesuffix('_at'):9}{_time(at)}")
    if row.problem is not None:
        say(f"  {one_line(row.problem['message'])}")
        if row.problem["next_step"]:
            say(f"  {one_line(row.problem['next_step'])}")
    _say_questions(questions, row)


def _say_questions(questions: tuple[Question, ...], row: RunRow) -> None:
    from loccit.cli.output import one_line, say

    for question in questions:
        say("")
        for line in question.shown.splitlines():
            say(f"  {one_line(line)}")
        answers = "|".join(each.value for each in question.kind.answers)
        say(f"  loccit agents answer {row.id[:12]} {answers} --hash {question.arguments_hash[:12]}")


def _answered(run: str, said: str, hash_: str, by: str, *, json: bool, quiet: bool) -> None:
    from loccit.agents.durable.values import Answer
    from loccit.core.errors import InputError

    if said not in set(Answer):
        raise InputError(
            f"{said!r} is no answer", next_step=f"say one of: {', '.join(each.value for each in Answer)}"
        )
    store = _store()
    store.answer(run, Answer(said), by=by, arguments_hash=hash_)
    _told(store, store.get(run), json=json, quiet=quiet)


def _task(written: str) -> Any:
    from loccit.core.errors import InputError

    try:
        text = Path(written[1:]).read_text(encoding="utf-8") if written.startswith("@") else written
        return loads(text)
    except (OSError, ValueError) as error:
        raise InputError(
            f"the task cannot be read: {error}", next_step="give JSON, or @FILE with JSON"
        ) from error


def _store() -> RunStore:
    from loccit.library import Loccit

    return Loccit().agents().store


def _used(row: RunRow) -> str:
    spend = row.spend
    return f"{spend.steps:,} steps, {spend.tool_calls:,} calls, {spend.tokens:,} tokens, ${spend.usd:.4f}"


def _document(row: RunRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "blueprint": row.blueprint,
        "task": row.task,
        "state": row.state.value,
        "wish": row.wish.value if row.wish else None,
        "worker": row.worker,
        "user": row.payer.user,
        "created_at": _time(row.created_at),
        "started_at": _time(row.started_at),
        "finished_at": _time(row.finished_at),
        "spend": row.spend.as_json(),
        "result": row.result,
        "problem": row.problem,
    }


def _event(event: Event) -> dict[str, Any]:
    return {**asdict(event), "at": _time(event.at)}


def _time(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _clock(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%H:%M:%S")
