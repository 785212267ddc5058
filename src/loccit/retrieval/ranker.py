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
from loccit.retrieval.scoring import Scoring

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

# Chosen on mined pairs: docs/decisions/0004-ranking.md.
_BEST_CHUNKS = (1.0, 0.5, 0.25)
_NAME_WEIGHT = 0.05
_FILE_NAME_WEIGHT = 0.05
# Among the chunks of one file, the one that defines what is asked for comes before those that speak of it.
_CHUNK_NAME_WEIGHT = 0.1
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
    """Scores of one view after everything is taken together.

    `files` is parallel to the view's files, `records` to its live records: the score of a record's best file.
    `chunks` are the documents that hold anything of the question.
    """

    files: Float64
    records: Float64
    chunks: Grouped


@dataclass(frozen=True, slots=True)
class Grouped:
    """The documents of a view that have a score, record by record.

    `documents` are rising; those of group g are `documents[starts[g] : starts[g] + sizes[g]]`, all of the
    record `records[g]`; `scores` is parallel to them, and so is `groups`, the g of each.
    """

    documents: Int64
    scores: Float64
    starts: Int64
    sizes: Int64
    records: Int64
    groups: Int64

    @classmethod
    def of(cls, view: SnapshotView, scores: Float64) -> Grouped:
        """The documents with a score above 0."""
        # Several times faster than np.flatnonzero of numbers.
        documents = (scores != 0).nonzero()[0]
        # A view numbers its documents record after record.
        owners = view.record_of[documents]
        is_first = np.ones(len(owners), dtype=bool)
        is_first[1:] = owners[1:] != owners[:-1]
        starts = np.flatnonzero(is_first)
        sizes = np.diff(starts, append=len(owners))
        groups = np.repeat(np.arange(len(starts)), sizes)
        return cls(documents, scores[documents], starts, sizes, owners[starts], groups)

    def best(self, scores: Float64) -> Float64:
        """The best score of each group."""
        return np.maximum.reduceat(scores, self.starts) if len(self.starts) else np.empty(0)

    def first_with(self, scores: Float64, best: Float64) -> Int64:
        """Where in each group the first document stands that has the group's best score."""
        equal = np.flatnonzero(scores == best[self.groups])
        groups = self.groups[equal]
        is_first = np.ones(len(equal), dtype=bool)
        is_first[1:] = groups[1:] != groups[:-1]
        return equal[is_first]

    def final_scores(self, records: Float64, groups: npt.NDArray[np.bool_]) -> tuple[Int64, Float64]:
        """The documents of the chosen groups, and their final scores.

        A record's best chunk scores as high as its best file, its other chunks less, by how much less of the
        question they hold.
        """
        chosen = groups[self.groups].nonzero()[0]
        of = self.groups[chosen]
        best, whole = self.best(self.scores)[of], records[self.records[of]]
        return self.documents[chosen], whole * (0.5 + 0.5 * self.scores[chosen] / best)


def rank(query: Query, views: Sequence[SnapshotView], scoring: Scoring) -> list[Ranked]:
    """The final scores of every file and chunk of these views."""
    defining = _defining(query, views)
    called = _file_names(query, views)
    ranked: list[Ranked] = []
    for view, scores, names, named in zip(views, scoring.views, defining, called, strict=True):
        held = Grouped.of(view, scores.documents)
        files = scores.files + _best_chunks(view, held)[view.record_of_file]
        files += _NAME_WEIGHT * names.files + _FILE_NAME_WEIGHT * named
        files *= _priors(query, view)
        files += _MENTIONED_PATH_WEIGHT * _mentioned(query, view)
        records = np.zeros(view.records)
        np.maximum.at(records, view.record_of_file, files)
        chunks = held
        if query.names:
            chunks = Grouped.of(view, scores.documents + _CHUNK_NAME_WEIGHT * names.documents)
        ranked.append(Ranked(files, records, chunks))
    return ranked


def _best_chunks(view: SnapshotView, grouped: Grouped) -> Float64:
    """Per record, the weighted mean of its best chunks' scores."""
    result = np.zeros(view.records)
    left = grouped.scores.copy()
    for share in _BEST_CHUNKS:
        best = grouped.best(left)
        result[grouped.records] += share * best
        left[grouped.first_with(left, best)] = 0.0
    return result / sum(_BEST_CHUNKS)


