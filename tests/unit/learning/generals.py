"""A general ranker of a few tiny trees: enough to order by, and small enough to see through."""

from __future__ import annotations

from typing import Any

from loccit.retrieval.learned import FORMAT, Ranker, parse_ranker

FEATURES = (
    "file:all",
    "file:title",
    "symbols:all",
    "path:all",
    "best:title",
    "votes:both",
    "told:all",
    "recency",
    "size",
)
# Each tree asks whether a file is high by one signal: the inverse ranks stand behind values and shares.
_STUMPS = (
    ("file:all", 0.6, 1.0),
    ("file:title", 0.6, 0.7),
    ("symbols:all", 0.4, 0.4),
    ("votes:both", 0.4, 0.3),
)


def general_document(features: tuple[str, ...] = FEATURES) -> dict[str, Any]:
    """The document of a general ranker that looks at these features."""
    trees = [
        {
            "feature": [2 * len(features) + features.index(name), 0, 0],
            "threshold": [threshold, 0.0, 0.0],
            "left": [1, -1, -1],
            "right": [2, -1, -1],
            "value": [0.0, 0.0, value],
        }
        for name, threshold, value in _STUMPS
        if name in features
    ]
    return {
        "format": FORMAT,
        "features": list(features),
        "trees": trees,
        "calibration": {"temperature": 1.0, "intercept": 0.0, "slope": 1.0},
    }


def made_general(features: tuple[str, ...] = FEATURES) -> Ranker:
    """That ranker."""
    return parse_ranker(general_document(features))
