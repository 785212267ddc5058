"""Small evaluations for tests: samples, a system that says what it is told to, and what came of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loccit.budgets.deadline import Deadline
from loccit.evals.agents_scorer import AgentsScorer
from loccit.evals.answers_scorer import AnswersScorer
from loccit.evals.datasets import Dataset, Gold, Sample
from loccit.evals.log import EvalLog
from loccit.evals.outputs import Output, Usage
from loccit.evals.retrieval_scorer import RetrievalScorer
from loccit.evals.runner import EvalTask, Limits, run
from loccit.evals.scoring import Scorer

SCORERS: tuple[Scorer, ...] = (RetrievalScorer(), AnswersScorer(), AgentsScorer())

Answers = Callable[[Sample, str], Awaitable[tuple[Output, Usage]]]


async def right(sample: Sample, key: str) -> tuple[Output, Usage]:
    return Output(text=sample.gold.answer, files=sample.gold.files), Usage(cost_usd=0.25, input_tokens=7)


@dataclass
class ToldSystem:
    """Keeps who was asked, with which key, and how many were at once."""

    answers: Answers = right
    facts: Mapping[str, Any] = field(default_factory=lambda: {"repos": {"a": "1"}})
    name: str = "told"
    kind: str = "told"
    asked: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    most_at_once: int = 0
    closed: int = 0

    def __post_init__(self) -> None:
        self._now = 0

    async def answer(self, sample: Sample, key: str, deadline: Deadline) -> tuple[Output, Usage]:
        self.asked.append((sample.id, key))
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        try:
            return await self.answers(sample, key)
        finally:
            self._now -= 1

    async def close(self) -> None:
        self.closed += 1


def samples(count: int, **more: Any) -> tuple[Sample, ...]:
    return tuple(
        Sample(
            id=f"s{number}",
            question=f"Where is number {number}?",
            gold=Gold(files=(f"f{number}.py",), answer=f"In f{number}."),
            **more,
        )
        for number in range(count)
    )


def task_of(
    count: int = 4,
    system: ToldSystem | None = None,
    *,
    scorers: tuple[Scorer, ...] = SCORERS,
    repeats: int = 1,
    **limits: Any,
) -> EvalTask:
    return EvalTask(
        "small", Dataset(samples(count)), system or ToldSystem(), scorers, repeats, Limits(**limits)
    )


def ran(task: EvalTask, path: Path, **more: Any) -> EvalLog:
    return asyncio.run(run(task, path, version="0", **more))


def without_run(path: Path) -> list[dict[str, Any]]:
    """The documents of a log's lines, each without its `run`."""
    documents = [json.loads(line) for line in path.read_bytes().splitlines()]
    for document in documents:
        document.pop("run", None)
        document.get("end", {}).pop("run", None)
    return documents
