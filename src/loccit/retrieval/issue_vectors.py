"""Issues as vectors of weighted terms, and how alike one issue is to each of them.

A term weighs its idf over the issues at hand times its saturated frequency (BM25, k1 1.5, b 0.75), a word of
the title as much as three of the body. Vectors have unit length, so that a long report and a short one that
say the same meet half-way, whichever of them asks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from loccit.indexing.lexical import Field
from loccit.indexing.terms import term_key, terms_of, tokens
from loccit.indexing.view import SnapshotView

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]
UInt64 = npt.NDArray[np.uint64]
Floats = Float32 | Float64

# A longer text is a pasted log: what tells it from others stands in its first pages.
READ_CHARS = 200_000
TITLE_WEIGHT = 3
K1, B = 1.5, 0.75
# Of a pasted log the most telling terms: the others hardly turn its vector.
MOST_TERMS = 600


@dataclass(frozen=True, slots=True)
class Told:
    """What an issue says: its terms with their frequencies, a title's counted `TITLE_WEIGHT` times, and those
    of its title.
    """

    frequencies: Mapping[str, int]
    title: frozenset[str]


def told_by(title: str, body: str) -> Told:
    """The terms of an issue, of no more than its first `READ_CHARS` characters."""
    in_title = _counted(title)
    frequencies = _counted(body)
    for term, count in in_title.items():
        frequencies[term] += TITLE_WEIGHT * count
    return Told(frequencies, frozenset(in_title))


def _counted(text: str) -> Counter[str]:
    found = Counter(tokens(text[:READ_CHARS]))
    counts: Counter[str] = Counter()
    for (terms, _), count in zip(terms_of(found), found.values(), strict=True):
        for term in terms:
            counts[term] += count
    return counts


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike an issue is to each of those at hand, all from 0 to 1 and parallel to the view's documents.

    `cosine` is that of the two vectors; `title_found` is the share of its title, by idf, that the other one
    holds, `title_echoed` the share of the other's title that it holds.
    """

    cosine: Float64
    title_found: Float64
    title_echoed: Float64


@dataclass(frozen=True, slots=True)
class _Postings:
    """The documents of each term, term after term: those of term t at `starts[t]` to `starts[t + 1]`."""

    starts: Int64
    documents: Int32

    def of(self, terms: Int64) -> tuple[Int64, Int64]:
        """Where the postings of these terms stand, and for each the position of its term among the asked."""
        first, sizes = self.starts[terms], self.starts[terms + 1] - self.starts[terms]
        total = int(sizes.sum())
        at = np.repeat(first - np.cumsum(sizes) + sizes, sizes) + np.arange(total, dtype=np.int64)
        return at, np.repeat(np.arange(len(terms), dtype=np.int64), sizes)


