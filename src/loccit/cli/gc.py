"""`loccit gc`: give space back."""

from __future__ import annotations

from loccit.cli.options import Json, Quiet


def gc(*, json: Json = False, quiet: Quiet = False) -> None:
    """Give back the space of what no indexed commit needs.

    That is parsed files, dead documents, mirrors of forgotten repositories, and environments of projects that
    no box has used for a month.
    """
    from loccit.cli.output import amount, counted, emit, say
    from loccit.cli.progress import waiting
    from loccit.library import Loccit

    freed = Loccit(waiting=None if quiet else waiting).gc()
    if json:
        emit(
            {
                "format": "loccit-gc/1",
                "cache_records": freed.cache_records,
                "folders": freed.folders,
                "bytes_freed": freed.bytes_freed,
            }
        )
    elif not quiet:
        say(
            f"gave back {amount(freed.bytes_freed)}: {counted(freed.cache_records, 'cached file')}, "
            f"{counted(freed.folders, 'folder')} that nothing needs"
        )
