"""Which recent commits may have brought a fault in: those that changed the suspects after all was well.

Commits that may have touched the suspect files are found in the index of the history; how they touched them
is read from git by the caller; here they are put in order.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence, Set
from dataclasses import dataclass
from functools import lru_cache

from loccit.core.source import Tag, Touch
from loccit.core.suspects import Suspect
from loccit.indexing.terms import tokens
from loccit.retrieval.confidence import telling
from loccit.retrieval.issue_text import IssueText, VersionClue
from loccit.retrieval.query import QueryTerm, query_terms

# After so many days before the report a commit weighs half, after twice as many a third; and so for the other
# changes of the suspects between it and the report.
_DAYS, _CHANGES = 45.0, 8.0
_OLD = 0.03
# What "none of these" weighs beside the commits: a score is a share, and some is always left over.
_NONE_OF_THESE = 2.0
_IN_THE_FUNCTION = 2.0
_IN_THE_WINDOW = 2.0
_AFTER_BAD = 0.3
_BROUGHT_IN = 0.4
_IN_TIME = 0.5
_NAMED = 40.0
_TIDYING = 0.25
_DAY_S = 86_400
_MOST_WORDS = 4
_MESSAGE_CHARS = 4_000
# A subject that says that nothing of substance was changed.
_TIDIES = re.compile(
    r"\b(?:typos?|docstrings?|docs?|comments?|whitespace|lint(?:ing)?|format(?:ting|ted)?|isort|black|pep ?8"
    r"|flake8|bump(?:ed|s)?|copyright|changelog|spelling|release)\b",
    re.IGNORECASE,
)
_TAG_VERSION = re.compile(
    r"(?:^|[^\d.])v?(\d{1,5}(?:[._]\d{1,5}){0,3})((?:[._-]?(?:a|b|c|rc|alpha|beta|dev)[._-]?\d*)?)$"
)


@dataclass(frozen=True, slots=True)
class Window:
    """Between which versions the fault came in, as far as the report says and the tags tell.

    `good` and `bad` are tags, None where none is known. `after_good` are the commits that the good one does
    not have, None where it is not known; `after_bad` those that the bad one does not have.
    """

    good: Tag | None = None
    bad: Tag | None = None
    after_good: Set[str] | None = None
    after_bad: Set[str] = frozenset()


@dataclass(frozen=True, slots=True)
class RankedCulprit:
    """A commit that may have brought the fault in. `score` is a share, 0 to 1; reasons are short phrases."""

    touch: Touch
    score: float
    reasons: tuple[str, ...]


def tag_of(version: str, tags: Sequence[Tag]) -> Tag | None:
    """The tag of a version, whatever stands before its number; the newest where several would do."""
    wanted = _numbers(version)
    best: tuple[int, int, Tag] | None = None
    for tag in tags:
        found = _TAG_VERSION.search(tag.name)
        if found is None or found[2].strip("._-") != _suffix(version):
            continue
        if _numbers(found[1]) == wanted:
            # Of `1.2` and `docs-1.2` the first is meant.
            key = (-len(tag.name), tag.time, tag)
            best = max(best, key, key=lambda one: one[:2]) if best else key
    return best[2] if best else None


def versions_told(issue: IssueText, repo: str, clue: VersionClue) -> list[str]:
    """The versions of this software that the report calls good, or bad; of other software it says nothing."""
    names = {word.lower() for word in tokens(repo)}
    return [
        mention.version
        for mention in issue.versions
        if mention.clue is clue and (not mention.product or mention.product in names)
    ]


def rank_culprits(
    touches: Sequence[Touch],
    suspects: Sequence[Suspect],
    issue: IssueText,
    *,
    window: Window,
    reported: int,
    now: int,
) -> tuple[RankedCulprit, ...]:
    """The commits of `touches` that can have brought the fault in, likeliest first.

    `reported` is when the issue was, `now` when this is answered (seconds since the epoch). Left out are
    commits younger than the report and those that the good version has. A commit of the future has a wrong
    clock: it counts as an old one.
    """
    wanted = {term.term: term for term in query_terms(_said(issue)) if term.weight == 1.0}
    possible = [
        touch
        for touch in sorted(touches, key=lambda one: (-one.time, one.commit))
        # A root brought everything in at once, which says nothing.
        if not touch.is_root and (window.after_good is None or touch.commit in window.after_good)
    ]
    weighed = [(touch, *_weight(touch, suspects, issue, window, wanted, reported, now)) for touch in possible]
    left = [
        (touch, weight / (1 + number / _CHANGES), reasons)
        for number, (touch, weight, reasons) in enumerate(one for one in weighed if one[1] > 0)
    ]
    total = _NONE_OF_THESE + sum(weight for _, weight, _ in left)
    left.sort(key=lambda one: (-one[1], -one[0].time, one[0].commit))
    return tuple(RankedCulprit(touch, weight / total, tuple(reasons)) for touch, weight, reasons in left)


def _weight(
    touch: Touch,
    suspects: Sequence[Suspect],
    issue: IssueText,
    window: Window,
    wanted: dict[str, QueryTerm],
    reported: int,
    now: int,
) -> tuple[float, list[str]]:
    """What speaks for a commit, and why; 0 where it cannot be."""
    is_named = any(touch.commit.startswith(name) for name in issue.commits)
    if touch.time <= now and touch.time > reported:
        return 0.0, []
    touched = [suspect for suspect in suspects if suspect.path in touch.paths]
    weight = sum(suspect.probability for suspect in touched)
    if not weight:
        return 0.0, []
    reasons = ["the report names this commit"] if is_named else []
    share, functions = _functions(touch, touched)
    weight *= 1 + _IN_THE_FUNCTION * share
    # What came with its file never worked otherwise: few reports are about that.
    weight *= _BROUGHT_IN if all(suspect.path in touch.added for suspect in touched) else 1.0
    if functions:
        reasons.append(f"changed {', '.join(functions[:3])}")
    else:
        reasons.append(f"changed {', '.join(_name(suspect.path) for suspect in touched[:3])}")
    # What the bad version got on a branch of its own may stand here as a later commit: only less likely.
    is_later = touch.commit in window.after_bad
    weight *= _AFTER_BAD if is_later else _IN_THE_WINDOW if window.good or window.bad else 1.0
    if window.good or (window.bad and not is_later):
        reasons.append(_window_text(window, is_later=is_later))
    recency = _recency(touch, reported, now, reasons)
    # Where the versions say when, the time before the report says little.
    weight *= max(recency, _IN_TIME) if window.good and not is_later else recency
    words = _common(touch.message, wanted)
    weight *= 1 + math.log1p(sum(telling(term) for term in words))
    if words:
        reasons.append(f"says {', '.join(term.word for term in words[:_MOST_WORDS])}")
    subject = touch.message.partition("\n")[0]
    if _TIDIES.search(subject):
        weight *= _TIDYING
    return weight * (_NAMED if is_named else 1.0), reasons


def _functions(touch: Touch, touched: Sequence[Suspect]) -> tuple[float, list[str]]:
    """How likely the likeliest of the suspected functions is that the commit changed, beside the likeliest of
    its file, 0 to 1; and the names of all of them.
    """
    share, names = 0.0, list[str]()
    for suspect in touched:
        changed = set(touch.symbols[touch.paths.index(suspect.path)])
        most = max((function.score for function in suspect.functions), default=0.0)
        for function in suspect.functions:
            # A hunk's header may name the class that the function is in, which says less.
            if function.symbol.rpartition(".")[2] in changed:
                share = max(share, function.score / most if most > 0 else 0.0)
                names.append(function.symbol)
    return share, list(dict.fromkeys(names))


def _recency(touch: Touch, reported: int, now: int, reasons: list[str]) -> float:
    if touch.time > now:
        reasons.append("its clock was ahead: when it was made cannot be said")
        return _OLD
    days = max(0, reported - touch.time) / _DAY_S
    reasons.append(_ago(days))
    return max(_OLD, 1 / (1 + days / _DAYS))


def _ago(days: float) -> str:
    if days < 1:
        return "less than a day before the report"
    count, unit = (
        (days, "day") if days < 60 else (days / 30.4, "month") if days < 730 else (days / 365.25, "year")
    )
    shown = round(count)
    return f"{shown} {unit}{'s' if shown != 1 else ''} before the report"


def _window_text(window: Window, *, is_later: bool) -> str:
    """Where the commit stands to the versions that the report names."""
    after = f"not yet in {window.good.name}" if window.good else ""
    within = f"in {window.bad.name}" if window.bad and not is_later else ""
    return ", but ".join(part for part in (after, within) if part)


def _common(message: str, wanted: dict[str, QueryTerm]) -> list[QueryTerm]:
    """The issue's words that the message holds, most telling first."""
    held = _held(message[:_MESSAGE_CHARS])
    return sorted(
        (term for name, term in wanted.items() if name in held and telling(term) > 0),
        key=lambda term: (-telling(term), term.term),
    )


@lru_cache(maxsize=2_000)
def _held(message: str) -> frozenset[str]:
    """The terms of a message: the same newest commits are looked at for one issue after another."""
    return frozenset(term.term for term in query_terms(message))


def _said(issue: IssueText) -> str:
    return "\n".join([issue.title, issue.prose, *(f"{error.kind} {error.message}" for error in issue.errors)])


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _numbers(version: str) -> tuple[int, ...]:
    """`2.1`, `2.1.0` and `2_1` are one version."""
    numbers = [int(part) for part in re.findall(r"\d+", re.split(r"[A-Za-z-]", version)[0])]
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def _suffix(version: str) -> str:
    found = re.search(r"[A-Za-z].*$", version)
    return found[0] if found and found[0] not in {"x", "Final"} else ""
