"""Files that an agent is told by: of a repository at a commit, or of a folder on this machine.

Rule files, notes and skills are read through here, so that one place says what is refused: links, paths that
lead out, and what is too large.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from loccit.core.errors import NotFound, SourceUnreadable, UnsafeSource
from loccit.core.source import SkipReason

if TYPE_CHECKING:
    from loccit.core.source import BlobReader, Snapshot

# A folder with more files than this is nobody's folder of skills or notes.
_MOST_FILES = 10_000
_DEEPEST = 12


@dataclass(frozen=True, slots=True)
class FileFact:
    """A file as a listing tells of it. `path` is relative to the root, "/"-separated; `size` in bytes.

    `is_link`: it is a symbolic link, which is never read.
    """

    path: str
    size: int
    is_link: bool = False


class ProjectFiles(Protocol):
    """Files below one root. Nothing is written, no link is followed, nothing outside can be named."""

    @property
    def origin(self) -> str:
        """Where they come from, as labels name it: "repository:host/owner/name@COMMIT", "folder:skills"."""
        ...

    def listed(self, folder: str) -> tuple[FileFact, ...]:
        """All files below a folder, sorted by path; none where there is no such folder."""
        ...

    def fact(self, path: str) -> FileFact | None:
        """What a listing tells of one file, None where there is none."""
        ...

    def read(self, path: str, *, most_bytes: int) -> bytes:
        """The bytes of a file, whole. Raises NotFound, UnsafeSource (a link, a path that leads out, a file
        that is longer than `most_bytes`), SourceUnreadable.
        """
        ...


def tidy_path(path: str) -> str:
    """A relative path without empty and "." parts. Raises UnsafeSource where it is absolute or leads up."""
    parts = path.replace("\\", "/").split("/")
    if path.startswith(("/", "\\")) or ".." in parts or "\0" in path or parts[0].endswith(":"):
        raise UnsafeSource(f"{path!r} leads out of its folder", next_step="name a path inside of it")
    return "/".join(part for part in parts if part not in {"", "."})


class CommittedFiles:
    """The files of a repository at a commit."""

    def __init__(self, snapshot: Snapshot, reader: BlobReader) -> None:
        self._reader = reader
        self._blobs = {entry.path: entry for entry in snapshot.entries}
        self._links = frozenset(s.path for s in snapshot.skipped if s.reason is SkipReason.SYMLINK)
        self._paths = sorted([*self._blobs, *self._links])
        self.origin = f"repository:{snapshot.repo}@{snapshot.commit or snapshot.tree}"

    def listed(self, folder: str) -> tuple[FileFact, ...]:
        """All files below a folder, sorted by path."""
        start = f"{tidy_path(folder)}/" if folder else ""
        facts = (self.fact(path) for path in self._paths if path.startswith(start))
        return tuple(fact for fact in facts if fact is not None)

    def fact(self, path: str) -> FileFact | None:
        """What the commit's tree says of one file."""
        entry = self._blobs.get(path)
        if entry is not None:
            return FileFact(path, entry.size)
        return FileFact(path, 0, is_link=True) if path in self._links else None

    def read(self, path: str, *, most_bytes: int) -> bytes:
        """The bytes of a file at the commit."""
        fact = self.fact(tidy_path(path))
        if fact is None:
            raise NotFound(f"there is no file {path!r} at this commit")
        _require_readable(fact, most_bytes)
        return self._reader.read(self._blobs[fact.path].blob).data


class FolderFiles:
    """The files of a folder on this machine, as they are now. `origin` is what labels call it."""

    def __init__(self, root: Path, origin: str) -> None:
        self._root = root
        self.origin = origin

    def listed(self, folder: str) -> tuple[FileFact, ...]:
        """All files below a folder, sorted by path. Raises UnsafeSource for one with far too many."""
        below = tidy_path(folder)
        found: list[FileFact] = []
        if not self._has_link_above(below):
            for fact in self._walk(below, 0):
                found.append(fact)
                if len(found) > _MOST_FILES:
                    raise UnsafeSource(
                        f"{str(self._root / below)!r} has more than {_MOST_FILES:,} files",
                        next_step="name the folder that holds what you mean",
                    )
        return tuple(sorted(found, key=lambda fact: fact.path))

    def fact(self, path: str) -> FileFact | None:
        """What the folder says of one file; None below a link."""
        path = tidy_path(path)
        if self._has_link_above(str(Path(path).parent)):
            return None
        try:
            status = (self._root / path).lstat()
        except OSError:
            return None
        if stat.S_ISLNK(status.st_mode):
            return FileFact(path, 0, is_link=True)
        return FileFact(path, status.st_size) if stat.S_ISREG(status.st_mode) else None

    def read(self, path: str, *, most_bytes: int) -> bytes:
        """The bytes of a file now; no part of its path may be a link."""
        path = tidy_path(path)
        try:
            descriptor = self._opened(path)
        except FileNotFoundError as error:
            raise NotFound(f"there is no file {path!r}") from error
        except OSError as error:
            is_below_link = self._has_link_above(str(Path(path).parent))
            fact = self.fact(path)
            if fact is None and not is_below_link:
                raise NotFound(f"there is no file {path!r}") from error
            if fact is None or fact.is_link:
                raise UnsafeSource(
                    f"{path!r} is a link, or lies below one", next_step="put the file itself there"
                ) from error
            raise SourceUnreadable(f"cannot read {path!r}: {error.strerror or error}") from error
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise UnsafeSource(f"{path!r} is no regular file")
            data = file.read(most_bytes + 1)
        _require_readable(FileFact(path, max(len(data), status.st_size)), most_bytes)
        return data

    def _opened(self, path: str) -> int:
        """A descriptor of the file, gone to folder by folder without following a link. Raises OSError."""
        *folders, name = path.split("/")
        held = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for folder in folders:
                step = os.open(
                    folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=held
                )
                os.close(held)
                held = step
            return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=held)
        finally:
            os.close(held)

    def _has_link_above(self, folder: str) -> bool:
        parts = [part for part in folder.split("/") if part not in {"", "."}]
        return any((self._root / "/".join(parts[: n + 1])).is_symlink() for n in range(len(parts)))

    def _walk(self, folder: str, depth: int) -> Iterator[FileFact]:
        try:
            entries = sorted(os.scandir(self._root / folder), key=lambda entry: entry.name)
        except OSError:
            return  # not there, or not ours to look into
        for entry in entries:
            path = f"{folder}/{entry.name}" if folder else entry.name
            if entry.is_symlink():
                yield FileFact(path, 0, is_link=True)
            elif entry.is_dir(follow_symlinks=False):
                if depth < _DEEPEST and entry.name != ".git":
                    yield from self._walk(path, depth + 1)
            elif entry.is_file(follow_symlinks=False):
                yield FileFact(path, entry.stat(follow_symlinks=False).st_size)


def _require_readable(fact: FileFact, most_bytes: int) -> None:
    if fact.is_link:
        raise UnsafeSource(f"{fact.path!r} is a link", next_step="put the file itself there")
    if fact.size > most_bytes:
        raise UnsafeSource(
            f"{fact.path!r} has {fact.size:,} bytes, at most {most_bytes:,} are read",
            next_step="make it shorter",
        )
