"""What an operator may choose about retrieval."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RetrievalOptions:
    """How search behaves.

    `top_k` is the number of hits of a search, `hits_per_file` how many of them one file may have: with one,
    ten hits are ten files. `max_query_chars` is the longest question that is read; longer
    ones are refused. `answer_confidence` is the calibrated probability below which `ask` abstains.
    """

    top_k: int = 10
    hits_per_file: int = 1
    max_query_chars: int = 100_000
    answer_confidence: float = 0.5
