"""`loccit eval score`: other figures of outputs that are there already."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from loccit.cli.evals.options import JudgeModel, Report, Scorers
from loccit.cli.options import Json, Quiet


def score(
    log: Annotated[Path, typer.Argument(metavar="LOG", help="A finished log.")],
    *,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Where the new log goes. [default: LOG itself]"),
    ] = None,
    scorer: Scorers = None,
    judge: JudgeModel = None,
    report: Report = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Score the outputs of a log again: after a scorer, or a judge's prompt, has changed.

    No system is asked. Judges are models, and are asked only what they were not asked before.
    """
    from loccit.cli.evals.show import Progress, finished
    from loccit.evals.log import read_log
    from loccit.library import Loccit

    progress = Progress(quiet=quiet)
    path = out or log
    try:
        made = Loccit().rescore(
            read_log(log),
            path,
            scorers=tuple(scorer or ()),
            judge=judge or "",
            folder=Path(),
            tell=progress.told,
        )
    finally:
        progress.close()
    finished(made, path, report=report, json=json, quiet=quiet)
