"""Do probabilities of suspects come true? The first ten of each development issue, untuned and tuned.

The issues are asked as `localise` asks them. Of each, how far what is predicted is from what came true, in
bins of equal mass.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import benchmarks
from benchmarks.localise import Asked, ask
from loccit.evals.scorers import calibration

NAME = "calibration"
SUMMARY = (
    "probabilities of the first ten suspects on localisation_dev.jsonl: expected calibration error, bins"
)

MOST_ERROR = 0.05


def run(setting: benchmarks.Setting) -> dict[str, Any]:
    """Expected calibration error, Brier score and bins, untuned and tuned."""
    asked, left_out = ask(setting)
    figures: dict[str, Any] = {"issues": len(asked), "left_out": left_out}
    for ranker in ("untuned", "tuned"):
        figures |= _figures(asked, ranker)
    return figures


def _figures(asked: Sequence[Asked], ranker: str) -> dict[str, Any]:
    pairs = [(one.id, *pair) for one in asked for pair in one.probabilities[ranker]]
    found = calibration(
        [probability for _, probability, _ in pairs],
        [is_gold for _, _, is_gold in pairs],
        groups=[issue for issue, _, _ in pairs],
    )
    return {
        f"{ranker}: expected calibration error": benchmarks.target(
            round(found.expected_error, 4), at_most=MOST_ERROR
        ),
        f"{ranker}: brier score": round(found.brier, 4),
        f"{ranker}: bins": {
            f"bin {number}": {
                "suspects": each.count,
                "predicted": round(each.predicted, 3),
                "came true": round(each.observed.estimate, 3),
                "interval": [round(each.observed.low, 3), round(each.observed.high, 3)],
            }
            for number, each in enumerate(found.bins, start=1)
        },
    }
