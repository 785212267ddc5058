"""`loccit serve`: answer over HTTP."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Annotated

import typer

from loccit.cli.options import Quiet


def serve(
    *,
    host: Annotated[
        str | None, typer.Option("--host", metavar="ADDRESS", help="Where to listen. [default: 127.0.0.1]")
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", metavar="NUMBER", help="On which port. [default: 8420]")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option("--workers", metavar="NUMBER", help="How many processes answer. [default: 1]"),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Answer over HTTP: the page, REST, an OpenAI-compatible interface and MCP.

    What is indexed can be asked. On this machine no key is needed as long as there is none; anywhere else
    nothing is served without: loccit keys create. SIGTERM and Ctrl-C let what is under way end.
    """
    from loccit.cli.output import note
    from loccit.core.errors import SettingsError
    from loccit.settings import Settings
    from loccit.telemetry.logs import start_logging

    try:
        from loccit.serving.server import serve as run
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"serving needs a package that is not installed: {error.name}",
            next_step="pip install 'loccit[serve]'",
        ) from error
    settings = Settings.load()
    chosen = {"host": host, "port": port, "workers": workers}
    given = {name: value for name, value in chosen.items() if value is not None}
    settings = replace(settings, serving=replace(settings.serving, **given))

    start_logging(settings.telemetry, sys.stderr)

    def listening(address: str) -> None:
        if not quiet:
            note(f"loccit answers at {address}")

    run(settings, listening=listening)
