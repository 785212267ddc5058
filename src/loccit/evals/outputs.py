"""What a system gave for a sample: its answer and rankings as values that scorers read, whoever gave them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from loccit.core.answers import VerdictLabel
from loccit.core.documents import Count, NonEmptyText, Text, Value
from loccit.evals.datasets import Lines


class OutputOutcome(StrEnum):
    """How it ended. `failed`: there is no output, and `error` says why."""

    ANSWERED = "answered"
    PARTIAL = "partial"
    ABSTAINED = "abstained"
    FAILED = "failed"


class Cited(Lines):
    """A place that a claim cites. `holds`: whether the quote stands there byte for byte, null: unchecked."""

    quote: Text = ""
    holds: bool | None = None


class OutputClaim(Value):
    """A statement of the answer with what it cites. `verdict`: of the system's own checker, null without one.

    `is_quotation`: the text is the quote itself.
    """

    text: NonEmptyText
    cited: tuple[Cited, ...] = Field(default=(), strict=False)
    verdict: Annotated[VerdictLabel, Field(strict=False)] | None = None
    is_quotation: bool = False


class Stages(Value):
    """What became of the evidence, best first: found by search, and of that given to the writer."""

    retrieved: tuple[Lines, ...] = Field(default=(), strict=False)
    packed: tuple[Lines, ...] = Field(default=(), strict=False)


class Step(Value):
    """One step of an agent: the tool that it called, and whether the call succeeded."""

    tool: NonEmptyText
    succeeded: bool = True


class Output(Value):
    """What a system gave for a sample. What it does not tell is empty or null, and is not scored.

    `text` is the whole answer. `files` are paths, `functions` "PATH::QUALIFIED.NAME" and `passages` lines,
    each ranked, best first. `abstention` is why nothing was answered, in the system's words. `confidence` is
    from 0 to 1. `used` is what the output depends on, as {"prompt answer": "3f1c…", "model": "box:m"}.
    """

    outcome: Annotated[OutputOutcome, Field(strict=False)] = OutputOutcome.ANSWERED
    text: Text = ""
    claims: tuple[OutputClaim, ...] = Field(default=(), strict=False)
    dropped: tuple[OutputClaim, ...] = Field(default=(), strict=False)
    files: tuple[NonEmptyText, ...] | None = Field(default=None, strict=False)
    functions: tuple[NonEmptyText, ...] | None = Field(default=None, strict=False)
    passages: tuple[Lines, ...] | None = Field(default=None, strict=False)
    abstention: Text = ""
    confidence: Annotated[float, Field(ge=0, le=1)] | None = None
    stages: Stages | None = None
    steps: tuple[Step, ...] | None = Field(default=None, strict=False)
    resolved: bool | None = None
    used: dict[NonEmptyText, Text] = Field(default_factory=dict)
    error: Text = ""
    message: Text = ""


class Usage(Value):
    """What an output took; null is not known, never zero. It differs from run to run.

    `trace_id` is the system's own name of its run. `calls` of models were made, `started_at` is in seconds
    since the epoch. `tries`: how often it was begun, more than once where a run was killed meanwhile.
    """

    latency_s: Annotated[float, Field(ge=0)] | None = None
    cost_usd: Annotated[float, Field(ge=0)] | None = None
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    calls: Count | None = None
    trace_id: Text = ""
    started_at: float = 0.0
    tries: Count = 1
