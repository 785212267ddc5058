"""How sure one may be that the sources hold an answer."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from loccit.retrieval.confidence import confidence, signal, unknown_words
from tests.unit.retrieval.snapshots import MadeChunk, MadeFile, hits_of, made, parsed

WORDS = ["zorp", "quux", "frobnicate", "wibble", "error", "value"]
REST = [MadeFile(f"rest/{number}.py", (MadeChunk(f"delta{number} epsilon"),)) for number in range(4)]


def test_without_hits_there_is_no_evidence() -> None:
    """The signal is 0, and the probability next to it."""
    for text in ("unheard", "what is the", "?"):
        results = hits_of(parsed({"a.py": "alpha = 1\n"}), text)
        assert signal(results) == 0.0
        assert confidence(results) < 0.01


def test_an_empty_snapshot_holds_no_answer() -> None:
    """Nothing is known of any word."""
    assert signal(hits_of(made([]), "alpha")) == 0.0


@settings(max_examples=40)
@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=4, unique=True), st.data())
def test_a_chunk_that_holds_more_of_the_question_is_more_evidence(
    words: list[str], data: st.DataObject
) -> None:
    """All words in one chunk are worth at least as much as some of them."""
    some = data.draw(st.lists(st.sampled_from(words), unique=True))
    # The other words are known all the same, in a file of their own.
    other = MadeFile("other.py", (MadeChunk(" ".join(words) + " delta" * 200),))
    signals = [
        signal(hits_of(made([MadeFile("a.py", (MadeChunk(" ".join(held)),)), other, *REST]), " ".join(words)))
        for held in (some, words)
    ]
    assert signals[0] <= signals[1] + 1e-9


def test_an_unknown_word_makes_less_sure() -> None:
    """What no file knows is what the question is about, as like as not."""
    snapshot = made([MadeFile("a.py", (MadeChunk("zorp quux"),)), *REST])
    assert signal(hits_of(snapshot, "zorp quux")) > signal(hits_of(snapshot, "zorp quux frobnicate"))


def test_unknown_words_are_told_as_they_were_written() -> None:
    """Once each, in order; a word that is known in another form is known."""
    snapshot = made([MadeFile("a.py", (MadeChunk("registering zorp"),)), *REST])
    results = hits_of(snapshot, "Quux registered wibble quux zorp")
    assert unknown_words(results) == ("quux", "wibble")


@settings(max_examples=40)
@given(st.lists(st.sampled_from([*WORDS, "delta1", "epsilon"]), min_size=1, max_size=6))
def test_it_is_a_probability_with_six_decimals(words: list[str]) -> None:
    """More would differ from machine to machine, and with it the digest."""
    sure = confidence(hits_of(made(REST), " ".join(words)))
    assert 0 <= sure <= 1
    assert sure == round(sure, 6)
