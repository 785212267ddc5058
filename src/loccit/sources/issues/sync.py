"""Bringing what we keep of a tracker up to date, in steps that are each published whole."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from loccit.core.issues import Issue
from loccit.core.progress import Progress, silent
from loccit.sources.issues.issue_file import path_of, render_issue
from loccit.sources.issues.merging import added, deleted, linked, updated
from loccit.sources.issues.store import IssueStore, IssueWriter, TrackerState
from loccit.sources.issues.texts import cleaned
from loccit.sources.issues.tracker import Addition, Batch, Tracker

# What a kill can cost: this much is asked for again.
_STEP_ISSUES = 2_000
_STEP_S = 5.0
_MOST_NOTES = 20


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What one synchronisation did. `total` counts the issues that are kept now, deleted ones too."""

    source: str
    commit: str | None
    added: int
    changed: int
    deleted: int
    total: int
    notes: tuple[str, ...]


def synchronise(
    tracker: Tracker,
    store: IssueStore,
    *,
    full: bool = False,
    progress: Progress = silent,
    now: Callable[[], float] = time.time,
) -> SyncReport:
    """Read what is new in the tracker, and keep it.

    With `full` everything is read again, and what the tracker no longer has is marked as deleted; a tracker
    that always lists everything is read so every time. Another tracker than the last time begins anew.
    What came before an error is published, and the next time goes on from there. Raises the errors of
    `Tracker.changes`, StorageFailed, IndexBroken.
    """
    with store.writing() as writer:
        return _Synchronising(tracker, writer, progress, now).run(full=full)


class _Synchronising:
    def __init__(
        self, tracker: Tracker, writer: IssueWriter, progress: Progress, now: Callable[[], float]
    ) -> None:
        self._tracker = tracker
        self._writer = writer
        self._progress = progress
        self._now = now
        self._state = TrackerState(tracker.source)
        self._pending: dict[str, Issue] = {}
        self._published_at = time.monotonic()
        self._counts = {"added": 0, "changed": 0, "deleted": 0}
        self._seen: set[str] | None = None
        self._done = 0

    def run(self, *, full: bool) -> SyncReport:
        self._begin(full=full)
        is_finished = has_begun = False
        try:
            for batch in self._tracker.changes(self._state.cursor):
                has_begun = True
                self._take(batch)
                if len(self._pending) >= _STEP_ISSUES or time.monotonic() - self._published_at > _STEP_S:
                    self._publish(is_complete=False)
            # A tracker that tells of nothing at all has not changed.
            if self._seen:
                self._mark_deleted()
            self._seen = None
            is_finished = True
        finally:
            # After an error or Ctrl-C too: what came is worth keeping.
            if is_finished or has_begun:
                self._publish(is_complete=is_finished)
        newest = self._writer.newest
        return SyncReport(
            source=self._tracker.source,
            commit=None if newest is None else newest.commit,
            total=len(self._writer.paths),
            notes=self._state.notes,
            **self._counts,
        )

    def _begin(self, *, full: bool) -> None:
        """Take up the last state, or begin with none."""
        newest = self._writer.newest
        if newest is not None and newest.state.source != self._tracker.source:
            self._writer.begin_anew()
            newest = None
        state = TrackerState(self._tracker.source) if newest is None else newest.state
        if self._tracker.lists_everything:
            # Half a listing does not tell what is gone: it is read again from its beginning.
            is_usable = state.is_complete and not full
            self._state = replace(
                state, notes=state.notes if is_usable else (), cursor=state.cursor if is_usable else {}
            )
            self._seen = set()
        elif full and state.seen is None:
            self._state = TrackerState(self._tracker.source)
            self._seen = set()
        else:
            self._state = replace(state, notes=() if state.is_complete else state.notes)
            self._seen = None if state.seen is None else set(state.seen)

    def _take(self, batch: Batch) -> None:
        ids = {issue.id for issue in batch.issues} | {addition.id for addition in batch.additions}
        if not self._tracker.gives_whole_issues:
            self._load(ids - set(self._pending))
        for issue in batch.issues:
            self._take_issue(cleaned(issue))
        for addition in batch.additions:
            self._take_addition(addition)
        notes = dict.fromkeys((*self._state.notes, *batch.notes))
        self._state = replace(self._state, cursor=batch.cursor, notes=tuple(notes)[:_MOST_NOTES])
        self._done += len(batch.issues) + len(batch.additions)
        self._progress("reading issues", self._done, 0, "entries")

    def _load(self, ids: set[str]) -> None:
        """Have the published issues of these ids at hand."""
        for issue in self._writer.read(path_of(issue_id) for issue_id in sorted(ids)):
            self._pending[issue.id] = issue

    def _take_issue(self, issue: Issue) -> None:
        known = None if self._tracker.gives_whole_issues else self._pending.get(issue.id)
        self._keep(issue if known is None else updated(known, issue))
        if self._seen is not None:
            self._seen.add(issue.id)

    def _take_addition(self, addition: Addition) -> None:
        known = self._pending.get(addition.id)
        if known is None:
            # Opened after the list of issues was read; or gone, and then there is nothing to add to.
            found = self._tracker.issue(addition.id)
            known = None if found is None else cleaned(found)
        if known is not None:
            self._keep(added(known, addition))

    def _keep(self, issue: Issue) -> None:
        self._pending[issue.id] = linked(issue, self._tracker.is_own)

    def _mark_deleted(self) -> None:
        """Mark the published issues that the tracker did not tell of."""
        seen = {path_of(issue_id) for issue_id in self._seen or ()}
        at = int(self._now())
        for issue in self._writer.read(sorted(self._writer.paths - seen)):
            if not issue.is_deleted:
                self._pending[issue.id] = deleted(issue, at)
                self._counts["deleted"] += 1

    def _publish(self, *, is_complete: bool) -> None:
        files = {path_of(issue.id): render_issue(issue) for issue in self._pending.values()}
        new = len(files.keys() - self._writer.paths)
        changed = sum(not self._writer.has(path, data) for path, data in files.items())
        self._counts["added"] += new
        self._counts["changed"] += changed - new
        self._state = replace(
            self._state,
            is_complete=is_complete,
            issues=len(self._writer.paths) + new,
            seen=None if self._seen is None or self._tracker.lists_everything else _ordered(self._seen),
        )
        what = "synchronised" if is_complete else "a part of"
        self._writer.publish(
            files, self._state, time=int(self._now()), message=f"issues: {what} {self._tracker.source}\n"
        )
        self._pending.clear()
        self._published_at = time.monotonic()


def _ordered(ids: set[str]) -> Sequence[str]:
    return tuple(sorted(ids))
