"""`loccit eval export` and `loccit eval import`: logs for inspect_ai, and logs of inspect_ai."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from loccit.cli.options import Quiet


def export(
    log: Annotated[Path, typer.Argument(metavar="LOG", help="A finished log.")],
    *,
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", metavar="FILE", help="A .json file, or the folder that its viewer shows."
        ),
    ],
    to: Annotated[Literal["inspect"], typer.Option("--to", help="Whose format.")] = "inspect",
    quiet: Quiet = False,
) -> None:
    """Write a log in the format of another program: inspect_ai's viewer and tools read it.

    Missing scores stay missing. `loccit eval import` makes the same log of it again.
    """
    from loccit.cli.output import counted, note
    from loccit.evals.inspect_document import write_inspect_document
    from loccit.evals.log import read_log

    made = read_log(log)
    path = write_inspect_document(out, made)
    if not quiet:
        note(f"{counted(len(made.entries), 'output')} of {counted(len(made.samples), 'sample')}: {path}")


def import_log(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A log of inspect_ai, .eval or .json.")],
    *,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="LOG", help="Where the log of loccit goes.")],
    quiet: Quiet = False,
) -> None:
    """Read a log of another program, inspect_ai, so that it is compared and gated like one of loccit's.

    A run that did not ask every sample makes a log that is not complete.
    """
    from loccit.cli.output import counted, note
    from loccit.core.errors import InputError
    from loccit.evals.inspect_log import read_inspect_log
    from loccit.evals.log import save_log

    if out.exists():
        raise InputError(f"{str(out)!r} is there already", next_step="name another file with --out")
    said: list[str] = []
    made = read_inspect_log(file, said.append)
    save_log(out, made)
    if not quiet:
        for sentence in said:
            note(sentence)
        note(f"{counted(len(made.entries), 'output')} of {counted(len(made.samples), 'sample')}: {out}")
