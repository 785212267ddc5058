"""Why did an answer miss? What is known to be right is followed to the place where it was lost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from enum import StrEnum

from loccit.evals.datasets import COMMIT_MESSAGE, Gold, Job, Lines
from loccit.evals.log import Entry, EvalLog
from loccit.evals.outputs import OutputOutcome

# Of a ranking so many places are looked at by a person.
_READ = 5


class Cause(StrEnum):
    """Where the right place was lost. The value is what reports say."""

    FAILED = "there was no output"
    NOT_RETRIEVED = "not retrieved"
    RANKED_LOW = f"retrieved, but not among the first {_READ}"
    NOT_PACKED = "retrieved but not packed"
    NOT_USED = "packed but not used"
    UNSUPPORTED = "claimed but unsupported"
    ABSTAINED = "abstained wrongly"
    ANSWERED = "answered what the sources do not hold"


def causes(log: EvalLog) -> dict[Cause, tuple[str, ...]]:
    """The samples that missed, by where they did; most of them first. Of repeats the first one counts.

    A sample of which no right place is known, and that is no unanswerable question, cannot be judged so.
    """
    found: dict[Cause, list[str]] = defaultdict(list)
    for sample, entries in log.by_sample.items():
        cause = cause_of(entries[0])
        if cause is not None:
            found[cause].append(sample)
    ordered = sorted(found.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    return {cause: tuple(samples) for cause, samples in ordered}


def cause_of(entry: Entry) -> Cause | None:
    """Where the sample was lost; None where it was not, or where nobody can tell."""
    output, gold = entry.output, entry.sample.gold
    if output.outcome is OutputOutcome.FAILED:
        return Cause.FAILED
    has_declined = output.outcome is OutputOutcome.ABSTAINED
    if gold.abstain:
        return None if has_declined else Cause.ANSWERED
    if not (gold.files or gold.passages):
        return Cause.ABSTAINED if has_declined else None
    if entry.sample.job is not Job.ASK:
        return _of_ranking(entry, gold, has_declined=has_declined)
    return _of_answer(entry, gold, has_declined=has_declined)


def _of_ranking(entry: Entry, gold: Gold, *, has_declined: bool) -> Cause | None:
    files = entry.output.files
    if has_declined:
        return Cause.ABSTAINED
    if files is None:
        return None
    right = set(gold.files) or {passage.path for passage in gold.passages}
    if right.intersection(files[:_READ]):
        return None
    return Cause.RANKED_LOW if right.intersection(files) else Cause.NOT_RETRIEVED


def _of_answer(entry: Entry, gold: Gold, *, has_declined: bool) -> Cause | None:
    output = entry.output
    if any(_holds(gold, claim.cited) for claim in output.claims):
        return None
    stages = output.stages
    if stages is None:
        return Cause.ABSTAINED if has_declined else None
    if not _holds(gold, stages.retrieved):
        return Cause.NOT_RETRIEVED
    if has_declined and not output.dropped:
        return Cause.ABSTAINED
    if not _holds(gold, stages.packed):
        return Cause.NOT_PACKED
    return Cause.UNSUPPORTED if output.dropped else Cause.NOT_USED


def _holds(gold: Gold, places: Sequence[Lines]) -> bool:
    """Whether a right place is among these: the very lines where they are known, else the file; or a commit
    whose message holds the answer.
    """
    if any(place.path == COMMIT_MESSAGE and place.commit in gold.commits for place in places):
        return True
    if gold.passages:
        return any(place.overlaps(right) for place in places for right in gold.passages)
    return any(place.path in gold.files for place in places)
