"""What a run has found so far, in the form that its report has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from loccit.agents.fix.task import FixTask
from loccit.agents.fix.workshop import snapshots_of
from loccit.core.fixes import (
    Fix,
    FixBranch,
    FixCheck,
    FixOutcome,
    FixReason,
    FixReview,
    FixStep,
    Lesson,
    Reproduction,
    ReviewVerdict,
    seal,
)
from loccit.core.visible import one_line, visible

_MOST_LESSON = 4_000


@dataclass(slots=True)
class Story:
    """Gathered while a run goes on; `fix` makes the document of it."""

    task: FixTask
    understood: Sequence[Mapping[str, Any]] = ()
    snapshots: Sequence[Mapping[str, Any]] = ()
    reproduction: Reproduction | None = None
    plan: str = ""
    reasons: list[Mapping[str, Any]] = field(default_factory=list[Mapping[str, Any]])
    dropped: list[str] = field(default_factory=list[str])
    steps: list[FixStep] = field(default_factory=list[FixStep])
    checks: tuple[FixCheck, ...] = ()
    reviews: list[FixReview] = field(default_factory=list[FixReview])
    repairs: int = 0
    not_verified: list[str] = field(default_factory=list[str])
    of_last_round: list[str] = field(default_factory=list[str])
    lesson: Lesson | None = None

    def add_step(self, name: str, text: str, ended: Mapping[str, Any]) -> None:
        """A step with what its commit changed."""
        self.steps.append(FixStep(name=name, text=visible(text), **ended))

    def add_review(self, result: Mapping[str, Any]) -> FixReview:
        """What the reader said; whoever approves and objects has objected."""
        objections = tuple(visible(each) for each in result["objections"] if each.strip())
        is_approved = bool(result["approved"]) and not objections
        if not is_approved and not objections:
            objections = ("the reader does not approve, and does not say why",)
        verdict = ReviewVerdict.APPROVED if is_approved else ReviewVerdict.OBJECTED
        review = FixReview(verdict=verdict, objections=objections)
        self.reviews.append(review)
        return review

    def propose(self, lesson: Mapping[str, Any] | None) -> None:
        """What a later run should know; the last one counts."""
        if lesson:
            title, text = one_line(str(lesson["title"]))[:120], visible(str(lesson["text"]))[:_MOST_LESSON]
            self.lesson = Lesson(title=title, text=text)

    def fix(self, outcome: FixOutcome, why: str, finished: Mapping[str, Any]) -> Fix:
        """The document, without what differs from run to run."""
        branch = finished["branch"]
        return seal(
            issue=self.task.told(),
            repo=self.task.repo,
            base=self.task.base,
            outcome=outcome,
            why=visible(why),
            understood=tuple(FixReason.model_validate(each) for each in self.understood),
            reproduction=self.reproduction,
            plan=visible(self.plan),
            reasons=tuple(FixReason.model_validate(each) for each in self.reasons),
            dropped=tuple(self.dropped),
            steps=tuple(self.steps),
            checks=self.checks,
            reviews=tuple(self.reviews),
            repairs=self.repairs,
            not_verified=tuple(dict.fromkeys(map(visible, (*self.not_verified, *self.of_last_round)))),
            lesson=self.lesson,
            branch=None if branch is None else FixBranch.model_validate(branch),
            diff=finished["diff"],
            snapshots=snapshots_of(self.snapshots),
        )
