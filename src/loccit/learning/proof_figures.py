"""The figures of a proof: means, paired differences, splits and calibration, each with its interval.

Cases that one commit fixed are no independent witnesses: intervals take each fix as one group.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import takewhile

from loccit.evals import Calibration, Interval, Scale, calibration, mean, paired_difference
from loccit.learning.past_cases import Origin
from loccit.learning.proof import Proof, ProvedCase

SPLIT_METRIC = "recall@5"
_MOST_COMPONENTS = 6
_REST = "elsewhere"
_FEW_FILES = 3
_WEEK, _QUARTER = 7 * 86_400, 91 * 86_400


@dataclass(frozen=True, slots=True)
class Group:
    """Some of the cases, by what they have in common."""

    name: str
    cases: tuple[ProvedCase, ...]


@dataclass(frozen=True, slots=True)
class Split:
    """All cases, parted by one question."""

    name: str
    question: str
    groups: tuple[Group, ...]


def score(cases: Sequence[ProvedCase], system: str, metric: str) -> Interval:
    """The mean score of a system over these cases, at least one."""
    return mean(_scores(cases, system, metric), clusters=_fixes(cases))


def gain(cases: Sequence[ProvedCase], ours: str, theirs: str, metric: str) -> Interval:
    """What one system has over another on the same cases."""
    return paired_difference(
        _scores(cases, ours, metric), _scores(cases, theirs, metric), clusters=_fixes(cases)
    )


def duration(cases: Sequence[ProvedCase], system: str) -> Interval | float:
    """Seconds per case; without an interval where there is one case alone."""
    values = {str(at): one.results[system].seconds for at, one in enumerate(cases)}
    return mean(values, scale=Scale.AMOUNT) if len(values) > 1 else values["0"]


def predicted(cases: Sequence[ProvedCase]) -> Calibration | None:
    """How the probabilities of the first ten files stand to what came true; None where no file was named."""
    placed = [(one.case.commit, each) for one in cases for each in one.placed]
    if not placed:
        return None
    return calibration(
        [each.probability for _, each in placed],
        [each.is_right for _, each in placed],
        groups=[commit for commit, _ in placed],
    )


def splits(proof: Proof) -> tuple[Split, ...]:
    """The cases by what the issue says, by time, by the size of the fix, and by component."""
    found = [
        _split(proof, "named", "Does the issue name the file?", _named, ("names it", "names nothing")),
        _split(proof, "size", "How many files did the fix change?", _size, ("1 file", "2–3 files", "more")),
    ]
    if proof.origin is Origin.ISSUES:
        ages = ("within a week", "within three months", "later")
        found.append(_split(proof, "age", "How long was the issue open?", _age, ages))
    if len(proof.blocks) > 1:
        periods = [f"{day(block.first)} to {day(block.last)}" for block in proof.blocks]
        periods = [f"{at}: {period}" for at, period in enumerate(periods, start=1)]
        question = "When was it?"
        found.append(_split(proof, "time", question, lambda one: periods[one.block], tuple(periods)))
    return (*found, _components(proof))


def _split(
    proof: Proof, name: str, question: str, of: Callable[[ProvedCase], str], order: tuple[str, ...]
) -> Split:
    groups = [Group(each, tuple(one for one in proof.cases if of(one) == each)) for each in order]
    return Split(name, question, tuple(group for group in groups if group.cases))


def _named(one: ProvedCase) -> str:
    return "names it" if one.names_file else "names nothing"


def _size(one: ProvedCase) -> str:
    count = len(one.case.changed)
    return "1 file" if count == 1 else "2–3 files" if count <= _FEW_FILES else "more"


def _age(one: ProvedCase) -> str:
    age = one.case.time - (one.case.created or one.case.time)
    return "within a week" if age <= _WEEK else "within three months" if age <= _QUARTER else "later"


def day(time: int) -> str:
    """The day of a time, in UTC; as a number where it is beyond the calendar."""
    try:
        return datetime.fromtimestamp(time, UTC).date().isoformat()
    except (OverflowError, ValueError, OSError):
        return str(time)


def _components(proof: Proof) -> Split:
    """By the folder below that which all fixes have in common, by file where that is all; the smallest ones
    together.
    """
    paths = [min(one.case.gold) for one in proof.cases]
    shared = _shared_depth([path.split("/")[:-1] for path in paths])
    of = [_below(path, shared) for path in paths]
    if len(set(of)) == 1:
        of = paths
    common = [name for name, _ in Counter(of).most_common(_MOST_COMPONENTS)]
    names = [name if name in common else _REST for name in of]
    order = (*common, *((_REST,) if _REST in names else ()))
    groups = [
        Group(each, tuple(one for one, name in zip(proof.cases, names, strict=True) if name == each))
        for each in order
    ]
    return Split("component", "Which part was changed?", tuple(groups))


def _shared_depth(folders: Sequence[Sequence[str]]) -> int:
    """How many folders, from the top, all of these begin with."""
    return sum(1 for _ in takewhile(lambda level: len(set(level)) == 1, zip(*folders, strict=False)))


def _below(path: str, shared: int) -> str:
    """The folder of the path that is one level below the shared one, at most."""
    return "/".join(path.split("/")[:-1][: shared + 1]) or "(top folder)"


def _scores(cases: Sequence[ProvedCase], system: str, metric: str) -> dict[str, float]:
    return {str(at): one.results[system].scores[metric] for at, one in enumerate(cases)}


def _fixes(cases: Sequence[ProvedCase]) -> dict[str, str]:
    return {str(at): one.case.commit for at, one in enumerate(cases)}
