"""What the support check has learned: words, and for each way in which a claim can be false a few trees.

Written by scripts/support_weights.py from people's docstrings; support_weights.json beside this file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loccit.verification.support_features import Word, WordTables
from loccit.verification.support_vectors import Vectors

if TYPE_CHECKING:
    import numpy.typing as npt

FORMAT = 1
_WEIGHTS = Path(__file__).with_name("support_weights.json")


class Forest:
    """Trees that are all walked at once.

    A tree is parallel lists, one entry a node. A node goes left where its feature is at most the threshold; a
    leaf has -1 for both sides.
    """

    def __init__(self, trees: Sequence[Mapping[str, list[Any]]]) -> None:
        import numpy as np

        sizes = [len(tree["value"]) for tree in trees]
        self._roots = np.cumsum([0, *sizes[:-1]])
        first = np.repeat(self._roots, sizes)

        def column(name: str) -> npt.NDArray[Any]:
            return np.concatenate([np.asarray(tree[name]) for tree in trees])

        here = np.arange(len(first))
        left, right = column("left"), column("right")
        # A leaf leads to itself.
        self._left = np.where(left < 0, here, first + left)
        self._right = np.where(left < 0, here, first + right)
        self._feature = np.where(left < 0, 0, column("feature"))
        self._threshold = column("threshold").astype(np.float64)
        self._value = column("value").astype(np.float64)
        self._steps = 0
        at = self._roots
        while (left[at] >= 0).any():
            # The deepest leaf of every tree: of two branches the longer one is not known before both are
            # walked, so all nodes that are so many steps from a root are.
            at = np.unique(np.concatenate([self._left[at], self._right[at]]))
            self._steps += 1

    def values(self, row: Sequence[float]) -> list[float]:
        """The value of the leaf that these features lead to, tree by tree."""
        import numpy as np

        goes_left = np.asarray(row, dtype=np.float64)[self._feature] <= self._threshold
        following = np.where(goes_left, self._left, self._right)
        at = self._roots
        for _ in range(self._steps):
            at = following[at]
        return self._value[at].tolist()


@dataclass(frozen=True, slots=True)
class Head:
    """One way to be false: how many trees add up to the log odds of being true against that, and the least
    that a kept claim has.
    """

    trees: int
    least: float


@dataclass(frozen=True, slots=True)
class SupportModel:
    """Words, their vectors, the features' names in order, and the heads by what they look for."""

    words: WordTables
    vectors: Vectors
    features: tuple[str, ...]
    heads: Mapping[str, Head]
    forest: Forest

    def margins(self, features: Mapping[str, float]) -> dict[str, float]:
        """By how much the log odds of each head exceed its least; negative where the claim falls."""
        values = iter(self.forest.values([features[name] for name in self.features]))
        # One after another: numpy adds up in another order, and verdicts must be the same everywhere.
        return {kind: sum(islice(values, head.trees)) - head.least for kind, head in self.heads.items()}


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
        {kind: Head(len(head["trees"]), float(head["least"])) for kind, head in heads.items()},
        Forest([tree for head in heads.values() for tree in head["trees"]]),
    )
