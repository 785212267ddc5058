"""Issues to their duplicates: how high is the marked duplicate ranked, against BM25 on the same issues?

A tracker is a pair of files in the data folder, `NAME_bugs.csv` and `NAME_bugs-combined.csv`. Each marked
pair asks once, with the first issue; every other issue is a candidate, younger ones too, and any of several
marked duplicates counts. Ties count against the system. Intervals take the issues of one family of duplicates
as one group: most pairs are marked in both directions.
"""

from __future__ import annotations

import csv
import math
import re
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

import benchmarks
from loccit.core.issues import Issue, IssueKind
from loccit.evals.statistics import mean, paired_difference
from loccit.indexing.shard import Shard
from loccit.pipeline.ingest_issues import ingest_issues
from loccit.retrieval.duplicates import (
    IssueIndex,
    best_first,
    duplicate_scores,
    find_duplicates,
    probabilities,
)

NAME = "duplicates"
SUMMARY = "issues -> their duplicates: hit@1/@5/@10 and calibration on marked pairs, paired with BM25"

CUTOFFS = (1, 5, 10)
TARGETS = {1: 60.0, 5: 82.0, 10: 88.0}
K1, B = 1.5, 0.75
BINS = 10
_WORD = re.compile(r"\w+")
_PART = re.compile(r"[A-Z]+(?=[A-Z][a-z]|\b|_|\d)|[A-Z]?[a-z0-9]+|[A-Z]+|\d+")
_STOP_WORDS = frozenset(
    """a an and are as at be but by for if in into is it no not of on or such that the their then there these
    they this to was will with""".split()
)


@dataclass(frozen=True)
class Tracker:
    """Issues by id, and the marked pairs: an issue and those that are marked as its duplicates."""

    issues: dict[str, Issue]
    pairs: list[tuple[str, frozenset[str]]]

    @cached_property
    def marked(self) -> dict[str, frozenset[str]]:
        """Every marked issue with those that it is marked with, in either direction."""
        found: dict[str, set[str]] = defaultdict(set)
        for asked, duplicates in self.pairs:
            for other in duplicates:
                found[asked].add(other)
                found[other].add(asked)
        return {name: frozenset(others) for name, others in found.items()}

    def families(self) -> dict[str, str]:
        """For each asking issue the least id of those that it is marked with, directly or not."""
        families: dict[str, str] = {}
        for asked, _ in self.pairs:
            family, left = {asked}, [asked]
            while left:
                new = self.marked[left.pop()] - family
                family |= new
                left += new
            families[asked] = min(family)
        return families


def run(setting: benchmarks.Setting) -> dict[str, Any]:
    """Hit rates in percent of ours and of BM25 with 95 % intervals, per tracker."""
    found = sorted(setting.data.glob("*_bugs-combined.csv"))
    return {path.name.removesuffix("_bugs-combined.csv"): _measured(path, setting.sample) for path in found}


def read_tracker(combined: Path) -> Tracker:
    """The tracker of a file of marked pairs."""
    issues = combined.with_name(combined.name.replace("-combined", ""))
    with issues.open(encoding="utf-8", errors="replace", newline="") as file:
        rows = list(csv.DictReader(file))
    with combined.open(encoding="utf-8", newline="") as file:
        pairs = [
            (row["Issue id"], frozenset(row["Duplicate id"].split(", "))) for row in csv.DictReader(file)
        ]
    known = {row["Issue id"]: _issue(row) for row in rows}
    return Tracker(known, [(asked, others) for asked, others in pairs if asked in known])


def _issue(row: Mapping[str, str]) -> Issue:
    created = datetime.strptime(row["Created"], "%d/%b/%y %H:%M").replace(tzinfo=UTC)
    return Issue(
        id=row["Issue id"],
        kind=IssueKind.ISSUE,
        title=row["Summary"] or "",
        body=(row["Description"] or "").replace("\r\n", "\n"),
        author="",
        created=int(created.timestamp()),
        is_open=False,
    )


