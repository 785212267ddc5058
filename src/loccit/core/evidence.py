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

    `line_weights` says of each line of `data` how much of the question it holds; lines end as in `Place`. It
    is empty where nobody is going to quote.
    """

    id: str
    hit: Hit
    data: bytes
    line_weights: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class EvidenceSet:
    """Evidence for one question, best first, and how likely it is that it bears on it.

    `confidence` is a calibrated probability that the sources hold the answer, 0 to 1. `unknown` are the
    question's words that the sources do not hold at all. `hits` are all that was found, best first, also
    where the confidence is too low for evidence.
    """

    question: str
    evidence: tuple[Evidence, ...]
    confidence: float
    unknown: tuple[str, ...]
    hits: tuple[Hit, ...] = ()


@dataclass(frozen=True, slots=True)
class Quotation:
    """A passage to quote from one piece of evidence: bytes of the cited object, end exclusive, and why it was
    chosen.
    """

    evidence: Evidence
    start_byte: int
    end_byte: int
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of evidence as a model reads it: a whole definition where there is room for it.

    `id` is made by us and cannot be guessed by who wrote the text. `text` is what the bytes of the place say
    in `encoding`, unchanged.
    """

    id: str
    place: Place
    symbol: str
    encoding: str
    text: str


@dataclass(frozen=True, slots=True)
class Outline:
    """The heads of definitions that stand beside passages of one file; no evidence, only orientation."""

    path: str
    heads: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PackedEvidence:
    """What a model is given: passages, most useful first, and outlines of their files.

    `tokens` is an estimate of both together; `left_out` counts pieces of evidence that found no room.
    """

    passages: tuple[Passage, ...]
    outlines: tuple[Outline, ...] = ()
    tokens: int = 0
    left_out: int = 0
