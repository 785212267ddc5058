"""One case at its moment: what the systems that learn nothing make of it, and what it could see."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from loccit.evals.scorers import first_rank, ranking_scores
from loccit.indexing.changes import ChangeTable
from loccit.learning.baselines import bm25_ranking, grep_ranking, grep_words
from loccit.learning.past_cases import PastCase
from loccit.learning.proof import CUTOFFS, SystemResult
from loccit.learning.replay_past import Moment
from loccit.retrieval.features import Candidates, candidates
from loccit.retrieval.issue_text import read_issue
from loccit.retrieval.learned import Ranker
from loccit.retrieval.past import Past
from loccit.sources import Repository
from loccit.sources.repository import WordMatch

# From what value on a feature says that the issue names this file, and hardly any other: a path or frame that
# fits two files at most, a module that fits one, a name written as code that it alone defines.
_NAMED = {
    "mention:path": 0.7,
    "mention:frames": 0.7,
    "mention:module": 0.6,
    "mention:defined": 0.99,
    "mention:defined:code": 0.99,
    "mention:defined:frames": 0.99,
}


@dataclass(frozen=True, slots=True)
class Seen:
    """What a case could see of the history, counted: see `LeakCheck`.

    `commits` says of each commit of the table, eight to a byte, whether it was seen.
    """

    commits: npt.NDArray[np.uint8]
    count: int
    is_fix_seen: bool
    unrelated: int
    later_clocks: int
    other_files: int


@dataclass(frozen=True, slots=True)
class Asked:
    """A case, asked. `paths` are those of the candidates, `seconds` how long finding them took.

    `matches` is what `git grep` finds and how long that takes: it runs beside everything else.
    """

    case: PastCase
    candidates: Candidates
    paths: tuple[str, ...]
    names_file: bool
    seconds: float
    matches: Future[tuple[Mapping[str, WordMatch], float]]
    bm25: SystemResult
    untuned: SystemResult
    seen: Seen

    def grep(self) -> SystemResult:
        """What `git grep` made of it; waits until it has ended. Raises ObjectMissing."""
        matches, seconds = self.matches.result()
        return result_of(grep_ranking(matches), self.case.gold, seconds)


@dataclass(frozen=True)
class Asker:
    """Asks cases. `beside` runs `git grep`."""

    repository: Repository
    table: ChangeTable
    general: Ranker
    beside: ThreadPoolExecutor

    def ask(self, case: PastCase, moment: Moment) -> Asked:
        """The case at its moment, the parent of the fix."""
        view = moment.view
        text = f"{case.title}\n\n{case.body}"
        matches = self.beside.submit(self._grep, grep_words(text), moment.commit, tuple(view.files.paths))
        started = time.perf_counter()
        ranking = bm25_ranking(text, view)
        searched = time.perf_counter()
        found = candidates(read_issue(case.body, title=case.title), view, moment.past)
        files: list[int] = found.files.tolist()
        paths = tuple(str(view.files.paths[at]) for at in files)
        looked = time.perf_counter()
        order: list[int] = self.general.rank(found).order.tolist()
        ranked = time.perf_counter()
        return Asked(
            case=case,
            candidates=found,
            paths=paths,
            names_file=names_file(found, [at for at, path in enumerate(paths) if path in case.gold]),
            seconds=looked - searched,
            matches=matches,
            bm25=result_of(ranking, case.gold, searched - started),
            untuned=result_of([paths[at] for at in order], case.gold, ranked - searched),
            seen=self._seen(case, moment),
        )

    def _grep(
        self, words: Sequence[str], commit: str, paths: Sequence[str]
    ) -> tuple[Mapping[str, WordMatch], float]:
        started = time.perf_counter()
        found = self.repository.match_words(words, commit=commit, paths=paths)
        return found, time.perf_counter() - started

    def _seen(self, case: PastCase, moment: Moment) -> Seen:
        """Counted from the past and the files that the case was given, by the commits' own parents."""
        past, table = moment.past, self.table
        numbers = self._numbers_of(past)[past.is_past]
        is_seen = np.zeros(len(table), dtype=bool)
        is_seen[numbers[numbers >= 0]] = True
        tip = table.number_of.get(case.parent)
        # Whatever leads to the tip has a child that is, or leads to, the tip: a seen one.
        has_child = np.zeros(len(table), dtype=bool)
        has_child[table.parents[is_seen[self._children]]] = True
        leads_nowhere = is_seen & ~has_child
        if tip is not None:
            leads_nowhere[tip] = False
        fix = table.number_of.get(case.commit)
        blob_of = dict(zip(moment.view.files.paths, moment.view.files.blobs, strict=True))
        return Seen(
            commits=np.packbits(is_seen),
            count=int(past.is_past.sum()),
            is_fix_seen=fix is not None and bool(is_seen[fix]),
            unrelated=int(leads_nowhere.sum()) + int((numbers < 0).sum()),
            later_clocks=int((table.times[is_seen] > case.moment).sum()),
            # What is not searched, as too large a file, cannot give anything away.
            other_files=sum(blob_of.get(file.path, file.old_blob) != file.old_blob for file in case.changed),
        )

    def _numbers_of(self, past: Past) -> npt.NDArray[np.int64]:
        """The number in the table of each searchable commit; -1 where it is not there."""
        return past.commits.kept(
            "numbers of commits",
            lambda: np.array(
                [self.table.number_of.get(past.commit(at), -1) for at in range(len(past.commits))],
                dtype=np.int64,
            ),
        )

    @cached_property
    def _children(self) -> npt.NDArray[np.int64]:
        """Parallel to the table's parents: whose parents they are."""
        return np.repeat(np.arange(len(self.table)), np.diff(self.table.parent_at))


def names_file(found: Candidates, rows: Sequence[int]) -> bool:
    """Whether the issue names any of these candidates."""
    values = found.values[list(rows)]
    return any(bool((values[:, found.names.index(name)] >= least).any()) for name, least in _NAMED.items())


def result_of(ranking: Sequence[str], gold: frozenset[str], seconds: float) -> SystemResult:
    """The scores of a ranking."""
    return SystemResult(
        scores=ranking_scores(ranking, gold, cutoffs=CUTOFFS),
        first_rank=first_rank(ranking, gold),
        seconds=seconds,
    )
