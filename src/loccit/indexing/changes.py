"""Which commit changed which files: the whole history as arrays, and what of it a past moment could know.

Commits stand parents before children, in the order they came to be known; paths are numbered. A table may
hold commits that no branch reaches any more: what a moment knows are its ancestors, nothing else. The table
of a shallow clone knows no more than that: when the clone is deepened it is to be made anew.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt

from loccit.core.source import Change, ChangedFile, path_bytes, path_text
from loccit.indexing.arrays import Array, broken, read_arrays, write_arrays

FORMAT = 1
Int64 = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

# A commit that touches more files than this says nothing about any of them; a merge tells none.
MOST_FILES = 200
_FIX = re.compile(
    r"\b(?:fix(?:e[sd]|ing)?|bug(?:s|fix(?:es)?)?|resolve[sd]?|regression|crash(?:e[sd])?|closes?|correct(?:ed|s)?)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class ChangeTable:
    """The changes of a history.

    `commits` are full ids, `times` in seconds since the epoch. Commit c has the parents
    `parents[parent_at[c] : parent_at[c + 1]]` (numbers; those that are not in the table are left out) and
    changed the paths `changed[changed_at[c] : changed_at[c + 1]]`, none where it changed more than
    MOST_FILES. `renames` has a row per renamed file: commit, old path, new path, in order of commit.
    """

    commits: Sequence[str]
    times: Int64
    is_fix: Booleans
    parent_at: Int64
    parents: Int64
    changed_at: Int64
    changed: Int64
    paths: Sequence[str]
    renames: Int64

    def __len__(self) -> int:
        """The number of commits."""
        return len(self.commits)

    @cached_property
    def number_of(self) -> Mapping[str, int]:
        """Each commit's number."""
        return {commit: number for number, commit in enumerate(self.commits)}

    @cached_property
    def changed_by(self) -> Int64:
        """Parallel to `changed`: the commit."""
        return np.repeat(np.arange(len(self.commits)), np.diff(self.changed_at))

    def tips(self) -> list[str]:
        """The commits that are no parent of any other here."""
        is_parent = np.zeros(len(self), dtype=bool)
        is_parent[self.parents] = True
        return [self.commits[number] for number in np.flatnonzero(~is_parent).tolist()]

    def past_of(self, commits: Collection[str]) -> dict[str, Booleans]:
        """For each of these commits, which commits lead to it, itself included.

        Commits that are not in the table know nothing of it.
        """
        return {commit: _unpacked(bits, len(self)) for commit, bits in self._pasts(commits)}

    def common_past(self, commits: Collection[str]) -> Booleans:
        """Which commits lead to every one of these; none to a commit that is not in the table."""
        if not commits or any(commit not in self.number_of for commit in commits):
            return np.zeros(len(self), dtype=bool)
        common = (1 << len(self)) - 1
        for _, bits in self._pasts(commits):
            common &= bits
        return _unpacked(common, len(self))

    def _pasts(self, commits: Collection[str]) -> Iterator[tuple[str, int]]:
        """Each of these commits with what leads to it: bit c says whether commit c does."""
        wanted = {self.number_of[c]: c for c in commits if c in self.number_of}
        if not wanted:
            return
        last = max(wanted) + 1
        starts, parents = _listed(self.parent_at), _listed(self.parents)
        # A set of ancestors is a number whose bit c says whether commit c is one. It is let go of once all
        # that rest on it are made.
        left = _listed(np.bincount(self.parents[: starts[last]], minlength=len(self)))
        known: dict[int, int] = {}
        for number in range(last):
            bits = 1 << number
            for parent in parents[starts[number] : starts[number + 1]]:
                bits |= known[parent]
                left[parent] -= 1
                if not left[parent]:
                    del known[parent]
            if left[number]:
                known[number] = bits
            if number in wanted:
                yield wanted[number], bits

    def files_now(self, is_past: Booleans, paths: Sequence[str]) -> Int64:
        """For each path of the table, the number of the file of `paths` that it is now; -1 where it is gone.

        A path that is there is itself. One that is not there went where its last file was moved by commits
        that are past, and on from there.
        """
        now = np.full(len(self.paths), -1, dtype=np.int64)
        for number, path in enumerate(paths):
            known = self._number_of_path.get(path)
            if known is not None:
                now[known] = number
        # Going backwards, `place` says of a name where the file that bore it at that time is in the end.
        place: dict[int, int] = {}
        last: dict[int, int] = {}
        renames = self._renames_backwards
        moves = renames[is_past[renames[:, 0]], 1:]
        for old, new in zip(_listed(moves[:, 0]), _listed(moves[:, 1]), strict=True):
            place[old] = place.get(new, new)
            last.setdefault(old, place[old])
        here = now.copy()
        for old, new in last.items():
            if here[old] < 0:
                now[old] = here[new]
        return now

    @cached_property
    def _number_of_path(self) -> Mapping[str, int]:
        return {path: number for number, path in enumerate(self.paths)}

    @cached_property
    def _renames_backwards(self) -> Int64:
        """The renames, children before parents.

        Of commits that do not lead to each other the younger one is first. The order of two commits hangs on
        nothing but what leads to them, so that commits yet to come, or to be known, cannot change it.
        """
        starts, parents, times = _listed(self.parent_at), _listed(self.parents), _listed(self.times)
        # A child that says it is older than its parents is as young as they are, one step further on.
        steps: list[tuple[int, int]] = []
        for number, time in enumerate(times):
            before = [steps[parent] for parent in parents[starts[number] : starts[number + 1]]]
            latest = max([time, *(stamp for stamp, _ in before)])
            steps.append((latest, 1 + max((step for _, step in before), default=0)))
        rows = cast("list[list[int]]", self.renames.tolist())
        rows.sort(key=lambda row: (*steps[row[0]], self.commits[row[0]]), reverse=True)
        return np.array(rows, dtype=np.int64).reshape(-1, 3)


