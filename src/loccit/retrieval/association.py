"""Which words of past messages went with changes of which files: kernel ridge regression from words to files.

Messages are vectors of tf-idf of unit length. Of all functions that are linear in them, this is the one that
explains best which files were changed, when large weights cost: a file is not credited with words that others
explain better, as votes of similar commits would do. With K the products of the messages with one another and
Y the files changed, the weights are (K + penalty I)^-1 Y.  Source: Saunders, Gammerman and Vovk, ICML 1998.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from loccit.indexing.arrays import Array
from loccit.retrieval.features import Candidates

Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]
UInt64 = npt.NDArray[np.uint64]

PENALTY = 1.0
# Beyond this many messages the oldest are left out: the time to learn grows with the cube.
MOST_MESSAGES = 4_000
# Words of more messages than this are multiplied as matrices, the others one by one.
_COMMON = 40


@dataclass(frozen=True, slots=True)
class Message:
    """What a commit said and changed: keys of its terms with their weights before idf, and paths as they
    were.
    """

    keys: UInt64
    weights: Float64
    paths: tuple[str, ...]


@dataclass(frozen=True)
class Association:
    """What was learned. Term t of `keys` (rising) stands in the messages `rows[at[t] : at[t + 1]]` with the
    weights `weights` (parallel to `rows`); `files` gives each message's weight for each of `paths`.
    """

    keys: UInt64
    idf: Float64
    at: Int64
    rows: Int64
    weights: Float32
    paths: tuple[str, ...]
    files: Float32

    @cached_property
    def _column(self) -> Mapping[str, int]:
        return {path: at for at, path in enumerate(self.paths)}

    def scores(self, candidates: Candidates) -> Float64:
        """How much the issue's words speak for each candidate, under any name that it has had."""
        told = self._told(candidates.keys, candidates.weights)
        result = np.zeros(len(candidates.files))
        column = self._column
        for row, names in enumerate(candidates.former):
            known = [column[name] for name in names if name in column]
            if known:
                result[row] = float((told @ self.files[:, known]).sum())
        return result

    def _told(self, keys: UInt64, weights: Float64) -> Float32:
        """The product of the issue with each message."""
        told = np.zeros(len(self.files), dtype=np.float64)
        at = np.minimum(np.searchsorted(self.keys, keys), max(len(self.keys) - 1, 0))
        here = np.flatnonzero(self.keys[at] == keys) if len(self.keys) else np.empty(0, dtype=np.int64)
        value = weights[here] * self.idf[at[here]]
        length = float(np.sqrt((value**2).sum())) or 1.0
        for term, share in zip(at[here].tolist(), (value / length).tolist(), strict=True):
            rows = slice(int(self.at[term]), int(self.at[term + 1]))
            told[self.rows[rows]] += share * self.weights[rows]
        return told.astype(np.float32)

    def arrays(self) -> dict[str, Array]:
        """The columns under their names on disk."""
        text = b"".join(path.encode("utf-8", "surrogateescape") + b"\0" for path in self.paths)
        return {
            "keys": self.keys,
            "idf": self.idf,
            "at": self.at,
            "rows": self.rows.astype(np.uint32),
            "weights": self.weights,
            "paths": np.frombuffer(text, dtype=np.uint8),
            "files": self.files.astype(np.float16),
        }

    @classmethod
    def of(cls, arrays: Mapping[str, Array]) -> Association:
        """The inverse of `arrays`. Raises KeyError for a column that is missing."""
        text = arrays["paths"].tobytes().decode("utf-8", "surrogateescape")
        return cls(
            keys=arrays["keys"].astype(np.uint64),
            idf=arrays["idf"].astype(np.float64),
            at=arrays["at"].astype(np.int64),
            rows=arrays["rows"].astype(np.int64),
            weights=arrays["weights"].astype(np.float32),
            paths=tuple(text.split("\0")[:-1]),
            files=arrays["files"].astype(np.float32),
        )


