"""Encodings: which one a file is in, and that offsets stay those of its own bytes."""

from __future__ import annotations

import codecs

import pytest

from loccit.core.chunks import ChunkKind, Unsearchable
from loccit.parsing import ParsingOptions, parse
from tests.unit.parsing.tiling import check_tiling

CODE = "# Müller\nÄHRE = 'é'\n\n\ndef naïve(größe):\n    '''Gives größe.'''\n    return größe\n"


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (b"plain", "utf-8"),
        ("größe".encode(), "utf-8"),
        (codecs.BOM_UTF8 + "größe".encode(), "utf-8"),
        ("größe".encode("latin-1"), "latin-1"),
        (codecs.BOM_UTF16_LE + "größe".encode("utf-16-le"), "utf-16-le"),
        (codecs.BOM_UTF16_BE + "größe".encode("utf-16-be"), "utf-16-be"),
        # An odd length, or half of a surrogate pair: no UTF-16, and no NUL either.
        (codecs.BOM_UTF16_LE + b"abc", "latin-1"),
        (codecs.BOM_UTF16_LE + b"\x01\xd8", "latin-1"),
        # A NUL after the window does not make text binary.
        (b"a" * 8000 + b"\0", "utf-8"),
    ],
)
def test_encoding_is_the_one_in_which_all_bytes_decode(data: bytes, encoding: str) -> None:
    """UTF-16 needs its mark; what is no UTF-8 is Latin-1."""
    parsed = parse(data, language="text")
    assert (parsed.encoding, parsed.unsearchable) == (encoding, None)
    assert data.decode(parsed.encoding).encode(parsed.encoding) == data
    check_tiling(parsed, data)


@pytest.mark.parametrize(
    "data",
    [
        b"\0",
        b"a" * 7999 + b"\0",
        codecs.BOM_UTF32_LE + "text".encode("utf-32-le"),
        codecs.BOM_UTF16_LE + b"a\0b",
    ],
)
def test_nul_bytes_near_the_start_make_a_file_binary(data: bytes) -> None:
    """Git's rule; UTF-32, and UTF-16 that is broken, fall under it."""
    parsed = parse(data, language="python")
    assert parsed.unsearchable is Unsearchable.BINARY
    assert parsed.chunks == ()


@pytest.mark.parametrize("codec", ["utf-8", "latin-1"])
def test_code_is_parsed_by_grammar_in_utf_8_and_latin_1(codec: str) -> None:
    """Names and heads come out as text, documentation as ranges of the file's own bytes."""
    data = CODE.encode(codec)
    parsed = parse(data, language="python", options=ParsingOptions(min_chunk_bytes=0))
    assert not parsed.is_partial
    first, function = parsed.chunks
    assert first.defines == ("ÄHRE",)
    assert (function.symbol, function.defines) == ("naïve", ("naïve",))
    assert function.signature == "def naïve(größe)"
    ((start, end),) = function.docs
    assert data[start:end].decode(codec) == "'''Gives größe.'''"
    check_tiling(parsed, data)


def test_a_byte_order_mark_hides_no_definition_and_stays_in_the_first_chunk() -> None:
    """The mark is part of the bytes that are cited."""
    data = codecs.BOM_UTF8 + b"def first():\n    pass\n"
    (chunk,) = parse(data, language="python").chunks
    assert (chunk.symbol, chunk.start_byte) == ("first", 0)
    data = codecs.BOM_UTF8 + b"# Title\n\nText.\n"
    (chunk,) = parse(data, language="markdown").chunks
    assert (chunk.symbol, chunk.start_byte) == ("Title", 0)


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_headings_and_keys_are_found_in_utf_16(codec: str) -> None:
    """Markup and data are cut by their lines in any encoding; only grammars read UTF-8."""
    text = "\ufeff# One 📖\n\n" + "First text.\n" * 20 + "\n# Two\n\n" + "Second text.\n" * 20
    data = text.encode(codec)
    parsed = parse(data, language="markdown")
    assert [chunk.symbol for chunk in parsed.chunks] == ["One 📖", "Two"]
    assert data[parsed.chunks[1].start_byte :].decode(codec).startswith("# Two\n")
    assert parsed.chunks[1].start_line == 24
    data = '\ufeff{\n "naïve": 1,\n "📖": 2\n}\n'.encode(codec)
    parsed = parse(data, language="json", options=ParsingOptions(min_chunk_bytes=0))
    assert [chunk.symbol for chunk in parsed.chunks] == ["naïve", "📖"]
    check_tiling(parsed, data)


def test_one_long_line_is_cut_between_characters() -> None:
    """Where no line ends, a cut still splits no character, and parts are of comparable size."""
    data = ("📖é" * 5000).encode()
    parsed = parse(data, language="text")
    check_tiling(parsed, data)
    sizes = [chunk.end_byte - chunk.start_byte for chunk in parsed.chunks]
    assert max(sizes) - min(sizes) < 200
    assert {(chunk.start_line, chunk.end_line) for chunk in parsed.chunks} == {(1, 1)}


def test_carriage_returns_alone_end_no_line() -> None:
    """Lines end at 0x0A only, so that every reader of a citation counts the same."""
    data = b"# One\rtwo\r\n\r\n" + b"Words and words.\r\n" * 20 + b"\r\n# Three\r\n" + b"More words.\r\n" * 30
    parsed = parse(data, language="markdown")
    assert [(chunk.kind, chunk.start_line) for chunk in parsed.chunks] == [
        (ChunkKind.SECTION, 1),
        (ChunkKind.SECTION, 24),
    ]
