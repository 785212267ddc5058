"""The association credits files with the words that went with them: kernel ridge regression, and no more."""

from __future__ import annotations

import numpy as np
import pytest

from loccit.retrieval.association import PENALTY, Association, Message, associate
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
    _, learned = associate([said(n % 2, 7, paths=(f"{n % 2}.py",)) for n in range(20)], 0)
    assert learned is not None
    scores = learned.scores(asked(1, former=(("0.py",), ("1.py",))))
    assert scores[1] > scores[0]


def test_former_names_count_for_a_file() -> None:
    """What was said when a file had another name still speaks for it."""
    _, learned = associate([said(1, paths=("old.py",)), said(2, paths=("other.py",))], 0)
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
    _, learned = associate(messages, 0)
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


@pytest.mark.parametrize("first", [0, 1, 45, 60])
def test_the_first_of_them_and_all_are_learned_at_once(first: int) -> None:
    """As each would be by itself: the first of them given no word that only the others know."""
    random = np.random.default_rng(3)
    messages = [
        said(*random.choice(20, 5, replace=False).tolist(), paths=(f"{random.integers(6)}.py",))
        for _ in range(60)
    ]
    earlier, whole = associate(messages, first)
    _, alone = associate(messages, 0)
    assert whole is not None
    assert alone is not None
    assert np.allclose(whole.files, alone.files, atol=1e-4)
    assert (earlier is None) == (first == 0)
    if earlier is not None:
        assert not earlier.files[first:].any()
        kernel = _dense(alone)[:first] @ _dense(alone)[:first].T + PENALTY * np.eye(first)
        changed = [[path in one.paths for path in alone.paths] for one in messages[:first]]
        assert np.allclose(kernel @ earlier.files[:first], np.array(changed, dtype=float), atol=1e-3)


def _dense(learned: Association) -> np.ndarray:
    dense = np.zeros((len(learned.files), len(learned.keys)))
    term = np.repeat(np.arange(len(learned.keys)), np.diff(learned.at))
    dense[learned.rows, term] = learned.weights
    return dense


@pytest.mark.parametrize("messages", [[], [said(paths=("a.py",))], [said(1, paths=())]])
def test_messages_that_say_or_change_nothing_teach_nothing(messages: list[Message]) -> None:
    """There is no association then."""
    assert associate(messages, len(messages)) == (None, None)


def test_unknown_words_and_unknown_files_score_nothing() -> None:
    """Neither a word that nobody said nor a file that nobody changed has a score."""
    _, learned = associate([said(1, paths=("a.py",)), said(2, paths=("b.py",))], 0)
    assert learned is not None
    assert not learned.scores(asked(99, former=(("a.py",), ("c.py",)))).any()
    assert learned.scores(asked(1, former=(("c.py",),)))[0] == 0


def test_it_comes_back_from_its_arrays() -> None:
    """In half precision, which changes no order here."""
    _, learned = associate([said(n % 5, n % 3 + 10, paths=(f"{n % 4}.py", "ü.py")) for n in range(40)], 0)
    assert learned is not None
    again = type(learned).of(learned.arrays())
    question = asked(1, 11, former=tuple((path,) for path in learned.paths))
    assert again.paths == learned.paths
    assert np.allclose(again.scores(question), learned.scores(question), atol=1e-2)
