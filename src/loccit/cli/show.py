"""`loccit show`: the bytes that a citation names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer

from loccit.cli.options import Json, Quiet, Repo, Rev

if TYPE_CHECKING:
    from loccit.core.answers import Citation
    from loccit.library import Loccit

_IN_ANSWER = re.compile(r"(?P<file>.+)#(?P<claim>\d{1,9})(\.(?P<citation>\d{1,9}))?", re.DOTALL)
_COMMIT = re.compile(r"commit (?P<rev>\S+)")
_PLACE = re.compile(r"(?P<path>.+):(?P<start>\d{1,9})(-(?P<end>\d{1,9}))?", re.DOTALL)


def show(
    citation: Annotated[
        list[str],
        typer.Argument(
            metavar="CITATION",
            help="FILE#N, the N-th quotation of an answer, or FILE#N.M, its M-th citation; PATH:START-END or "
            "PATH:LINE; commit ID.",
        ),
    ],
    *,
    repo: Repo = None,
    rev: Rev = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Print the lines that a citation names, re-checked.

    Needs no index. They are read from the repository: the one that an answer names, else --repo, else the one
    you are in.
    """
    from loccit.cli.answer_view import place_of
    from loccit.cli.output import Style, emit, one_line, say_styled
    from loccit.library import Loccit

    found = _citation(Loccit(), " ".join(citation), repo, rev)
    if json:
        emit({"format": "loccit-citation/1", **found.model_dump(mode="json")})
        return
    style = Style()
    if not quiet:
        at = f"{one_line(found.repo)} at {(found.commit or found.tree or '')[:12]}"
        say_styled(f"{style(place_of(found), 'bold', 'cyan')}  {style(at, 'dim')}")
    width = len(str(found.end_line))
    for offset, line in enumerate(found.quote.removesuffix("\n").split("\n")):
        margin = "" if quiet else style(f"{found.start_line + offset:>{width}} │ ", "dim")
        say_styled(f"{margin}{style(line.rstrip(chr(13)))}")


def _citation(loccit: Loccit, written: str, repo: str | None, rev: str | None) -> Citation:
    """The citation, which holds. Raises InputError or SourceError where it does not."""
    from loccit.core.errors import InputError

    if match := _IN_ANSWER.fullmatch(written):
        return loccit.checked(_from_answer(match), repo)
    if match := _COMMIT.fullmatch(written):
        return loccit.cite_commit(match["rev"], repository=repo or ".")
    if match := _PLACE.fullmatch(written):
        start = int(match["start"])
        end = int(match["end"] or start)
        return loccit.cite(match["path"], start, end, repository=repo or ".", rev=rev)
    raise InputError(
        f"{written!r} is no citation",
        next_step="write answer.json#1, src/app.py:10-20 or commit ID, as answers print them",
    )


def _from_answer(match: re.Match[str]) -> Citation:
    from loccit.cli.verify import read_answer
    from loccit.core.answers import parse_answer
    from loccit.core.errors import InputError

    answer = parse_answer(read_answer(match["file"]))
    claim, citation = int(match["claim"]), int(match["citation"] or 1)
    if not 1 <= claim <= len(answer.claims):
        held = (
            f"it has quotations 1 to {len(answer.claims)}" if answer.claims else "it has none: it abstained"
        )
        raise InputError(f"quotation {claim} is not in the answer {match['file']!r}", next_step=held)
    citations = answer.claims[claim - 1].citations
    if not 1 <= citation <= len(citations):
        raise InputError(
            f"citation {citation} of quotation {claim} is not in the answer {match['file']!r}",
            next_step=f"the quotation has {len(citations)}",
        )
    return citations[citation - 1]
