"""Learning from lessons: what a repository's past adds to the general ranker.

Three things, each from what came before: which words went with which files (`retrieval.association`), how
much each feature says here (a listwise linear model beside the general trees), and, on the newest lessons,
which the first two have not seen, how much either is to be trusted. The listwise loss is the negative
logarithm of the share that a softmax over an issue's candidates gives to the files that the fix changed.
Source: Cao et al., ICML 2007.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from loccit.learning.lessons import Lesson
from loccit.retrieval.association import Association, associate
from loccit.retrieval.features import Candidates
from loccit.retrieval.learned import (
    Own,
    Ranker,
    columns_of,
    comparable,
    deviations,
    shortlist,
    standardised,
    with_own,
)

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

# Fewer replayed lessons than this teach nothing that carries over.
LEAST_LESSONS = 60
_VALIDATED = 0.25
_LINEAR_PENALTY = 100.0
_SHARE_PENALTY = 20.0
# Where validation says nothing: what was best over other repositories. Scale of the general scores, share of
# the association, share of the linear part.
_USUAL_SHARES = np.array([1.0, 0.15, 0.5])
_STEPS = 200
_LEAST_SPREAD = 0.05
_MEMORY = 8


@dataclass(frozen=True, slots=True)
class _List:
    """The shortlist of a lesson: `rows` among its candidates, their columns, general scores, and which of
    them the fix changed.
    """

    rows: Int64
    columns: Float32
    general: Float64
    is_gold: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Lists:
    """Some shortlists, one below the other; `starts` is where each begins."""

    columns: Float64
    general: Float64
    is_gold: npt.NDArray[np.bool_]
    starts: Int64


class Trainer:
    """Teaches the ranker `general`. What it made of a lesson it keeps, for later trainings with it."""

    def __init__(self, general: Ranker) -> None:
        self.general = general
        self._list_of: dict[str, _List | None] = {}

    def fit(self, lessons: Sequence[Lesson]) -> Ranker:
        """The general ranker with what these lessons teach, oldest first; as it is where they are too few."""
        general = self.general
        replayed = [lesson for lesson in lessons if lesson.candidates is not None]
        if len(replayed) < LEAST_LESSONS:
            return general
        cut = replayed[int(len(replayed) * (1 - _VALIDATED))].number
        before = [lesson for lesson in lessons if lesson.number < cut]
        newest = [lesson for lesson in lessons if lesson.number >= cut]
        lists, earlier = self._stacked(replayed), self._stacked(before)
        if not len(earlier.starts):
            return general
        seen = comparable(lists.columns)
        # A column that hardly moves in the lessons says nothing about an issue in which it does.
        mean, spread = seen.mean(axis=0), np.maximum(seen.std(axis=0), _LEAST_SPREAD)
        linear = _linear(earlier, mean, spread)
        messages = [lesson.message for lesson in (*before, *newest)]
        of_earlier, of_all = associate(messages, len(before))
        shares = self._shares(
            newest, of_earlier, lambda columns: deviations(comparable(columns), mean, spread) @ linear
        )
        own = Own(
            linear=_linear(lists, mean, spread),
            mean=mean,
            spread=spread,
            linear_share=float(max(shares[2] / shares[0], 0.0)),
            association_share=float(max(shares[1] / shares[0], 0.0)),
            learned_from=len(lessons),
            association=of_all,
        )
        return with_own(general, own)

    def _useful(self, lessons: Sequence[Lesson]) -> Iterator[tuple[Candidates, _List]]:
        """The replayed lessons whose shortlist holds a file that was changed. A list without the right answer
        teaches nothing about the order.
        """
        for lesson in lessons:
            found = lesson.candidates
            if found is None:
                continue
            if lesson.commit not in self._list_of:
                self._list_of[lesson.commit] = _listed(lesson, self.general)
            listed = self._list_of[lesson.commit]
            if listed is not None:
                yield found, listed

    def _stacked(self, lessons: Sequence[Lesson]) -> _Lists:
        lists = [listed for _, listed in self._useful(lessons)]
        width = 3 * len(self.general.features)
        return _Lists(
            np.concatenate([np.empty((0, width)), *(one.columns.astype(np.float64) for one in lists)]),
            np.concatenate([np.empty(0), *(one.general for one in lists)]),
            np.concatenate([np.empty(0, dtype=bool), *(one.is_gold for one in lists)]),
            _starts(len(one.rows) for one in lists),
        )

    def _shares(
        self,
        lessons: Sequence[Lesson],
        association: Association | None,
        linear: Callable[[Float64], Float64],
    ) -> Float64:
        """How much general scores, association and linear part count, by lessons that taught none of them."""
        values: list[Float64] = []
        gold: list[npt.NDArray[np.bool_]] = []
        for found, listed in self._useful(lessons):
            told = np.zeros(len(listed.rows))
            if association is not None:
                told = standardised(association.scores(found))[listed.rows]
            said = linear(listed.columns.astype(np.float64))
            values.append(np.stack([listed.general, told, said], axis=1))
            gold.append(listed.is_gold)
        if not values:
            return _USUAL_SHARES
        starts = _starts(map(len, gold))
        return fit_listwise(
            np.concatenate(values), np.concatenate(gold), starts, prior=_USUAL_SHARES, penalty=_SHARE_PENALTY
        )


def _listed(lesson: Lesson, general: Ranker) -> _List | None:
    """The shortlist of a replayed lesson; None where it holds no file that was changed."""
    found, is_gold = lesson.candidates, lesson.is_gold
    if found is None or is_gold is None or not len(found.files):
        return None
    rows = shortlist(found)
    if not is_gold[rows].any():
        return None
    columns = columns_of(found, general.features)[rows]
    return _List(rows, columns.astype(np.float32), general.trees.score(columns), is_gold[rows])


def _starts(sizes: Iterable[int]) -> Int64:
    return np.cumsum([0, *sizes])[:-1].astype(np.int64)


def _linear(lists: _Lists, mean: Float64, spread: Float64) -> Float64:
    """The weights of the columns that, added to the general scores, explain the lists best."""
    values = np.hstack([deviations(comparable(lists.columns), mean, spread), lists.general[:, None]])
    prior = np.zeros(values.shape[1])
    prior[-1] = 1.0
    weights = fit_listwise(values, lists.is_gold, lists.starts, prior=prior, penalty=_LINEAR_PENALTY)
    # As an addition to general scores that count once.
    return weights[:-1] / max(weights[-1], 0.1)


def fit_listwise(
    values: Float64, is_gold: npt.NDArray[np.bool_], starts: Int64, *, prior: Float64, penalty: float
) -> Float64:
    """The weights of the columns of `values` with the least listwise loss.

    Rows stand list after list, each beginning at one of `starts` and holding gold. `penalty` times half the
    squared distance from `prior` is added to the sum of the lists' losses. By L-BFGS.
    """
    owner = np.repeat(np.arange(len(starts)), np.diff([*starts, len(values)]))

    def loss(weights: Float64) -> tuple[float, Float64]:
        scores = values @ weights
        most = np.maximum.reduceat(scores, starts)
        power = np.exp(scores - most[owner])
        total = np.add.reduceat(power, starts)
        right = np.where(is_gold, power, 0.0)
        held = np.add.reduceat(right, starts)
        away = weights - prior
        value = float(-np.log(held / total).sum() + 0.5 * penalty * (away @ away))
        slope = values.T @ (power / total[owner] - right / held[owner]) + penalty * away
        return value / len(starts), slope / len(starts)

    return _minimum(loss, prior.copy())


def _minimum(loss: Callable[[Float64], tuple[float, Float64]], at: Float64) -> Float64:
    """Where a convex function is least.  Source: Nocedal and Wright, Numerical Optimization, alg. 7.4."""
    value, slope = loss(at)
    steps: list[tuple[Float64, Float64, float]] = []
    for _ in range(_STEPS):
        direction = _direction(slope, steps)
        length = 1.0 if steps else 1 / max(1.0, float(np.linalg.norm(slope)))
        while True:
            new_value, new_slope = loss(at - length * direction)
            if new_value <= value - 1e-4 * length * float(slope @ direction) or length < 1e-8:
                break
            length /= 2
        moved, turned = -length * direction, new_slope - slope
        if moved @ turned > 1e-12:
            steps = [*steps, (moved, turned, 1 / float(moved @ turned))][-_MEMORY:]
        at, slope, gained, value = at + moved, new_slope, value - new_value, new_value
        if gained < 1e-7:
            break
    return at


def _direction(slope: Float64, steps: Sequence[tuple[Float64, Float64, float]]) -> Float64:
    direction = slope.copy()
    taken: list[float] = []
    for moved, turned, scale in reversed(steps):
        taken.append(scale * float(moved @ direction))
        direction -= taken[-1] * turned
    if steps:
        moved, turned, _ = steps[-1]
        direction *= float(moved @ turned) / float(turned @ turned)
    for (moved, turned, scale), share in zip(steps, reversed(taken), strict=True):
        direction += (share - scale * float(turned @ direction)) * moved
    return direction
