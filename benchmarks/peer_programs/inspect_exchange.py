"""Logs of inspect_ai, made with its mock model, and what inspect_ai reads in a log, as JSON.

Called as: inspect_exchange.py make FOLDER SAMPLES, or: inspect_exchange.py read FILE...
"""

from __future__ import annotations

import json
import math
import sys
import warnings
from pathlib import Path
from typing import Any

import inspect_ai
from inspect_ai import Task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.log import read_eval_log, read_eval_log_sample_summaries
from inspect_ai.model import (
    ChatMessageSystem,
    ChatMessageUser,
    Model,
    ModelOutput,
    ModelUsage,
    get_model,
)
from inspect_ai.scorer import (
    SampleScore,
    Score,
    Target,
    accuracy,
    grouped,
    includes,
    match,
    mean,
    model_graded_qa,
    scorer,
    stderr,
    value_to_float,
)
from inspect_ai.solver import Generate, TaskState, generate, solver, use_tools
from inspect_ai.tool import ToolError, tool

TO_FLOAT = value_to_float()


def sums(count: int) -> MemoryDataset:
    """Additions, in groups of four."""
    samples = [
        Sample(
            id=f"sum-{number}",
            input=f"What is {number} + {number + 1}?",
            target=str(2 * number + 1),
            metadata={"page": f"page {number // 4}", "size": "small" if number < 3 else "large"},
        )
        for number in range(count)
    ]
    return MemoryDataset(samples, name="sums")


def counted(output: ModelOutput) -> ModelOutput:
    """With a usage: inspect_ai itself counts tokens with a vocabulary from the network."""
    output.usage = ModelUsage(input_tokens=12, output_tokens=3, total_tokens=20, input_tokens_cache_read=5)
    return output


def said(text: str) -> ModelOutput:
    return counted(ModelOutput.from_content("mockllm/model", text))


def saying(outputs: list[ModelOutput]) -> Model:
    return get_model("mockllm/model", custom_outputs=outputs)


@solver
def adding(raises: bool = False):
    """Right but for every third sample, in every second epoch but for every fifth too."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        state = await generate(state)
        number = int(str(state.sample_id).rpartition("-")[2])
        if raises and number % 4 == 1:
            raise ValueError(f"cannot add {number}")
        wrong = number % 3 == 0 or (number % 5 == 4 and state.epoch % 2 == 0)
        state.output = said(f"It is {2 * number + (2 if wrong else 1)}")
        return state

    return solve


@solver
def asking_on():
    """Some samples ask until a limit stops them."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        if str(state.sample_id).endswith("2"):
            for _ in range(9):
                state.messages.append(ChatMessageUser(content="And?"))
                state = await generate(state)
        return await generate(state)

    return solve


@scorer(metrics={"length": [mean(), stderr()], "right": [accuracy()]})
def several():
    async def score(state: TaskState, target: Target) -> Score:
        if str(state.sample_id).endswith("2"):
            return Score.unscored(reason="invalid_response_format", explanation="no verdict in the reply")
        right = "C" if target.text in state.output.completion else "I"
        return Score(value={"length": len(state.output.completion), "right": right}, explanation="counted")

    return score


@scorer(metrics=[accuracy(), stderr(cluster="page"), grouped(accuracy(), "size")])
def graded():
    async def score(state: TaskState, target: Target) -> Score:
        number = int(str(state.sample_id).rpartition("-")[2])
        value = ("C", "P", "I", "N", True, 0.25, "yes", "0.75")[number % 8]
        return Score(value=value, answer=state.output.completion, explanation=f"looked for {target.text}")

    return score


@tool
def look_up():
    async def execute(country: str):
        """Look up a capital.

        Args:
            country: Name of the country.
        """
        if country == "Japan":
            raise ToolError("not found")
        return "Paris"

    return execute


def chat() -> Task:
    """Messages as input, several targets, choices, tools, and a grader that is a model."""
    dataset = MemoryDataset(
        [
            Sample(
                id=1,
                input=[ChatMessageSystem(content="Be brief."), ChatMessageUser(content="Capital of France?")],
                target=["Paris", "paris"],
            ),
            Sample(id=2, input="Capital of Japan?", choices=["Kyoto", "Tokyo"], target="B"),
        ],
        name="chat",
    )
    model = saying(
        [
            counted(ModelOutput.for_tool_call("mockllm/model", "look_up", {"country": "France"})),
            said("Paris"),
            counted(ModelOutput.for_tool_call("mockllm/model", "look_up", {"country": "Japan"})),
            said("B"),
        ]
    )
    grader = get_model("mockllm/grader", custom_outputs=[said("It is right.\nGRADE: C"), said("No idea")])
    return Task(
        name="chat",
        dataset=dataset,
        model=model,
        solver=[use_tools(look_up()), generate()],
        scorer=model_graded_qa(model=grader),
    )


