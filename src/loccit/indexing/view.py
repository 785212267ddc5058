"""A commit as search sees it: the live documents of a shard's segments, and statistics over exactly those."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from threading import RLock
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from loccit.core.chunks import ChunkKind
from loccit.core.errors import IndexBroken
from loccit.core.source import FileRole, path_bytes
from loccit.indexing.arrays import Array
from loccit.indexing.lexical import FIELDS, KINDS, Field
from loccit.indexing.paths import PathIndex
from loccit.indexing.segment import ENCODINGS, GENERATED, PARTIAL, Segment, unsearchable_reason
from loccit.indexing.terms import term_key

Int64 = npt.NDArray[np.int64]
Int32 = npt.NDArray[np.int32]
Float64 = npt.NDArray[np.float64]

ROLES = tuple(FileRole)
FIELD_ORDER = tuple(Field)
FOREVER = np.iinfo(np.int64).max
_MOST_KEPT = 8
_NOT_KEPT = object()

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FileTable:
    """The searched files of a snapshot, in order of path bytes.

    `keys` are record keys as `as_keys` gives them; `blobs` object ids in hex; `roles` index into `ROLES`. For
    history the "files" are commits: no path, the commit's id as the blob. `words` is the index of the paths.

    Of issues a "file" is an issue under one of its titles, with its id as the path and its key as the blob;
    `moments` has a row for each: when the issue was opened, since when (inclusive) and until when (exclusive)
    it had that title, in seconds since the epoch, the last `FOREVER` while it has. None for other kinds.
    """

    paths: Sequence[str]
    blobs: Sequence[str]
    keys: Array
    roles: Array
    words: PathIndex
    moments: Array | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """One live document: a chunk of a record, with a file that holds it."""

    file: int
    start_byte: int
    end_byte: int
    start_line: int
    end_line: int
    kind: ChunkKind
    symbol: str
    language: str
    encoding: str


@dataclass(frozen=True, slots=True)
class StoredPostings:
    """Postings of one term in one field of one segment: documents by their numbers in the segment."""

    field: Field
    segment: int
    documents: Array
    frequencies: Array


@dataclass(frozen=True, slots=True)
class Gathered:
    """Postings of several terms in one field: for each, the term's number in the order asked for, the live
    document and the frequency. Sorted by segment, then term; a term's documents rise within a segment.
    """

    terms: Int64
    documents: Int64
    frequencies: Array


class SnapshotView:
    """Postings and statistics over the live documents of one snapshot.

    Live records are numbered densely in order of (segment, record), and so are their documents. A record that
    several files share is one record with that many copies: it counts as often in every statistic, as it
    would in an index of the files one by one.
    """

    def __init__(self, segments: Sequence[Segment], files: FileTable) -> None:
        self.segments = tuple(segments)
        self.files = files
        self._kept: dict[Hashable, Any] = {}
        # What is kept may be made of what is kept.
        self._making = RLock()
        self._locate_records()
        self._locate_documents()

    def kept(self, name: Hashable, make: Callable[[], T]) -> T:
        """What `make` gives, made once per name and kept with the view; the last few names only. Other
        threads wait for it.
        """
        found = self._kept.get(name, _NOT_KEPT)
        if found is not _NOT_KEPT:
            return found
        with self._making:
            found = self._kept.get(name, _NOT_KEPT)
            if found is _NOT_KEPT:
                found = make()
                if len(self._kept) >= _MOST_KEPT:
                    del self._kept[next(iter(self._kept))]
                self._kept[name] = found
            return found

    def __len__(self) -> int:
        """The number of live documents, copies not counted."""
        return len(self.record_of)

    @property
    def records(self) -> int:
        """The number of live records."""
        return len(self.copies)

    def _locate_records(self) -> None:
        """Find each file's record; give live records their dense numbers."""
        n_files = len(self.files.paths)
        segment_of = np.full(n_files, -1, dtype=np.int64)
        record_in = np.full(n_files, -1, dtype=np.int64)
        for number, segment in enumerate(self.segments):
            found = segment.find(self.files.keys)
            new = (found >= 0) & (segment_of < 0)
            segment_of[new], record_in[new] = number, found[new]
        if n_files and int(segment_of.min()) < 0:
            missing = int(np.flatnonzero(segment_of < 0)[0])
            raise IndexBroken(
                f"the index lacks the file {self.files.paths[missing]!r} of its snapshot",
                next_step="run 'loccit index --rebuild'",
            )
        code = segment_of << 32 | record_in
        live, self.record_of_file, copies = np.unique(code, return_inverse=True, return_counts=True)
        self.copies: Int64 = copies.astype(np.int64)
        self._live_segment: Int64 = live >> 32
        self._live_record: Int64 = live & 0xFFFFFFFF

    def _locate_documents(self) -> None:
        """Give live documents their dense numbers, and each segment the map from its own numbers to those."""
        self._maps: list[Int32 | None] = []
        self._offsets: list[int] = []
        owners: list[Int64] = [np.empty(0, dtype=np.int64)]
        locals_: list[Int64] = [np.empty(0, dtype=np.int64)]
        position = 0
        for number, segment in enumerate(self.segments):
            mine = np.flatnonzero(self._live_segment == number)
            records = self._live_record[mine]
            first = segment.first_doc.astype(np.int64)
            sizes = first[records + 1] - first[records]
            total = int(sizes.sum())
            within = np.arange(total) - np.repeat(np.cumsum(sizes) - sizes, sizes)
            local = np.repeat(first[records], sizes) + within
            owners.append(np.repeat(mine, sizes))
            locals_.append(local)
            self._offsets.append(position)
            if total == len(segment):
                self._maps.append(None)
            else:
                renumbering = np.full(len(segment), -1, dtype=np.int32)
                renumbering[local] = np.arange(position, position + total, dtype=np.int32)
                self._maps.append(renumbering)
            position += total
        self.record_of: Int64 = np.concatenate(owners)
        self._local: Int64 = np.concatenate(locals_)

    @cached_property
    def roles(self) -> Array:
        """Per file, what it is for (index into `ROLES`): a source that says it is generated is."""
        is_declared = (self._of_files("flags") & GENERATED > 0) & (
            self.files.roles != ROLES.index(FileRole.VENDORED)
        )
        return np.where(is_declared, ROLES.index(FileRole.GENERATED), self.files.roles)

    @cached_property
    def document_copies(self) -> Int64:
        """Copies of each live document."""
        return self.copies[self.record_of]

    @cached_property
    def total_documents(self) -> int:
        """Live documents with copies counted: the N of every statistic over chunks."""
        return int(self.document_copies.sum())

    @cached_property
    def lengths(self) -> tuple[Int64, ...]:
        """Per field, the length of each live document in terms."""
        parts: list[list[Array]] = [[] for _ in range(FIELDS)]
        for number, segment in enumerate(self.segments):
            start = self._offsets[number]
            stop = self._offsets[number + 1] if number + 1 < len(self._offsets) else len(self)
            local = self._local[start:stop]
            for field in Field:
                parts[field].append(segment.lengths[field][local])
        return tuple(np.concatenate([np.empty(0, dtype=np.uint16), *part]).astype(np.int64) for part in parts)

    @cached_property
    def document_words(self) -> Int64:
        """The length of each live document in words, all fields together."""
        return sum(self.lengths, start=np.zeros(len(self), dtype=np.int64))

    @cached_property
    def file_words(self) -> Int64:
        """The length of each file in words: its documents' and its path's."""
        records = np.bincount(self.record_of, weights=self.document_words, minlength=self.records)
        path = self.files.words.lengths
        return records.astype(np.int64)[self.record_of_file] + (path if len(path) else 0)

    @cached_property
    def total_words(self) -> int:
        """Words of all files, copies and paths counted."""
        return int(self.file_words.sum())

    @cached_property
    def first_file(self) -> Int64:
        """For each live record, the first of its files in order of path."""
        first = np.full(self.records, len(self.files.paths), dtype=np.int64)
        np.minimum.at(first, self.record_of_file, np.arange(len(self.files.paths)))
        return first

    def postings(self, field: Field, term: str) -> tuple[Int64, Float64]:
        """Live documents that hold the term in the field, and how often, both in no particular order."""
        return self.postings_of_key(field, term_key(term))

    def postings_of_key(self, field: Field, key: int) -> tuple[Int64, Float64]:
        """The same for a term's key."""
        parts = [self.live(part) for part in self.stored_postings(key) if part.field is field]
        if not parts:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float64)
        documents, frequencies = zip(*parts, strict=True)
        return np.concatenate(documents), np.concatenate(frequencies).astype(np.float64)

    def stored_postings(self, key: int) -> list[StoredPostings]:
        """The postings of the term with this key as the segments have them, dead documents included."""
        found: list[StoredPostings] = []
        for number, segment in enumerate(self.segments):
            for field in FIELD_ORDER:
                documents, frequencies = segment.postings(field, key)
                if len(documents):
                    found.append(StoredPostings(field, number, documents, frequencies))
        return found

    def gather(self, field: Field, keys: npt.NDArray[np.uint64]) -> Gathered:
        """The postings of all terms with these keys in the field: many terms for little more than one."""
        terms: list[Int64] = [np.empty(0, dtype=np.int64)]
        documents: list[Int64] = [np.empty(0, dtype=np.int64)]
        frequencies: list[Array] = [np.empty(0, dtype=np.uint8)]
        for number, segment in enumerate(self.segments):
            known = segment.terms[field]
            if not len(known):
                continue
            at = np.minimum(np.searchsorted(known, keys), len(known) - 1)
            asked = np.flatnonzero(known[at] == keys)
            starts = segment.starts[field].astype(np.int64)
            first = starts[at[asked]]
            sizes = starts[at[asked] + 1] - first
            where = np.repeat(first - np.cumsum(sizes) + sizes, sizes) + np.arange(int(sizes.sum()))
            term = np.repeat(asked, sizes)
            stored = StoredPostings(field, number, segment.docs[field][where], segment.tfs[field][where])
            renumbering = self._maps[number]
            if renumbering is not None:
                term = term[renumbering[stored.documents] >= 0]
            live, frequency = self.live(stored)
            terms.append(term)
            documents.append(live)
            frequencies.append(frequency)
        return Gathered(np.concatenate(terms), np.concatenate(documents), np.concatenate(frequencies))

    def live(self, stored: StoredPostings) -> tuple[Int64, Array]:
        """The live documents of stored postings, by their numbers in this view, and their frequencies."""
        renumbering = self._maps[stored.segment]
        if renumbering is None:
            offset = self._offsets[stored.segment]
            documents = stored.documents.astype(np.int64)
            if offset:
                documents += offset
            return documents, stored.frequencies
        mapped = renumbering[stored.documents]
        is_live = mapped >= 0
        return mapped[is_live].astype(np.int64), stored.frequencies[is_live]

    def live_count(self, stored: StoredPostings) -> int:
        """How many documents of stored postings are live."""
        renumbering = self._maps[stored.segment]
        return (
            len(stored.documents) if renumbering is None else int((renumbering[stored.documents] >= 0).sum())
        )

    def document(self, number: int, *, file: int | None = None) -> Document:
        """What is known of a live document, as it stands in `file` (by default the first that holds it)."""
        record = int(self.record_of[number])
        segment = self.segments[int(self._live_segment[record])]
        local, inner = int(self._local[number]), int(self._live_record[record])
        place = segment.places[local]
        return Document(
            file=int(self.first_file[record]) if file is None else file,
            start_byte=int(place[0]),
            end_byte=int(place[1]),
            start_line=int(place[2]),
            end_line=int(place[3]),
            kind=KINDS[int(segment.kind[local])],
            symbol=segment.symbol(local),
            language=segment.languages[int(segment.language[inner])],
            encoding=ENCODINGS[int(segment.encoding[inner])],
        )

    def file_at(self, path: str) -> int | None:
        """The number of the file at this path; None where the snapshot has no such file."""
        wanted = path_bytes(path)
        at = bisect_left(self.files.paths, wanted, key=path_bytes)
        return at if at < len(self.files.paths) and self.files.paths[at] == path else None

    def documents_of(self, file: int) -> range:
        """The numbers of a file's documents, in the order in which they stand in it."""
        record = int(self.record_of_file[file])
        first, end = np.searchsorted(self.record_of, [record, record + 1])
        return range(int(first), int(end))

    def symbols(self, kinds: npt.NDArray[np.bool_]) -> list[tuple[int, str]]:
        """The live documents of these kinds (one flag for each of `KINDS`) that are a part of a named
        definition, in order, each with its qualified name.
        """
        found: list[tuple[int, str]] = []
        for number, segment in enumerate(self.segments):
            start = self._offsets[number]
            stop = self._offsets[number + 1] if number + 1 < len(self._offsets) else len(self)
            local = self._local[start:stop]
            begins, ends = segment.symbol_at[:-1][local], segment.symbol_at[1:][local]
            wanted = np.flatnonzero(kinds[segment.kind[local]] & (ends > begins))
            text = segment.symbol_text.tobytes()
            found += [
                (start + at, text[begin:end].decode("utf-8", "surrogatepass"))
                for at, begin, end in zip(
                    wanted.tolist(), begins[wanted].tolist(), ends[wanted].tolist(), strict=True
                )
            ]
        return found

    def languages(self) -> list[str]:
        """The language of each live record."""
        names: list[str] = []
        # Live records stand segment after segment.
        for number, segment in enumerate(self.segments):
            codes = segment.language[self._live_record[self._live_segment == number]]
            names += [segment.languages[int(code)] for code in codes]
        return names

    def conditions(self) -> dict[str, int]:
        """How many files are left out because of their bytes, half parsed, generated or vendored, by what
        status pages print.
        """
        why = self._of_files("unsearchable")
        flags = self._of_files("flags")
        counts = {
            "partly parsed": int(np.count_nonzero(flags & PARTIAL)),
            str(FileRole.GENERATED): int(np.count_nonzero(self.roles == ROLES.index(FileRole.GENERATED))),
            str(FileRole.VENDORED): int(np.count_nonzero(self.roles == ROLES.index(FileRole.VENDORED))),
        }
        for code in np.unique(why).tolist():
            reason = unsearchable_reason(code)
            if reason is not None:
                counts[str(reason)] = int(np.count_nonzero(why == code))
        return {words: count for words, count in counts.items() if count}

    def _of_files(self, column: str) -> Array:
        """A column of the segments' record tables, one value per file."""
        values = np.zeros(self.records, dtype=np.uint8)
        for number, segment in enumerate(self.segments):
            mine = np.flatnonzero(self._live_segment == number)
            values[mine] = getattr(segment, column)[self._live_record[mine]]
        return values[self.record_of_file]
