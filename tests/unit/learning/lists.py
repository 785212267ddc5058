"""Lessons as values, without a repository."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from loccit.learning.lessons import Lesson
from loccit.retrieval.association import Message
from loccit.retrieval.features import Candidates
from tests.unit.learning.generals import FEATURES

NAMES = (*FEATURES, "first", "votes:all", "told:title")
PATHS = tuple(f"src/{name}.py" for name in "abcdefgh")


def made_candidates(values: np.ndarray, keys: Sequence[int] = (1,)) -> Candidates:
    """A file of `PATHS` per row of values, which stand in the order of NAMES."""
    return Candidates(
        files=np.arange(len(values)),
        names=NAMES,
        values=values.astype(np.float32),
        former=tuple((path,) for path in PATHS[: len(values)]),
        keys=np.array(keys, dtype=np.uint64),
        weights=np.ones(len(keys)),
    )


def made_lesson(number: int, right: int, *, telling: str | None = None, word: int = 1) -> Lesson:
    """A fix of one file of random features, of which `telling` is high for the right one."""
    values = np.random.default_rng(number).random((len(PATHS), len(NAMES)))
    if telling is not None:
        values[right, NAMES.index(telling)] = 2.0
    found = made_candidates(values, (word,))
    is_gold = np.arange(len(PATHS)) == right
    message = Message(found.keys, found.weights, (PATHS[right],))
    return Lesson(f"{number:040x}", number, 1000 + number, message, found, is_gold)
