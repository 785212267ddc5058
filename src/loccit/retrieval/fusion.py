"""Several rankings into one."""

from __future__ import annotations

from collections.abc import Sequence

from loccit.core.evidence import Hit


def fuse(rankings: Sequence[Sequence[Hit]], *, k: int = 60) -> list[Hit]:
    """Merge rankings into one, best first, by reciprocal rank fusion.

    Each ranking is sorted by falling score; ranks count from 1. Scores of different rankings need not be
    comparable: only ranks are used. A place that stands in several rankings is kept as the first of them has
    it. Ties keep the order of the first ranking. Raises ValueError if k < 1.  Source: Cormack, Clarke and
    Büttcher, SIGIR 2009.
    """
    if k < 1:
        raise ValueError(f"k is {k}, expected at least 1")
    scores: dict[object, float] = {}
    hits: dict[object, Hit] = {}
    for ranking in rankings:
        for position, hit in enumerate(ranking, start=1):
            scores[hit.place] = scores.get(hit.place, 0.0) + 1 / (k + position)
            hits.setdefault(hit.place, hit)
    return sorted(hits.values(), key=lambda hit: -scores[hit.place])
