"""Which bytes, at which commit?

`open_repository` gives a `Repository`: a git repository of this machine read in place, the mirror of a URL,
or a plain folder. Nothing in a repository is ever written, and nothing in it ever runs: git only reads
objects, through a bare git directory of ours whose settings are ours alone (see `git` and `view`).
"""

from __future__ import annotations

from pathlib import Path

from loccit.sources.addresses import Guard
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
    "Guard",
    "ManyBlobReader",
    "ReaderSpec",
    "Repository",
    "SourceOptions",
    "open_reader",
    "open_repository",
]


def open_repository(
    location: str, *, home: Path, options: SourceOptions | None = None, guard: Guard | None = None
) -> Repository:
    """The repository at `location`; what we keep about it lives below `home`.

    `location` is a path in a work tree, a bare repository, a plain folder, or an https://, ssh:// or file://
    URL or git's user@host:path. A URL is not fetched before `refresh`. `guard` says what of it may be reached
    for somebody who asks over a network; without one all may. Raises UnsafeSource, NotARepository,
    SourceUnreadable.
    """
    from loccit.sources.git_repository import GitRepository, LocalOrigin
    from loccit.sources.layout import find_layout
    from loccit.sources.locations import RemoteUrl, is_folder, parse_location

    chosen = options or SourceOptions()
    if guard is not None and is_folder(location):
        guard.check_folders(Path(location))
    elif guard is not None and location.lower().startswith("file:"):
        # Before anybody looks whether it is there.
        guard.check_url("file", "")
    place = parse_location(location, chosen)
    if isinstance(place, RemoteUrl):
        from loccit.sources.remote import RemoteOrigin

        if guard is not None:
            guard.check_url(place.scheme, place.host)
        origin = RemoteOrigin(place, home=home, options=chosen, guard=guard)
        return GitRepository(origin, home=home, options=chosen)
    layout = find_layout(place)
    if guard is not None and layout is not None:
        # A file `.git` leads anywhere, and a folder may be inside of a repository that begins above it.
        guard.check_folders(*filter(None, (layout.top, layout.git_dir, layout.common_dir, layout.objects)))
    if layout is None:
        from loccit.sources.plain_folder import PlainFolder

        return PlainFolder(place, home=home, options=chosen)
    return GitRepository(LocalOrigin(layout, home=home, options=chosen), home=home, options=chosen)
