"""What the index keeps of one file: its chunks and, per chunk and field, which tokens occur how often."""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import dataclass
from enum import IntEnum
from itertools import chain

import numpy as np
import numpy.typing as npt

from loccit.core.chunks import Chunk, ChunkKind, ParsedFile, Unsearchable
from loccit.core.errors import IndexBroken
from loccit.indexing.terms import tokens

RECORD_VERSION = 2
# A record's key in the blob cache and in segments.
KEY_BYTES = 16


class Field(IntEnum):
    """The fields of a chunk. A token stands in exactly one of them, but for names, which stand in `SYMBOLS`
    as well.
    """

    SYMBOLS = 0
    SIGNATURE = 1
    DOCS = 2
    BODY = 3


FIELDS = len(Field)
KINDS = tuple(ChunkKind)
_HEAD = struct.Struct("<III")
_MAX_COUNT = 65_535

UInt32 = npt.NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class FileRecord:
    """One file, parsed and tokenised.

    `chunks` has a row per chunk: start byte, end byte, start line, end line, kind (index into `KINDS`),
    uint32. `symbols` is parallel to it. `vocabulary` holds the file's distinct tokens; the postings `chunk`,
    `field`, `token` (index into `vocabulary`) and `count` are parallel, sorted by chunk, field, token.
    """

    language: str
    encoding: str
    is_partial: bool
    is_generated: bool
    unsearchable: Unsearchable | None
    chunks: UInt32
    symbols: tuple[str, ...]
    vocabulary: tuple[str, ...]
    chunk: UInt32
    field: UInt32
    token: UInt32
    count: UInt32


def tokenise(parsed: ParsedFile, data: bytes) -> FileRecord:
    """The record of a parsed file. `data` are the bytes that were parsed."""
    texts: list[list[str]] = []
    for chunk in parsed.chunks:
        texts.extend(_field_tokens(chunk, data, parsed.encoding))
    lengths = np.fromiter((len(text) for text in texts), dtype=np.int64, count=len(texts))
    numbers = {token: number for number, token in enumerate(dict.fromkeys(chain.from_iterable(texts)))}
    flat = np.fromiter(
        map(numbers.__getitem__, chain.from_iterable(texts)), dtype=np.int64, count=int(lengths.sum())
    )
    cell = np.repeat(np.arange(len(texts), dtype=np.int64), lengths)
    width = max(1, len(numbers))
    keys, counts = np.unique(cell * width + flat, return_counts=True)
    cells = keys // width
    return FileRecord(
        language=parsed.language,
        encoding=parsed.encoding,
        is_partial=parsed.is_partial,
        is_generated=parsed.is_generated,
        unsearchable=parsed.unsearchable,
        chunks=np.array(
            [
                (c.start_byte, c.end_byte, c.start_line, c.end_line, KINDS.index(c.kind))
                for c in parsed.chunks
            ],
            dtype=np.uint32,
        ).reshape(-1, 5),
        symbols=tuple(c.symbol for c in parsed.chunks),
        vocabulary=tuple(numbers),
        chunk=(cells // FIELDS).astype(np.uint32),
        field=(cells % FIELDS).astype(np.uint32),
        token=(keys % width).astype(np.uint32),
        count=np.minimum(counts, _MAX_COUNT).astype(np.uint32),
    )


def encode(record: FileRecord) -> bytes:
    """The record as compressed bytes, the same for the same record."""
    header = json.dumps(
        [
            RECORD_VERSION,
            record.language,
            record.encoding,
            record.is_partial,
            record.is_generated,
            record.unsearchable,
            record.symbols,
            "\n".join(record.vocabulary),
        ],
        ensure_ascii=False,
        separators=(",", ":"),
    ).encode("utf-8", "surrogatepass")
    # Each column but the counts is delta-coded, and all are split into byte planes: most are zeros then,
    # which compress to nothing.
    cells = record.chunk.astype(np.int64) * FIELDS + record.field
    postings = np.stack([_delta(cells.astype(np.uint32)), _delta(record.token), record.count])
    planes = _to_planes(_delta(record.chunks.T)) + _to_planes(postings)
    body = _HEAD.pack(len(header), len(record.chunks), len(record.count)) + header + planes
    return zlib.compress(body, 6)


def decode(data: bytes) -> FileRecord:
    """The record in these bytes. Raises IndexBroken when they are not what `encode` gives."""
    try:
        # Compressed bytes end with a checksum: what comes out of them is what went in.
        return _decoded(zlib.decompress(data))
    except (zlib.error, struct.error, ValueError, TypeError, AttributeError) as error:
        raise IndexBroken(
            f"a record of the blob cache cannot be read: {error}", next_step="run 'loccit index --rebuild'"
        ) from error


def _decoded(body: bytes) -> FileRecord:
    header_size, n_chunks, n_postings = _HEAD.unpack_from(body)
    header = json.loads(body[_HEAD.size : _HEAD.size + header_size].decode("utf-8", "surrogatepass"))
    version, language, encoding, is_partial, is_generated, unsearchable, symbols, vocabulary = header
    if version != RECORD_VERSION:
        raise ValueError(f"its version is {version!r}, expected {RECORD_VERSION}")
    rest = body[_HEAD.size + header_size :]
    middle = 4 * 5 * n_chunks
    chunks = np.cumsum(_from_planes(rest[:middle], 5, n_chunks), axis=1, dtype=np.uint32)
    postings = _from_planes(rest[middle:], 3, n_postings)
    cells, token = np.cumsum(postings[:2], axis=1, dtype=np.uint32)
    return FileRecord(
        language=language,
        encoding=encoding,
        is_partial=is_partial,
        is_generated=is_generated,
        unsearchable=Unsearchable(unsearchable) if unsearchable else None,
        chunks=chunks.T,
        symbols=tuple(symbols),
        vocabulary=tuple(vocabulary.split("\n")) if vocabulary else (),
        chunk=cells // FIELDS,
        field=cells % FIELDS,
        token=token,
        count=postings[2],
    )


def _field_tokens(chunk: Chunk, data: bytes, encoding: str) -> list[list[str]]:
    """The tokens of a chunk's fields, in the order of `Field`."""
    docs: list[str] = []
    body: list[str] = []
    position = chunk.start_byte
    for start, end in chunk.docs:
        body += tokens(data[position:start].decode(encoding, "replace"))
        docs += tokens(data[start:end].decode(encoding, "replace"))
        position = end
    body += tokens(data[position : chunk.end_byte].decode(encoding, "replace"))
    names = [*chunk.defines, chunk.symbol] if chunk.symbol not in chunk.defines else list(chunk.defines)
    symbols = [token for name in names for token in tokens(name)]
    return [symbols, tokens(chunk.signature), docs, body]


def _delta(columns: UInt32) -> UInt32:
    """Differences along the last axis, from zero."""
    return np.diff(columns, prepend=np.uint32(0))


def _to_planes(columns: UInt32) -> bytes:
    """The byte planes of each column: all its lowest bytes, then all its second ones, and so on."""
    count, length = columns.shape
    split = np.ascontiguousarray(columns, dtype="<u4").view(np.uint8).reshape(count, length, 4)
    return split.transpose(0, 2, 1).tobytes()


def _from_planes(data: bytes, count: int, length: int) -> UInt32:
    """The inverse of `_to_planes`. Raises ValueError when there are not as many bytes as that takes."""
    split = np.frombuffer(data, dtype=np.uint8).reshape(count, 4, length)
    joined = np.ascontiguousarray(split.transpose(0, 2, 1)).view("<u4")
    return joined.reshape(count, length).astype(np.uint32, copy=False)
