"""The parts of an inspect_ai log that are read: strict in what is read, blind to the rest.

Names and meanings are those of `inspect_ai.log` in version 0.3.285, format version 2.
Most of a log changes from week to week; what is here has not since version 0.3.100.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeVar, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from loccit.core.documents import Count
from loccit.core.errors import MalformedLog

FORMAT_VERSION = 2
HOW = "write it again with a present version: inspect log convert"
_SHOWN = 80
# How a sample ends that was not asked to its end, because another one failed or somebody stopped the run.
_CANCELLED = ("CancelledError(", "Cancelled(")

_Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Model = TypeVar("_Model", bound=BaseModel)


def _model_calls(events: object) -> object:
    """How many of the events are calls of a model: they are most of a log, and more of them is not read."""
    if not isinstance(events, list):
        return events
    kinds = [
        cast("dict[str, Any]", one).get("event") for one in cast("list[Any]", events) if isinstance(one, dict)
    ]
    return kinds.count("model")


class Part(BaseModel):
    """A part of a log."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", protected_namespaces=())


class Message(Part):
    """A message of a conversation. `error` is there in the reply of a tool that failed."""

    role: str
    content: str | list[dict[str, Any]] = ""
    tool_calls: list[dict[str, Any]] | None = None
    tool_call_id: str | None = None
    error: dict[str, Any] | None = None


class Choice(Part):
    """One of the replies of a model."""

    message: Message


class Completion(Part):
    """What the model said last."""

    completion: str | None = None
    choices: list[Choice] = []


class Score(Part):
    """A score: a text, a number, NaN for none, or several of them by name or in a list."""

    value: Any
    explanation: str | None = None
    reason: str | None = None
    metadata: dict[str, Any] | None = None


class Tokens(Part):
    """What a model took."""

    input_tokens: Count = 0
    output_tokens: Count = 0
    input_tokens_cache_write: Count | None = None
    input_tokens_cache_read: Count | None = None
    total_cost: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None

    @property
    def read(self) -> int:
        """All tokens that the model read: what came from a cache is counted apart."""
        return self.input_tokens + (self.input_tokens_cache_write or 0) + (self.input_tokens_cache_read or 0)


class Error(Part):
    """Why there is no output."""

    message: str


class Limit(Part):
    """The limit at which a sample was stopped."""

    type: str
    limit: float
    reason: str | None = None


class Invalidation(Part):
    """Somebody's word that a sample does not count."""

    author: str = ""
    reason: str | None = None


class Asked(Part):
    """A sample in one epoch; epochs count from 1.

    `calls` is how many of its events are calls of a model. `score` is there in logs of an older form only.
    """

    id: Annotated[str, Field(min_length=1)] | int
    epoch: Annotated[int, Field(ge=1, le=2**31)]
    input: str | list[Message]
    target: str | list[str]
    choices: list[str] | None = None
    messages: list[Message] = []
    output: Completion = Completion()
    scores: dict[str, Score] | None = None
    score: Any = None
    metadata: dict[str, Any] = {}
    calls: Annotated[Count, BeforeValidator(_model_calls), Field(validation_alias="events")] = 0
    attachments: dict[str, str] = {}
    model_usage: dict[str, Tokens] = {}
    started_at: str | None = None
    total_time: _Seconds | None = None
    working_time: _Seconds | None = None
    uuid: str | None = None
    invalidation: Invalidation | None = None
    error: Error | None = None
    error_retries: list[Any] | None = None
    limit: Limit | None = None

    @property
    def key(self) -> tuple[str, int]:
        """What tells it from the others."""
        return str(self.id), self.epoch

    @property
    def was_cancelled(self) -> bool:
        """Whether the run ended while it was under way."""
        return self.error is not None and self.error.message.startswith(_CANCELLED)


class Chosen(Part):
    """The dataset, and the ids of the samples that were to be asked."""

    name: str | None = None
    samples: Count | None = None
    sample_ids: list[str | int] | None = None


class Config(Part):
    """How it was run."""

    epochs: Annotated[int, Field(ge=1, le=2**31)] | None = None
    epochs_reducer: list[str] | None = None


class ScorerSpec(Part):
    """A scorer, its arguments, and the metrics that are computed of it."""

    name: str
    options: dict[str, Any] | None = None
    metrics: Any = None


class Spec(Part):
    """What was run."""

    eval_id: str = ""
    run_id: str = ""
    created: str
    task: Annotated[str, Field(min_length=1)]
    task_version: int | str = 0
    task_args: dict[str, Any] = {}
    dataset: Chosen
    model: str
    model_generate_config: dict[str, Any] = {}
    config: Config
    packages: dict[str, str] = {}
    metadata: dict[str, Any] | None = None
    scorers: list[ScorerSpec] | None = None
    metrics: Any = None


class Solver(Part):
    """A step of the plan."""

    solver: str
    params: dict[str, Any] = {}


class Plan(Part):
    """The solvers."""

    steps: list[Solver] = []
    config: dict[str, Any] = {}


class Stats(Part):
    """When it ran."""

    started_at: str = ""
    completed_at: str = ""


class Header(Part):
    """All but the samples."""

    version: int
    eval: Spec
    plan: Plan = Plan()
    stats: Stats = Stats()


def part_of(model: type[_Model], document: object, where: str) -> _Model:
    """The part that a JSON value is. Raises MalformedLog, which says `where` and which field."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        shown = repr(first["input"])
        shown = shown if len(shown) <= _SHOWN else f"{shown[: _SHOWN - 3]}..."
        raise MalformedLog(f"{where}: {field} is {shown}: {first['msg']}", next_step=HOW) from error
