"""Chunks tile the file, for every language and whatever is in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loccit.parsing import ParsingOptions, language_of, list_languages, parse
from tests.unit.parsing.tiling import check_tiling

SAMPLES = Path(__file__).parent / "samples"
BY_LANGUAGE = {
    language_of(path.name): path.read_bytes() for path in SAMPLES.iterdir() if path.suffix != ".chunks"
}
LANGUAGES = [*list_languages(), "auto", "no such language"]
SMALL = ParsingOptions(max_chunk_bytes=64, min_chunk_bytes=16, whole_class_bytes=32)
APART = ParsingOptions(max_chunk_bytes=2400, min_chunk_bytes=0, whole_class_bytes=0)
EDITS = st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 40), st.binary(max_size=12)), max_size=4)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("options", [ParsingOptions(), SMALL, APART], ids=["default", "small", "apart"])
def test_samples_of_all_languages_are_tiled_by_each_language(language: str, options: ParsingOptions) -> None:
    """A language's name may be wrong for a file; the chunks still are the file."""
    for data in BY_LANGUAGE.values():
        check_tiling(parse(data, language=language, options=options), data, options.max_chunk_bytes)


@pytest.mark.parametrize("language", LANGUAGES)
@settings(max_examples=12, deadline=None)
@given(cut=st.integers(0, 4000), edits=EDITS, options=st.sampled_from([ParsingOptions(), SMALL, APART]))
def test_damaged_samples_are_tiled(
    language: str, cut: int, edits: list[tuple[int, int, bytes]], options: ParsingOptions
) -> None:
    """Truncated and mutated files of the language keep every byte."""
    data = BY_LANGUAGE.get(language, BY_LANGUAGE["text"])[:cut]
    for at, removed, added in edits:
        data = data[:at] + added + data[at + removed :]
    check_tiling(parse(data, language=language, options=options), data, options.max_chunk_bytes)


@pytest.mark.parametrize("language", LANGUAGES)
@settings(max_examples=15, deadline=None)
@given(data=st.one_of(st.binary(max_size=600), st.text(max_size=300).map(str.encode)))
def test_random_bytes_are_tiled(language: str, data: bytes) -> None:
    """No bytes are too strange to be cut."""
    check_tiling(parse(data, language=language, options=SMALL), data, SMALL.max_chunk_bytes)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
@settings(max_examples=6, deadline=None)
@given(text=st.text(st.characters(codec="utf-16"), max_size=200))
def test_utf_16_text_is_tiled(language: str, codec: str, text: str) -> None:
    """Cuts fall between characters of two and of four bytes; halves of two characters end no line."""
    data = ("\ufeff\u0a0a" + text + "\n\u0a41\u4100\u0a41\U0001f4d6" * 30).encode(codec)
    parsed = parse(data, language=language, options=SMALL)
    assert parsed.encoding == codec
    check_tiling(parsed, data, SMALL.max_chunk_bytes)
