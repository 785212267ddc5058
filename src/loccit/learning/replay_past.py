"""The repository as it was: for any commit of the past its source files, searchable, and what came before it.

Every blob is parsed once, whatever commits hold it: going from one past commit to the next costs what
changed. Cases are replayed in blocks, so that memory holds the versions of some commits, never of all.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from loccit.core.errors import IndexBroken
from loccit.core.progress import Progress, silent
from loccit.core.source import FileEntry, FileRole, SnapshotStep, path_bytes
from loccit.indexing.blob_cache import BlobCache, cache_key
from loccit.indexing.changes import ChangeTable
from loccit.indexing.lexical import FileRecord, decode
from loccit.indexing.paths import index_paths
from loccit.indexing.segment import Segment, as_keys, build_segment, open_segment
from loccit.indexing.shard import fitting
from loccit.indexing.view import ROLES, FileTable, SnapshotView
from loccit.parsing import PARSER_VERSION, ParsingOptions, language_of
from loccit.pipeline.analyse import Job, analyse
from loccit.retrieval.mentions import PathEndings, endings_of
from loccit.retrieval.past import Past, past_at
from loccit.sources import Repository

# One block: so many commits, or as many as have so many bytes of distinct files together.
_BLOCK_COMMITS = 100
_BLOCK_BYTES = 40_000_000
# For so many commits at once it is found out what leads to them: a byte each per commit of the history.
_PASTS_AT_ONCE = 500

Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Moment:
    """A commit of the past: its source files, and what came before it (the commit itself included)."""

    commit: str
    view: SnapshotView
    past: Past


class _Version(NamedTuple):
    """A file at a commit: its blob and the key of its record."""

    blob: str
    key: bytes
    size: int


# A commit with its source files by path.
_Tree = tuple[str, Mapping[str, _Version]]


@dataclass(frozen=True, slots=True)
class Replay:
    """The parts that going back needs.

    `commits` are the searchable messages of the history. `workers` is a number of processes that parse, 0 for
    one per core.
    """

    repository: Repository
    cache: BlobCache
    parsing: ParsingOptions
    workers: int
    table: ChangeTable
    commits: SnapshotView
    progress: Progress = silent

    def moments(self, commits: Sequence[str]) -> Iterator[Moment]:
        """Each of these commits, in the order given: best when neighbours are close in history.

        A file whose blob cannot be read is left out. Of a commit that the table does not have nothing is
        known to have come before. A plain folder has no such moments. Raises ObjectMissing, ObjectCorrupt,
        IndexBroken, StorageFailed.
        """
        pasts = self._pasts(commits)
        known = _Paths()
        done = 0
        with closing(self._trees(commits)) as trees:
            for block in _blocks(trees):
                with TemporaryDirectory(prefix="loccit-replay-") as folder:
                    segments = _segments(Path(folder), self._records(block))
                for (commit, files), is_past in zip(block, pasts, strict=False):
                    view = _view(files, segments, known)
                    yield Moment(commit, view, past_at(self.table, self.commits, is_past, commit, view))
                    done += 1
                    self.progress("replaying the past", done, len(commits), "commits")

    def _pasts(self, commits: Sequence[str]) -> Iterator[Booleans]:
        """For each commit, which commits of the table lead to it."""
        nothing = np.zeros(len(self.table), dtype=bool)
        for start in range(0, len(commits), _PASTS_AT_ONCE):
            batch = commits[start : start + _PASTS_AT_ONCE]
            known = self.table.past_of(batch)
            yield from (known.get(commit, nothing) for commit in batch)

    def _trees(self, commits: Sequence[str]) -> Generator[_Tree]:
        files: dict[str, _Version] = {}
        for step in self.repository.steps(commits):
            self._take(files, step)
            yield step.commit, dict(files)

    def _take(self, files: dict[str, _Version], step: SnapshotStep) -> None:
        for path in step.gone:
            files.pop(path, None)
        for entry in step.entries:
            if entry.role is FileRole.SOURCE:
                files[entry.path] = _Version(entry.blob, self._key(entry), entry.size)
            else:
                files.pop(entry.path, None)

    def _key(self, entry: FileEntry) -> bytes:
        return cache_key(entry.blob, language_of(entry.path), f"{PARSER_VERSION} {self.parsing}")

    def _records(self, block: Iterable[_Tree]) -> dict[bytes, FileRecord]:
        """The records of every version in the block; parsed and cached where no cache holds them."""
        jobs: dict[bytes, Job] = {}
        for _, files in block:
            for path, (blob, key, size) in files.items():
                if key not in jobs:
                    jobs[key] = Job(key, blob, language_of(path), size)
        records: dict[bytes, FileRecord] = {}
        for key, data in self.cache.get(list(jobs)):
            try:
                records[key] = decode(data)
            except IndexBroken:
                continue  # a damaged record costs what one that is not there costs: it is parsed again
        missing = [job for key, job in jobs.items() if key not in records]
        for batch in analyse(missing, self.repository.reader_spec(), self.parsing, self.workers):
            self.cache.put(batch.records)
            records |= {key: decode(data) for key, data in batch.records}
        return records


def _blocks(trees: Iterable[_Tree]) -> Iterator[list[_Tree]]:
    """Runs of commits that are searched together. A commit that has more than a block's bytes is one of its
    own, with as much again for its neighbours.
    """
    block: list[_Tree] = []
    sizes: dict[bytes, int] = {}
    most = 0
    for tree in trees:
        new = {version.key: version.size for version in tree[1].values() if version.key not in sizes}
        if block and (len(block) == _BLOCK_COMMITS or sum(sizes.values()) + sum(new.values()) > most):
            yield block
            block, sizes = [], {}
            new = {version.key: version.size for version in tree[1].values()}
        if not block:
            most = max(_BLOCK_BYTES, 2 * sum(new.values()))
        block.append(tree)
        sizes |= new
    if block:
        yield block


def _segments(folder: Path, records: Mapping[bytes, FileRecord]) -> list[Segment]:
    """The records searchable. What is mapped stays when the folder goes."""
    segments: list[Segment] = []
    for number, group in enumerate(fitting(records.items())):
        path = folder / f"{number}.seg"
        build_segment(path, group)
        segments.append(open_segment(path))
    return segments


class _Paths:
    """What was made of the paths of the last commit: most commits have those of the one before."""

    def __init__(self) -> None:
        self._paths: list[str] = []
        self.words = index_paths([])
        self.endings = PathEndings([])

    def take(self, paths: list[str]) -> None:
        """Make `words` and `endings` those of these paths."""
        if paths != self._paths:
            self._paths, self.words, self.endings = paths, index_paths(paths), PathEndings(paths)


def _view(files: Mapping[str, _Version], segments: Sequence[Segment], known: _Paths) -> SnapshotView:
    """The files whose records are there."""
    paths = sorted(files, key=path_bytes)
    keys = as_keys([files[path].key for path in paths])
    is_here = np.zeros(len(paths), dtype=bool)
    for segment in segments:
        is_here |= segment.find(keys) >= 0
    paths = [path for path, here in zip(paths, is_here.tolist(), strict=True) if here]
    known.take(paths)
    table = FileTable(
        paths=paths,
        blobs=[files[path].blob for path in paths],
        keys=keys[is_here],
        roles=np.full(len(paths), ROLES.index(FileRole.SOURCE), dtype=np.uint8),
        words=known.words,
    )
    view = SnapshotView(segments, table)
    endings_of(view, known.endings)
    return view
