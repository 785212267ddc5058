"""Small answers for tests that keep or show one."""

from __future__ import annotations

from loccit.core.answers import (
    Answer,
    Claim,
    ClaimKind,
    DroppedClaim,
    Outcome,
    Run,
    Verdict,
    VerdictLabel,
    seal,
)

_SUPPORTED = Verdict(label=VerdictLabel.SUPPORTED, score=0.9, checker="local", version="1")
_UNSUPPORTED = Verdict(label=VerdictLabel.UNSUPPORTED, score=0.1, checker="local", version="1")


def small_answer(question: str, text: str = "It is done in parcels/rates.py.") -> Answer:
    """One claim that is supported, and one that was dropped."""
    claim = Claim(text=text, kind=ClaimKind.STATEMENT, citations=(), verdict=_SUPPORTED)
    return seal(
        question=question,
        outcome=Outcome.ANSWERED,
        abstention=None,
        confidence=0.75,
        claims=(claim,),
        dropped=(DroppedClaim(text="It never fails.", verdict=_UNSUPPORTED),),
        snapshots=(),
        run=Run(
            trace_id="0" * 32, started_at="2026-01-05T10:00:00Z", timings_ms={"search": 3.5}, version="0"
        ),
    )
