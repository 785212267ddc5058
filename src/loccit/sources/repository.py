"""What every source offers, whether git repository, mirror of a URL, or plain folder."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from loccit.core.progress import Progress
from loccit.core.source import (
    BlobReader,
    Change,
    ChangedFile,
    CommitRecord,
    Snapshot,
    SnapshotStep,
    Tag,
    Touch,
)


class ManyBlobReader(BlobReader, Protocol):
    """A BlobReader that reads many objects quickly."""

    def read_many(self, ids: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Each id with its content, in the order given.

        Raises like `read` at the first that cannot be read.
        """
        ...


class ReaderSpec(Protocol):
    """All that another process needs to read the same repository: small, and can be pickled."""

    def open(self) -> AbstractContextManager[ManyBlobReader]:
        """A reader of its own."""
        ...


@dataclass(frozen=True, slots=True)
class ChangedFiles:
    """Files of a snapshot that the working tree has otherwise, paths sorted as in the snapshot.

    Files that are in no commit are not looked for.
    """

    modified: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.modified) + len(self.deleted)


@dataclass(frozen=True, slots=True)
class GrepMatch:
    """One line that matches.

    `line` counts from 1; bytes are 0-based offsets into the blob, without the line's end.
    """

    path: str
    blob: str
    line: int
    start_byte: int
    end_byte: int
    text: bytes


@dataclass(slots=True)
class WordMatch:
    """Which of the words asked for a file holds, in lower case, and how many of its lines hold one."""

    words: set[str]
    lines: int = 0


class Repository(Protocol):
    """A place that files and history come from.

    Nothing in it is ever written, and nothing in it ever runs.
    """

    @property
    def key(self) -> str:
        """16 hex digits that stay the same for the same location; fit for a file name."""
        ...

    @property
    def name(self) -> str:
        """`host/owner/name` where the origin is known, else the folder's name; never a path."""
        ...

    @property
    def location(self) -> str:
        """The real path of the work tree, bare repository or folder, or the URL without credentials."""
        ...

    @property
    def is_git(self) -> bool:
        """Whether it has commits, rather than being a plain folder."""
        ...

    @property
    def has_working_tree(self) -> bool:
        """Whether files are checked out beside the commits, so that they may differ from them."""
        ...

    def refresh(self, progress: Progress) -> None:
        """Takes up what is new: fetches a URL, reads a local repository's refs again. Raises FetchFailed."""
        ...

    def resolve(self, rev: str | None = None) -> str:
        """The full id of the commit that `rev` names (HEAD by default); for a folder, its tree id.

        Raises RevisionNotFound.
        """
        ...

    def snapshot(self, rev: str | None = None) -> Snapshot:
        """The files at `rev` (HEAD by default).

        Raises RevisionNotFound, ObjectMissing, ObjectCorrupt, SourceUnreadable.
        """
        ...

    def reader(self) -> AbstractContextManager[ManyBlobReader]:
        """Reads objects by id. For a folder: those of the last snapshot taken."""
        ...

    def reader_spec(self) -> ReaderSpec:
        """What another process needs to read the same objects."""
        ...

    def changed_files(self, snapshot: Snapshot) -> ChangedFiles:
        """How the working tree differs from `snapshot`; empty where there is no working tree."""
        ...

    def commits(self, tip: str, known: Collection[str]) -> Iterator[CommitRecord]:
        """The commits reachable from `tip` but not from any in `known`, oldest first."""
        ...

    def changes(self, tip: str, known: Collection[str]) -> Iterator[Change]:
        """The same commits, parents before children, with the blobs they changed: without symbols, so a whole
        history takes seconds.

        Raises ObjectMissing, ObjectCorrupt.
        """
        ...

    def differences(self, commits: Sequence[str]) -> Iterator[list[ChangedFile]]:
        """For each commit but the first, how its tree differs from that of the one before it.

        Raises ObjectMissing, ObjectCorrupt.
        """
        ...

    def steps(self, commits: Sequence[str]) -> Iterator[SnapshotStep]:
        """From the snapshot of each commit to that of the next, at the cost of what changed.

        Raises ObjectMissing, ObjectCorrupt.
        """
        ...

    def ancestors(self, tip: str) -> list[str]:
        """`tip` and all commits reachable from it, newest first."""
        ...

    def touches(self, commits: Sequence[str], paths: Sequence[str]) -> Iterator[Touch]:
        """How each of these commits changed these files; those that change none, and merges, are left out."""
        ...

    def tags(self) -> tuple[Tag, ...]:
        """The tags that name commits, oldest first."""
        ...

    def without(self, tip: str, excluded: Sequence[str]) -> frozenset[str]:
        """The commits reachable from `tip` but not from any in `excluded`."""
        ...

    def commit_at(self, time: int) -> str:
        """The commit that HEAD's branch was at, at `time` (seconds since the epoch).

        Raises RevisionNotFound where there was none.
        """
        ...

    def grep(
        self,
        pattern: str,
        *,
        commit: str,
        paths: Sequence[str],
        ignore_case: bool,
        timeout_s: float,
        max_matches: int,
    ) -> Iterator[GrepMatch]:
        """Lines that match a POSIX extended regular expression, in path order, at most `max_matches`.

        `paths` are files or folders, none means everywhere. Raises InputError for a pattern that is none,
        LimitExceeded when `timeout_s` is over.
        """
        ...

    def match_words(
        self, words: Sequence[str], *, commit: str, paths: Sequence[str]
    ) -> Mapping[str, WordMatch]:
        """Which of these files at `commit` hold any of the words, whole and in either case, by `git grep`.

        Raises InputError for what is no word, ObjectMissing.
        """
        ...

    def permalink(self, *, commit: str, path: str, start_line: int, end_line: int) -> str | None:
        """A web address of these lines at this commit, where the host is known."""
        ...


def open_reader(spec: ReaderSpec) -> AbstractContextManager[ManyBlobReader]:
    """The reader that `spec` stands for, in whichever process this is."""
    return spec.open()
