"""Lessons: fixes of the past, as they could have been ranked at the time, and the files that they changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from loccit.core.progress import Progress, silent
from loccit.learning.replay_past import Replay
from loccit.pipeline.mine import MinedFix
from loccit.retrieval.association import Message
from loccit.retrieval.features import Candidates, candidates, issue_terms
from loccit.retrieval.issue_text import IssueText, read_issue

# Of the newest fixes, so many are replayed to learn how features speak, and so many read to learn which words
# go with which files.
REPLAYED = 1_000
READ = 4_000


@dataclass(frozen=True, slots=True)
class Lesson:
    """A past fix. `number` is its commit's place in the table of changes, `time` in seconds since the epoch.

    `message` is what it said and changed. Of a fix that was replayed `candidates` are the files as of its
    parent, and `is_gold` says which of them it changed; None of one that was only read.
    """

    commit: str
    number: int
    time: int
    message: Message
    candidates: Candidates | None
    is_gold: npt.NDArray[np.bool_] | None


def issue_of_fix(fix: MinedFix) -> IssueText:
    """A mined fix as the issue that it mended."""
    return read_issue(fix.body, title=fix.title)


def lessons(
    replay: Replay, fixes: Sequence[MinedFix], *, replayed: int = REPLAYED, progress: Progress = silent
) -> Iterator[Lesson]:
    """The newest `READ` of these fixes, oldest first, of which the newest `replayed` are replayed.

    Nothing younger than a fix's parent has a part in its candidates.
    """
    fixes = fixes[-READ:]
    cut = max(0, len(fixes) - replayed)
    for fix in fixes[:cut]:
        yield _lesson(replay, fix, issue_of_fix(fix), None)
    newest = fixes[cut:]
    for done, (fix, moment) in enumerate(
        zip(newest, replay.moments([fix.parent for fix in newest]), strict=True), start=1
    ):
        issue = issue_of_fix(fix)
        yield _lesson(replay, fix, issue, candidates(issue, moment.view, moment.past))
        if done % 10 == 0 or done == len(newest):
            progress("replaying the past", done, len(newest), "fixes")


def _lesson(replay: Replay, fix: MinedFix, issue: IssueText, found: Candidates | None) -> Lesson:
    keys, weights = (found.keys, found.weights) if found is not None else issue_terms(issue)
    gold = set(fix.paths)
    return Lesson(
        commit=fix.commit,
        number=replay.table.number_of[fix.commit],
        time=fix.time,
        message=Message(keys, weights, fix.paths),
        candidates=_single(found) if found is not None else None,
        is_gold=np.array([names[0] in gold for names in found.former], dtype=bool) if found else None,
    )


def _single(found: Candidates) -> Candidates:
    """The candidates in single precision: a thousand lessons are kept at once."""
    return Candidates(
        found.files, found.names, found.values.astype(np.float32), found.former, found.keys, found.weights
    )
