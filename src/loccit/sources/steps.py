"""The files of many commits, one commit after the other: each costs what changed since the one before it.

They are those of a snapshot of each commit: the same ones are left out, and each has the same role, by the
rules that stand in the commit's own tree.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from itertools import islice

from loccit.core.source import FileEntry, FileMode, SnapshotStep, path_text
from loccit.sources.attributes import GITATTRIBUTES
from loccit.sources.changes import RawEntry, read_raw_differences
from loccit.sources.git import GitView
from loccit.sources.ignore import LOCCITIGNORE
from loccit.sources.listing import TreeFile, judged, list_tree, rules_of

# How many commits go by between two questions to git about the sizes of new blobs.
_COMMITS_AT_ONCE = 200
_NO_FILE = b"000000"


def read_steps(
    view: GitView,
    commits: Sequence[str],
    *,
    read: Callable[[TreeFile], bytes | None],
    max_file_bytes: int,
) -> Generator[SnapshotStep]:
    """What the snapshot of each commit has otherwise than that of the one before it.

    `read` gives the content of ignore and attributes files, None for one that cannot be read. Raises
    ObjectMissing, ObjectCorrupt.
    """
    if not commits:
        return
    tree = _Tree(list_tree(view, commits[0]), read, max_file_bytes)
    yield SnapshotStep(commits[0], tuple(tree.entries.values()), ())
    with closing(read_raw_differences(view, commits)) as differences:
        for start in range(1, len(commits), _COMMITS_AT_ONCE):
            batch = list(islice(differences, _COMMITS_AT_ONCE))
            sizes = _sizes(view, batch)
            for commit, changed in zip(commits[start : start + _COMMITS_AT_ONCE], batch, strict=True):
                yield tree.moved_to(commit, {path_text(path): _file(e, path, sizes) for e, path in changed})


class _Tree:
    """The files of the commit that we are at, and what a snapshot shows of them by path."""

    def __init__(
        self, files: Iterable[TreeFile], read: Callable[[TreeFile], bytes | None], max_file_bytes: int
    ) -> None:
        self._files = {file.path: file for file in files}
        self._read = read
        self._max_file_bytes = max_file_bytes
        self._judge()

    def moved_to(self, commit: str, changed: dict[str, TreeFile | None]) -> SnapshotStep:
        """Take these files in, None for those that are gone."""
        for path, file in changed.items():
            if file is None:
                self._files.pop(path, None)
            else:
                self._files[path] = file
        if any(path.rpartition("/")[2] in (LOCCITIGNORE, GITATTRIBUTES) for path in changed):
            before = self.entries
            self._judge()
            entries = [e for path, e in self.entries.items() if before.get(path) != e]
            return SnapshotStep(commit, tuple(entries), tuple(before.keys() - self.entries.keys()))
        shown = {path: self._shown(file) for path, file in changed.items()}
        gone = tuple(path for path, e in shown.items() if e is None and self.entries.pop(path, None))
        new = {path: entry for path, entry in shown.items() if entry is not None}
        self.entries |= new
        return SnapshotStep(commit, tuple(new.values()), gone)

    def _judge(self) -> None:
        """Look at every file anew: the rules have changed."""
        self._rules, self._attributes = rules_of(self._files.values(), self._read)
        shown = map(self._shown, self._files.values())
        self.entries = {entry.path: entry for entry in shown if entry is not None}

    def _shown(self, file: TreeFile | None) -> FileEntry | None:
        if file is None:
            return None
        found = judged(file, self._rules, self._attributes, max_file_bytes=self._max_file_bytes)
        return found if isinstance(found, FileEntry) else None


def _file(entry: bytes, path: bytes, sizes: dict[str, int]) -> TreeFile | None:
    _, mode, _, blob, _ = entry.split(b" ")
    if mode == _NO_FILE:
        return None
    name = blob.decode("ascii")
    return TreeFile(path_text(path), name, sizes.get(name), FileMode(mode.decode("ascii")))


def _sizes(view: GitView, batch: Iterable[Sequence[RawEntry]]) -> dict[str, int]:
    """The bytes of each blob that these differences bring, as far as it is there."""
    blobs = {entry.split(b" ")[3]: None for entries in batch for entry, _ in entries}
    asked = b"".join(blob + b"\n" for blob in blobs)
    told = view.run("cat-file", "--batch-check=%(objectsize) %(objectname)", stdin=asked).stdout
    rows = (line.split(b" ") for line in told.split(b"\n"))
    return {row[1].decode("ascii"): int(row[0]) for row in rows if row[0].isdigit() and len(row) == 2}
