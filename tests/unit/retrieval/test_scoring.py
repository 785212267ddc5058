"""Scores against a slow, plain reading of the formula."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loccit.core.source import FileRole
from loccit.indexing.lexical import Field
from loccit.indexing.terms import terms_of, tokens
from loccit.retrieval.query import Query, understand
from loccit.retrieval.scoring import FORMULAS, Formula, Scoring, score
from tests.unit.retrieval.snapshots import MadeChunk, MadeFile, MadeSnapshot, made

WORDS = ["alpha", "alphas", "beta", "alphaBeta", "beta_alpha", "gamma", "x2", "beta"]
QUERIES = ["alpha", "alphas beta", "alphaBeta gamma gamma", "beta_alpha x2 unknown", "unknown", "the of"]


def of_words(least: int = 0) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(WORDS), min_size=least, max_size=6).map(" ".join)


CHUNKS = st.builds(
    MadeChunk,
    body=of_words(),
    docs=of_words(),
    signature=of_words(),
    symbol=st.sampled_from(["", "alpha", "Gamma.beta"]),
    defines=st.sampled_from([(), ("alpha",), ("beta", "gamma")]),
)
FILES = st.lists(
    st.builds(
        MadeFile,
        path=st.sampled_from(["a.py", "alpha.py", "beta/x2.py", "lib/alphaBeta.py", "t/gamma.py", "z.md"]),
        chunks=st.lists(CHUNKS, min_size=1, max_size=3).map(tuple),
        role=st.sampled_from([FileRole.SOURCE, FileRole.TEST, FileRole.DOCS, FileRole.DATA]),
    ),
    min_size=1,
    max_size=5,
    unique_by=lambda file: file.path,
)


def counted(text: str) -> Counter[str]:
    """The terms of a text."""
    found: Counter[str] = Counter()
    for terms, _ in terms_of(tokens(text)):
        found.update(terms)
    return found


def length(text: str) -> int:
    """A text's length in words."""
    return sum(words for _, words in terms_of(tokens(text)))


def fields(chunk: MadeChunk) -> dict[Field, str]:
    """A chunk's texts by field. A symbol counts beside the names that it does not repeat."""
    names = [*chunk.defines, *([chunk.symbol] if chunk.symbol not in chunk.defines else [])]
    return {
        Field.SYMBOLS: " ".join(names),
        Field.SIGNATURE: chunk.signature,
        Field.DOCS: chunk.docs,
        Field.BODY: chunk.body,
    }


def path_text(file: MadeFile) -> str:
    return file.path.rpartition(".")[0]


class Reference:
    """The formula, term by term and document by document."""

    def __init__(self, query: Query, files: Sequence[MadeFile], formula: Formula) -> None:
        self.files = files
        self.formula = formula
        chunks = [chunk for file in files for chunk in file.chunks]
        self.mean_chunk = max(sum(map(self.file_length, files)) / len(chunks), 1)
        code = [file for file in files if file.role in (FileRole.SOURCE, FileRole.TEST)] or files
        self.mean_file = max(sum(map(self.file_length, code)) / len(code), 1)
        self.weights: dict[str, float] = {}
        self.holding: dict[str, int] = {}
        for term in query.terms:
            holding = sum(any(self.chunk_tf(chunk, term.term) for chunk in file.chunks) for file in files)
            idf = math.log(1 + (len(files) - holding + 0.5) / (holding + 0.5))
            weight = idf * term.weight * math.sqrt(term.count)
            self.holding[term.term] = holding
            self.weights[term.term] = self.weights.get(term.term, 0) + (weight if holding else 0)

    def chunk_length(self, chunk: MadeChunk) -> int:
        return sum(length(text) for text in fields(chunk).values())

    def file_length(self, file: MadeFile) -> int:
        return sum(map(self.chunk_length, file.chunks)) + length(path_text(file))

    def chunk_tf(self, chunk: MadeChunk, term: str) -> float:
        return sum(self.formula.fields[field] * counted(text)[term] for field, text in fields(chunk).items())

    def chunk_score(self, chunk: MadeChunk) -> float:
        b = self.formula.chunk_b
        norm = 2.0 * (1 - b + b * self.chunk_length(chunk) / self.mean_chunk)
        return self.summed({term: self.chunk_tf(chunk, term) for term in self.weights}, norm)

    def file_score(self, file: MadeFile) -> float:
        b = self.formula.file_b
        norm = 2.0 * (1 - b + b * self.file_length(file) / self.mean_file)
        path = counted(path_text(file))
        tfs = {
            term: sum(self.chunk_tf(chunk, term) for chunk in file.chunks) + 2.0 * path[term]
            for term in self.weights
        }
        return self.summed(tfs, norm)

    def summed(self, tfs: dict[str, float], norm: float) -> float:
        total = sum(self.weights.values()) or 1.0
        return sum(weight * tfs[term] / (tfs[term] + norm) for term, weight in self.weights.items()) / total


def scores_by_file(
    snapshot: MadeSnapshot, scoring: Scoring, number: int = 0
) -> dict[str, tuple[float, list[float]]]:
    """Per path, the score of the file and those of its chunks."""
    view, scores = snapshot.target.view, scoring.views[number]
    return {
        path: (
            float(scores.files[file]),
            scores.documents[view.record_of == view.record_of_file[file]].tolist(),
        )
        for file, path in enumerate(view.files.paths)
    }


