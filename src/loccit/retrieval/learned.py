"""What turns features into an order and into probabilities: a general ranker that ships with the package, and
what a repository's own past has taught.

A ranker is text: decision trees, weights and a calibration, as JSON. The general part is a sum of regression trees
(LambdaMART, trained by scripts/general_ranker.py on the histories of repositories that no benchmark of ours uses);
the own part is linear. Both see the same columns: each feature as it is, relative to the best candidate, and by rank.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from loccit.core.errors import IndexBroken, IndexFormatMismatch
from loccit.retrieval.features import Candidates

Float64 = npt.NDArray[np.float64]
Int32 = npt.NDArray[np.int32]

FORMAT = 1


def columns_of(candidates: Candidates, names: Sequence[str]) -> Float64:
    """What rankers see: for the features `names`, in this order, values, shares of the greatest, and inverse ranks
    (from 1, ties in order of file). A row per candidate.

    Raises IndexFormatMismatch for a feature that this version does not have.
    """
    have = {name: at for at, name in enumerate(candidates.names)}
    unknown = [name for name in names if name not in have]
    if unknown:
        raise IndexFormatMismatch(
            f"the ranker asks for the feature {unknown[0]!r}, which this version does not have",
            next_step="run 'loccit tune' again",
        )
    return expanded(candidates.values[:, [have[name] for name in names]])


def expanded(values: Float64) -> Float64:
    """The three views of features: values, shares of the greatest, and inverse ranks."""
    if not len(values):
        return np.zeros((0, 3 * values.shape[1]))
    shares = values / np.maximum(values.max(axis=0), 1e-9)
    ranks = np.argsort(np.argsort(-values, axis=0, kind="stable"), axis=0, kind="stable")
    return np.hstack([values, shares, 1 / (1 + ranks)])


@dataclass(frozen=True, slots=True)
class Trees:
    """Regression trees, their nodes in one table. `roots` are where each tree begins; a node sends a row to `left`
    where the column `feature` is at most `threshold`, else to `right`. Of a leaf `left` is -1 and `value` counts.
    """

    roots: Int32
    feature: Int32
    threshold: Float64
    left: Int32
    right: Int32
    value: Float64

    def score(self, columns: Float64) -> Float64:
        """The sum of the trees' values for each row."""
        if not len(self.roots):
            return np.zeros(len(columns))
        rows = np.arange(len(columns))[:, None]
        at = np.repeat(self.roots[None, :], len(columns), axis=0)
        while True:
            inner = self.left[at] >= 0
            if not inner.any():
                return self.value[at].sum(axis=1)
            goes_left = columns[rows, self.feature[at]] <= self.threshold[at]
            at = np.where(inner, np.where(goes_left, self.left[at], self.right[at]), at)
