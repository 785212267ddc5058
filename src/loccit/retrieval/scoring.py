"""BM25 over chunks and files, with statistics of exactly the live documents of the searched shards."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from loccit.core.source import FileRole
from loccit.indexing.lexical import Field
from loccit.indexing.shard import Kind
from loccit.indexing.terms import term_key
from loccit.indexing.view import ROLES, SnapshotView, StoredPostings
from loccit.retrieval.query import Query, QueryTerm

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

# Chosen on pairs mined from the histories and docstrings of public repositories:
# docs/decisions/0004-ranking.md.
FIELD_WEIGHTS: dict[Field, float] = {
    Field.SYMBOLS: 3.0,
    Field.SIGNATURE: 1.0,
    Field.DOCS: 1.0,
    Field.BODY: 1.0,
}
PATH_WEIGHT = 2.0
FILE_K1, FILE_B = 2.0, 0.5
CHUNK_K1, CHUNK_B = 2.0, 0.75
COUNT_POWER = 0.5
# A question is scored by its rarest terms until they have this many postings, and by this many terms in any
# case: the few words that stand in a tenth of all chunks take most of the time and decide next to nothing.
POSTINGS_BUDGET = 100_000
LEAST_TERMS = 8
# A pasted log has hundreds of terms: its rarest tell where it comes from.
MOST_TERMS = 64
# Of a commit the subject says most; the names in its diff are touched, not defined. It is long because it
# changes much, not because it says little at greater length: the commit that brings a feature is long.
COMMIT_WEIGHTS: dict[Field, float] = {
    Field.SYMBOLS: 1.0,
    Field.SIGNATURE: 3.0,
    Field.DOCS: 1.0,
    Field.BODY: 1.0,
}
COMMIT_B = 0.15
_NOWHERE: Int64 = np.empty(0, dtype=np.int64)
_NOTHING: Float64 = np.empty(0, dtype=np.float64)
_CODE_ROLES = [ROLES.index(FileRole.SOURCE), ROLES.index(FileRole.TEST)]


@dataclass(frozen=True, slots=True)
class Formula:
    """What the documents of one kind of snapshot are scored by: weights of fields, and how much length counts
    against a chunk and a file (0 not at all, 1 in full).
    """

    fields: Mapping[Field, float]
    chunk_b: float
    file_b: float


FORMULAS: dict[Kind, Formula] = {
    "files": Formula(FIELD_WEIGHTS, CHUNK_B, FILE_B),
    "history": Formula(COMMIT_WEIGHTS, COMMIT_B, COMMIT_B),
}


@dataclass(frozen=True, slots=True)
class Found:
    """Where a term stands in one view: documents and files, with frequencies weighted by field.

    `holding` is the number of files whose content holds it; a file in `files` may hold it in its path only.
    """

    documents: Int64
    frequencies: Float64
    files: Int64
    file_frequencies: Float64
    holding: int


@dataclass(frozen=True, slots=True)
class TermWeight:
    """A term of the question: how many files hold it, its idf, what it weighs (0 where no file holds it), its
    documents per view.
    """

    term: QueryTerm
    files: int
    idf: float
    weight: float
    documents: tuple[Int64, ...]


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of one view, as shares of what a chunk or file that holds every term without end would reach: 0
    to below 1.

    `documents` is parallel to the view's live documents, `files` to its files.
    """

    documents: Float64
    files: Float64


@dataclass(frozen=True, slots=True)
class Scoring:
    """The scores of every searched view, and the weights they rest on."""

    weights: tuple[TermWeight, ...]
    views: tuple[Scores, ...]
    total_files: int


def score(query: Query, views: Sequence[SnapshotView], formula: Formula = FORMULAS["files"]) -> Scoring:
    """Score every live chunk and file of these views for the query; all are of the kind the formula is for.

    Statistics (numbers of files, lengths) are taken over all views together, so that scores compare between
    them.
    """
    total_files = sum(len(view.files.paths) for view in views)
    mean_chunk, mean_file = _averages(views)
    norms = [_Norms(view, formula, mean_chunk, mean_file) for view in views]
    scores = [Scores(np.zeros(len(view)), np.zeros(len(view.files.paths))) for view in views]
    weights: list[TermWeight] = []
    looked_up = _looked_up(query, views)
    scored = _within_budget(looked_up, views)
    for term in query.terms:
        stored = looked_up[term.term]
        if term.term not in scored:
            weights.append(_left_out(term, stored, views))
            continue
        found = [norm.find(term.term, parts) for norm, parts in zip(norms, stored, strict=True)]
        holding = sum(hit.holding for hit in found)
        idf = _idf(holding, views)
        weight = idf * term.weight * term.count**COUNT_POWER if holding else 0.0
        weights.append(TermWeight(term, holding, idf, weight, tuple(hit.documents for hit in found)))
        if weight:
            for norm, hit, result in zip(norms, found, scores, strict=True):
                norm.add(hit, weight, result)
    most = sum(weight.weight for weight in weights) or 1.0
    for result in scores:
        result.documents[:] /= most
        result.files[:] /= most
    return Scoring(tuple(weights), tuple(scores), total_files)


def _looked_up(query: Query, views: Sequence[SnapshotView]) -> dict[str, list[list[StoredPostings]]]:
    """For each term of the query, its stored postings in each view. A word whose stem is the word itself is
    looked up once.
    """
    terms = dict.fromkeys(term.term for term in query.terms)
    return {term: [view.stored_postings(key) for view in views] for term in terms for key in [term_key(term)]}


