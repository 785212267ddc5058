"""The format of a triaged issue: `loccit-triage/1`, its digest and its canonical form.

The field names here are the published format: see docs/reference/triage-format.md. A change to them is a new
format version.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from loccit.core.answers import Citation, Claim, DroppedClaim, Run, SnapshotInfo
from loccit.core.documents import (
    Count,
    DocumentForm,
    HexId,
    LineNumber,
    NonEmptyText,
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
from loccit.core.source import FileRole
from loccit.core.suspects import ReasonKind

FORMAT = "loccit-triage/1"
MAX_TRIAGE_BYTES = 50_000_000
_FORM = DocumentForm(
    name=FORMAT,
    noun="triage",
    command="loccit triage --json",
    schema="docs/reference/loccit-triage-1.schema.json",
    max_bytes=MAX_TRIAGE_BYTES,
)

RankScore = Annotated[
    float,
    Field(description="comparable within one list only; at most six decimals"),
    AfterValidator(lambda value: round(value, 6)),
]


class TriageOutcome(StrEnum):
    """How the triage ended."""

    TRIAGED = "triaged"
    ABSTAINED = "abstained"


class TriageAbstention(StrEnum):
    """Why there are no suspects. The first: the issue says too little. The others: the index is at fault."""

    NOT_ENOUGH = "not_enough_to_go_on"
    NOT_INDEXED = "not_indexed"
    INDEX_BROKEN = "index_broken"


class IssueOrigin(StrEnum):
    """Where the issue was read from."""

    TRACKER = "tracker"
    TEXT = "text"


class TriagedIssue(Value):
    """The issue. `sha256` is over the UTF-8 text that was read, title and body, before it was cut.

    `id`, `url` and `created` are null where it is not from a tracker; `characters` is its length, `read` how
    many of them were.
    """

    origin: Annotated[IssueOrigin, Field(strict=False)]
    id: NonEmptyText | None = None
    url: NonEmptyText | None = None
    title: Text
    created: UtcTime | None = None
    sha256: Sha256
    characters: Count
    read: Count


class AsOf(Value):
    """The moment that it was answered for: nothing younger was looked at."""

    commit: HexId
    time: UtcTime


class TriageReason(Value):
    """Why, in a short phrase that a person can check. `citation` is the place of what it rests on among the
    citations of the same object, counted from 0; null where nothing is cited.
    """

    kind: Annotated[ReasonKind, Field(strict=False)]
    text: NonEmptyText
    citation: Count | None = None


class TriageFunction(Value):
    """A function of a suspect file: bytes 0-based end exclusive, lines 1-based inclusive."""

    symbol: Text
    start_byte: Count
    end_byte: Count
    start_line: LineNumber
    end_line: LineNumber
    score: RankScore


class SuspectFile(Value):
    """A file that may have to change. `probability` is calibrated; reasons and functions are best first.

    A path that is not UTF-8 is in `path_base64`, and `path` is null.
    """

    path: NonEmptyText | None
    path_base64: Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]+={0,2}$")] | None = None
    blob: HexId
    role: Annotated[FileRole, Field(strict=False)]
    score: RankScore
    probability: Score
    reasons: tuple[TriageReason, ...] = Field(strict=False)
    functions: tuple[TriageFunction, ...] = Field(strict=False)
    citations: tuple[Citation, ...] = Field(strict=False)


class Duplicate(Value):
    """A past issue that may say the same. `evidence` is what both have, in phrases."""

    id: NonEmptyText
    url: NonEmptyText | None = None
    title: Text
    is_open: bool
    probability: Score
    evidence: tuple[Text, ...] = Field(strict=False)
    citations: tuple[Citation, ...] = Field(strict=False)


class SimilarFix(Value):
    """A past commit that reads like the issue, and what it changed. In paths that are only shown, bytes that
    are not UTF-8 are replaced.
    """

    commit: HexId
    time: UtcTime
    score: RankScore
    paths: tuple[Text, ...] = Field(strict=False)
    citations: tuple[Citation, ...] = Field(strict=False)


class Culprit(Value):
    """A commit that may have brought the fault in. `score` is a share, of which some always stays with "none
    of these"; it is not calibrated.
    """

    commit: HexId
    time: UtcTime
    score: Score
    reasons: tuple[NonEmptyText, ...] = Field(strict=False)
    paths: tuple[Text, ...] = Field(strict=False)
    citations: tuple[Citation, ...] = Field(strict=False)


class SuggestedLabel(Value):
    """A label from the allow-list or the tracker. `share` is how much of what speaks for any label speaks for
    this one.
    """

    label: NonEmptyText
    share: Score
    reasons: tuple[NonEmptyText, ...] = Field(strict=False)


class OwnerSource(StrEnum):
    """Who says that somebody owns a file."""

    CODEOWNERS = "codeowners"
    HISTORY = "history"


class Owner(Value):
    """Somebody to ask: a name from a CODEOWNERS file, or an author of the suspects' past changes.

    `share` is the share of the suspects' probability that is theirs. E-mail addresses are not told.
    """

    name: NonEmptyText
    source: Annotated[OwnerSource, Field(strict=False)]
    share: Score
    reasons: tuple[NonEmptyText, ...] = Field(strict=False)
    citations: tuple[Citation, ...] = Field(strict=False)


class Part(StrEnum):
    """A part of a triage, as its notes name it."""

    ISSUE = "issue"
    SUSPECTS = "suspects"
    DUPLICATES = "duplicates"
    SIMILAR_FIXES = "similar_fixes"
    CULPRITS = "culprits"
    OWNERS = "owners"
    LABELS = "labels"
    CITATIONS = "citations"
    REPLY_DRAFT = "reply_draft"


class TriageNote(Value):
    """What a part could not do, or did with less than it wants: nothing is left out silently."""

    part: Annotated[Part, Field(strict=False)]
    text: NonEmptyText


class Asking(StrEnum):
    """What a reporter can be asked for."""

    VERSION = "version"
    TRACEBACK = "traceback"
    STEPS = "steps"
    CODE = "code"
    EXPECTED = "expected"
    NAMES = "names"


class AskFor(Value):
    """Something that the report lacks, and a question that asks for it."""

    what: Annotated[Asking, Field(strict=False)]
    question: NonEmptyText


class ReplyDraft(Value):
    """What a maintainer might reply, as a model drafted it: its claims are cited and checked as an answer's
    are. It is never posted by loccit itself.
    """

    claims: tuple[Claim, ...] = Field(strict=False)
    dropped: tuple[DroppedClaim, ...] = Field(strict=False)


class Triage(Value):
    """A triaged issue in format `loccit-triage/1`.

    `digest` is the SHA-256, in hex, of the RFC 8785 form of everything but `digest` and `run`. `confidence`
    is the calibrated probability that the fix changes one of the suspects. An abstention has no suspects;
    `ask` says what would help. `reply_draft` is null where no model was asked for one.
    """

    format: Literal["loccit-triage/1"]
    issue: TriagedIssue
    as_of: AsOf | None
    outcome: Annotated[TriageOutcome, Field(strict=False)]
    abstention: Annotated[TriageAbstention, Field(strict=False)] | None
    confidence: Score
    suspects: tuple[SuspectFile, ...] = Field(strict=False)
    tests: tuple[SuspectFile, ...] = Field(strict=False)
    docs: tuple[SuspectFile, ...] = Field(strict=False)
    duplicates: tuple[Duplicate, ...] = Field(strict=False)
    similar_fixes: tuple[SimilarFix, ...] = Field(strict=False)
    culprits: tuple[Culprit, ...] = Field(strict=False)
    labels: tuple[SuggestedLabel, ...] = Field(strict=False)
    owners: tuple[Owner, ...] = Field(strict=False)
    ask: tuple[AskFor, ...] = Field(strict=False)
    notes: tuple[TriageNote, ...] = Field(strict=False)
    reply_draft: ReplyDraft | None
    snapshots: tuple[SnapshotInfo, ...] = Field(strict=False)
    digest: Sha256
    run: Run | None = None

    def to_json(self) -> str:
        """One line of JSON in RFC 8785 form, so that what is written is what the digest covers."""
        return canonical(self.model_dump(mode="json")).decode("utf-8")


def seal(**fields: Any) -> Triage:
    """A Triage of these fields with its digest. Raises pydantic's ValidationError where they do not fit."""
    draft = Triage(format=FORMAT, digest="0" * 64, **fields)
    return draft.model_copy(update={"digest": digest_of(draft.model_dump(mode="json"))})


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of what `parse_triage` accepts, apart from how tokens are spelled."""
    return published_schema(Triage, _FORM)


def parse_triage(data: bytes) -> Triage:
    """The triage in these bytes, as strictly as `parse_answer` reads an answer.

    Raises MalformedAnswer for anything that is not one UTF-8 JSON object of the format, LimitExceeded over
    `MAX_TRIAGE_BYTES`. Its digest is checked by `digest_of`, its citations by `verification`.
    """
    return parse_document(data, Triage, _FORM)
