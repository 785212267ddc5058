"""What an operator may choose about records of runs, and about watching a server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from loccit.core.errors import SettingsError

LogFormat = Literal["json", "text"]
LogLevel = Literal["debug", "info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class TelemetryOptions:
    """What is kept of runs, how long, where it is sent, and how a server is watched.

    record_runs: keep a record of every run that asks a model, and of every answer of a server.
    keep_text: with its question and its answer; else with the answer's digest only.
    keep_days: records and conversations that are older go; 0: they stay.
    otlp_endpoint: the address of an OpenTelemetry collector (http://127.0.0.1:4318); empty: nothing is sent.
    otlp_timeout_s: seconds that sending one run may take.
    log_format: how a server logs: one JSON object per line, or lines for a person.
    log_level: the least that is logged.
    alerts: the file of the rules of alerts, relative to the home folder; empty: there are none.
    score_share: the share of written answers that are scored by the local checks after they were given.
    judge_share: the share that the judge in [models] scores too, paid by the user `loccit online`.
    """

    record_runs: bool = True
    keep_text: bool = True
    keep_days: int = 90
    otlp_endpoint: str = ""
    otlp_timeout_s: float = 2.0
    log_format: LogFormat = "json"
    log_level: LogLevel = "info"
    alerts: str = ""
    score_share: float = 0.1
    judge_share: float = 0.0

    def __post_init__(self) -> None:
        for name, share in (("score_share", self.score_share), ("judge_share", self.judge_share)):
            if not 0 <= share <= 1:
                raise SettingsError(
                    f"{name} is {share!r}, expected 0 to 1",
                    next_step="write 0.1 for every tenth answer, 0 for none",
                )
