"""A fix from issue to branch, with real git, a real sandbox and real test runs; scripts stand for models."""

from __future__ import annotations

from pathlib import Path

from benchmarks.planted_issues import scripts
from loccit.core.fixes import FixOutcome
from tests.unit.agents.fix import runs, tiny


def test_an_issue_becomes_a_branch_of_one_commit_per_step(tmp_path: Path) -> None:
    ended = runs.play(tmp_path, tiny.SPANS, tiny.SWALLOWED, scripts.good(tiny.SWALLOWED))
    fix = ended.fix
    assert (fix.outcome, fix.why) == (
        FixOutcome.FIXED,
        "tests/test_merge_inside.py failed before and passes now, and a reader has no objection",
    )
    assert [(step.name, step.commit is not None) for step in fix.steps] == [
        ("understand", False),
        ("reproduce", True),
        ("plan", False),
        ("edit", True),
    ]


def test_who_says_that_it_is_fixed_is_not_believed(tmp_path: Path) -> None:
    ended = runs.play(tmp_path, tiny.SPANS, tiny.SWALLOWED, scripts.lying(tiny.SWALLOWED))
    print(ended.fix.why, ended.run.told)
    assert ended.fix.outcome is FixOutcome.NO_FIX_FOUND


def test_cheats(tmp_path: Path) -> None:
    ended = runs.play(tmp_path, tiny.SPANS, tiny.SWALLOWED, scripts.cheating(tiny.SWALLOWED))
    for t in ended.run.trajectories.values():
        for s in t.steps:
            for o in s.observations:
                print(o.call.name, o.is_error, o.verdict, o.text[:200])
    print(ended.fix.why, ended.run.told)
    assert 0
