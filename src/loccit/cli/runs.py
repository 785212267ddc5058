"""`loccit runs`: what was asked of models, how it ended, and what it cost."""

from __future__ import annotations

import os
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from loccit.cli.help_pages import Command
from loccit.cli.options import Json, Quiet, check_numbers, moment_of

if TYPE_CHECKING:
    from loccit.library import Forgotten, Loccit
    from loccit.telemetry.records import RunSummary

app = typer.Typer(
    name="runs",
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def runs(
    context: typer.Context,
    *,
    limit: Annotated[int, typer.Option("--limit", "-n", metavar="N", help="At most so many.")] = 20,
    since: Annotated[
        str | None,
        typer.Option(
            "--since", metavar="DATE", help="Only from then on: 2026-01-31 or 2026-01-31T17:20:00Z."
        ),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option("--kind", metavar="KIND", help="Only runs of this kind: ask, triage and so on."),
    ] = None,
    user: Annotated[
        str | None, typer.Option("--user", metavar="NAME", help="Only runs of this user.")
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """List the runs that were recorded, or show, prune, erase and export them.

    The newest first: when, of which kind, how it ended, what it cost, how long it took, and the question.
    Of the commands those that ask a model are recorded, of the server every answer.
    """
    if context.invoked_subcommand is not None:
        return
    from loccit.cli.output import emit, note, say_styled
    from loccit.cli.runs_view import run_lines

    check_numbers(limit=limit)
    found = _loccit().runs(limit=limit, since=moment_of("--since", since), kind=kind, user=user)
    if json:
        emit({"format": "loccit-runs/1", "runs": [_facts(one) for one in found]})
        return
    for line in run_lines(found):
        say_styled(line)
    if not found and not quiet:
        note("no run is recorded: the server's are, and those of commands that ask a model")


@app.command(cls=Command)
def show(
    run_id: Annotated[str, typer.Argument(metavar="ID", help="The id of a run, or the beginning of it.")],
    *,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Tell the story of a run as a tree: what it did, how long each part took, what it cost.

    With --json, its whole record.
    """
    from loccit.cli.output import emit
    from loccit.cli.runs_view import show_run

    record = _loccit().run(run_id)
    if json:
        emit(record.model_dump_json())
    else:
        show_run(record, quiet=quiet)


@app.command(cls=Command)
def watch(
    run_id: Annotated[
        str, typer.Argument(metavar="ID", help="The id of an agent's run, or the beginning of it.")
    ],
    *,
    follow: Annotated[
        bool, typer.Option("--follow/--no-follow", help="Go on until the run is over, or waits.")
    ] = True,
    json: Json = False,
) -> None:
    """Show what happens in a run of an agent as it happens, from its beginning."""
    from loccit.cli.agents import watch_run

    watch_run(run_id, follow=follow, json=json)


@app.command(cls=Command)
def rate(
    run_id: Annotated[str, typer.Argument(metavar="ID", help="The id of a run, or the beginning of it.")],
    *,
    good: Annotated[bool, typer.Option("--good", help="The answer is right.")] = False,
    bad: Annotated[bool, typer.Option("--bad", help="It is wrong, or leaves out what matters.")] = False,
    correction: Annotated[
        str, typer.Option("--correction", metavar="TEXT", help="With --bad: what would have been right.")
    ] = "",
    file: Annotated[
        list[str] | None,
        typer.Option("--file", metavar="PATH", help="With --bad: a file where it stands; may be repeated."),
    ] = None,
    user: Annotated[str, typer.Option("--user", metavar="NAME", help="Who says so.")] = "",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Say whether the answer of a run is right, and if not, what would be.

    What one user said of a run before is replaced. `loccit eval from-runs` makes samples of it.
    """
    from loccit.cli.output import emit, say
    from loccit.core.errors import InputError

    if good == bad:
        raise InputError("is it --good or --bad?", next_step="write one of them")
    rating = _loccit().rate_run(run_id, good=good, correction=correction, files=file or (), user=user)
    if json:
        emit({"format": "loccit-rating/1", **asdict(rating), "at": _time(rating.at)})
    elif not quiet:
        said = "good" if good else "bad"
        more = ", with what would be right" if rating.correction or rating.files else ""
        say(f"run {rating.run[:8]} is rated {said}{more}")


@app.command(cls=Command)
def prune(
    *,
    before: Annotated[
        str | None,
        typer.Option(
            "--before", metavar="DATE", help="2026-01-31 (its beginning, UTC) or 2026-01-31T17:20:00Z."
        ),
    ] = None,
    keep_days: Annotated[
        int | None, typer.Option("--keep-days", metavar="N", help="Keep those of the last N days.")
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Forget the runs with their ratings, and what was said in conversations, from before a date.

    It is --before that names the date, or --keep-days that counts back from now.
    """
    from loccit.core.errors import InputError

    if (before is None) == (keep_days is None):
        raise InputError("from before when?", next_step="write --before DATE or --keep-days N, one of them")
    check_numbers(keep_days=keep_days)
    moment = moment_of("--before", before) or datetime.now(UTC) - timedelta(days=keep_days or 0)
    _tell(_loccit().prune_runs(moment), "turn", json=json, quiet=quiet)


@app.command(cls=Command)
def erase(
    *,
    user: Annotated[str, typer.Option("--user", metavar="NAME", help="Whose runs.")],
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Forget all runs, conversations and ratings of a user.

    What they spent stays in the books, in nobody's name. The audit log keeps that they were erased.
    """
    _tell(_loccit().erase_user(user), "conversation", json=json, quiet=quiet)


@app.command(cls=Command)
def export(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Where to write it: JSON Lines; - is standard output.")
    ],
    *,
    user: Annotated[str, typer.Option("--user", metavar="NAME", help="Whose.")],
    quiet: Quiet = False,
) -> None:
    """Write all that is kept about a user: runs, conversations, ratings, what they paid, acts."""
    from loccit.cli.output import emit, note
    from loccit.core.errors import InputError

    if str(file) != "-" and file.exists():
        raise InputError(f"{str(file)!r} is there already", next_step="name another file, or move it away")
    found = _loccit().export_user(user)
    if str(file) == "-":
        for document in found:
            emit(document)
        return
    try:
        # Readable by its owner only: it holds what somebody asked.
        with os.fdopen(
            os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
        ) as out:
            for document in found:
                out.write(dumps(document, ensure_ascii=False) + "\n")
    except OSError as error:
        raise InputError(f"{str(file)!r} cannot be written: {error.strerror or error}") from error
    if not quiet:
        note(f"wrote what is kept about {user!r} to {str(file)!r}")


def _loccit() -> Loccit:
    from loccit.library import Loccit

    return Loccit()


def _tell(forgotten: Forgotten, noun: str, *, json: bool, quiet: bool) -> None:
    from loccit.cli.output import counted, emit, say

    if json:
        numbers = {"runs": forgotten.runs, f"{noun}s": forgotten.conversations, "ratings": forgotten.ratings}
        if noun == "conversation":
            more = {"replies": forgotten.replies, "charges": forgotten.charges, "alerts": forgotten.alerts}
            numbers |= {**more, "agent_runs": forgotten.agent_runs}
        emit({"format": "loccit-runs-forgotten/1", **numbers})
    elif not quiet:
        numbers = [counted(forgotten.runs, "run"), counted(forgotten.conversations, noun)]
        say(f"forgot {', '.join(numbers)} and {counted(forgotten.ratings, 'rating')}")


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _facts(one: RunSummary) -> dict[str, Any]:
    return {
        "id": one.id,
        "kind": one.kind,
        "user": one.user,
        "started_at": _time(one.started_at),
        "took_ms": one.took_ms,
        "outcome": one.outcome,
        "cost_usd": f"{one.cost_usd:f}",
        "question": one.question,
    }