def _within_budget(
    looked_up: Mapping[str, list[list[StoredPostings]]], views: Sequence[SnapshotView]
) -> set[str]:
    """The terms that are scored: see POSTINGS_BUDGET and MOST_TERMS. Equally common ones stay or go by their
    order in the question.
    """
    counts = {
        term: sum(view.live_count(part) for view, parts in zip(views, found, strict=True) for part in parts)
        for term, found in looked_up.items()
    }
    kept: set[str] = set()
    left = POSTINGS_BUDGET
    for term in sorted((term for term in counts if counts[term]), key=lambda term: counts[term]):
        left -= counts[term]
        if (left < 0 and len(kept) >= LEAST_TERMS) or len(kept) == MOST_TERMS:
            break
        kept.add(term)
    return kept


def _left_out(
    term: QueryTerm, stored: Sequence[list[StoredPostings]], views: Sequence[SnapshotView]
) -> TermWeight:
    """A term that is not scored, since no file holds it or too many do: with where it stands, and of no
    weight.
    """
    documents = tuple(
        np.concatenate([np.empty(0, dtype=np.int64), *(view.live(part)[0] for part in parts)])
        for view, parts in zip(views, stored, strict=True)
    )
    holding = 0
    for view, found in zip(views, documents, strict=True):
        holds = np.zeros(view.records, dtype=bool)
        holds[view.record_of[found]] = True
        holding += int(holds[view.record_of_file].sum())
    return TermWeight(term, holding, _idf(holding, views), 0.0, documents)


def _idf(holding: int, views: Sequence[SnapshotView]) -> float:
    total = sum(len(view.files.paths) for view in views)
    return math.log(1 + (total - holding + 0.5) / (holding + 0.5))


def _averages(views: Sequence[SnapshotView]) -> tuple[float, float]:
    """Mean length in words of a chunk, and of a file of code, over all views, copies counted.

    Files of data are as long as they like: their lengths say nothing about how long a file of code should be.
    """
    chunks = sum(view.total_documents for view in views)
    words = sum(view.total_words for view in views)
    code = [view.kept("code", lambda view=view: _code(view)) for view in views]
    code_files, code_words = sum(files for files, _ in code), sum(size for _, size in code)
    if not code_files:
        code_files, code_words = sum(len(view.files.paths) for view in views), words
    return max(words / max(chunks, 1), 1.0), max(code_words / max(code_files, 1), 1.0)


def _code(view: SnapshotView) -> tuple[int, int]:
    """How many files of code there are, and their words."""
    is_code = np.isin(view.roles, _CODE_ROLES)
    return int(is_code.sum()), int(view.file_words[is_code].sum())


def _length_norms(words: Int64, k1: float, b: float, mean: float) -> Float64:
    return (k1 * (1 - b + b * words / mean)).astype(np.float64)


class _Norms:
    """Length norms of one view, and the scratch space in which the fields of a term are added up."""

    def __init__(self, view: SnapshotView, formula: Formula, mean_chunk: float, mean_file: float) -> None:
        self.view = view
        self._fields = formula.fields
        chunk_b, file_b = formula.chunk_b, formula.file_b
        # The means are the same for every question to the same views.
        self.chunk, self.file = view.kept(
            ("norms", chunk_b, file_b, mean_chunk, mean_file),
            lambda: (
                _length_norms(view.document_words, CHUNK_K1, chunk_b, mean_chunk),
                _length_norms(view.file_words, FILE_K1, file_b, mean_file),
            ),
        )
        self._scratch = np.zeros(len(view))
        # A word whose stem is the word itself is looked up twice.
        self._found: dict[str, Found] = {}

    def find(self, term: str, stored: Sequence[StoredPostings]) -> Found:
        """Where the term with these postings stands."""
        if term in self._found:
            return self._found[term]
        view, scratch = self.view, self._scratch
        documents, frequencies = _NOWHERE, _NOTHING
        for number, part in enumerate(stored):
            here, counts = view.live(part)
            weighted = self._fields[part.field] * counts
            if len(stored) == 1:
                documents, frequencies = here, weighted
            elif number == 0:
                documents = here
                scratch[here] = weighted
            else:
                before = scratch[here]
                documents = np.concatenate([documents, here[before == 0]])
                scratch[here] = before + weighted
        if len(stored) > 1:
            frequencies = scratch[documents]
            scratch[documents] = 0.0
        owners = view.record_of[documents]
        per_record = np.bincount(owners, weights=frequencies, minlength=view.records)
        # Counting nothing gives integers whatever the weights are.
        per_file = per_record.astype(np.float64, copy=False)[view.record_of_file]
        # To numpy the truth of numbers is several times dearer than that of booleans.
        holds = per_file != 0
        holding = int(np.count_nonzero(holds))
        in_path, path_tf = view.files.words.postings(term)
        if len(in_path):
            per_file[in_path] += PATH_WEIGHT * path_tf
            holds[in_path] = True
        files = holds.nonzero()[0]
        found = self._found[term] = Found(documents, frequencies, files, per_file[files], holding)
        return found

    def add(self, found: Found, weight: float, scores: Scores) -> None:
        """Add the term's share to the scores."""
        tf, documents = found.frequencies, found.documents
        scores.documents[documents] += weight * tf / (tf + self.chunk[documents])
        tf, files = found.file_frequencies, found.files
        scores.files[files] += weight * tf / (tf + self.file[files])
