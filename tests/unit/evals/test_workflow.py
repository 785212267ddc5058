"""The workflow that the documentation hands out can do nothing but read, and needs no secret."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
WORKFLOW = (ROOT / "docs/how-to/loccit-eval.yml").read_text(encoding="utf-8")
GUIDE = (ROOT / "docs/how-to/gate-in-ci.md").read_text(encoding="utf-8")


def test_it_may_read_the_repository_and_nothing_else() -> None:
    """One permission, no secret, no token left in the checkout, and not the trigger that has secrets."""
    [permissions] = re.findall(r"^permissions:\n((?: +.*\n)+)", WORKFLOW, re.MULTILINE)
    assert permissions.split() == ["contents:", "read"]
    assert WORKFLOW.count("permissions:") == 1
    assert "secrets." not in WORKFLOW
    assert "pull_request_target" not in WORKFLOW
    assert "persist-credentials: false" in WORKFLOW


def test_its_actions_are_pinned_to_a_major_version() -> None:
    """No branch, no latest."""
    used = re.findall(r"uses: (\S+)", WORKFLOW)
    assert used
    assert all(re.fullmatch(r"actions/[a-z-]+@v\d+", each) for each in used), used


def test_nothing_of_an_event_is_written_into_a_shell() -> None:
    """What a pull request says reaches a script through the environment only."""
    scripts = re.findall(r"run: (?:\|\n((?: {10}.*\n)+)|(.*)\n)", WORKFLOW)
    assert scripts
    assert not [each for each in scripts if "${{" in "".join(each)]


def test_the_old_log_comes_first() -> None:
    """As the guide says."""
    for text in (WORKFLOW, GUIDE):
        assert "loccit eval gate baseline.jsonl new.jsonl" in text
    assert 'loccit eval gate baseline.jsonl new.jsonl $MARGINS --summary "$GITHUB_STEP_SUMMARY"' in WORKFLOW
