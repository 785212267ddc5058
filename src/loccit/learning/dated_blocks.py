"""Cases in dated blocks, and for each block the ranker that has learned from what came before it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from loccit.indexing.changes import ChangeTable
from loccit.learning.lessons import REPLAYED, Lesson, lessons
from loccit.learning.past_cases import PastCase
from loccit.learning.proof import Block
from loccit.learning.replay_past import Replay
from loccit.learning.train import Trainer
from loccit.pipeline.mine import MinedFix
from loccit.retrieval.learned import Ranker

Booleans = npt.NDArray[np.bool_]

# A block of fewer cases would cost a training for little.
_LEAST_IN_BLOCK = 10


@dataclass(frozen=True, slots=True)
class DatedBlock:
    """A block of cases, in order of their moments. What may be learned from for it are the commits of the
    table in `may_know`, those that lead to the parent of every fix of the block, made no later than `until`.
    """

    cases: tuple[PastCase, ...]
    may_know: Booleans
    until: int

    def may_learn(self, number: int, time: int) -> bool:
        """Whether a commit, by its number and time, came before the first case of the block."""
        return bool(self.may_know[number]) and time <= self.until


@dataclass(frozen=True, slots=True)
class Trained:
    """The ranker of a block, and the past fixes that it was given to learn from."""

    ranker: Ranker
    lessons: tuple[Lesson, ...]
    seconds: float

    @property
    def is_tuned(self) -> bool:
        """Whether they taught it anything: too few do not."""
        return self.ranker.own is not None


def in_blocks(cases: Sequence[PastCase], blocks: int, table: ChangeTable) -> list[DatedBlock]:
    """The cases (at least one, in order of their moments) in at most so many blocks of about one size."""
    count = max(1, min(blocks, len(cases) // _LEAST_IN_BLOCK))
    ends = [round(number * len(cases) / count) for number in range(count + 1)]
    groups = [tuple(cases[start:end]) for start, end in pairwise(ends)]
    # On a branch that was merged later less was known than its clock says.
    return [
        DatedBlock(group, table.common_past([case.parent for case in group]), group[0].moment)
        for group in groups
    ]


def learn(replay: Replay, mined: Sequence[MinedFix], blocks: Sequence[DatedBlock]) -> list[Lesson]:
    """The past fixes that the blocks learn from, in the order of the table: once for all of them.

    The newest before each block are replayed, at most twice as many in all as one block needs.
    """
    number_of = replay.table.number_of
    known = [(number_of[fix.commit], fix) for fix in mined if fix.commit in number_of]
    able = [fix for number, fix in known if any(block.may_learn(number, fix.time) for block in blocks)]
    to_first = sum(blocks[0].may_learn(number, fix.time) for number, fix in known)
    replayed = min(REPLAYED + len(able) - to_first, 2 * REPLAYED)
    return list(lessons(replay, able, replayed=replayed, progress=replay.progress))


def train(block: DatedBlock, learned: Sequence[Lesson], trainer: Trainer) -> Trained:
    """The ranker that has learned from what came before the block, as `tune` would have then."""
    started = time.perf_counter()
    able = [one for one in learned if block.may_learn(one.number, one.time)]
    replayed = [one.number for one in able if one.candidates is not None][-REPLAYED:]
    first = replayed[0] if replayed else 0
    # What lies before the newest ones is read alone.
    seen = tuple(one if one.number >= first else replace(one, candidates=None, is_gold=None) for one in able)
    ranker = trainer.fit(seen)
    return Trained(ranker, seen, time.perf_counter() - started)


def facts_of(block: DatedBlock, trained: Trained) -> Block:
    """What the report says of a block."""
    return Block(
        first=block.cases[0].moment,
        last=block.cases[-1].moment,
        cases=len(block.cases),
        lessons=len(trained.lessons),
        replayed=sum(one.candidates is not None for one in trained.lessons),
        is_tuned=trained.is_tuned,
        newest_lesson=max((one.time for one in trained.lessons), default=None),
        seconds=trained.seconds,
    )
