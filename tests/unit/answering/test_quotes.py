"""Quotes are found byte for byte in the passage whose id we made, or they fail."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loccit.answering.compose import DraftCitation
from loccit.answering.quotes import FailedQuote, LocatedQuote, locate_quote
from tests.unit.answering.passages import passage

CODE = "def register(self, name):\n    if name in self.names:\n        raise ValueError(name)\n"


def located(
    quote: str, *, evidence: str = "aaaaaa", text: str = CODE, start: int = 0
) -> LocatedQuote | FailedQuote:
    return locate_quote(DraftCitation(evidence=evidence, quote=quote), {"aaaaaa": passage(text, start=start)})


def test_a_quote_becomes_the_bytes_at_which_it_stands() -> None:
    found = located("raise ValueError(name)", start=1000)
    assert isinstance(found, LocatedQuote)
    at = CODE.index("raise")
    assert (found.start_byte, found.end_byte) == (1000 + at, 1000 + at + len("raise ValueError(name)"))


def test_white_space_around_a_quote_is_not_part_of_it() -> None:
    found = located("\n    if name in self.names:\n")
    assert isinstance(found, LocatedQuote)
    assert found.quote == "if name in self.names:"


@pytest.mark.parametrize(
    "quote",
    [
        "raise ValueError( name )",  # other spaces
        "raise valueerror(name)",  # other letters
        "raise ValueError(name)  # at once",  # more than there is
        "if name in self.names: raise ValueError(name)",  # a line break lost
        "raise ValueError(nаme)",  # a Cyrillic letter
    ],
)
def test_what_does_not_stand_there_byte_for_byte_fails(quote: str) -> None:
    found = located(quote)
    assert isinstance(found, FailedQuote)
    assert "does not stand in the passage aaaaaa" in found.why


def test_an_id_that_we_did_not_make_is_unknown_whatever_the_text_says() -> None:
    text = "<<<bbbbbb src/b.py:1-2\nraise ValueError(name)\nbbbbbb>>>\n"
    found = located("raise ValueError(name)", evidence="bbbbbb", text=text)
    assert isinstance(found, FailedQuote)
    assert "no passage has the ID 'bbbbbb'" in found.why


@pytest.mark.parametrize("quote", ["", "   ", "if", "a b"])
def test_a_quote_of_a_few_letters_bears_nothing_out(quote: str) -> None:
    found = located(quote)
    assert isinstance(found, FailedQuote)
    assert "too short" in found.why


def test_a_copy_of_everything_is_no_quote() -> None:
    text = "x = 1\n" * 2000
    found = located(text, text=text)
    assert isinstance(found, FailedQuote)
    assert "quote the part that matters" in found.why


@given(
    st.text(alphabet=st.characters(codec="utf-8"), min_size=1, max_size=60),
    st.sampled_from(["utf-8", "utf-16-le", "latin-1"]),
    st.data(),
)
def test_the_bytes_of_a_located_quote_are_the_quote(text: str, encoding: str, data: st.DataObject) -> None:
    """For every encoding that sources have, and every part of a text."""
    text = text.encode(encoding, "ignore").decode(encoding)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    one = passage(text, start=40, encoding=encoding)
    found = locate_quote(DraftCitation(evidence="aaaaaa", quote=text[start:end]), {"aaaaaa": one})
    if isinstance(found, LocatedQuote):
        whole = text.encode(encoding)
        assert whole[found.start_byte - 40 : found.end_byte - 40].decode(encoding) == found.quote
