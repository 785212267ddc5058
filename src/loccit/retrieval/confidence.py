"""How likely it is that the sources hold the answer: a calibrated look at the words that were found.

The signal is the best file's score (a share of what the question could reach), times the share of the
question's telling words that the sources know at all, times a root of the question's length: a long question
that is matched as well as a short one is matched less by chance. How it was found and calibrated:
docs/decisions/0005-abstention.md.
"""

from __future__ import annotations

import math

from loccit.retrieval.query import QueryTerm
from loccit.retrieval.search import Results

# The logistic curve from signal to probability, fitted on questions put to their own and to other
# repositories.
_MIDDLE = 0.37
_STEEPNESS = 20.0
_TYPICAL_TERMS = 18.0


def confidence(results: Results) -> float:
    """Probability, 0 to 1, that these sources hold the answer to the question."""
    return round(1 / (1 + math.exp(-_STEEPNESS * (signal(results) - _MIDDLE))), 6)


def signal(results: Results) -> float:
    """What the probability is computed from; rises with the evidence, 0 without any."""
    best = max((float(ranked.files.max()) for ranked in results.ranked if len(ranked.files)), default=0.0)
    known = total = 0.0
    counted = 0
    for weighted in results.scoring.weights:
        term = weighted.term
        if not _counts(term):
            continue
        counted += 1
        size = weighted.idf * (
            2.0 if term.is_whole else 1.0
        )  # for an unknown word the idf is the greatest there is
        total += size
        known += size if weighted.files else 0.0
    if not total:
        return 0.0
    return best * (known / total) * math.sqrt(counted / _TYPICAL_TERMS)


def unknown_words(results: Results) -> tuple[str, ...]:
    """The question's words that no file holds in any form."""
    known = {weighted.term.word for weighted in results.scoring.weights if weighted.files}
    return tuple(dict.fromkeys(w.term.word for w in results.scoring.weights if w.term.word not in known))


def _counts(term: QueryTerm) -> bool:
    """Stems and compounds count; a word's written form would count it twice."""
    return term.weight == 1.0
