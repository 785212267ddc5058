"""The command line: its commands, and the one edge at which errors become messages and exit codes."""

from __future__ import annotations

import sys
from contextlib import suppress
from itertools import takewhile
from typing import Annotated, NoReturn

import typer

from loccit import __version__
from loccit.cli import (
    agents,
    alerts,
    ask,
    audit,
    backup,
    cost,
    doctor,
    evals,
    fix,
    gc,
    index,
    issues,
    jobs,
    keys,
    mcp,
    models,
    policy,
    prompts,
    prove,
    remove,
    runs,
    sandbox,
    search,
    serve,
    show,
    skills,
    status,
    tools,
    triage,
    tune,
    verify,
)
from loccit.cli.completion import SHELLS, prepare_completion, show_completion
from loccit.cli.exit_codes import ExitCode, exit_code_of
from loccit.cli.help_pages import Command
from loccit.cli.output import ReaderLeft, discard, finish, note, replace_closed_streams, say
from loccit.core.errors import LoccitError

app = typer.Typer(
    name="loccit",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    rich_markup_mode=None,
    help="Ask your repositories: every quotation is checked against the bytes.",
    epilog='Begin inside a repository with: loccit ask "where is X done?"',
)

for command in (
    index.index,
    ask.ask,
    triage.triage,
    fix.fix,
    tune.tune,
    prove.prove,
    search.search,
    status.status,
    cost.cost,
    verify.verify,
    prompts.prompts,
    show.show,
    serve.serve,
    mcp.mcp,
    remove.remove,
    gc.gc,
    backup.backup,
    backup.restore,
    doctor.doctor,
):
    app.command(cls=Command)(command)
app.add_typer(agents.app)
app.add_typer(alerts.app)
app.add_typer(audit.app)
app.add_typer(evals.app)
app.add_typer(issues.app)
app.add_typer(jobs.app)
app.add_typer(keys.app)
app.add_typer(models.app)
app.add_typer(policy.app)
app.add_typer(runs.app)
app.add_typer(sandbox.app)
app.add_typer(skills.app)
app.add_typer(tools.app)


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
    completion: Annotated[
        str | None,
        typer.Option(
            "--show-completion",
            metavar="SHELL",
            callback=show_completion,
            autocompletion=lambda: list(SHELLS),
            help="Print the completion script for bash, zsh or fish.",
        ),
    ] = None,
) -> None:
    """Options that stand before the command."""


def run() -> NoReturn:
    """Run the command line and exit with its code: see `ExitCode`."""
    replace_closed_streams()
    try:
        code = _run()
    except ReaderLeft:
        # `loccit … | head` is no fault.
        code = ExitCode.DONE
    except LoccitError as error:
        if _is_debugging():
            raise
        code = _told(error)
    except KeyboardInterrupt:
        note("loccit: interrupted; what was done is kept, run the command again to go on")
        code = ExitCode.INTERRUPTED
    except Exception as error:
        if _is_debugging():
            raise
        note(f"loccit: a defect of loccit: {type(error).__name__}: {error}")
        note("        run the command again with --debug before its name, and report what it prints")
        code = ExitCode.INTERNAL
    _end(code)


def _end(code: int) -> NoReturn:
    # What was printed before a failure is worth having; that it cannot be had is told already.
    with suppress(ReaderLeft, LoccitError):
        finish()
    discard()
    sys.exit(code)


def _run() -> int:
    """The exit code of the command, its output written. Raises what the command raises."""
    prepare_completion()
    code, stdout = 0, sys.stdout
    try:
        app(prog_name="loccit")
    except SystemExit as end:
        # Typer always ends so, with the code of `typer.Exit`; of Ctrl-C it makes 130.
        code = int(end.code or 0)
    if sys.stdout is not stdout:
        # Typer puts a wrapper there when nobody reads a help page to its end.
        sys.stdout = stdout
        raise ReaderLeft
    if code == ExitCode.INTERRUPTED:
        raise KeyboardInterrupt
    finish()
    return code


def _told(error: LoccitError) -> ExitCode:
    note(f"loccit: {error.message}")
    if error.next_step:
        note(f"        {error.next_step}")
    return exit_code_of(error)


def _is_debugging() -> bool:
    return "--debug" in takewhile(lambda word: word.startswith("-"), sys.argv[1:])
