"""Encodings and lines: the rules that making and checking citations share."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loccit.core.encodings import encoding_of, lines_of


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (b"", "utf-8"),
        (b"plain\n", "utf-8"),
        ("grün".encode(), "utf-8"),
        (codecs.BOM_UTF8 + b"x", "utf-8"),
        ("grün".encode("latin-1"), "latin-1"),
        ("grün".encode("utf-16"), "utf-16-le"),
        (codecs.BOM_UTF16_BE + "grün".encode("utf-16-be"), "utf-16-be"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_LE + b"x", "latin-1"),
        (codecs.BOM_UTF16_LE + b"\x00\xd8", "latin-1"),
        ("grün".encode("utf-16-le"), "latin-1"),
        (b"\xed\xa0\x80", "latin-1"),
        (b"\xc0\x80", "latin-1"),
    ],
)
def test_the_whole_file_decides_its_encoding(data: bytes, encoding: str) -> None:
    """UTF-8 if it decodes, UTF-16 by its mark if it decodes, else Latin-1."""
    assert encoding_of(data) == encoding


@given(st.binary(max_size=40))
def test_all_bytes_decode_by_their_encoding_and_back(data: bytes) -> None:
    """Strictly, without loss."""
    encoding = encoding_of(data)
    assert data.decode(encoding).encode(encoding) == data


@given(
    st.text("a\n\r\u0a0a\u010a\u2028𝒳", min_size=1),
    st.sampled_from(["utf-8", "utf-16-le", "utf-16-be"]),
    st.data(),
)
def test_lines_are_counted_by_line_feeds_alone(text: str, encoding: str, cut: st.DataObject) -> None:
    """As in the decoded text; a line feed belongs to the line that it ends."""
    start = cut.draw(st.integers(0, len(text) - 1))
    end = cut.draw(st.integers(start + 1, len(text)))
    found = lines_of(
        text.encode(encoding), len(text[:start].encode(encoding)), len(text[:end].encode(encoding)), encoding
    )
    assert found == (1 + text[:start].count("\n"), 1 + text[: end - 1].count("\n"))
