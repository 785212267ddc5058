"""Has this been reported before? Past issues by how likely each says the same, and what they share.

    score = 4 log(0.1 + cosine) + 2 log(0.1 + title found) + 2 log(0.1 + title echoed) - log(1 + days / 7)

The three shares are those of `issue_vectors`, and multiply, because a duplicate is like the issue in each
of these ways; 0.1 says how much a share of nothing counts against the rest. Reports of one fault come in
close succession: the last term is the age of the other issue, at which duplicates thin out like a power.
The weights are the ratios that a listwise fit on the development data gives (3.8, 2.0, 1.5, 0.8), rounded.

What was tried and added nothing beside these: titles against titles, word pairs, latent semantics,
expansion by the best candidates, stack frames, exceptions, identifiers and versions as features of their
own, equal affected versions, tracebacks and code left out, other k1, b, title weights and age scales.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt

from loccit.core.errors import IndexBroken, InputError
from loccit.core.issues import Issue
from loccit.indexing.view import FOREVER, FileTable, SnapshotView
from loccit.retrieval.issue_vectors import IssueVectors, told_by
from loccit.retrieval.shared_evidence import EvidenceFinder, Shared

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

COSINE_WEIGHT = 4.0
TITLE_FOUND_WEIGHT = 2.0
TITLE_ECHOED_WEIGHT = 2.0
AGE_WEIGHT = 1.0
SHARE_FLOOR = 0.1
AGE_DAYS = 7.0
_DAY = 86_400.0
# The best candidates share the probability with "none of these", which weighs as much as a candidate of
# this score. Fitted on past days of the development data.
CROWD = 20
NONE_SCORE = 0.3
SHARPNESS = 0.6
# Pasts that stay open: a replay asks about one day after the other.
_KEPT_MOMENTS = 2


@dataclass(frozen=True, slots=True)
class DuplicateCandidate:
    """A past issue that may say the same, as it stood at the moment that was asked about.

    `score` is comparable within one answer only, higher is better. `probability` (0 to 1) is calibrated: of
    those that are given 0.3, three in ten are marked as duplicates or have the same title.
    """

    issue: Issue
    score: float
    probability: float
    evidence: tuple[Shared, ...]


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Past issues that may say the same, best first, among `searched` ones.

    `unreported` is the probability that nobody has reported this before: what the candidates and those
    behind them leave. It is None where the issue holds no word that could be compared.
    """

    candidates: tuple[DuplicateCandidate, ...]
    unreported: float | None
    searched: int


@dataclass(frozen=True, slots=True)
class IssuesThen:
    """The issues of one moment: their ids, when each was opened (seconds since the epoch), its document."""

    ids: tuple[str, ...]
    opened: Int64
    documents: Int64
    vectors: IssueVectors


class IssueIndex:
    """The searchable issues of a tracker, now and at any past moment.

    `view` is a shard's snapshot of kind "issues"; `read` gives an issue by its id. Raises IndexBroken for a
    view of something else.
    """

    def __init__(self, view: SnapshotView, read: Callable[[str], Issue]) -> None:
        if view.files.moments is None:
            raise IndexBroken(
                "the index of issues lacks their times", next_step="run 'loccit index --rebuild'"
            )
        self.read = read
        self._segments = view.segments
        self._files = view.files
        self._moments: Int64 = view.files.moments
        self._opened: dict[int | None, IssuesThen] = {}

    def at(self, as_of: int | None = None) -> IssuesThen:
        """The issues that there were at `as_of` (seconds since the epoch; None for now), as they were.

        Nothing of any other issue takes part: statistics are those of an index made that day.
        """
        if as_of not in self._opened:
            while len(self._opened) >= _KEPT_MOMENTS:
                del self._opened[next(iter(self._opened))]
            self._opened[as_of] = self._open(as_of)
        return self._opened[as_of]

    def _open(self, as_of: int | None) -> IssuesThen:
        since, until = self._moments[:, 1], self._moments[:, 2]
        is_there = until == FOREVER if as_of is None else (since <= as_of) & (as_of < until)
        rows = np.flatnonzero(is_there)
        files = self._files
        then = FileTable(
            paths=[files.paths[row] for row in rows.tolist()],
            blobs=[files.blobs[row] for row in rows.tolist()],
            keys=files.keys[rows],
            roles=files.roles[rows],
            words=files.words,
        )
        view = SnapshotView(self._segments, then)
        document_of = np.empty(view.records, dtype=np.int64)
        document_of[view.record_of] = np.arange(len(view))
        return IssuesThen(
            tuple(then.paths), self._moments[rows, 0], document_of[view.record_of_file], IssueVectors(view)
        )


