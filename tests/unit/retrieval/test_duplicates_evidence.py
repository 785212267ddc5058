"""What two issues share, byte by byte."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from loccit.core.issues import Issue
from loccit.retrieval.shared_evidence import EvidenceFinder, IssuePart, Passage, Shared, SharedKind
from tests.unit.retrieval.trackers import issue

TRACE = """It broke again – für immer.

Traceback (most recent call last):
  File "parcels/refunds.py", line {line}, in pay_back
    order.close()
RefundError: order {order} is already closed
"""
HERE = issue("1", "Refund fails", TRACE.format(line=12, order=77))
THERE = issue("2", "pay_back raises", "Seen in production:\n\n" + TRACE.format(line=31, order=5))


def shared(here: Issue, there: Issue, *, holders: int = 2, issues: int = 1000) -> tuple[Shared, ...]:
    return EvidenceFinder(here, lambda _: holders, issues).shared_with(there)


def bytes_at(one: Issue, passage: Passage) -> bytes:
    text = one.title if passage.part is IssuePart.TITLE else one.body
    return text.encode("utf-8", "surrogatepass")[passage.start_byte : passage.end_byte]


def test_the_same_error_is_quoted_from_both() -> None:
    """An error with another number in it is the same error; each side is quoted as it is written."""
    error = next(one for one in shared(HERE, THERE) if one.kind is SharedKind.ERROR)
    assert error.here.quote == "order 77 is already closed"
    assert error.there.quote == "order 5 is already closed"
    assert error.text == "RefundError: order 77 is already closed"


def test_the_same_frame_is_the_same_function_in_the_same_file() -> None:
    """Lines move, functions stay; a function of another file is another."""
    assert "pay_back (parcels/refunds.py)" in [one.text for one in shared(HERE, THERE)]
    elsewhere = issue("3", "", THERE.body.replace("parcels/refunds.py", "other/refunds.py"))
    assert SharedKind.FRAME not in {one.kind for one in shared(HERE, elsewhere)}


def test_equal_titles_are_told() -> None:
    """The same title is evidence, whatever its case."""
    found = shared(issue("1", "Update the year to 2022"), issue("2", "update the  year to 2022"))
    assert found[0].kind is SharedKind.LINE
    assert (found[0].here.part, found[0].there.quote) == (IssuePart.TITLE, "update the  year to 2022")


def test_common_words_are_no_evidence() -> None:
    """A word of many issues says nothing; one of few says how few."""
    one, two = issue("1", "slow tracking page"), issue("2", "tracking is odd")
    assert [(word.text, word.issues) for word in shared(one, two)] == [("tracking", 2)]
    assert shared(one, two, holders=500) == ()


def test_other_forms_of_a_word_are_the_same_word() -> None:
    """`registered` here is `registering` there, each quoted as written."""
    (word,) = shared(issue("1", "registered"), issue("2", "registering"))
    assert (word.kind, word.here.quote, word.there.quote) == (SharedKind.WORD, "registered", "registering")


TEXT = st.text(st.sampled_from("aé \n\"':.(){}`_RE日x1\ud800"), max_size=60)


@given(TEXT, TEXT, TEXT, TEXT)
def test_every_quote_is_in_its_issue(a: str, b: str, c: str, d: str) -> None:
    """The bytes that a passage names are its quote, in both issues, whatever they hold."""
    here, there = issue("1", a, f"{b}\nsame_name: ValueError: bad {a}"), issue("2", c, f"{d} same_name\n{b}")
    for one in shared(here, there):
        assert bytes_at(here, one.here) == one.here.quote.encode("utf-8", "surrogatepass")
        assert bytes_at(there, one.there) == one.there.quote.encode("utf-8", "surrogatepass")
        assert one.here.quote