def build_table(changes: Iterable[Change], known: ChangeTable | None = None) -> ChangeTable:
    """The table of `known` and, after it, these changes: parents come before their children."""
    draft = _Draft(known)
    for change in changes:
        draft.add(change)
    return draft.table()


def write_table(path: Path, table: ChangeTable) -> None:
    """Keep the table at `path`. Raises StorageFailed."""
    width = len(table.commits[0]) // 2 if table.commits else 20
    text = b"".join(path_bytes(p) + b"\0" for p in table.paths)
    arrays: dict[str, Array] = {
        "commits": np.frombuffer(bytes.fromhex("".join(table.commits)), dtype=np.uint8),
        "times": table.times,
        "is_fix": table.is_fix.astype(np.uint8),
        "parent_at": table.parent_at.astype(np.uint32),
        "parents": table.parents.astype(np.uint32),
        "changed_at": table.changed_at.astype(np.uint32),
        "changed": table.changed.astype(np.uint32),
        "paths": np.frombuffer(text, dtype=np.uint8),
        "renames": table.renames.astype(np.uint32),
    }
    write_arrays(path, {"format": FORMAT, "id_bytes": width}, arrays)


def read_table(path: Path) -> ChangeTable | None:
    """The table at `path`; None where there is none, or one of another format: it is made again from the
    repository. Raises IndexBroken for a damaged one.
    """
    if not path.exists():
        return None
    meta, arrays = read_arrays(path)
    if meta.get("format") != FORMAT:
        return None
    try:
        step = 2 * int(meta["id_bytes"])
        ids = arrays["commits"].tobytes().hex()
        return ChangeTable(
            commits=[ids[i : i + step] for i in range(0, len(ids), step)],
            times=arrays["times"].astype(np.int64),
            is_fix=arrays["is_fix"].astype(bool),
            parent_at=arrays["parent_at"].astype(np.int64),
            parents=arrays["parents"].astype(np.int64),
            changed_at=arrays["changed_at"].astype(np.int64),
            changed=arrays["changed"].astype(np.int64),
            paths=[path_text(p) for p in arrays["paths"].tobytes().split(b"\0")[:-1]],
            renames=arrays["renames"].astype(np.int64).reshape(-1, 3),
        )
    except KeyError as error:
        raise broken(path, f"it has no {error}") from error


def is_fix(message: str) -> bool:
    """Whether a commit's subject says that it mends something."""
    return bool(_FIX.search(message.partition("\n")[0]))


