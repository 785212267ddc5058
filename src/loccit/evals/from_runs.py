"""Samples out of recorded runs, and of what people said of their answers."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import ValidationError

from loccit.core.answers import (
    Abstention,
    Answer,
    Citation,
    CitationKind,
    ClaimKind,
    Outcome,
    VerdictLabel,
)
from loccit.core.errors import IndexBroken, InputError
from loccit.core.triage import Triage
from loccit.evals.datasets import Dataset, DatasetHeader, Gold, Job, Lines, Sample
from loccit.telemetry.feedback import Rating, Thumb
from loccit.telemetry.records import RunRecord

_ASKED, _TRIAGED = "ask", "triage"


class NoSample(StrEnum):
    """Why a run is no sample. The value is what the summary says."""

    OTHER_KIND = "it is no question that was answered, and no issue that was triaged"
    FAILED = "it failed"
    NO_TEXT = "its texts are not kept"
    FOLLOW_UP = "it goes on with a conversation, and cannot be understood alone"
    NOT_RATED = "nobody rated it"
    DISAGREED = "people disagree about it"
    BAD_ONLY = "it was rated bad, and nobody said what would be right"
    OTHER_ABSTENTION = "it abstained, but not because the sources are silent"
    ABSTAINED_UNRATED = "it abstained, and nobody said whether that is right"
    NOTHING_CITED = "its answer cites no file"
    NO_FILES = "it is an issue, and nobody said which files had to change"


@dataclass(frozen=True, slots=True)
class RunSamples:
    """The samples that runs made: how many runs were looked at, and by the reason which of them are none."""

    dataset: Dataset
    runs: int
    left_out: Mapping[NoSample, tuple[str, ...]]

    @property
    def counts(self) -> dict[str, int]:
        """How many samples there are by how they were rated."""
        return dict(sorted(Counter(sample.slices["rated"] for sample in self.dataset.samples).items()))

    def to_json(self) -> dict[str, Any]:
        """The document `loccit-run-samples/1`: everything but the samples themselves."""
        return {
            "format": "loccit-run-samples/1",
            "runs": self.runs,
            "samples": len(self.dataset.samples),
            "digest": self.dataset.digest,
            "rated": self.counts,
            "left_out": {reason.value: list(runs) for reason, runs in self.left_out.items()},
        }


def samples_from_runs(
    records: Iterable[RunRecord],
    ratings: Mapping[str, Sequence[Rating]],
    *,
    follow_ups: Collection[str] = (),
    rated_only: bool = False,
) -> RunSamples:
    """A sample for each run of which it is known what would be right, in the order of the runs.

    A thumb up makes what the answer says and cites the gold; a thumb down the correction. A run that nobody
    rated is a sample too, unless `rated_only`: right are the files that its supported claims cite, which is
    a guess, and its slice says so. `follow_ups` are the runs that go on with a conversation. Raises
    InputError where no run makes a sample, IndexBroken for a record that holds no answer where it should.
    """
    left_out: dict[NoSample, list[str]] = defaultdict(list)
    samples: list[Sample] = []
    seen = 0
    for record in records:
        seen += 1
        found = _sample(record, ratings.get(record.id, ()), record.id in follow_ups, rated_only)
        if isinstance(found, NoSample):
            left_out[found].append(record.id)
        else:
            samples.append(found)
    kept = {reason: tuple(left_out[reason]) for reason in NoSample if reason in left_out}
    if not samples:
        said = "; ".join(f"{reason.value} ({len(runs):,})" for reason, runs in kept.items())
        raise InputError(
            f"of {seen:,} runs none makes a sample{': ' if said else ''}{said}",
            next_step="say what is right: loccit runs rate RUN --good, or --bad --correction TEXT",
        )
    header = DatasetHeader(
        name="from runs",
        about="Questions that were asked, with what people said of the answers.",
        made={
            "by": "loccit eval from-runs",
            "runs": seen,
            "rated_only": rated_only,
            "left_out": {reason.value: len(runs) for reason, runs in kept.items()},
        },
    )
    return RunSamples(Dataset(tuple(samples), header), seen, kept)


def _sample(
    record: RunRecord, ratings: Sequence[Rating], is_follow_up: bool, rated_only: bool
) -> Sample | NoSample:
    if record.kind == _TRIAGED and record.triage is not None:
        return _of_issue(record, ratings)
    if record.kind != _ASKED:
        return NoSample.OTHER_KIND
    if record.error:
        return NoSample.FAILED
    if not record.question.strip() or record.answer is None:
        return NoSample.NO_TEXT
    if is_follow_up:
        return NoSample.FOLLOW_UP
    if not ratings and rated_only:
        return NoSample.NOT_RATED
    if len({rating.thumb for rating in ratings}) > 1:
        return NoSample.DISAGREED
    answer = answer_of(record)
    gold = _gold(answer, ratings)
    return gold if isinstance(gold, NoSample) else _of(record, answer, gold, ratings)


def _of_issue(record: RunRecord, ratings: Sequence[Rating]) -> Sample | NoSample:
    """An issue whose right files people named, to be localised as of the commit that it was triaged at. Where
    several did, those of the last one count.
    """
    if not record.question.strip():
        return NoSample.NO_TEXT
    named = [rating for rating in ratings if rating.thumb is Thumb.DOWN and rating.files]
    if not named:
        return NoSample.NO_FILES
    triage = _triage(record)
    searched = triage.snapshots[0] if triage.snapshots else None
    files = named[-1].files
    return Sample(
        id=f"run-{record.id}",
        question=record.question,
        job=Job.TRIAGE,
        gold=Gold(files=files),
        repo=searched.repo if searched else "",
        commit=searched.commit if searched else None,
        slices={
            "kind": "localise",
            "rated": Thumb.DOWN.value,
            "outcome": triage.outcome.value,
            "files": "one" if len(files) == 1 else "several",
        },
        origin={"kind": "run", "run": record.id, "at": record.started_at, "digest": record.answer_digest},
    )


def _gold(answer: Answer, ratings: Sequence[Rating]) -> Gold | NoSample:
    if ratings and ratings[-1].thumb is Thumb.DOWN:
        said = [rating for rating in ratings if rating.correction or rating.files]
        if not said:
            return NoSample.BAD_ONLY
        return Gold(answer=said[-1].correction, files=said[-1].files)
    if answer.outcome is Outcome.ABSTAINED:
        if answer.abstention is not Abstention.NOT_IN_SOURCES:
            return NoSample.OTHER_ABSTENTION
        return Gold(abstain=True) if ratings else NoSample.ABSTAINED_UNRATED
    claims = [claim for claim in answer.claims if ratings or claim.verdict.label is VerdictLabel.SUPPORTED]
    cited = [citation for claim in claims for citation in claim.citations if _is_file(citation)]
    if not cited:
        return NoSample.NOTHING_CITED
    files = tuple(dict.fromkeys(citation.path for citation in cited if citation.path is not None))
    if not ratings:
        return Gold(files=files)
    return Gold(
        files=files,
        passages=tuple(dict.fromkeys(map(_lines, cited))),
        answer="\n\n".join(claim.text for claim in claims),
        claims=tuple(claim.text for claim in claims if claim.kind is ClaimKind.STATEMENT),
    )


def _is_file(citation: Citation) -> bool:
    return citation.kind is CitationKind.FILE and citation.path is not None


def _lines(citation: Citation) -> Lines:
    return Lines(
        path=citation.path or "",
        start_line=citation.start_line,
        end_line=citation.end_line,
        repo=citation.repo,
        commit=citation.commit,
    )


def _of(record: RunRecord, answer: Answer, gold: Gold, ratings: Sequence[Rating]) -> Sample:
    repo, commit = _place(answer, gold)
    rated = ratings[-1].thumb.value if ratings else "no"
    return Sample(
        id=f"run-{record.id}",
        question=record.question,
        job=Job.ASK,
        # What the sample says of itself need not be said again.
        gold=gold.model_copy(
            update={"passages": tuple(_short(lines, repo, commit) for lines in gold.passages)}
        ),
        repo=repo,
        commit=commit,
        slices={"kind": "run", "rated": rated, "outcome": answer.outcome.value},
        origin={"kind": "run", "run": record.id, "at": record.started_at, "digest": record.answer_digest},
    )


def _short(lines: Lines, repo: str, commit: str | None) -> Lines:
    if lines.repo == repo and lines.commit == commit:
        return lines.model_copy(update={"repo": None, "commit": None})
    return lines


def _place(answer: Answer, gold: Gold) -> tuple[str, str | None]:
    """The repository and commit that the run answered at; nothing where there were several and not one of
    them alone is cited.
    """
    places = {(snapshot.repo, snapshot.commit) for snapshot in answer.snapshots}
    if len(places) > 1:
        places = {(lines.repo or "", lines.commit) for lines in gold.passages}
    return next(iter(places)) if len(places) == 1 else ("", None)


def _triage(record: RunRecord) -> Triage:
    try:
        return Triage.model_validate(record.triage)
    except ValidationError as error:
        raise IndexBroken(
            f"the triage of run {record.id!r} cannot be read: {error.errors()[0]['msg']}"
        ) from error


def answer_of(record: RunRecord) -> Answer:
    """The answer that a record keeps. Raises IndexBroken for one that cannot be read."""
    try:
        return Answer.model_validate(record.answer)
    except ValidationError as error:
        raise IndexBroken(
            f"the answer of run {record.id!r} cannot be read: {error.errors()[0]['msg']}"
        ) from error
