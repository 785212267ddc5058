"""What is measured: the name of a figure, which way is better, and how it is written."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from loccit.evals.report_parts import Unit
from loccit.evals.statistics import Scale


class Better(StrEnum):
    """Which way of a metric is the good one."""

    HIGHER = "higher"
    LOWER = "lower"


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure that a scorer gives for a sample: from 0 to 1, or an amount, as `scale` says.

    `about` is one sentence for a reader. `judge` is the prompt version of the model that gives it, empty
    where it is computed.
    """

    name: str
    about: str
    better: Better = Better.HIGHER
    scale: Scale = Scale.SCORE
    unit: Unit = Unit.SHARE
    judge: str = ""


# What every run has, whatever its scorers: read from `Usage`, and `failed` from the outcome.
LATENCY = Metric("latency_s", "Seconds from question to answer.", Better.LOWER, Scale.AMOUNT, Unit.SECONDS)
COST = Metric("cost_usd", "What models cost.", Better.LOWER, Scale.AMOUNT, Unit.DOLLARS)
INPUT_TOKENS = Metric("input_tokens", "Tokens that models read.", Better.LOWER, Scale.AMOUNT, Unit.COUNT)
OUTPUT_TOKENS = Metric("output_tokens", "Tokens that models wrote.", Better.LOWER, Scale.AMOUNT, Unit.COUNT)
FAILED = Metric("failed", "Whether there was no output at all: an error, or none in time.", Better.LOWER)
OPERATIONS = (FAILED, LATENCY, COST, INPUT_TOKENS, OUTPUT_TOKENS)