@dataclass(frozen=True, slots=True)
class _Defining:
    """The rarity of the question's names that each file and each document of a view defines: 1 for a name
    that one file alone defines. A document gets half of it for standing within the definition.
    """

    files: Float64
    documents: Float64


def _defining(query: Query, views: Sequence[SnapshotView]) -> list[_Defining]:
    total = sum(len(view.files.paths) for view in views)
    result = [_Defining(np.zeros(len(view.files.paths)), np.zeros(len(view))) for view in views]
    for name, weight in query.names.items():
        found = [view.postings(Field.SYMBOLS, name_term(name)) for view in views]
        defining = [_files_of(view, documents) for view, (documents, _) in zip(views, found, strict=True)]
        count = sum(int(here.sum()) for here in defining)
        if not count:
            continue
        rarity = weight * math.log(1 + total / count) / math.log(1 + total)
        for (documents, tf), files, here in zip(found, defining, result, strict=True):
            here.files[files] += rarity
            # The chunk that begins a method has its name twice: of its own, and in the qualified name.
            here.documents[documents] += rarity * np.minimum(tf, 2) / 2
    return result


def _files_of(view: SnapshotView, documents: Int64) -> npt.NDArray[np.bool_]:
    records = np.zeros(view.records, dtype=bool)
    records[view.record_of[documents]] = True
    return records[view.record_of_file]


def _file_names(query: Query, views: Sequence[SnapshotView]) -> list[Float64]:
    """Per file, how tellingly the question names the file itself: 1 where one file alone is called so."""
    words = {term.word for term in query.terms if len(term.word) > 2 and term.word not in STOP_WORDS}
    result = [np.zeros(len(view.files.paths)) for view in views]
    for word in sorted(words):
        for form in sorted({word, word.removesuffix("s"), f"{word}s"}):
            found = [view.files.words.postings(name_term(form))[0] for view in views]
            count = sum(len(files) for files in found)
            for files, scores in zip(found, result, strict=True):
                scores[files] = np.maximum(scores[files], 1 / math.sqrt(max(count, 1)))
    return result


def _mentioned(query: Query, view: SnapshotView) -> Float64:
    """For each file, how surely the question writes out its path: the weight of what is written, over the
    root of the number of files that it fits.

    A question may leave out the first folders, and a traceback's path may begin with folders that are not in
    the tree: what is written fits the files with the longest common ending of whole parts. That must be all
    of the one or the other, or two parts.
    """
    result = np.zeros(len(view.files.paths))
    written = [(parts, weight) for path, weight in query.paths.items() if (parts := _parts(path))]
    if not written:
        return result
    names = {parts[-1] for parts, _ in written}
    called: dict[str, list[tuple[int, list[str]]]] = {}
    for number, path in enumerate(view.files.paths):
        name = path[path.rfind("/") + 1 :]
        if name in names:
            called.setdefault(name, []).append((number, _parts(path)))
    for parts, weight in written:
        fits = [(_fit(parts, own), number) for number, own in called.get(parts[-1], ())]
        best = max(fits, default=(0, 0))[0]
        if best:
            matches = [number for fit, number in fits if fit == best]
            result[matches] = np.maximum(result[matches], weight / math.sqrt(len(matches)))
    return result


def _parts(path: str) -> list[str]:
    return [part for part in path.replace("\\", "/").split("/") if part not in {"", ".", ".."}]


def _fit(written: Sequence[str], own: Sequence[str]) -> int:
    """The number of parts at the end that two paths share; 0 where that is too little to mean the same."""
    shared = 0
    while shared < min(len(written), len(own)) and written[-1 - shared] == own[-1 - shared]:
        shared += 1
    return shared if shared >= 2 or shared in {len(written), len(own)} else 0


def _priors(query: Query, view: SnapshotView) -> Float64:
    prior = dict(_ROLE_PRIOR)
    if query.about_tests:
        prior[FileRole.TEST] = 1.0
    if query.about_docs:
        prior[FileRole.DOCS] = 0.8
    table = np.array([prior[role] for role in ROLES])
    return table[view.roles]
