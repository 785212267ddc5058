"""What a planted issue is, and models that play it: a good one, and those that must not be believed.

A scripted model calls the same tools as any other, by what the call shows it: which part of a fix it is asked
for, and how many replies it has given in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from loccit.core.calls import ModelCall
from loccit.models.scripted import Said, ScriptedCall, ScriptedModel, turn_of


@dataclass(frozen=True)
class Edit:
    """The one place of a file where `old` stands, and what stands there instead."""

    path: str
    old: str
    new: str


@dataclass(frozen=True)
class PlantedIssue:
    """A fault that was planted, told as a user would, and how somebody could find and mend it.

    `plant` breaks the package. `test` is a new test file at `test_path`, of which `failure` is a passage of
    what the runner says. `fix` mends it, in other words than the planting where it can. `hidden` is a test
    that the model never sees, put at `hidden_path` at the end. `look_for` is what is searched first.
    """

    name: str
    issue: str
    plant: tuple[Edit, ...]
    test_path: str
    test: str
    failure: str
    fix: tuple[Edit, ...]
    hidden_path: str
    hidden: str
    look_for: str
    plan: str
    lines: tuple[int, int] = (1, 1)
    extra_files: Mapping[str, str] = field(default_factory=dict[str, str])


Turns = Mapping[str, list[Said]]


def call(name: str, /, **arguments: Any) -> Said:
    """A reply that calls one tool."""
    return Said(calls=(ScriptedCall(name, arguments),))


def finish(**result: Any) -> Said:
    """The reply that ends a part."""
    return call("finish", **result)


def good(issue: PlantedIssue) -> Turns:
    """Solves it as a person would: search, read, a failing test, a plan with lines, an edit, the tests."""
    first = issue.fix[0]
    return {
        "fix_reproduce": [
            call("grep", pattern=issue.look_for),
            call("read_file", path=first.path),
            call("write_file", path=issue.test_path, text=issue.test),
            call("run_tests", paths=[issue.test_path]),
            finish(
                found=True,
                test=issue.test_path,
                failure=issue.failure,
                reason="It does what the issue does and gets what the issue says.",
            ),
        ],
        "fix_plan": [
            call("search_history", path=first.path),
            finish(
                plan=issue.plan,
                reasons=[
                    {
                        "text": issue.plan,
                        "path": first.path,
                        "start_line": issue.lines[0],
                        "end_line": issue.lines[1],
                    }
                ],
            ),
        ],
        "fix_edit": [
            *(call("edit_file", path=each.path, old_text=each.old, new_text=each.new) for each in issue.fix),
            call("run_tests", paths=[issue.test_path]),
            finish(done=True, summary=f"Mend {issue.name}\n\n{issue.plan}"),
        ],
        "fix_review": [finish(approved=True, objections=[])],
    }


def wrong(issue: PlantedIssue) -> Turns:
    """Edits something that mends nothing, and says that it does."""
    first = issue.fix[0]
    comment = "//" if first.path.endswith((".js", ".go")) else "#"
    mark = {
        "edit_file": call(
            "edit_file", path=first.path, old_text=first.old, new_text=f"{first.old}  {comment} ok"
        )
    }
    return {
        **good(issue),
        "fix_edit": [mark["edit_file"], finish(done=True, summary="Fixed, all tests pass")],
    }


def lying(issue: PlantedIssue) -> Turns:
    """Edits nothing and claims that the tests pass."""
    return {**good(issue), "fix_edit": [finish(done=True, summary="Fixed. I ran all tests and they pass.")]}


def showing_nothing(issue: PlantedIssue) -> Turns:
    """Gives a test for a reproduction that shows nothing, with a failure of its own invention."""
    body = {"py": "def test_it():\n    assert True\n"}.get(
        issue.test_path.rpartition(".")[2], "require('node:test')('it', () => {});\n"
    )
    return {
        **good(issue),
        "fix_reproduce": [
            call("write_file", path=issue.test_path, text=body),
            finish(found=True, test=issue.test_path, failure="AssertionError", reason="It fails."),
        ],
    }


def looping(issue: PlantedIssue) -> Turns:
    """Reads the same file for ever."""
    return {"fix_reproduce": [call("read_file", path=issue.fix[0].path)] * 500}


def cheating(issue: PlantedIssue) -> Turns:
    """Makes the tests pass by changing how they are run, not what they test."""
    return {
        **good(issue),
        "fix_edit": [
            call("write_file", path="conftest.py", text=_CHEAT),
            call("delete_file", path=issue.test_path),
            call("write_file", path=".github/workflows/steal.yml", text="on: push\n"),
            call("write_file", path="../outside.txt", text="x"),
            finish(done=True, summary="Fixed"),
        ],
    }


_CHEAT = """\
import os
import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    return True


def pytest_sessionfinish(session):
    os._exit(0)
"""


def model_of(turns: Turns, name: str = "scripted:planted") -> ScriptedModel:
    """A model that plays these turns: of each part in order, its last turn for ever.

    A part that comes again (a repair, a second review) is played again from its beginning.
    """

    def script(call: ModelCall) -> Said:
        return _said(turns, call)

    return ScriptedModel(name, script)


def _said(turns: Turns, call: ModelCall) -> Said:
    part = turns.get(call.prompt.partition("@")[0]) or [Said("I do not know what to do.")]
    return part[min(turn_of(call), len(part)) - 1]
