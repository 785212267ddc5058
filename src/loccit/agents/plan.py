"""The plan of a run and its list of things to do, as a tool: what a long run must not lose."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any

from loccit.core.calls import ToolSpec
from loccit.core.visible import one_line
from loccit.policy.labels import TRUSTED
from loccit.policy.tools import ArgumentRole, Effect, Tool, ToolResult

TOOL_NAME = "plan"
_MOST_STEPS = 40
# No tokenizer makes more tokens than a text has bytes: so much of a context the first line can take.
_MOST_GOAL_BYTES = 300
_MOST_STEP_CHARACTERS = 300
_FIRST = re.compile(r"Plan: (?P<goal>.*)")
_STEP = re.compile(r"(?P<number>\d+)\. \[(?P<done>[ x])\] (?P<text>.*)")

_SPEC = ToolSpec(
    TOOL_NAME,
    "Keeps the plan of this task. It stays in view however long the work takes; all else may be cleared."
    " Write it before the first change: `goal` in one line, `steps` in order. Later give the numbers of the"
    " steps that are finished in `done`; give `goal` and `steps` again to replace the whole plan.",
    {
        "type": "object",
        "properties": {
            "goal": {"type": "string", "description": "What is to be true at the end, in one line."},
            "steps": {"type": "array", "items": {"type": "string"}, "maxItems": _MOST_STEPS},
            "done": {"type": "array", "items": {"type": "integer"}, "description": "Numbers, from 1."},
        },
        "additionalProperties": False,
    },
)


@dataclass(frozen=True, slots=True)
class PlanStep:
    """One thing to do, on one line."""

    text: str
    is_done: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be true at the end, on one line, and the steps to it, in order."""

    goal: str
    steps: tuple[PlanStep, ...] = ()

    @property
    def text(self) -> str:
        """It as it is shown; `read` reads it back. The first line is the goal."""
        done = ("x" if step.is_done else " " for step in self.steps)
        lines = [
            f"{n}. [{mark}] {s.text}" for n, (s, mark) in enumerate(zip(self.steps, done, strict=True), 1)
        ]
        return "\n".join([f"Plan: {self.goal}", *lines])

    @property
    def first_line(self) -> str:
        """The line that is always in view."""
        return f"Plan: {self.goal}"

    @classmethod
    def read(cls, text: str) -> Plan | None:
        """The plan that `text` shows, None where it shows none; what stands below it is no part of it."""
        first, *rest = text.split("\n")
        goal = _FIRST.fullmatch(first)
        if goal is None:
            return None
        lines = takewhile(lambda step: step is not None, map(_STEP.fullmatch, rest))
        return cls(goal["goal"], tuple(PlanStep(s["text"], s["done"] == "x") for s in lines if s))

    def with_done(self, numbers: Sequence[int]) -> Plan:
        """The plan with these steps finished, counted from 1."""
        return replace(
            self,
            steps=tuple(
                replace(step, is_done=step.is_done or number in numbers)
                for number, step in enumerate(self.steps, 1)
            ),
        )


@dataclass(slots=True)
class PlanBook:
    """The plan as it is now, None before one is written. A context and its plan tool share one."""

    plan: Plan | None = None

    def tool(self) -> Tool:
        """The tool `plan`: writes it, replaces it, marks steps as done; it gives the plan as it is then."""
        return Tool(
            _SPEC,
            Effect.READ,  # it changes nothing outside the run's own context
            {"goal": ArgumentRole.CONTENT, "steps": ArgumentRole.CONTENT, "done": ArgumentRole.OPTION},
            self._run,
            probe=self._run,
        )

    async def _run(self, arguments: Mapping[str, Any], intent: str) -> ToolResult:
        del intent  # the same arguments lead to the same plan, however often
        plan, wrong = self._changed(arguments)
        if plan is None:
            return ToolResult(wrong, label=TRUSTED, is_error=True)
        self.plan = plan
        return ToolResult(plan.text, label=TRUSTED)

    def _changed(self, arguments: Mapping[str, Any]) -> tuple[Plan | None, str]:
        """The plan after these arguments, or what is wrong with them."""
        plan = self.plan
        if arguments.get("goal") or arguments.get("steps"):
            goal = one_line(str(arguments.get("goal") or (plan.goal if plan else ""))).strip()
            steps = [one_line(str(step)).strip() for step in arguments.get("steps", ())]
            if not goal or len(goal.encode()) > _MOST_GOAL_BYTES:
                return None, f"goal has {len(goal.encode())} bytes; write 1 to {_MOST_GOAL_BYTES}"
            if len(steps) > _MOST_STEPS or any(not 0 < len(s) <= _MOST_STEP_CHARACTERS for s in steps):
                return None, (
                    f"write at most {_MOST_STEPS} steps of 1 to {_MOST_STEP_CHARACTERS} characters each"
                )
            if "steps" in arguments or plan is None:
                plan = Plan(goal, tuple(map(PlanStep, steps)))
            else:
                plan = replace(plan, goal=goal)
        if plan is None:
            return None, "there is no plan yet: give goal and steps"
        done: Sequence[int] = arguments.get("done", ())
        unknown = [number for number in done if not 1 <= number <= len(plan.steps)]
        if unknown:
            return None, f"the plan has {len(plan.steps)} steps; there is no step {unknown[0]}"
        return plan.with_done(done), ""
