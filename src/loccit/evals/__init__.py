"""How good is it, and compared with what? Scores of rankings, honest statistics, and the report of both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from loccit.evals.report import render
    from loccit.evals.report_parts import Page, Table
    from loccit.evals.scorers import Calibration, calibration, ranking_scores
    from loccit.evals.statistics import Interval, Scale, mean, paired_difference

# Loaded when they are first used: numpy takes longer than a whole search.
_LAZY = {
    "Calibration": "loccit.evals.scorers",
    "Interval": "loccit.evals.statistics",
    "Page": "loccit.evals.report_parts",
    "Scale": "loccit.evals.statistics",
    "Table": "loccit.evals.report_parts",
    "calibration": "loccit.evals.scorers",
    "mean": "loccit.evals.statistics",
    "paired_difference": "loccit.evals.statistics",
    "ranking_scores": "loccit.evals.scorers",
    "render": "loccit.evals.report",
}

__all__ = [
    "Calibration",
    "Interval",
    "Page",
    "Scale",
    "Table",
    "calibration",
    "mean",
    "paired_difference",
    "ranking_scores",
    "render",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
