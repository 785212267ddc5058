"""Questions, hits and evidence: what search hands to answering."""

from __future__ import annotations

from dataclasses import dataclass

from loccit.core.source import FileRole


@dataclass(frozen=True, slots=True)
class Filters:
    """What a search may return. Empty tuples do not restrict. `paths` are gitignore-style patterns."""

    languages: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a chunk is: bytes 0-based end exclusive, lines 1-based inclusive.

    For a commit's message `path` is empty, `object_id` is the commit and offsets count in `git cat-file
    commit`.
    """

    repo: str
    commit: str | None
    tree: str
    path: str
    object_id: str
    start_byte: int
    end_byte: int
    start_line: int
    end_line: int


@dataclass(frozen=True, slots=True)
class Hit:
    """A scored chunk. `score` is comparable within one search only, higher is better.

    `reasons` are short phrases a person can check ("defines register", "file named blueprints"). `matched`
    are the question's words that the chunk holds, most telling first; `relevance` is the share of the
    question that the chunk itself holds, 0 to 1. `encoding` is the codec by which the chunk's bytes become
    text.
    """

    place: Place
    score: float
    symbol: str
    kind: str
    language: str
    role: FileRole
    encoding: str
    reasons: tuple[str, ...] = ()
    matched: tuple[str, ...] = ()
    relevance: float = 0.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """A hit kept for a question, with its bytes, and a stable `id` ("E1" is the first).

    `line_weights` says of each line of `data` how much of the question it holds; lines end as in `Place`.
    """

    id: str
    hit: Hit
    data: bytes
    line_weights: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class EvidenceSet:
    """Evidence for one question, best first, and how likely it is that it bears on it.

    `confidence` is a calibrated probability that the sources hold the answer, 0 to 1. `unknown` are the
    question's words that the sources do not hold at all.
    """

    question: str
    evidence: tuple[Evidence, ...]
    confidence: float
    unknown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Quotation:
    """A passage to quote from one piece of evidence: bytes of the cited object, end exclusive, and why it was
    chosen.
    """

    evidence: Evidence
    start_byte: int
    end_byte: int
    why: tuple[str, ...]
