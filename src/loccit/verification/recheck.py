"""Re-checking a whole answer: its digest first, then its outcome, its claims and each of their citations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from loccit.core.answers import (
    Answer,
    Citation,
    CitationKind,
    Claim,
    ClaimKind,
    Outcome,
    SnapshotInfo,
    VerdictLabel,
    cited_path,
    digest_of,
)
from loccit.core.source import BlobReader
from loccit.verification.citations import check_citation
from loccit.verification.findings import (
    CitationResult,
    ClaimResult,
    Counts,
    Finding,
    Reason,
    Status,
    VerificationReport,
    status_of,
)
from loccit.verification.objects import ObjectStore
from loccit.verification.verdicts import CHECKER, CHECKER_VERSION, check_quotation, is_quotation

_REFUSED = frozenset({VerdictLabel.UNSUPPORTED, VerdictLabel.CONTRADICTED})


def verify(answer: Answer, readers: Iterable[BlobReader]) -> VerificationReport:
    """What became of every citation of `answer`, by the objects that these repositories hold.

    A repository is told by the objects it has, not by its name, so `readers` are in no particular order; what
    none of them has is unverifiable. Every object is hashed again, so a reader need not be trusted. Never
    raises for what an answer or a repository holds.
    """
    reasons = (*_check_digest(answer), *_check_outcome(answer))
    claims = verify_claims(answer.claims, answer.snapshots, readers)
    results = [result for claim in claims for result in claim.citations]
    statuses = [result.status for result in results]
    return VerificationReport(
        status=_overall(reasons, claims),
        digest=answer.digest,
        reasons=reasons,
        claims=claims,
        counts=Counts(
            claims=len(claims),
            citations=len(results),
            hold=statuses.count(Status.HOLDS),
            fell=statuses.count(Status.FELL),
            unverifiable=statuses.count(Status.UNVERIFIABLE),
        ),
    )


def verify_claims(
    claims: Sequence[Claim], snapshots: Sequence[SnapshotInfo], readers: Iterable[BlobReader]
) -> tuple[ClaimResult, ...]:
    """What became of each of these claims, of which no answer is sealed yet, by the same rules. Never raises,
    like `verify`.
    """
    store = ObjectStore(readers)
    return tuple(_check_claim(number, claim, snapshots, store) for number, claim in enumerate(claims))


def verify_citation(citation: Citation, readers: Iterable[BlobReader]) -> tuple[Reason, ...]:
    """All that is wrong with one citation that stands by itself; empty when it holds. Never raises, like
    `verify`.
    """
    searched = SnapshotInfo(
        repo=citation.repo,
        commit=citation.commit,
        tree=None if citation.commit else citation.tree,
        indexed_at="1970-01-01T00:00:00Z",
        files=0,
    )
    return check_citation(citation, [searched], ObjectStore(readers))


def _overall(reasons: Sequence[Reason], claims: Sequence[ClaimResult]) -> Status:
    statuses = {status_of(reasons), *(claim.status for claim in claims)}
    for status in (Status.FELL, Status.UNVERIFIABLE):
        if status in statuses:
            return status
    return Status.HOLDS if claims else Status.NOTHING_CLAIMED


def _check_digest(answer: Answer) -> list[Reason]:
    actual = digest_of(answer.model_dump(mode="json"))
    if actual == answer.digest:
        return []
    message = (
        f"the answer's digest is {answer.digest}, its content has {actual}: it was changed after it was made"
    )
    return [Reason(finding=Finding.DIGEST_MISMATCH, message=message)]


def _check_outcome(answer: Answer) -> list[Reason]:
    problem = None
    if answer.outcome is Outcome.ABSTAINED:
        if answer.abstention is None:
            problem = "it abstained without saying why (`abstention`)"
        elif answer.claims:
            problem = f"it abstained and makes {len(answer.claims)} claims"
    elif not answer.claims:
        problem = f"its outcome is {answer.outcome.value!r} and it claims nothing"
    elif answer.outcome is Outcome.ANSWERED and answer.abstention is not None:
        problem = f"it answered and names the abstention {answer.abstention.value!r}"
    if problem is None:
        return []
    return [Reason(finding=Finding.OUTCOME_INCONSISTENT, message=f"the answer contradicts itself: {problem}")]


def _check_claim(
    number: int, claim: Claim, snapshots: Sequence[SnapshotInfo], store: ObjectStore
) -> ClaimResult:
    reasons = (*_check_text(claim), *_check_verdict(claim))
    citations: list[CitationResult] = []
    for position, citation in enumerate(claim.citations):
        found = check_citation(citation, snapshots, store)
        citations.append(
            CitationResult(
                claim=number,
                citation=position,
                place=_place(citation),
                status=status_of(found),
                reasons=found,
            )
        )
    everything = [*reasons, *(reason for result in citations for reason in result.reasons)]
    return ClaimResult(
        claim=number, status=status_of(everything), reasons=reasons, citations=tuple(citations)
    )


def _check_text(claim: Claim) -> list[Reason]:
    if not claim.citations:
        message = "the claim names no place; an answer's claims are cited or dropped"
        return [Reason(finding=Finding.CLAIM_WITHOUT_CITATION, message=message)]
    if claim.kind is ClaimKind.QUOTATION and not is_quotation(claim):
        message = "the claim is called a quotation, and its text is not the quote of each of its citations"
        return [Reason(finding=Finding.QUOTATION_DIFFERS_FROM_QUOTE, message=message)]
    return []


def _check_verdict(claim: Claim) -> list[Reason]:
    verdict = claim.verdict
    if verdict.label in _REFUSED:
        message = f"the claim was found {verdict.label.value} and belongs into `dropped`"
    elif (verdict.checker, verdict.version) == (CHECKER, CHECKER_VERSION) and verdict != check_quotation(
        claim
    ):
        message = f"the checker {CHECKER} finds this claim {check_quotation(claim).label.value}"
    else:
        return []
    return [Reason(finding=Finding.VERDICT_INCONSISTENT, message=message)]


def _place(citation: Citation) -> str:
    if citation.kind is CitationKind.COMMIT:
        return f"commit {citation.commit}"
    try:
        path = cited_path(citation)
    except ValueError:
        path = None
    shown = "?" if path is None else path.decode("utf-8", "backslashreplace")
    return f"{shown}:{citation.start_line}-{citation.end_line}"
