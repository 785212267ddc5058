"""`loccit audit`: who administered what, and whether the log of it is whole."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from loccit.cli.exit_codes import ExitCode
from loccit.cli.help_pages import Command
from loccit.cli.options import Json, Quiet, moment_of

if TYPE_CHECKING:
    from loccit.telemetry.audit import AuditRow

app = typer.Typer(
    name="audit",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="List who administered what, and check that nothing of it was changed.",
)


@app.command(name="list", cls=Command)
def list_acts(
    *,
    since: Annotated[
        str | None,
        typer.Option(
            "--since", metavar="DATE", help="Only from then on: 2026-01-31 or 2026-01-31T17:20:00Z."
        ),
    ] = None,
    actor: Annotated[
        str | None, typer.Option("--actor", metavar="NAME", help="Only what this one did.")
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """List administrative acts, the oldest first: when, who, what, and to whom or what.

    With --json, one object per act.
    """
    from loccit.cli.output import emit, note, say
    from loccit.library import Loccit

    found = 0
    for row in Loccit().audit_log(since=moment_of("--since", since), actor=actor):
        found += 1
        if as_json:
            emit({"format": "loccit-audit/1", **asdict(row), "details": json.loads(row.details)})
        else:
            say(_line(row))
    if not found and not quiet:
        note("nothing was administered")


@app.command(cls=Command)
def verify(
    *,
    anchor: Annotated[
        str,
        typer.Option(
            "--anchor",
            metavar="NUMBER:HASH",
            help="What this command printed before, and was kept elsewhere.",
        ),
    ] = "",
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Check that no act was changed, removed or moved since it was written.

    Exit code 0: every act holds; 1: there is none; 3: one does not, and it is named.
    """
    from loccit.cli.output import counted, emit, note, say
    from loccit.library import Loccit
    from loccit.telemetry.audit import parse_anchor

    report = Loccit().verify_audit(parse_anchor(anchor) if anchor else None)
    last = f"{report.last.number}:{report.last.hash}"
    if as_json:
        emit(
            {
                "format": "loccit-audit-verify/1",
                "holds": report.broken is None,
                "rows": report.rows,
                "anchor": last,
                "broken": report.broken,
                "problem": report.problem,
            }
        )
    elif report.broken is not None:
        say(f"the audit log does not hold: {report.problem}")
        if not quiet:
            note(f"{counted(report.rows, 'act')} before it hold")
    elif report.rows:
        say(f"{counted(report.rows, 'act')} hold; anchor {last}")
    elif not quiet:
        note("nothing was administered")
    if report.broken is not None:
        raise typer.Exit(ExitCode.FELL)
    if not report.rows:
        raise typer.Exit(ExitCode.NOTHING)


def _line(row: AuditRow) -> str:
    from loccit.cli.output import one_line

    details = json.loads(row.details)
    told = ", ".join(f"{name} {json.dumps(value, ensure_ascii=False)}" for name, value in details.items())
    words = (f"{row.number:>5}", row.at[:19].replace("T", " "), row.actor, row.action, row.subject, told)
    return "  ".join(one_line(word) for word in words if word)
