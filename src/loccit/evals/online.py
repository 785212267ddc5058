"""How good are the answers that are given? A share of them is scored after they were given, delaying none.

Which ones the id of the run decides, so that every process decides alike and nothing is scored twice. The
local check re-reads the cited bytes and asks the support check about every claim anew; it costs no money. A
judge, where one is wanted, is paid by a user of its own, whose budget an operator sets.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from loccit.core.answers import Abstention
from loccit.evals.answers_scorer import CITATIONS_HOLD, GROUNDED, AnswersScorer
from loccit.evals.datasets import Sample
from loccit.evals.from_runs import answer_of
from loccit.evals.scoring import scored
from loccit.evals.systems import is_told, output_of_answer
from loccit.telemetry.scores import RunScore
from loccit.verification import Status

if TYPE_CHECKING:
    from loccit.core.answers import Answer
    from loccit.evals.outputs import Output, OutputClaim
    from loccit.evals.scoring import Scorer
    from loccit.telemetry.records import RunRecord
    from loccit.verification import VerificationReport

# Who pays for what judges say of live answers.
JUDGE_USER = "loccit online"
LOCAL = "local"
_LOCAL_METRICS = (GROUNDED.name, CITATIONS_HOLD.name)


@dataclass(frozen=True, slots=True)
class Scored:
    """The scores of a run, and of those that it should have and has not, why."""

    scores: tuple[RunScore, ...] = ()
    missing: tuple[str, ...] = ()


def is_sampled(run: str, share: float) -> bool:
    """Whether this run is one of the share that is scored; a larger share has all of a smaller one.

    Decided by the id alone, which is random: each process, and each repetition, decides alike.
    """
    place = int.from_bytes(hashlib.sha256(f"online:{run}".encode()).digest()[:8]) / 2**64
    return place < share


async def score_run(
    record: RunRecord,
    *,
    verify: Callable[[Answer], VerificationReport],
    judge: Scorer | None = None,
) -> Scored:
    """The scores of a run's answer: by the local checks, and where one is given by a judge.

    `verify` re-checks citations against the
    sources: those whose source cannot be read now count as neither. Of a run without a text there is nothing
    to score, nor of one that abstained or could only quote. Raises IndexBroken for an answer that cannot be
    read.
    """
    if not record.is_written or record.answer is None:
        return Scored()
    started_at = datetime.fromisoformat(record.started_at).timestamp()
    answer = answer_of(record)
    if not answer.claims or answer.abstention not in (None, Abstention.NOT_IN_SOURCES):
        return Scored()
    sample = Sample(id=record.id, question=answer.question)
    output = _checked(answer, verify(answer))
    local = AnswersScorer()
    given = await local.score(sample, output)
    found = [
        RunScore(record.id, name, LOCAL, local.version, given.values[name], started_at)
        for name in _LOCAL_METRICS
        if name in given.values
    ]
    missing: list[str] = []
    if judge is not None:
        judged = await scored([judge], sample, output)
        found += [
            RunScore(record.id, name, judge.name, judge.version, value, started_at)
            for name, value in judged.values.items()
        ]
        missing += [f"{name}: {reason}" for name, reason in judged.missing.items()]
    return Scored(tuple(found), tuple(missing))


def _checked(answer: Answer, report: VerificationReport) -> Output:
    """The answer as scorers read it, with what the re-check says of each citation; None where its source is
    not here.
    """
    holds = {Status.HOLDS: True, Status.FELL: False}
    output = output_of_answer(answer, ())
    claims: list[OutputClaim] = []
    for given, claim, checked in zip(output.claims, answer.claims, report.claims, strict=True):
        told = [
            holds.get(result.status)
            for citation, result in zip(claim.citations, checked.citations, strict=True)
            if is_told(citation)
        ]
        cited = tuple(
            place.model_copy(update={"holds": found}) for place, found in zip(given.cited, told, strict=True)
        )
        claims.append(given.model_copy(update={"cited": cited}))
    return output.model_copy(update={"claims": tuple(claims)})
