"""A view's postings of many terms at once against those of each term by itself."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loccit.core.source import FileRole
from loccit.indexing.lexical import Field, FileRecord, tokenise
from loccit.indexing.paths import index_paths
from loccit.indexing.segment import Segment, as_keys, build_segment, open_segment
from loccit.indexing.terms import term_key
from loccit.indexing.view import ROLES, FileTable, SnapshotView
from loccit.parsing import parse

SOURCES = [
    "def load_config(path):\n    '''Load the config.'''\n    return parse(path)\n\n\n",
    "# The parser met an error.\nparse = 1\nparse = 2\n",
    "def parse(path):\n    return path\n\n\ndef close():\n    parse()\n\n\n",
    "class Reader:\n    def close(self):\n        pass\n",
    "x = 7\n",
    "",
]
numbers: Iterator[int] = itertools.count()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("views")


def record_of(source: str) -> tuple[bytes, FileRecord]:
    data = source.encode()
    return blake2b(data, digest_size=16).digest(), tokenise(parse(data, language="python"), data)


def segment_of(folder: Path, sources: Sequence[str]) -> Segment:
    path = folder / f"{next(numbers)}.seg"
    build_segment(path, [record_of(source) for source in dict.fromkeys(sources)])
    return open_segment(path)


def view_of(segments: Sequence[Segment], sources: Sequence[str]) -> SnapshotView:
    """A view of files with these contents."""
    paths = [f"f{number:02}.py" for number in range(len(sources))]
    keys = [record_of(source)[0] for source in sources]
    roles = np.full(len(paths), ROLES.index(FileRole.SOURCE), dtype=np.uint8)
    table = FileTable(paths, ["0" * 40] * len(paths), as_keys(keys), roles, index_paths(paths))
    return SnapshotView(segments, table)


def all_keys(segments: Sequence[Segment], field: Field) -> list[int]:
    return sorted({int(key) for segment in segments for key in segment.terms[field]})


@settings(max_examples=60)
@given(st.data())
def test_gathering_is_asking_for_each_term(folder: Path, data: st.DataObject) -> None:
    """With dead documents, copies, records in two segments, and terms unknown or asked for twice."""
    spread = data.draw(st.lists(st.lists(st.sampled_from(SOURCES), max_size=4), max_size=3))
    segments = [segment_of(folder, sources) for sources in spread]
    here = sorted({source for sources in spread for source in sources})
    live = data.draw(st.lists(st.sampled_from(here), max_size=5)) if here else []
    view = view_of(segments, live)
    for field in Field:
        known = st.sampled_from(all_keys(segments, field) or [0])
        keys = data.draw(st.lists(known | st.sampled_from((0, 1, 2**63, 2**64 - 1)), max_size=8))
        found = view.gather(field, np.array(keys, dtype=np.uint64))
        assert len(found.terms) == len(found.documents) == len(found.frequencies)
        for number, key in enumerate(keys):
            documents, frequencies = view.postings_of_key(field, key)
            mine = found.terms == number
            assert found.documents[mine].tolist() == documents.tolist()
            assert found.frequencies[mine].tolist() == frequencies.tolist()
        assert set(found.terms.tolist()) <= set(range(len(keys)))


def test_what_is_gathered_is_in_order(folder: Path) -> None:
    """By segment, then term, then document."""
    segments = [segment_of(folder, SOURCES[:3]), segment_of(folder, SOURCES[3:])]
    view = view_of(segments, SOURCES)
    keys = np.array([term_key(term) for term in ("close", "pars", "path")], dtype=np.uint64)
    found = view.gather(Field.BODY, keys)
    first = len(segments[0])
    rows = list(
        zip((found.documents >= first).tolist(), found.terms.tolist(), found.documents.tolist(), strict=True)
    )
    assert rows == sorted(rows)
    assert len(rows) > 3


def test_nothing_is_gathered_of_nothing(folder: Path) -> None:
    """No terms, no segments, no files."""
    none, some = np.empty(0, dtype=np.uint64), np.array([term_key("pars")], dtype=np.uint64)
    full = view_of([segment_of(folder, SOURCES)], SOURCES)
    for view, keys in ((full, none), (view_of([], []), some), (view_of(full.segments, []), some)):
        found = view.gather(Field.BODY, keys)
        assert [len(found.terms), len(found.documents), len(found.frequencies)] == [0, 0, 0]
        assert found.terms.dtype == found.documents.dtype == np.int64
