"""What somebody who asks over a network may have a server read."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from loccit.core.errors import UnsafeSource
from loccit.library import Loccit
from loccit.sources import Guard
from loccit.sources.issues import parse_tracker

if TYPE_CHECKING:
    from loccit.core.progress import Progress
    from loccit.serving.options import ServingOptions
    from loccit.settings import Settings

_LOGIN = re.compile(r"https?://[^/]*@|ssh://[^/@]*:[^/@]*@", re.IGNORECASE)


def guard_of(options: ServingOptions) -> Guard:
    """What may be reached of places that are named over a network."""
    return Guard(
        hosts=frozenset(host.lower().strip("[]") for host in options.fetch_hosts),
        folders=tuple(Path(root) for root in options.local_roots),
    )


def guarded(settings: Settings, *, progress: Progress, is_new: bool) -> Loccit:
    """The library for a job. What is new may be below the local roots only; what is known the operator has
    named once, wherever it is. Hosts are looked at each time: they may have moved.
    """
    guard = guard_of(settings.serving)
    return Loccit(
        settings=settings, progress=progress, guard=guard if is_new else replace(guard, folders=None)
    )


def check_location(location: str) -> None:
    """Raises UnsafeSource for a location that holds a secret: it would be kept, and shown."""
    if _LOGIN.match(location):
        raise UnsafeSource(
            "the URL holds a user or a password",
            next_step="leave it out: give git a credential helper, and name the host in fetch_hosts",
        )


def check_tracker(tracker: str, options: ServingOptions) -> None:
    """Raises InputError for what is no tracker, UnsafeSource for one that may not be read."""
    guard = guard_of(options)
    place = parse_tracker(tracker, folder=Path("/"))
    if not place.api:
        guard.check_folders(place.path)
        return
    guard.check_url(urlsplit(place.api).scheme, place.hostname)
