"""Questions that the sources do not answer, grouped by what they ask about: gaps of a documentation."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from loccit.core.words import stems, tokens, words_of
from loccit.retrieval.query import STOP_WORDS

# Two questions are about the same where the rarer words of the shorter one are mostly those of the other.
_SHARED = 0.5
_FEWEST = 2
_NOT = re.compile(r"n['’]t\b")


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A question that was not answered, its run, and when it was asked (seconds since the epoch)."""

    question: str
    run: str
    at: float


@dataclass(frozen=True, slots=True)
class Gap:
    """Questions about the same thing, the newest first, and the words that they share, most shared first."""

    words: tuple[str, ...]
    questions: tuple[Unanswered, ...]


@dataclass(slots=True)
class _Group:
    members: list[Unanswered] = field(default_factory=list["Unanswered"])
    counts: Counter[str] = field(default_factory=Counter["str"])
    names: dict[str, str] = field(default_factory=dict["str", "str"])

    def likeness(self, words: Mapping[str, str]) -> float:
        """How much a question with these words is like those of the group, 0 to 1."""
        common = {stem for stem, count in self.counts.items() if 2 * count >= len(self.members)}
        shared = len(words.keys() & common)
        if shared < min(_FEWEST, len(words)):
            return 0.0
        return shared / max(1, min(len(words), len(common)))

    def add(self, one: Unanswered, words: Mapping[str, str]) -> None:
        """Take a question in."""
        self.members.append(one)
        self.counts.update(words.keys())
        self.names.update({stem: word for stem, word in words.items() if stem not in self.names})


def gaps(unanswered: Sequence[Unanswered]) -> tuple[Gap, ...]:
    """The questions in groups, the largest first, then the newest."""
    groups: list[_Group] = []
    for one in sorted(unanswered, key=lambda each: -each.at):
        words = _stems(one.question)
        best = max(groups, key=lambda group: group.likeness(words), default=None)
        if best is None or best.likeness(words) < _SHARED:
            best = _Group()
            groups.append(best)
        best.add(one, words)
    found = [
        Gap(tuple(group.names[stem] for stem, _ in group.counts.most_common(4)), tuple(group.members))
        for group in groups
    ]
    return tuple(sorted(found, key=lambda gap: (-len(gap.questions), -gap.questions[0].at)))


def _stems(question: str) -> dict[str, str]:
    """The words that say what a question is about: by stem as they are written."""
    words = [word for token in tokens(_NOT.sub("", question[:4_000])) for word in words_of(token)]
    telling = [word for word in words if word not in STOP_WORDS and len(word) > 1]
    return dict(zip(stems(telling), telling, strict=True))
