"""`loccit alerts`: what fires, and a check of the rules."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from loccit.cli.exit_codes import ExitCode
from loccit.cli.help_pages import Command
from loccit.cli.options import Json, Quiet

if TYPE_CHECKING:
    from loccit.telemetry.alerts import Alert

app = typer.Typer(
    name="alerts",
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def alerts(
    context: typer.Context,
    *,
    firing: Annotated[bool, typer.Option("--firing", help="Only those that fire now.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """List the alerts that fire, and those that did in the last 30 days; or check their rules.

    As they were at the last check: a server checks once a minute, 'loccit alerts check' at once.
    """
    if context.invoked_subcommand is not None:
        return
    from loccit.library import Loccit

    found = [alert for alert in Loccit().alerts() if not firing or alert.state == "firing"]
    _tell(found, json=json, quiet=quiet)


@app.command(cls=Command)
def check(*, json: Json = False, quiet: Quiet = False) -> None:
    """Ask every rule what it says now, and tell those who want to know what has changed.

    Exit code 0: nothing fires; 3: something does; 4: nothing does, and somebody could not be told.
    """
    from loccit.cli.output import note
    from loccit.library import Loccit

    done = Loccit().check_alerts()
    problems = [
        f"{delivery.alert.rule!r} ({delivery.alert.state}) was not delivered: {delivery.problem}"
        for delivery in done.deliveries
        if delivery.problem
    ]
    _tell(done.firing, json=json, quiet=quiet, problems=problems)
    for problem in problems:
        note(problem)
    if done.firing:
        raise typer.Exit(ExitCode.FELL)
    if problems:
        raise typer.Exit(ExitCode.UNVERIFIABLE)


def _tell(found: list[Alert] | tuple[Alert, ...], *, json: bool, quiet: bool, problems: Any = ()) -> None:
    from loccit.cli.output import emit, note, one_line, say

    if json:
        listed = [
            {
                **asdict(one),
                "since": _time(one.since),
                "delivered_at": None if one.delivered_at is None else _time(one.delivered_at),
            }
            for one in found
        ]
        emit({"format": "loccit-alerts/1", "alerts": listed, "problems": list(problems)})
        return
    for one in found:
        when = _time(one.since)[:16].replace("T", " ")
        say(one_line(f"{one.state:<8}  since {when}  {one.rule}: {one.message}"))
    if not found and not quiet:
        note("no alert fires")


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
