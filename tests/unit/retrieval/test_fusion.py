"""Several rankings into one, by rank alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loccit.core.evidence import Hit, Place
from loccit.core.source import FileRole
from loccit.retrieval.fusion import fuse


def hit(number: int, score: float = 1.0) -> Hit:
    place = Place("r", "c", "t", f"{number}.py", "b", 0, 1, 1, 1)
    return Hit(place, score, "", "text", "python", FileRole.SOURCE, "utf-8")


def numbers(hits: list[Hit]) -> list[int]:
    return [int(h.place.path.removesuffix(".py")) for h in hits]


RANKING = st.lists(st.integers(0, 9), unique=True, max_size=8)


def test_a_place_in_two_rankings_comes_before_places_in_one() -> None:
    """Two second ranks beat a first."""
    assert numbers(fuse([[hit(1), hit(2)], [hit(3), hit(2)]])) == [2, 1, 3]


def test_ties_keep_the_order_of_the_first_ranking() -> None:
    """Equal ranks alternate, the first ranking's before the second's."""
    assert numbers(fuse([[hit(1), hit(2)], [hit(3), hit(4)]])) == [1, 3, 2, 4]


def test_a_place_is_kept_as_the_first_ranking_has_it() -> None:
    """Scores and reasons of later rankings are left."""
    [only] = fuse([[hit(1, 0.5)], [hit(1, 9.0)]])
    assert only.score == 0.5


def test_k_below_one_is_refused() -> None:
    """With zero the first rank would count without bound."""
    with pytest.raises(ValueError, match="k is 0"):
        fuse([[hit(1)]], k=0)


@given(RANKING)
def test_one_ranking_stays_as_it_is(ranking: list[int]) -> None:
    """So does the same ranking twice."""
    hits = [hit(number) for number in ranking]
    assert numbers(fuse([hits])) == ranking
    assert numbers(fuse([hits, hits])) == ranking


@given(st.lists(RANKING, max_size=4), st.integers(1, 100))
def test_all_places_are_there_once(rankings: list[list[int]], k: int) -> None:
    """Nothing is lost and nothing is repeated."""
    fused = numbers(fuse([[hit(number) for number in ranking] for ranking in rankings], k=k))
    assert sorted(fused) == sorted({number for ranking in rankings for number in ranking})


@given(st.lists(RANKING, max_size=4), st.integers(1, 100))
def test_what_is_ahead_everywhere_stays_ahead(rankings: list[list[int]], k: int) -> None:
    """A place that every ranking has before another one comes before it."""
    fused = numbers(fuse([[hit(number) for number in ranking] for ranking in rankings], k=k))
    for one in fused:
        for other in fused:
            holding = [r for r in rankings if one in r or other in r]
            if one != other and all(
                one in r and other in r and r.index(one) < r.index(other) for r in holding
            ):
                assert fused.index(one) < fused.index(other)


@given(st.lists(RANKING, max_size=4), st.lists(st.floats(0, 1), min_size=10, max_size=10))
def test_scores_do_not_matter(rankings: list[list[int]], scores: list[float]) -> None:
    """Only ranks are used, so rankings whose scores do not compare can be fused."""
    plain = [[hit(number) for number in ranking] for ranking in rankings]
    scored = [
        [replace(h, score=scores[n]) for h, n in zip(p, r, strict=True)]
        for p, r in zip(plain, rankings, strict=True)
    ]
    assert numbers(fuse(plain)) == numbers(fuse(scored))
