"""`loccit remove`: forget a repository."""

from __future__ import annotations

from typing import Annotated

import typer

from loccit.cli.completion import repositories
from loccit.cli.options import Json, Quiet


def remove(
    repo: Annotated[
        str,
        typer.Argument(
            metavar="REPO", autocompletion=repositories, help="A repository: its name, path or URL."
        ),
    ],
    *,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Forget a repository: its index and, for a URL, its mirror.

    Nothing in the repository itself is touched.
    """
    from loccit.cli.output import emit, one_line, say
    from loccit.library import Loccit

    known = Loccit().remove(repo)
    if json:
        emit({"format": "loccit-remove/1", "repo": known.name, "location": known.location})
    elif not quiet:
        say(f"forgot {one_line(known.name)}; {one_line(known.location)} is untouched")
