"""What a check can find, and the report that gathers it: format `loccit-verification/1`.

The field names here are published in docs/reference/answer-format.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict

from loccit.core.documents import canonical

REPORT_FORMAT = "loccit-verification/1"


class Finding(StrEnum):
    """What is wrong. All but `OBJECT_MISSING` and `OBJECT_UNREADABLE` fell the answer."""

    # of the answer
    DIGEST_MISMATCH = "digest_mismatch"
    OUTCOME_INCONSISTENT = "outcome_inconsistent"
    # of a claim
    CLAIM_WITHOUT_CITATION = "claim_without_citation"
    QUOTATION_DIFFERS_FROM_QUOTE = "quotation_differs_from_quote"
    VERDICT_INCONSISTENT = "verdict_inconsistent"
    # of a citation, on the face of it
    KIND_INCONSISTENT = "kind_inconsistent"
    REPO_NOT_IN_SNAPSHOTS = "repo_not_in_snapshots"
    PERMALINK_MISMATCH = "permalink_mismatch"
    # of a citation, against the repository
    OBJECT_MISSING = "object_missing"
    OBJECT_UNREADABLE = "object_unreadable"
    OBJECT_FORGED = "object_forged"
    OBJECT_MALFORMED = "object_malformed"
    COMMIT_NOT_IN_HISTORY = "commit_not_in_history"
    TREE_MISMATCH = "tree_mismatch"
    PATH_NOT_IN_COMMIT = "path_not_in_commit"
    BLOB_MISMATCH = "blob_mismatch"
    RANGE_OUTSIDE = "range_outside"
    CHARACTER_SPLIT = "character_split"
    ENCODING_MISMATCH = "encoding_mismatch"
    LINES_MISMATCH = "lines_mismatch"
    SHA256_MISMATCH = "sha256_mismatch"
    QUOTE_MISMATCH = "quote_mismatch"


UNVERIFIABLE = frozenset({Finding.OBJECT_MISSING, Finding.OBJECT_UNREADABLE})


class Status(StrEnum):
    """How a check ended. Where several apply, the first named here wins, from `FELL` down."""

    FELL = "fell"
    UNVERIFIABLE = "unverifiable"
    HOLDS = "holds"
    NOTHING_CLAIMED = "nothing_claimed"


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Reason(_Value):
    """One finding, with a sentence that names the values and what a person can do."""

    finding: Finding
    message: str


class CitationResult(_Value):
    """What became of `claims[claim].citations[citation]`, both counted from 0.

    `place` is for people: `path:start-end`, or `commit ID`. It may hold control characters from the path.
    """

    claim: int
    citation: int
    place: str
    status: Status
    reasons: tuple[Reason, ...]


class ClaimResult(_Value):
    """What became of `claims[claim]`: `reasons` are about the claim itself, not about its citations."""

    claim: int
    status: Status
    reasons: tuple[Reason, ...]
    citations: tuple[CitationResult, ...]


class Counts(_Value):
    """How many citations ended how; `citations` is their sum."""

    claims: int
    citations: int
    hold: int
    fell: int
    unverifiable: int


class VerificationReport(_Value):
    """What became of an answer. `reasons` are about the answer as a whole (its digest, its outcome)."""

    format: Literal["loccit-verification/1"] = REPORT_FORMAT
    status: Status
    digest: str
    reasons: tuple[Reason, ...]
    claims: tuple[ClaimResult, ...]
    counts: Counts

    def to_json(self) -> str:
        """One line of JSON in RFC 8785 form."""
        return canonical(self.model_dump(mode="json")).decode("utf-8")

    def all_reasons(self) -> tuple[Reason, ...]:
        """Every reason in the report: the answer's, then claim by claim the claim's and its citations'."""
        found = list(self.reasons)
        for claim in self.claims:
            found.extend(claim.reasons)
            for citation in claim.citations:
                found.extend(citation.reasons)
        return tuple(found)


def status_of(reasons: Iterable[Reason]) -> Status:
    """`FELL` before `UNVERIFIABLE` before `HOLDS`."""
    findings = {reason.finding for reason in reasons}
    if findings - UNVERIFIABLE:
        return Status.FELL
    return Status.UNVERIFIABLE if findings else Status.HOLDS
