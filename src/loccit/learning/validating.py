"""Does what was learned hold on fixes that came later? Each fix is ranked by a ranker that never saw it.

Blocks are prequential: of the replayed fixes in order of time, the older half only teaches; the rest is
parted into blocks, and each is ranked after learning from what came before it.  Source: Dawid, JRSS A 1984.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from loccit.core.progress import Progress
from loccit.evals.scorers import ranking_scores
from loccit.indexing.changes import ChangeTable
from loccit.learning.dated_blocks import DatedBlock, train
from loccit.learning.lessons import Lesson
from loccit.learning.proof import CUTOFFS
from loccit.learning.train import LEAST_LESSONS, Trainer
from loccit.learning.tuning import Outcome
from loccit.retrieval.features import Candidates
from loccit.retrieval.learned import Ranker

_BLOCKS = 5
# A block of fewer would cost a training for little.
_LEAST_IN_BLOCK = 20


def validate(
    lessons: Sequence[Lesson], table: ChangeTable, trainer: Trainer, progress: Progress
) -> list[Outcome]:
    """What became of the newer half of the replayed lessons, each ranked with what came before its block."""
    outcomes: list[Outcome] = []
    blocks = _blocks(lessons)
    for done, block in enumerate(blocks, start=1):
        # What leads to all of them, and is none of them.
        may_know = table.common_past([one.commit for one in block])
        may_know[[one.number for one in block]] = False
        trained = train(DatedBlock((), may_know, block[0].time), lessons, trainer)
        outcomes += outcomes_of(block, trained.ranker, trainer.general)
        progress("validating", done, len(blocks), "blocks")
    return outcomes


def outcomes_of(lessons: Sequence[Lesson], tuned: Ranker, general: Ranker) -> list[Outcome]:
    """Replayed lessons, ranked by a ranker that has learned and by the general one."""
    return [
        Outcome(one.commit, one.time, _scores(one, found, general), _scores(one, found, tuned))
        for one in lessons
        if (found := one.candidates) is not None
    ]


def _blocks(lessons: Sequence[Lesson]) -> list[list[Lesson]]:
    """The replayed lessons but the oldest, in order of time, in blocks of about one size."""
    replayed = sorted(
        (one for one in lessons if one.candidates is not None), key=lambda one: (one.time, one.number)
    )
    tested = replayed[max(LEAST_LESSONS, len(replayed) // 2) :]
    count = min(_BLOCKS, max(1, len(tested) // _LEAST_IN_BLOCK))
    ends = [round(number * len(tested) / count) for number in range(count + 1)]
    return [tested[start:end] for start, end in pairwise(ends) if end > start]


def _scores(lesson: Lesson, found: Candidates, ranker: Ranker) -> dict[str, float]:
    paths = [names[0] for names in found.former]
    order: list[int] = ranker.rank(found).order.tolist()
    return ranking_scores([paths[at] for at in order], lesson.message.paths, cutoffs=CUTOFFS)
