"""Live answers are scored afterwards: the share that is asked for, by checks made anew, and by a judge."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from loccit import Loccit
from loccit.core.answers import Answer, Claim, ClaimKind, Outcome, Verdict, VerdictLabel, seal
from loccit.evals.online import JUDGE_USER, is_sampled, score_run
from loccit.settings import Settings
from loccit.telemetry.options import TelemetryOptions
from loccit.telemetry.records import RunRecord
from tests.repositories import git, make_repository
from tests.unit.telemetry.test_records import record

PRICES = """RATES = {'near': 100, 'far': 250}


def price_of_parcel(weight_kg, zone):
    return weight_kg * RATES[zone]
"""
RUN = "5a" * 16


def ids(count: int) -> list[str]:
    chance = random.Random(7)
    return [f"{chance.getrandbits(128):032x}" for _ in range(count)]


def test_the_share_is_the_one_that_is_asked_for_and_the_same_everywhere() -> None:
    runs = ids(20_000)
    for share in (0.1, 0.5):
        assert sum(is_sampled(run, share) for run in runs) == pytest.approx(20_000 * share, rel=0.06)
    assert not any(is_sampled(run, 0.0) for run in runs)
    assert all(is_sampled(run, 1.0) for run in runs)
    assert {run for run in runs if is_sampled(run, 0.1)} < {run for run in runs if is_sampled(run, 0.3)}
    assert is_sampled(runs[0], 0.5) == is_sampled(runs[0], 0.5)


@pytest.fixture
def parcels(tmp_path: Path) -> Path:
    make_repository(
        tmp_path / "parcels", [{"files": {"prices.py": PRICES}, "message": "What a parcel costs"}]
    )
    return tmp_path / "parcels"


def opened(home: Path, **options: Any) -> Loccit:
    return Loccit(settings=Settings(home=home, telemetry=TelemetryOptions(**options)))


@pytest.fixture
def loccit(tmp_path: Path, parcels: Path) -> Iterator[Loccit]:
    made = opened(tmp_path / "home", score_share=1.0)
    made.index(parcels)
    yield made
    made._system.close()


SUPPORTED = Verdict(label=VerdictLabel.SUPPORTED, score=0.9, checker="local", version="1")


def written(loccit: Loccit, parcels: Path, *texts: str) -> Answer:
    """An answer of claims that all cite the function; its own checker finds them all supported."""
    citation = loccit.cite("prices.py", 4, 5, repository=parcels)
    status = loccit.ask("what does a parcel cost?", repos=[str(parcels)])
    return seal(
        question="what does a parcel cost?",
        outcome=Outcome.ANSWERED,
        abstention=None,
        confidence=0.75,
        claims=tuple(
            Claim(text=text, kind=ClaimKind.STATEMENT, citations=(citation,), verdict=SUPPORTED)
            for text in texts
        ),
        dropped=(),
        snapshots=status.snapshots,
    )


GOOD = "price_of_parcel multiplies weight_kg by the rate of the zone."
WRONG = "Parcels are weighed by a satellite named Gorgon in 1972."


def kept(loccit: Loccit, answer: Answer | None, run: str = RUN, **fields: Any) -> RunRecord:
    import time

    made = record(run, at=time.time() - 60, answer=answer, session="s", user="ana", **fields)
    loccit._system.runs().save(made)
    return made


def values(found: Any) -> dict[str, float]:
    return {score.metric: score.value for score in found.scores}


def test_claims_are_checked_anew_whatever_the_run_said_of_them(loccit: Loccit, parcels: Path) -> None:
    kept(loccit, written(loccit, parcels, GOOD, WRONG))
    found = loccit.score_run(RUN)
    assert values(found) == {"grounded": 0.5, "citations.hold": 1.0}
    assert found.missing == ()
    stored = loccit._system.scores().of([RUN])[RUN]
    assert {(score.metric, score.checker, score.value) for score in stored} == {
        ("claims.supported", "run", 1.0),
        ("grounded", "local", 0.5),
        ("citations.hold", "local", 1.0),
    }
    assert all(score.version for score in stored)


def test_to_score_once_more_changes_nothing(loccit: Loccit, parcels: Path) -> None:
    kept(loccit, written(loccit, parcels, GOOD))
    assert loccit.score_run(RUN) == loccit.score_run(RUN)
    assert len(loccit._system.scores().of([RUN])[RUN]) == 3


def test_a_citation_whose_bytes_are_not_there_does_not_hold(loccit: Loccit, parcels: Path) -> None:
    answer = written(loccit, parcels, GOOD)
    citation = answer.claims[0].citations[0]
    forged = citation.model_copy(update={"start_byte": citation.start_byte + 1})
    claim = answer.claims[0].model_copy(update={"citations": (forged,)})
    kept(loccit, answer.model_copy(update={"claims": (claim,)}))
    assert values(loccit.score_run(RUN)) == {"grounded": 0.0, "citations.hold": 0.0}


def test_a_source_that_is_not_here_any_more_counts_as_neither(loccit: Loccit, parcels: Path) -> None:
    """The claim is checked against the quote that the answer holds."""
    answer = written(loccit, parcels, GOOD)
    citation = answer.claims[0].citations[0].model_copy(update={"commit": "ab" * 20})
    claim = answer.claims[0].model_copy(update={"citations": (citation,)})
    made = record(RUN, answer=answer.model_copy(update={"claims": (claim,)}), session="s")

    def verify(answer: Answer) -> Any:
        report = loccit.verify(answer)
        unverifiable = [
            one.model_copy(
                update={
                    "citations": tuple(c.model_copy(update={"status": "unverifiable"}) for c in one.citations)
                }
            )
            for one in report.claims
        ]
        return report.model_copy(update={"claims": tuple(unverifiable)})

    found = asyncio.run(score_run(made, verify=verify))
    assert values(found) == {"grounded": 1.0}


def test_what_has_no_claims_of_a_writer_is_not_scored(loccit: Loccit, parcels: Path) -> None:
    """Quotations, failed runs, runs whose texts are not kept."""
    kept(loccit, None)
    assert loccit.score_run(RUN).scores == ()
    quoted = loccit.ask("what does a parcel cost?", repos=[str(parcels)])
    loccit._system.runs().save(record("6b" * 16, answer=quoted, at=1.9e9))
    assert loccit.score_run("6b").scores == ()
    assert loccit._system.scores().of(["6b" * 16]) == {}


def test_those_that_are_not_of_the_share_are_left_alone(tmp_path: Path, parcels: Path) -> None:
    loccit = opened(tmp_path / "home", score_share=0.0)
    loccit.index(parcels)
    kept(loccit, written(loccit, parcels, GOOD))
    assert loccit.score_run(RUN).scores == ()
    loccit._system.close()


def judged(tmp_path: Path, reply: str) -> Loccit:
    """With a scripted judge that always says the same."""
    home = tmp_path / "judged"
    home.mkdir()
    (home / "judge.json").write_text(json.dumps({"rules": [{"reply": reply}]}))
    (home / "settings.toml").write_text(
        '[telemetry]\nscore_share = 0.0\njudge_share = 1.0\n[models]\njudge = "scripted:judge.json"\n'
    )
    return Loccit(home)


def test_a_judge_says_its_own_beside(tmp_path: Path, parcels: Path) -> None:
    verdict = {"claims": [{"claim": 1, "why": "it does", "verdict": "follows"}]}
    loccit = judged(tmp_path, json.dumps(verdict))
    loccit.index(parcels)
    kept(loccit, written(loccit, parcels, GOOD))
    found = loccit.score_run(RUN)
    assert values(found) == {"grounded": 1.0, "citations.hold": 1.0, "judge.grounded": 1.0}
    (score,) = (one for one in found.scores if one.metric == "judge.grounded")
    assert score.checker == "judge.grounded"
    assert "judge_grounded@" in score.version
    # A budget of its own: [[budgets.limits]] with this name bounds what it may spend.
    judge: Any = loccit._system.online_judge(loccit._system.judging(""))
    assert judge._payer.user == JUDGE_USER == "loccit online"
    loccit._system.close()


def test_a_judge_that_gives_out_costs_no_score_of_the_checks(tmp_path: Path, parcels: Path) -> None:
    loccit = judged(tmp_path, "I like it")
    loccit.index(parcels)
    kept(loccit, written(loccit, parcels, GOOD))
    found = loccit.score_run(RUN)
    assert values(found) == {"grounded": 1.0, "citations.hold": 1.0}
    assert "judge.grounded: MalformedReply" in found.missing[0]
    loccit._system.close()


def test_an_answer_that_was_kept_for_another_repository_is_told(loccit: Loccit, parcels: Path) -> None:
    """A repository that moved on still has the commit that was cited."""
    kept(loccit, written(loccit, parcels, GOOD))
    (parcels / "prices.py").write_text("RATES = {}\n")
    git(parcels, "-c", "user.name=A", "-c", "user.email=a@example.com", "commit", "-qam", "Empty")
    assert values(loccit.score_run(RUN)) == {"grounded": 1.0, "citations.hold": 1.0}
