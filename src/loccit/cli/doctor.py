"""`loccit doctor`: is everything in order, and if not, what to do."""

from __future__ import annotations

import typer

from loccit.cli.options import Json, Quiet


def doctor(*, json: Json = False, quiet: Quiet = False) -> None:
    """Check the installation, the home folder, indexes and sources.

    Exits with 6 when something is wrong.
    """
    from loccit.cli.exit_codes import ExitCode
    from loccit.cli.output import Style, emit, say_styled
    from loccit.library import Loccit

    checks = Loccit().diagnose()
    healthy = all(check.is_fine for check in checks)
    if json:
        emit(
            {
                "format": "loccit-doctor/1",
                "healthy": healthy,
                "checks": [
                    {"name": c.name, "fine": c.is_fine, "found": c.found, "next_step": c.next_step}
                    for c in checks
                ],
            }
        )
    else:
        style = Style()
        for check in checks:
            if check.is_fine and quiet:
                continue
            mark = style("ok  ", "green") if check.is_fine else style("FAIL", "red")
            say_styled(f"{mark} {style(check.name)}: {style(check.found)}")
            if check.next_step:
                say_styled(f"     {style(check.next_step)}")
    raise typer.Exit(ExitCode.DONE if healthy else ExitCode.INDEX)
