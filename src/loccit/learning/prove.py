"""Ask the past again: every case as of the commit before its fix, by four systems, and count what was seen.

Cases are taken in dated blocks. The tuned ranker of a block has learned from what came before the first of
its cases, and from nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from loccit import __version__
from loccit.core.errors import InputError, NotIndexed
from loccit.core.issues import Issue
from loccit.core.progress import Progress
from loccit.indexing.changes import build_table
from loccit.learning.asking import Asked, Asker, result_of
from loccit.learning.dated_blocks import Trained, facts_of, in_blocks, learn, train
from loccit.learning.lessons import Lesson
from loccit.learning.misses import patch_of, why_missed
from loccit.learning.opening import open_replay
from loccit.learning.past_cases import FixFinder, LeftOut, Origin, PastCase, PastCases
from loccit.learning.proof import BM25, GREP, TUNED, UNTUNED, LeakCheck, Miss, Placed, Proof, ProvedCase
from loccit.learning.replay_past import Moment, Replay
from loccit.learning.train import Trainer
from loccit.pipeline.ingest import Ingest
from loccit.pipeline.mine import MinedFix
from loccit.pipeline.searchable import Searchable
from loccit.retrieval.learned import Ranker, general_ranker

_PLACED = 10
_MISSES = 10
# A right file among the first so many is no miss worth reading.
_NEAR = 3
_FEW_CASES = 30


def prove(
    searched: Searchable,
    ingest: Ingest,
    *,
    issues: Iterable[Issue],
    cases: int,
    blocks: int,
    progress: Progress,
) -> Proof:
    """The last `cases` fixes of a git repository whose history is searchable, asked again in at most `blocks`
    dated blocks. `issues` are those of its tracker.

    Raises InputError where nothing can be replayed, NotIndexed without history, and what reading raises.
    """
    head = searched.snapshot.commit
    if searched.history is None or head is None:
        raise NotIndexed(
            f"the history of {searched.name!r} is not indexed", next_step="run 'loccit index' there"
        )
    clock = _Clock()
    finder = FixFinder(issues, name=searched.repository.name)
    # All messages are read anyhow; the table so holds what leads to this head, and nothing else.
    table = build_table(finder.watch(searched.repository.changes(head, ())))
    found = finder.cases(searched.repository, table, cases)
    clock.mark("reading the history")
    replay = open_replay(searched, ingest, table, progress)
    draft = Proof(
        repo=searched.name,
        head=head,
        commits=len(table),
        is_shallow=searched.history[0].is_shallow,
        asked=cases,
        origin=found.origin,
        left_out=found.left_out,
        version=__version__,
        seconds=clock.stages,
    )
    return _replayed(replay, found, finder.mined, draft, blocks, clock)


def _replayed(
    replay: Replay,
    found: PastCases,
    mined: Sequence[MinedFix],
    draft: Proof,
    count: int,
    clock: _Clock,
) -> Proof:
    """The proof with its cases. Raises InputError where there are none."""
    if not found.cases:
        raise _nothing_to_replay(draft)
    general = general_ranker()
    blocks = in_blocks(found.cases, count, replay.table)
    learned = learn(replay, mined, blocks)
    clock.mark("replaying past fixes to learn from")
    with _one_beside() as greps, _one_beside() as beside:
        # Training is mostly done by numpy, which leaves the interpreter to us meanwhile.
        trainer = Trainer(general)
        training = [beside.submit(train, block, learned, trainer) for block in blocks]
        asked, left_out = _asked(replay, found.cases, general, greps)
        clock.mark("replaying the cases, training beside it")
        trained = [each.result() for each in training]
        clock.mark("training, beyond that")
        number_of = {case: at for at, block in enumerate(blocks) for case in block.cases}
        proved = [_proved(one, number_of[one.case], trained[number_of[one.case]]) for one in asked]
        clock.mark("ranking, and waiting for git grep")
    draft = replace(draft, left_out={**draft.left_out, **left_out}, cases=tuple(proved))
    if not proved:
        raise _nothing_to_replay(draft)
    misses = _misses(replay, proved, asked, [one.ranker for one in trained])
    clock.mark("explaining the misses")
    return replace(
        draft,
        blocks=tuple(facts_of(block, one) for block, one in zip(blocks, trained, strict=True)),
        misses=misses,
        notes=tuple(_notes(draft, trained)),
    )


class _Clock:
    """Seconds per stage, in the order they were run."""

    def __init__(self) -> None:
        self.stages: dict[str, float] = {}
        self._last = time.perf_counter()

    def mark(self, stage: str) -> None:
        """The stage that ends now."""
        now = time.perf_counter()
        self.stages[stage] = now - self._last
        self._last = now


@contextmanager
def _one_beside() -> Generator[ThreadPoolExecutor]:
    """One thread beside ours; what it has not begun when we fail or are interrupted, it never begins."""
    beside = ThreadPoolExecutor(1)
    try:
        yield beside
    finally:
        beside.shutdown(cancel_futures=True)


def _asked(
    replay: Replay, cases: Sequence[PastCase], general: Ranker, beside: ThreadPoolExecutor
) -> tuple[list[Asked], dict[LeftOut, int]]:
    """Every case at its moment; those whose files are not searched are left out."""
    asker = Asker(replay.repository, replay.table, general, beside)
    asked: list[Asked] = []
    for case, moment in zip(cases, replay.moments([case.parent for case in cases]), strict=True):
        if _is_searched(case, moment):
            asked.append(asker.ask(case, moment))
    missing = len(cases) - len(asked)
    return asked, {LeftOut.NOT_SEARCHED: missing} if missing else {}


def _is_searched(case: PastCase, moment: Moment) -> bool:
    """Whether a file that the fix changed can be found at all: not ignored, not binary, not too large."""
    return not case.gold.isdisjoint(moment.view.files.paths)


def _proved(one: Asked, block: int, trained: Trained) -> ProvedCase:
    case = one.case
    started = time.perf_counter()
    ranked = trained.ranker.rank(one.candidates)
    order: list[int] = ranked.order.tolist()
    tuned = result_of([one.paths[at] for at in order], case.gold, one.seconds + time.perf_counter() - started)
    placed = [
        Placed(one.paths[at], round(float(ranked.probabilities[at]), 6), one.paths[at] in case.gold)
        for at in order[:_PLACED]
    ]
    return ProvedCase(
        case=case,
        block=block,
        names_file=one.names_file,
        results={GREP: one.grep(), BM25: one.bm25, UNTUNED: one.untuned, TUNED: tuned},
        placed=tuple(placed),
        leaks=leaks_of(one, trained.lessons),
    )


def leaks_of(one: Asked, learned: Sequence[Lesson]) -> LeakCheck:
    """What a case could see, and whether what its ranker has learned from came before it."""
    case = one.case
    is_seen = np.unpackbits(one.seen.commits)
    return LeakCheck(
        seen_commits=one.seen.count,
        is_fix_seen=one.seen.is_fix_seen,
        unrelated_commits=one.seen.unrelated,
        later_clocks=one.seen.later_clocks,
        other_files=one.seen.other_files,
        lessons=len(learned),
        late_lessons=sum(each.time > case.moment or not is_seen[each.number] for each in learned),
        is_issue_younger=case.created is not None and case.created >= case.time,
    )


def _misses(
    replay: Replay, proved: Sequence[ProvedCase], asked: Sequence[Asked], rankers: Sequence[Ranker]
) -> tuple[Miss, ...]:
    """The cases whose first right file is furthest from the top; those where it was not found first."""
    ranks = [one.results[TUNED].first_rank for one in proved]
    far = [at for at, rank in enumerate(ranks) if rank is None or rank > _NEAR]
    far.sort(key=lambda at: (-(ranks[at] or np.inf), at))
    misses: list[Miss] = []
    with replay.repository.reader() as reader:
        for at in far[:_MISSES]:
            case, one = proved[at].case, asked[at]
            words = len(f"{case.title} {case.body}".split())
            ranker = rankers[proved[at].block]
            why = why_missed(one.candidates, one.paths, case.gold, ranker, words=words)
            file = case.changed[0]
            misses.append(Miss(at, why, file.path, patch_of(file, reader)))
    return tuple(misses)


def _notes(proof: Proof, trained: Sequence[Trained]) -> Generator[str]:
    """What makes this a lesser answer than the one that was asked for."""
    count = len(proof.cases)
    if proof.is_shallow:
        yield "this is a shallow clone: older fixes are not here, neither to be asked nor to learn from"
    if count < proof.asked:
        what = "fixed issues" if proof.origin is Origin.ISSUES else "past fixes"
        yield f"{proof.asked:,} cases were asked for, and {count:,} {what} can be replayed"
    if count < _FEW_CASES:
        yield f"with fewer than {_FEW_CASES} cases, only very large differences show"
    for at, one in enumerate(trained, start=1):
        if not one.is_tuned:
            had = len(one.lessons)
            yield f"before block {at} there were {had:,} past fixes, too few to learn from: it is untuned"
    if proof.origin is Origin.COMMITS:
        yield "no fixed issues are known: messages of fix commits stand in, and often name what was changed"


def _nothing_to_replay(proof: Proof) -> InputError:
    """Why there is not one case."""
    counted = "; ".join(f"{reason} ({count:,})" for reason, count in proof.left_out.items())
    commits = f"{proof.commits:,} commit{'' if proof.commits == 1 else 's'}"
    shallow = " of a shallow clone" if proof.is_shallow else ""
    why = f"{commits}{shallow}{': ' if counted else ''}{counted}"
    return InputError(
        f"{proof.repo!r} has no fix that can be asked again: {why}",
        next_step=(
            "fetch the rest: 'git fetch --unshallow'"
            if proof.is_shallow
            else "a fix is a commit that changes source files that were there before, and says why"
        ),
    )
