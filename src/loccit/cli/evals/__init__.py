"""`loccit eval`: how good the system is, whether a change made it better, and what to do about it."""

from __future__ import annotations

import typer

from loccit.cli.evals import calibrate, compare, exchange, from_runs, gate, improve, mine, report, run, score
from loccit.cli.help_pages import Command

app = typer.Typer(
    name="eval",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Measure how good the answers are, compare two runs, and stop a worse one.",
)
for name, command in {
    "run": run.run,
    "report": report.report,
    "compare": compare.compare,
    "gate": gate.gate,
    "mine": mine.mine,
    "from-runs": from_runs.from_runs,
    "score": score.score,
    "calibrate": calibrate.calibrate,
    "improve": improve.improve,
    "export": exchange.export,
    "import": exchange.import_log,
}.items():
    app.command(name, cls=Command)(command)
