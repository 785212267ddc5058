"""Repositories, snapshots and files as values, and the protocol by which their bytes are read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


def path_text(path: bytes) -> str:
    """A tree path as text; bytes that are not UTF-8 become surrogate escapes."""
    return path.decode("utf-8", "surrogateescape")


def path_bytes(path: str) -> bytes:
    """The tree path's own bytes: the inverse of `path_text`."""
    return path.encode("utf-8", "surrogateescape")


class FileMode(StrEnum):
    """A tree entry's mode, as git writes it (octal, without a leading zero)."""

    REGULAR = "100644"
    EXECUTABLE = "100755"
    SYMLINK = "120000"
    SUBMODULE = "160000"


class SkipReason(StrEnum):
    """Why a tree entry is not searchable. The value is what status pages print."""

    SYMLINK = "symlink"
    SUBMODULE = "submodule"
    IGNORED = "ignored by .loccitignore"
    TOO_LARGE = "larger than the limit"
    BINARY = "binary"
    LFS_POINTER = "git-lfs pointer"
    EMPTY = "empty"
    UNREADABLE = "unreadable"
    MISSING = "object missing"


class FileRole(StrEnum):
    """What a file is for. Ranking weighs roles by the kind of question."""

    SOURCE = "source"
    TEST = "test"
    DOCS = "docs"
    CONFIG = "config"
    DATA = "data"
    GENERATED = "generated"
    VENDORED = "vendored"


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One regular file of a snapshot.

    `path` is the path in the tree, "/"-separated; bytes that are not UTF-8 are kept as
    surrogate escapes (`path_bytes` gives them back). `blob` is the full object id in hex, `size` bytes.
    """

    path: str
    blob: str
    size: int
    mode: FileMode
    role: FileRole


@dataclass(frozen=True, slots=True)
class SkippedFile:
    """A tree entry that was left out, and why."""

    path: str
    reason: SkipReason


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A repository at a commit, or a plain folder as it is now.

    `repo` is `host/owner/name` where the host is known, else the folder's name. `commit` is the full commit
    id, None for a plain folder; `tree` is the git tree id of the files (for a folder, the id that its files
    would have). `committed_at` is in seconds since the epoch, None for a folder. `entries` are sorted by path
    bytes. `skipped` holds what can be told from the listing; what only the bytes tell (binary, LFS) is found
    by parsing.
    """

    repo: str
    commit: str | None
    tree: str
    committed_at: int | None
    entries: tuple[FileEntry, ...]
    skipped: tuple[SkippedFile, ...]
    is_shallow: bool = False


@dataclass(frozen=True, slots=True)
class GitObject:
    """An object as git stores it: `kind` is blob, tree, commit or tag, `data` its content without header."""

    kind: str
    data: bytes


class BlobReader(Protocol):
    """Reads git objects of one repository by id, and nothing else."""

    def read(self, object_id: str) -> GitObject:
        """The object with this full hex id.

        Raises ObjectMissing when it is not there, ObjectCorrupt or SourceUnreadable when it cannot be read.
        The caller that needs proof recomputes the id: see `verification`.
        """
        ...


@dataclass(frozen=True, slots=True)
class CommitRecord:
    """One commit of a repository's history.

    `time` is the committer's, seconds since the epoch. `message` is decoded with replacement characters, for
    search only: citations go back to the bytes. `paths` are the changed paths (surrogate escapes as in
    FileEntry) against the first parent, `symbols` the names in the hunk headers of the change and of the
    definitions that it adds or takes away, without repetition.
    """

    commit: str
    time: int
    message: str
    paths: tuple[str, ...]
    symbols: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Touch:
    """How a commit changed some files that were asked about.

    `time` is the committer's, seconds since the epoch; `author` a name without address; `message` is decoded
    with replacement characters. `symbols` is parallel to `paths`: the names of the definitions that the
    change of that file is in, adds or takes away. `added` are those of the paths that it brought in; a root
    has no parent and brought in all.
    """

    commit: str
    time: int
    author: str
    message: str
    paths: tuple[str, ...]
    symbols: tuple[tuple[str, ...], ...]
    added: tuple[str, ...] = ()
    is_root: bool = False


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag that names a commit. `time`: when it was made, of a lightweight one its commit's, in seconds."""

    name: str
    commit: str
    time: int


@dataclass(frozen=True, slots=True)
class ChangedFile:
    """A path that a commit changed: its blob before and after, None where there was no regular file."""

    path: str
    old_blob: str | None
    new_blob: str | None


@dataclass(frozen=True, slots=True)
class Change:
    """A commit with what it changed, blob by blob, against its only parent; a merge tells no files.

    `time` is the committer's, seconds since the epoch; `author` a name without address. `message` is decoded
    with replacement characters.
    """

    commit: str
    parents: tuple[str, ...]
    time: int
    author: str
    message: str
    files: tuple[ChangedFile, ...]


@dataclass(frozen=True, slots=True)
class SnapshotStep:
    """From the files of one commit to those of the next in a sequence: what the snapshot of `commit` has new.

    `entries` take the place of what their paths held, at the paths in `gone` there is nothing any more. The
    first of a sequence comes after an empty snapshot.
    """

    commit: str
    entries: tuple[FileEntry, ...]
    gone: tuple[str, ...]
