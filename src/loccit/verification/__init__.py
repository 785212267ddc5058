"""Are the bytes there, and do they say so? It takes git objects: no index, no network, no model."""

from __future__ import annotations

from loccit.verification.citations import cite, cite_commit, cite_issue
from loccit.verification.findings import (
    CitationResult,
    ClaimResult,
    Counts,
    Finding,
    Reason,
    Status,
    VerificationReport,
)
from loccit.verification.recheck import verify, verify_citation, verify_claims
from loccit.verification.verdicts import check_quotation

__all__ = [
    "CitationResult",
    "ClaimResult",
    "Counts",
    "Finding",
    "Reason",
    "Status",
    "VerificationReport",
    "check_quotation",
    "cite",
    "cite_commit",
    "cite_issue",
    "verify",
    "verify_citation",
    "verify_claims",
]
