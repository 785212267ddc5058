"""Made-up logs of an evaluation with a judge, and the labels that people would give."""

from __future__ import annotations

import random
from pathlib import Path

from loccit.evals.datasets import Dataset, Gold, Sample
from loccit.evals.log import (
    DatasetFacts,
    Entry,
    EvalLog,
    LogHeader,
    RunFacts,
    SystemFacts,
    metric_facts,
    write_log,
)
from loccit.evals.metrics import Metric
from loccit.evals.outputs import Cited, Output, OutputClaim, Usage

JUDGE = "judge_correct@1 by box:judge"
METRIC = Metric("judge.correct", "Whether the answer is right, as the reference has it.", judge=JUDGE)
RECALL = Metric("recall", "Share of the right files that were found.")
QUOTE = "return ZONES[zone] + weight_grams // 10"


def judged_log(
    path: Path,
    *,
    samples: int = 120,
    per_group: int = 1,
    repeats: int = 1,
    share: float = 0.7,
    says_right: float = 0.9,
    missing: int = 0,
    judge: str = JUDGE,
    seed: int = 3,
) -> tuple[EvalLog, dict[tuple[str, int], float]]:
    """A log of answers of which `share` are right, of whose labels the judge finds `says_right`; the truth.

    The last `missing` samples have no figure of the judge.
    """
    chance = random.Random(seed)
    truth: dict[tuple[str, int], float] = {}
    asked: list[Sample] = []
    entries: list[Entry] = []
    for number in range(samples):
        sample = Sample(
            id=f"q{number:04}",
            question=f"How is the postage of parcel {number} computed?",
            gold=Gold(answer=f"As the price of zone {number} and a tenth of the weight."),
            group=f"document {number // per_group}" if per_group > 1 else "",
        )
        asked.append(sample)
        for repeat in range(repeats):
            is_right = chance.random() < share
            truth[sample.id, repeat] = float(is_right)
            verdict = float(is_right if chance.random() < says_right else not is_right)
            is_missing = number >= samples - missing
            part = "tenth" if is_right else "third"
            text = f"Postage {number} is the zone's price and a {part} of the weight."
            cited = Cited(path="src/postage.py", start_line=4, end_line=4, quote=QUOTE, holds=True)
            entries.append(
                Entry(
                    sample=sample,
                    repeat=repeat,
                    output=Output(text=text, claims=(OutputClaim(text=text, cited=(cited,)),)),
                    scores={"recall": 1.0} if is_missing else {"recall": 1.0, METRIC.name: verdict},
                    missing={METRIC.name: "MalformedReply: nonsense"} if is_missing else {},
                    run=Usage(latency_s=0.1, cost_usd=0.0),
                )
            )
    header = LogHeader(
        task="postage",
        dataset=DatasetFacts(name="postage", samples=samples, digest=Dataset(tuple(asked)).digest),
        system=SystemFacts(kind="loccit", name="here"),
        scorers={METRIC.name: judge},
        metrics=metric_facts([RECALL, Metric(METRIC.name, METRIC.about, judge=judge)]),
        repeats=repeats,
        version="0",
    )
    return write_log(path, header, entries, RunFacts()), truth
