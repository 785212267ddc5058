"""`loccit show`: the bytes that a citation names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from loccit.cli.options import Json, Quiet, Rev

if TYPE_CHECKING:
    from loccit.core.answers import Citation
    from loccit.library import Loccit

_IN_ANSWER = re.compile(r"(?P<file>.+\.json|-)#(?P<claim>\d+)(\.(?P<citation>\d+))?")
_PLACE = re.compile(r"(?P<path>.+):(?P<start>\d+)(-(?P<end>\d+))?")


def show(
    citation: Annotated[
        str,
        typer.Argument(
            metavar="CITATION",
            help="answer.json#N (the N-th quotation), or PATH:START-END in the repository you are in or name.",
        ),
    ],
    *,
    repo: Annotated[str | None, typer.Option("--repo", "-r", help="The repository: its name, path or URL.")] = None,
    rev: Rev = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Print the lines that a citation names, read from the repository and re-checked."""
    from loccit.cli.answer_view import place_of  # noqa: PLC0415
    from loccit.cli.output import Style, emit, say_styled  # noqa: PLC0415
    from loccit.library import Loccit  # noqa: PLC0415

    loccit = Loccit()
    found = _citation(loccit, citation, repo, rev)
    if json:
        emit({"format": "loccit-citation/1", **found.model_dump(mode="json")})
        return
    style = Style()
    if not quiet:
        at = (found.commit or found.tree or "")[:12]
        say_styled(f"{style(place_of(found), 'bold', 'cyan')}  {style(f'{found.repo} at {at}', 'dim')}")
    width = len(str(found.end_line))
    for offset, line in enumerate(found.quote.removesuffix("\n").split("\n")):
        margin = "" if quiet else style(f"{found.start_line + offset:>{width}} │ ", "dim")
        say_styled(f"{margin}{style(line.rstrip(chr(13)))}")


def _citation(loccit: Loccit, written: str, repo: str | None, rev: str | None) -> Citation:
    """The citation, which holds. Raises InputError or SourceError where it does not."""
    from loccit.core.errors import InputError  # noqa: PLC0415

    if (match := _IN_ANSWER.fullmatch(written)) and (match["file"] == "-" or Path(match["file"]).exists()):
        return loccit.checked(_from_answer(match), repo)
    if match := _PLACE.fullmatch(written):
        start = int(match["start"])
        end = int(match["end"] or start)
        return loccit.cite(match["path"], start, end, repository=repo or ".", rev=rev)
    raise InputError(
        f"{written!r} is no citation", next_step="write answer.json#1 or src/app.py:10-20, as answers print it"
    )


def _from_answer(match: re.Match[str]) -> Citation:
    from loccit.cli.verify import read_answer  # noqa: PLC0415
    from loccit.core.answers import parse_answer  # noqa: PLC0415
    from loccit.core.errors import InputError  # noqa: PLC0415

    answer = parse_answer(read_answer(match["file"]))
    claim, citation = int(match["claim"]), int(match["citation"] or 1)
    if not 1 <= claim <= len(answer.claims):
        raise InputError(f"claim {claim} is not in the answer", next_step=f"it has claims 1 to {len(answer.claims)}")
    citations = answer.claims[claim - 1].citations
    if not 1 <= citation <= len(citations):
        raise InputError(f"citation {citation} is not in claim {claim}, which has {len(citations)}")
    return citations[citation - 1]
