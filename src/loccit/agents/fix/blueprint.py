"""The blueprint: plain code that says what comes after what. Between the model's parts stand steps of ours.

    understand → reproduce → plan → edit → gate → review → (repair → gate → review) twice at most → branch

A model's part ends with a result in a form; what it claims there of tests is never believed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from loccit.agents.fix.desk import Scope
from loccit.agents.fix.results import EDITED, PLANNED, REPRODUCED, REVIEWED
from loccit.agents.fix.story import Story
from loccit.agents.fix.task import fenced
from loccit.agents.fix.tools import EDITING, LOOKING, RUNNING
from loccit.agents.fix.workshop import Workshop, understood_text
from loccit.agents.values import Ending, Trajectory
from loccit.core.calls import Message
from loccit.core.errors import LimitExceeded
from loccit.core.fixes import Fix, FixCheck, FixOutcome, Lesson, Reproduction
from loccit.core.visible import one_line, visible
from loccit.models.templates import Template, load_templates

MOST_REPAIRS = 2
_REPRODUCTIONS = 2
_PROMPTS = Path(__file__).parent / "prompts"
_STOPPED = {
    Ending.LIMIT: FixOutcome.LIMIT,
    Ending.BUDGET: FixOutcome.LIMIT,
    Ending.REPEATED: FixOutcome.LIMIT,
    Ending.NO_PROGRESS: FixOutcome.LIMIT,
    Ending.ONLY_TALKED: FixOutcome.LIMIT,
}


class FixRun(Protocol):
    """What the blueprint needs of the run that it is part of."""

    async def step(self, name: str, function: Callable[..., Awaitable[Any]], *args: Any) -> Any:
        """What a function of JSON gives, remembered: after a kill it is not called again."""
        ...

    async def loop(
        self,
        name: str,
        *,
        messages: tuple[Message, ...],
        prompt: str,
        tools: Sequence[str],
        result: Mapping[str, Any],
    ) -> Trajectory:
        """What a model does with the tools of these names until it gives a result of this form.

        Raises LimitExceeded where nothing is left of what the run may use.
        """
        ...

    async def tell(self, text: str) -> None:
        """A line for whoever watches."""
        ...


@cache
def prompts() -> dict[str, Template]:
    """The prompts of this room, by name."""
    return load_templates(_PROMPTS)


class _Stop(Exception):
    """The run ends here: with an outcome, and why."""

    def __init__(self, outcome: FixOutcome, why: str) -> None:
        super().__init__(why)
        self.outcome = outcome
        self.why = why


async def fix(run: FixRun, shop: Workshop) -> Fix:
    """What became of the issue. The document lacks `run`, which the caller knows."""
    story = Story(shop.task)
    try:
        outcome, why = await _fix(run, shop, story)
    except _Stop as stop:
        outcome, why = stop.outcome, stop.why
    if outcome is FixOutcome.FIXED and story.lesson is not None and shop.task.writes_lesson:
        await _write_lesson(run, shop, story, story.lesson)
    finished = await run.step("finish", shop.finish, shop.task.branch)
    if outcome not in {FixOutcome.FIXED, FixOutcome.NEEDS_PERSON}:
        # What was tried is shown, and proposed to nobody.
        finished = {**finished, "branch": None}
    await run.tell(f"{outcome.value.replace('_', ' ')}: {one_line(why)}")
    return story.fix(outcome, why, finished)


async def _write_lesson(run: FixRun, shop: Workshop, story: Story, lesson: Lesson) -> None:
    changed = sorted({path for step in story.steps if step.name != "reproduce" for path in step.paths})
    ended = await run.step("lesson", shop.write_lesson, lesson.title, lesson.text, changed)
    story.add_step("lesson", lesson.title, ended)
    story.lesson = lesson.model_copy(update={"is_in_branch": True})


async def _fix(run: FixRun, shop: Workshop, story: Story) -> tuple[FixOutcome, str]:
    await run.tell("understand: what files and past say of the issue")
    known = await run.step("understand", shop.understand)
    story.understood, story.snapshots = known["understood"], known["snapshots"]
    story.not_verified += known["not_verified"]
    story.add_step("understand", f"{len(story.understood)} reasons found", _NO_CHANGE)
    test = await _reproduce(run, shop, story)
    await _plan(run, shop, story, test)
    return await _edit(run, shop, story, test)


_NO_CHANGE: Mapping[str, Any] = {"commit": None, "paths": (), "added": 0, "removed": 0}


async def _reproduce(run: FixRun, shop: Workshop, story: Story) -> Mapping[str, Any]:
    """The test that shows the issue, as the gate found it."""
    shop.desk.scope = Scope(tests_only=True)
    tools = (*LOOKING, *RUNNING, *EDITING)
    attempt = problem = ""
    for number in range(1, _REPRODUCTIONS + 1):
        await run.tell("reproduce: a test that fails because of the issue")
        messages = prompts()["fix_reproduce"].fill(
            rules=shop.rules,
            project=f"{shop.task.repo}, tests in {shop.bench.project.language.value}",
            issue=shop.task.shown(),
            understood=fenced(understood_text(story.understood), "found"),
            attempt=attempt,
        )
        result = await _loop(run, f"reproduce {number}", "fix_reproduce", messages, tools, REPRODUCED)
        if not result["found"]:
            raise _Stop(
                FixOutcome.NOT_REPRODUCED, f"the model found no test that shows it: {result['reason']}"
            )
        path, failure = str(result.get("test", "")), str(result.get("failure", ""))
        found = await run.step(f"reproduction {number}", shop.reproduces, path, failure)
        if not found["problem"]:
            return await _reproduced(run, shop, story, found, str(result["reason"]))
        problem = str(found["problem"])
        await run.tell(f"reproduce: not so: {one_line(problem)[:200]}")
        attempt = "A program ran the test that you gave before. " + fenced(problem, "refused")
    raise _Stop(FixOutcome.NOT_REPRODUCED, f"no test shows it: {problem}".splitlines()[0])


async def _reproduced(
    run: FixRun, shop: Workshop, story: Story, found: Mapping[str, Any], reason: str
) -> Mapping[str, Any]:
    await run.step("tidy the test", shop.tidy, "tidy the test")
    subject = f"Reproduce {shop.task.name}"
    message = f"{subject}\n\n{found['path']} fails:\n\n{found['failure']}\n"
    ended = await run.step("reproduced", shop.end_step, "reproduce", message)
    story.reproduction = Reproduction(
        path=found["path"], tests=tuple(found["tests"]), failure=found["failure"], reason=visible(reason)
    )
    story.add_step("reproduce", found["summary"], ended)
    found = {**found, "commit": ended["commit"]}
    await run.tell(f"reproduce: {found['path']} fails as it should: {one_line(found['failure'])[:120]}")
    return found


async def _plan(run: FixRun, shop: Workshop, story: Story, test: Mapping[str, Any]) -> None:
    await run.tell("plan: the cause, and the smallest right change")
    messages = prompts()["fix_plan"].fill(
        rules=shop.rules,
        issue=shop.task.shown(),
        test=test["path"],
        failure=fenced(test["output"], "output"),
        understood=fenced(understood_text(story.understood), "found"),
    )
    tools = (*LOOKING, *RUNNING)
    result = await _loop(run, "plan", "fix_plan", messages, tools, PLANNED)
    story.plan = str(result["plan"])
    cited = await run.step("cite", shop.cite, list(result["reasons"]))
    story.reasons += cited["reasons"]
    story.dropped += cited["dropped"]
    story.add_step("plan", story.plan, _NO_CHANGE)


async def _edit(run: FixRun, shop: Workshop, story: Story, test: Mapping[str, Any]) -> tuple[FixOutcome, str]:
    """Edits, checks and reviews, at most three rounds; what the last one came to."""
    shop.desk.scope = Scope(locked=frozenset({test["path"]}))
    tools = (*LOOKING, *RUNNING, *EDITING)
    findings = ""
    ending = (FixOutcome.NO_FIX_FOUND, "nothing was edited")
    for number in range(MOST_REPAIRS + 1):
        name = f"repair {number}" if number else "edit"
        story.repairs = number
        await run.tell(f"{name}: until the test passes")
        messages = prompts()["fix_edit"].fill(
            rules=shop.rules,
            issue=shop.task.shown(),
            test=test["path"],
            failure=fenced(test["output"], "output"),
            plan=fenced(story.plan, "plan"),
            findings=findings,
        )
        result = await _loop(run, name, "fix_edit", messages, tools, EDITED)
        story.of_last_round = [f"the model says to look at: {each}" for each in result.get("look_at", ())]
        story.propose(result.get("lesson"))
        if not result["done"]:
            return FixOutcome.NO_FIX_FOUND, f"the model found no fix: {result['summary']}"
        checked = await _checked(run, shop, story, test, name, str(result["summary"]))
        if not checked["passed"]:
            findings = "A program found after the last round:\n" + fenced(
                "\n\n".join(checked["findings"]), "found"
            )
            ending = _not_passed(checked)
            continue
        review = await _review(run, shop, story, number)
        if not review:
            return (
                FixOutcome.FIXED,
                f"{test['path']} failed before and passes now, and a reader has no objection",
            )
        findings = "A reader objects to the change:\n" + fenced("\n".join(review), "objections")
        ending = (FixOutcome.NEEDS_PERSON, f"the tests pass, and a reader objects: {review[0]}")
    return ending


async def _checked(
    run: FixRun, shop: Workshop, story: Story, test: Mapping[str, Any], name: str, summary: str
) -> Mapping[str, Any]:
    await run.step(f"tidy {name}", shop.tidy, f"tidy {name}")
    await run.tell("gate: the failing test, related tests, formatter, linter")
    checked = await run.step(f"gate {name}", shop.check, test["path"], list(test["tests"]), test["commit"])
    story.checks = tuple(FixCheck.model_validate(each) for each in checked["checks"])
    story.of_last_round += checked["not_verified"]
    subject, _, rest = summary.strip().partition("\n")
    message = f"{subject[:72]}\n\n{rest.strip() or summary.strip()}\n\nIssue: {shop.task.name}\n"
    ended = await run.step(f"commit {name}", shop.end_step, name, message)
    story.add_step(name, summary, ended)
    for check in story.checks:
        came = f"{check.name.value}: {check.outcome.value}".replace("_", " ")
        await run.tell(f"gate: {came}: {one_line(check.text)[:160]}")
    return checked


def _not_passed(checked: Mapping[str, Any]) -> tuple[FixOutcome, str]:
    first = str(checked["findings"][0]).splitlines()[0] if checked["findings"] else "a check did not pass"
    if checked["contradicts_tests"]:
        return (
            FixOutcome.NEEDS_PERSON,
            f"tests that were there say otherwise, and the change edits them: {first}",
        )
    return FixOutcome.NO_FIX_FOUND, first


async def _review(run: FixRun, shop: Workshop, story: Story, number: int) -> tuple[str, ...]:
    """The objections of a reader with a clean window; none where the change is approved."""
    await run.tell("review: a reader sees the issue, the change and the checks")
    diff = await run.step(f"diff {number}", shop.diff)
    checks = "\n".join(f"{each.name.value}: {each.outcome.value}: {each.text}" for each in story.checks)
    messages = prompts()["fix_review"].fill(
        issue=shop.task.shown(), diff=fenced(diff, "change"), checks=fenced(checks, "checks")
    )
    tools = LOOKING
    result = await _loop(run, f"review {number}", "fix_review", messages, tools, REVIEWED)
    review = story.add_review(result)
    await run.tell(
        f"review: {review.verdict.value}" + "".join(f"; {one_line(each)[:160]}" for each in review.objections)
    )
    return review.objections


async def _loop(
    run: FixRun,
    name: str,
    prompt: str,
    messages: tuple[Message, ...],
    tools: Sequence[str],
    result: Mapping[str, Any],
) -> Mapping[str, Any]:
    """The result of a model's part. Raises _Stop where it has none."""
    try:
        ended = await run.loop(
            name, messages=messages, prompt=prompts()[prompt].id, tools=tools, result=result
        )
    except LimitExceeded as error:
        raise _Stop(FixOutcome.LIMIT, f"{name}: {error.message}") from error
    if ended.result is None:
        outcome = _STOPPED.get(ended.ending, FixOutcome.NEEDS_PERSON)
        why = f"{name}: {ended.ending.value.replace('_', ' ')}"
        raise _Stop(outcome, f"{why}: {one_line(ended.detail)[:300]}" if ended.detail else why)
    return ended.result
