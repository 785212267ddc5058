"""The checker that needs no model: is a quotation's text its quote?"""

from __future__ import annotations

from loccit.core.answers import Claim, ClaimKind, Verdict, VerdictLabel

CHECKER = "loccit.bytes"
CHECKER_VERSION = "1"


def check_quotation(claim: Claim) -> Verdict:
    """`supported`, score 1, for a quotation whose text is the quote of each citation, else `unsupported`.

    Several citations of one quotation are several places where the same text stands. A `statement` is
    `unchecked`: bytes cannot tell whether they bear it out. Whether the quotes are what the cited bytes say
    is for `verify`.
    """
    if claim.kind is ClaimKind.STATEMENT:
        return Verdict(label=VerdictLabel.UNCHECKED, score=None, checker=CHECKER, version=CHECKER_VERSION)
    if is_quotation(claim):
        return Verdict(label=VerdictLabel.SUPPORTED, score=1.0, checker=CHECKER, version=CHECKER_VERSION)
    return Verdict(label=VerdictLabel.UNSUPPORTED, score=0.0, checker=CHECKER, version=CHECKER_VERSION)


def is_quotation(claim: Claim) -> bool:
    """Whether the claim's text is the quote of each of its citations, of which there is at least one."""
    return bool(claim.citations) and all(citation.quote == claim.text for citation in claim.citations)
