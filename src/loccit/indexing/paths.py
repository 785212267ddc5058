"""The words of file paths: a small inverted file over the files of one snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt

from loccit.indexing.arrays import Array
from loccit.indexing.terms import name_term, term_key, terms_of, tokens

Int64 = npt.NDArray[np.int64]

NAMES = ("path_terms", "path_starts", "path_files", "path_tfs", "path_lengths")


@dataclass(frozen=True, slots=True)
class PathIndex:
    """Postings of path terms: sorted term keys, where each one's begin, files (rising), frequencies; lengths
    in words per file.
    """

    terms: Array
    starts: Array
    files: Array
    tfs: Array
    lengths: Array

    def postings(self, term: str) -> tuple[Array, Array]:
        """Files whose path holds the term, and how often."""
        key = term_key(term)
        at = int(self.terms.searchsorted(np.uint64(key)))
        if at == len(self.terms) or int(self.terms[at]) != key:
            return self.files[:0], self.tfs[:0]
        first, last = int(self.starts[at]), int(self.starts[at + 1])
        return self.files[first:last], self.tfs[first:last]

    def arrays(self) -> dict[str, Array]:
        """The columns under their names on disk."""
        return dict(zip(NAMES, (self.terms, self.starts, self.files, self.tfs, self.lengths), strict=True))


def index_paths(paths: Sequence[str]) -> PathIndex:
    """The path index of these files. The last suffix of a name is no word of it."""
    # Folders repeat from path to path, so each component is looked at once.
    numbers: dict[str, int] = {}
    components = [[numbers.setdefault(part, len(numbers)) for part in _components(path)] for path in paths]
    terms, at, words, keys = _analysed(list(numbers))
    sizes = np.array([len(parts) for parts in components], dtype=np.int64)
    flat = np.fromiter(chain.from_iterable(components), dtype=np.int64, count=int(sizes.sum()))
    owner = np.repeat(np.arange(len(paths), dtype=np.int64), sizes)
    fan = at[flat + 1] - at[flat]
    within = np.arange(int(fan.sum())) - np.repeat(np.cumsum(fan) - fan, fan)
    term = terms[np.repeat(at[flat], fan) + within]
    own = [name_term(parts[-1]) for parts in map(_components, paths)]
    named = np.array([keys.setdefault(name, len(keys)) for name in own], dtype=np.int64)
    term_keys, rank = np.unique(
        np.fromiter((term_key(term) for term in keys), dtype=np.uint64, count=len(keys)), return_inverse=True
    )
    column = rank.astype(np.int64)[np.concatenate([term, named])]
    files = np.concatenate([np.repeat(owner, fan), np.arange(len(paths), dtype=np.int64)])
    pairs, counts = np.unique(column << 32 | files, return_counts=True)
    present, starts = np.unique(pairs >> 32, return_index=True)
    lengths = np.bincount(owner, weights=words[flat], minlength=len(paths))
    return PathIndex(
        terms=term_keys[present],
        starts=np.concatenate([starts, [len(pairs)]]).astype(np.uint32),
        files=(pairs & 0xFFFFFFFF).astype(np.uint32),
        tfs=np.minimum(counts, 255).astype(np.uint8),
        lengths=np.minimum(lengths, 65_535).astype(np.uint16),
    )


def _analysed(components: Sequence[str]) -> tuple[Int64, Int64, Int64, dict[str, int]]:
    """Components' terms: their numbers, where each component's begin, each one's length in words; and the
    terms' numbers.
    """
    split = [tokens(component) for component in components]
    vocabulary = list(dict.fromkeys(chain.from_iterable(split)))
    analysed = dict(zip(vocabulary, terms_of(vocabulary), strict=True))
    keys: dict[str, int] = {}
    lists = [
        [keys.setdefault(term, len(keys)) for token in found for term in analysed[token][0]]
        for found in split
    ]
    at = np.cumsum([0, *(len(found) for found in lists)], dtype=np.int64)
    terms = np.fromiter(chain.from_iterable(lists), dtype=np.int64, count=int(at[-1]))
    words = np.array([sum(analysed[token][1] for token in found) for found in split], dtype=np.int64)
    return terms, at, words, keys


def _components(path: str) -> list[str]:
    """The folders of a path and the file's name without its suffix."""
    *folders, name = path.split("/")
    stem, dot, _ = name.rpartition(".")
    return [*folders, stem if dot and stem else name]