def _measured(combined: Path, sample: int | None) -> dict[str, Any]:
    tracker = read_tracker(combined)
    pairs = tracker.pairs[:sample]
    families = {asked: family for asked, family in tracker.families().items() if asked in dict(pairs)}
    with benchmarks.home() as home:
        shard = Shard(home)
        ingested = ingest_issues(shard, tracker.issues.values(), snapshot_id="00", repo=combined.stem)
        started = time.perf_counter()
        _, view = shard.open("issues", "00")
        index = IssueIndex(view, tracker.issues.__getitem__)
        index.at()
        opening = time.perf_counter() - started
        ours = {asked: _rank_of(tracker.issues[asked], others, index) for asked, others in pairs}
        times = [_milliseconds(tracker.issues[asked], index) for asked, _ in pairs]
        past = _Past(tracker, index, sample)
    theirs = Bm25(tracker.issues).ranks(pairs)
    figures = {f"{name}_percent": value for name, value in _hits(ours, families).items()}
    aims = {f"hit@{cutoff}_percent": value for cutoff, value in TARGETS.items()}
    return {
        "issues": len(tracker.issues),
        "pairs": len(pairs),
        "families": len(set(families.values())),
        **{k: benchmarks.target(v, at_least=aims[k]) if k in aims else v for k, v in figures.items()},
        "bm25": _hits(theirs, families),
        "ours_minus_bm25": _differences(ours, theirs, families),
        "only_older_issues": past.figures(),
        "indexing_seconds": round(ingested.seconds, 2),
        "opening_seconds": round(opening, 3),
        "query_ms_p50": round(benchmarks.percentile(times, 0.5), 1),
        "query_ms_p95": round(benchmarks.percentile(times, 0.95), 1),
    }


def _rank_of(issue: Issue, others: frozenset[str], index: IssueIndex, as_of: int | None = None) -> float:
    """The rank, from 1, of the first marked duplicate, ties counted against it; infinite if not found."""
    then = index.at(as_of)
    scores = duplicate_scores(issue, then)
    if scores is None:
        return math.inf
    wanted = [float(scores[row]) for row, other in enumerate(then.ids) if other in others]
    return min((int((scores >= score).sum()) for score in wanted if score > -math.inf), default=math.inf)


def _milliseconds(issue: Issue, index: IssueIndex) -> float:
    started = time.perf_counter()
    find_duplicates(issue, index)
    return 1000 * (time.perf_counter() - started)


def _hits(ranks: Mapping[str, float], families: Mapping[str, str]) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for cutoff in CUTOFFS:
        interval = mean(_within(ranks, cutoff), clusters=families)
        figures[f"hit@{cutoff}"] = round(100 * interval.estimate, 1)
        figures[f"hit@{cutoff}_interval"] = _percent(interval.low, interval.high)
    return figures


def _differences(
    ours: Mapping[str, float], theirs: Mapping[str, float], families: Mapping[str, str]
) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for cutoff in CUTOFFS:
        interval = paired_difference(_within(ours, cutoff), _within(theirs, cutoff), clusters=families)
        figures[f"hit@{cutoff}"] = round(100 * interval.estimate, 1)
        figures[f"hit@{cutoff}_interval"] = _percent(interval.low, interval.high)
    return figures


def _within(ranks: Mapping[str, float], cutoff: int) -> dict[str, float]:
    return {asked: float(rank <= cutoff) for asked, rank in ranks.items()}


def _percent(low: float, high: float) -> list[float]:
    return [round(100 * low, 1), round(100 * high, 1)]


