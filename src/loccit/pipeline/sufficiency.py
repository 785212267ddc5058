"""Whether an issue says enough to go on, and what to ask the reporter where it does not."""

from __future__ import annotations

import re
from dataclasses import dataclass

from loccit.core.suspects import Localisation, ReasonKind
from loccit.core.triage import Asking
from loccit.retrieval.confidence import telling
from loccit.retrieval.issue_text import IssueText
from loccit.retrieval.query import query_terms

# A report with less than this much of telling words, and no other sign, could be about anything.
_FEWEST_TELLING = 1.5
_STEPS = re.compile(
    r"\b(?:steps?|reproduc\w{0,6}|to repro|how to|when i|if i|after i|whenever)\b", re.IGNORECASE
)
_EXPECTED = re.compile(
    r"\b(?:expect\w{0,6}|should|instead|rather than|actual\w{0,3}|supposed to|but (?:it|i) )", re.IGNORECASE
)
_FAILS = re.compile(
    r"\b(?:error|exception|crash\w{0,3}|fail\w{0,3}|traceback|panic|stack ?trace)\b", re.IGNORECASE
)

_QUESTIONS = {
    Asking.NAMES: "Which command, function, page or file is it about? Please name it as it is written there.",
    Asking.TRACEBACK: "Please paste the whole error message with its stack trace.",
    Asking.CODE: "Please add the smallest piece of code or input that shows it.",
    Asking.STEPS: "Which steps lead to it, from a fresh start?",
    Asking.EXPECTED: "What did you expect, and what happened instead?",
    Asking.VERSION: "Which version is it, and which was the last one in which it worked?",
}


@dataclass(frozen=True, slots=True)
class Sufficiency:
    """Whether there is enough to go on; `lacking` is what would help, most helpful first; `why` where not."""

    is_enough: bool
    lacking: tuple[Asking, ...]
    why: str = ""


def judge(issue: IssueText, found: Localisation, *, least_confidence: float) -> Sufficiency:
    """Judge by how sure the localisation is, whether the issue names what is here, and how much it says."""
    lacking = _lacking(issue)
    names_here = any(
        reason.kind in (ReasonKind.MENTION, ReasonKind.TRACEBACK)
        for suspect in (*found.suspects[:3], *found.tests[:1], *found.docs[:1])
        for reason in suspect.reasons
    )
    if not (found.suspects or found.tests or found.docs):
        return Sufficiency(False, lacking, "nothing here holds what the issue says")
    if found.confidence < least_confidence:
        if issue.tracebacks and not names_here:
            return Sufficiency(False, lacking, "the stack trace names nothing that is here")
        return Sufficiency(False, lacking, "too little of what it says points anywhere in particular")
    if not names_here and _told(issue) < _FEWEST_TELLING:
        return Sufficiency(False, lacking, "it says too little that is not said of any software")
    return Sufficiency(True, lacking)


def question_for(what: Asking) -> str:
    """The question that asks a reporter for it."""
    return _QUESTIONS[what]


def _told(issue: IssueText) -> float:
    """How much the words of the issue tell; code and tracebacks aside."""
    errors = " ".join(f"{error.kind} {error.message}" for error in issue.errors)
    text = " ".join([issue.title, issue.prose, *issue.names, *issue.paths, errors])
    return sum(telling(term) for term in query_terms(text) if term.weight == 1.0)


def _lacking(issue: IssueText) -> tuple[Asking, ...]:
    said = "\n".join([issue.title, issue.prose, *issue.headings])
    has_code = bool(issue.code or issue.tracebacks)
    lacks = {
        Asking.NAMES: not issue.names and not issue.paths and not issue.tracebacks,
        Asking.TRACEBACK: not issue.tracebacks and bool(_FAILS.search(said)),
        Asking.CODE: not has_code,
        Asking.STEPS: not _STEPS.search(said) and not issue.code,
        Asking.EXPECTED: not _EXPECTED.search(said),
        Asking.VERSION: not issue.versions,
    }
    return tuple(what for what, is_missing in lacks.items() if is_missing)
