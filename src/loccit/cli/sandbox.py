"""`loccit sandbox`: where untrusted code runs, and whether this machine can keep it in."""

from __future__ import annotations

import typer

from loccit.cli.help_pages import Command
from loccit.cli.options import Json, Quiet

app = typer.Typer(
    name="sandbox",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="See whether this machine can keep untrusted code in a box.",
)


@app.callback()
def sandbox() -> None:
    """See whether this machine can keep untrusted code in a box."""


@app.command(cls=Command)
def doctor(*, json: Json = False, quiet: Quiet = False) -> None:
    """Open a box, look around in it, and say what holds.

    Exits with 6 when a promise is not kept here; one that something weaker stands in for is told, and is no
    fault.
    """
    from loccit.agents.sandbox.doctor import diagnose
    from loccit.cli.exit_codes import ExitCode
    from loccit.cli.output import Style, emit, say_styled
    from loccit.settings import Settings

    findings = diagnose(Settings.load().agents.sandbox)
    holds = all(finding.state != "broken" for finding in findings)
    if json:
        emit(
            {
                "format": "loccit-sandbox-doctor/1",
                "holds": holds,
                "findings": [
                    {"name": f.name, "state": f.state, "found": f.found, "next_step": f.next_step}
                    for f in findings
                ],
            }
        )
    else:
        style = Style()
        marks = {"holds": ("ok  ", "green"), "weaker": ("weak", "yellow"), "broken": ("FAIL", "red")}
        for finding in findings:
            if finding.state == "holds" and quiet:
                continue
            say_styled(f"{style(*marks[finding.state])} {style(finding.name)}: {style(finding.found)}")
            if finding.next_step:
                say_styled(f"     {style(finding.next_step)}")
    raise typer.Exit(ExitCode.DONE if holds else ExitCode.INDEX)
