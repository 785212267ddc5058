"""Logs as tests need them: a value a sample, `None` where it does not apply, a text where it is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from loccit.evals.datasets import Gold, Sample
from loccit.evals.log import DatasetFacts, Entry, EvalLog, LogEnd, LogHeader, SystemFacts, metric_facts
from loccit.evals.metrics import Better, Metric
from loccit.evals.outputs import Output, OutputOutcome, Usage
from loccit.evals.statistics import Scale

HIT = Metric("hit", "Found.")
RANK = Metric("mrr", "How high.")
JUDGED = Metric("judged", "As a model says.", judge="judge/3")
STEPS = Metric("steps", "Steps.", Better.LOWER, Scale.AMOUNT)

Value = float | str | None
Repeats = Value | tuple[Value, ...]


def sample(at: int, *, each: int = 1, **fields: Any) -> Sample:
    """Question number `at`; `each` of them are about one document."""
    return Sample(
        **{
            "id": f"s{at}",
            "question": f"what is {at}?",
            "gold": Gold(answer="-"),
            "group": f"d{at // each}",
            **fields,
        }
    )


def log(
    scores: Mapping[str, Sequence[Repeats]],
    *,
    metrics: Sequence[Metric] = (HIT, RANK, JUDGED, STEPS),
    samples: Sequence[Sample] | None = None,
    each: int = 1,
    failed: Sequence[int] = (),
    seconds: Sequence[float | None] | None = None,
    dollars: Sequence[float | None] | None = None,
    version: str = "1",
    name: str = "now",
    complete: bool = True,
) -> EvalLog:
    """A log with these figures, sample by sample; a tuple has one for each repeat."""
    size = len(next(iter(scores.values())))
    samples = samples or [sample(at, each=each) for at in range(size)]
    repeats = max(len(v) if isinstance(v, tuple) else 1 for values in scores.values() for v in values)
    entries = tuple(
        entry(samples[at], repeat, {metric: values[at] for metric, values in scores.items()}, at in failed,
              seconds[at] if seconds else None, dollars[at] if dollars else None)
        for at in range(size)
        for repeat in range(repeats)
    )  # fmt: skip
    header = LogHeader(
        task="task",
        dataset=DatasetFacts(name="questions", samples=size, digest="0" * 64),
        system=SystemFacts(kind="test", name=name),
        scorers={"test": version},
        metrics=metric_facts((m for m in metrics if m.name in scores), "test"),
        repeats=repeats,
        version="0",
    )
    digest = f"{abs(hash((name, str(scores), version))):064x}"
    return EvalLog(header, entries, LogEnd(entries=len(entries), digest=digest) if complete else None)


def entry(
    one: Sample,
    repeat: int,
    scores: Mapping[str, Repeats],
    failed: bool,
    seconds: float | None,
    dollars: float | None,
) -> Entry:
    """One entry; of a failed one every figure is missing."""
    found = {name: value[repeat] if isinstance(value, tuple) else value for name, value in scores.items()}
    if failed:
        found = dict.fromkeys(found, "no output: TimeoutError")
    return Entry(
        sample=one,
        repeat=repeat,
        output=Output(outcome=OutputOutcome.FAILED, error="TimeoutError") if failed else Output(text="-"),
        scores={name: float(v) for name, v in found.items() if isinstance(v, int | float)},
        missing={name: v for name, v in found.items() if isinstance(v, str)},
        run=Usage(latency_s=seconds, cost_usd=dollars),
    )
