"""The plan is written, changed and read back; outputs are kept whole and read in parts."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loccit.agents.outputs import Outputs
from loccit.agents.plan import Plan, PlanBook, PlanStep
from loccit.core.errors import NotFound
from loccit.policy.labels import TRUSTED, UNTRUSTED
from loccit.policy.tools import ToolResult


def planned(book: PlanBook, **arguments: Any) -> ToolResult:
    return asyncio.run(book.tool().run(arguments, "intent"))


def test_a_plan_is_written_ticked_off_and_replaced() -> None:
    book = PlanBook()
    text = planned(book, goal="it works", steps=["look", "fix"]).text
    assert text == "Plan: it works\n1. [ ] look\n2. [ ] fix"
    assert planned(book, done=[1]).text == "Plan: it works\n1. [x] look\n2. [ ] fix"
    assert planned(book, done=[1]).text == "Plan: it works\n1. [x] look\n2. [ ] fix"
    assert planned(book, goal="it works well").text.startswith("Plan: it works well\n1. [x] look")
    assert planned(book, goal="other", steps=["a\nb"], done=[1]).text == "Plan: other\n1. [x] a\\nb"


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        ({}, "no plan yet"),
        ({"done": [1]}, "no plan yet"),
        ({"goal": "é" * 151, "steps": ["a"]}, "goal has 302 bytes"),
        ({"goal": "g", "steps": ["a"] * 41}, "at most 40 steps"),
        ({"goal": "g", "steps": [""]}, "1 to 300 characters"),
        ({"goal": "g", "steps": ["a"], "done": [2]}, "no step 2"),
    ],
)
def test_a_plan_that_cannot_be_is_an_error_and_changes_nothing(arguments: dict[str, Any], wrong: str) -> None:
    book = PlanBook()
    result = planned(book, **arguments)
    assert result.is_error
    assert wrong in result.text
    assert book.plan is None


line = st.text(min_size=1, max_size=60).map(lambda text: "".join(c for c in text if c.isprintable()) or "x")


@given(line, st.lists(st.tuples(line, st.booleans()), max_size=6))
def test_a_plan_is_read_back_from_what_is_shown(goal: str, steps: list[tuple[str, bool]]) -> None:
    plan = Plan(goal, tuple(PlanStep(*step) for step in steps))
    assert Plan.read(plan.text) == plan
    assert Plan.read(f"{plan.text}\n(The same call gave the same before. Do something else.)") == plan
    assert Plan.read(f"not a {plan.text}") is None


def test_an_output_is_read_in_parts_and_bounded(tmp_path: Path) -> None:
    outputs = Outputs(tmp_path / "outputs")
    kept = outputs.keep("\n".join(f"line {n}" for n in range(1, 5_001)), TRUSTED)
    assert (kept.name, kept.lines) == ("output-1", 5_000)
    assert outputs.read("output-1", 10, 11) == "output-1, lines 10 to 11 of 5000\nline 10\nline 11"
    long = outputs.read("output-1", 1, 5_000)
    assert len(long) < 8_100
    assert long.startswith("output-1, lines 1 to 900 of 5000\nline 1\n")
    outputs.keep("x" * 5_001)
    assert outputs.read("output-2", 3, 3) == "output-2, lines 3 to 3 of 3\n" + "x" * 1_001
    with pytest.raises(NotFound, match="has lines 1 to 3"):
        outputs.read("output-2", 4, 9)
    modes = [
        path.stat().st_mode & 0o777 for path in (tmp_path / "outputs", tmp_path / "outputs" / "output-1")
    ]
    assert modes == [0o700, 0o600]


def test_the_tool_gives_lines_with_the_outputs_label_and_names_nothing_else(tmp_path: Path) -> None:
    outputs = Outputs(tmp_path / "outputs")
    outputs.keep("one\ntwo", TRUSTED)
    outputs.keep("three")
    (tmp_path / "secret").write_text("secret")
    tool = outputs.tool()

    def run(**arguments: Any) -> ToolResult:
        return asyncio.run(tool.run(arguments, "intent"))

    assert run(name="output-1", first_line=2).text == "output-1, lines 2 to 2 of 2\ntwo"
    assert run(name="output-1").label == TRUSTED
    assert run(name="output-2").label == UNTRUSTED
    for name in ("../secret", "output-3", "output-0", "output-01x", ""):
        assert run(name=name).is_error


def test_a_run_that_goes_on_gives_the_same_names(tmp_path: Path) -> None:
    first, second = Outputs(tmp_path), Outputs(tmp_path)
    names = [first.keep(text).name for text in ("a", "b")]
    assert [second.keep(text).name for text in ("a", "b")] == names
    assert second.read("output-2", 1, 1).endswith("\nb")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["output-1", "output-2"]