class IssueVectors:
    """The vectors of every live document of a view of issues; statistics are over exactly those."""

    def __init__(self, view: SnapshotView) -> None:
        self.documents = len(view)
        self.issues = view.total_documents
        self._keys = _term_keys(view)
        term, document, frequency = _combined(view, self._keys)
        holding = np.bincount(term, weights=view.document_copies[document], minlength=len(self._keys))
        self.holding: Int64 = holding.astype(np.int64)
        self.idf = _idf(self.holding, self.issues)
        lengths = np.bincount(document, weights=frequency, minlength=self.documents)
        total = float((lengths * view.document_copies).sum())
        self._mean_length = max(total / max(self.issues, 1), 1.0)
        relative = (lengths / self._mean_length).astype(np.float32)
        idf = self.idf.astype(np.float32)
        weights = (_saturated(frequency, relative[document]) * idf[term]).astype(np.float32)
        norms = np.sqrt(np.bincount(document, weights=weights**2, minlength=self.documents))
        self._weights: Float32 = weights / norms.astype(np.float32)[document]
        self._postings = _Postings(_starts(term, len(self._keys)), document.astype(np.int32))
        titles = view.gather(Field.SIGNATURE, self._keys)
        order = np.argsort(titles.terms, kind="stable")
        title_term, title_document = titles.terms[order], titles.documents[order]
        self._titles = _Postings(_starts(title_term, len(self._keys)), title_document.astype(np.int32))
        in_titles = np.bincount(title_document, weights=self.idf[title_term], minlength=self.documents)
        self._title_idf = np.where(in_titles > 0, in_titles, 1.0)

    def holders(self, term: str) -> int:
        """How many issues hold the term."""
        number = self._numbers([term])[0]
        return int(self.holding[number]) if number >= 0 else 0

    def likeness(self, told: Told) -> Likeness:
        """How alike each document is to an issue that says this."""
        terms = list(told.frequencies)
        numbers = self._numbers(terms)
        # A word that no issue holds tells as much as one of a single issue: the asker itself may be in here.
        is_known = numbers >= 0
        idf = np.full(len(terms), float(_idf(np.ones(1), self.issues)[0]))
        idf[is_known] = self.idf[numbers[is_known]]
        frequency = np.fromiter(told.frequencies.values(), dtype=np.float64, count=len(terms))
        relative = np.full(1, float(frequency.sum()) / self._mean_length)
        weights = (_saturated(frequency, relative) * idf).astype(np.float64)
        norm = float(np.sqrt((weights**2).sum())) or 1.0
        is_title = np.fromiter((term in told.title for term in terms), dtype=bool, count=len(terms))
        known = np.flatnonzero(is_known)
        known = known[np.lexsort((-weights[known], ~is_title[known]))[:MOST_TERMS]]
        return Likeness(
            cosine=self._sums(numbers[known], weights[known] / norm, weighted=True),
            title_found=self._sums(numbers[known], (idf * is_title)[known]) / (idf @ is_title or 1.0),
            title_echoed=self._echoed(numbers[is_known]),
        )

    def _numbers(self, terms: list[str]) -> Int64:
        """The number of each term, -1 for one that no issue holds."""
        keys = np.fromiter((term_key(term) for term in terms), dtype=np.uint64, count=len(terms))
        if not len(self._keys):
            return np.full(len(keys), -1, dtype=np.int64)
        at = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        is_held = (self._keys[at] == keys) & (self.holding[at] > 0)
        return np.where(is_held, at, -1).astype(np.int64)

    def _sums(self, terms: Int64, weights: Float64, *, weighted: bool = False) -> Float64:
        """For each document, the sum of the weights of its terms, times its own weight if `weighted`."""
        asked = weights > 0
        at, which = self._postings.of(terms[asked])
        shares = weights[asked][which]
        if weighted:
            shares = shares * self._weights[at]
        sums = np.bincount(self._postings.documents[at], weights=shares, minlength=self.documents)
        return sums.astype(np.float64)

    def _echoed(self, terms: Int64) -> Float64:
        at, which = self._titles.of(terms)
        shares = self.idf[terms][which]
        sums = np.bincount(self._titles.documents[at], weights=shares, minlength=self.documents)
        return sums / self._title_idf


def _term_keys(view: SnapshotView) -> UInt64:
    parts = [segment.terms[field] for segment in view.segments for field in (Field.SIGNATURE, Field.BODY)]
    return np.unique(np.concatenate([np.empty(0, dtype=np.uint64), *parts]))


def _combined(view: SnapshotView, keys: UInt64) -> tuple[Int64, Int64, Float32]:
    """Term, document and frequency of every posting of title and body together, sorted by term, document."""
    packed: list[UInt64] = []
    for field, weight in ((Field.SIGNATURE, TITLE_WEIGHT), (Field.BODY, 1)):
        found = view.gather(field, keys)
        # There are millions of these: what can be is done in place.
        column, documents = found.terms.view(np.uint64), found.documents.view(np.uint64)
        column <<= np.uint64(24)
        column |= documents
        column <<= np.uint64(10)
        column |= found.frequencies.astype(np.uint64) * np.uint64(weight)
        packed.append(column)
    # Frequencies are at most 255, and so fit into ten bits. Each column is a few sorted runs, which the
    # stable sort merges.
    postings = np.concatenate(packed)
    postings.sort(kind="stable")
    frequency = (postings & np.uint64(1023)).astype(np.uint16)
    postings >>= np.uint64(10)
    is_first = np.ones(len(postings), dtype=bool)
    np.not_equal(postings[1:], postings[:-1], out=is_first[1:])
    first = np.flatnonzero(is_first)
    sums = np.add.reduceat(frequency, first, dtype=np.uint16) if len(first) else frequency
    cell = postings[first].view(np.int64)
    return cell >> 24, cell & ((1 << 24) - 1), sums.astype(np.float32)


def _starts(sorted_terms: Int64, terms: int) -> Int64:
    return np.searchsorted(sorted_terms, np.arange(terms + 1)).astype(np.int64)


def _idf(holding: npt.NDArray[np.int64] | Float64, issues: int) -> Float64:
    return np.log(1 + np.maximum(issues - holding + 0.5, 0.0) / (holding + 0.5))


def _saturated(frequency: Floats, relative_length: Floats) -> Floats:
    return frequency / (frequency + K1 * (1 - B + B * relative_length))
