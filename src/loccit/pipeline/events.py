"""What is told while an answer is written: nothing that was not checked is called an answer."""

from __future__ import annotations

from dataclasses import dataclass

from loccit.core.answers import Verdict
from loccit.core.evidence import Hit, Place


@dataclass(frozen=True, slots=True)
class Searching:
    """Evidence is looked for; `queries` are what for, more than one in later steps."""

    queries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found and what of it is read, each best first."""

    hits: tuple[Hit, ...]
    kept: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Writing:
    """A model is at work. `model` is its name, `why` what for: "answer", "repair", "judge", "stronger"."""

    model: str
    why: str


@dataclass(frozen=True, slots=True)
class ClaimChecked:
    """A claim is written and its quotes and support were checked. It may still be repaired or judged: only
    the answer at the end says what stays. `places` say where its quotes stand.
    """

    text: str
    verdict: Verdict
    places: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Degraded:
    """Something could not be had, and the answer goes on without it."""

    why: str
    next_step: str = ""


Event = Searching | Found | Writing | ClaimChecked | Degraded
