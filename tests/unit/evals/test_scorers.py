"""What a ranking is worth, and whether probabilities hold."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loccit.core.errors import InputError
from loccit.evals.scorers import (
    calibration,
    first_rank,
    hit,
    ndcg,
    precision,
    ranking_scores,
    recall,
    reciprocal_rank,
)

RANKING = st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=8)
GOLD = st.sets(st.sampled_from("abcdefghxy"), min_size=1, max_size=6)
CUTOFF = st.integers(1, 12)


def test_scores_of_a_ranking_worked_out_by_hand() -> None:
    """Two of three right ids, at ranks 2 and 4."""
    ranking, gold = ["w", "a", "v", "b", "u"], {"a", "b", "c"}
    assert first_rank(ranking, gold) == 2
    assert [hit(ranking, gold, k) for k in (1, 2, 5)] == [0, 1, 1]
    assert [recall(ranking, gold, k) for k in (1, 3, 5)] == [0, 1 / 3, 2 / 3]
    assert [precision(ranking, gold, k) for k in (1, 2, 4, 10)] == [0, 0.5, 0.5, 0.2]
    assert reciprocal_rank(ranking, gold) == 0.5
    gained = 1 / math.log2(3) + 1 / math.log2(5)
    assert ndcg(ranking, gold, 5) == pytest.approx(gained / (1 + 1 / math.log2(3) + 0.5))


def test_what_is_not_ranked_was_not_found() -> None:
    """An empty ranking scores zero everywhere and has no first rank."""
    assert first_rank([], {"a"}) is None
    assert ranking_scores([], {"a"}) == {
        "recall@1": 0,
        "recall@3": 0,
        "recall@5": 0,
        "recall@10": 0,
        "mrr": 0,
    }
    assert ndcg([], {"a"}, 3) == precision([], {"a"}, 3) == 0


def test_more_right_ids_than_places_limit_recall_but_not_ndcg() -> None:
    """Three right ids cannot fit into one place."""
    assert recall(["a", "b", "c"], {"a", "b", "c"}, 1) == 1 / 3
    assert ndcg(["a", "b", "c"], {"a", "b", "c"}, 1) == 1


@given(RANKING, GOLD, CUTOFF)
def test_scores_stay_between_nothing_and_all(ranking: list[str], gold: set[str], k: int) -> None:
    """0 to 1, a longer list never finds less, and a hit is a recall above zero."""
    for score in (hit, recall, precision, ndcg):
        assert 0 <= score(ranking, gold, k) <= 1 + 1e-12
    assert recall(ranking, gold, k) <= recall(ranking, gold, k + 1)
    assert (hit(ranking, gold, k) == 1) == (recall(ranking, gold, k) > 0)
    assert (reciprocal_rank(ranking, gold) >= 1 / k) == (hit(ranking, gold, k) == 1)


@given(st.permutations("abcde"), st.sets(st.sampled_from("abcde"), min_size=1))
def test_the_best_order_has_the_highest_ndcg(ranking: list[str], gold: set[str]) -> None:
    """Right ids first gives 1; no other order gives more."""
    best = sorted(ranking, key=lambda key: key not in gold)
    assert ndcg(best, gold, 5) == pytest.approx(1)
    assert ndcg(ranking, gold, 5) <= 1 + 1e-12


def test_what_is_no_ranking_or_gold_is_refused() -> None:
    """Each error names what is wrong."""
    with pytest.raises(InputError, match="gold is empty"):
        recall(["a"], set(), 1)
    with pytest.raises(InputError, match="gold is the text 'abc'"):
        recall(["a"], "abc", 1)
    with pytest.raises(InputError, match="'a' is ranked twice"):
        hit(["a", "b", "a"], {"b"}, 1)
    with pytest.raises(InputError, match="k is 0"):
        precision(["a"], {"a"}, 0)
    with pytest.raises(InputError, match="k is -1"):
        ndcg(["a"], {"a"}, -1)


class TestCalibration:
    """Probabilities against what came true."""

    def test_figures_worked_out_by_hand(self) -> None:
        """Two bins of two: off by 0.3 and by 0.15."""
        found = calibration([0.1, 0.3, 0.7, 1.0], [False, True, True, True], bins=2)
        assert [(each.low, each.high, each.count) for each in found.bins] == [(0.1, 0.3, 2), (0.7, 1.0, 2)]
        assert found.bins[0].predicted == pytest.approx(0.2)
        assert found.bins[0].observed.estimate == 0.5
        assert found.expected_error == pytest.approx((0.3 + 0.15) / 2)
        assert found.brier == pytest.approx((0.01 + 0.49 + 0.09 + 0) / 4)

    def test_true_probabilities_have_a_small_error_and_false_ones_a_large(self) -> None:
        """5,000 draws: near 0 where 30 % means 30 %, near 0.2 where it means half."""
        random = np.random.default_rng(1)
        values = random.random(5000)
        came = random.random(5000) < values
        assert calibration(values.tolist(), came.tolist()).expected_error < 0.03
        squeezed = (0.5 + (values - 0.5) * 0.2).tolist()
        assert calibration(squeezed, came.tolist()).expected_error > 0.15

    def test_bins_have_equal_mass(self) -> None:
        """Not equal width: of a hundred small probabilities and none large, each bin holds ten."""
        found = calibration([at / 1000 for at in range(100)], [False] * 100)
        assert [each.count for each in found.bins] == [10] * 10

    def test_equal_probabilities_are_not_parted(self) -> None:
        """The order in which they came cannot matter."""
        values = [0.2] * 7 + [0.9] * 3
        found = calibration(values, [True] * 2 + [False] * 8, bins=5)
        assert [each.count for each in found.bins] == [7, 3]
        other = calibration(values, [False] * 5 + [True] * 2 + [False] * 3, bins=5)
        assert other.expected_error == found.expected_error

    def test_fewer_predictions_than_bins_are_bins_of_one(self) -> None:
        """No empty bin."""
        assert [each.count for each in calibration([0.1, 0.5], [False, True]).bins] == [1, 1]

    def test_predictions_of_one_group_count_as_one(self) -> None:
        """Ten suspects of one issue are no ten witnesses: the interval is wider."""
        values, came = [0.5] * 40, ([True] * 10 + [False] * 10) * 2
        alone = calibration(values, came).bins[0].observed
        grouped = calibration(values, came, groups=[str(at // 10) for at in range(40)]).bins[0].observed
        assert grouped.high - grouped.low > 2 * (alone.high - alone.low)
        assert (grouped.samples, grouped.clusters) == (40, 4)

    @given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40), st.integers(1, 12))
    def test_every_prediction_is_in_one_bin(self, predictions: list[tuple[float, bool]], bins: int) -> None:
        """Counts add up, bins rise, the error stays between 0 and 1."""
        values, came = [each[0] for each in predictions], [each[1] for each in predictions]
        found = calibration(values, came, bins=bins)
        assert sum(each.count for each in found.bins) == len(values)
        assert len(found.bins) <= bins
        highs = [each.high for each in found.bins]
        assert all(low > high for low, high in zip([b.low for b in found.bins][1:], highs, strict=False))
        assert 0 <= found.expected_error <= 1

    def test_what_cannot_be_compared_is_refused(self) -> None:
        """Nothing, lengths that differ, a percentage, NaN."""
        with pytest.raises(InputError, match="no predictions"):
            calibration([], [])
        with pytest.raises(InputError, match=r"lengths \[2, 1\]"):
            calibration([0.1, 0.2], [True])
        with pytest.raises(InputError, match=r"lengths \[1, 1, 2\]"):
            calibration([0.1], [True], groups=["a", "b"])
        with pytest.raises(InputError, match=r"a probability is 30\.0"):
            calibration([30.0], [True])
        with pytest.raises(InputError, match="a probability is nan"):
            calibration([float("nan")], [True])
        with pytest.raises(InputError, match="bins is 0"):
            calibration([0.1], [True], bins=0)
