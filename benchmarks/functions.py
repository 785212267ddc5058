"""Issues to functions: is a function that the fix changes among the first that are suspected?

The development data names files only. The functions come from the fix itself, which is looked for in the
history: the commit or merge that bears the number of the row's pull request; else a child of the base commit
that changes exactly the gold files; else the nearest later commit that does and whose message shares the
issue's words. Gold are the definitions, as files are cut at the base commit, whose lines the fix takes away,
or puts lines into; a definition that is new counts as a change of what is around it. Lines that are blank do
not count. Functions of all suspect files compete in one list.
"""

from __future__ import annotations

import math
import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import CalledProcessError
from typing import Any

import benchmarks
from benchmarks.repositories import git
from loccit.core.chunks import Chunk, ChunkKind
from loccit.core.source import Change, FileRole
from loccit.evals.statistics import mean, paired_difference
from loccit.indexing.changes import build_table
from loccit.learning.replay_past import Moment, Replay
from loccit.parsing import language_of, parse
from loccit.pipeline.ingest import Ingest
from loccit.retrieval.features import Analysis, analyse
from loccit.retrieval.functions import RankedFunction, rank_functions
from loccit.retrieval.issue_text import read_issue
from loccit.retrieval.learned import Ranked, general_ranker
from loccit.settings import Settings
from loccit.sources.roles import role_of
from loccit.wiring import build

NAME = "functions"
SUMMARY = "issues -> functions that their fixes change: Acc@1/@3/@5/@10 on localisation_dev.jsonl"

CUTOFFS = (1, 3, 5, 10)
TARGET = 70.0
SUSPECTS = 20
MOST_DAYS = 365
# Of the words of a fix's message, weighed by rarity, the issue has at least this share.
LEAST_SHARED = 0.3
_KINDS = frozenset({ChunkKind.FUNCTION, ChunkKind.CLASS, ChunkKind.CODE})
_HUNK = re.compile(rb"^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@", re.MULTILINE)
_WORD = re.compile(r"[A-Za-z_]\w{2,}")
_DAY = 86_400


@dataclass(frozen=True)
class Fix:
    """A fix: what it is compared with, itself, and how it was found."""

    parent: str
    commit: str
    how: str


@dataclass(frozen=True)
class Case:
    """A row of the data with the functions that its fix changed: (path, symbol)."""

    id: str
    repo: str
    base: str
    issue: str
    files: frozenset[str]
    gold: frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Outcome:
    """How one case went: where gold stands in each list (from 1, `inf` for what is not in it), milliseconds
    that the list of functions took, whether a gold file was suspected.
    """

    case: Case
    ours: tuple[float, ...]
    by_words: tuple[float, ...]
    milliseconds: float
    is_file_suspected: bool


def run(setting: benchmarks.Setting) -> dict[str, Any]:
    """Acc@k in percent with 95 % intervals, counting any gold function and all of them, ours and by BM25."""
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in setting.rows("localisation_dev.jsonl")[: setting.sample]:
        rows[row["repo"]].append(row)
    missing = sorted(repo for repo in rows if setting.repository(repo) is None)
    how: Counter[str] = Counter()
    outcomes: list[Outcome] = []
    with benchmarks.home() as home:
        for repo, mine in rows.items():
            path = setting.repository(repo)
            if path is not None:
                outcomes += _measured(home, path, mine, how)
    return {
        "issues": sum(map(len, rows.values())),
        "missing_repositories": missing,
        "fixes_found_by": dict(how),
        "with_functions": len(outcomes),
        "gold_functions_each": round(sum(len(o.case.gold) for o in outcomes) / max(len(outcomes), 1), 2),
        "gold_file_suspected": _percent({o.case.id: float(o.is_file_suspected) for o in outcomes}),
        **_figures(outcomes),
        "milliseconds": {
            "p50": round(benchmarks.percentile([o.milliseconds for o in outcomes], 0.5), 1),
            "p95": round(benchmarks.percentile([o.milliseconds for o in outcomes], 0.95), 1),
        }
        if outcomes
        else None,
        "per_repository": {
            repo: {"issues": len(mine), **{f"any@{k}": _percent(_hits(mine, k)) for k in CUTOFFS}}
            for repo in rows
            if (mine := [o for o in outcomes if o.case.repo == repo])
        },
    }


# Figures


