"""How a working tree differs from a commit, told by hashing: index and filters play no part."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

from loccit.core.source import FileEntry, Snapshot, path_bytes
from loccit.sources.attributes import Attributes
from loccit.sources.files import hash_below, read_below, sha256_below
from loccit.sources.folder_walk import opened_folder
from loccit.sources.listing import TreeFile, rules_of
from loccit.sources.repository import ChangedFiles, ManyBlobReader
from loccit.sources.stat_cache import StatCache, now_ns

_LFS_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n"
    rb"(?:[^\n]+\n)*?oid sha256:(?P<oid>[0-9a-f]{64})\n"
    rb"(?:[^\n]+\n)*?size (?P<size>\d+)\n"
)
_MAX_POINTER_BYTES = 1024


class WorkingTree:
    """The files below `top`. `cache` is a file of ours; `read` opens a reader of the repository's objects."""

    def __init__(
        self,
        top: Path,
        *,
        cache: Path,
        is_sparse: bool,
        read: Callable[[], AbstractContextManager[ManyBlobReader]],
    ) -> None:
        self._top = top
        self._cache_file = cache
        self._is_sparse = is_sparse
        self._read = read

    def changed_files(self, snapshot: Snapshot) -> ChangedFiles:
        """The files of `snapshot` that are different here, or gone.

        Line ends that a checkout turned into CRLF and contents that git-lfs put in the place of its pointer
        are no difference. Files that pass through any other filter cannot be compared without running it, and
        are taken as unchanged; so are files that a sparse checkout leaves out.
        """
        with ExitStack() as stack:
            root = stack.enter_context(opened_folder(self._top))
            comparison = _Comparison(
                root, str(self._top), StatCache(self._cache_file), snapshot, stack, self._read
            )
            modified: list[str] = []
            deleted: list[str] = []
            for entry in snapshot.entries:
                status = comparison.status(entry.path)
                if status is not None and comparison.cache.blob(entry.path, status) == entry.blob:
                    continue
                if status is None or not comparison.is_below_top(entry.path):
                    deleted.append(entry.path)
                elif comparison.is_modified(entry, status):
                    modified.append(entry.path)
            comparison.cache.save()
        return ChangedFiles(tuple(modified), () if self._is_sparse else tuple(deleted))


class _Comparison:
    def __init__(
        self,
        root: int,
        top: str,
        cache: StatCache,
        snapshot: Snapshot,
        stack: ExitStack,
        read: Callable[[], AbstractContextManager[ManyBlobReader]],
    ) -> None:
        self.cache = cache
        self._root = root
        self._prefix = top.rstrip("/") + "/"
        self._snapshot = snapshot
        self._stack = stack
        self._read = read
        self._reader: ManyBlobReader | None = None
        self._attributes: Attributes | None = None
        self._folders: dict[str, bool] = {"": True}

    def status(self, path: str) -> os.stat_result | None:
        """How the file looks, None when it is not there."""
        try:
            return os.lstat(self._prefix + path)
        except OSError:
            # Gone, or under a name that this system cannot hold.
            return None

    def is_below_top(self, path: str) -> bool:
        """Whether the file is where it seems to be, with no symlink among its folders."""
        return self._is_folder_real(path.rpartition("/")[0])

    def is_modified(self, entry: FileEntry, status: os.stat_result) -> bool:
        """Whether the file's content differs from the entry's blob."""
        blob = self.cache.blob(entry.path, status)
        if blob is None:
            if not stat.S_ISREG(status.st_mode):
                return True
            started = now_ns()
            try:
                blob, status = hash_below(self._root, path_bytes(entry.path), id_length=len(entry.blob))
            except OSError:
                return True
            self.cache.remember(entry.path, status, blob, hashed_at_ns=started)
        if blob == entry.blob or self.cache.is_equal(blob, entry.blob):
            return False
        if not self._is_as_checked_out(entry, status):
            return True
        self.cache.remember_equal(blob, entry.blob)
        return False

    def _is_as_checked_out(self, entry: FileEntry, status: os.stat_result) -> bool:
        path = path_bytes(entry.path)
        stored = self._stored(entry.blob)
        pointer = _LFS_POINTER.match(stored) if entry.size <= _MAX_POINTER_BYTES else None
        if pointer:
            is_size_right = int(pointer["size"]) == status.st_size
            return is_size_right and sha256_below(self._root, path) == pointer["oid"].decode("ascii")
        # With CRLF for every LF a file is at most twice as long.
        if entry.size <= 2 * status.st_size and status.st_size <= 2 * entry.size and b"\0" not in stored:
            found = read_below(self._root, path, limit=2 * entry.size)
            if found.replace(b"\r\n", b"\n") == stored.replace(b"\r\n", b"\n"):
                return True
        return self._known_attributes().is_converted(path)

    def _is_folder_real(self, folder: str) -> bool:
        known = self._folders.get(folder)
        if known is not None:
            return known
        pending: list[str] = []
        while folder not in self._folders:
            pending.append(folder)
            folder = folder.rpartition("/")[0]
        is_real = self._folders[folder]
        for inner in reversed(pending):
            is_real = is_real and _is_folder(self._prefix + inner)
            self._folders[inner] = is_real
        return is_real

    def _stored(self, blob: str) -> bytes:
        if self._reader is None:
            self._reader = self._stack.enter_context(self._read())
        return self._reader.read(blob).data

    def _known_attributes(self) -> Attributes:
        if self._attributes is None:
            files = (
                TreeFile(entry.path, entry.blob, entry.size, entry.mode) for entry in self._snapshot.entries
            )
            _, self._attributes = rules_of(files, lambda file: self._stored(file.blob))
        return self._attributes


def _is_folder(path: str) -> bool:
    # A name of `..` in a hostile tree must not lead out of the work tree.
    if path.endswith(("/..", "/.")):
        return False
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False
