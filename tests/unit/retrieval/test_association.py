"""The association credits files with the words that went with them: kernel ridge regression, and no more."""

from __future__ import annotations

import numpy as np
import pytest

from loccit.retrieval.association import PENALTY, Message, associate
from loccit.retrieval.features import Candidates


def said(*words: int, paths: tuple[str, ...]) -> Message:
    return Message(np.array(words, dtype=np.uint64), np.ones(len(words)), paths)


def asked(*words: int, former: tuple[tuple[str, ...], ...]) -> Candidates:
    keys = np.array(words, dtype=np.uint64)
    return Candidates(
        np.arange(len(former)), ("first",), np.zeros((len(former), 1)), former, keys, np.ones(len(words))
    )


def test_a_word_speaks_for_the_file_it_went_with() -> None:
    """Two files, a word each: either is asked for by its own."""
    learned = associate([said(n % 2, 7, paths=(f"{n % 2}.py",)) for n in range(20)])
    assert learned is not None
    scores = learned.scores(asked(1, former=(("0.py",), ("1.py",))))
    assert scores[1] > scores[0]


def test_former_names_count_for_a_file() -> None:
    """What was said when a file had another name still speaks for it."""
    learned = associate([said(1, paths=("old.py",)), said(2, paths=("other.py",))])
    assert learned is not None
    scores = learned.scores(asked(1, former=(("new.py", "old.py"), ("other.py",))))
    assert scores[0] > scores[1]


def test_it_is_the_ridge_regression_that_it_says_it_is() -> None:
    """The same numbers as the formula gives with dense matrices."""
    random = np.random.default_rng(2)
    messages = [
        said(*random.choice(30, 5, replace=False).tolist(), paths=(f"{random.integers(6)}.py",))
        for _ in range(60)
    ]
    learned = associate(messages)
    assert learned is not None
    terms = {int(key): at for at, key in enumerate(learned.keys)}
    dense = np.zeros((60, len(terms)))
    for row, one in enumerate(messages):
        dense[row, [terms[int(key)] for key in one.keys]] = 1
    held = (dense > 0).sum(axis=0)
    idf = np.log(1 + 60 / (1 + held))
    dense = dense * idf
    dense /= np.linalg.norm(dense, axis=1, keepdims=True)
    changed = np.array([[path in one.paths for path in learned.paths] for one in messages], dtype=float)
    weights = np.linalg.solve(dense @ dense.T + PENALTY * np.eye(60), changed)
    question = messages[0]
    told = dense @ dense[0]
    expected = told @ weights
    former = tuple((path,) for path in learned.paths)
    found = learned.scores(asked(*(int(key) for key in question.keys), former=former))
    assert np.allclose(found, expected, atol=1e-3)


@pytest.mark.parametrize("messages", [[], [said(paths=("a.py",))], [said(1, paths=())]])
def test_messages_that_say_or_change_nothing_teach_nothing(messages: list[Message]) -> None:
    """There is no association then."""
    assert associate(messages) is None


def test_unknown_words_and_unknown_files_score_nothing() -> None:
    """Neither a word that nobody said nor a file that nobody changed has a score."""
    learned = associate([said(1, paths=("a.py",)), said(2, paths=("b.py",))])
    assert learned is not None
    assert not learned.scores(asked(99, former=(("a.py",), ("c.py",)))).any()
    assert learned.scores(asked(1, former=(("c.py",),)))[0] == 0


def test_it_comes_back_from_its_arrays() -> None:
    """In half precision, which changes no order here."""
    learned = associate([said(n % 5, n % 3 + 10, paths=(f"{n % 4}.py", "ü.py")) for n in range(40)])
    assert learned is not None
    again = type(learned).of(learned.arrays())
    question = asked(1, 11, former=tuple((path,) for path in learned.paths))
    assert again.paths == learned.paths
    assert np.allclose(again.scores(question), learned.scores(question), atol=1e-2)
