"""How right triages were that a server made of issues when they came in, now that the issues are mended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from loccit.core.errors import IndexBroken, MalformedAnswer
from loccit.core.source import FileRole
from loccit.core.triage import Triage, parse_triage
from loccit.evals.statistics import Interval, mean, proportion
from loccit.pipeline.issue_comment import likely_duplicates, path_of
from loccit.sources.roles import role_of
from loccit.telemetry.triages import TriagedIssue

CUTS = (1, 5, 10)


class NotScored(StrEnum):
    """Why a triage says nothing yet of how right triages are. The value is what the report says."""

    NOT_MENDED = "nobody mended it yet, or nobody said how"
    TOO_LATE = "it was triaged after it was mended"
    NO_SOURCE = "what mended it changed no source file"


@dataclass(frozen=True, slots=True)
class DuplicateFigures:
    """Past issues that were shown as saying the same, where a maintainer said what is true.

    `right` and `wrong` count issues for which some were shown, `missed` those of which the right one was not.
    `precision` is None without any.
    """

    right: int
    wrong: int
    missed: int
    precision: Interval | None


@dataclass(frozen=True, slots=True)
class ShadowReport:
    """How right triages were, of issues that were mended after they were triaged.

    `hits` says by how many files are looked at in how many of the `scored` issues one of them was changed by
    the fix; triages that named no file (`silent`) are not among them. Issues of one fix count as a group.
    `confidence` is what the triages themselves said of the first ten, on average. `hits` is empty, and
    `confidence` None, where nothing is scored.
    """

    triaged: int
    scored: int
    silent: int
    hits: dict[int, Interval]
    confidence: float | None
    duplicates: DuplicateFigures
    left_out: dict[str, int]

    def to_json(self) -> dict[str, Any]:
        """The document `loccit-shadow/1`."""
        return {
            "format": "loccit-shadow/1",
            "triaged": self.triaged,
            "scored": self.scored,
            "silent": self.silent,
            "hits": [{"files": cut, **asdict(interval)} for cut, interval in self.hits.items()],
            "confidence": self.confidence,
            "duplicates": asdict(self.duplicates),
            "left_out": self.left_out,
        }


def shadow_report(issues: Iterable[TriagedIssue]) -> ShadowReport:
    """The figures over these issues. Raises IndexBroken for a triage that cannot be read."""
    left_out: Counter[str] = Counter()
    hits: dict[int, dict[str, float]] = {cut: {} for cut in CUTS}
    groups: dict[str, str] = {}
    confidences: list[float] = []
    duplicates: Counter[str] = Counter()
    seen = silent = 0
    for issue in issues:
        seen += 1
        triage = _triage(issue)
        duplicates[_duplicates(issue, triage)] += 1
        gold = _gold(issue)
        if isinstance(gold, NotScored):
            left_out[gold.value] += 1
        elif not triage.suspects:
            silent += 1
        else:
            key = f"{issue.tracker}#{issue.issue}"
            named = [path_of(suspect) for suspect in triage.suspects]
            for cut in CUTS:
                hits[cut][key] = float(bool(gold.intersection(named[:cut])))
            groups[key] = f"{issue.tracker} {issue.fix}" if issue.fix else key
            confidences.append(triage.confidence)
    shown = duplicates["right"] + duplicates["wrong"]
    return ShadowReport(
        triaged=seen,
        scored=len(groups),
        silent=silent,
        hits={cut: mean(values, clusters=groups) for cut, values in hits.items() if values},
        confidence=sum(confidences) / len(confidences) if confidences else None,
        duplicates=DuplicateFigures(
            right=duplicates["right"],
            wrong=duplicates["wrong"],
            missed=duplicates["missed"],
            precision=proportion(duplicates["right"], shown) if shown else None,
        ),
        left_out={reason.value: left_out[reason.value] for reason in NotScored if left_out[reason.value]},
    )


def _triage(issue: TriagedIssue) -> Triage:
    try:
        return parse_triage(issue.triage.encode())
    except MalformedAnswer as error:
        raise IndexBroken(
            f"the triage of issue {issue.issue!r} of {issue.tracker!r} cannot be read: {error.message}"
        ) from error


def _gold(issue: TriagedIssue) -> frozenset[str] | NotScored:
    """The source files that had to change: as a maintainer says, else as the fix changed them."""
    if not issue.corrected_files:
        if issue.fixed_at is None:
            return NotScored.NOT_MENDED
        if issue.triaged_at is None or issue.fixed_at <= issue.triaged_at:
            return NotScored.TOO_LATE
    files = issue.corrected_files or issue.fix_files
    found = frozenset(path for path in files if role_of(path) is FileRole.SOURCE)
    return found or NotScored.NO_SOURCE


def _duplicates(issue: TriagedIssue, triage: Triage) -> str:
    named = [one.id for one in likely_duplicates(triage)]
    if issue.duplicate_of:
        if issue.duplicate_of in named:
            return "right"
        return "wrong" if named else "missed"
    return "wrong" if issue.not_duplicate and named else "unknown"
