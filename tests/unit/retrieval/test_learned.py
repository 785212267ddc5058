"""A ranker orders candidates by its trees and what was learned, and gives probabilities that are some."""

from __future__ import annotations

import numpy as np
import pytest

from loccit.core.errors import IndexBroken, IndexFormatMismatch
from loccit.retrieval.learned import columns_of, general_ranker, parse_ranker
from tests.unit.learning.generals import FEATURES, general_document, made_general
from tests.unit.learning.lists import NAMES, made_candidates


def test_the_general_ranker_that_ships_can_be_read_and_is_read_once() -> None:
    """It looks at features that there are, and its leaves are numbers."""
    ranker = general_ranker()
    assert ranker is general_ranker()
    assert ranker.own is None
    assert len(ranker.trees.roots) > 1
    assert np.isfinite(ranker.trees.value).all()


def test_trees_send_rows_left_where_the_column_is_at_most_the_threshold() -> None:
    """A tree of two levels, by hand."""
    document = general_document(("size", "recency"))
    document["trees"] = [
        {
            "feature": [0, 1, 0, 0, 0],
            "threshold": [0.5, 2.0, 0.0, 0.0, 0.0],
            "left": [1, 3, -1, -1, -1],
            "right": [2, 4, -1, -1, -1],
            "value": [0.0, 0.0, 10.0, 1.0, 2.0],
        }
    ]
    trees = parse_ranker(document).trees
    rows = np.array([[0.5, 2.0], [0.5, 2.1], [0.6, 0.0]])
    assert trees.score(np.hstack([rows, rows, rows])).tolist() == [1.0, 2.0, 10.0]


def test_ranking_puts_high_scores_first_and_ties_in_order_of_file() -> None:
    """The file that is high by all signals is first; equal ones stay as they stand."""
    values = np.zeros((5, len(NAMES)))
    values[3] = 1.0
    ranked = made_general().rank(made_candidates(values))
    assert ranked.order[0] == 3
    assert ranked.order.tolist()[1:] == sorted(ranked.order.tolist()[1:], key=lambda at: -ranked.scores[at])
    assert ((ranked.probabilities >= 0) & (ranked.probabilities <= 1)).all()
    assert 0 <= ranked.confidence <= 1


def test_nothing_to_rank_is_an_empty_order() -> None:
    """An issue that nothing speaks for has no suspects, and no confidence."""
    ranked = made_general().rank(made_candidates(np.zeros((0, len(NAMES)))))
    assert ranked.order.tolist() == []
    assert ranked.confidence == 0


def test_columns_are_values_shares_and_inverse_ranks() -> None:
    """Three of each feature, in this order."""
    values = np.zeros((2, len(NAMES)))
    values[:, NAMES.index("size")] = [2.0, 4.0]
    found = columns_of(made_candidates(values), ("size",))
    assert found.tolist() == [[2.0, 0.5, pytest.approx(1 / 2)], [4.0, 1.0, 1.0]]


def test_a_feature_that_this_version_does_not_have_is_told() -> None:
    """The error names it, and what to do."""
    ranker = made_general()
    document = general_document()
    document["features"] = ["tomorrow", *FEATURES[1:]]
    with pytest.raises(IndexFormatMismatch, match="tomorrow"):
        parse_ranker(document).rank(made_candidates(np.zeros((2, len(NAMES)))))
    assert ranker.features == FEATURES


def test_a_document_of_another_format_or_none_is_told() -> None:
    """Neither is read as a ranker."""
    with pytest.raises(IndexFormatMismatch, match="format 9"):
        parse_ranker({**general_document(), "format": 9})
    for missing in ("features", "trees", "calibration"):
        with pytest.raises(IndexBroken):
            parse_ranker({name: part for name, part in general_document().items() if name != missing})
