"""Passages, trimmed to the lines that answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loccit.answering.extract import quotations, window
from loccit.answering.options import AnsweringOptions
from loccit.core.encodings import text_lines
from loccit.core.evidence import Evidence, EvidenceSet, Hit, Place, Quotation
from loccit.core.source import FileRole

WEIGHTS = st.lists(st.sampled_from([0.0, 0.1, 0.2, 0.3, 1.0, 2.5]), max_size=60)


def evidence(
    text: str,
    weights: tuple[float, ...] | None = None,
    *,
    start: int = 0,
    encoding: str = "utf-8",
    relevance: float = 0.5,
    path: str = "a.py",
) -> Evidence:
    data = text.encode(encoding)
    place = Place("r", "c", "t", path, "b", start, start + len(data), 1, 1)
    hit = Hit(place, 1.0, "", "text", "python", FileRole.SOURCE, encoding, ("why",), relevance=relevance)
    return Evidence("E1", hit, data, weights or (0.0,) * len(text_lines(text)))


def found(*pieces: Evidence) -> EvidenceSet:
    return EvidenceSet("q", pieces, 1.0, ())


def quoted(piece: Evidence, lines: int = 5) -> tuple[Quotation, str]:
    """The one quotation of a piece, and its text."""
    [quotation] = quotations(found(piece), AnsweringOptions(quote_lines=lines))
    offset = piece.hit.place.start_byte
    data = piece.data[quotation.start_byte - offset : quotation.end_byte - offset]
    return quotation, data.decode(piece.hit.encoding)


def test_without_evidence_there_is_nothing_to_quote() -> None:
    """The answer then says so."""
    assert quotations(found(), AnsweringOptions()) == []


def test_a_short_passage_is_quoted_whole() -> None:
    """Without its last line end."""
    assert quoted(evidence("def f():\n    return 1\n"))[1] == "def f():\n    return 1"


def test_blank_lines_at_the_ends_are_left_out() -> None:
    """Those between stay."""
    assert quoted(evidence("\n  \n\na\n\nb\n\n \n"))[1] == "a\n\nb"


def test_blank_lines_do_not_use_up_the_window() -> None:
    """A passage may begin with more of them than a quotation has lines."""
    assert quoted(evidence("\n" * 40 + "a\n"))[1] == "a"


def test_a_long_passage_is_cut_to_the_lines_that_hold_the_question() -> None:
    """Wherever they are."""
    text = "".join(f"line {number}\n" for number in range(40))
    weights = tuple(1.0 if number in (20, 22) else 0.0 for number in range(40))
    cut = quoted(evidence(text, weights))[1].split("\n")
    assert len(cut) == 5
    assert {"line 20", "line 22"} <= set(cut)


def test_a_signature_just_above_is_taken_in() -> None:
    """It explains what follows."""
    text = "".join(f"line {number}\n" for number in range(40))
    weights = tuple(1.0 if 5 <= number <= 7 else 0.0 for number in range(40))
    assert quoted(evidence(text, weights), lines=8)[1].startswith("line 0\n")


def test_the_beginning_is_preferred_to_hardly_more_further_down() -> None:
    """A fifth more is no reason to lose what the passage is."""
    text = "".join(f"line {number}\n" for number in range(40))
    for further_down, start in ((1.2, "line 0"), (1.5, "line 2")):
        weights = tuple({0: 1.0, 30: further_down}.get(number, 0.0) for number in range(40))
        assert quoted(evidence(text, weights))[1].startswith(start)


def test_the_subject_of_a_commit_is_always_quoted() -> None:
    """It says what the commit is, however long the message."""
    text = "Subject\n\n" + "".join(f"line {number}\n" for number in range(40))
    weights = tuple(1.0 if number > 30 else 0.0 for number in range(42))
    assert quoted(evidence(text, weights, path=""))[1].startswith("Subject\n")


def test_thin_passages_are_left_out() -> None:
    """One that holds less than half of what the best one holds adds length, not an answer."""
    pieces = [evidence("a", relevance=0.8), evidence("b", relevance=0.41), evidence("c", relevance=0.39)]
    kept = quotations(found(*pieces), AnsweringOptions())
    assert [q.evidence.data for q in kept] == [b"a", b"b"]


def test_commits_do_not_make_files_look_thin() -> None:
    """A commit is short, so that it holds a larger share; files are measured by files."""
    pieces = [
        evidence("subject", relevance=0.9, path=""),
        evidence("a", relevance=0.4),
        evidence("b", relevance=0.3),
    ]
    assert len(quotations(found(*pieces), AnsweringOptions())) == 3


def test_no_more_than_so_many_passages_are_quoted() -> None:
    """The first ones, in their order, each with its reasons."""
    kept = quotations(found(*(evidence(letter) for letter in "abcdef")), AnsweringOptions(passages=2))
    assert [(q.evidence.data, q.why) for q in kept] == [(b"a", ("why",)), (b"b", ("why",))]


@given(WEIGHTS, st.integers(1, 30))
def test_a_window_is_within_the_lines_and_not_too_long(weights: list[float], size: int) -> None:
    """It is as long as it may be."""
    first, last = window(weights, size)
    assert 0 <= first <= last <= len(weights)
    assert last - first == min(size, len(weights))


@given(WEIGHTS, st.integers(1, 30))
def test_no_window_holds_much_more(weights: list[float], size: int) -> None:
    """Only the beginning may be preferred: for hardly less, or where the best begins just below it."""
    first, _ = window(weights, size)
    sums = [sum(weights[start : start + size]) for start in range(max(1, len(weights) - size + 1))]
    best = max(sums)
    if first:
        assert sums[first] == pytest.approx(best)
        assert sums[0] < 0.8 * best + 1e-6
        # The earliest of the best.
        assert all(total < best - 1e-12 or total == pytest.approx(best) for total in sums[:first])
    else:
        near = max(sums[:5])
        assert sums[0] >= 0.8 * best - 1e-6 or near == pytest.approx(best)


LINES = st.lists(
    st.tuples(
        st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=8),
        st.sampled_from(["\n", "\r\n"]),
    ),
    min_size=1,
    max_size=30,
)


@given(
    LINES, st.booleans(), st.sampled_from(["utf-8", "utf-16-le", "utf-16-be"]), st.integers(0, 3), st.data()
)
def test_a_quotation_is_exact_bytes(
    lines: list[tuple[str, str]], is_ended: bool, encoding: str, shift: int, data: st.DataObject
) -> None:
    """Whole lines of the passage in every encoding, with any line ends, wherever the passage begins."""
    text = "".join(line + end for line, end in lines)
    text = text if is_ended else text.rstrip("\r\n")
    if not text.strip():
        return
    drawn = data.draw(st.lists(st.sampled_from([0.0, 1.0, 2.0]), min_size=30, max_size=30))
    # A blank line holds nothing of a question.
    weights = tuple(
        weight if line.strip() else 0.0 for line, weight in zip(text_lines(text), drawn, strict=False)
    )
    size = data.draw(st.integers(1, 8))
    piece = evidence(text, weights, start=2 * shift, encoding=encoding)
    quotation, cut = quoted(piece, lines=size)
    assert 2 * shift <= quotation.start_byte < quotation.end_byte <= 2 * shift + len(piece.data)
    assert cut.strip()
    assert cut == cut.rstrip("\r\n")
    assert cut.count("\n") < size
    before, _, after = text.partition(cut)
    assert cut in text
    assert before == "" or before.endswith("\n") or text.count(cut) > 1
    assert after == "" or after.startswith(("\r", "\n")) or text.count(cut) > 1


@given(st.binary(min_size=1, max_size=60).filter(lambda data: data.strip() != b""))
def test_any_bytes_can_be_quoted_as_latin_1(data: bytes) -> None:
    """Every byte is a character there."""
    text = data.decode("latin-1")
    if text.strip():
        assert quoted(evidence(text, encoding="latin-1"), lines=60)[1] in text
