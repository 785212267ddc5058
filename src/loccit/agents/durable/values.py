"""Runs as they are kept: what is asked for, how far it is, what it waits for, what happened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from loccit.agents.options import Limits
from loccit.agents.values import RunState, Spend
from loccit.core.calls import Payer


class Wish(StrEnum):
    """What somebody wants of a run that is worked on."""

    PAUSE = "pause"
    CANCEL = "cancel"


class Answer(StrEnum):
    """What a person may say to a question: to an approval yes or no, to an outcome the others."""

    YES = "yes"
    NO = "no"
    HAPPENED = "happened"
    DID_NOT = "did-not"
    GIVE_UP = "give-up"


class QuestionKind(StrEnum):
    """What a run may wait for."""

    APPROVAL = "approval"  # may this call be made?
    OUTCOME = "outcome"  # did this call happen, which was under way when its process died?

    @property
    def answers(self) -> tuple[Answer, ...]:
        """What may be said to it."""
        if self is QuestionKind.APPROVAL:
            return Answer.YES, Answer.NO
        return Answer.HAPPENED, Answer.DID_NOT, Answer.GIVE_UP


@dataclass(frozen=True, slots=True)
class Question:
    """What a run waits for. `shown` is the exact call with its origins, for a person.

    `answer` is None while nobody has answered, `by` is who did.
    """

    id: str
    run: str
    kind: QuestionKind
    tool: str
    arguments_hash: str
    shown: str
    asked_at: float
    answer: Answer | None = None
    by: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in a run. `number` grows from event to event."""

    number: int
    run: str
    at: float
    kind: str
    text: str
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Happened:
    """What is to be told of a run; what has the same key is told once."""

    key: str
    kind: str
    text: str = ""
    details: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Lease:
    """One worker's right to write about a run, which ends when somebody else begins with it."""

    run: str
    epoch: int
    worker: str


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run as it stands. Times are seconds since the epoch; `spend` is what it has used so far.

    `epoch` counts how often somebody began with it, `attempts` how often with the step that it is in.
    `result` is there when it is done, `problem` (kind, message, next_step) when it failed.
    """

    id: str
    number: int
    blueprint: str
    task: Any
    limits: Limits
    payer: Payer
    state: RunState
    wish: Wish | None
    worker: str
    epoch: int
    attempts: int
    created_at: float
    started_at: float | None
    finished_at: float | None
    spend: Spend
    result: Any
    problem: Mapping[str, Any] | None

    @property
    def lease(self) -> Lease:
        """The right to write about it, of whoever began with it last."""
        return Lease(self.id, self.epoch, self.worker)


class Left(BaseException):
    """A worker lets go of a run in the middle, and nothing is recorded of the step that it was in.

    No `Exception`: neither a blueprint nor DBOS may take it for a failure of the run.
    """


class Lost(Left):
    """Somebody else has the run now: nothing more may be written about it."""


class Stopped(Left):
    """The run is to rest or to end, since somebody wishes it."""

    def __init__(self, wish: Wish) -> None:
        super().__init__(wish.value)
        self.wish = wish


class Asked(Left):
    """The run waits for a person; its row says so already."""


class Failing(Left):
    """What the run is kept in cannot be written now: somebody tries again later."""


class Leaving(Left):
    """The process ends; the run is for the next one."""


class Stuck(Left):
    """The process ended in this step again and again."""
