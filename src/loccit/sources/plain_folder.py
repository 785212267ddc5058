"""A folder that is no repository: its files as they are now, under the tree id that git would give them."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from loccit.core.errors import LimitExceeded, ObjectMissing, RevisionNotFound, SourceUnreadable
from loccit.core.progress import Progress
from loccit.core.source import (
    Change,
    ChangedFile,
    CommitRecord,
    FileMode,
    GitObject,
    Snapshot,
    SnapshotStep,
    Tag,
    Touch,
    path_bytes,
)
from loccit.sources.files import read_below
from loccit.sources.folder_walk import ID_LENGTH, opened_folder, walk_folder
from loccit.sources.git_config import unreadable
from loccit.sources.home_files import make_folder, replace_file
from loccit.sources.listing import TreeFile, sort_out
from loccit.sources.names import key_of, name_from_folder
from loccit.sources.options import SourceOptions
from loccit.sources.reader import object_id
from loccit.sources.repository import ChangedFiles, GrepMatch, WordMatch
from loccit.sources.stat_cache import StatCache
from loccit.sources.trees import build_trees

_MAX_RULES_BYTES = 1_000_000
# Tables of earlier snapshots that are kept for readers which may still be at work on them.
_KEPT_TABLES = 4

# Path, mode and blob of every file, symlink and submodule.
_Table = list[tuple[str, FileMode, str]]


@dataclass(frozen=True, slots=True)
class FolderReaderSpec:
    """What another process needs to read one snapshot: `table` is a file of ours that lists its files."""

    folder: str
    table: str
    max_object_bytes: int

    def open(self) -> FolderReader:
        """A reader of its own."""
        return FolderReader(
            Path(self.folder), load_table(Path(self.table)), max_object_bytes=self.max_object_bytes
        )


class FolderReader:
    """Reads the files of one snapshot by blob id, and their trees, which are made from the list of files."""

    def __init__(self, folder: Path, table: _Table, *, max_object_bytes: int) -> None:
        self._folder = folder
        self._table = table
        self._limit = max_object_bytes
        self._places = {blob: (path, mode) for path, mode, blob in table if mode is not FileMode.SUBMODULE}
        self._trees: dict[str, bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def read(self, object_id: str) -> GitObject:
        """The object with this full id.

        Raises ObjectMissing, SourceUnreadable when the file has changed since, LimitExceeded when it is too
        big to load.
        """
        place = self._places.get(object_id)
        if place is not None:
            return GitObject("blob", self._content(object_id, *place))
        if self._trees is None:
            _, self._trees = build_trees((path_bytes(path), mode, blob) for path, mode, blob in self._table)
        if object_id not in self._trees:
            raise ObjectMissing(
                f"no object {object_id!r} in {str(self._folder)!r} as it was indexed",
                next_step="index the folder again",
            )
        return GitObject("tree", self._trees[object_id])

    def read_many(self, ids: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Each id with its content, in the order given.

        Raises like `read` at the first that cannot be read.
        """
        for wanted in ids:
            yield wanted, self.read(wanted).data

    def _content(self, blob: str, path: str, mode: FileMode) -> bytes:
        try:
            if mode is FileMode.SYMLINK:
                data = os.fsencode((self._folder / path).readlink())
            else:
                with opened_folder(self._folder) as root:
                    data = read_below(root, path_bytes(path), limit=self._limit + 1)
        except FileNotFoundError:
            data = b""
        except OSError as error:
            raise unreadable(self._folder / path, error) from error
        if len(data) > self._limit:
            raise LimitExceeded(f"size of {path!r} in bytes", len(data), self._limit)
        if object_id("blob", data, id_length=ID_LENGTH) != blob:
            raise SourceUnreadable(
                f"{path!r} in {str(self._folder)!r} is not what it was when it was indexed",
                next_step="index the folder again",
            )
        return data


