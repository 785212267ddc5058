"""Training finds what is there to be found, and stays at the general ranker where nothing is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from loccit.learning.lessons import Lesson
from loccit.learning.train import LEAST_LESSONS, Trainer, fit_listwise
from loccit.retrieval.learned import Ranker
from tests.unit.learning.generals import made_general
from tests.unit.learning.lists import PATHS, made_lesson


def hits(ranker: Ranker, lessons: list[Lesson]) -> float:
    """In what share of lessons the right file is first."""
    first = [ranker.rank(one.candidates).order[0] for one in lessons if one.candidates is not None]
    return float(
        np.mean([one.is_gold is not None and one.is_gold[at] for one, at in zip(lessons, first, strict=True)])
    )


def test_a_telling_feature_is_learned() -> None:
    """Where `size` gives the right file away, which the trees do not ask for, the own part sees it."""
    lessons = [made_lesson(n, n * 5 % 8, telling="size") for n in range(600)]
    general = made_general()
    ranker = Trainer(general).fit(lessons[:500])
    assert hits(general, lessons[500:]) < 0.4
    assert hits(ranker, lessons[500:]) > 0.6


def test_words_that_went_with_files_are_learned() -> None:
    """Each file has a word of its own in the messages; nothing else tells it."""
    lessons = [made_lesson(n, n * 5 % 8, word=100 + n * 5 % 8) for n in range(300)]
    general = made_general()
    ranker = Trainer(general).fit(lessons[:240])
    assert ranker.own is not None
    assert ranker.own.association_share > 0
    assert hits(ranker, lessons[240:]) > hits(general, lessons[240:]) + 0.2


@pytest.mark.parametrize("count", [0, 1, LEAST_LESSONS - 1])
def test_too_few_lessons_teach_nothing(count: int) -> None:
    """The general ranker comes back as it is."""
    general = made_general()
    assert Trainer(general).fit([made_lesson(n, n % 8) for n in range(count)]) is general


def test_lessons_whose_files_are_not_found_teach_nothing() -> None:
    """Without one right file among the candidates there is no order to learn."""
    lost = [replace(made_lesson(n, n % 8), is_gold=np.zeros(len(PATHS), dtype=bool)) for n in range(100)]
    general = made_general()
    assert Trainer(general).fit(lost) is general


def test_training_is_the_same_every_time() -> None:
    """The same lessons give the same weights to the last bit."""
    lessons = [made_lesson(n, n % 8, telling="size") for n in range(120)]
    first, second = Trainer(made_general()).fit(lessons).own, Trainer(made_general()).fit(lessons).own
    assert first is not None
    assert second is not None
    assert np.array_equal(first.linear, second.linear)
    assert first.association_share == second.association_share


def test_the_listwise_fit_is_a_minimum() -> None:
    """No small step from where it ends lowers the penalised loss."""
    random = np.random.default_rng(3)
    values, starts = random.normal(size=(200, 4)), np.arange(0, 200, 5)
    is_gold = np.zeros(200, dtype=bool)
    is_gold[starts + random.integers(0, 5, size=len(starts))] = True
    prior = np.zeros(4)

    def loss(weights: np.ndarray) -> float:
        scores = (values @ weights).reshape(-1, 5)
        right = scores.reshape(-1)[is_gold]
        return float((np.log(np.exp(scores).sum(axis=1)) - right).sum() + 0.5 * 2.0 * weights @ weights)

    found = fit_listwise(values, is_gold, starts, prior=prior, penalty=2.0)
    for step in np.vstack([np.eye(4), -np.eye(4)]) * 0.02:
        assert loss(found) <= loss(found + step)


def test_a_heavy_penalty_stays_at_the_prior() -> None:
    """With little to say against it, what is believed beforehand stands."""
    values, starts = np.random.default_rng(1).normal(size=(20, 2)), np.arange(0, 20, 5)
    is_gold = np.zeros(20, dtype=bool)
    is_gold[starts] = True
    found = fit_listwise(values, is_gold, starts, prior=np.array([1.0, 0.5]), penalty=1e6)
    assert np.allclose(found, [1.0, 0.5], atol=1e-3)
