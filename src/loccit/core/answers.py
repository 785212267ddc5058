"""The citation contract: `loccit-answer/1`, its digest and its canonical form.

The field names here are the published format: see docs/reference/answer-format.md. A change to them is a new
format version.
"""

from __future__ import annotations

import base64
import binascii
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field

from loccit.core.documents import (
    Count,
    DocumentForm,
    HexId,
    LineNumber,
    NonEmptyText,
    RepoName,
    Score,
    Sha256,
    Text,
    UtcTime,
    Value,
    canonical,
    digest_of,
    parse_document,
    published_schema,
)
from loccit.core.encodings import Encoding
from loccit.core.source import path_bytes

FORMAT = "loccit-answer/1"
MAX_ANSWER_BYTES = 50_000_000
_FORM = DocumentForm(
    name=FORMAT,
    noun="answer",
    command="loccit ask --json",
    schema="docs/reference/loccit-answer-1.schema.json",
    max_bytes=MAX_ANSWER_BYTES,
)


class CitationKind(StrEnum):
    """What kind of object is cited."""

    FILE = "file"
    COMMIT = "commit"
    ISSUE = "issue"


class Citation(Value):
    """A place, and the bytes that stand there.

    Bytes are 0-based offsets into the blob (into `git cat-file commit` for a commit), end exclusive; lines
    are 1-based, inclusive, and end at 0x0A or its code unit in UTF-16. `sha256` is over those bytes, `quote`
    is those bytes decoded by `encoding`. A plain folder has no commit: `tree` stands in. A path that is not
    UTF-8 is in `path_base64`, and `path` is null. `encoding` is that of the whole blob
    (`encodings.encoding_of`), and `permalink` is the address that `permalinks.permalink` derives, null where
    it derives none.
    """

    kind: Annotated[CitationKind, Field(strict=False)]
    repo: RepoName
    commit: HexId | None
    tree: HexId | None = None
    path: NonEmptyText | None
    path_base64: Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]+={0,2}$")] | None = None
    blob: HexId | None
    start_byte: Count
    end_byte: Count
    start_line: LineNumber
    end_line: LineNumber
    sha256: Sha256
    quote: NonEmptyText
    encoding: Encoding
    permalink: Text | None = None


class VerdictLabel(StrEnum):
    """What a checker says about a claim and its citations."""

    SUPPORTED = "supported"
    PARTLY = "partly"
    UNSUPPORTED = "unsupported"
    CONTRADICTED = "contradicted"
    UNCHECKED = "unchecked"


class Verdict(Value):
    """A checker's word on a claim: never the writer's own."""

    label: Annotated[VerdictLabel, Field(strict=False)]
    score: Score | None = None
    checker: NonEmptyText
    version: NonEmptyText


class ClaimKind(StrEnum):
    """`quotation`: the text is the quote itself. `statement`: a model wrote it."""

    QUOTATION = "quotation"
    STATEMENT = "statement"


class Claim(Value):
    """One statement with the places it rests on. `why` says in a phrase why this passage was chosen."""

    text: NonEmptyText
    kind: Annotated[ClaimKind, Field(strict=False)]
    citations: tuple[Citation, ...] = Field(strict=False)
    verdict: Verdict
    why: tuple[Text, ...] = Field(default=(), strict=False)


class DroppedClaim(Value):
    """A claim that was not kept, and the verdict that felled it."""

    text: NonEmptyText
    verdict: Verdict


class Outcome(StrEnum):
    """How the question ended."""

    ANSWERED = "answered"
    PARTIAL = "partial"
    ABSTAINED = "abstained"


class Abstention(StrEnum):
    """Why there is no answer. The first: the sources are silent. The others: something else is wrong."""

    NOT_IN_SOURCES = "not_in_sources"
    NOT_INDEXED = "not_indexed"
    INDEX_STALE = "index_stale"
    INDEX_BROKEN = "index_broken"
    BUDGET = "budget"
    MODEL_UNAVAILABLE = "model_unavailable"


