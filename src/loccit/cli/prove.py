"""`loccit prove`: how well the files of past fixes would have been found."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from loccit.cli.options import Json, Quiet, Repo, Rev, check_numbers

_DEFAULT = "loccit-proof.html"
_MOST_CASES, _MOST_BLOCKS = 100_000, 100


def prove(
    *,
    repo: Repo = None,
    rev: Rev = None,
    cases: Annotated[
        int,
        typer.Option("--cases", "-n", metavar="N", help="How many past fixes to ask again."),
    ] = 200,
    blocks: Annotated[
        int,
        typer.Option("--blocks", metavar="N", help="How many times to learn anew on the way."),
    ] = 5,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="Where the report goes.")] = Path(
        _DEFAULT
    ),
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Replay past fixes, and say how well their files are found.

    Beside loccit untuned and tuned, `git grep` and BM25 are asked.

    The last fixed issues of the tracker that was read, or fix commits where there is none, are asked again as
    of the commit before each fix. Nothing younger is seen, and the report says how that was checked. It is
    one HTML file that needs nothing else.
    """
    from loccit.cli.here import default_repos, index_here
    from loccit.cli.output import emit, note
    from loccit.cli.progress import ProgressBar, waiting
    from loccit.cli.prove_view import show_proof
    from loccit.cli.report_file import check_place, write_report
    from loccit.library import Loccit

    started = time.monotonic()
    check_numbers(_MOST_CASES, cases=cases)
    check_numbers(_MOST_BLOCKS, blocks=blocks)
    check_place(out, command="prove")
    bar = ProgressBar(quiet=quiet)
    loccit = Loccit(progress=bar, waiting=None if quiet else waiting)
    try:
        chosen = next(iter(default_repos(loccit, [repo] if repo else None, None)), None)
        if chosen is not None and repo is None:
            chosen = index_here(loccit, chosen, history=True, quiet=quiet) or chosen
        proof = loccit.prove(chosen, rev=rev, cases=cases, blocks=blocks)
    finally:
        bar.close()
    write_report(out, proof.to_html())
    if json:
        emit({**proof.to_json(), "report": str(out)})
    else:
        show_proof(proof, seconds=time.monotonic() - started)
    if not quiet:
        note(f"the whole report: {out}")
