"""TOML, YAML and JSON: top-level keys and tables."""

from __future__ import annotations

import pytest

from loccit.core.chunks import ParsedFile
from loccit.parsing import ParsingOptions, parse

APART = ParsingOptions(min_chunk_bytes=0)


def symbols(parsed: ParsedFile) -> list[str]:
    return [chunk.symbol for chunk in parsed.chunks]


def test_toml_tables_have_their_comments_and_define_their_keys() -> None:
    """What looks like a table in a string is none; arrays of tables are tables."""
    first = b"a = '''\n[no]\n'''\n"
    data = first + b'# about t\n[t.\'u\']  # here\nb.c = 1\n\'d e\' = [\n]\n[[x]]\ny = """[no]"""\n'
    parsed = parse(data, language="toml", options=APART)
    assert symbols(parsed) == ["", "t.'u'", "x"]
    assert [chunk.defines for chunk in parsed.chunks] == [("a",), ("b.c", "d e"), ("y",)]
    assert data[parsed.chunks[1].start_byte :].startswith(b"# about t\n[t")


def test_yaml_keys_at_the_start_of_a_line_have_chunks() -> None:
    """Nested keys, list items, comments and blocks of text have none; documents follow each other."""
    data = b"# about a\na:\n  b: 1\n'c d': |\n  no: key\n- e: 1\nhttp://x\n? f\n---\ng: # here\n  - h\n"
    parsed = parse(data, language="yaml", options=APART)
    assert symbols(parsed) == ["a", "c d", "g"]
    assert [chunk.defines for chunk in parsed.chunks] == [("a",), ("c d",), ("g",)]
    assert parsed.chunks[0].start_byte == 0


def test_json_members_have_chunks_where_they_start_a_line() -> None:
    """On one line with others they only give their names."""
    data = b'{\n  "a": {"b": 1},\n  "c": [\n    1\n  ], "d": 2\n}\n'
    parsed = parse(data, language="json", options=APART)
    assert not parsed.is_partial
    assert symbols(parsed) == ["a", "c"]
    assert [chunk.defines for chunk in parsed.chunks] == [("a",), ("c", "d")]
    (chunk,) = parse(b'{"a": 1, "b": 2}', language="json").chunks
    assert (chunk.symbol, chunk.defines) == ("", ("a", "b"))


@pytest.mark.parametrize("data", [b"[1, 2]\n", b'{"a": 1}\n{"a": 2}\n', b'"a"', b"1" * 5000, b" \n"])
def test_other_json_is_not_broken(data: bytes) -> None:
    """Arrays, JSON Lines, plain values, numbers of any length, nothing at all."""
    assert not parse(data, language="json").is_partial


@pytest.mark.parametrize(
    "data", [b'{"a": 1', b'{\n  // why\n  "a": 1\n}\n', b"[" * 100_000, b'{"a" 1}', b"{,}"]
)
def test_broken_json_is_partial(data: bytes) -> None:
    """What the standard does not allow, and nesting beyond reason, is cut by its lines."""
    parsed = parse(data, language="json")
    assert parsed.is_partial
    assert b"".join(data[chunk.start_byte : chunk.end_byte] for chunk in parsed.chunks) == data
