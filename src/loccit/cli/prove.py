"""`loccit prove`: how well the files of past fixes would have been found."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from loccit.cli.options import Json, Quiet, Repo, Rev

_DEFAULT = "loccit-proof.html"
# By these a file is known to be an earlier report, which may be replaced.
_BEGINNING, _MARK = b"<!doctype html>", b"loccit prove"


def prove(
    *,
    repo: Repo = None,
    rev: Rev = None,
    cases: Annotated[
        int,
        typer.Option(
            "--cases", "-n", min=1, max=100_000, metavar="N", help="How many past fixes to ask again."
        ),
    ] = 200,
    blocks: Annotated[
        int,
        typer.Option(
            "--blocks", min=1, max=100, metavar="N", help="How many times to learn anew on the way."
        ),
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
    from loccit.library import Loccit

    started = time.monotonic()
    _check_place(out)
    bar = ProgressBar(quiet=quiet)
    loccit = Loccit(progress=bar, waiting=None if quiet else waiting)
    try:
        chosen = next(iter(default_repos(loccit, [repo] if repo else None, None)), None)
        if chosen is not None and repo is None:
            chosen = index_here(loccit, chosen, history=True, quiet=quiet) or chosen
        proof = loccit.prove(chosen, rev=rev, cases=cases, blocks=blocks)
    finally:
        bar.close()
    _write(out, proof.to_html())
    if json:
        emit({**proof.to_json(), "report": str(out)})
    else:
        show_proof(proof, seconds=time.monotonic() - started)
    if not quiet:
        note(f"the whole report: {out}")


def _check_place(out: Path) -> None:
    """Raise InputError, before any work, where the report cannot be put."""
    from loccit.core.errors import InputError

    if not out.parent.is_dir():
        raise InputError(f"the folder {str(out.parent)!r} is not there", next_step="make it, or name another")
    if out.is_dir():
        raise InputError(f"{str(out)!r} is a folder", next_step="name a file in it")
    if out.exists() and not _is_report(out):
        raise InputError(
            f"{str(out)!r} is there and is no report of 'loccit prove'",
            next_step="name another file with --out, or move that one away",
        )
    if not os.access(out.parent, os.W_OK):
        raise InputError(f"the folder {str(out.parent)!r} cannot be written", next_step="name another")


def _is_report(path: Path) -> bool:
    try:
        data = path.read_bytes()
    except OSError:
        return False
    return data.startswith(_BEGINNING) and _MARK in data


def _write(out: Path, text: str) -> None:
    """Put the report there, whole or not at all. Raises InputError."""
    from loccit.core.errors import InputError

    draft = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(out)
    except OSError as error:
        raise InputError(
            f"the report {str(out)!r} cannot be written: {error.strerror or error}",
            next_step="name another file with --out",
        ) from error
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