class PlainFolder:
    """A folder without history. See `Repository` for what each method promises."""

    is_git = False
    has_working_tree = False

    def __init__(self, folder: Path, *, home: Path, options: SourceOptions) -> None:
        self._folder = folder
        self._options = options
        self._home = home
        self.location = str(folder)
        self.key = key_of(self.location)
        self.name = name_from_folder(folder)
        self._ours = home / "repositories" / self.key
        self._table: tuple[str, _Table] | None = None

    def refresh(self, progress: Progress) -> None:
        """Forgets the last snapshot: the next question takes another."""
        self._table = None

    def resolve(self, rev: str | None = None) -> str:
        """The tree id of the folder as it is now.

        A `rev` is accepted only if it is that id. Raises RevisionNotFound.
        """
        return self.snapshot(rev).tree

    def snapshot(self, rev: str | None = None) -> Snapshot:
        """The files as they are now.

        Raises RevisionNotFound for a `rev` that is not the tree id they have.
        """
        cache = StatCache(self._ours / "folder.json")
        found = walk_folder(self._folder, cache)
        found.files.sort(key=lambda file: path_bytes(file.path))
        table = [(file.path, file.mode, file.blob) for file in found.files]
        tree, _ = build_trees((path_bytes(path), mode, blob) for path, mode, blob in table)
        if rev is not None and rev not in {"HEAD", tree}:
            raise RevisionNotFound(
                f"{self.name!r} has no revision {rev!r}: it is a plain folder, now {tree}",
                next_step="leave the revision out, or run 'git init' and commit to keep a history",
            )
        cache.save()
        self._table = (tree, table)
        entries, skipped = sort_out(
            found.files, read=self._rules_text, max_file_bytes=self._options.max_file_bytes
        )
        left_out = sorted([*skipped, *found.unreadable], key=lambda file: path_bytes(file.path))
        return Snapshot(
            repo=self.name,
            commit=None,
            tree=tree,
            committed_at=None,
            entries=entries,
            skipped=tuple(left_out),
        )

    def reader(self) -> FolderReader:
        """Reads the files of the last snapshot taken by this object, or else of one taken now."""
        _, table = self._last()
        return FolderReader(self._folder, table, max_object_bytes=self._options.max_object_bytes)

    def reader_spec(self) -> FolderReaderSpec:
        """What another process needs to read the same files."""
        tree, table = self._last()
        file = self._ours / "tables" / f"{tree}.json"
        _save_table(file, table)
        return FolderReaderSpec(self.location, str(file), self._options.max_object_bytes)

    def changed_files(self, snapshot: Snapshot) -> ChangedFiles:
        """Nothing: there is no commit that the folder could differ from."""
        return ChangedFiles()

    def commits(self, tip: str, known: Collection[str]) -> Iterator[CommitRecord]:
        """Nothing: a folder has no history."""
        return iter(())

    def changes(self, tip: str, known: Collection[str]) -> Iterator[Change]:
        """Nothing: a folder has no history."""
        return iter(())

    def differences(self, commits: Sequence[str]) -> Iterator[list[ChangedFile]]:
        """Nothing: a folder has no history."""
        return iter(())

    def steps(self, commits: Sequence[str]) -> Iterator[SnapshotStep]:
        """Nothing: a folder has no history."""
        return iter(())

    def touches(self, commits: Sequence[str], paths: Sequence[str]) -> Iterator[Touch]:
        """Nothing: a folder has no history."""
        return iter(())

    def tags(self) -> tuple[Tag, ...]:
        """Nothing: a folder has no history."""
        return ()

    def without(self, tip: str, excluded: Sequence[str]) -> frozenset[str]:
        """Nothing: a folder has no history."""
        return frozenset()

    def commit_at(self, time: int) -> str:
        """Raises RevisionNotFound: a folder is as it is now."""
        raise RevisionNotFound(
            f"{self.name!r} is a plain folder and has no past", next_step="leave the date out"
        )

    def ancestors(self, tip: str) -> list[str]:
        """Nothing: a folder has no history."""
        return []

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
        """Matching lines; `commit` is the tree id.

        Raises RevisionNotFound unless the folder still has that id.
        """
        from loccit.sources.grep import GrepQuestion, grep_folder
        from loccit.sources.view import prepare_git_dir

        if self._last()[0] != commit:
            self.snapshot(commit)
        _, table = self._last()
        git_dir = self._ours / "git"
        prepare_git_dir(git_dir, id_length=ID_LENGTH)
        blobs = {path_bytes(path): blob for path, mode, blob in table if mode not in _NOT_SEARCHED}
        question = GrepQuestion(pattern, paths, ignore_case, timeout_s, max_matches)
        return grep_folder(self._folder, git_dir, self.reader(), blobs, question)

    def match_words(self, words: Sequence[str], *, commit: str, paths: Sequence[str]) -> dict[str, WordMatch]:
        """A folder has no commit to search."""
        return {}

    def permalink(self, *, commit: str, path: str, start_line: int, end_line: int) -> str | None:
        """None: nobody else can look at this folder."""
        return None

    def _last(self) -> tuple[str, _Table]:
        if self._table is None:
            self.snapshot()
        assert self._table is not None  # noqa: S101  # a snapshot leaves one
        return self._table

    def _rules_text(self, file: TreeFile) -> bytes | None:
        if file.size is None or file.size > _MAX_RULES_BYTES:
            return None
        try:
            with opened_folder(self._folder) as root:
                return read_below(root, path_bytes(file.path), limit=_MAX_RULES_BYTES)
        except OSError:
            return None


_NOT_SEARCHED = frozenset({FileMode.SYMLINK, FileMode.SUBMODULE})


def _save_table(file: Path, table: _Table) -> None:
    make_folder(file.parent)
    if not file.exists():
        replace_file(file, json.dumps(table, separators=(",", ":")).encode("ascii"))
    tables = sorted(file.parent.glob("*.json"), key=lambda path: path.stat().st_mtime)
    for old in tables[:-_KEPT_TABLES]:
        if old != file:
            old.unlink(missing_ok=True)


def load_table(file: Path) -> _Table:
    """The list of files that a snapshot left behind. Raises SourceUnreadable when it is gone."""
    try:
        rows = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise SourceUnreadable(
            f"the list of files {str(file)!r} cannot be read: {error}", next_step="index the folder again"
        ) from error
    return [(path, FileMode(mode), blob) for path, mode, blob in rows]