class _Past:
    """Every issue asked on the day it was opened, when only the older ones were there.

    An issue that bears the same title counts as a duplicate like a marked one: many are not marked.
    """

    def __init__(self, tracker: Tracker, index: IssueIndex, sample: int | None) -> None:
        self._given: list[float] = []
        self._is_duplicate: list[bool] = []
        self._unreported: list[float] = []
        self._is_new: list[bool] = []
        self._ranks: dict[str, float] = {}
        by_title: dict[str, set[str]] = defaultdict(set)
        for issue in tracker.issues.values():
            by_title[_title(issue)].add(issue.id)
        for issue in list(tracker.issues.values())[:sample]:
            marked = tracker.marked.get(issue.id, frozenset())
            self._ask(issue, marked, marked | by_title[_title(issue)] - {issue.id}, index)

    def _ask(self, issue: Issue, marked: frozenset[str], same: frozenset[str], index: IssueIndex) -> None:
        then = index.at(issue.created)
        scores = duplicate_scores(issue, then)
        if marked & set(then.ids):
            self._ranks[issue.id] = _rank_of(issue, marked, index, issue.created)
        if scores is None:
            return
        best = best_first(scores, then, limit=CUTOFFS[-1] * 2)
        shares, unreported = probabilities(scores[best])
        self._given += shares[: CUTOFFS[-1]]
        self._is_duplicate += [then.ids[row] in same for row in best[: CUTOFFS[-1]].tolist()]
        self._unreported.append(unreported)
        self._is_new.append(not same & set(then.ids))

    def figures(self) -> dict[str, Any]:
        hits = {
            f"hit@{cutoff}": 100 * np.mean(list(_within(self._ranks, cutoff).values())) for cutoff in CUTOFFS
        }
        return {
            "marked_issues": len(self._ranks),
            **{name: round(float(value), 1) for name, value in hits.items()},
            "calibration_error_first_ten": _calibration_error(self._given, self._is_duplicate),
            "calibration_error_unreported": _calibration_error(self._unreported, self._is_new),
            "given_and_true": _bands(self._given, self._is_duplicate),
        }


def _title(issue: Issue) -> str:
    return " ".join(issue.title.casefold().split())


def _calibration_error(given: Sequence[float], was: Sequence[bool]) -> float:
    """Expected calibration error over bins of equal mass."""
    order = np.argsort(given, kind="stable")
    values, truth = np.array(given)[order], np.array(was, dtype=float)[order]
    parts = zip(np.array_split(values, BINS), np.array_split(truth, BINS), strict=True)
    return round(float(sum(abs(v.sum() - t.sum()) for v, t in parts)) / max(len(values), 1), 4)


def _bands(given: Sequence[float], was: Sequence[bool]) -> list[dict[str, float]]:
    """In bands of the given probability: how many, the mean that was given, and the share that was true."""
    edges = (0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 1.0)
    values, truth = np.array(given), np.array(was, dtype=float)
    rows: list[dict[str, float]] = []
    for low, high in pairwise(edges):
        here = (values >= low) & (values < high)
        if here.any():
            rows.append(
                {
                    "from": low,
                    "candidates": int(here.sum()),
                    "given": round(float(values[here].mean()), 3),
                    "true": round(float(truth[here].mean()), 3),
                }
            )
    return rows


class Bm25:
    """Lucene's BM25 over title and description: words and their parts, as often as the question has them."""

    def __init__(self, issues: Mapping[str, Issue]) -> None:
        self._ids = list(issues)
        self._words = {name: _words(f"{issue.title}\n{issue.body}") for name, issue in issues.items()}
        lengths = np.array([sum(words.values()) for words in self._words.values()], dtype=float)
        norms = K1 * (1 - B + B * lengths / lengths.mean())
        postings: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for number, words in enumerate(self._words.values()):
            for word, count in words.items():
                postings[word].append((number, count))
        self._postings: dict[str, tuple[Any, Any]] = {}
        for word, found in postings.items():
            documents, counts = np.array(found).T
            idf = math.log(1 + (len(lengths) - len(found) + 0.5) / (len(found) + 0.5))
            self._postings[word] = documents, idf * counts / (counts + norms[documents])

    def ranks(self, pairs: Sequence[tuple[str, frozenset[str]]]) -> dict[str, float]:
        """The rank of the first marked duplicate of each pair, as for ours."""
        number = {name: position for position, name in enumerate(self._ids)}
        ranks: dict[str, float] = {}
        for asked, others in pairs:
            scores = np.zeros(len(self._ids))
            for word, count in self._words[asked].items():
                documents, weights = self._postings[word]
                scores[documents] += count * weights
            scores[number[asked]] = -math.inf
            found = [scores[number[other]] for other in others if other in number]
            ranks[asked] = min((int((scores >= score).sum()) for score in found), default=math.inf)
        return ranks


def _words(text: str) -> Counter[str]:
    found: Counter[str] = Counter()
    for word in _WORD.findall(text):
        parts = [part.lower() for part in _PART.findall(word)]
        found.update(w for w in [word.lower(), *(parts if len(parts) > 1 else [])] if w not in _STOP_WORDS)
    return found