def task(name: str, count: int) -> Task:
    """A task by name."""
    if name == "chat":
        return chat()
    told: dict[str, Any] = {
        "plain": {"solver": adding(), "scorer": [includes(), match()]},
        "repeated": {"solver": adding(), "scorer": includes(), "epochs": 3},
        "failing": {"solver": adding(raises=True), "scorer": includes(), "fail_on_error": False},
        "aborted": {"solver": adding(raises=True), "scorer": includes()},
        "limited": {"solver": asking_on(), "scorer": includes(), "message_limit": 6},
        "graded": {"solver": adding(), "scorer": [several(), graded()]},
    }[name]
    model = saying([said("Hm.")] * (4 * count))
    return Task(name=name, dataset=sums(count), model=model, **told)


TASKS = ("plain", "repeated", "failing", "aborted", "limited", "graded", "chat")


def make(folder: Path, count: int) -> dict[str, str]:
    """Run every task in both formats; the files by NAME.FORMAT."""
    made: dict[str, str] = {}
    for name in TASKS:
        for form in ("eval", "json"):
            [log] = inspect_ai.eval(
                task(name, count),
                log_dir=str(folder / f"{name}-{form}"),
                log_format=form,
                display="none",
                max_samples=1,
            )
            made[f"{name}.{form}"] = log.location
    return made


def read(path: str) -> dict[str, Any]:
    """What inspect_ai finds in a log: samples, scores as its metrics take them, and results."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        header = read_eval_log(path, header_only=True)
        log = read_eval_log(path)
        summaries = read_eval_log_sample_summaries(path)
    metadata = {sample.id: sample.metadata for sample in log.samples or []}
    return {
        "status": header.status,
        "warnings": [str(one.message) for one in warned],
        "summaries": len(summaries),
        "samples": [
            {
                "id": sample.id,
                "epoch": sample.epoch,
                "input": _input(sample.input),
                "target": sample.target,
                "said": sample.output.completion,
                "failed": sample.error is not None,
                "scores": _scores(sample.scores or {}),
                "unscored": _unscored(sample.scores or {}),
            }
            for sample in log.samples or []
        ],
        "results": {
            (one.name if one.name == one.scorer else f"{one.scorer}.{one.name}"): {
                key: metric.value for key, metric in one.metrics.items()
            }
            for one in (header.results.scores if header.results else [])
        },
        "computed": {
            one.scorer: _computed(one.samples, metadata)
            for one in log.reductions or []
            if all("loccit_group" in metadata[score.sample_id] for score in one.samples)
        },
    }


def _input(given: Any) -> Any:
    return given if isinstance(given, str) else [[message.role, message.text] for message in given]


def _parts(scores: dict[str, Score]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, score in scores.items():
        if isinstance(score.value, dict):
            found |= {f"{name}.{part}": value for part, value in score.value.items()}
        else:
            found[name] = score.value
    return found


def _scores(scores: dict[str, Score]) -> dict[str, float]:
    return {name: TO_FLOAT(value) for name, value in _parts(scores).items() if not _is_nan(value)}


def _unscored(scores: dict[str, Score]) -> list[str]:
    return sorted(name for name, value in _parts(scores).items() if _is_nan(value))


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _computed(samples: Any, metadata: dict[Any, Any]) -> dict[str, float]:
    """Mean and standard error by inspect_ai's own functions, over what is scored."""
    scores = [
        SampleScore(score=one, sample_id=one.sample_id, sample_metadata=metadata[one.sample_id])
        for one in samples
        if not _is_nan(one.value)
    ]
    if not scores:
        return {}
    return {"mean": float(mean()(scores)), "stderr": float(stderr(cluster="loccit_group")(scores))}


if sys.argv[1] == "make":
    print(json.dumps(make(Path(sys.argv[2]), int(sys.argv[3]))))
else:
    print(json.dumps([read(path) for path in sys.argv[2:]]))
