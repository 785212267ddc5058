"""What an operator may choose about triage."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class PipelineOptions:
    """How issues are triaged.

    `labels` are the only ones that are suggested; none mean those that the tracker's issues have.
    `component_labels` maps the beginning of a path to the label of what is there. `triage_confidence` is the
    calibrated probability below which a triage names no suspects. `max_issue_chars`: of a longer issue that
    much is read, and it is said.
    """

    labels: tuple[str, ...] = ()
    component_labels: dict[str, str] = field(default_factory=dict[str, str])
    triage_confidence: float = 0.15
    max_issue_chars: int = 200_000
