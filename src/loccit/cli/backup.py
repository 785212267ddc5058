"""`loccit backup` and `loccit restore`: all state as one file, and a home folder out of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from loccit.cli.options import Json, Quiet


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file: loccit.tar.gz.")],
    *,
    with_indexes: Annotated[
        bool, typer.Option("--with-indexes", help="With what 'loccit index' could make again.")
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write all state to one file, as it is at one moment; others may work meanwhile.

    It holds what people asked, and whatever secrets are in settings.toml: keep it as you keep those.
    """
    from loccit.cli.output import amount, counted, emit, note, one_line, say
    from loccit.cli.progress import waiting
    from loccit.library import Loccit

    done = Loccit(waiting=None if quiet else waiting).backup(file, with_indexes=with_indexes)
    manifest = done.manifest
    if json:
        emit(
            {
                "format": "loccit-backed-up/1",
                "file": str(done.path),
                "bytes": done.bytes,
                "files": len(manifest.members),
                "made_at": manifest.made_at,
                "left_out": [left.model_dump() for left in manifest.left_out],
            }
        )
        return
    if quiet:
        return
    say(
        f"wrote {counted(len(manifest.members), 'file')}, {amount(done.bytes)}, to {one_line(str(done.path))}"
    )
    for left in manifest.left_out:
        note(one_line(f"left out {left.path}: {left.why}"))


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What 'loccit backup' wrote.")],
    *,
    into: Annotated[
        Path | None,
        typer.Option("--into", metavar="HOME", help="The home folder to restore into. [default: yours]"),
    ] = None,
    force: Annotated[
        bool,
        typer.Option("--force", help="Put aside what the home folder holds, and replace a database's rows."),
    ] = False,
    sqlite: Annotated[
        bool,
        typer.Option("--sqlite", help="Keep the database in the home folder, whatever the settings say."),
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Make a home folder what it was when a backup was made. Nothing may work in it meanwhile."""
    from loccit.cli.output import counted, emit, note, one_line, say
    from loccit.library import Loccit

    done = Loccit(into).restore(file, force=force, sqlite=sqlite)
    if json:
        emit(
            {
                "format": "loccit-restored/1",
                "made_at": done.made_at,
                "version": done.version,
                "files": done.files,
                "replaced": None if done.replaced is None else str(done.replaced),
                "to_index": list(done.to_index),
            }
        )
        return
    if quiet:
        return
    say(f"restored {counted(done.files, 'file')} of {done.made_at}, written by loccit {done.version}")
    if done.replaced is not None:
        note(f"what was there is in {one_line(str(done.replaced))}")
    for location in done.to_index:
        note(one_line(f"index it again: loccit index {location}"))
