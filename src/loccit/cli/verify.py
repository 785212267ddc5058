"""`loccit verify`: is every quotation of an answer really there?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from loccit.cli.completion import repositories
from loccit.cli.options import Json, Quiet, standard_input

if TYPE_CHECKING:
    from loccit.verification import VerificationReport


def verify(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE", help="An answer, as 'loccit ask --json' prints it; - for standard input."
        ),
    ],
    *,
    repo: Annotated[
        list[str] | None,
        typer.Option(
            "--repo",
            "-r",
            metavar="REPO",
            autocompletion=repositories,
            help="The repository of the answer: a path or a name; may be repeated.",
        ),
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Re-check an answer with nothing but the repository.

    Needs no index, no network and no model. Without --repo the indexed repositories that the answer names are
    read, or the one you are in.

    Exits with 0 when all citations hold, 3 when one fell, 4 when a source is not here, 1 when nothing was
    claimed.
    """
    from loccit.cli.output import emit
    from loccit.library import Loccit

    report = Loccit().verify(read_answer(file), repo or [])
    if json:
        emit(report.to_json())
    else:
        _show(report, quiet=quiet)
    raise typer.Exit(exit_code(report))


def read_answer(file: str) -> bytes:
    """The bytes of an answer file, at most one more than an answer may have. Raises InputError."""
    from loccit.core.answers import MAX_ANSWER_BYTES
    from loccit.core.errors import InputError

    if file == "-":
        return standard_input(MAX_ANSWER_BYTES)
    try:
        with Path(file).open("rb") as source:
            return source.read(MAX_ANSWER_BYTES + 1)
    except OSError as error:
        raise InputError(
            f"the answer {file!r} cannot be read: {error.strerror or error}",
            next_step="make one with: loccit ask --json QUESTION > answer.json",
        ) from error


def exit_code(report: VerificationReport) -> int:
    """0 all hold, 3 one fell, 4 a source is not here, 1 nothing was claimed."""
    from loccit.cli.exit_codes import ExitCode
    from loccit.verification import Status

    return {
        Status.HOLDS: ExitCode.DONE,
        Status.FELL: ExitCode.FELL,
        Status.UNVERIFIABLE: ExitCode.UNVERIFIABLE,
        Status.NOTHING_CLAIMED: ExitCode.NOTHING,
    }[report.status]


def _show(report: VerificationReport, *, quiet: bool) -> None:
    from loccit.cli.output import Style, one_line, say_styled
    from loccit.verification import Status

    style = Style()
    colours = {Status.HOLDS: "green", Status.FELL: "red", Status.UNVERIFIABLE: "yellow"}
    for reason in report.reasons:
        say_styled(style(f"fell: {reason.message}", "red"))
    for claim in report.claims:
        for reason in claim.reasons:
            say_styled(style(f"claim {claim.claim + 1} {claim.status.value}: {reason.message}", "red"))
        for result in claim.citations:
            if quiet and result.status is Status.HOLDS:
                continue
            say_styled(
                f"{style(result.status.value, colours.get(result.status, 'dim'))}  {one_line(result.place)}"
            )
            for reason in result.reasons:
                say_styled(f"    {style(reason.message)}")
    counts = report.counts
    if not quiet:
        say_styled(
            style(
                f"{counts.hold} of {counts.citations} citations hold, {counts.fell} fell, "
                f"{counts.unverifiable} cannot be checked here: {report.status.value}",
                colours.get(report.status, "dim"),
            )
        )
