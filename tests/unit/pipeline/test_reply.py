"""A drafted reply rests on what the triage found, and its claims are checked like an answer's."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from loccit.budgets.deadline import Deadline
from loccit.core.calls import ModelCall, Payer
from loccit.core.triage import Triage
from loccit.library import Loccit
from loccit.models.scripted import ScriptedModel
from loccit.pipeline.reply import with_reply_draft
from tests.repositories import Commit, make_repository
from tests.unit.pipeline.homes import loccit_at

RETRY = """def with_retries(send, attempts):
    for attempt in range(attempts):
        try:
            return send()
        except TimeoutError:
            wait_before(attempt)
    raise TimeoutError("the carrier did not answer")


def wait_before(attempt):
    sleep(2 ** attempt)
"""
ISSUE = "Sending fails with TimeoutError: the carrier did not answer\n\nwith_retries gives up and raises.\n"
QUOTE = 'raise TimeoutError("the carrier did not answer")'
EVIDENCE = re.compile(r"^<<<(\S+) ([^\n]*)\n(.*?)\n\1>>>$", re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def loccit(tmp_path_factory: pytest.TempPathFactory) -> Loccit:
    folder = tmp_path_factory.mktemp("reply")
    commits: list[Commit] = [
        {
            "files": {"parcels/retries.py": "def with_retries(send):\n    return send()\n"},
            "message": "Send parcels",
        },
        {"files": {"parcels/retries.py": RETRY}, "message": "Ask the carrier again when it does not answer"},
    ]
    make_repository(folder / "repo", commits)
    loccit = loccit_at(folder / "home")
    loccit.index(folder / "repo")
    return loccit


def drafted(loccit: Loccit, triage: Triage, script: Callable[[ModelCall], str]) -> Triage:
    (one,) = loccit._searchable((), None, None, history=True, changes=True)
    with one.repository.reader() as reader:
        return asyncio.run(
            with_reply_draft(
                triage,
                ISSUE,
                {one.name: reader},
                model=ScriptedModel("scripted:test", script),
                count_tokens=lambda text: len(text) // 4,
                evidence_tokens=4_000,
                reply_tokens=500,
                payer=Payer(request="run-1"),
                deadline=Deadline.after(30),
            )
        )


def test_a_draft_cites_the_functions_and_commits_that_the_triage_found(loccit: Loccit) -> None:
    def script(call: ModelCall) -> str:
        found = {text: id for id, _, text in EVIDENCE.findall(call.messages[-1].text)}
        code = next(id for text, id in found.items() if QUOTE in text)
        commit = next(
            id for text, id in found.items() if "Ask the carrier again" in text and QUOTE not in text
        )
        claims = [
            {
                "text": "with_retries raises a TimeoutError.",
                "citations": [{"evidence": code, "quote": QUOTE}],
            },
            {
                "text": "A commit made it ask the carrier again.",
                "citations": [{"evidence": commit, "quote": "Ask the carrier again when it does not answer"}],
            },
            {"text": "It is fixed in 9.9.", "citations": [{"evidence": code, "quote": "fixed in 9.9"}]},
        ]
        return json.dumps({"claims": claims, "search": [], "read": []})

    triage = loccit.triage(ISSUE)
    result = drafted(loccit, triage, script)
    draft = result.reply_draft
    assert draft is not None
    assert [claim.citations[0].kind.value for claim in draft.claims] == ["file", "commit"]
    assert [claim.text for claim in draft.dropped] == ["It is fixed in 9.9."]
    assert result.digest != triage.digest
    assert result.suspects == triage.suspects


def test_a_draft_of_which_nothing_holds_is_none(loccit: Loccit) -> None:
    claim = {"text": "All is well.", "citations": [{"evidence": "zzzzzz", "quote": "all is well here"}]}
    triage = loccit.triage(ISSUE)
    result = drafted(loccit, triage, lambda call: json.dumps({"claims": [claim]}))
    assert result.reply_draft is None
    note = result.notes[-1]
    assert (note.part.value, note.text) == (
        "reply_draft",
        "none of 1 drafted claims held when they were checked",
    )


def test_an_issue_that_says_too_little_costs_no_call(loccit: Loccit, tmp_path: Path) -> None:
    def never(call: ModelCall) -> str:
        raise AssertionError

    triage = loccit.triage("It does not work")
    assert triage.abstention is not None
    assert drafted(loccit, triage, never) == triage
