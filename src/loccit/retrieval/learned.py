"""What turns features into an order and into probabilities: a general ranker that ships with the package, and
what a repository's own past has taught.

The general part is a sum of regression trees (LambdaMART, trained by scripts/general_ranker.py on the
histories of repositories that no benchmark of ours uses). The own part has two: linear weights over the same
columns, and an association of words with files (`association`). Everything but the association is text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from loccit.core.errors import IndexBroken, IndexFormatMismatch
from loccit.indexing.arrays import Array
from loccit.retrieval.association import Association
from loccit.retrieval.features import Candidates

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

FORMAT = 1
# The files that the trees order: the best by the first pass, and the best few by strong single signals. The
# rest stands behind them in the order of the first pass.
_SHORTLIST = 40
_STRONG = ("votes:both", "best:title", "told:title")
_FEW = 5
_BEHIND = -1e9
_FARTHEST = 3.0
_CALIBRATED = 10
_ROWS_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class Ranked:
    """Candidates in order. `order` are rows, best first; `scores` and `probabilities` are parallel to the
    rows.

    A probability is that of the file being one that the fix changes; `confidence` that one of the first ten
    is.
    """

    order: Int64
    scores: Float64
    probabilities: Float64
    confidence: float


@dataclass(frozen=True, slots=True)
class Trees:
    """Regression trees, their nodes in one table. `roots` are where each tree begins; a node sends a row to
    `children[2 * node + 1]` where the column `feature` is at most `threshold`, else to `children[2 * node]`.
    A leaf leads to itself, and its `value` counts. No leaf is deeper than `depth` steps.
    """

    roots: Int64
    feature: Int64
    threshold: Float64
    children: Int64
    value: Float64
    depth: int

    def score(self, columns: Float64) -> Float64:
        """The sum of the trees' values for each row."""
        scores = np.empty(len(columns))
        # A few rows at once stay in the processor's cache: five times as fast as all.
        for start in range(0, len(columns), _ROWS_AT_ONCE):
            block = columns[start : start + _ROWS_AT_ONCE]
            values: Float64 = block.ravel()
            row_at: Int64 = (np.arange(len(block)) * columns.shape[1])[:, None]
            node: Int64 = np.tile(self.roots, (len(block), 1))
            for _ in range(self.depth):
                value = values.take(self.feature.take(node) + row_at)
                is_left: npt.NDArray[np.bool_] = value <= self.threshold.take(node)
                node = self.children.take(2 * node + is_left)
            scores[start : start + len(block)] = self.value.take(node).sum(axis=1)
        return scores


@dataclass(frozen=True, slots=True)
class Calibration:
    """From scores to probabilities: logistic in the log odds of a softmax at `temperature`."""

    temperature: float
    intercept: float
    slope: float

    def probabilities(self, scores: Float64) -> Float64:
        """The probability of each of one issue's candidates. The scores are those of the shortlist."""
        if not len(scores):
            return scores
        shifted = np.exp((scores - scores.max()) / self.temperature)
        share = np.clip(shifted / shifted.sum(), 1e-9, 1 - 1e-9)
        return 1 / (1 + np.exp(-(self.intercept + self.slope * np.log(share / (1 - share)))))


@dataclass(frozen=True, slots=True)
class Own:
    """What a repository's past adds to the general scores.

    `linear` are weights of what `comparable` gives, after `(column - mean) / spread`; it and the association
    count by their shares. `learned_from` is the number of fixes.
    """

    linear: Float64
    mean: Float64
    spread: Float64
    linear_share: float
    association_share: float
    learned_from: int
    association: Association | None

    def told(self, columns: Float64) -> Float64:
        """What the linear part says of each row of `columns_of`."""
        return deviations(comparable(columns), self.mean, self.spread) @ self.linear


@dataclass(frozen=True, slots=True)
class Ranker:
    """A ranker: the features it looks at, in order, the general trees, a calibration, and the own part if
    any.
    """

    features: tuple[str, ...]
    trees: Trees
    calibration: Calibration
    own: Own | None = None

    def rank(self, candidates: Candidates) -> Ranked:
        """The candidates in order, equal ones in order of file.

        Raises IndexFormatMismatch for a ranker that looks at features this version does not have.
        """
        columns = columns_of(candidates, self.features)
        listed = shortlist(candidates)
        first = candidates.values[:, candidates.names.index("first")]
        scores = _BEHIND + 1e-3 * first.astype(np.float64)
        probabilities = np.zeros(len(scores))
        scores[listed] = self.scores(candidates, columns, listed)
        probabilities[listed] = self.calibration.probabilities(scores[listed])
        order = np.argsort(-scores, kind="stable")
        missed = np.prod(1 - probabilities[order[:_CALIBRATED]])
        return Ranked(order, scores, probabilities, float(1 - missed))

    def scores(self, candidates: Candidates, columns: Float64, listed: Int64) -> Float64:
        """The scores of the listed rows."""
        scores = self.trees.score(columns[listed])
        own = self.own
        if own is None:
            return scores
        scores = scores + own.linear_share * own.told(columns[listed])
        if own.association is not None and own.association_share:
            told = standardised(own.association.scores(candidates))
            scores = scores + own.association_share * told[listed]
        return scores


