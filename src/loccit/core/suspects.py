"""Where an issue's cause may be: suspect files and functions, with reasons that a person can check."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from loccit.core.evidence import Place
from loccit.core.source import FileRole


class ReasonKind(StrEnum):
    """What kind of evidence speaks for a suspect."""

    WORDS = "words"
    """It holds the issue's words."""
    MENTION = "mention"
    """The issue names it, or something that only it defines."""
    TRACEBACK = "traceback"
    """A frame of a traceback is in it."""
    PAST_FIX = "past_fix"
    """A past commit like this issue changed it."""
    RECENT_CHANGE = "recent_change"
    """It was changed shortly before the report."""
    NEIGHBOUR = "neighbour"
    """It imports or is imported by, or changes together with, what speaks louder."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a file is suspected.

    `text` is a short phrase that a person can check. `commit` is the full id of a past commit that the reason
    rests on, `place` the lines of a file; each is None where there is nothing to cite.
    """

    kind: ReasonKind
    text: str
    commit: str | None = None
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class SuspectFunction:
    """A function, method or class of a suspect file: bytes 0-based end exclusive, lines 1-based inclusive.

    `symbol` is its qualified name as chunks have it; `score` is comparable within one file only.
    """

    symbol: str
    start_byte: int
    end_byte: int
    start_line: int
    end_line: int
    score: float


@dataclass(frozen=True, slots=True)
class Suspect:
    """A file that may have to change.

    `path` may hold surrogate escapes, `blob` is its object id, `encoding` the codec of its text. `score` is
    comparable within one localisation only, higher is better; `probability` (0 to 1) is calibrated: of the
    files that are given 0.3, three in ten are changed by the fix. Reasons and functions are best first.
    """

    path: str
    blob: str
    role: FileRole
    encoding: str
    score: float
    probability: float
    reasons: tuple[Reason, ...] = ()
    functions: tuple[SuspectFunction, ...] = ()


@dataclass(frozen=True, slots=True)
class SimilarCommit:
    """A past commit that reads like the issue.

    `time` is the committer's, seconds since the epoch; `score` is comparable within one localisation only;
    `paths` are what it changed.
    """

    commit: str
    time: int
    score: float
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Localisation:
    """Where the cause of one issue may be; each list is best first.

    `suspects` are source files; `tests` and `docs` are kept apart. `confidence` is the calibrated probability
    (0 to 1) that the fix changes one of the first ten suspects.
    """

    suspects: tuple[Suspect, ...]
    tests: tuple[Suspect, ...]
    docs: tuple[Suspect, ...]
    similar_commits: tuple[SimilarCommit, ...]
    confidence: float
