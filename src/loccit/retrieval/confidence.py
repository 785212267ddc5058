"""How likely it is that the sources hold the answer: a calibrated look at which words were found, and where.

    signal = (best file's score + share of the question in the best chunk) x share of the question known at
    all x (n / 18)^(1/4)

Shares weigh each stem by how telling it is: a word that most projects use (`error`, `return`) says little
about which project a question is about; `common_words.json` tells them apart. Compounds count double. n is
the number of stems and compounds: a long question is matched in part by chance. How this was found and
calibrated: docs/decisions/0005-abstention.md.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from loccit.retrieval.query import QueryTerm
from loccit.retrieval.search import Results

# The logistic curve from signal to probability, fitted on questions put to their own and to other
# repositories.
_MIDDLE = 0.62
_STEEPNESS = 9.0
_TYPICAL_TERMS = 18.0


def confidence(results: Results) -> float:
    """Probability, 0 to 1, that these sources hold the answer to the question."""
    return round(1 / (1 + math.exp(-_STEEPNESS * (signal(results) - _MIDDLE))), 6)


def signal(results: Results) -> float:
    """What the probability is computed from; rises with the evidence, 0 without any."""
    counted = [w for w in results.scoring.weights if _counts(w.term)]
    total = sum(telling(w.term) for w in counted)
    best = _best_chunk(results)
    if not total or best is None:
        return 0.0
    known = sum(telling(w.term) for w in counted if w.files)
    held = sum(telling(w.term) for w in counted if (w.documents[best.view] == best.document).any())
    top = max(float(ranked.files.max()) for ranked in results.ranked if len(ranked.files))
    return (top + held / total) * (known / total) * (len(counted) / _TYPICAL_TERMS) ** 0.25


def unknown_words(results: Results) -> tuple[str, ...]:
    """The question's words that no file holds in any form."""
    known = {weighted.term.word for weighted in results.scoring.weights if weighted.files}
    return tuple(dict.fromkeys(w.term.word for w in results.scoring.weights if w.term.word not in known))


def telling(term: QueryTerm) -> float:
    """How much a term says about which project is meant: 0 for a word of all projects, 1 for one of none, 2
    for a compound.
    """
    if term.is_whole:
        return 2.0
    common = _common_words()
    return math.log((common.projects + 1) / (common.stems.get(term.term, 0) + 1)) / math.log(
        common.projects + 1
    )


@dataclass(frozen=True, slots=True)
class _CommonWords:
    """In how many of some projects a stem occurs; stems of very few projects are left out."""

    projects: int
    stems: dict[str, int]


@lru_cache(maxsize=1)
def _common_words() -> _CommonWords:
    document = json.loads(Path(__file__).with_name("common_words.json").read_text(encoding="utf-8"))
    return _CommonWords(**document)


@dataclass(frozen=True, slots=True)
class _Best:
    view: int
    document: int


def _best_chunk(results: Results) -> _Best | None:
    """The chunk that holds most of the question, over all views; None when no chunk holds any of it."""
    best, score = None, 0.0
    for number, scores in enumerate(results.scoring.views):
        if len(scores.documents) and float(scores.documents.max()) > score:
            document = int(np.argmax(scores.documents))
            best, score = _Best(number, document), float(scores.documents[document])
    return best


def _counts(term: QueryTerm) -> bool:
    """Stems and compounds count; a word's written form would count it twice."""
    return term.weight == 1.0
