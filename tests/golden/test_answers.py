"""Whole answers, word for word; only what a run adds, and when the index was made, is left out."""

from __future__ import annotations

import json

import pytest

from loccit import Loccit
from loccit.core.answers import digest_of
from tests.golden.conftest import HERE, Golden

ANSWERS = HERE / "answers"
QUESTIONS = {
    "how": "how is the price of a parcel computed?",
    "message": "who raises 'ParcelNotFound: no parcel with number 17 was ever scanned'?",
    "history": "why was the fax notification removed?",
    "not-in-sources": "how are pods evicted from a kubernetes node?",
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_an_answer_is_as_it_was(name: str, loccit: Loccit, golden: Golden) -> None:
    """With its citations, reasons, verdicts and digest."""
    answer = json.loads(loccit.ask(QUESTIONS[name]).to_json())
    del answer["run"]
    for snapshot in answer["snapshots"]:
        snapshot["indexed_at"] = "2000-01-01T00:00:00Z"
    answer["digest"] = digest_of(answer)
    golden(ANSWERS / f"{name}.json", json.dumps(answer, indent=2, ensure_ascii=False) + "\n")


@pytest.mark.parametrize("name", QUESTIONS)
def test_every_answer_holds(name: str, loccit: Loccit) -> None:
    """Re-checked against the repository."""
    answer = loccit.ask(QUESTIONS[name])
    report = loccit.verify(answer)
    assert all(claim.status == "holds" for claim in report.claims)


def test_every_golden_answer_has_its_question() -> None:
    """A question that is gone takes its file with it."""
    assert {path.stem for path in ANSWERS.glob("*")} == set(QUESTIONS)
