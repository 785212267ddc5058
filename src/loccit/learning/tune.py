"""Learn from a repository's past, test it on what came later, and use it only where that shows a gain."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from loccit import __version__
from loccit.core.errors import IndexBroken, IndexFormatMismatch, NotIndexed
from loccit.core.progress import Progress
from loccit.indexing.arrays import broken
from loccit.indexing.changes import ChangeTable
from loccit.indexing.documents import from_fields, read_document, replace_document
from loccit.learning.adopt import (
    Facts,
    Kept,
    adopted_rankers,
    identity_of,
    keep_ranker,
    publish,
    read_facts,
    read_ranker,
    sweep,
    writing,
)
from loccit.learning.gathering import Gathered, gather
from loccit.learning.lesson_cache import version_of
from loccit.learning.lessons import Lesson
from loccit.learning.opening import open_replay
from loccit.learning.train import LEAST_LESSONS, Trainer
from loccit.learning.tuning import Decision, Outcome, Tuning, is_better, validation
from loccit.learning.validating import outcomes_of, validate
from loccit.pipeline.ingest import Ingest
from loccit.pipeline.searchable import Searchable
from loccit.retrieval.learned import Ranker, shortlist

# Beside those that teach, so many must be left to be tested on.
LEAST_TESTED = 20
NEEDED = LEAST_LESSONS + LEAST_TESTED
# Outcomes of the newest fixes decide; what held long ago says little of today.
MOST_TESTED = 500
# Counts up whenever learning changes so that earlier outcomes say nothing of what would be learned now.
LEARNER_VERSION = 2

_FORMAT = 1
_LESSONS, _TESTED = "lessons.arr", "tested.json"


@dataclass(frozen=True, slots=True)
class _Tested:
    """What was learned last, whether in use or not: `ranker` from all that leads to `head`, which
    is of the time `until`; and the outcomes so far, oldest first.
    """

    ranker: Kept
    head: str
    until: int
    outcomes: tuple[Outcome, ...]


def tune(
    searched: Searchable,
    ingest: Ingest,
    folder: Path,
    *,
    general: Ranker,
    max_file_bytes: int,
    progress: Progress,
    waiting: Callable[[], None] | None = None,
) -> Tuning:
    """Learn from the past of a git repository whose history is searchable; `folder` is for what it learned.
    Larger files than `max_file_bytes` are not searched.

    Costs what is new since the last time. May be interrupted and repeated. Raises NotIndexed without history,
    StorageFailed, and what reading the repository raises.
    """
    with writing(folder, waiting=waiting):
        return _Run(searched, ingest, folder, general, max_file_bytes, progress).tuning()


class _Run:
    """One run, under the lock of the folder."""

    def __init__(
        self,
        searched: Searchable,
        ingest: Ingest,
        folder: Path,
        general: Ranker,
        max_file_bytes: int,
        progress: Progress,
    ) -> None:
        self._searched = searched
        self._head = _head_of(searched)
        self._folder = folder
        self._general = general
        self._progress = progress
        self._seconds: dict[str, float] = {}
        self._since = time.perf_counter()
        self._notes = list[str]()
        is_shallow = searched.snapshot.is_shallow
        if is_shallow:
            self._notes.append("this is a shallow clone: older fixes are not here to learn from")
        self._table = ingest.changes(self._head, is_shallow=is_shallow)
        self._replay = open_replay(searched, ingest, self._table, progress)
        ends = _ends(self._table, self._head) if is_shallow else ()
        self._version = version_of(ingest.parsing, max_file_bytes, general.features, ends)

    def tuning(self) -> Tuning:
        """Learn, test, decide."""
        gathered = gather(self._replay, self._head, self._folder / _LESSONS, self._version)
        self._notes += gathered.notes
        self._mark("replaying the past")
        telling = sum(map(_tells, gathered.replayed))
        last = self._last(gathered) if telling >= NEEDED else None
        if last is None:
            self._notes.append(
                "a fix is a commit that changes one to three source files that were there before, "
                "and says why in its message"
            )
            return self._result(Decision.TOO_LITTLE, gathered, telling, (), None)
        decision = self._decided(last)
        sweep(self._folder, [*self._kept(), last.ranker])
        learned = read_ranker(self._folder, last.ranker, self._general).ranker
        return self._result(decision, gathered, telling, last.outcomes, learned)

    def _last(self, gathered: Gathered) -> _Tested | None:
        """What was learned up to the head, now or before; None where the fixes teach nothing."""
        last = self._read_last()
        return last if last is not None and last.head == self._head else self._learned(gathered, last)

    def _learned(self, gathered: Gathered, last: _Tested | None) -> _Tested | None:
        """Test what was learned last on what is new, else block by block; then learn from everything."""
        trainer = Trainer(self._general)
        if last is None:
            outcomes = validate(gathered.lessons, self._table, trainer, self._progress)
        else:
            before = read_ranker(self._folder, last.ranker, self._general).ranker
            new = self._unseen(gathered.replayed, last)
            outcomes = [*last.outcomes, *outcomes_of(new, before, self._general)]
        outcomes = outcomes[-MOST_TESTED:]
        self._mark("testing on later fixes")
        self._progress("learning", 0, 1, "rankers")
        ranker = trainer.fit(gathered.lessons)
        self._progress("learning", 1, 1, "rankers")
        if ranker.own is None:
            return None
        facts = Facts(
            repo=self._searched.name,
            commit=self._head,
            made_at=int(time.time()),
            read=len(gathered.lessons),
            replayed=len(gathered.replayed),
            version=__version__,
            validation=validation(outcomes),
        )
        kept = keep_ranker(self._folder, ranker, facts)
        until = int(self._table.times[self._table.number_of[self._head]])
        learned = _Tested(kept, self._head, until, tuple(outcomes))
        self._keep_last(learned)
        self._mark("learning")
        return learned

    def _unseen(self, replayed: Sequence[Lesson], last: _Tested) -> list[Lesson]:
        """The fixes that came after all that the last ranker has learned from, also by their clocks."""
        seen = self._table.past_of([last.head])[last.head]
        return [one for one in replayed if not seen[one.number] and one.time >= last.until]

    def _decided(self, last: _Tested) -> Decision:
        """Use what was learned if later fixes show that it helps."""
        if not is_better(last.outcomes):
            return Decision.NOT_BETTER
        kept = self._kept()
        if kept and kept[0] == last.ranker:
            return Decision.IN_USE
        publish(self._folder, last.ranker)
        return Decision.ADOPTED

    def _kept(self) -> tuple[Kept, ...]:
        try:
            return adopted_rankers(self._folder)
        except (IndexBroken, IndexFormatMismatch) as error:
            note = f"what was in use cannot be read, and is not used: {error.message}"
            if note not in self._notes:
                self._notes.append(note)
            return ()

    def _facts(self) -> tuple[Facts, ...]:
        """Where the kept rankers come from, as far as they can be read."""
        found: list[Facts] = []
        for kept in self._kept():
            try:
                found.append(read_facts(self._folder, kept))
            except (IndexBroken, IndexFormatMismatch) as error:
                self._notes.append(f"a ranker that was learned before cannot be read: {error.message}")
        return tuple(found)

    # What is known from the last time

    def _read_last(self) -> _Tested | None:
        """What was learned the last time, where that says something of what would be learned now."""
        path = self._folder / _TESTED
        try:
            document = read_document(path)
            if document is None or document.get("learner") != self._learner():
                return None
            try:
                outcomes = tuple(from_fields(Outcome, one) for one in document["outcomes"])
                ranker = from_fields(Kept, document["ranker"])
                last = _Tested(ranker, str(document["head"]), int(document["until"]), outcomes)
            except (KeyError, TypeError, ValueError) as error:
                raise broken(path, f"unexpected content: {error}") from error
            read_ranker(self._folder, last.ranker, self._general)
        except (IndexBroken, IndexFormatMismatch) as error:
            self._notes.append(f"earlier tests cannot be used, so all was tested anew: {error.message}")
            return None
        # After history was rewritten, what it has learned may stand, under other ids, among what it would be
        # tested on.
        return last if self._leads_here(last.head) else None

    def _leads_here(self, commit: str) -> bool:
        at = self._table.number_of.get(commit)
        return at is not None and bool(self._table.past_of([self._head])[self._head][at])

    def _keep_last(self, last: _Tested) -> None:
        document = {
            "format": _FORMAT,
            "learner": self._learner(),
            "ranker": asdict(last.ranker),
            "head": last.head,
            "until": last.until,
            "outcomes": [asdict(one) for one in last.outcomes],
        }
        replace_document(self._folder / _TESTED, document)

    def _learner(self) -> str:
        """What outcomes hang on beside their commits."""
        said = f"{_FORMAT} {LEARNER_VERSION} {identity_of(self._general)} {self._version}"
        return hashlib.sha256(said.encode("utf-8", "surrogateescape")).hexdigest()

    # What is told

    def _mark(self, stage: str) -> None:
        now = time.perf_counter()
        self._seconds[stage] = now - self._since
        self._since = now

    def _result(
        self,
        decision: Decision,
        gathered: Gathered,
        telling: int,
        outcomes: tuple[Outcome, ...],
        learned: Ranker | None,
    ) -> Tuning:
        own = learned.own if learned is not None else None
        self._mark("deciding")
        return Tuning(
            repo=self._searched.name,
            commit=self._head,
            commits=len(self._table),
            decision=decision,
            # Fixes of files that are not searched do not teach.
            fixes=telling if len(gathered.lessons) >= NEEDED and not outcomes else len(gathered.lessons),
            needed=NEEDED,
            replayed=len(gathered.replayed),
            new=gathered.new,
            outcomes=outcomes,
            linear_share=own.linear_share if own is not None else None,
            association_share=own.association_share if own is not None else None,
            in_use=self._facts(),
            notes=tuple(self._notes),
            seconds=self._seconds,
            version=__version__,
        )


def _tells(lesson: Lesson) -> bool:
    """Whether a file that the fix changed is among those that what was learned would order."""
    found, is_gold = lesson.candidates, lesson.is_gold
    if found is None or is_gold is None or not len(is_gold):
        return False
    return bool(is_gold[shortlist(found)].any())


def _head_of(searched: Searchable) -> str:
    if searched.snapshot.commit is None:
        raise NotIndexed(f"{searched.name!r} has no commits", next_step="name a git repository")
    return searched.snapshot.commit


def _ends(table: ChangeTable, head: str) -> list[str]:
    """The commits that lead to `head` and have no parent here."""
    is_past = table.past_of([head])[head]
    is_end = is_past & (np.diff(table.parent_at) == 0)
    return [table.commits[at] for at in np.flatnonzero(is_end).tolist()]