class SkippedCount(Value):
    """How many files of a snapshot were left out, or searched with less weight, for one reason."""

    reason: Text
    files: Count


class SnapshotInfo(Value):
    """What was searched: which commit, indexed when, and what of it was left out and why.

    `indexed_at` is RFC 3339 in UTC, ending in `Z`. `changed_files` counts files of the working tree that
    differ from the commit; answers cite the commit.
    """

    repo: RepoName
    commit: HexId | None
    tree: HexId | None
    indexed_at: UtcTime
    files: Count
    skipped: tuple[SkippedCount, ...] = Field(default=(), strict=False)
    changed_files: Count = 0
    history: Literal["complete", "partial", "none"] = "none"


class Run(Value):
    """What differs from run to run; no digest covers it, comparisons leave it out."""

    trace_id: Text
    started_at: UtcTime
    timings_ms: dict[Text, float]
    cost_usd: float = 0.0
    index_age_s: float | None = None
    version: Text


class Answer(Value):
    """A question's answer in format `loccit-answer/1`.

    `digest` is the SHA-256, in hex, of the RFC 8785 form of everything but `digest` and `run`.
    `confidence` is the calibrated probability that the sources hold the answer.
    """

    format: Literal["loccit-answer/1"]
    question: Text
    outcome: Annotated[Outcome, Field(strict=False)]
    abstention: Annotated[Abstention, Field(strict=False)] | None
    confidence: Score
    claims: tuple[Claim, ...] = Field(strict=False)
    dropped: tuple[DroppedClaim, ...] = Field(strict=False)
    snapshots: tuple[SnapshotInfo, ...] = Field(strict=False)
    digest: Sha256
    run: Run | None = None

    def to_json(self) -> str:
        """One line of JSON in RFC 8785 form, so that what is written is what the digest covers."""
        return canonical(self.model_dump(mode="json")).decode("utf-8")


def seal(**fields: Any) -> Answer:
    """An Answer of these fields with its digest. Raises pydantic's ValidationError where they do not fit."""
    draft = Answer(format=FORMAT, digest="0" * 64, **fields)
    return draft.model_copy(update={"digest": digest_of(draft.model_dump(mode="json"))})


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of what `parse_answer` accepts, apart from how tokens are spelled."""
    return published_schema(Answer, _FORM)


def parse_answer(data: bytes) -> Answer:
    """The answer in these bytes; whether its digest and citations hold is for `verification` to say.

    Every key must be there (only `run` may be left out) and every string and number must be spelled as RFC
    8785 spells it, so that no byte of the digested part can change and leave the digest as it was. White
    space between tokens and the order of keys are free. Raises MalformedAnswer for anything that is not one
    UTF-8 JSON object of the format, LimitExceeded over `MAX_ANSWER_BYTES`.
    """
    return parse_document(data, Answer, _FORM)


def path_fields(path: str) -> dict[str, str | None]:
    """`path` and `path_base64` of a citation for a tree path that may hold surrogate escapes."""
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return {"path": None, "path_base64": base64.b64encode(path_bytes(path)).decode("ascii")}
    return {"path": path, "path_base64": None}


def cited_path(citation: Citation) -> bytes | None:
    """The path bytes that a citation names, None where it names none (a commit).

    Raises ValueError when `path_base64` is not canonical base64.
    """
    if citation.path is not None:
        return citation.path.encode("utf-8")
    if citation.path_base64 is None:
        return None
    try:
        raw = base64.b64decode(citation.path_base64, validate=True)
    except binascii.Error as error:
        raise ValueError(f"path_base64 is not base64: {citation.path_base64!r}") from error
    if base64.b64encode(raw).decode("ascii") != citation.path_base64:
        raise ValueError(f"path_base64 is not canonical base64: {citation.path_base64!r}")
    return raw
