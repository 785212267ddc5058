"""A fix run in one process, with the real parts: git, sandbox, policy, loop; a script stands for the model."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from benchmarks.planted_issues.scripts import Edit, PlantedIssue, Turns, model_of
from loccit.agents.fix.bench import Bench
from loccit.agents.fix.blueprint import fix
from loccit.agents.fix.desk import Desk
from loccit.agents.fix.gate import Gate
from loccit.agents.fix.phase import Phase, gateway_of
from loccit.agents.fix.projects import project_of
from loccit.agents.fix.task import FixTask
from loccit.agents.fix.working_copy import WorkingCopy, branch_name, open_working_copy
from loccit.agents.fix.workshop import Workshop
from loccit.agents.loop import Task, run_loop
from loccit.agents.options import Limits, SandboxOptions
from loccit.agents.protocols import Observed, Replied, Tools
from loccit.agents.sandbox import Environment, Files, open_box
from loccit.agents.values import Ending, Observation, Trajectory
from loccit.budgets.deadline import Deadline
from loccit.core.calls import Message, ModelCall, Payer, ToolCall
from loccit.core.errors import ModelError
from loccit.core.fixes import Fix
from loccit.models.scripted import ScriptedModel
from loccit.pipeline.report import report_of
from loccit.policy.gateway import Gateway
from loccit.policy.rules import Verdict
from loccit.sources import SourceOptions, open_repository
from tests.repositories import Commit, make_repository

TIME = 1_760_000_000


def environment() -> Environment:
    """The interpreter of these tests, with pytest, as a box may see it."""
    return Environment(
        "tests", "python", {"/deps": Path(pytest.__file__).parent.parent}, {"PYTHONPATH": "/deps"}
    )


class WholeContext:
    """Everything that was said."""

    def __init__(self) -> None:
        self._messages: list[Message] = []

    def add(self, message: Message) -> None:
        self._messages.append(message)

    def messages(self, limit_tokens: int) -> tuple[Message, ...]:
        return tuple(self._messages)


@dataclass
class Direct:
    """A journal that remembers nothing: for runs that nobody kills."""

    model: ScriptedModel
    name: str

    async def reply(self, step: int, call: ModelCall, seconds_left: float) -> Replied:
        try:
            reply = await self.model.reply(call, Payer("run"), Deadline.after(60.0))
        except ModelError as error:
            return Replied(None, Decimal(0), 0.0, Ending.MODEL_FAILED, str(error))
        return Replied(reply)

    async def observe(self, key: str, call: ToolCall, tools: Tools, seconds_left: float) -> Observed:
        decision = tools.decide(call)
        if decision.verdict is not Verdict.ALLOW:
            return Observed(Observation(call, decision.reason, True, decision.verdict.value))
        result = await tools.perform(call, decision, f"{self.name}/{key}")
        tools.observed(call, result)
        return Observed(Observation(call, result.text, result.is_error, "allow"))


@dataclass
class DirectRun:
    """A run of the blueprint that is not durable."""

    gateway: Gateway
    model: ScriptedModel
    limits: Limits = field(default_factory=lambda: Limits(steps=40))
    told: list[str] = field(default_factory=list[str])
    trajectories: dict[str, Trajectory] = field(default_factory=dict[str, Trajectory])

    async def step(self, name: str, function: Callable[..., Awaitable[Any]], *args: Any) -> Any:
        return await function(*args)

    async def loop(
        self,
        name: str,
        *,
        messages: tuple[Message, ...],
        prompt: str,
        tools: Sequence[str],
        result: Mapping[str, Any],
    ) -> Trajectory:
        ended = await run_loop(
            Task(messages, prompt, result=result),
            Phase(self.gateway, tools),
            WholeContext(),
            Direct(self.model, name),
            self.limits,
        )
        self.trajectories[name] = ended
        return ended

    async def tell(self, text: str) -> None:
        self.told.append(text)


@dataclass
class Ended:
    """What came of a run, with what it worked on."""

    fix: Fix
    run: DirectRun
    copy: WorkingCopy
    user: Path


def planted(files: Mapping[str, str], issue: PlantedIssue) -> dict[str, str]:
    """The files of a package with the issue planted in it."""
    broken = dict(files)
    for edit in issue.plant:
        broken[edit.path] = edited(broken[edit.path], edit)
    return broken


def edited(text: str, edit: Edit) -> str:
    """The text with the edit made, which must have one place."""
    assert text.count(edit.old) == 1, (edit.path, edit.old, text.count(edit.old))
    return text.replace(edit.old, edit.new)


def play(
    folder: Path, files: Mapping[str, str], issue: PlantedIssue, turns: Turns, *, limits: Limits | None = None
) -> Ended:
    """Plant the issue in a repository of these files, and let the script work on it."""
    user, home = folder / "user", folder / "home"
    commits: list[Commit] = [{"files": planted(files, issue), "message": "Begin"}]
    (base,) = make_repository(user, commits)
    repository = open_repository(str(user), home=home, options=SourceOptions())
    task = FixTask.of_report(
        report_of(issue.issue),
        repo=repository.name,
        location=repository.location,
        base=base,
        branch=branch_name("12", "run-1"),
        time=TIME,
    )
    copy = open_working_copy(repository, base=base, folder=home / "fixes", run="run-1", time=TIME)
    project = project_of(copy.files(), copy.read)
    assert project is not None
    options = SandboxOptions()

    def box(given: Files) -> Any:
        return open_box(options, files=given, environment=environment())

    bench = Bench(copy, project, box, timeout_s=60.0)
    gate = Gate(copy, bench, suite_timeout_s=60.0)
    shop = Workshop(task, repository, copy, bench, gate, Desk(copy, bench), triage=lambda: None)
    run = DirectRun(gateway_of(task, shop.tools()), model_of(turns))
    if limits is not None:
        run.limits = limits
    try:
        return Ended(asyncio.run(fix(run, shop)), run, copy, user)
    finally:
        copy.close()
