"""Which functions an issue is about: those of all suspect files in one order.

A function's score is a weighted sum of features. The weights (function_weights.json) are fitted on
functions that past commits changed, in repositories that no benchmark uses (scripts/function_weights.py).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from loccit.core.suspects import SuspectFunction
from loccit.retrieval.features import PARTS, Analysis
from loccit.retrieval.function_features import Functions, function_features

Float64 = npt.NDArray[np.float64]

_WEIGHTS = Path(__file__).with_name("function_weights.json")


@dataclass(frozen=True, slots=True)
class RankedFunction:
    """A function of a suspect file: the file's number in the view, and the function's chunks, rising."""

    file: int
    function: SuspectFunction
    documents: tuple[int, ...]


def rank_functions(analysis: Analysis, files: Sequence[int], probabilities: Float64) -> list[RankedFunction]:
    """The functions and classes of these files, best first over all of them; scores add up to 1.

    `files` are numbers in the view, the likeliest first, and `probabilities` parallel to them. What holds no
    word of the issue is left out, and so is what stands far behind among very many functions.
    """
    functions, columns = function_features(analysis, files, probabilities)
    if not len(functions):
        return []
    weights = function_weights()
    scores = np.zeros(len(functions))
    for name, weight in weights.items():
        scores += weight * columns[name]
    shares = np.exp(scores - scores.max())
    shares /= shares.sum()
    words = analysis.chunk_shares[PARTS.index("all")]
    order = np.argsort(-scores, kind="stable").tolist()
    return [_ranked(functions, row, float(shares[row]), words) for row in order]


def functions_by_file(
    analysis: Analysis, files: Sequence[int], probabilities: Float64, *, limit: int
) -> dict[int, tuple[SuspectFunction, ...]]:
    """The same, per file the best `limit`; a file without any is left out."""
    found: dict[int, list[SuspectFunction]] = {}
    for one in rank_functions(analysis, files, probabilities):
        mine = found.setdefault(one.file, [])
        if len(mine) < limit:
            mine.append(one.function)
    return {file: tuple(functions) for file, functions in found.items()}


@lru_cache(maxsize=1)
def function_weights() -> dict[str, float]:
    """The weight of each feature."""
    return json.loads(_WEIGHTS.read_text(encoding="utf-8"))["weights"]


def _ranked(functions: Functions, row: int, share: float, words: Float64) -> RankedFunction:
    """With its place: all of it where its pieces follow one another, else the piece with most words."""
    here = functions.pieces(row)
    documents, places = functions.documents[here], functions.places[here]
    if int(documents[-1] - documents[0]) != len(documents) - 1:
        places = places[[int(np.argmax(words[documents]))]]
    function = SuspectFunction(
        symbol=functions.symbols[row],
        start_byte=int(places[0, 0]),
        end_byte=int(places[-1, 1]),
        start_line=int(places[0, 2]),
        end_line=int(places[-1, 3]),
        score=round(share, 6),
    )
    return RankedFunction(int(functions.files[functions.file[row]]), function, tuple(documents.tolist()))
