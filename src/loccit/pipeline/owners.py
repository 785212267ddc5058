"""Whom to ask about the suspects: who owns them by CODEOWNERS, and who has changed them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from loccit.core.source import Touch
from loccit.core.suspects import Suspect
from loccit.sources.codeowners import CodeOwners, OwnerRule

# A change counts half for every so many days before the moment of the question.
_HALVED_AFTER_DAYS = 365.0
_DAY_S = 86_400
_BOT = re.compile(r"\[bot\]$|\bbot$|^(?:dependabot|renovate|github-actions|pre-commit-ci)\b", re.IGNORECASE)


@dataclass(slots=True)
class FoundOwner:
    """Somebody to ask. `share` is the share of the suspects' probability that is theirs, 0 to 1.

    `commit` is their newest change, `rules` are lines of CODEOWNERS; either is what there is to cite.
    """

    name: str
    share: float
    reasons: tuple[str, ...] = ()
    commit: str | None = None
    rules: tuple[OwnerRule, ...] = ()


@dataclass(slots=True)
class _Tally:
    weight: float = 0.0
    paths: dict[str, int] = field(default_factory=dict[str, int])
    last: int = 0
    commit: str = ""


def owners_by_rule(owners: CodeOwners, suspects: Sequence[Suspect]) -> list[FoundOwner]:
    """Who owns the suspects by CODEOWNERS, by share. E-mail addresses are told by their line only."""
    total = sum(suspect.probability for suspect in suspects) or 1.0
    found: dict[str, FoundOwner] = {}
    for suspect in suspects:
        for rule in owners.rules_for(suspect.path):
            for written in rule.owners:
                name = _shown(written, rule)
                owner = found.setdefault(name, FoundOwner(name, 0.0))
                owner.share = min(1.0, owner.share + suspect.probability / total)
                if rule not in owner.rules:
                    owner.rules = (*owner.rules, rule)
                    owner.reasons = (*owner.reasons, f"CODEOWNERS line {rule.line}: {rule.pattern}")
    return sorted(found.values(), key=lambda owner: (-owner.share, owner.name))


def owners_by_history(touches: Sequence[Touch], suspects: Sequence[Suspect], now: int) -> list[FoundOwner]:
    """Who has changed the suspects, by share: recent changes and likelier suspects count for more.

    Bots, and authors who go by an e-mail address, are left out.
    """
    probability = {suspect.path: suspect.probability for suspect in suspects}
    tallies: dict[str, _Tally] = {}
    for touch in touches:
        name = " ".join(touch.author.split())
        if not name or "@" in name or _BOT.search(name):
            continue
        # A clock that was ahead makes nobody's change newer than new.
        days = max(0, now - touch.time) / _DAY_S
        tally = tallies.setdefault(name, _Tally())
        tally.weight += 2 ** (-days / _HALVED_AFTER_DAYS) * sum(probability.get(p, 0.0) for p in touch.paths)
        for path in touch.paths:
            tally.paths[path] = tally.paths.get(path, 0) + 1
        if min(touch.time, now) > tally.last or not tally.commit:
            tally.last, tally.commit = min(touch.time, now), touch.commit
    total = sum(tally.weight for tally in tallies.values()) or 1.0
    ranked = sorted(tallies.items(), key=lambda item: (-item[1].weight, item[0]))
    return [
        FoundOwner(name, tally.weight / total, (_history_text(tally, probability),), commit=tally.commit)
        for name, tally in ranked
    ]


def has_address(rule: OwnerRule) -> bool:
    """Whether a line of CODEOWNERS holds an e-mail address, which is not to be shown."""
    return any(_is_address(owner) for owner in rule.owners)


def _shown(written: str, rule: OwnerRule) -> str:
    return f"an e-mail address on line {rule.line} of CODEOWNERS" if _is_address(written) else written


def _is_address(owner: str) -> bool:
    return not owner.startswith("@")


def _history_text(tally: _Tally, probability: dict[str, float]) -> str:
    """What they changed most of what is suspected most, how often, and when last."""
    path, count = max(
        tally.paths.items(), key=lambda item: (item[1] * probability.get(item[0], 0.0), item[1], item[0])
    )
    day = datetime.fromtimestamp(tally.last, UTC).date().isoformat()
    name = path.rpartition("/")[2]
    times = "once" if count == 1 else f"{count} times"
    return f"changed {name} {times}, last on {day}"
