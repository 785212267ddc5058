"""What each language's sample is cut into, compared with a text file beside it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from loccit.parsing import language_of, list_languages, parse
from tests.unit.parsing.golden import described

SAMPLES = Path(__file__).parent / "samples"
FILES = sorted(path.name for path in SAMPLES.iterdir() if path.suffix != ".chunks")


@pytest.mark.parametrize("name", FILES)
def test_sample_is_cut_as_written_down(name: str) -> None:
    """Symbols, heads, names and documentation are those of NAME.chunks; UPDATE_GOLDEN=1 writes it anew."""
    data = (SAMPLES / name).read_bytes()
    found = described(parse(data, language=language_of(name)), data)
    golden = SAMPLES / f"{name}.chunks"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(found, encoding="utf-8")
    assert found == golden.read_text(encoding="utf-8")


def test_every_language_has_a_sample() -> None:
    """Nothing is listed as a language that no sample shows; style sheets are cut as plain text."""
    assert {language_of(name) for name in FILES} == set(list_languages()) - {"css"}


@pytest.mark.parametrize("name", FILES)
def test_parsing_is_deterministic(name: str) -> None:
    """The same bytes give the same chunks."""
    data = (SAMPLES / name).read_bytes()
    assert parse(data, language=language_of(name)) == parse(data, language=language_of(name))
