"""Which labels an issue should have: as past issues like it have, or as the place of its suspects says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from loccit.core.issues import Issue
from loccit.core.suspects import Suspect

_FEWEST_VOTES = 2
_CLEAR_SHARE = 0.5
_MOST_VOTERS = 10
_MOST_LABELS = 3


@dataclass(frozen=True, slots=True)
class SimilarIssue:
    """A past issue that is like the one in question, as it stood at the moment of the question.

    `score` is comparable within one search only; `probability` is that of being a duplicate, 0 to 1;
    `evidence` is what both have, in phrases.
    """

    issue: Issue
    score: float
    probability: float
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FoundLabel:
    """A label, how much of what speaks for any speaks for it (0 to 1), and why."""

    label: str
    share: float
    reasons: tuple[str, ...]


def suggest_labels(
    allowed: Sequence[str],
    similar: Sequence[SimilarIssue],
    component_labels: Mapping[str, str],
    suspects: Sequence[Suspect],
) -> tuple[FoundLabel, ...]:
    """Labels that most of what is known speaks for, clearest first; none where nothing is clear.

    `allowed` are the only ones that may be suggested; without any, those that the similar issues have.
    """
    permitted = set(allowed) or {label for one in similar for label in one.issue.labels}
    permitted |= set(component_labels.values()) if not allowed else set()
    found = [*_by_component(component_labels, suspects), *_by_votes(similar)]
    best: dict[str, FoundLabel] = {}
    for one in found:
        if one.label in permitted and one.share >= _CLEAR_SHARE:
            known = best.get(one.label)
            reasons = (*known.reasons, *one.reasons) if known else one.reasons
            best[one.label] = FoundLabel(one.label, max(one.share, known.share if known else 0.0), reasons)
    return tuple(sorted(best.values(), key=lambda one: (-one.share, one.label))[:_MOST_LABELS])


def _by_votes(similar: Sequence[SimilarIssue]) -> list[FoundLabel]:
    voters = [one for one in similar if one.issue.labels][:_MOST_VOTERS]
    total = sum(one.score for one in voters)
    votes: dict[str, list[SimilarIssue]] = {}
    for one in voters:
        for label in one.issue.labels:
            votes.setdefault(label, []).append(one)
    return [
        FoundLabel(
            label,
            sum(one.score for one in those) / total if total else 0.0,
            (f"{len(those)} of {len(voters)} similar issues have it, such as {those[0].issue.id}",),
        )
        for label, those in votes.items()
        if len(those) >= _FEWEST_VOTES
    ]


def _by_component(component_labels: Mapping[str, str], suspects: Sequence[Suspect]) -> list[FoundLabel]:
    total = sum(suspect.probability for suspect in suspects)
    shares: dict[str, float] = {}
    prefix_of: dict[str, str] = {}
    for suspect in suspects:
        # Of the prefixes that fit, the longest says most.
        prefix = max((p for p in component_labels if suspect.path.startswith(p)), key=len, default=None)
        if prefix is not None and total:
            label = component_labels[prefix]
            shares[label] = shares.get(label, 0.0) + suspect.probability / total
            prefix_of.setdefault(label, prefix)
    return [
        FoundLabel(label, min(share, 1.0), (f"the likeliest files are below {prefix_of[label]}",))
        for label, share in shares.items()
    ]
