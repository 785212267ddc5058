"""What an operator may choose about records of runs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TelemetryOptions:
    """What is kept of runs, how long, and where it is sent.

    record_runs: keep a record of every run that asks a model.
    keep_text: with its question and its answer; else with the answer's digest only.
    keep_days: records and conversations that are older go; 0: they stay.
    otlp_endpoint: the address of an OpenTelemetry collector (http://127.0.0.1:4318); empty: nothing is sent.
    otlp_timeout_s: seconds that sending one run may take.
    """

    record_runs: bool = True
    keep_text: bool = True
    keep_days: int = 90
    otlp_endpoint: str = ""
    otlp_timeout_s: float = 2.0
