"""Which bytes, at which commit?

`open_repository` gives a `Repository`: a git repository of this machine read in place, the mirror of a URL,
or a plain folder. Nothing in a repository is ever written, and nothing in it ever runs: git only reads
objects, through a bare git directory of ours whose settings are ours alone (see `git` and `view`).
"""

from __future__ import annotations

from pathlib import Path

from loccit.sources.options import SourceOptions
from loccit.sources.repository import (
    ChangedFiles,
    GrepMatch,
    ManyBlobReader,
    ReaderSpec,
    Repository,
    open_reader,
)

__all__ = [
    "ChangedFiles",
    "GrepMatch",
    "ManyBlobReader",
    "ReaderSpec",
    "Repository",
    "SourceOptions",
    "open_reader",
    "open_repository",
]


def open_repository(location: str, *, home: Path, options: SourceOptions | None = None) -> Repository:
    """The repository at `location`; what we keep about it lives below `home`.

    `location` is a path in a work tree, a bare repository, a plain folder, or an https://, ssh:// or file://
    URL or git's user@host:path. A URL is not fetched before `refresh`. Raises UnsafeSource, NotARepository,
    SourceUnreadable.
    """
    from loccit.sources.git_repository import GitRepository, LocalOrigin
    from loccit.sources.layout import find_layout
    from loccit.sources.locations import RemoteUrl, parse_location

    chosen = options or SourceOptions()
    place = parse_location(location, chosen)
    if isinstance(place, RemoteUrl):
        from loccit.sources.remote import RemoteOrigin

        return GitRepository(RemoteOrigin(place, home=home, options=chosen), home=home, options=chosen)
    layout = find_layout(place)
    if layout is None:
        from loccit.sources.plain_folder import PlainFolder

        return PlainFolder(place, home=home, options=chosen)
    return GitRepository(LocalOrigin(layout, home=home, options=chosen), home=home, options=chosen)
