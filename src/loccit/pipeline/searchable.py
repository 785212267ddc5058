"""A repository at one commit, opened for a question, and what is said of it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from loccit.core.answers import Abstention, SkippedCount, SnapshotInfo
from loccit.core.errors import IndexBroken, ObjectCorrupt, ObjectMissing
from loccit.core.evidence import Place
from loccit.core.source import BlobReader
from loccit.indexing.shard import SnapshotRecord
from loccit.indexing.view import SnapshotView
from loccit.retrieval.packing import Read
from loccit.retrieval.search import Target
from loccit.sources import Repository


@dataclass(frozen=True, slots=True)
class Searchable:
    """One repository at one commit, opened for a question.

    `history` is there when its commits are indexed, `changed_files` counts what differs in the working tree.
    `is_behind` says that HEAD has moved since it was indexed.
    """

    repository: Repository
    name: str
    snapshot: SnapshotRecord
    view: SnapshotView
    history: tuple[SnapshotRecord, SnapshotView] | None = None
    changed_files: int = 0
    is_behind: bool = False

    @property
    def target(self) -> Target:
        """Its files, as search takes them."""
        return Target(self.name, self.snapshot, self.view)

    @property
    def history_target(self) -> Target | None:
        """Its commits, as search takes them."""
        return Target(self.name, *self.history) if self.history else None


@dataclass(slots=True)
class Timings:
    """Milliseconds per stage, in the order they were run."""

    stages: dict[str, float] = field(default_factory=dict)
    _last: float = field(default_factory=time.perf_counter)

    def mark(self, stage: str) -> None:
        """The stage that ends now."""
        now = time.perf_counter()
        self.stages[stage] = round(self.stages.get(stage, 0.0) + 1000 * (now - self._last), 3)
        self._last = now


def read_place(readers: Mapping[str, BlobReader]) -> Read:
    """Reads the whole object of a place, each once.

    Raises IndexBroken where the repository no longer has what the index names.
    """
    held: dict[tuple[str, str], bytes] = {}

    def read(place: Place) -> bytes:
        key = (place.repo, place.object_id)
        if key not in held:
            try:
                held[key] = readers[place.repo].read(place.object_id).data
            except (ObjectMissing, ObjectCorrupt) as error:
                raise IndexBroken(
                    f"{place.path or 'a commit'!r} of {place.repo!r} is indexed, but its object "
                    f"{place.object_id} cannot be read: {error.message}",
                    next_step="check the repository with 'git fsck', then run 'loccit index'",
                ) from error
        return held[key]

    return read


def readers_of(searched: Sequence[Searchable], stack: ExitStack) -> dict[str, BlobReader]:
    """A reader of each repository, open until the stack closes."""
    return {s.name: stack.enter_context(s.repository.reader()) for s in searched}


def utc_time(moment: datetime) -> str:
    """A moment in UTC as documents have it."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def snapshot_info(searched: Searchable) -> SnapshotInfo:
    """What of a repository was searched."""
    record = searched.snapshot
    indexed_at = datetime.fromtimestamp(int(record.indexed_at), UTC)
    return SnapshotInfo(
        repo=searched.name,
        commit=record.commit,
        tree=record.tree,
        indexed_at=indexed_at.isoformat().replace("+00:00", "Z"),
        files=record.files,
        skipped=tuple(SkippedCount(reason=r, files=n) for r, n in sorted(record.skipped.items())),
        changed_files=searched.changed_files,
        history=_history_state(searched),
    )


def _history_state(searched: Searchable) -> Literal["complete", "partial", "none"]:
    if searched.history is None:
        return "none"
    record = searched.history[0]
    return "complete" if record.commit == searched.snapshot.commit and not record.is_shallow else "partial"


def silence(searched: Sequence[Searchable]) -> Abstention:
    """Why nothing was found: the sources may say it since they were indexed, or they do not say it."""
    behind = any(one.is_behind for one in searched)
    return Abstention.INDEX_STALE if behind else Abstention.NOT_IN_SOURCES


def index_age(searched: Sequence[Searchable]) -> float | None:
    """How many seconds ago the oldest of the snapshots was indexed; None without any."""
    if not searched:
        return None
    return round(max(0.0, time.time() - min(s.snapshot.indexed_at for s in searched)), 3)
