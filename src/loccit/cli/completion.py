"""What the shell offers at the TAB key: commands and options, and the names that fit after them.

Typer itself hands out its scripts for the shell that it guesses only.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import typer
from typer._completion_classes import completion_init  # pyright: ignore[reportPrivateImportUsage]
from typer._completion_shared import get_completion_script  # pyright: ignore[reportPrivateImportUsage]

from loccit.core.errors import InputError, LoccitError

if TYPE_CHECKING:
    from loccit.indexing.catalogue import Contents

SHELLS = ("bash", "zsh", "fish")


def show_completion(shell: str | None) -> None:
    """Print the completion script of a shell and end. Raises InputError for a shell that has none."""
    if shell is None:
        return
    if shell not in SHELLS:
        raise InputError(f"there is no completion for {shell!r}", next_step=f"shells: {', '.join(SHELLS)}")
    typer.echo(get_completion_script(prog_name="loccit", complete_var="_LOCCIT_COMPLETE", shell=shell))
    raise typer.Exit


def prepare_completion() -> None:
    """Let the scripts ask this command what fits."""
    completion_init()


def repositories(incomplete: str) -> list[str]:
    """Names of indexed repositories that begin so."""
    return _beginning(incomplete, [known.name for known in _known().repositories])


def collections(incomplete: str) -> list[str]:
    """Names of collections that begin so."""
    return _beginning(incomplete, sorted(_known().collections))


def languages(incomplete: str) -> list[str]:
    """Languages that begin so."""
    from loccit.parsing import list_languages

    return _beginning(incomplete, list_languages())


def _known() -> Contents:
    from loccit.indexing.catalogue import Contents
    from loccit.settings import Settings
    from loccit.wiring import build

    try:
        return build(Settings.load()).catalogue.read()
    except LoccitError:
        # A message here would land in the middle of what the person is typing.
        return Contents()


def _beginning(start: str, names: Iterable[str]) -> list[str]:
    # A control character has no place on the person's line either.
    return [name for name in names if name.startswith(start) and name.isprintable()]