def _figures(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    if not outcomes:
        return {}
    figures: dict[str, Any] = {}
    for counted in ("any", "all"):
        for k in CUTOFFS:
            ours = _hits(outcomes, k, counted=counted)
            words = _hits(outcomes, k, counted=counted, ranks="by_words")
            gain = paired_difference(ours, words)
            figures[f"{counted}@{k}"] = {
                **_percent(ours),
                "by_words": _percent(words)["percent"],
                "gain": [round(100 * value, 1) for value in (gain.estimate, gain.low, gain.high)],
            }
    best = figures["any@10"]["percent"]
    return {**figures, "acc@10": benchmarks.target(best, at_least=TARGET)}


def _hits(
    outcomes: Sequence[Outcome], k: int, *, counted: str = "any", ranks: str = "ours"
) -> dict[str, float]:
    count = any if counted == "any" else all
    return {o.case.id: float(count(rank <= k for rank in getattr(o, ranks))) for o in outcomes}


def _percent(hits: Mapping[str, float]) -> dict[str, Any]:
    if not hits:
        return {"percent": None, "interval": None}
    found = mean(hits)
    return {
        "percent": round(100 * found.estimate, 1),
        "interval": [round(100 * found.low, 1), round(100 * found.high, 1)],
    }


# One repository


def _measured(home: Path, path: Path, rows: Sequence[dict[str, Any]], how: Counter[str]) -> Iterator[Outcome]:
    system = build(Settings.load(home))
    repository = system.repository(str(path))
    shard, settings = system.shard(repository.key), system.settings
    tip = repository.resolve()
    with system.blob_cache() as cache:
        ingest = Ingest(repository, shard, cache, settings.parsing, settings.indexing)
        ingest.history(repository.snapshot(tip))
    _, commits = shard.open("history", tip)
    changes = list(repository.changes(tip, ()))
    cases = list(_cases(path, changes, rows, how))
    table = build_table(changes)
    order = sorted(cases, key=lambda case: table.number_of[case.base])
    with system.blob_cache() as cache:
        replay = Replay(repository, cache, settings.parsing, settings.indexing.workers, table, commits)
        for case, moment in zip(order, replay.moments([case.base for case in order]), strict=True):
            yield _outcome(case, moment)


def _outcome(case: Case, moment: Moment) -> Outcome:
    analysis = analyse(read_issue(case.issue), moment.view, moment.past)
    ranked = general_ranker().rank(analysis.candidates)
    files = analysis.candidates.files[ranked.order[:SUSPECTS]]
    probabilities = ranked.probabilities[ranked.order[:SUSPECTS]]
    started = time.perf_counter()
    found = rank_functions(analysis, files.tolist(), probabilities)
    took = time.perf_counter() - started
    paths = moment.view.files.paths
    return Outcome(
        case,
        _ranks(case, [(paths[one.file], one.function.symbol) for one in found]),
        _ranks(case, _by_words(analysis, ranked, found)),
        1000 * took,
        any(paths[file] in case.files for file in files.tolist()),
    )


def _ranks(case: Case, listed: Sequence[tuple[str, str]]) -> tuple[float, ...]:
    rank_of = {name: rank for rank, name in enumerate(listed, start=1)}
    return tuple(rank_of.get(name, math.inf) for name in sorted(case.gold))


def _by_words(analysis: Analysis, ranked: Ranked, found: Sequence[RankedFunction]) -> list[tuple[str, str]]:
    """The same functions, file after file as suspected, by BM25 of their best chunk: five of each file."""
    view, share = analysis.view, analysis.chunk_shares[0]
    place = {int(analysis.candidates.files[at]): number for number, at in enumerate(ranked.order.tolist())}
    scored: dict[int, list[tuple[float, str]]] = defaultdict(list)
    for one in found:
        scored[one.file].append((-max(float(share[at]) for at in one.documents), one.function.symbol))
    return [
        (view.files.paths[file], symbol)
        for file in sorted(scored, key=place.__getitem__)
        for _, symbol in sorted(scored[file])[:5]
    ]


# Fixes and what they changed


def _cases(
    path: Path, changes: Sequence[Change], rows: Sequence[dict[str, Any]], how: Counter[str]
) -> Iterator[Case]:
    """The rows whose fix is found and changes a function."""
    finder = FixFinder(path, changes)
    for row in rows:
        fix = finder.find(row)
        how[fix.how if fix else "not found"] += 1
        if fix is None:
            continue
        gold = frozenset(
            (file, symbol)
            for file in row["gold_files"]
            for symbol in changed_symbols(path, fix, row["base_commit"], file)
        )
        if gold:
            yield Case(
                row["id"], row["repo"], row["base_commit"], row["issue"], frozenset(row["gold_files"]), gold
            )


class FixFinder:
    """Finds the fixes of rows in one history; `changes` are all of it, parents before children."""

    def __init__(self, repository: Path, changes: Sequence[Change]) -> None:
        self._repository = repository
        self._changes = changes
        self._number = {change.commit: number for number, change in enumerate(changes)}
        self._children: dict[str, list[Change]] = defaultdict(list)
        for change in changes:
            for parent in change.parents:
                self._children[parent].append(change)
        self._holding = Counter(word for change in changes for word in _words(change.message))

    def find(self, row: Mapping[str, Any]) -> Fix | None:
        """The fix of a row; None where its base commit or the fix is not in the history."""
        at = self._number.get(row["base_commit"])
        if at is None:
            return None
        gold, later = frozenset(row["gold_files"]), self._changes[at + 1 :]
        return (
            self._numbered(row["id"].rpartition("-")[2], gold, later, self._changes[at].time)
            or self._child(row["base_commit"], gold)
            or self._alike(row["issue"], gold, later, self._changes[at].time)
        )

    def _numbered(self, number: str, gold: frozenset[str], later: Sequence[Change], now: int) -> Fix | None:
        named = re.compile(rf"(?:pull request #|PR #|\(#|\(gh-|^#|\bpull/){number}\b", re.I | re.M)
        for change in later:
            in_time = change.time < now + 3 * MOST_DAYS * _DAY
            if in_time and change.parents and named.search(change.message[:400]):
                parent = change.parents[0]
                if gold <= self._paths(change, parent):
                    return Fix(parent, change.commit, "number of the pull request")
        return None

    def _child(self, base: str, gold: frozenset[str]) -> Fix | None:
        for change in self._children[base]:
            if _changes_just(change, gold):
                return Fix(base, change.commit, "child of the base commit")
        return None

    def _alike(self, issue: str, gold: frozenset[str], later: Sequence[Change], now: int) -> Fix | None:
        said = _words(issue)
        best: tuple[float, Fix] | None = None
        for change in later:
            if not (now <= change.time < now + MOST_DAYS * _DAY and _changes_just(change, gold)):
                continue
            rarity = {w: math.log(len(self._changes) / self._holding[w]) for w in _words(change.message)}
            shared = sum(rarity[w] for w in rarity if w in said) / (sum(rarity.values()) or 1.0)
            score = shared - (change.time - now) / (MOST_DAYS * _DAY)
            if shared >= LEAST_SHARED and (best is None or score > best[0]):
                best = score, Fix(change.parents[0], change.commit, "same files and words soon after")
        return best[1] if best else None

    def _paths(self, change: Change, parent: str) -> frozenset[str]:
        """The paths that differ from the first parent: of a merge, what it brought in."""
        if len(change.parents) == 1:
            return frozenset(file.path for file in change.files)
        listed = git(self._repository, "diff", "--name-only", "-z", parent, change.commit)
        return frozenset(listed.decode("utf-8", "surrogateescape").split("\0"))


def _changes_just(change: Change, gold: frozenset[str]) -> bool:
    paths = {file.path for file in change.files}
    return (
        len(change.parents) == 1
        and gold <= paths
        and all(path in gold for path in paths if role_of(path) is FileRole.SOURCE)
    )


def _words(text: str) -> set[str]:
    return {word.lower() for word in _WORD.findall(text)}


def changed_symbols(repository: Path, fix: Fix, base: str, path: str) -> set[str]:
    """The definitions of a file at `base` that the fix changes."""
    before, after = _Cut.of(repository, fix.parent, path), _Cut.of(repository, fix.commit, path)
    at_base = _Cut.of(repository, base, path)
    if before is None or after is None or at_base is None:
        return set()
    known = {chunk.symbol for chunk in at_base.chunks} - {""}
    options = ("-U0", "--no-ext-diff", "--no-textconv", "--no-color")
    patch = git(repository, "diff", *options, fix.parent, fix.commit, "--", path)
    found: set[str] = set()
    for hunk in _HUNK.finditer(patch):
        first, count, new_first, new_count = (int(hunk[at] or 1) for at in range(1, 5))
        found |= set(before.symbols(range(first, first + count)))
        for symbol in after.symbols(range(new_first, new_first + new_count)):
            around = symbol
            while around and around not in known:
                around = around.rpartition(".")[0]
            found.add(around)
    return found & known


@dataclass(frozen=True)
class _Cut:
    """A file of a commit, cut into chunks."""

    lines: list[bytes]
    chunks: tuple[Chunk, ...]

    @classmethod
    def of(cls, repository: Path, commit: str, path: str) -> _Cut | None:
        """None where the commit does not have the file."""
        try:
            data = git(repository, "cat-file", "blob", f"{commit}:{path}")
        except CalledProcessError:
            return None
        return cls(data.split(b"\n"), parse(data, language=language_of(path)).chunks)

    def symbols(self, lines: range) -> Iterator[str]:
        """The definitions that these lines, from 1, are in; blank lines are in none."""
        for chunk in self.chunks:
            inside = range(max(chunk.start_line, lines.start), min(chunk.end_line + 1, lines.stop))
            if chunk.symbol and chunk.kind in _KINDS and any(self.lines[line - 1].strip() for line in inside):
                yield chunk.symbol
