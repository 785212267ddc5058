"""Logs of made-up runs, as a runner would write them; the same arguments give the same log."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping, Sequence

from loccit.evals.datasets import Dataset, DatasetHeader, Gold, Job, Lines, Sample
from loccit.evals.log import (
    DatasetFacts,
    Entry,
    EvalLog,
    LogEnd,
    LogHeader,
    RunFacts,
    SystemFacts,
    metric_facts,
)
from loccit.evals.metrics import Better, Metric
from loccit.evals.outputs import Cited, Output, OutputClaim, OutputOutcome, Stages, Usage

METRICS = (
    Metric("recall@5", "Share of the right passages that are among the first five."),
    Metric("citation_precision", "Share of the citations that bear out their claim."),
    Metric("claim_recall", "Share of what a complete answer says that was said."),
    Metric("abstained_wrongly", "Whether it declined although the sources answer.", Better.LOWER),
    Metric("correctness", "Whether the answer agrees with the reference.", judge="agrees-3"),
)
KINDS = ("docstring", "fixed issue", "changelog", "history")
QUESTIONS = (
    "When is TooHeavy raised?",
    "Which service picks the carrier of a parcel that is sent abroad?",
    "Why was the postage of islands changed?",
    "How are labels printed twice prevented?",
    "What happens to a parcel without a weight?",
)
PATHS = ("src/parcels/postage.py", "src/parcels/labels.py", "src/parcels/carriers/abroad.py")


def made_sample(number: int, *, question: str = "", abstain: bool = False) -> Sample:
    """A question with a passage and claims that would be right; three of a kind share a document."""
    start = 10 + number % 40
    path = PATHS[number % len(PATHS)]
    gold = Gold(
        passages=(Lines(path=path, start_line=start, end_line=start + 8),),
        answer="A parcel over 30 kg is refused, and the service raises TooHeavy with its weight.",
        claims=("A parcel over 30 kg is refused.", "TooHeavy carries the weight."),
    )
    return Sample(
        id=f"q{number:04}",
        question=question or f"{QUESTIONS[number % len(QUESTIONS)]}\n\nAsked of parcel {number}.",
        job=Job.ASK,
        gold=Gold(abstain=True) if abstain else gold,
        repo="parcels",
        commit=f"{number + 1:040x}",
        group=f"document {number // 3}",
        slices={"kind": KINDS[number % len(KINDS)], "names the file": "yes" if number % 5 == 0 else "no"},
    )


def made_output(sample: Sample, chance: random.Random, *, skill: float) -> tuple[Output, dict[str, float]]:
    """An output and its figures."""
    if sample.gold.abstain:
        declined = chance.random() < skill
        outcome = OutputOutcome.ABSTAINED if declined else OutputOutcome.ANSWERED
        text = "" if declined else "Parcels are weighed at the counter."
        return Output(outcome=outcome, text=text, abstention="nothing found" if declined else ""), {}
    [right] = sample.gold.passages
    wrong = Lines(path="docs/changes.md", start_line=4, end_line=9)
    is_found, is_packed = chance.random() < skill + 0.15, chance.random() < 0.9
    if chance.random() < 0.06:
        output = Output(outcome=OutputOutcome.ABSTAINED, abstention="what was found does not answer it")
        return output, {"recall@5": float(is_found), "abstained_wrongly": 1.0}
    cited = right if is_found and is_packed else wrong
    quote = "if parcel.weight_kg > LIMIT_KG:\n    raise TooHeavy(parcel.weight_kg)"
    claims = (
        OutputClaim(
            text="A parcel over the limit is refused.",
            cited=(
                Cited(path=cited.path, start_line=cited.start_line, end_line=cited.end_line, quote=quote),
            ),
        ),
    )
    stages = Stages(
        retrieved=(wrong, right) if is_found else (wrong,),
        packed=(wrong, right) if is_found and is_packed else (wrong,),
    )
    is_right = cited == right
    scores = {
        "recall@5": float(is_found),
        "citation_precision": float(is_right),
        "claim_recall": chance.choice((0.5, 1.0)) if is_right else 0.0,
        "abstained_wrongly": 0.0,
        "correctness": float(is_right and chance.random() < 0.9),
    }
    text = "A parcel over the limit is refused: `postage` raises TooHeavy before a label is printed."
    return Output(text=text, claims=claims, stages=stages, confidence=0.7), scores


def made_log(
    samples: int = 120,
    *,
    name: str = "loccit",
    skill: float = 0.7,
    repeats: int = 1,
    seed: int = 1,
    cost: float = 0.004,
    failing: float = 0.03,
) -> EvalLog:
    """A whole run over so many questions, every ninth without an answer in the sources."""
    chance = random.Random(seed)
    entries: list[Entry] = []
    for number in range(samples):
        sample = made_sample(number, abstain=number % 9 == 8)
        for repeat in range(repeats):
            if chance.random() < failing:
                is_slow = chance.random() < 0.6
                entries.append(
                    failed_entry(sample, repeat=repeat, error="TimedOut" if is_slow else "ModelFailed")
                )
                continue
            output, scores = made_output(sample, chance, skill=skill - 0.08 * (number % 4))
            run = Usage(
                latency_s=round(chance.lognormvariate(0.6, 0.8), 4),
                cost_usd=round(cost * chance.lognormvariate(0, 0.5), 6),
                input_tokens=chance.randrange(2_000, 9_000) if cost else 0,
                output_tokens=chance.randrange(80, 600) if cost else 0,
                trace_id=f"run-{number:04}-{repeat}",
            )
            missing = {}
            if "correctness" in scores and chance.random() < 0.02:
                del scores["correctness"]
                missing["correctness"] = "MalformedAnswer: the judge said neither yes nor no"
            entries.append(
                Entry(sample=sample, repeat=repeat, output=output, scores=scores, missing=missing, run=run)
            )
    return log_of(entries, name=name, repeats=repeats)


def failed_entry(
    sample: Sample, *, repeat: int = 0, error: str = "TimedOut", message: str = "no answer within 60 s"
) -> Entry:
    """An entry without an output; every figure that should be there is missing."""
    asked = ("recall@5", "citation_precision", "claim_recall", "correctness")
    return Entry(
        sample=sample,
        repeat=repeat,
        output=Output(outcome=OutputOutcome.FAILED, error=error, message=message),
        scores={},
        missing={} if sample.gold.abstain else dict.fromkeys(asked, f"no output: {error}"),
        run=Usage(latency_s=60.0 if error == "TimedOut" else None),
    )


def log_of(
    entries: Sequence[Entry],
    *,
    name: str = "loccit",
    metrics: Sequence[Metric] = METRICS,
    repeats: int = 1,
    is_complete: bool = True,
    facts: Mapping[str, str] | None = None,
) -> EvalLog:
    """A log of these entries."""
    samples = list({entry.sample.id: entry.sample for entry in entries}.values())
    digest = Dataset(tuple(samples), DatasetHeader()).digest if samples else "0" * 64
    cost = sum(entry.run.cost_usd or 0.0 for entry in entries)
    run = RunFacts(id="r1", started_at=1_700_000_000.0, seconds=93.5, cost_usd=round(cost, 6))
    header = LogHeader(
        task="answers",
        dataset=DatasetFacts(name="parcels-questions", samples=len(samples), digest=digest),
        system=SystemFacts(
            kind="loccit", name=name, facts=dict(facts or {"model": "box:m-7b", "packing": "2"})
        ),
        scorers={"retrieval": "1", "answers": "2", "agrees": "agrees-3"} if metrics else {},
        metrics=metric_facts(metrics),
        repeats=repeats,
        version="0.5.0",
        run=run,
    )
    end = LogEnd(entries=len(entries), digest=digest_of(entries), run=run) if is_complete else None
    return EvalLog(header, tuple(entries), end)


def digest_of(entries: Sequence[Entry]) -> str:
    """Some digest of the entries: another one for others."""
    text = "".join(entry.model_dump_json(exclude={"run"}) for entry in entries)
    return hashlib.sha256(text.encode()).hexdigest()
