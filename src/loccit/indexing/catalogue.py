"""The catalogue of a home folder: which repositories are known, and which named collections they form."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from loccit.core.errors import IndexBroken, IndexFormatMismatch, InputError, NotIndexed
from loccit.indexing.arrays import storage_failed
from loccit.indexing.documents import Remembered, from_fields, read_document, replace_document, sweep_drafts

FORMAT = 1


@dataclass(frozen=True, slots=True)
class KnownRepository:
    """A repository of the catalogue. `key` names its folder in the home, `name` is unique and what people
    write.

    `location` is an absolute path or a URL without credentials; `added_at` seconds since the epoch.
    """

    key: str
    name: str
    location: str
    is_git: bool
    added_at: float


@dataclass(frozen=True, slots=True)
class Contents:
    """What the catalogue holds: repositories in order of name, and collections of their keys."""

    repositories: tuple[KnownRepository, ...] = ()
    collections: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])

    def named(self, name: str) -> KnownRepository:
        """The repository called so: by its whole name, or by its last part or parts where only one ends so.

        Raises NotIndexed for an unknown name, InputError for one that fits several.
        """
        exact = [r for r in self.repositories if name in (r.name, r.key, r.location)]
        found = exact or [r for r in self.repositories if r.name.endswith("/" + name)]
        if not found:
            known = ", ".join(r.name for r in self.repositories) or "none yet"
            raise NotIndexed(
                f"no repository {name!r} is indexed (known: {known})",
                next_step="run 'loccit index PATH|URL' first",
            )
        if len(found) > 1:
            names = ", ".join(r.name for r in found)
            raise InputError(
                f"the name {name!r} fits several repositories: {names}", next_step="write the whole name"
            )
        return found[0]

    def seen_by(self, names: frozenset[str] | None) -> Contents:
        """What is left for somebody who may see the repositories of these names, None all: neither others nor
        collections without any of theirs.
        """
        if names is None:
            return self
        seen = tuple(r for r in self.repositories if r.name in names)
        keys = {r.key for r in seen}
        collections = {
            name: left
            for name, members in self.collections.items()
            if (left := tuple(key for key in members if key in keys))
        }
        return Contents(seen, collections)

    def by_key(self, key: str) -> KnownRepository | None:
        """The repository with this key."""
        return next((r for r in self.repositories if r.key == key), None)

    def collection(self, name: str) -> tuple[KnownRepository, ...]:
        """The repositories of a collection. Raises NotIndexed when there is no such collection."""
        if name not in self.collections:
            known = ", ".join(sorted(self.collections)) or "none yet"
            raise NotIndexed(
                f"no collection {name!r} (known: {known})",
                next_step=f"run 'loccit index --collection {name} PATH|URL…' first",
            )
        members = (self.by_key(key) for key in self.collections[name])
        return tuple(r for r in members if r is not None)


class Catalogue:
    """The file `catalogue.json` of a home folder; changes are published by rename, under a lock."""

    def __init__(self, home: Path) -> None:
        self.path = home / "catalogue.json"

    def read(self) -> Contents:
        """What is published now; empty before the first time. Raises IndexFormatMismatch or IndexBroken."""
        return _CONTENTS.at(self.path)

    def add(self, repository: KnownRepository, *, collection: str | None) -> KnownRepository:
        """Enter a repository, and put it into a collection; returns the entry, whose name may have been made
        unique.
        """
        with self._changing() as contents:
            known = contents.by_key(repository.key)
            others = {r.name for r in contents.repositories if r.key != repository.key}
            entry = known or replace(repository, name=_unique(repository, others))
            rest = [r for r in contents.repositories if r.key != entry.key]
            collections = dict(contents.collections)
            if collection is not None:
                members = collections.get(collection, ())
                collections[collection] = (*members, entry.key) if entry.key not in members else members
            self._swap(Contents(tuple(sorted([*rest, entry], key=lambda r: r.name)), collections))
        return entry

    def remove(self, key: str) -> None:
        """Take a repository out of the catalogue and of every collection; empty collections go too."""
        with self._changing() as contents:
            collections = {
                name: left
                for name, keys in contents.collections.items()
                if (left := tuple(k for k in keys if k != key))
            }
            self._swap(Contents(tuple(r for r in contents.repositories if r.key != key), collections))

    @contextmanager
    def _changing(self) -> Generator[Contents]:
        from filelock import FileLock

        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.path.with_suffix(".lock"))
            lock.acquire()
        except OSError as error:
            raise storage_failed(self.path, error) from error
        try:
            yield self.read()
            sweep_drafts(self.path)
        finally:
            lock.release()

    def _swap(self, contents: Contents) -> None:
        document = {
            "format": FORMAT,
            "repositories": [asdict(r) for r in contents.repositories],
            "collections": dict(contents.collections),
        }
        replace_document(self.path, document)


def _read(path: Path) -> Contents:
    step = f"move {str(path)!r} away and index again: what is indexed is found again"
    try:
        document = read_document(path)
    except IndexBroken as error:
        raise IndexBroken(error.message, next_step=step) from error
    if document is None:
        return Contents()
    if document.get("format") != FORMAT:
        raise IndexFormatMismatch(
            f"the catalogue {str(path)!r} has format {document.get('format')!r}, this version reads {FORMAT}",
            next_step=step,
        )
    try:
        return _contents(document)
    except (KeyError, TypeError, AttributeError) as error:
        raise IndexBroken(
            f"the catalogue {str(path)!r} has unexpected content: {error}", next_step=step
        ) from error


_CONTENTS = Remembered(_read)


def _contents(document: dict[str, Any]) -> Contents:
    """Raises KeyError, TypeError or AttributeError for what is no catalogue."""
    repositories = tuple(from_fields(KnownRepository, entry) for entry in document["repositories"])
    collections: dict[str, tuple[str, ...]] = {}
    for name, keys in document["collections"].items():
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in cast("list[Any]", keys)):
            raise TypeError(f"the collection {name!r} is {keys!r}")
        collections[name] = tuple(cast("list[str]", keys))
    return Contents(repositories, collections)


def _unique(repository: KnownRepository, taken: set[str]) -> str:
    """The repository's name; where it is taken, with folders before it, or at last with a part of its key."""
    if repository.name not in taken:
        return repository.name
    parts = [part for part in repository.location.split("/") if part]
    for count in range(2, min(len(parts), 4)):
        name = "/".join(parts[-count:])
        if name not in taken:
            return name
    return f"{repository.name}-{repository.key[:6]}"
