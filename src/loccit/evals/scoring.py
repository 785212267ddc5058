"""What a scorer is, and what becomes of what it says: a number, or a reason why there is none."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from loccit.core.errors import InputError, LoccitError
from loccit.evals.datasets import Sample
from loccit.evals.metrics import Metric
from loccit.evals.outputs import Output, OutputOutcome
from loccit.evals.statistics import Scale


@dataclass(frozen=True, slots=True)
class Scores:
    """A sample's figures by metric, and of those that it should have and has not, why.

    What does not apply to a sample (the recall of functions where nobody knows the right ones) is in neither;
    of a figure that every sample is expected to have, `not_applicable` says so.
    """

    values: Mapping[str, float] = field(default_factory=dict[str, float])
    missing: Mapping[str, str] = field(default_factory=dict[str, str])
    not_applicable: frozenset[str] = frozenset()


class Scorer(Protocol):
    """Says how good an output is. The same version gives the same figures for the same sample and output."""

    @property
    def name(self) -> str:
        """What tasks call it."""
        ...

    @property
    def version(self) -> str:
        """Changes with what it computes; of a model judge the version of its prompt."""
        ...

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """What it may give, in the order of reports."""
        ...

    def expected(self, sample: Sample) -> frozenset[str]:
        """The metrics that every output for this sample should have; without one it is missing."""
        ...

    async def score(self, sample: Sample, output: Output) -> Scores:
        """The figures of an output that did not fail. What it raises becomes what is missing."""
        ...


async def scored(scorers: Sequence[Scorer], sample: Sample, output: Output) -> Scores:
    """All figures of an output. Nothing is zero because it could not be had: it is missing, and says why.

    Errors of loccit's own that a model gives are missing figures too; InputError is raised: the task itself
    is wrong.
    """
    values: dict[str, float] = {}
    missing: dict[str, str] = {}
    for scorer in scorers:
        given = await _of_one(scorer, sample, output)
        values |= given.values
        missing |= given.missing
    return Scores(values, missing)


async def _of_one(scorer: Scorer, sample: Sample, output: Output) -> Scores:
    expected = scorer.expected(sample)
    if output.outcome is OutputOutcome.FAILED:
        return Scores({}, dict.fromkeys(sorted(expected), f"no output: {output.error or 'failed'}"))
    try:
        given = await scorer.score(sample, output)
    except InputError:
        raise
    except LoccitError as error:
        names = expected or {metric.name for metric in scorer.metrics}
        reason = readable(f"{type(error).__name__}: {error.message}")
        return Scores({}, dict.fromkeys(sorted(names), reason))
    values: dict[str, float] = {}
    missing = {name: readable(reason) for name, reason in given.missing.items()}
    metrics = {metric.name: metric for metric in scorer.metrics}
    for name, value in given.values.items():
        wrong = _wrong(metrics.get(name), value)
        if wrong:
            missing[name] = f"scorer {scorer.name!r} gave {wrong}"
        else:
            values[name] = float(value)
    for name in sorted(expected - values.keys() - missing.keys() - given.not_applicable):
        missing[name] = f"scorer {scorer.name!r} gave no figure"
    return Scores(values, missing)


def readable(text: str) -> str:
    """The text as a log can hold it: half characters, as names of files may have, are written out."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _wrong(metric: Metric | None, value: float) -> str:
    """What is wrong with a figure, empty where nothing is."""
    if metric is None:
        return "a figure that it does not announce"
    if not math.isfinite(value):
        return repr(float(value))
    if value < 0 or (metric.scale is Scale.SCORE and value > 1):
        return f"{value!r}, which is not on its scale"
    return ""
