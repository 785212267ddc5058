"""What the support check has learned: words, and for each way in which a claim can be false a few trees.

Written by scripts/support_weights.py from people's docstrings; support_weights.json beside this file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from loccit.verification.support_features import Word, WordTables
from loccit.verification.support_vectors import Vectors

FORMAT = 1
_WEIGHTS = Path(__file__).with_name("support_weights.json")


@dataclass(frozen=True, slots=True)
class Tree:
    """Parallel lists, one entry a node. A node goes left where its feature is at most the threshold; a leaf
    has -1 for both sides.
    """

    feature: tuple[int, ...]
    threshold: tuple[float, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]
    value: tuple[float, ...]

    def of(self, row: Sequence[float]) -> float:
        """The value of the leaf that these features lead to."""
        at = 0
        while self.left[at] >= 0:
            at = self.left[at] if row[self.feature[at]] <= self.threshold[at] else self.right[at]
        return self.value[at]


@dataclass(frozen=True, slots=True)
class Head:
    """One way to be false: the log odds of being true against that, and the least that a kept claim has."""

    trees: tuple[Tree, ...]
    least: float

    def margin(self, row: Sequence[float]) -> float:
        """By how much the log odds exceed the least; negative where the claim falls."""
        return sum(tree.of(row) for tree in self.trees) - self.least


@dataclass(frozen=True, slots=True)
class SupportModel:
    """Words, their vectors, the features' names in order, and the heads by what they look for."""

    words: WordTables
    vectors: Vectors
    features: tuple[str, ...]
    heads: Mapping[str, Head]

    def margins(self, features: Mapping[str, float]) -> dict[str, float]:
        """The margin of each head."""
        row = [features[name] for name in self.features]
        return {kind: head.margin(row) for kind, head in self.heads.items()}


@lru_cache(maxsize=1)
def support_model() -> SupportModel:
    """The model that ships with the package."""
    return read_model(json.loads(_WEIGHTS.read_text(encoding="utf-8")))


def read_model(document: Mapping[str, Any]) -> SupportModel:
    """The model in a document of `FORMAT`."""
    words: dict[str, list[Any]] = document["words"]
    heads: dict[str, dict[str, Any]] = document["heads"]
    return SupportModel(
        {stem: Word(*known) for stem, known in words.items()},
        Vectors.read(document["vectors"]),
        tuple(document["features"]),
        {kind: Head(tuple(map(_tree, head["trees"])), float(head["least"])) for kind, head in heads.items()},
    )


def _tree(columns: Mapping[str, list[Any]]) -> Tree:
    return Tree(**{name: tuple(column) for name, column in columns.items()})
