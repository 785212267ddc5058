"""Which concrete part goes where? The only place that names adapters."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from loccit.indexing.catalogue import Catalogue
from loccit.indexing.shard import Shard
from loccit.settings import Settings
from loccit.sources import Repository, open_repository

if TYPE_CHECKING:
    from loccit.indexing.blob_cache import BlobCache


@dataclass(frozen=True, slots=True)
class System:
    """The parts of one home folder.

    catalogue.json          which repositories are known
    cache/blobs.sqlite      parsed files
    repositories/KEY/git    how a repository is read: our own bare git folder, or its mirror
    repositories/KEY/shard  its index
    """

    settings: Settings

    @property
    def home(self) -> Path:
        """The home folder, absolute."""
        return self.settings.home

    @property
    def catalogue(self) -> Catalogue:
        """The catalogue of the home folder."""
        return Catalogue(self.home)

    def repository(self, location: str) -> Repository:
        """The repository at a location. Raises the errors of `open_repository`."""
        return open_repository(location, home=self.home, options=self.settings.sources)

    def folder(self, key: str) -> Path:
        """Where everything kept for a repository is."""
        return self.home / "repositories" / key

    def shard(self, key: str) -> Shard:
        """The shard of a repository."""
        return Shard(self.folder(key) / "shard")

    @contextmanager
    def blob_cache(self, *, repair: bool = False) -> Generator[BlobCache]:
        """The blob cache, open; with `repair` a damaged one is begun anew."""
        from loccit.indexing.blob_cache import BlobCache

        cache = BlobCache(self.home / "cache" / "blobs.sqlite", repair=repair)
        try:
            yield cache
        finally:
            cache.close()


def build(settings: Settings) -> System:
    """The system that these settings describe. Opens nothing yet."""
    return System(settings)
