"""`loccit eval score`: other figures of outputs that are there already."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from loccit.cli.options import Json, Quiet


def score(
    log: Annotated[Path, typer.Argument(metavar="LOG", help="A finished log.")],
    *,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Where the new log goes. [default: LOG itself]"),
    ] = None,
    scorer: Annotated[
        list[str] | None,
        typer.Option(
            "--scorer", metavar="NAME", help="retrieval, answers, agents, a judge, or FILE.py:FUNCTION."
        ),
    ] = None,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="FILE", help="Also write the report as an HTML file.")
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Score the outputs of a log again: after a scorer, or a judge's prompt, has changed.

    No system is asked. Judges are models, and are asked only what they were not asked before.
    """
    from loccit.cli.evals.show import Progress, finished
    from loccit.evals.log import read_log
    from loccit.library import Loccit

    with Progress(quiet=quiet) as progress:
        path = out or log
        made = Loccit().rescore(
            read_log(log), path, scorers=tuple(scorer or ()), folder=Path(), tell=progress.told
        )
    finished(made, path, report=report, json=json, quiet=quiet)