def find_duplicates(
    issue: Issue, index: IssueIndex, *, as_of: int | None = None, limit: int = 10
) -> Duplicates:
    """The past issues that most likely report the same as `issue`, which may be one of the index or not.

    With `as_of` (seconds since the epoch) only what there was at that moment is looked at, as it was then.
    Raises InputError for a limit below 1, and what reading an issue raises.
    """
    if limit < 1:
        raise InputError(
            f"limit is {limit!r}, expected at least 1", next_step="ask for one candidate or more"
        )
    then = index.at(as_of)
    others = len(then.ids) - (issue.id in then.ids)
    scores = duplicate_scores(issue, then)
    if scores is None:
        return Duplicates((), None, others)
    best = best_first(scores, then, limit=max(limit, CROWD))
    shares, unreported = probabilities(scores[best])
    finder = EvidenceFinder(issue, then.vectors.holders, len(then.ids))
    candidates: list[DuplicateCandidate] = []
    rows: list[int] = best[:limit].tolist()
    for row, share in zip(rows, shares, strict=False):
        other = _as_it_was(index.read(then.ids[row]), as_of)
        evidence = finder.shared_with(other)
        candidates.append(DuplicateCandidate(other, float(scores[row]), round(share, 6), evidence))
    return Duplicates(tuple(candidates), round(unreported, 6), others)


def duplicate_scores(issue: Issue, then: IssuesThen) -> Float64 | None:
    """The score of each issue of that moment, minus infinity for the issue itself and for those that share no
    word with it; None where it has no word.
    """
    told = told_by(issue.title, issue.body)
    if not told.frequencies:
        return None
    like = then.vectors.likeness(told)
    days = np.abs(then.opened - issue.created) / _DAY
    of_documents = (
        COSINE_WEIGHT * np.log(SHARE_FLOOR + like.cosine)
        + TITLE_FOUND_WEIGHT * np.log(SHARE_FLOOR + like.title_found)
        + TITLE_ECHOED_WEIGHT * np.log(SHARE_FLOOR + like.title_echoed)
    )
    of_documents[like.cosine <= 0] = -np.inf
    scores = of_documents[then.documents] - AGE_WEIGHT * np.log1p(days / AGE_DAYS)
    scores[[row for row, other in enumerate(then.ids) if other == issue.id]] = -np.inf
    return scores


def best_first(scores: Float64, then: IssuesThen, *, limit: int) -> Int64:
    """The rows of the best scores that are not minus infinity; of equal ones the older issue comes first."""
    rows = np.flatnonzero(scores > -np.inf)
    if len(rows) > limit:
        # Ties with the last one stay in, so that the order below decides among them.
        rows = rows[scores[rows] >= np.partition(scores[rows], -limit)[-limit]]
    return rows[np.lexsort((rows, then.opened[rows], -scores[rows]))][:limit]


def probabilities(scores: Float64) -> tuple[list[float], float]:
    """The probability of each score, best first, and that none of them is a duplicate. Together they are 1
    for the first `CROWD`; what stands behind is given its share beside those.
    """
    weights = np.exp(SHARPNESS * (scores - NONE_SCORE))
    total = 1.0 + float(weights[:CROWD].sum())
    return cast("list[float]", (weights / total).tolist()), 1.0 / total


def _as_it_was(issue: Issue, as_of: int | None) -> Issue:
    found = issue if as_of is None else issue.as_of(as_of)
    if found is None:
        raise IndexBroken(
            f"the issue {issue.id!r} is younger than the index says", next_step="index the tracker again"
        )
    return found
