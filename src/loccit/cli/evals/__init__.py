"""`loccit eval`: how good the system is, whether a change made it better, and what to do about it."""

from __future__ import annotations

import typer

from loccit.cli.evals import improve, run, score
from loccit.cli.help_pages import Command

app = typer.Typer(
    name="eval",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Measure how good the answers are, compare two runs, and stop a worse one.",
)
for command in (run.run, score.score, improve.improve):
    app.command(cls=Command)(command)
