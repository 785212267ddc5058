"""Is the answer right, does it rest on its citations, and does it keep silent when it should?

None of these figures is enough alone: copying the best passage cites perfectly and says little, and whoever
never answers is never wrong. Reports show them together.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from loccit.core.answers import VerdictLabel
from loccit.evals.datasets import COMMIT_MESSAGE, Gold, Job, Lines, Sample
from loccit.evals.metrics import Metric
from loccit.evals.outputs import Cited, Output, OutputClaim, OutputOutcome
from loccit.evals.scoring import Scores
from loccit.verification.support import CHECKER_VERSION, Premise, check_support

COVERAGE = Metric("coverage", "Answered, of the questions that the sources can answer.")
ABSTENTION_RECALL = Metric("abstention.recall", "Declined, of those that they cannot.")
ABSTENTION_PRECISION = Metric("abstention.precision", "Rightly declined, of all that were declined.")
CORRECT = Metric("correct.f1", "Words in common with the reference answer; nothing for a declined one.")
CLAIM_RECALL = Metric("claims.recall", "Of what a complete answer says, what this one says.")
CITATION_PRECISION = Metric("citations.precision", "Citations of a right place, of all citations.")
CITATION_RECALL = Metric("citations.recall", "Right places that are cited, of all right places.")
CITATIONS_HOLD = Metric("citations.hold", "Citations whose bytes are there, of all that were checked.")
GROUNDED = Metric("grounded", "Claims that their own citations bear out, by the local check.")

_BEARS_OUT = frozenset({VerdictLabel.SUPPORTED})
_WORD = re.compile(r"\w+")


class AnswersScorer:
    """Correctness, citation quality, groundedness and abstention of answers, computed without a model.

    Of a search, a triage or a fix it says nothing.

    `correct.f1` is the F1 of words as SQuAD has it: a weak measure of what is right, told beside the others.
    `claims.recall` counts the reference claims that the answer says word for word, or bears out by the local
    support check.
    """

    name = "answers"
    version = f"1, checker {CHECKER_VERSION}"
    metrics = (
        COVERAGE,
        ABSTENTION_RECALL,
        ABSTENTION_PRECISION,
        CORRECT,
        CLAIM_RECALL,
        CITATION_PRECISION,
        CITATION_RECALL,
        CITATIONS_HOLD,
        GROUNDED,
    )

    def expected(self, sample: Sample) -> frozenset[str]:
        """See `Scorer`."""
        gold = sample.gold
        if sample.job is not Job.ASK:
            return frozenset()
        if gold.abstain:
            return frozenset({ABSTENTION_RECALL.name})
        if sample.job is not Job.ASK:
            return frozenset()
        names = {COVERAGE.name}
        if gold.answer:
            names.add(CORRECT.name)
        if gold.claims:
            names.add(CLAIM_RECALL.name)
        if gold.passages or gold.files:
            names.add(CITATION_RECALL.name)
        return frozenset(names)

    async def score(self, sample: Sample, output: Output) -> Scores:
        """See `Scorer`."""
        if sample.job is not Job.ASK:
            return Scores()
        gold = sample.gold
        if sample.job is not Job.ASK and not gold.abstain:
            return Scores()  # a search and a triage are no texts, and cite nothing
        declined = output.outcome is OutputOutcome.ABSTAINED
        values: dict[str, float] = {}
        if gold.abstain:
            values[ABSTENTION_RECALL.name] = float(declined)
        else:
            values[COVERAGE.name] = float(not declined)
            # What is said beside a declined answer ("I do not know …") is no part of one.
            values |= _of_reference(gold, Output() if declined else output)
        if declined:
            values[ABSTENTION_PRECISION.name] = float(gold.abstain)
        values |= _of_citations(output)
        return Scores(values)


def _of_reference(gold: Gold, output: Output) -> dict[str, float]:
    """What is compared with what would be right. Whoever declines says nothing of it."""
    values: dict[str, float] = {}
    if gold.answer:
        values[CORRECT.name] = word_f1(output.text, gold.answer)
    if gold.claims:
        said, words = _said(output), _words(output.text)
        # The check was made for sentences about code: of one that stands there as it is nobody need ask.
        found = [
            bool(said)
            and (
                (bool((wanted := _words(claim)).strip()) and wanted in words)
                or check_support(claim, said).label in _BEARS_OUT
            )
            for claim in gold.claims
        ]
        values[CLAIM_RECALL.name] = sum(found) / len(found)
    cited = [place for claim in output.claims for place in claim.cited]
    if gold.passages or gold.files:
        values[CITATION_RECALL.name] = _share_cited(gold, cited)
        if cited:
            values[CITATION_PRECISION.name] = sum(_is_right(gold, one) for one in cited) / len(cited)
    return values


def _of_citations(output: Output) -> dict[str, float]:
    """What the answer's own citations are worth, whatever would be right."""
    values: dict[str, float] = {}
    checked = [place.holds for claim in output.claims for place in claim.cited if place.holds is not None]
    if checked:
        values[CITATIONS_HOLD.name] = sum(checked) / len(checked)
    if output.claims:
        values[GROUNDED.name] = sum(_is_grounded(claim) for claim in output.claims) / len(output.claims)
    return values


def _is_grounded(claim: OutputClaim) -> bool:
    """Whether the quotes bear out the claim: checked here, for every system alike."""
    if any(place.holds is False for place in claim.cited):
        return False
    if claim.is_quotation:
        return bool(claim.cited)
    premises = [_premise(place) for place in claim.cited if place.quote]
    return bool(premises) and check_support(claim.text, premises).label in _BEARS_OUT


def _said(output: Output) -> list[Premise]:
    """The answer as something that may bear out a sentence: its text, and what it quotes."""
    quoted = [_premise(place) for claim in output.claims for place in claim.cited if place.quote]
    return [*([Premise(output.text, quotes=(output.text,))] if output.text else []), *quoted]


def _words(text: str) -> str:
    """The words of a text alone, so that one can be looked for in another."""
    return f" {' '.join(_WORD.findall(text.casefold()))} "


def _premise(place: Cited) -> Premise:
    return Premise(place.quote, path=place.path, quotes=(place.quote,))


def _share_cited(gold: Gold, cited: Sequence[Lines]) -> float:
    if any(_is_right_commit(gold, one) for one in cited):
        return 1.0
    if gold.passages:
        return sum(any(one.overlaps(right) for one in cited) for right in gold.passages) / len(gold.passages)
    paths = {place.path for place in cited}
    return len(paths.intersection(gold.files)) / len(set(gold.files))


def _is_right_commit(gold: Gold, place: Lines) -> bool:
    return place.path == COMMIT_MESSAGE and place.commit in gold.commits


def _is_right(gold: Gold, place: Lines) -> bool:
    if _is_right_commit(gold, place):
        return True
    if gold.passages:
        return any(place.overlaps(right) for right in gold.passages)
    return place.path in gold.files


def word_f1(said: str, reference: str) -> float:
    """F1 of the words of two texts, each as often as it stands there (Rajpurkar et al. 2016)."""
    ours, theirs = (Counter(_WORD.findall(text.casefold())) for text in (said, reference))
    common = sum((ours & theirs).values())
    if not common:
        return 0.0
    precision, recall = common / sum(ours.values()), common / sum(theirs.values())
    return 2 * precision * recall / (precision + recall)