def columns_of(candidates: Candidates, features: Sequence[str]) -> Float64:
    """What rankers see: of each feature the value, the share of the greatest, and the inverse rank (from 1,
    ties in order of file). A row per candidate.

    Raises IndexFormatMismatch for a feature that this version does not have.
    """
    have = {name: at for at, name in enumerate(candidates.names)}
    unknown = [name for name in features if name not in have]
    if unknown:
        raise IndexFormatMismatch(
            f"the ranker asks for the feature {unknown[0]!r}, which this version does not have",
            next_step="run 'loccit tune' again",
        )
    values = candidates.values[:, [have[name] for name in features]]
    if not len(values):
        return np.zeros((0, 3 * len(features)))
    # Training sees single precision, and so does whoever uses what it gave.
    values = values.astype(np.float32)
    shares = values / np.maximum(values.max(axis=0), np.float32(1e-9))
    ranks = np.argsort(np.argsort(-values, axis=0, kind="stable"), axis=0)
    return np.hstack([values, shares, (1 / (1 + ranks)).astype(np.float32)]).astype(np.float64)


def comparable(columns: Float64) -> Float64:
    """Of what `columns_of` gives, what means the same for a message of a few words and an issue of a page:
    shares of the greatest and inverse ranks, not the values themselves.
    """
    return columns[:, columns.shape[1] // 3 :]


def deviations(columns: Float64, mean: Float64, spread: Float64) -> Float64:
    """Columns less their means over their spreads. What no lesson came near counts as the farthest that they
    went.
    """
    return np.clip((columns - mean) / spread, -_FARTHEST, _FARTHEST)


def shortlist(candidates: Candidates) -> Int64:
    """The rows that are ranked by what was learned, rising."""
    chosen = set(_first(candidates, "first", _SHORTLIST))
    for name in _STRONG:
        chosen |= set(_first(candidates, name, _FEW))
    return np.array(sorted(chosen), dtype=np.int64)


def standardised(values: Float64) -> Float64:
    """Values less their mean, over their spread."""
    return (values - values.mean()) / (values.std() + 1e-9) if len(values) else values


@lru_cache(maxsize=1)
def general_ranker() -> Ranker:
    """The ranker that ships with the package."""
    path = Path(__file__).with_name("general_ranker.json")
    return parse_ranker(json.loads(path.read_text(encoding="utf-8")))


def parse_ranker(document: Mapping[str, Any]) -> Ranker:
    """The ranker in this document, without an own part.

    Raises IndexFormatMismatch for another format, IndexBroken for what is none.
    """
    if document.get("format") != FORMAT:
        raise IndexFormatMismatch(
            f"the ranker has format {document.get('format')!r}, this version reads {FORMAT}",
            next_step="run 'loccit tune' again",
        )
    try:
        return Ranker(
            features=tuple(cast("list[str]", document["features"])),
            trees=_trees(cast("list[dict[str, list[float]]]", document["trees"])),
            calibration=Calibration(**document["calibration"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise IndexBroken(
            f"the ranker cannot be read: {error!r}", next_step="run 'loccit tune' again"
        ) from error


def with_own(ranker: Ranker, own: Own | None) -> Ranker:
    """The ranker with this own part."""
    return replace(ranker, own=own)


def _trees(trees: Sequence[Mapping[str, Sequence[float]]]) -> Trees:
    """The trees in one table: each has `feature`, `threshold`, `left`, `right`, `value`, numbered within
    itself.
    """
    sizes = [len(tree["value"]) for tree in trees]
    roots = np.cumsum([0, *sizes])[:-1].astype(np.int64)

    def column(name: str, dtype: type) -> Array:
        parts: list[Array] = [np.array(tree[name], dtype=dtype) for tree in trees]
        return np.concatenate(parts)

    nodes, base = np.arange(sum(sizes)), np.repeat(roots, sizes)
    left, right = column("left", np.int64), column("right", np.int64)
    is_leaf = left < 0
    children = np.stack([right + base, left + base], axis=1)
    children[is_leaf] = nodes[is_leaf, None]
    return Trees(
        roots=roots,
        feature=column("feature", np.int64),
        threshold=column("threshold", np.float64),
        children=children.ravel(),
        value=column("value", np.float64),
        depth=_depth(roots, children, is_leaf),
    )


def _depth(roots: Int64, children: Int64, is_leaf: npt.NDArray[np.bool_]) -> int:
    """The steps to the deepest leaf. Raises ValueError where nodes are no trees."""
    depth, level, seen = 0, roots[~is_leaf[roots]], len(roots)
    while len(level):
        below = children[level].ravel()
        depth, level, seen = depth + 1, below[~is_leaf[below]], seen + len(below)
        if seen > len(children):
            raise ValueError("a node has two parents")
    return depth


def _first(candidates: Candidates, name: str, count: int) -> list[int]:
    values = candidates.values[:, candidates.names.index(name)]
    return [int(row) for row in np.argsort(-values, kind="stable")[:count]]
