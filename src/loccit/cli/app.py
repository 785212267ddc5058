"""The command line: its commands, and the one edge at which errors become messages and exit codes."""

from __future__ import annotations

import os
import sys
from typing import Annotated, NoReturn

import typer

from loccit import __version__
from loccit.cli import ask, doctor, gc, index, remove, search, show, status, verify
from loccit.cli.exit_codes import ExitCode, exit_code_of
from loccit.cli.output import note, say
from loccit.core.errors import LoccitError

app = typer.Typer(
    name="loccit",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    rich_markup_mode=None,
    help="Ask your repositories, and get answers whose every quotation is checked against the bytes at a commit.",
)

for command in (
    index.index,
    ask.ask,
    search.search,
    status.status,
    verify.verify,
    show.show,
    remove.remove,
    gc.gc,
    doctor.doctor,
):
    app.command()(command)


def _version_option(value: bool) -> None:
    if value:
        say(f"loccit {__version__}")
        raise typer.Exit


@app.callback()
def options(
    *,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version_option, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Options that stand before the command."""


def run() -> NoReturn:
    """Run the command line and exit with its code: see `ExitCode`."""
    try:
        app(prog_name="loccit")
    except LoccitError as error:
        if _is_debugging():
            raise
        note(f"loccit: {error.message}")
        if error.next_step:
            note(f"        {error.next_step}")
        _leave(exit_code_of(error))
    except KeyboardInterrupt:
        note("loccit: interrupted; what was done is kept, run the command again to go on")
        _leave(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output has left. Python would complain once more when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        _leave(ExitCode.DONE)
    except Exception as error:  # noqa: BLE001 — the edge of the process
        if _is_debugging():
            raise
        note(f"loccit: a defect of loccit: {type(error).__name__}: {error}")
        note("        run the command again with --debug before its name, and report what it prints")
        _leave(ExitCode.INTERNAL)
    _leave(ExitCode.DONE)


def _is_debugging() -> bool:
    return "--debug" in sys.argv[1:]


def _leave(code: ExitCode) -> NoReturn:
    sys.stdout.flush()
    sys.exit(int(code))