def renamed(files: Sequence[ChangedFile]) -> list[tuple[str, str]]:
    """Old and new path of the files that a commit moved: the same content, or else the same name elsewhere.

    Where several places could be meant, none is.
    """
    gone = [file for file in files if file.old_blob is not None and file.new_blob is None]
    new = [file for file in files if file.old_blob is None and file.new_blob is not None]
    if not gone or not new or max(len(gone), len(new)) > MOST_FILES * 10:
        return []
    times = Counter(file.new_blob for file in new)
    by_blob = {file.new_blob: file.path for file in new if times[file.new_blob] == 1}
    pairs = [(file.path, by_blob[file.old_blob]) for file in gone if file.old_blob in by_blob]
    moved, taken = {old for old, _ in pairs}, {path for _, path in pairs}
    left = [file.path for file in gone if file.path not in moved]
    free = [file.path for file in new if file.path not in taken]
    counts, free_counts = Counter(map(_name, left)), Counter(map(_name, free))
    by_name = {_name(path): path for path in free if free_counts[_name(path)] == 1}
    # A name that stands on both sides once says where the file went.
    return pairs + [(p, by_name[_name(p)]) for p in left if counts[_name(p)] == 1 and _name(p) in by_name]


def _name(path: str) -> str:
    name = path[path.rfind("/") + 1 :]
    # Every package has one of these.
    return path if name in {"__init__.py", "index.js", "index.ts", "mod.rs"} else name


def _listed(numbers: Int64) -> list[int]:
    return cast("list[int]", numbers.tolist())


def _unpacked(bits: int, size: int) -> Booleans:
    packed = np.frombuffer(bits.to_bytes((size + 7) // 8, "little"), dtype=np.uint8)
    return np.unpackbits(packed, bitorder="little")[:size].astype(bool)


_NOTHING: Int64 = np.zeros(0, dtype=np.int64)
_EMPTY = ChangeTable(
    commits=(),
    times=_NOTHING,
    is_fix=np.zeros(0, dtype=bool),
    parent_at=np.zeros(1, dtype=np.int64),
    parents=_NOTHING,
    changed_at=np.zeros(1, dtype=np.int64),
    changed=_NOTHING,
    paths=(),
    renames=_NOTHING.reshape(-1, 3),
)


class _Draft:
    """A table that is being added to."""

    def __init__(self, known: ChangeTable | None) -> None:
        known = known or _EMPTY
        self.commits = list(known.commits)
        self.times = _listed(known.times)
        self.is_fix = cast("list[bool]", known.is_fix.tolist())
        self.parent_at = _listed(known.parent_at)
        self.parents = _listed(known.parents)
        self.changed_at = _listed(known.changed_at)
        self.changed = _listed(known.changed)
        self.paths = {path: number for number, path in enumerate(known.paths)}
        self.renames = cast("list[list[int]]", known.renames.tolist())
        self.numbers = dict(known.number_of)

    def add(self, change: Change) -> None:
        if change.commit in self.numbers:
            return
        number = self.numbers[change.commit] = len(self.commits)
        self.commits.append(change.commit)
        self.times.append(change.time)
        self.is_fix.append(is_fix(change.message))
        self.parents += [self.numbers[parent] for parent in change.parents if parent in self.numbers]
        self.parent_at.append(len(self.parents))
        if len(change.files) <= MOST_FILES:
            self.changed += [self._path(file.path) for file in change.files]
        self.changed_at.append(len(self.changed))
        self.renames += [[number, self._path(old), self._path(new)] for old, new in renamed(change.files)]

    def _path(self, path: str) -> int:
        return self.paths.setdefault(path, len(self.paths))

    def table(self) -> ChangeTable:
        return ChangeTable(
            commits=self.commits,
            times=np.array(self.times, dtype=np.int64),
            is_fix=np.array(self.is_fix, dtype=bool),
            parent_at=np.array(self.parent_at, dtype=np.int64),
            parents=np.array(self.parents, dtype=np.int64),
            changed_at=np.array(self.changed_at, dtype=np.int64),
            changed=np.array(self.changed, dtype=np.int64),
            paths=list(self.paths),
            renames=np.array(self.renames, dtype=np.int64).reshape(-1, 3),
        )
