"""Finding the files of a plain folder: those that `git add --all` would take, and their ids."""

from __future__ import annotations

import os
import stat
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from loccit.core.errors import NotARepository, SourceError
from loccit.core.source import FileMode, SkippedFile, SkipReason, path_text
from loccit.sources.files import hash_below, opened_below, read_below
from loccit.sources.git_config import read_config, unreadable
from loccit.sources.ignore import IgnoreFile, IgnoreRules
from loccit.sources.layout import find_layout
from loccit.sources.listing import TreeFile
from loccit.sources.reader import object_id
from loccit.sources.refs import read_refs
from loccit.sources.stat_cache import StatCache, now_ns

_GITIGNORE = b".gitignore"
_MAX_IGNORE_BYTES = 1_000_000
ID_LENGTH = 40


@dataclass(slots=True)
class FolderFiles:
    """What was found, unsorted. `unreadable` is not part of the folder's tree."""

    files: list[TreeFile] = field(default_factory=list)
    unreadable: list[SkippedFile] = field(default_factory=list)


@contextmanager
def opened_folder(folder: Path) -> Generator[int]:
    """A descriptor of a folder. Raises SourceUnreadable."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise unreadable(folder, error) from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def walk_folder(folder: Path, cache: StatCache) -> FolderFiles:
    """The files of `folder`, hashed unless `cache` knows them.

    Raises SourceUnreadable for the folder itself.
    """
    with opened_folder(folder) as root:
        return _Walk(folder, root, cache).run()


class _Walk:
    def __init__(self, folder: Path, root: int, cache: StatCache) -> None:
        self._folder = folder
        self._root = root
        self._cache = cache
        self._rules = IgnoreRules()
        self._found = FolderFiles()
        self._pending = [b""]

    def run(self) -> FolderFiles:
        while self._pending:
            folder = self._pending.pop()
            try:
                self._visit(folder)
            except OSError as error:
                if not folder:
                    raise unreadable(self._folder, error) from error
                self._leave_out(folder)
        return self._found

    def _visit(self, folder: bytes) -> None:
        with opened_below(self._root, folder, os.O_RDONLY | os.O_DIRECTORY) as descriptor:
            found = _listed(descriptor)
            if folder and b".git" in found and self._take_nested(folder):
                return
            if _GITIGNORE in found and stat.S_ISREG(found[_GITIGNORE].st_mode):
                text = read_below(descriptor, _GITIGNORE, limit=_MAX_IGNORE_BYTES)
                self._rules.files[folder] = IgnoreFile.parse(text)
            for name, status in found.items():
                # git refuses to hold any spelling of `.git`.
                if name.lower() != b".git":
                    self._take(descriptor, name, folder + b"/" + name if folder else name, status)

    def _take(self, descriptor: int, name: bytes, path: bytes, status: os.stat_result) -> None:
        is_folder = stat.S_ISDIR(status.st_mode)
        if self._rules.files and self._rules.decides(path, is_folder=is_folder):
            return
        if is_folder:
            self._pending.append(path)
        elif stat.S_ISREG(status.st_mode):
            self._take_file(descriptor, name, path, status)
        elif stat.S_ISLNK(status.st_mode):
            target = os.fsencode(os.readlink(name, dir_fd=descriptor))
            blob = object_id("blob", target, id_length=ID_LENGTH)
            self._add(path, blob, len(target), FileMode.SYMLINK)

    def _take_file(self, descriptor: int, name: bytes, path: bytes, status: os.stat_result) -> None:
        text = path_text(path)
        blob = self._cache.blob(text, status)
        if blob is None:
            started = now_ns()
            try:
                blob, status = hash_below(descriptor, name, id_length=ID_LENGTH)
            except OSError:
                self._leave_out(path)
                return
            self._cache.remember(text, status, blob, hashed_at_ns=started)
        mode = FileMode.EXECUTABLE if status.st_mode & stat.S_IXUSR else FileMode.REGULAR
        self._add(path, blob, status.st_size, mode)

    def _take_nested(self, path: bytes) -> bool:
        """Takes the folder as a repository of its own, if it is one, by the commit that it has checked out.
        Takes the folder as a repository of its own, if it is one, by the commit that it has checked out.
        """
        nested = self._folder / os.fsdecode(path)
        try:
            layout = find_layout(nested)
            if layout is None or layout.top != nested:
                return False
            refs = read_refs(layout, id_length=read_config(layout.common_dir).id_length)
            commit = refs.targets.get(refs.head, refs.head).decode("utf-8", "replace")
        except NotARepository:
            return False
        except SourceError:
            commit = ""
        if len(commit) == ID_LENGTH and not commit.startswith("refs/"):
            self._add(path, commit, None, FileMode.SUBMODULE)
        else:
            # Without a commit that this tree can hold, it is listed but has no place in the tree.
            self._found.unreadable.append(SkippedFile(path_text(path), SkipReason.SUBMODULE))
        return True

    def _add(self, path: bytes, blob: str, size: int | None, mode: FileMode) -> None:
        self._found.files.append(TreeFile(path_text(path), blob, size, mode))

    def _leave_out(self, path: bytes) -> None:
        self._found.unreadable.append(SkippedFile(path_text(path), SkipReason.UNREADABLE))


def _listed(descriptor: int) -> dict[bytes, os.stat_result]:
    """How each entry of an open folder looks."""
    found: dict[bytes, os.stat_result] = {}
    with os.scandir(descriptor) as listing:
        for entry in listing:
            # A file that vanishes while we look was never there.
            with suppress(FileNotFoundError):
                found[os.fsencode(entry.name)] = entry.stat(follow_symlinks=False)
    return found
