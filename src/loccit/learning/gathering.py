"""The lessons of a repository's past: those that are kept, and new ones, replayed and then kept as well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from loccit.core.errors import IndexBroken
from loccit.indexing.changes import ChangeTable
from loccit.learning.lesson_cache import KeptLessons, read_lessons, write_lessons
from loccit.learning.lessons import READ, REPLAYED, Lesson, lessons
from loccit.learning.replay_past import Replay
from loccit.pipeline.mine import MinedFix, mine

# After so many replayed lessons they are kept: a run that is killed loses no more.
_KEPT_EVERY = 200

Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Gathered:
    """Lessons up to a commit, oldest first. `new` is how many were read or replayed for them now."""

    lessons: tuple[Lesson, ...]
    new: int
    notes: tuple[str, ...] = ()

    @property
    def replayed(self) -> list[Lesson]:
        """Those with candidates."""
        return [one for one in self.lessons if one.candidates is not None]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A lesson that is wanted: as it is kept, or the fix that it is to be made from, or both."""

    kept: Lesson | None
    fix: MinedFix | None


def gather(replay: Replay, head: str, path: Path, version: str) -> Gathered:
    """The lessons that lead to `head`, the newest READ of them, of which the newest REPLAYED are replayed.

    What is kept at `path` under `version` is used, and what is new is kept there: also when this is
    interrupted. Lessons of commits that do not lead to `head` any more are dropped.
    """
    kept, notes = _kept(path, version, replay.table)
    is_past = replay.table.past_of([head])[head]
    known = [one for one in kept.lessons if is_past[one.number]]
    if _is_extension(kept, known, is_past, replay.table):
        if kept.head == head:
            return Gathered(tuple(known), 0, notes)
        fixes = _mined(replay, head, [kept.head or ""])
        wanted = [*(_Wanted(one, None) for one in known), *(_Wanted(None, fix) for fix in fixes)]
    else:
        by_commit = {one.commit: one for one in known}
        wanted = [_Wanted(by_commit.get(fix.commit), fix) for fix in _mined(replay, head, ())]
    store = _Store(path, version, known)
    made = _made(replay, wanted[-READ:], store)
    store.complete(made, head)
    return Gathered(tuple(made), len(store.new), notes)


def _kept(path: Path, version: str, table: ChangeTable) -> tuple[KeptLessons, tuple[str, ...]]:
    try:
        return read_lessons(path, version, table) or KeptLessons((), None), ()
    except IndexBroken:
        return KeptLessons((), None), ("the kept lessons were damaged, so the past was replayed anew",)


def _is_extension(kept: KeptLessons, known: Sequence[Lesson], is_past: Booleans, table: ChangeTable) -> bool:
    """Whether the kept lessons are all that lead to an ancestor of the head: only younger fixes lack."""
    at = table.number_of.get(kept.head or "")
    return (
        at is not None and bool(is_past[at]) and all(one.candidates is not None for one in known[-REPLAYED:])
    )


def _mined(replay: Replay, head: str, tips: Sequence[str]) -> list[MinedFix]:
    """The fixes that lead to `head` but not to any of `tips`, in the order of the table."""
    number_of = replay.table.number_of
    total = len(replay.table)
    fixes: list[MinedFix] = []
    done = 0
    for done, change in enumerate(replay.repository.changes(head, tips), start=1):
        fixes += mine([change])
        if done % 500 == 0:
            replay.progress("reading the history", done, 0 if tips else total, "commits")
    return sorted((fix for fix in fixes if fix.commit in number_of), key=lambda fix: number_of[fix.commit])


class _Store:
    """Where lessons are kept while they are made."""

    def __init__(self, path: Path, version: str, known: Sequence[Lesson]) -> None:
        self._path = path
        self._version = version
        self._known = known
        self.new: dict[str, Lesson] = {}

    def add(self, lesson: Lesson) -> None:
        """Take a new lesson; once in a while they are written."""
        self.new[lesson.commit] = lesson
        if len(self.new) % _KEPT_EVERY == 0:
            self.save()

    def save(self) -> None:
        """Keep what there is, as incomplete. Raises StorageFailed."""
        rest = (one for one in self._known if one.commit not in self.new)
        found = sorted((*rest, *self.new.values()), key=lambda one: one.number)
        write_lessons(self._path, self._version, KeptLessons(tuple(found), None))

    def complete(self, lessons: Sequence[Lesson], head: str) -> None:
        """Keep these lessons, which are all up to `head`. Raises StorageFailed."""
        write_lessons(self._path, self._version, KeptLessons(tuple(lessons), head))


def _made(replay: Replay, wanted: Sequence[_Wanted], store: _Store) -> list[Lesson]:
    """The wanted lessons, in their order; of the older ones only what they say and changed."""
    cut = max(0, len(wanted) - REPLAYED)
    only_read = [one.fix for one in wanted[:cut] if one.kept is None and one.fix is not None]
    missing = [one.fix for one in wanted[cut:] if one.fix is not None and not _is_replayed(one.kept)]
    made = {one.commit: one for one in lessons(replay, only_read, replayed=0)}
    store.new |= made
    is_done = False
    try:
        for lesson in lessons(replay, missing, replayed=len(missing)):
            store.add(lesson)
        is_done = True
    finally:
        # Ctrl-C, or a blob that cannot be read: what was replayed until then was not in vain.
        if not is_done and store.new:
            store.save()
    found = [_made_or_kept(one, store) for one in wanted]
    return [*(replace(one, candidates=None, is_gold=None) for one in found[:cut]), *found[cut:]]


def _is_replayed(lesson: Lesson | None) -> bool:
    return lesson is not None and lesson.candidates is not None


def _made_or_kept(one: _Wanted, store: _Store) -> Lesson:
    found = store.new.get(one.fix.commit) if one.fix is not None else None
    lesson = found or one.kept
    if lesson is None:
        raise LookupError(f"the lesson of {one.fix} was not made")
    return lesson