def associate(messages: Sequence[Message], first: int) -> tuple[Association | None, Association | None]:
    """What the first so many of these messages teach, and what all of them do, for little more than one of
    them costs: of the newest MOST_MESSAGES. Both take the rarity of words from all. None where none of them
    says anything.
    """
    telling = [bool(message.paths and len(message.keys)) for message in messages]
    left_out = max(0, len(messages) - MOST_MESSAGES)
    messages = [message for message, tells in zip(messages, telling, strict=True) if tells][
        sum(telling[:left_out]) :
    ]
    earlier = sum(telling[left_out:first])
    if not messages:
        return None, None
    sizes = [len(message.keys) for message in messages]
    row = np.repeat(np.arange(len(messages)), sizes)
    key = np.concatenate([message.keys for message in messages])
    keys, term = np.unique(key, return_inverse=True)
    held = np.bincount(term, minlength=len(keys))
    idf = np.log(1 + len(messages) / (1 + held))
    weight = np.concatenate([message.weights for message in messages]) * idf[term]
    length = np.sqrt(np.bincount(row, weights=weight**2, minlength=len(messages)))
    weight = (weight / np.maximum(length[row], 1e-9)).astype(np.float32)
    order = np.argsort(term, kind="stable")
    at = np.concatenate([[0], np.cumsum(held)]).astype(np.int64)
    rows, weights = row[order].astype(np.int64), weight[order]
    paths = tuple(sorted({path for message in messages for path in message.paths}))
    kernel = _products(len(messages), at, rows, weights)
    kernel[np.diag_indices_from(kernel)] += np.float32(PENALTY)
    of_first, of_all = _solved(kernel, _changed(messages, paths), earlier)
    whole = Association(keys, idf, at, rows, weights, paths, of_all)
    return replace(whole, files=of_first) if earlier else None, whole


def _solved(kernel: Float32, changed: Float32, first: int) -> tuple[Float32, Float32]:
    """Kernel^-1 changed, for the first rows and columns of the kernel alone (0 in the other rows), and for
    all of it: by the Schur complement of the first.
    """
    size = len(kernel)
    of_first = np.zeros_like(changed)
    if not first:
        return of_first, np.linalg.solve(kernel, changed).astype(np.float32)
    across = kernel[:first, first:]
    solved = np.linalg.solve(kernel[:first, :first], np.hstack([changed[:first], across]))
    alone, through = solved[:, : changed.shape[1]], solved[:, changed.shape[1] :]
    of_first[:first] = alone
    if first == size:
        return of_first, of_first
    of_all = np.empty_like(changed)
    of_all[first:] = np.linalg.solve(
        kernel[first:, first:] - across.T @ through, changed[first:] - across.T @ alone
    )
    of_all[:first] = alone - through @ of_all[first:]
    return of_first, of_all


def _changed(messages: Sequence[Message], paths: Sequence[str]) -> Float32:
    column = {path: at for at, path in enumerate(paths)}
    changed = np.zeros((len(messages), len(paths)), dtype=np.float32)
    for row, message in enumerate(messages):
        for path in message.paths:
            changed[row, column[path]] = 1 / np.sqrt(len(message.paths))
    return changed


def _products(size: int, at: Int64, rows: Int64, weights: Float32) -> Float32:
    """The products of the messages with one another."""
    held = np.diff(at)
    common = np.flatnonzero(held > _COMMON)
    dense = np.zeros((size, len(common)), dtype=np.float32)
    for column, term in enumerate(common.tolist()):
        here = slice(int(at[term]), int(at[term + 1]))
        dense[rows[here], column] = weights[here]
    kernel = dense @ dense.T
    for term in np.flatnonzero((held > 1) & (held <= _COMMON)).tolist():
        here = slice(int(at[term]), int(at[term + 1]))
        mine = rows[here]
        kernel[mine[:, None], mine] += weights[here, None] * weights[here]
    return kernel
