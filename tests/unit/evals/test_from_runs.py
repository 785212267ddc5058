"""Recorded runs become samples by what people said of them; all others are counted and named."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from loccit.core.answers import (
    Abstention,
    Answer,
    Citation,
    CitationKind,
    Claim,
    ClaimKind,
    Outcome,
    SnapshotInfo,
    Verdict,
    VerdictLabel,
    seal,
)
from loccit.core.errors import IndexBroken, InputError
from loccit.core.triage import parse_triage
from loccit.evals.datasets import Job, Lines, dataset_lines, parse_dataset
from loccit.evals.from_runs import NoSample, RunSamples, samples_from_runs
from loccit.telemetry.feedback import Rating, Thumb
from loccit.telemetry.records import RunRecord, record_of
from loccit.telemetry.trace import Trace
from tests.unit.telemetry.test_records import record

COMMIT, OTHER = "c" * 40, "d" * 40
RUN = "5a" * 16


def cited(path: str | None, *, repo: str = "parcels", commit: str = COMMIT, start: int = 3) -> Citation:
    return Citation(
        kind=CitationKind.COMMIT if path is None else CitationKind.FILE,
        repo=repo,
        commit=commit,
        path=path,
        blob=None if path is None else "b" * 40,
        start_byte=0,
        end_byte=4,
        start_line=start,
        end_line=start + 2,
        sha256="a" * 64,
        quote="text",
        encoding="utf-8",
    )


def claim(
    text: str,
    *citations: Citation,
    label: VerdictLabel = VerdictLabel.SUPPORTED,
    kind: ClaimKind = ClaimKind.STATEMENT,
) -> Claim:
    verdict = Verdict(label=label, score=0.9, checker="local", version="1")
    return Claim(text=text, kind=kind, citations=citations, verdict=verdict)


def searched(repo: str = "parcels", commit: str = COMMIT) -> SnapshotInfo:
    return SnapshotInfo(repo=repo, commit=commit, tree=None, indexed_at="2026-01-05T10:00:00Z", files=3)


def answer(
    *claims: Claim,
    outcome: Outcome = Outcome.ANSWERED,
    abstention: Abstention | None = None,
    snapshots: Sequence[SnapshotInfo] = (searched(),),
) -> Answer:
    return seal(
        question="where are rates kept?",
        outcome=outcome,
        abstention=abstention,
        confidence=0.7,
        claims=claims,
        dropped=(),
        snapshots=tuple(snapshots),
    )


ANSWERED = answer(
    claim("Rates are in a table.", cited("rates.py")),
    claim("It is long.", cited("rates.py", start=9), cited("docs/rates.md"), label=VerdictLabel.PARTLY),
    claim("RATES = {}", cited("rates.py"), kind=ClaimKind.QUOTATION),
    claim("Ana wrote it.", cited(None)),
)
SILENT = answer(outcome=Outcome.ABSTAINED, abstention=Abstention.NOT_IN_SOURCES)


def run(of: Answer | None = ANSWERED, run: str = RUN, **changes: Any) -> RunRecord:
    return record(run, answer=of).model_copy(update=changes)


def rated(thumb: Thumb, *, user: str = "ana", at: float = 1.0, **more: Any) -> Rating:
    return Rating(RUN, user, at, thumb, **more)


def made(one: RunRecord, *ratings: Rating, **choices: Any) -> RunSamples:
    return samples_from_runs([one], {one.id: ratings} if ratings else {}, **choices)


def why_none(one: RunRecord, *ratings: Rating, **choices: Any) -> NoSample:
    """The reason, of a run that makes no sample, beside one that does."""
    good = run(run="ee" * 16)
    found = samples_from_runs(
        [one, good], {one.id: ratings, good.id: [Rating(good.id, "", 1.0, Thumb.UP)]}, **choices
    )
    ((reason, runs),) = found.left_out.items()
    assert runs == (one.id,)
    assert found.runs == 2
    return reason


def test_a_good_answer_is_right_in_what_it_says_and_cites() -> None:
    """At the commit that it was given at."""
    (sample,) = made(run(), rated(Thumb.UP)).dataset.samples
    assert (sample.repo, sample.commit) == ("parcels", COMMIT)
    assert sample.question == "where are rates kept?"
    assert sample.gold.files == ("rates.py", "docs/rates.md")
    assert sample.gold.passages == (
        Lines(path="rates.py", start_line=3, end_line=5),
        Lines(path="rates.py", start_line=9, end_line=11),
        Lines(path="docs/rates.md", start_line=3, end_line=5),
    )
    assert sample.gold.claims == ("Rates are in a table.", "It is long.", "Ana wrote it.")
    assert sample.gold.answer.startswith("Rates are in a table.\n\nIt is long.")
    assert sample.slices == {"kind": "run", "rated": "up", "outcome": "answered"}
    assert sample.origin["run"] == RUN


def test_a_bad_answer_is_right_in_its_correction() -> None:
    """The newest that somebody wrote; a thumb without one takes nothing back."""
    ratings = [
        rated(Thumb.DOWN, user="ana", at=1.0, correction="In tariffs.py", files=("tariffs.py",)),
        rated(Thumb.DOWN, user="ben", at=2.0, correction="In zones.py", files=("zones.py",)),
        rated(Thumb.DOWN, user="cem", at=3.0),
    ]
    (sample,) = made(run(), *ratings).dataset.samples
    assert (sample.gold.answer, sample.gold.files) == ("In zones.py", ("zones.py",))
    assert sample.gold.passages == ()
    assert (sample.slices["rated"], sample.commit) == ("down", COMMIT)


def test_to_abstain_is_right_where_somebody_says_so() -> None:
    (sample,) = made(run(SILENT), rated(Thumb.UP)).dataset.samples
    assert sample.gold.abstain
    assert sample.commit == COMMIT


def test_to_abstain_is_wrong_where_somebody_knows_better() -> None:
    (sample,) = made(run(SILENT), rated(Thumb.DOWN, files=("rates.py",))).dataset.samples
    assert not sample.gold.abstain
    assert sample.gold.files == ("rates.py",)


def test_of_what_nobody_rated_the_supported_files_are_a_guess() -> None:
    """And its slice says that it is one."""
    (sample,) = made(run()).dataset.samples
    assert sample.gold.files == ("rates.py",)
    assert sample.gold.answer == ""
    assert sample.gold.passages == ()
    assert sample.slices["rated"] == "no"


@pytest.mark.parametrize(
    ("one", "ratings", "reason"),
    [
        (run(kind="triage"), [], NoSample.OTHER_KIND),
        (run(error="ModelUnavailable"), [], NoSample.FAILED),
        (run(None), [rated(Thumb.UP)], NoSample.NO_TEXT),
        (run(question=""), [rated(Thumb.UP)], NoSample.NO_TEXT),
        (run(), [rated(Thumb.UP), rated(Thumb.DOWN, user="ben", correction="x")], NoSample.DISAGREED),
        (run(), [rated(Thumb.DOWN)], NoSample.BAD_ONLY),
        (
            run(answer(outcome=Outcome.ABSTAINED, abstention=Abstention.BUDGET)),
            [rated(Thumb.UP)],
            NoSample.OTHER_ABSTENTION,
        ),
        (run(SILENT), [], NoSample.ABSTAINED_UNRATED),
        (run(answer(claim("Ana wrote it.", cited(None)))), [rated(Thumb.UP)], NoSample.NOTHING_CITED),
        (run(answer(claim("So.", cited("a.py"), label=VerdictLabel.PARTLY))), [], NoSample.NOTHING_CITED),
    ],
)
def test_a_run_of_which_nobody_knows_what_is_right_is_counted_and_named(
    one: RunRecord, ratings: list[Rating], reason: NoSample
) -> None:
    assert why_none(one, *ratings) is reason


def test_only_what_was_rated_is_taken_on_request() -> None:
    assert why_none(run(), rated_only=True) is NoSample.NOT_RATED


def test_what_goes_on_with_a_conversation_cannot_be_asked_alone() -> None:
    assert why_none(run(), rated(Thumb.UP), follow_ups={RUN}) is NoSample.FOLLOW_UP


def test_of_several_repositories_the_one_that_is_cited_counts() -> None:
    """Where several are cited each passage says whose it is."""
    both = [searched(), searched("letters", OTHER)]
    one = answer(claim("So.", cited("a.py", repo="letters", commit=OTHER)), snapshots=both)
    (sample,) = made(run(one), rated(Thumb.UP)).dataset.samples
    assert (sample.repo, sample.commit) == ("letters", OTHER)
    assert sample.gold.passages[0].repo is None
    two = answer(claim("So.", cited("a.py", repo="letters", commit=OTHER), cited("b.py")), snapshots=both)
    (sample,) = made(run(two), rated(Thumb.UP)).dataset.samples
    assert (sample.repo, sample.commit) == ("", None)
    assert [(lines.repo, lines.commit) for lines in sample.gold.passages] == [
        ("letters", OTHER),
        ("parcels", COMMIT),
    ]


def test_where_no_run_makes_a_sample_the_reasons_are_told() -> None:
    with pytest.raises(InputError, match=r"of 1 runs none makes a sample: nobody rated it \(1\)") as told:
        made(run(), rated_only=True)
    assert "loccit runs rate" in told.value.next_step
    with pytest.raises(InputError, match="of 0 runs none makes a sample"):
        samples_from_runs([], {})


def test_a_record_whose_answer_is_none_is_told() -> None:
    with pytest.raises(IndexBroken, match=f"the answer of run {RUN!r}"):
        made(run(answer={"format": "x"}), rated(Thumb.UP))


def test_the_file_is_read_as_it_was_written() -> None:
    found = made(run(), rated(Thumb.UP))
    assert parse_dataset(b"".join(dataset_lines(found.dataset)), name="x") == found.dataset


TRIAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "loccit-triage-1.example.json"


def triaged(run: str = RUN, **fields: Any) -> RunRecord:
    document = parse_triage(TRIAGE.read_bytes())
    given: dict[str, Any] = {"kind": "triage", "question": "Prices\n\nare wrong", "outcome": "triaged"}
    return record_of(Trace(run), triage=document, **given | fields)


def test_an_issue_whose_files_a_maintainer_named_is_a_sample_to_localise() -> None:
    """As of the commit that it was triaged at; what the machine had said is not in it."""
    said = Rating(RUN, "github.com:ana", 1.0, Thumb.DOWN, "", ("parcels/prices.py",))
    made = samples_from_runs([triaged()], {RUN: [said]})
    (sample,) = made.dataset.samples
    snapshot = parse_triage(TRIAGE.read_bytes()).snapshots[0]
    assert (sample.job, sample.question) == (Job.TRIAGE, "Prices\n\nare wrong")
    assert (sample.repo, sample.commit) == (snapshot.repo, snapshot.commit)
    assert sample.gold.files == ("parcels/prices.py",)
    assert sample.slices == {"kind": "localise", "rated": "down", "outcome": "triaged", "files": "one"}
    assert made.counts == {"down": 1}


def test_an_issue_without_named_files_is_none() -> None:
    for ratings in ([], [Rating(RUN, "ana", 1.0, Thumb.UP)], [Rating(RUN, "ana", 1.0, Thumb.DOWN, "no")]):
        with pytest.raises(InputError, match="nobody said which files"):
            samples_from_runs([triaged()], {RUN: ratings})
    with pytest.raises(InputError, match="texts are not kept"):
        samples_from_runs([triaged(question="")], {})
