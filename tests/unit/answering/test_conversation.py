"""A conversation fits its tokens: the last turns whole, older ones by what was asked and cited."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from loccit.answering.conversation import condensed
from loccit.core.answers import (
    Answer,
    Citation,
    CitationKind,
    Claim,
    ClaimKind,
    Outcome,
    Verdict,
    VerdictLabel,
    seal,
)

SUPPORTED = Verdict(label=VerdictLabel.SUPPORTED, score=1.0, checker="tests", version="1")


def citation(line: int) -> Citation:
    return Citation(
        kind=CitationKind.FILE,
        repo="repo",
        commit="c" * 40,
        path="src/a.py",
        blob="b" * 40,
        start_byte=0,
        end_byte=1,
        start_line=line,
        end_line=line,
        sha256="0" * 64,
        quote="x",
        encoding="utf-8",
    )


def answered(*texts: str) -> Answer:
    claims = [
        Claim(text=text, kind=ClaimKind.STATEMENT, citations=(citation(n),), verdict=SUPPORTED)
        for n, text in enumerate(texts, start=1)
    ]
    return seal(
        question="?",
        outcome=Outcome.ANSWERED,
        abstention=None,
        confidence=1.0,
        claims=tuple(claims),
        dropped=(),
        snapshots=(),
    )


def words(text: str) -> int:
    return len(text.split())


def test_a_short_conversation_is_told_whole() -> None:
    turns = [("What is a?", answered("It is one.")), ("And b?", answered("It is two.", "It has a name."))]
    text = condensed(turns, count_tokens=words, budget_tokens=100)
    assert text == (
        "Question: What is a?\nAnswer:\n- It is one. [src/a.py:1-1]\n\n"
        "Question: And b?\nAnswer:\n- It is two. [src/a.py:1-1]\n- It has a name. [src/a.py:2-2]"
    )


def test_older_turns_are_summarised_and_keep_their_citations() -> None:
    long = answered(" ".join(["word"] * 100), "second", "third")
    turns = [("first?", long), ("last?", answered("Yes."))]
    text = condensed(turns, count_tokens=words, budget_tokens=80)
    first, last = text.split("\n\n")
    assert first.startswith("Earlier question: first?")
    assert "[src/a.py:1-1]" in first
    assert "third" not in first
    assert "…" in first
    assert last == "Question: last?\nAnswer:\n- Yes. [src/a.py:1-1]"


def test_what_only_a_client_remembers_is_told_as_its_text() -> None:
    """Nobody checked it, so it has no places; without an answer the question stands there all the same."""
    turns = [("what is it?", "It is a thing."), ("and why?", "")]
    assert condensed(turns, count_tokens=words, budget_tokens=100) == (
        "Question: what is it?\nAnswer:\nIt is a thing.\n\nQuestion: and why?\nAnswer:\n(none)"
    )
    short = condensed([("what is it?", "word " * 100)], count_tokens=words, budget_tokens=60)
    assert short.startswith("Earlier question: what is it?\n- word word")
    assert short.endswith("…")


def test_nothing_said_is_nothing_told() -> None:
    assert condensed([], count_tokens=words, budget_tokens=100) == ""


@given(st.lists(st.text(max_size=300), max_size=12), st.integers(0, 200))
def test_a_conversation_never_takes_more_than_it_may(texts: list[str], budget: int) -> None:
    turns = [(text, answered(text or "-")) for text in texts]
    assert words(condensed(turns, count_tokens=words, budget_tokens=budget)) <= budget
