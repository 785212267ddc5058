"""Was the right place found? Rankings of files, functions and passages against those known to be right."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from loccit.evals import scorers
from loccit.evals.datasets import Lines, Sample
from loccit.evals.metrics import Metric
from loccit.evals.outputs import Output
from loccit.evals.report_parts import Unit
from loccit.evals.scoring import Scores

_LEVELS = ("file", "function", "passage")
_PLURALS = {"file": "files", "function": "functions", "passage": "passages"}
_Measure = Callable[[Sequence[str], frozenset[str]], float]
_MEASURES: dict[str, tuple[str, _Measure]] = {
    "hit@1": ("Whether the first {one} is a right one.", lambda r, g: scorers.hit(r, g, 1)),
    "hit@5": ("Whether a right {one} is among the first five.", lambda r, g: scorers.hit(r, g, 5)),
    "recall@5": ("The share of right {many} among the first five.", lambda r, g: scorers.recall(r, g, 5)),
    "recall@10": ("The share of right {many} among the first ten.", lambda r, g: scorers.recall(r, g, 10)),
    "mrr": ("1 / the rank of the first right {one}.", scorers.reciprocal_rank),
    "ndcg@10": ("Right {many} among the first ten, early ones more.", lambda r, g: scorers.ndcg(r, g, 10)),
}


class RetrievalScorer:
    """hit, recall, MRR and nDCG of each level for which right places are known.

    A passage is right where it has a line in common with one that is known to be right; a second passage on
    the same lines does not count again.
    """

    name = "retrieval"
    version = "1"
    metrics = tuple(
        Metric(
            f"{level}.{name}",
            about.format(one=level, many=_PLURALS[level]),
            unit=Unit.SCORE if name in {"mrr", "ndcg@10"} else Unit.SHARE,
        )
        for level in _LEVELS
        for name, (about, _) in _MEASURES.items()
    )

    def expected(self, sample: Sample) -> frozenset[str]:
        """See `Scorer`."""
        gold = sample.gold
        known = {"file": gold.files, "function": gold.functions, "passage": gold.passages}
        return frozenset(f"{level}.{name}" for level in _LEVELS if known[level] for name in _MEASURES)

    async def score(self, sample: Sample, output: Output) -> Scores:
        """See `Scorer`."""
        values: dict[str, float] = {}
        missing: dict[str, str] = {}
        gold = sample.gold
        for level, ranked, right in (
            ("file", output.files, frozenset(gold.files)),
            ("function", output.functions, frozenset(gold.functions)),
            ("passage", *_numbered(output.passages, gold.passages)),
        ):
            if not right:
                continue
            if ranked is None:
                missing |= {f"{level}.{name}": f"the system ranks no {_PLURALS[level]}" for name in _MEASURES}
                continue
            ranking = tuple(dict.fromkeys(ranked))
            values |= {f"{level}.{name}": measure(ranking, right) for name, (_, measure) in _MEASURES.items()}
        return Scores(values, missing)


def _numbered(
    ranked: Sequence[Lines] | None, right: Sequence[Lines]
) -> tuple[tuple[str, ...] | None, frozenset[str]]:
    """The ranking as names: of the right passage that each one meets first, or else its own."""
    names = frozenset(f"right {number}" for number in range(len(right)))
    if ranked is None:
        return None, names
    made: list[str] = []
    met: set[int] = set()
    for place, lines in enumerate(ranked):
        overlapped = [number for number, other in enumerate(right) if lines.overlaps(other)]
        new = [number for number in overlapped if number not in met]
        if new:
            met.update(new)
            made += [f"right {number}" for number in new]
        elif not overlapped:
            made.append(f"other {place}")
    return tuple(made), names
