"""The words of file paths: a small inverted file over the files of one snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from loccit.indexing.arrays import Array
from loccit.indexing.terms import name_term, term_key, terms_of, tokens

NAMES = ("path_terms", "path_starts", "path_files", "path_tfs", "path_lengths")


@dataclass(frozen=True, slots=True)
class PathIndex:
    """Postings of path terms: sorted term keys, where each one's begin, files (rising), frequencies; lengths in words per file."""

    terms: Array
    starts: Array
    files: Array
    tfs: Array
    lengths: Array

    def postings(self, term: str) -> tuple[Array, Array]:
        """Files whose path holds the term, and how often."""
        key = term_key(term)
        at = int(np.searchsorted(self.terms, np.uint64(key)))
        if at == len(self.terms) or int(self.terms[at]) != key:
            return self.files[:0], self.tfs[:0]
        first, last = int(self.starts[at]), int(self.starts[at + 1])
        return self.files[first:last], self.tfs[first:last]

    def arrays(self) -> dict[str, Array]:
        """The columns under their names on disk."""
        return dict(zip(NAMES, (self.terms, self.starts, self.files, self.tfs, self.lengths), strict=True))


def index_paths(paths: Sequence[str]) -> PathIndex:
    """The path index of these files. The last suffix of a name is no word of it."""
    per_file = [tokens(_without_suffix(path)) for path in paths]
    vocabulary = list(dict.fromkeys(token for file in per_file for token in file))
    analysed = dict(zip(vocabulary, terms_of(vocabulary), strict=True))
    lengths = np.array([sum(analysed[token][1] for token in file) for file in per_file], dtype=np.uint16)
    keys: dict[str, int] = {}
    entries = [
        (keys.setdefault(term, term_key(term)), number)
        for number, file in enumerate(per_file)
        for token in file
        for term in analysed[token][0]
    ]
    own = [name_term(_without_suffix(path.rpartition("/")[2])) for path in paths]
    entries += [(keys.setdefault(name, term_key(name)), number) for number, name in enumerate(own)]
    table = np.array(entries, dtype=np.uint64).reshape(-1, 2)
    pairs, counts = np.unique(table, axis=0, return_counts=True)
    present, starts = np.unique(pairs[:, 0], return_index=True)
    return PathIndex(
        terms=present,
        starts=np.concatenate([starts, [len(pairs)]]).astype(np.uint32),
        files=pairs[:, 1].astype(np.uint32),
        tfs=np.minimum(counts, 255).astype(np.uint8),
        lengths=lengths,
    )


def _without_suffix(path: str) -> str:
    folder, slash, name = path.rpartition("/")
    stem, dot, _ = name.rpartition(".")
    return folder + slash + (stem if dot and stem else name)
