"""Segments against plain counting, and merged segments against segments that were built at once."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loccit.core.errors import LimitExceeded
from loccit.indexing import shard as shard_module
from loccit.indexing.lexical import Field, FileRecord, tokenise
from loccit.indexing.segment import (
    MAX_RECORD_DOCUMENTS,
    Segment,
    as_keys,
    build_segment,
    merge_segments,
    open_segment,
)
from loccit.indexing.shard import Shard
from loccit.indexing.terms import name_term, term_key, terms_of
from loccit.parsing import parse

SOURCES = st.lists(
    st.lists(
        st.sampled_from(
            [
                "def load_config(path):\n    return parse(path)\n\n\n",
                "# The parser met an error.\n",
                "x = 'naïve'\n\n\n",
            ]
            + [f"class Reader{n}:\n    def close(self):\n        pass\n\n\n" for n in range(3)]
        ),
        max_size=5,
    ).map("".join),
    min_size=1,
    max_size=8,
    unique=True,
)
numbers: Iterator[int] = itertools.count()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("segments")


def record_of(source: str) -> tuple[bytes, FileRecord]:
    data = source.encode()
    key = blake2b(data, digest_size=16).digest()
    return key, tokenise(parse(data, language="python"), data)


def built(folder: Path, records: list[tuple[bytes, FileRecord]]) -> Segment:
    path = folder / f"{next(numbers)}.seg"
    assert build_segment(path, iter(records)) == path.stat().st_size
    return open_segment(path)


def assert_same(one: Segment, other: Segment) -> None:
    """The same documents, postings and tables."""
    for name in (
        "keys",
        "first_doc",
        "encoding",
        "flags",
        "unsearchable",
        "places",
        "kind",
        "symbol_text",
        "symbol_at",
    ):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name
    assert [one.languages[n] for n in one.language] == [other.languages[n] for n in other.language]
    for name in ("terms", "starts", "docs", "tfs", "lengths"):
        for field in Field:
            mine, theirs = getattr(one, name)[field], getattr(other, name)[field]
            assert mine.dtype == theirs.dtype
            assert np.array_equal(mine, theirs), (name, field)


@settings(max_examples=40)
@given(sources=SOURCES)
def test_postings_are_what_counting_gives(folder: Path, sources: list[str]) -> None:
    """Per field, term and document: how often; per document: how many words."""
    records = sorted(map(record_of, sources))
    segment = built(folder, list(reversed(records)))
    expected: Counter[tuple[int, str, int]] = Counter()
    words: Counter[tuple[int, int]] = Counter()
    first = 0
    for _, record in records:
        rows = zip(
            record.chunk.tolist(),
            record.field.tolist(),
            record.token.tolist(),
            record.count.tolist(),
            strict=True,
        )
        for chunk, field, token, count in rows:
            ((terms, length),) = terms_of([record.vocabulary[token]])
            names = [name_term(record.vocabulary[token])] if field == Field.SYMBOLS else []
            for term in (*terms, *names):
                expected[field, term, first + chunk] += count
            words[field, first + chunk] += count * length
        first += len(record.chunks)
    assert len(segment) == first
    for field, term in {(field, term) for field, term, _ in expected}:
        docs, tfs = segment.postings(Field(field), term_key(term))
        found = dict(zip(docs.tolist(), tfs.tolist(), strict=True))
        assert found == {d: min(n, 255) for (f, t, d), n in expected.items() if (f, t) == (field, term)}
    assert sum(len(docs) for docs in segment.docs) == len(expected)
    for field in Field:
        assert segment.lengths[field].tolist() == [words[field, d] for d in range(first)]
    assert [segment.symbol(d) for d in range(first)] == [s for _, record in records for s in record.symbols]


@settings(max_examples=40)
@given(sources=SOURCES, data=st.data())
def test_merged_segments_are_what_is_built_at_once(
    folder: Path, sources: list[str], data: st.DataObject
) -> None:
    """However the records were spread, and whichever are left out."""
    records = list(map(record_of, sources))
    places = data.draw(st.lists(st.integers(0, 2), min_size=len(records), max_size=len(records)))
    dropped = data.draw(st.sets(st.integers(0, len(records) - 1)))
    parts = [[r for r, place in zip(records, places, strict=True) if place == number] for number in range(3)]
    segments = [built(folder, part) for part in parts]
    gone = {records[number][0] for number in dropped}
    keep = [np.array([k not in gone for k, _ in sorted(part)], dtype=bool) for part in parts]
    path = folder / f"{next(numbers)}.seg"
    merge_segments(path, segments, keep)
    assert_same(open_segment(path), built(folder, [record for record in records if record[0] not in gone]))


def test_keys_are_found_where_they_are_and_nowhere_else(folder: Path) -> None:
    """Keys that end in zero bytes, too, and in a segment of nothing."""
    keys = [bytes(16), bytes(15) + b"\1", b"\1" + bytes(15), b"\xff" * 16]
    _, record = record_of("x = 1\n")
    segment = built(folder, [(key, record) for key in keys[1:3]])
    assert segment.find(as_keys(keys)).tolist() == [-1, 0, 1, -1]
    assert built(folder, []).find(as_keys(keys)).tolist() == [-1] * 4
    assert segment.find(as_keys([])).tolist() == []


def record_of_chunks(count: int) -> FileRecord:
    """A record of so many chunks, each with the same word and one of a thousand others."""
    at = np.arange(count, dtype=np.uint32)
    chunks = np.stack([at, at + 1, at + 1, at + 1, np.zeros_like(at)], axis=1)
    return FileRecord(
        language="text",
        encoding="utf-8",
        is_partial=False,
        is_generated=False,
        unsearchable=None,
        chunks=chunks,
        symbols=("",) * count,
        vocabulary=("word", *(f"w{n}" for n in range(1000))),
        chunk=np.repeat(at, 2),
        field=np.full(2 * count, int(Field.BODY), dtype=np.uint32),
        token=np.stack([np.zeros_like(at), 1 + at % 1000], axis=1).reshape(-1),
        count=np.ones(2 * count, dtype=np.uint32),
    )


def test_a_file_of_seventy_thousand_chunks_is_a_segment_of_its_own(tmp_path: Path) -> None:
    """More chunks than others share a segment: found to the last one, alone and merged."""
    shard = Shard(tmp_path)
    big, small = record_of_chunks(70_000), record_of_chunks(10)
    with shard.writing():
        names = shard.add_segments([(b"a" * 16, small), (b"b" * 16, big), (b"c" * 16, small)])
    segments = [open_segment(tmp_path / "segments" / name) for name in names]
    assert [len(segment) for segment in segments] == [10, 70_000, 10]
    docs, _ = segments[1].postings(Field.BODY, term_key("word"))
    assert docs.tolist() == list(range(70_000))
    path = tmp_path / "merged.seg"
    merge_segments(path, [segments[1], segments[2]], [np.array([True]), np.array([True])])
    docs, _ = open_segment(path).postings(Field.BODY, term_key("=w999"))
    assert docs.tolist()[-1] == 69_999
    assert open_segment(path).find(as_keys([b"c" * 16])).tolist() == [1]


def test_a_file_of_more_chunks_than_can_be_numbered_is_refused(tmp_path: Path) -> None:
    """A limit with its value, before anything is written."""
    shard = Shard(tmp_path)
    with shard.writing(), pytest.raises(LimitExceeded) as raised:
        shard.add_segments([(b"a" * 16, record_of_chunks(MAX_RECORD_DOCUMENTS + 1))])
    assert raised.value.limit == MAX_RECORD_DOCUMENTS
    assert ".loccitignore" in raised.value.next_step
    assert list((tmp_path / "segments").iterdir()) == []


def test_records_are_spread_over_segments_that_are_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No segment has more documents than it may, none is opened before the one before is full."""
    monkeypatch.setattr(shard_module, "MAX_DOCUMENTS", 25)
    shard = Shard(tmp_path)
    with shard.writing():
        records = [(bytes([n]) * 16, record_of_chunks(10)) for n in range(7)]
        names = shard.add_segments(records)
    assert [len(open_segment(tmp_path / "segments" / name)) for name in names] == [20, 20, 20, 10]
