"""Jobs as values: what is asked for, and how far it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from loccit.core.errors import InputError

_MOST_CHARS = 4_096


class JobKind(StrEnum):
    """What a job does."""

    INDEX = "index"
    SYNC = "sync"
    REMOVE = "remove"


class JobState(StrEnum):
    """How a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_over(self) -> bool:
        """Whether nothing changes any more."""
        return self not in {JobState.QUEUED, JobState.RUNNING}


@dataclass(frozen=True, slots=True)
class JobRequest:
    """What is asked for.

    `repository` is the name of one that is known. `location` is a path or URL of one that need not be; only
    indexing takes it. `rev`, `collection`, `history` and `rebuild` are for indexing as in `Loccit.index`;
    `tracker` and `full` for synchronising as in `Loccit.sync_issues`, without a tracker the one of the last
    time. Raises InputError for what does not go together.
    """

    kind: JobKind
    repository: str = ""
    location: str = ""
    rev: str | None = None
    collection: str | None = None
    history: bool = True
    rebuild: bool = False
    tracker: str = ""
    full: bool = False

    def __post_init__(self) -> None:
        if bool(self.repository) == bool(self.location):
            raise InputError(
                "a job is about one repository", next_step="name it: either repository or location"
            )
        if self.location and self.kind is not JobKind.INDEX:
            raise InputError(
                f"a location does not go with {self.kind.value!r}", next_step="name the repository"
            )
        indexing = self.rev or self.collection or self.rebuild or not self.history
        if indexing and self.kind is not JobKind.INDEX:
            raise InputError(f"rev, collection, history and rebuild do not go with {self.kind.value!r}")
        if (self.tracker or self.full) and self.kind is not JobKind.SYNC:
            raise InputError(f"tracker and full do not go with {self.kind.value!r}")
        for written in (self.repository, self.location, self.rev, self.collection, self.tracker):
            if written is not None and (len(written) > _MOST_CHARS or not written.isprintable()):
                raise InputError(
                    f"{written[:80]!r} is no name", next_step=f"at most {_MOST_CHARS} printable characters"
                )


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it stands.

    `number` grows from job to job: those that wait begin in this order. `key` and `name` are the repository's
    in the catalogue, or what they are going to be. `done` of `total` units of a phase are finished; `total`
    is 0 while it is unknown. `is_cancelled` says that it is to end as soon as it can. `attempts` counts how
    often somebody began with it. `result` is there when it is done, `problem` (kind, status, message,
    next_step, detail) when it failed. Times are seconds since the epoch.
    """

    id: str
    number: int
    request: JobRequest
    key: str
    name: str
    state: JobState
    user: str
    created_at: float
    started_at: float | None
    finished_at: float | None
    phase: str
    done: int
    total: int
    unit: str
    is_cancelled: bool
    handed: int
    attempts: int
    runner: str
    result: Mapping[str, Any] | None
    problem: Mapping[str, Any] | None

    @property
    def message(self) -> str:
        """How far it is, for a person."""
        if self.state is not JobState.RUNNING:
            return self.state.value
        if self.is_cancelled:
            return "ending"
        if not self.phase:
            return "begun"
        of = f" of {self.total:,}" if self.total else ""
        return f"{self.phase}: {self.done:,}{of} {self.unit}" if self.total or self.done else self.phase
