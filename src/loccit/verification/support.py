"""Does a claim follow from the passages it cites? Computed on their texts, without a model of language.

The claim's words, names, numbers and negations are compared with the passages (`support_features`), and
learned weights say how the outcome compares with sentences that people wrote about their code. There are
four ways to be false, each with its own weights: another number, a negation too many or too few, another
name, and the behaviour of something else. A claim that falls by any of them is to be dropped. How often that
is right, and how often it is wrong: docs/explanation/verdicts.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from loccit.core.answers import Verdict, VerdictLabel
from loccit.verification.support_features import Agreement, compare
from loccit.verification.support_model import support_model
from loccit.verification.support_text import read_claim, read_passage

CHECKER = "loccit.local"
CHECKER_VERSION = "1"

# Scores below the first fall: of people's own sentences some one in twenty does. From the second on a claim
# is called supported: some nine in ten of people's sentences are. In between it stays, called partly
# supported.
DROPPED_BELOW = 0.5
SUPPORTED_FROM = 0.75
_CLASHES = frozenset({"number", "negation", "identifier"})


@dataclass(frozen=True, slots=True)
class Premise:
    """One cited passage: its text, where it stands (empty for a commit), the definition's name where known,
    and what of it was quoted.
    """

    text: str
    path: str = ""
    symbol: str = ""
    quotes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Disagreement:
    """What of a claim the passages do not bear out: `kind` is `number`, `identifier`, `negation` or
    `word`.
    """

    kind: str
    text: str
    message: str


@dataclass(frozen=True, slots=True)
class SupportFindings:
    """A verdict with its reasons: by what the claim falls (None where it stays), how far it is from falling
    in each way (log odds, negative where it does), and what the passages do not hold.
    """

    verdict: Verdict
    falls_by: str | None
    margins: Mapping[str, float]
    disagreements: tuple[Disagreement, ...]


def check_support(claim: str, premises: Sequence[Premise]) -> Verdict:
    """Whether the claim follows from its passages, whose order does not matter. Never raises for any text.

    `unsupported`: the passages speak of something else, or there are none. `contradicted`: they speak of it,
    but a number, a name or a negation differs. Both are to be dropped. `partly`: kept, though some of it is
    in doubt. The score is from 0 to 1: below `DROPPED_BELOW` a claim falls, from `SUPPORTED_FROM` on it is
    supported.
    """
    return explain_support(claim, premises).verdict


def explain_support(claim: str, premises: Sequence[Premise]) -> SupportFindings:
    """The verdict of `check_support` with its reasons."""
    said = read_claim(claim)
    passages = [read_passage(_whole(one), one.path, one.symbol) for one in premises]
    if not passages or not (said.stems or said.numbers):
        return SupportFindings(_verdict(VerdictLabel.UNSUPPORTED, 0.0), "behaviour", {}, ())
    model = support_model()
    agreement = compare(said, passages, model.words, model.vectors)
    margins = model.margins(agreement.features)
    worst = min(margins, key=lambda kind: (margins[kind], kind))
    score = _score(margins[worst])
    found = tuple(_disagreements(agreement))
    falls_by = worst if score < DROPPED_BELOW else None
    return SupportFindings(_verdict(_label(score, worst), score), falls_by, margins, found)


def _whole(premise: Premise) -> str:
    """Its text, and quotes that are not part of it."""
    return "\n".join((premise.text, *(quote for quote in premise.quotes if quote not in premise.text)))


def _verdict(label: VerdictLabel, score: float) -> Verdict:
    return Verdict(label=label, score=score, checker=CHECKER, version=CHECKER_VERSION)


def _score(margin: float) -> float:
    """From 0 to 1, at a margin of 0 one half."""
    return round(1 / (1 + math.exp(-max(-30.0, min(30.0, margin)))), 4)


def _label(score: float, worst: str) -> VerdictLabel:
    if score >= SUPPORTED_FROM:
        return VerdictLabel.SUPPORTED
    if score >= DROPPED_BELOW:
        return VerdictLabel.PARTLY
    return VerdictLabel.CONTRADICTED if worst in _CLASHES else VerdictLabel.UNSUPPORTED


def _disagreements(agreement: Agreement) -> list[Disagreement]:
    found = [
        Disagreement("number", one.number.text, f"the number {one.number.text} is not in the passages")
        for one in agreement.numbers
        if one.level == 0
    ]
    found += [
        Disagreement("identifier", one.name.text, f"the name {one.name.text!r} is not in the passages")
        for one in agreement.names
        if one.level == 0 and not one.is_common
    ]
    found += [
        Disagreement(
            "negation", one.negation.word, f"the claim says {one.negation.word!r}, the passages do not"
        )
        for one in agreement.negations
        if one.negated == 0
    ]
    named = {part for one in agreement.names for part in one.name.text.replace(".", " ").split()}
    found += [
        Disagreement("word", word, f"the passages do not speak of {word!r}")
        for word in agreement.missing
        if word not in named
    ]
    return found
