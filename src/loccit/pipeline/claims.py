"""Claims with their citations, of quotations and of what a model wrote, re-checked against the bytes."""

from __future__ import annotations

from collections.abc import Sequence

from loccit.answering.quotes import LocatedQuote
from loccit.core.answers import (
    Citation,
    CitationKind,
    Claim,
    ClaimKind,
    DroppedClaim,
    SnapshotInfo,
    Verdict,
    VerdictLabel,
)
from loccit.core.evidence import Place, Quotation
from loccit.core.issues import repository_name
from loccit.core.source import BlobReader
from loccit.retrieval.packing import Read
from loccit.verification import check_quotation, cite, cite_commit, verify_claims


def quotation_claim(quotation: Quotation, read: Read) -> Claim:
    """The quotation as a claim with its citation, not yet checked."""
    place = quotation.evidence.hit.place
    citation = _cited(place, quotation.start_byte, quotation.end_byte, read)
    unchecked = Verdict(label=VerdictLabel.UNCHECKED, score=None, checker="none", version="0")
    claim = Claim(
        text=citation.quote,
        kind=ClaimKind.QUOTATION,
        citations=(citation,),
        verdict=unchecked,
        why=quotation.why,
    )
    return claim.model_copy(update={"verdict": check_quotation(claim)})


def statement_claim(text: str, quotes: Sequence[LocatedQuote], verdict: Verdict, read: Read) -> Claim:
    """What a model wrote, with a citation for each of its quotes."""
    citations = [_cited(q.passage.place, q.start_byte, q.end_byte, read) for q in quotes]
    return Claim(text=text, kind=ClaimKind.STATEMENT, citations=tuple(citations), verdict=verdict)


def _cited(place: Place, start_byte: int, end_byte: int, read: Read) -> Citation:
    data = read(place)
    if not place.path:
        return cite_commit(
            repo=place.repo, commit=place.object_id, data=data, start_byte=start_byte, end_byte=end_byte
        )
    is_issue = place.repo != repository_name(place.repo)
    return cite(
        repo=place.repo,
        commit=place.commit,
        tree=place.tree,
        path=place.path,
        data=data,
        start_byte=start_byte,
        end_byte=end_byte,
        kind=CitationKind.ISSUE if is_issue else CitationKind.FILE,
    )


def recheck(
    claims: Sequence[Claim], readers: Sequence[BlobReader], snapshots: Sequence[SnapshotInfo]
) -> tuple[list[Claim], list[DroppedClaim]]:
    """The claims whose citations hold when they are re-checked against the repositories, and the others."""
    results = verify_claims(claims, snapshots, readers)
    kept: list[Claim] = []
    dropped: list[DroppedClaim] = []
    for claim, result in zip(claims, results, strict=True):
        if result.status == "holds":
            kept.append(claim)
        else:
            fallen = claim.verdict.model_copy(update={"label": VerdictLabel.UNSUPPORTED, "score": 0.0})
            dropped.append(DroppedClaim(text=claim.text, verdict=fallen))
    return kept, dropped
