"""Files and chunks in order: BM25 of the file, its best chunks, the names it defines, and what kind of file
it is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from loccit.core.source import FileRole
from loccit.indexing.lexical import Field
from loccit.indexing.terms import name_term
from loccit.indexing.view import ROLES, SnapshotView
from loccit.retrieval.query import STOP_WORDS, Query
from loccit.retrieval.scoring import Scores, Scoring

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

# Chosen on mined pairs: docs/decisions/0004-ranking.md.
_BEST_CHUNKS = (1.0, 0.5, 0.25)
_NAME_WEIGHT = 0.05
_FILE_NAME_WEIGHT = 0.05
_MENTIONED_PATH_WEIGHT = 0.5
_ROLE_PRIOR = {
    FileRole.SOURCE: 1.0,
    FileRole.TEST: 0.85,
    FileRole.DOCS: 0.6,
    FileRole.CONFIG: 0.6,
    FileRole.DATA: 0.6,
    FileRole.GENERATED: 0.4,
    FileRole.VENDORED: 0.4,
}


@dataclass(frozen=True, slots=True)
class Ranked:
    """Scores of one view after everything is taken together, parallel to its files and its live documents.

    A file's best chunk scores as high as the file, its other chunks less, by how much less of the question
    they hold.
    """

    files: Float64
    documents: Float64


def rank(query: Query, views: Sequence[SnapshotView], scoring: Scoring) -> list[Ranked]:
    """The final scores of every file and chunk of these views."""
    total = sum(len(view.files.paths) for view in views)
    names = [_defining(query, views, total), _file_names(query, views)]
    ranked: list[Ranked] = []
    for number, (view, scores) in enumerate(zip(views, scoring.views, strict=True)):
        files = scores.files + best_chunks(view, scores)[view.record_of_file]
        files += _NAME_WEIGHT * names[0][number] + _FILE_NAME_WEIGHT * names[1][number]
        files *= _priors(query, view)
        files += _MENTIONED_PATH_WEIGHT * _mentioned(query, view)
        ranked.append(Ranked(files, _documents(view, scores, files)))
    return ranked


def best_chunks(view: SnapshotView, scores: Scores) -> Float64:
    """Per record, the weighted mean of its best chunks' scores."""
    result = np.zeros(view.records)
    left = scores.documents.copy()
    for share in _BEST_CHUNKS:
        best, where = view.best_documents(left)
        result += share * best
        left[where] = 0.0
    return result / sum(_BEST_CHUNKS)


def _defining(query: Query, views: Sequence[SnapshotView], total: int) -> list[Float64]:
    """Per file, the rarity of the question's names that it defines, 1 for a name that one file alone defines."""
    result = [np.zeros(len(view.files.paths)) for view in views]
    for name in query.names:
        defining = [_files_defining(view, name) for view in views]
        count = sum(int(here.sum()) for here in defining)
        if count:
            rarity = math.log(1 + total / count) / math.log(1 + total)
            for here, scores in zip(defining, result, strict=True):
                scores[here] += rarity
    return result


def _files_defining(view: SnapshotView, name: str) -> npt.NDArray[np.bool_]:
    records = np.zeros(view.records, dtype=bool)
    records[view.record_of[view.postings(Field.SYMBOLS, name_term(name))[0]]] = True
    return records[view.record_of_file]


def _file_names(query: Query, views: Sequence[SnapshotView]) -> list[Float64]:
    """Per file, how tellingly the question names the file itself: 1 where one file alone is called so."""
    words = {term.word for term in query.terms if len(term.word) > 2 and term.word not in STOP_WORDS}
    result = [np.zeros(len(view.files.paths)) for view in views]
    for word in sorted(words):
        for form in sorted({word, word.rstrip("s"), f"{word}s"}):
            found = [view.files.words.postings(name_term(form))[0] for view in views]
            count = sum(len(files) for files in found)
            for files, scores in zip(found, result, strict=True):
                scores[files] = np.maximum(scores[files], 1 / math.sqrt(max(count, 1)))
    return result


def _mentioned(query: Query, view: SnapshotView) -> Float64:
    """1 for each file whose path the question writes out, or the end of it with at least one folder or
    suffix.
    """
    result = np.zeros(len(view.files.paths))
    for written in query.paths:
        ending = written.lstrip("./")
        matches = [
            number
            for number, path in enumerate(view.files.paths)
            # A traceback's path may be absolute, and a question's may lack the first folders.
            if path == ending or path.endswith("/" + ending) or written.endswith("/" + path)
        ]
        if matches:
            result[matches] = np.maximum(result[matches], 1 / math.sqrt(len(matches)))
    return result


def _priors(query: Query, view: SnapshotView) -> Float64:
    prior = dict(_ROLE_PRIOR)
    if query.about_tests:
        prior[FileRole.TEST] = 1.0
    if query.about_docs:
        prior[FileRole.DOCS] = 0.8
    table = np.array([prior[role] for role in ROLES])
    return table[view.files.roles]


def _documents(view: SnapshotView, scores: Scores, files: Float64) -> Float64:
    """Per document, the score of its best file, less what the document lacks beside that file's best chunk."""
    best_file = np.zeros(view.records)
    np.maximum.at(best_file, view.record_of_file, files)
    best_chunk, _ = view.best_documents(scores.documents)
    share = scores.documents / np.maximum(best_chunk[view.record_of], 1e-12)
    return best_file[view.record_of] * (0.5 + 0.5 * share) * (scores.documents > 0)
