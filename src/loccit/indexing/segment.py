"""Segments: immutable inverted files over the chunks of some records.

A segment holds each of its records once, in order of key. Postings are kept per field: the terms' 64-bit
keys, sorted; where each one's postings begin; the documents (chunk numbers within the segment, rising) and
their term frequencies (clipped at 255). Documents are numbered in 16 bits, but in the segment of a single
file that has more chunks. Nothing in a segment says which commit it belongs to: statistics are taken over the
documents that a view declares live, so they are those of a fresh index.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from loccit.core.chunks import Unsearchable
from loccit.indexing.arrays import Array, broken, read_arrays, write_arrays
from loccit.indexing.lexical import FIELDS, KEY_BYTES, Field, FileRecord
from loccit.indexing.terms import name_term, term_key, terms_of

# What several records may have together in one segment, and what one record may have.
MAX_DOCUMENTS = 65_536
_DOCUMENT_BITS = 20
MAX_RECORD_DOCUMENTS = 1 << _DOCUMENT_BITS
_MAX_TF = 255
_MAX_LENGTH = 65_535

PARTIAL = 1
GENERATED = 2
_UNSEARCHABLE = (None, *Unsearchable)
ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be", "latin-1")

UInt64 = npt.NDArray[np.uint64]
Int64 = npt.NDArray[np.int64]
Int32 = npt.NDArray[np.int32]
Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Segment:
    """An open segment. Arrays are read-only maps of its file.

    `keys` is bytes, sorted, one per record; record r has the documents `first_doc[r]` to `first_doc[r + 1]`.
    `places` has a row per document: start byte, end byte, start line, end line.
    """

    name: str
    languages: tuple[str, ...]
    keys: Array
    first_doc: Array
    language: Array
    encoding: Array
    flags: Array
    unsearchable: Array
    places: Array
    kind: Array
    symbol_text: Array
    symbol_at: Array
    terms: tuple[Array, ...]
    starts: tuple[Array, ...]
    docs: tuple[Array, ...]
    tfs: tuple[Array, ...]
    lengths: tuple[Array, ...]

    def __len__(self) -> int:
        """The number of documents."""
        return len(self.places)

    def postings(self, field: Field, key: int) -> tuple[Array, Array]:
        """Documents (rising) and term frequencies (uint8) of the term with this key; empty arrays if it has
        none.
        """
        terms, starts = self.terms[field], self.starts[field]
        # The method: np.searchsorted takes twice as long to find its way to it.
        at = int(terms.searchsorted(np.uint64(key)))
        if at == len(terms) or int(terms[at]) != key:
            return self.docs[field][:0], self.tfs[field][:0]
        first, last = int(starts[at]), int(starts[at + 1])
        return self.docs[field][first:last], self.tfs[field][first:last]

    def symbol(self, document: int) -> str:
        """The qualified name of a document, or ''."""
        first, last = int(self.symbol_at[document]), int(self.symbol_at[document + 1])
        return self.symbol_text[first:last].tobytes().decode("utf-8", "surrogatepass")

    def find(self, keys: Array) -> Int64:
        """The record number of each key (an array like `self.keys`), -1 where it is not here."""
        if not len(self.keys):
            return np.full(len(keys), -1, dtype=np.int64)
        at = np.searchsorted(self.keys, keys)
        at = np.minimum(at, len(self.keys) - 1)
        return np.where(self.keys[at] == keys, at, -1).astype(np.int64)


def as_keys(keys: Sequence[bytes]) -> Array:
    """Record keys as the array that segments compare: fixed width, ordered as bytes."""
    return (
        np.frombuffer(b"".join(keys), dtype=f"S{KEY_BYTES}") if keys else np.empty(0, dtype=f"S{KEY_BYTES}")
    )


def build_segment(path: Path, records: Iterable[tuple[bytes, FileRecord]]) -> int:
    """Write a segment of these (key, record) pairs; returns its size in bytes.

    Keys are distinct, and the records have at most MAX_DOCUMENTS chunks together; one record alone may have
    MAX_RECORD_DOCUMENTS.
    """
    ordered = sorted(records, key=lambda pair: pair[0])
    kept = [record for _, record in ordered]
    first_doc = np.cumsum([0, *(len(record.chunks) for record in kept)], dtype=np.int64)
    languages = sorted({record.language for record in kept})
    arrays = _tables(kept, languages)
    arrays["keys"] = as_keys([key for key, _ in ordered])
    arrays["first_doc"] = first_doc.astype(np.uint32)
    expansion = _expand(kept)
    postings = _postings(kept, expansion.tokens, first_doc)
    for number in Field:
        columns = postings.of(number)
        lengths = _lengths(expansion, *columns, int(first_doc[-1]))
        packed = _packed(*_term_columns(expansion, number, *columns))
        del columns
        arrays |= _inverted(number, expansion.keys, packed, int(first_doc[-1]))
        arrays[f"lengths{number}"] = np.minimum(lengths, _MAX_LENGTH).astype(np.uint16)
    return write_arrays(path, {"languages": languages}, arrays)


def merge_segments(path: Path, segments: Sequence[Segment], keep: Sequence[npt.NDArray[np.bool_]]) -> int:
    """Write one segment of the kept records of several; returns its size in bytes.

    `keep` has a boolean per record of each segment. No key is kept twice, and the kept documents are at most
    MAX_DOCUMENTS.
    """
    keys = np.concatenate([s.keys[k] for s, k in zip(segments, keep, strict=True)])
    order = np.argsort(keys)
    sizes = np.concatenate(
        [np.diff(s.first_doc.astype(np.int64))[k] for s, k in zip(segments, keep, strict=True)]
    )
    first_doc = np.concatenate([[0], np.cumsum(sizes[order])]).astype(np.int64)
    starts = np.empty(len(order), dtype=np.int64)
    starts[order] = first_doc[:-1]
    maps = _renumbering(segments, keep, starts)
    languages = sorted({language for segment in segments for language in segment.languages})
    arrays = _merged_tables(segments, keep, order, maps, languages, int(first_doc[-1]))
    arrays["keys"] = keys[order]
    arrays["first_doc"] = first_doc.astype(np.uint32)
    for number in Field:
        term_keys = np.unique(np.concatenate([s.terms[number] for s in segments]))
        parts = [_renumbered(s, number, term_keys, m) for s, m in zip(segments, maps, strict=True)]
        packed = _packed(*(np.concatenate(column) for column in zip(*parts, strict=True)))
        del parts
        arrays |= _inverted(number, term_keys, packed, int(first_doc[-1]))
        arrays[f"lengths{number}"] = _gathered(
            [s.lengths[number] for s in segments], maps, int(first_doc[-1])
        )
    return write_arrays(path, {"languages": languages}, arrays)


def open_segment(path: Path) -> Segment:
    """Map a segment. Raises IndexBroken when it is damaged or not one."""
    meta, arrays = read_arrays(path)
    try:
        return Segment(
            name=path.name,
            languages=tuple(meta["languages"]),
            **{name: arrays[name] for name in _TABLES},
            terms=tuple(arrays[f"terms{f}"] for f in range(FIELDS)),
            starts=tuple(arrays[f"starts{f}"] for f in range(FIELDS)),
            docs=tuple(arrays[f"docs{f}"] for f in range(FIELDS)),
            tfs=tuple(arrays[f"tfs{f}"] for f in range(FIELDS)),
            lengths=tuple(arrays[f"lengths{f}"] for f in range(FIELDS)),
        )
    except KeyError as error:
        raise broken(path, f"it has no {error}") from error


_TABLES = (
    "keys",
    "first_doc",
    "language",
    "encoding",
    "flags",
    "unsearchable",
    "places",
    "kind",
    "symbol_text",
    "symbol_at",
)


def _tables(records: Sequence[FileRecord], languages: Sequence[str]) -> dict[str, Array]:
    chunks = np.concatenate([np.empty((0, 5), dtype=np.uint32), *(record.chunks for record in records)])
    symbols = [symbol.encode("utf-8", "surrogatepass") for record in records for symbol in record.symbols]
    return {
        "language": np.array([languages.index(r.language) for r in records], dtype=np.uint8),
        "encoding": np.array([ENCODINGS.index(r.encoding) for r in records], dtype=np.uint8),
        "flags": np.array(
            [PARTIAL * r.is_partial + GENERATED * r.is_generated for r in records], dtype=np.uint8
        ),
        "unsearchable": np.array([_UNSEARCHABLE.index(r.unsearchable) for r in records], dtype=np.uint8),
        "places": chunks[:, :4],
        "kind": chunks[:, 4].astype(np.uint8),
        "symbol_text": np.frombuffer(b"".join(symbols), dtype=np.uint8),
        "symbol_at": np.cumsum([0, *(len(symbol) for symbol in symbols)], dtype=np.int64).astype(np.uint32),
    }


def unsearchable_reason(code: int) -> Unsearchable | None:
    """What a value of `Segment.unsearchable` stands for."""
    return _UNSEARCHABLE[code]


@dataclass(frozen=True, slots=True)
class _Expansion:
    """What the tokens of some records stand for.

    `tokens` has, per record, the number of each token of its vocabulary. `keys` are the sorted keys of all
    terms. The terms of token t, as ranks of their keys, are `terms[at[t] : at[t + 1]]`; it has `words[t]`
    words, and as a defined name it is the term `names[t]`.
    """

    tokens: list[Int32]
    keys: UInt64
    terms: Int32
    at: Int32
    words: Int32
    names: Int32


def _expand(records: Sequence[FileRecord]) -> _Expansion:
    numbers: dict[str, int] = {}
    tokens = [
        np.fromiter((numbers.setdefault(t, len(numbers)) for t in r.vocabulary), np.int32, len(r.vocabulary))
        for r in records
    ]
    vocabulary = list(numbers)
    ranks: dict[str, int] = {}
    analysed = terms_of(vocabulary)
    lists = [[ranks.setdefault(term, len(ranks)) for term in terms] for terms, _ in analysed]
    names = np.array([ranks.setdefault(name_term(token), len(ranks)) for token in vocabulary], dtype=np.int32)
    keys = np.fromiter((term_key(term) for term in ranks), dtype=np.uint64, count=len(ranks))
    # Two terms with one key are one term from here on.
    term_keys, rank = np.unique(keys, return_inverse=True)
    rank = rank.astype(np.int32)
    at = np.cumsum([0, *(len(terms) for terms in lists)], dtype=np.int32)
    flat = np.fromiter((number for terms in lists for number in terms), dtype=np.int32, count=int(at[-1]))
    words = np.array([count for _, count in analysed], dtype=np.int32)
    return _Expansion(tokens, term_keys, rank[flat], at, words, rank[names])


@dataclass(frozen=True, slots=True)
class _Postings:
    """Field, token, document and count of every posting, record after record."""

    field: Array
    token: Int32
    doc: Int32
    count: Int32

    def of(self, field: Field) -> tuple[Int32, Int32, Int32]:
        """Token, document and count of the postings of one field."""
        here = self.field == field
        return self.token[here], self.doc[here], self.count[here]


def _postings(records: Sequence[FileRecord], tokens: Sequence[Int32], first_doc: Int64) -> _Postings:
    none = np.empty(0, dtype=np.int32)
    sizes = [len(record.token) for record in records]
    first = np.repeat(first_doc[:-1].astype(np.int32), sizes)
    return _Postings(
        np.concatenate([none.astype(np.uint8), *(record.field.astype(np.uint8) for record in records)]),
        np.concatenate([none, *(t[r.token] for r, t in zip(records, tokens, strict=True))]),
        np.concatenate([none, *(record.chunk for record in records)]).astype(np.int32) + first,
        np.concatenate([none, *(record.count for record in records)]).astype(np.int32),
    )


def _term_columns(
    expansion: _Expansion, field: Field, token: Int32, doc: Int32, count: Int32
) -> tuple[Int32, Int32, Int32]:
    """Term, document and count of every posting of a field; a term may repeat in a document."""
    fan = expansion.at[token + 1] - expansion.at[token]
    within = np.arange(int(fan.sum()), dtype=np.int32) - np.repeat(np.cumsum(fan, dtype=np.int32) - fan, fan)
    term = expansion.terms[np.repeat(expansion.at[token], fan) + within]
    docs, counts = np.repeat(doc, fan), np.repeat(count, fan)
    if field is not Field.SYMBOLS:
        return term, docs, counts
    return (
        np.concatenate([term, expansion.names[token]]),
        np.concatenate([docs, doc]),
        np.concatenate([counts, count]),
    )


def _lengths(expansion: _Expansion, token: Int32, doc: Int32, count: Int32, documents: int) -> Float64:
    """The length of each document in words."""
    words = (count * expansion.words[token]).astype(np.float64)
    return np.bincount(doc, weights=words, minlength=documents).astype(np.float64)


def _packed(term: Int32, doc: Int32, tf: Int32) -> UInt64:
    """Postings as integers that sort by term (28 bits), then document (20 bits); 16 bits of frequency."""
    packed = term.astype(np.uint64)
    packed <<= np.uint64(_DOCUMENT_BITS)
    packed |= doc.astype(np.uint64)
    packed <<= np.uint64(16)
    packed |= np.minimum(tf, _MAX_LENGTH).astype(np.uint64)
    return packed


def _inverted(field: Field, term_keys: UInt64, packed: UInt64, documents: int) -> dict[str, Array]:
    """The arrays of one field from its postings in any order; `packed` is used up."""
    # There are millions of these: what can be is done in place.
    packed.sort()
    frequency = (packed & np.uint64(0xFFFF)).astype(np.uint16)
    packed >>= np.uint64(16)
    differs = np.ones(len(packed), dtype=bool)
    np.not_equal(packed[1:], packed[:-1], out=differs[1:])
    first = np.flatnonzero(differs)
    if len(first):
        frequency = np.add.reduceat(frequency, first, dtype=np.uint32)
    cell = packed[first]
    owner = (cell >> np.uint64(_DOCUMENT_BITS)).astype(np.int32)
    present, starts = np.unique(owner, return_index=True)
    return {
        f"terms{field}": term_keys[present],
        f"starts{field}": np.concatenate([starts, [len(owner)]]).astype(np.uint32),
        f"docs{field}": (cell & np.uint64(MAX_RECORD_DOCUMENTS - 1)).astype(
            np.uint16 if documents <= MAX_DOCUMENTS else np.uint32
        ),
        f"tfs{field}": np.minimum(frequency, _MAX_TF).astype(np.uint8),
    }


def _gathered(columns: Sequence[Array], maps: Sequence[Int64], documents: int) -> Array:
    """A column of a merged segment from those of its sources."""
    result = np.empty((documents, *columns[0].shape[1:]), dtype=columns[0].dtype)
    for column, renumbering in zip(columns, maps, strict=True):
        live = np.flatnonzero(renumbering >= 0)
        result[renumbering[live]] = column[live]
    return result


def _renumbering(
    segments: Sequence[Segment], keep: Sequence[npt.NDArray[np.bool_]], starts: Int64
) -> list[Int64]:
    """For each segment, the new number of each of its documents, -1 where it is left out.

    `starts` are the first new documents of the kept records, segment after segment.
    """
    maps: list[Int64] = []
    position = 0
    for segment, kept in zip(segments, keep, strict=True):
        sizes = np.diff(segment.first_doc.astype(np.int64))
        base = np.full(len(sizes), -1, dtype=np.int64)
        count = int(kept.sum())
        base[kept] = starts[position : position + count]
        position += count
        within = np.arange(len(segment)) - np.repeat(segment.first_doc[:-1].astype(np.int64), sizes)
        spread = np.repeat(base, sizes)
        maps.append(np.where(spread >= 0, spread + within, -1))
    return maps


def _renumbered(
    segment: Segment, field: Field, term_keys: UInt64, renumbering: Int64
) -> tuple[Int32, Int32, Int32]:
    rank = np.searchsorted(term_keys, segment.terms[field]).astype(np.int32)
    term = np.repeat(rank, np.diff(segment.starts[field].astype(np.int64)))
    doc = renumbering.astype(np.int32)[segment.docs[field]]
    live = doc >= 0
    return term[live], doc[live], segment.tfs[field][live].astype(np.int32)


def _merged_tables(
    segments: Sequence[Segment],
    keep: Sequence[npt.NDArray[np.bool_]],
    order: Int64,
    maps: Sequence[Int64],
    languages: Sequence[str],
    documents: int,
) -> dict[str, Array]:
    recoded = [np.array([languages.index(name) for name in s.languages], dtype=np.uint8) for s in segments]
    pairs = list(zip(segments, keep, strict=True))
    arrays: dict[str, Array] = {
        "language": np.concatenate([c[s.language[k]] for (s, k), c in zip(pairs, recoded, strict=True)])[
            order
        ],
        "encoding": np.concatenate([s.encoding[k] for s, k in pairs])[order],
        "flags": np.concatenate([s.flags[k] for s, k in pairs])[order],
        "unsearchable": np.concatenate([s.unsearchable[k] for s, k in pairs])[order],
        "places": _gathered([s.places for s in segments], maps, documents),
        "kind": _gathered([s.kind for s in segments], maps, documents),
    }
    symbols: list[bytes] = [b""] * documents
    for segment, renumbering in zip(segments, maps, strict=True):
        text = segment.symbol_text.tobytes()
        for document in np.flatnonzero(renumbering >= 0):
            symbols[renumbering[document]] = text[
                segment.symbol_at[document] : segment.symbol_at[document + 1]
            ]
    arrays["symbol_text"] = np.frombuffer(b"".join(symbols), dtype=np.uint8)
    arrays["symbol_at"] = np.cumsum([0, *(len(s) for s in symbols)], dtype=np.int64).astype(np.uint32)
    return arrays