def understood(text: str) -> Query:
    return understand(text, max_chars=1000)


@settings(max_examples=60)
@given(FILES, st.sampled_from(QUERIES), st.sampled_from(list(FORMULAS)), st.integers(1, 3))
def test_scores_are_those_of_the_plain_formula(
    files: list[MadeFile], text: str, kind: str, segments: int
) -> None:
    """Fields, lengths, roles, paths and copies, over one segment or several."""
    formula = FORMULAS["history" if kind == "history" else "files"]
    snapshot, query = made(files, segments=segments), understood(text)
    scoring = score(query, [snapshot.target.view], formula)
    reference = Reference(query, files, formula)
    assert {w.term.term: w.files for w in scoring.weights} == reference.holding
    found = scores_by_file(snapshot, scoring)
    for file in files:
        file_score, chunk_scores = found[file.path]
        assert file_score == pytest.approx(reference.file_score(file))
        assert chunk_scores == pytest.approx([reference.chunk_score(chunk) for chunk in file.chunks])


@settings(max_examples=40)
@given(FILES, st.sampled_from(QUERIES), st.data())
def test_several_views_are_scored_as_one_view_of_all_their_files(
    files: list[MadeFile], text: str, data: st.DataObject
) -> None:
    """Scores compare between repositories: statistics are taken over all of them."""
    sides = [data.draw(st.booleans()) for _ in files]
    parts = [[f for f, side in zip(files, sides, strict=True) if side == wanted] for wanted in (True, False)]
    snapshots = [made(part) for part in parts if part]
    together = made(files)
    query = understood(text)
    apart = score(query, [snapshot.target.view for snapshot in snapshots])
    whole = scores_by_file(together, score(query, [together.target.view]))
    for number, snapshot in enumerate(snapshots):
        for path, (file_score, chunk_scores) in scores_by_file(snapshot, apart, number).items():
            assert file_score == pytest.approx(whole[path][0])
            assert chunk_scores == pytest.approx(whole[path][1])


def test_a_copy_counts_like_any_other_file() -> None:
    """Two files of the same content are one record, and two in every statistic."""
    chunk = MadeChunk(body="alpha beta")
    other = MadeFile("c.py", (MadeChunk(body="gamma"),))
    files = [MadeFile("a.py", (chunk,)), MadeFile("b.py", (chunk,)), other]
    snapshot = made(files)
    assert snapshot.target.view.records == 2
    scoring = score(understood("alpha"), [snapshot.target.view])
    assert (scoring.weights[0].files, scoring.total_files) == (2, 3)


def test_a_name_that_is_defined_counts_more_than_one_that_is_spoken_of() -> None:
    """Symbols weigh three times what a body does; of a commit they weigh no more than its message."""
    defining = MadeFile("a.py", (MadeChunk(body="gamma gamma", defines=("alpha",)),))
    speaking = MadeFile("b.py", (MadeChunk(body="gamma gamma alpha"),))
    for kind, is_more in (("files", True), ("history", False)):
        snapshot = made([defining, speaking])
        formula = FORMULAS["history" if kind == "history" else "files"]
        found = scores_by_file(snapshot, score(understood("alpha"), [snapshot.target.view], formula))
        assert (found["a.py"][0] > found["b.py"][0] * 1.01) is is_more


def test_a_long_commit_is_hardly_worse_than_a_short_one() -> None:
    """What a commit changes makes it long; the commit that brings a feature changes much."""
    short = MadeFile("a.py", (MadeChunk(body="alpha"),))
    long = MadeFile("b.py", (MadeChunk(body="alpha" + " gamma" * 60),))
    view = made([short, long]).target.view
    ratio = {}
    for kind, formula in FORMULAS.items():
        scores = score(understood("alpha"), [view], formula).views[0].files
        ratio[kind] = scores.min() / scores.max()
    assert ratio["history"] > 0.8
    assert ratio["files"] < 0.7


def test_words_that_no_file_holds_weigh_nothing_and_are_still_told() -> None:
    """Confidence asks how much of a question is unknown."""
    scoring = score(
        understood("unknown alpha"), [made([MadeFile("a.py", (MadeChunk(body="alpha"),))]).target.view]
    )
    by_term = {w.term.term: w for w in scoring.weights}
    assert (by_term["unknown"].weight, by_term["unknown"].files) == (0.0, 0)
    assert by_term["unknown"].idf > by_term["alpha"].idf


def test_no_view_at_all_is_scored_to_nothing() -> None:
    """A question about repositories whose history is not indexed."""
    scoring = score(understood("alpha"), [])
    assert scoring.views == ()
    assert scoring.total_files == 0


@settings(max_examples=40)
@given(FILES, st.sampled_from(QUERIES))
def test_scores_are_shares(files: list[MadeFile], text: str) -> None:
    """From 0 to below 1, so that scores of long and short questions compare."""
    scoring = score(understood(text), [made(files).target.view])
    for scores in scoring.views:
        for values in (scores.files, scores.documents):
            assert np.all((values >= 0) & (values < 1))
