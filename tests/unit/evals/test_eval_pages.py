"""The pages about tasks and systems are what the code reads and sends."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import re
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from loccit.budgets.deadline import Deadline
from loccit.evals.agents_scorer import AgentsScorer
from loccit.evals.answers_scorer import AnswersScorer
from loccit.evals.datasets import Sample
from loccit.evals.metrics import OPERATIONS
from loccit.evals.outputs import Output, OutputOutcome, Usage
from loccit.evals.retrieval_scorer import RetrievalScorer
from loccit.evals.systems import HttpSystem, PythonSystem, asked_of, load_function, parse_output
from loccit.evals.tasks import SystemSpec, TaskFile, read_task

REFERENCE = Path(__file__).resolve().parents[3] / "docs" / "reference"
TASKS, SYSTEMS = REFERENCE / "eval-tasks.md", REFERENCE / "eval-systems.md"
QUESTION = "How often is the carrier asked again before we give up?"


def section_of(page: Path, heading: str) -> str:
    parts = re.split(r"^## ", page.read_text("utf-8"), flags=re.MULTILINE)
    (found,) = (part for part in parts if part.startswith(f"{heading}\n"))
    return found


def rows_of(text: str) -> list[list[str]]:
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("| `")
    ]


def blocks_of(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def default_of(field: dataclasses.Field[Any]) -> str:
    """A default as the page writes it; empty for what is required, or is a table of its own."""
    value = field.default
    if value is dataclasses.MISSING:
        if field.default_factory in (dataclasses.MISSING, SystemSpec):
            return ""
        value = field.default_factory()
    return json.dumps(value)


@pytest.mark.parametrize(("heading", "kind"), [("The task", TaskFile), ("`[system]`", SystemSpec)])
def test_every_key_of_a_task_is_documented_with_its_default(heading: str, kind: type) -> None:
    """In the order of the code, and no others; `folder` is where the file is."""
    documented = [(row[0].strip("`"), row[2].strip("`")) for row in rows_of(section_of(TASKS, heading))]
    fields = [field for field in dataclasses.fields(kind) if field.name != "folder"]
    assert documented == [(field.name, default_of(field)) for field in fields]


@pytest.mark.parametrize("block", [*blocks_of(TASKS, "toml"), *blocks_of(SYSTEMS, "toml")])
def test_the_tasks_of_the_pages_are_read(block: str, tmp_path: Path) -> None:
    """Every one that is shown."""
    (tmp_path / "task.toml").write_text(block)
    assert read_task(str(tmp_path / "task.toml")).dataset == "questions.jsonl"


def test_the_request_of_the_page_is_what_is_sent() -> None:
    """Key by key, in this order."""
    request = json.loads(blocks_of(SYSTEMS, "json")[0])
    sent = asked_of(Sample.model_validate_json(json.dumps(request)))
    assert list(request.items()) == list(sent.items())


def test_the_response_of_the_page_is_read() -> None:
    """All of it arrives."""
    output, usage = parse_output(json.loads(blocks_of(SYSTEMS, "json")[1]), "page")
    assert output.claims[0].cited[0].quote == "ATTEMPTS = 3"
    assert output.functions == ("parcels/retries.py::with_retries",)
    assert usage.cost_usd == 0.0021


def test_every_key_of_an_output_is_documented() -> None:
    """In the order of the code; `usage` stands beside them."""
    documented = [row[0].strip("`") for row in rows_of(section_of(SYSTEMS, "An output"))]
    assert documented == [*Output.model_fields, "usage"]
    told = set(re.findall(r"`(\w+)`", rows_of(section_of(SYSTEMS, "An output"))[-1][1]))
    assert told == Usage.model_fields.keys() - {"started_at", "tries"}


def test_the_function_of_the_page_is_a_system(tmp_path: Path) -> None:
    """As the task beside it names it."""
    (tmp_path / "bot.py").write_text(blocks_of(SYSTEMS, "python")[1])
    system = PythonSystem(load_function("bot.py:answer", tmp_path), "bot.py:answer")

    def asked(question: str) -> Output:
        sample = Sample(id="a", question=question)
        return asyncio.run(system.answer(sample, "key", Deadline.after(10)))[0]

    assert asked(QUESTION).files == ("parcels/retries.py",)
    assert asked("What does a parcel cost?").outcome is OutputOutcome.ABSTAINED


def test_the_server_of_the_page_is_a_system(tmp_path: Path) -> None:
    """In a process of its own, asked over HTTP."""
    (tmp_path / "server.py").write_text(blocks_of(SYSTEMS, "python")[0])
    sources = tmp_path / "sources"
    sources.mkdir()
    (sources / "retries.py").write_text("# How often the carrier is asked again.\nATTEMPTS = 3\n")
    (sources / "prices.py").write_text("RATE = 2\n")
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    server = subprocess.Popen([sys.executable, tmp_path / "server.py", sources, str(port)])
    try:
        until = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert time.monotonic() < until, "the server does not listen"
                time.sleep(0.05)

        async def asked(question: str) -> Output:
            system = HttpSystem(f"http://127.0.0.1:{port}/ask")
            try:
                sample = Sample(id="a", question=question)
                return (await system.answer(sample, "key", Deadline.after(30)))[0]
            finally:
                await system.close()

        assert asyncio.run(asked(QUESTION)).files == ("retries.py",)
        assert asyncio.run(asked("xyzzy plugh")).outcome is OutputOutcome.ABSTAINED
    finally:
        server.kill()
        server.wait()


def test_every_figure_is_explained_once() -> None:
    """Those of the scorers that are computed, and those that every run has."""
    page = REFERENCE.parent / "explanation" / "figures.md"
    explained = [
        name for row in rows_of(page.read_text("utf-8")) for name in re.findall(r"`([^`]+)`", row[0])
    ]
    scorers = (RetrievalScorer(), AnswersScorer(), AgentsScorer())
    measured = [metric.name for scorer in scorers for metric in scorer.metrics]
    assert sorted(explained) == sorted([*measured, *(metric.name for metric in OPERATIONS)])
