"""What `prove` found, as values: every case with what each system made of it, and what was checked.

Times are in seconds since the epoch, durations in seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loccit.learning.past_cases import LeftOut, Origin, PastCase

FORMAT = "loccit-proof/1"
GREP, BM25, UNTUNED, TUNED = SYSTEMS = ("git grep", "BM25", "untuned", "tuned")
CUTOFFS = (1, 3, 5, 10)
METRICS = (*(f"recall@{k}" for k in CUTOFFS), "mrr")


@dataclass(frozen=True, slots=True)
class SystemResult:
    """What one system made of a case: its scores by metric, the rank of the first right file (from 1, None
    where it has none), and how long it took.
    """

    scores: Mapping[str, float]
    first_rank: int | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Placed:
    """A file that the tuned ranker put in a place, and whether the fix changed it."""

    path: str
    probability: float
    is_right: bool


@dataclass(frozen=True, slots=True)
class LeakCheck:
    """What a case could see, counted from what was really used.

    `seen_commits` were its past, `unrelated_commits` those of them that do not lead to the parent of the fix:
    0. `later_clocks` are ancestors whose clock says that they are younger. `other_files` are files of the fix
    that were searched otherwise than they were before it: 0. `lessons` are what the tuned ranker had learned
    from, `late_lessons` those of them that are younger than the parent or do not lead to it: 0.
    """

    seen_commits: int
    is_fix_seen: bool
    unrelated_commits: int
    later_clocks: int
    other_files: int
    lessons: int
    late_lessons: int
    is_issue_younger: bool

    @property
    def holds(self) -> bool:
        """Whether nothing was seen that came after the parent of the fix."""
        wrong = self.unrelated_commits + self.other_files + self.late_lessons
        return not (self.is_fix_seen or self.is_issue_younger or wrong)


@dataclass(frozen=True, slots=True)
class ProvedCase:
    """A case and what became of it. `results` are by system, `placed` the first ten of the tuned ranker."""

    case: PastCase
    block: int
    names_file: bool
    results: Mapping[str, SystemResult]
    placed: tuple[Placed, ...]
    leaks: LeakCheck


@dataclass(frozen=True, slots=True)
class Block:
    """Cases that follow each other, and the ranker that was trained for them.

    `first` and `last` are the moments of its first and last case. It learned from `lessons` past fixes, of
    which `replayed` were asked as cases are, the newest of them of `newest_lesson` (None without any), in
    `seconds`. Too few teach nothing: then it is not tuned.
    """

    first: int
    last: int
    cases: int
    lessons: int
    replayed: int
    is_tuned: bool
    newest_lesson: int | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Miss:
    """A case that went badly: `case` is its number, `patch` what the fix did to the first of its files."""

    case: int
    why: str
    path: str
    patch: str


@dataclass(frozen=True, slots=True)
class Proof:
    """The past, asked again.

    `head` is the commit whose history was replayed, `commits` how many it has; `asked` is how many cases were
    wanted. `left_out` says how many fixes were no cases, and why; `notes` what makes this a lesser answer
    than was asked for. `seconds` says how long each stage took. The worst of the `misses` are first.
    """

    repo: str
    head: str
    commits: int
    is_shallow: bool
    asked: int
    origin: Origin
    left_out: Mapping[LeftOut, int]
    version: str
    seconds: Mapping[str, float]
    cases: tuple[ProvedCase, ...] = ()
    blocks: tuple[Block, ...] = ()
    misses: tuple[Miss, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def held(self) -> int:
        """In how many cases the leak check held."""
        return sum(one.leaks.holds for one in self.cases)

    def to_json(self) -> dict[str, Any]:
        """The `loccit-proof/1` document."""
        from loccit.learning.proof_document import document

        return document(self)

    def to_html(self) -> str:
        """The report: one HTML document that needs nothing else."""
        from loccit.evals import render
        from loccit.learning.proof_page import page

        return render(page(self))
