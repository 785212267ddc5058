"""What anybody can do today: `git grep` of an issue's words, and a good full-text search over whole files."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from loccit.indexing.lexical import Field
from loccit.indexing.terms import term_key
from loccit.indexing.view import SnapshotView
from loccit.retrieval.query import STOP_WORDS, query_terms
from loccit.sources.repository import WordMatch

Float64 = npt.NDArray[np.float64]

# Lucene's.
K1, B = 1.5, 0.75
# The words of an issue that are grepped for, in order of appearance: a pasted log would ask for thousands.
MOST_WORDS = 60
_LEAST_CHARS = 2
_WORD = re.compile(r"\w+")
# Every token of a file stands in one of these: the other fields hold some of them once more.
_WHOLE_FILE = (Field.DOCS, Field.BODY)


def grep_words(text: str) -> list[str]:
    """The distinct words of an issue, in lower case: identifiers whole, no function words and no numbers."""
    words = dict.fromkeys(word.lower() for word in _WORD.findall(text))
    said = (word for word in words if word not in STOP_WORDS and not word.isdecimal())
    return [word for word in said if len(word) >= _LEAST_CHARS][:MOST_WORDS]


def grep_ranking(matches: Mapping[str, WordMatch]) -> list[str]:
    """Files by how many of the words they hold, then by how many of their lines hold any, then by path."""
    return sorted(matches, key=lambda path: (-len(matches[path].words), -matches[path].lines, path))


def bm25_ranking(text: str, view: SnapshotView) -> list[str]:
    """Files that hold any of the issue's stems and compounds, by BM25; each counts as often as it is said."""
    terms: dict[str, int] = {}
    for term in query_terms(text):
        # Words as written stand beside their stems, and after them.
        if term.is_whole or not term.term.startswith("="):
            terms.setdefault(term.term, term.count)
    if not terms or not len(view):
        return []
    keys = np.array([term_key(term) for term in terms], dtype=np.uint64)
    asked = np.array(list(terms.values()), dtype=np.float64)
    term, record, count = _counts(view, keys)
    files = len(view.files.paths)
    held = np.bincount(term, weights=view.copies[record], minlength=len(terms))
    idf = np.log(1 + (files - held + 0.5) / (held + 0.5))
    norms = view.kept("whole file norms", lambda: _norms(view))
    scores = np.bincount(
        record, weights=(asked * idf)[term] * count / (count + norms[record]), minlength=view.records
    )[view.record_of_file]
    order = np.argsort(-scores, kind="stable")
    best: list[int] = order[: int(np.count_nonzero(scores))].tolist()
    return [str(view.files.paths[at]) for at in best]


def _counts(
    view: SnapshotView, keys: npt.NDArray[np.uint64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Float64]:
    """How often which record holds which term, each pair once."""
    found = [view.gather(field, keys) for field in _WHOLE_FILE]
    code = np.concatenate([one.terms * view.records + view.record_of[one.documents] for one in found])
    pairs, at = np.unique(code, return_inverse=True)
    counts = np.concatenate([one.frequencies.astype(np.float64) for one in found])
    total = np.bincount(at, weights=counts, minlength=len(pairs)).astype(np.float64)
    return pairs // view.records, pairs % view.records, total


def _norms(view: SnapshotView) -> Float64:
    lengths = np.zeros(view.records)
    for field in _WHOLE_FILE:
        lengths += np.bincount(view.record_of, weights=view.lengths[field], minlength=view.records)
    mean = max(float((lengths * view.copies).sum()) / max(len(view.files.paths), 1), 1.0)
    return K1 * (1 - B + B * lengths / mean)
