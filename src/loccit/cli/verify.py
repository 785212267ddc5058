"""`loccit verify`: is every quotation of an answer really there?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from loccit.cli.options import Json, Quiet, Repos

if TYPE_CHECKING:
    from loccit.verification import VerificationReport

_MAX_BYTES = 64_000_000


def verify(
    file: Annotated[str, typer.Argument(metavar="FILE", help="An answer, as 'loccit ask --json' prints it; - for standard input.")],
    *,
    repo: Repos = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Re-check an answer with nothing but the repository: no index, no network, no model.

    Exits with 0 when all citations hold, 3 when one fell, 4 when a source is not here, 1 when nothing was claimed.
    """
    from loccit.cli.output import emit  # noqa: PLC0415
    from loccit.library import Loccit  # noqa: PLC0415

    report = Loccit().verify(read_answer(file), repo or [])
    if json:
        emit(report.to_json())
    else:
        _show(report, quiet=quiet)
    raise typer.Exit(exit_code(report))


def read_answer(file: str) -> bytes:
    """The bytes of an answer file. Raises InputError or LimitExceeded."""
    from loccit.core.errors import InputError, LimitExceeded  # noqa: PLC0415

    try:
        if file == "-":
            data = sys.stdin.buffer.read(_MAX_BYTES + 1)
        else:
            with Path(file).open("rb") as source:
                data = source.read(_MAX_BYTES + 1)
    except OSError as error:
        raise InputError(
            f"cannot read the answer {file!r}: {error.strerror or error}",
            next_step="make one with: loccit ask --json QUESTION > answer.json",
        ) from error
    if len(data) > _MAX_BYTES:
        raise LimitExceeded("bytes of the answer", len(data), _MAX_BYTES)
    return data


def exit_code(report: VerificationReport) -> int:
    """0 all hold, 3 one fell, 4 a source is not here, 1 nothing was claimed."""
    from loccit.cli.exit_codes import ExitCode  # noqa: PLC0415
    from loccit.verification import Status  # noqa: PLC0415

    return {
        Status.HOLDS: ExitCode.DONE,
        Status.FELL: ExitCode.FELL,
        Status.UNVERIFIABLE: ExitCode.UNVERIFIABLE,
        Status.NOTHING_CLAIMED: ExitCode.NOTHING,
    }[report.status]


def _show(report: VerificationReport, *, quiet: bool) -> None:
    from loccit.cli.output import Style, one_line, say_styled  # noqa: PLC0415
    from loccit.verification import Status  # noqa: PLC0415

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
            say_styled(f"{style(result.status.value, colours.get(result.status, 'dim'))}  {one_line(result.place)}")
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
