"""Options that several commands about evaluations share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Scorers = Annotated[
    list[str] | None,
    typer.Option(
        "--scorer",
        metavar="NAME",
        help="retrieval, answers, agents, judge.correct, judge.grounded, or FILE.py:FUNCTION.",
    ),
]
JudgeModel = Annotated[
    str | None, typer.Option("--judge", metavar="MODEL", help="The model that judges: PROVIDER:MODEL.")
]
Report = Annotated[
    Path | None, typer.Option("--report", metavar="FILE", help="Also write the report as an HTML file.")
]
Summary = Annotated[
    Path | None,
    typer.Option("--summary", metavar="FILE", help="Also append the table to this file, in Markdown."),
]
