"""A fix in one process, with real git, sandbox, policy and loop. A script stands for the model."""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from benchmarks.planted_issues.scripts import PlantedIssue, Turns, model_of
from loccit.agents.conversation import Conversation
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
from loccit.agents.sandbox import Box, Environment, Files, open_box
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

TIME = 1_760_000_000


@dataclass
class Direct:
    """A journal that remembers nothing: for runs that nobody kills."""

    model: ScriptedModel
    name: str

    async def reply(self, key: str, call: ModelCall, seconds_left: float) -> Replied:
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
            Conversation(),
            Direct(self.model, name),
            self.limits,
        )
        self.trajectories[name] = ended
        return ended

    async def tell(self, text: str) -> None:
        self.told.append(text)


@dataclass
class Ended:
    """What came of a run, with what it worked on: close `copy` when done.

    `test_seconds` is how long commands ran in boxes; `before` is what the user's repository was.
    """

    fix: Fix
    run: DirectRun
    copy: WorkingCopy
    bench: Bench
    user: Path
    test_seconds: float
    before: str


def planted(files: Mapping[str, bytes], issue: PlantedIssue) -> dict[str, bytes]:
    """The files of a package with the issue planted in it."""
    broken = dict(files)
    for edit in issue.plant:
        old, new = edit.old.encode(), edit.new.encode()
        if broken[edit.path].count(old) != 1:
            raise ValueError(f"{edit.path} has {broken[edit.path].count(old)} places to break")
        broken[edit.path] = broken[edit.path].replace(old, new)
    return broken


def make_repository(folder: Path, files: Mapping[str, bytes]) -> None:
    """A repository of one commit, with nobody's configuration."""
    for path, data in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    who = {
        f"GIT_{role}_{part}": "a@example.com"
        for role in ("AUTHOR", "COMMITTER")
        for part in ("NAME", "EMAIL")
    }
    dates = {"GIT_AUTHOR_DATE": f"@{TIME} +0000", "GIT_COMMITTER_DATE": f"@{TIME} +0000"}
    quiet = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "PATH": os.environ["PATH"]}
    for command in (
        ("init", "-q", "--template=", "-b", "main"),
        ("add", "-A", "-f"),
        ("commit", "-q", "-m", "Begin"),
    ):
        subprocess.run(["git", *command], cwd=folder, env={**quiet, **who, **dates}, check=True)


def play(
    folder: Path,
    files: Mapping[str, bytes],
    issue: PlantedIssue,
    turns: Turns,
    *,
    environment: Environment,
    limits: Limits | None = None,
    suite_timeout_s: float = 60.0,
    writes_lesson: bool = False,
) -> Ended:
    """Plant the issue in a repository of these files, and let the script work on it."""
    user, home = folder / "user", folder / "home"
    user.mkdir(parents=True)
    make_repository(user, planted(files, issue))
    before = fingerprint(user)
    repository = open_repository(str(user), home=home, options=SourceOptions())
    task = FixTask.of_report(
        report_of(issue.issue),
        repo=repository.name,
        location=repository.location,
        base=repository.resolve(),
        branch=branch_name("12", "run-1"),
        time=TIME,
        writes_lesson=writes_lesson,
    )
    copy = open_working_copy(repository, base=task.base, folder=home / "fixes", run="run-1", time=TIME)
    project = project_of(copy.files(), copy.read)
    if project is None:
        raise ValueError(f"{issue.name}: no project")
    options = SandboxOptions()
    spent = Spent()

    def box(given: Files) -> Any:
        return spent.timed(open_box(options, files=given, environment=environment))

    bench = Bench(copy, project, box, timeout_s=60.0)
    gate = Gate(copy, bench, suite_timeout_s=suite_timeout_s)
    shop = Workshop(task, repository, copy, bench, gate, Desk(copy, bench), triage=lambda: None)
    run = DirectRun(gateway_of(task, shop.tools()), model_of(turns), limits or Limits(steps=40))
    try:
        found = asyncio.run(fix(run, shop))
    except BaseException:
        copy.close()
        raise
    return Ended(found, run, copy, bench, user, spent.seconds, before)


class Spent:
    """How long boxes were open."""

    def __init__(self) -> None:
        self.seconds = 0.0

    @asynccontextmanager
    async def timed(self, opened: AbstractAsyncContextManager[Box]) -> AsyncGenerator[Box]:
        began = time.perf_counter()
        try:
            async with opened as box:
                yield box
        finally:
            self.seconds += time.perf_counter() - began


async def hidden_passes(ended: Ended, issue: PlantedIssue) -> bool:
    """Whether the test that no script saw passes over the branch."""
    hidden = {issue.hidden_path: issue.hidden.encode()}
    ran = await ended.bench.test([issue.hidden_path], commit=ended.copy.last_step, with_files=hidden)
    return ran.passed


def is_untouched(ended: Ended) -> bool:
    """Whether the user's repository is what it was, byte for byte."""
    return fingerprint(ended.user) == ended.before


def fingerprint(folder: Path) -> str:
    """Of every file below a folder: names, bytes, modes and times."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        digest.update(f"{path} {status.st_mode} {status.st_mtime_ns}".encode())
        if path.is_file() and not path.is_symlink():
            digest.update(path.read_bytes())
    return digest.hexdigest()
