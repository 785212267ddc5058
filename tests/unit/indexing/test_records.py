"""Records of parsed files: what is tokenised, and that bytes of the cache give back what was put in."""

from __future__ import annotations

import random
import zlib
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loccit.core.chunks import Chunk, ChunkKind, ParsedFile, Unsearchable
from loccit.core.errors import IndexBroken
from loccit.indexing.lexical import FIELDS, KINDS, Field, FileRecord, decode, encode, tokenise
from loccit.indexing.terms import tokens
from loccit.parsing import parse

TEXT = st.text(alphabet="abc_AB1 \n.é語", min_size=1, max_size=60)


@st.composite
def parsed_files(draw: st.DrawFn) -> tuple[ParsedFile, bytes]:
    """Some chunks that tile some text, with names, signatures and comments."""
    encoding = draw(st.sampled_from(["utf-8", "utf-16-le", "latin-1"]))
    texts = draw(st.lists(TEXT, max_size=6))
    chunks: list[Chunk] = []
    data = b""
    for number, text in enumerate(texts):
        raw = text.encode(encoding, "replace")
        middle = len(data) + len(text[: len(text) // 2].encode(encoding, "replace"))
        chunks.append(
            Chunk(
                start_byte=len(data),
                end_byte=len(data) + len(raw),
                start_line=number + 1,
                end_line=number + 2,
                kind=draw(st.sampled_from(list(ChunkKind))),
                symbol=draw(st.text(max_size=10)),
                defines=tuple(draw(st.lists(st.sampled_from(["load", "Config_a", "b"]), max_size=2))),
                signature=draw(st.text(max_size=12)),
                docs=((len(data), middle),) if draw(st.booleans()) and middle > len(data) else (),
            )
        )
        data += raw
    reason = None if chunks else draw(st.sampled_from(list(Unsearchable)))
    flags = draw(st.booleans()), draw(st.booleans())
    return ParsedFile("python", encoding, tuple(chunks), *flags, unsearchable=reason), data


def assert_equal(one: FileRecord, other: FileRecord) -> None:
    for name in FileRecord.__slots__:
        mine, theirs = getattr(one, name), getattr(other, name)
        if isinstance(mine, np.ndarray):
            assert mine.dtype == theirs.dtype == np.uint32
            assert np.array_equal(mine, theirs), name
        else:
            assert mine == theirs, name


@given(parsed_files())
def test_a_record_comes_out_of_its_bytes_as_it_went_in(case: tuple[ParsedFile, bytes]) -> None:
    """Round trip, and the same bytes for the same record."""
    record = tokenise(*case)
    encoded = encode(record)
    assert_equal(decode(encoded), record)
    assert encode(decode(encoded)) == encoded


@given(parsed_files())
def test_a_record_counts_each_token_of_each_field(case: tuple[ParsedFile, bytes]) -> None:
    """Counted by hand: names in symbols, the head in the signature, comments apart from the rest."""
    parsed, data = case
    expected: Counter[tuple[int, int, str]] = Counter()
    for number, chunk in enumerate(parsed.chunks):
        names = [*chunk.defines] + ([chunk.symbol] if chunk.symbol not in chunk.defines else [])
        expected.update((number, Field.SYMBOLS, token) for name in names for token in tokens(name))
        expected.update((number, Field.SIGNATURE, token) for token in tokens(chunk.signature))
        position = chunk.start_byte
        for start, end in (*chunk.docs, (chunk.end_byte, chunk.end_byte)):
            rest = tokens(data[position:start].decode(parsed.encoding, "replace"))
            expected.update((number, Field.BODY, token) for token in rest)
            inside = tokens(data[start:end].decode(parsed.encoding, "replace"))
            expected.update((number, Field.DOCS, token) for token in inside)
            position = end
    record = tokenise(parsed, data)
    columns = (record.chunk.tolist(), record.field.tolist(), record.token.tolist(), record.count.tolist())
    counted = {(c, f, record.vocabulary[t]): n for c, f, t, n in zip(*columns, strict=True)}
    assert counted == expected
    assert len(set(record.vocabulary)) == len(record.vocabulary)
    assert [KINDS[kind] for kind in record.chunks[:, 4]] == [chunk.kind for chunk in parsed.chunks]
    assert record.field.max(initial=0) < FIELDS


def test_a_real_file_comes_out_as_it_went_in() -> None:
    """What the parser makes of its own source."""
    source = "class A:\n    '''Doc.'''\n\n    def b(self):\n        return c  # d\n" * 40
    record = tokenise(parse(source.encode(), language="python"), source.encode())
    assert len(record.chunks) > 1
    assert_equal(decode(encode(record)), record)


def test_bytes_that_are_no_record_are_refused() -> None:
    """Cut, empty, foreign and of another version: IndexBroken; with a flipped bit, that or no harm done."""
    record = tokenise(parse(b"def a():\n    return b\n", language="python"), b"def a():\n    return b\n")
    good = encode(record)
    chance = random.Random(1)
    bad = [good[:n] for n in range(0, len(good), 7)]
    bad += [
        b"",
        b"text",
        zlib.compress(b""),
        zlib.compress(b"\0" * 100),
        zlib.compress(b"\1\0\0\0" * 3 + b"5"),
    ]
    body = bytearray(zlib.decompress(good))
    body[body.index(b"[") + 1 : body.index(b",")] = b"9"
    for data in (*bad, zlib.compress(bytes(body))):
        with pytest.raises(IndexBroken):
            decode(data)
    for _ in range(300):
        flipped = bytearray(good)
        flipped[chance.randrange(len(good))] ^= 1 << chance.randrange(8)
        try:
            found = decode(bytes(flipped))
        except IndexBroken:
            continue
        assert_equal(found, record)
