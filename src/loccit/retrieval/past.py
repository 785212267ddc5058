"""The past of a repository as ranking sees it: which commits came before a moment, and which of today's files
they changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from loccit.indexing.arrays import distinct
from loccit.indexing.changes import ChangeTable
from loccit.indexing.view import SnapshotView

Int64 = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Past:
    """What came before a commit, laid over the files of that commit.

    `commits` are the commits' messages, searchable; `is_past` says of each of its documents whether it came
    before, and for those that did `times` says when (seconds since the epoch) and `is_fix` whether the
    message says that it fixes something: of the others they say 0 and False. The changes are parallel
    arrays: document `changed_by[i]` changed file `changed[i]`, by its number in the files' view, each pair
    once and in order; renames are followed. `now` is the moment itself, 0 where nothing is known of it.
    `file_of_path` gives the file that each of `paths`, which are all that ever were, is now; -1 where it is
    gone.
    """

    commits: SnapshotView
    is_past: Booleans
    times: Int64
    is_fix: Booleans
    changed_by: Int64
    changed: Int64
    now: int
    paths: Sequence[str]
    file_of_path: Int64

    @cached_property
    def changes_at(self) -> Int64:
        """Where each document's changes begin: they stand document after document."""
        return np.searchsorted(self.changed_by, np.arange(len(self.commits) + 1)).astype(np.int64)

    def commit(self, document: int) -> str:
        """The full id of a commit by its document."""
        return self.commits.files.blobs[int(self.commits.first_file[self.commits.record_of[document]])]

    def changing(self, file: int) -> Int64:
        """The documents that changed a file, rising."""
        documents, files = self._by_file
        first, last = np.searchsorted(files, [file, file + 1])
        return documents[first:last]

    def commits_changing(self, files: Iterable[int]) -> list[str]:
        """The full ids of the commits that changed any of these files, newest first."""
        documents = sorted({document for file in files for document in self.changing(file).tolist()})
        # The table of a history is newest first, and a commit is a record of one document.
        places: list[int] = self.commits.first_file[self.commits.record_of[documents]].tolist()
        return [self.commits.files.blobs[place] for place in sorted(places)]

    @cached_property
    def _by_file(self) -> tuple[Int64, Int64]:
        """The changing documents and the files that they changed, file after file."""
        order = np.argsort(self.changed, kind="stable")
        return self.changed_by[order], self.changed[order]

    @cached_property
    def width(self) -> Int64:
        """How many of the files each document changed."""
        return np.bincount(self.changed_by, minlength=len(self.commits)).astype(np.int64)


def past_at(
    table: ChangeTable, commits: SnapshotView, is_past: Booleans, commit: str, view: SnapshotView
) -> Past:
    """What the ancestors in `is_past` (a truth per commit of the table) say about the files of `view`.

    `commits` are the searchable messages; those that the table does not have count as not past.
    """
    number_of_document = _document_numbers(table, commits)
    in_past = number_of_document >= 0
    in_past[in_past] = is_past[number_of_document[in_past]]
    numbers = number_of_document[in_past]
    document_of = np.full(len(table), -1, dtype=np.int64)
    document_of[numbers] = np.flatnonzero(in_past)
    times = np.zeros(len(commits), dtype=np.int64)
    is_fix = np.zeros(len(commits), dtype=bool)
    times[in_past], is_fix[in_past] = table.times[numbers], table.is_fix[numbers]
    documents = document_of[table.changed_by]
    file_of_path = table.files_now(is_past, view.files.paths)
    files = file_of_path[table.changed]
    counted = (files >= 0) & (documents >= 0)
    # A commit that moves a file changes two paths, and one file.
    n_files = max(1, len(view.files.paths))
    changed_by, changed = np.divmod(distinct(documents[counted] * n_files + files[counted]), n_files)
    known = table.number_of.get(commit)
    now = int(times.max(initial=0)) if known is None else int(table.times[known])
    return Past(commits, in_past, times, is_fix, changed_by, changed, now, table.paths, file_of_path)


def _document_numbers(table: ChangeTable, commits: SnapshotView) -> Int64:
    """For each searchable commit, its number in the table; -1 where it is not there."""
    # The table is kept with its numbers: another one could be made at its address.
    kept = commits.kept(("commits by table", id(table)), lambda: (table, _numbered(table, commits)))
    return kept[1]


def _numbered(table: ChangeTable, commits: SnapshotView) -> Int64:
    numbers = np.full(len(commits), -1, dtype=np.int64)
    # A commit is a record of one document.
    document_of_record = np.empty(commits.records, dtype=np.int64)
    document_of_record[commits.record_of] = np.arange(len(commits))
    documents = document_of_record[commits.record_of_file]
    numbers[documents] = [table.number_of.get(commit, -1) for commit in commits.files.blobs]
    return numbers
