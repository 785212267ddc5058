"""Issues to files: which file did the fix change, and how high do four systems rank it?

Each issue is asked as of the commit that it was opened against. The tuned ranker has learned from fixes that
are ancestors of the first issue of its dated block, and from nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import benchmarks
from loccit.evals.statistics import paired_difference
from loccit.indexing.changes import ChangeTable, build_table
from loccit.learning.baselines import bm25_ranking
from loccit.learning.lessons import Lesson, lessons
from loccit.learning.replay_past import Moment, Replay
from loccit.learning.train import Trainer
from loccit.pipeline.ingest import Ingest
from loccit.pipeline.mine import MinedFix, mine
from loccit.retrieval.features import Candidates, candidates, part_texts
from loccit.retrieval.issue_text import IssueText, read_issue
from loccit.retrieval.learned import Ranker, general_ranker
from loccit.settings import Settings
from loccit.wiring import build

NAME = "localise"
SUMMARY = "issues -> files on localisation_dev.jsonl: BM25, untuned, tuned, each signal removed"

CUTOFFS = (1, 3, 5, 10)
TARGETS = {1: 74.0, 3: 89.0, 5: 93.0, 10: 97.0}
NOTHING_NAMED = {1: 45.0, 3: 72.0, 5: 80.0}
SYSTEMS = ("bm25", "untuned", "tuned")
# A block of the largest repository spans a year or two.
ISSUES_PER_BLOCK = 32
# The signals, by the beginnings of their features' names.
SIGNALS = {
    "the title by itself": (
        "file:title",
        "body:title",
        "docs:title",
        "symbols:title",
        "signature:title",
        "path:title",
        "best:title",
        "votes:title",
        "told:title",
        "mention:called",
        "mention:defined:title",
    ),
    "similar past changes": ("votes:", "told:", "recency", "changes", "fixes", "kind"),
    "what is named outright": ("mention:",),
    "symbols and signatures": ("symbols:", "signature:"),
    "the best functions": ("best:", "second:"),
    "paths": ("path:",),
}


@dataclass(frozen=True)
class Asked:
    """One issue: its ranks (from 1, None beyond the last) by system, and what the probabilities came to."""

    id: str
    repo: str
    names_it: bool
    ranks: dict[str, int | None]
    probabilities: dict[str, list[tuple[float, bool]]]


def run(setting: benchmarks.Setting) -> dict[str, Any]:
    """Accuracy in percent with paired intervals over BM25; per repository; where nothing is named."""
    asked, left_out = ask(setting)
    return {"issues": len(asked), "left_out": left_out, **_figures(asked)}


def ask(setting: benchmarks.Setting) -> tuple[list[Asked], list[str]]:
    """Every issue with one gold file, asked; and what was left out, with how many."""
    rows = [r for r in setting.rows("localisation_dev.jsonl") if len(r["gold_files"]) == 1][: setting.sample]
    asked: list[Asked] = []
    missing: dict[str, int] = {}
    with benchmarks.home() as home:
        system = build(Settings.load(home))
        for repo in dict.fromkeys(row["repo"] for row in rows):
            mine_ = [row for row in rows if row["repo"] == repo]
            path = setting.repository(repo)
            if path is None:
                missing[repo] = len(mine_)
                continue
            found, unknown = _asked(system, str(path), mine_)
            asked += found
            if unknown:
                missing[f"{repo}: commit not in the clone"] = unknown
    return asked, [f"{name} ({count})" for name, count in sorted(missing.items())]


def _asked(system: Any, path: str, rows: Sequence[dict[str, Any]]) -> tuple[list[Asked], int]:
    repository = system.repository(path)
    shard = system.shard(repository.key)
    settings = system.settings
    tip = repository.resolve(None)
    result: list[Asked] = []
    with system.blob_cache() as cache:
        Ingest(repository, shard, cache, settings.parsing, settings.indexing).history(repository.snapshot())
        changes = list(repository.changes(tip, ()))
        table = build_table(changes)
        replay = Replay(repository, cache, settings.parsing, 0, table, shard.open("history", tip)[1])
        known = [row for row in rows if row["base_commit"] in table.number_of]
        known.sort(key=lambda row: table.number_of[row["base_commit"]])
        fixes = list(mine(changes))
        moments = replay.moments([row["base_commit"] for row in known])
        first: list[tuple[dict[str, Any], IssueText, Candidates, list[str], dict[str, list[str]]]] = []
        for row, moment in zip(known, moments, strict=True):
            first.append((row, *_asked_now(row, moment)))
        for start in range(0, len(first), ISSUES_PER_BLOCK):
            block = first[start : start + ISSUES_PER_BLOCK]
            tuned = _taught(replay, table, fixes, block[0][0]["base_commit"])
            result += [_scored(*one, tuned) for one in block]
    return result, len(rows) - len(known)


def _taught(replay: Replay, table: ChangeTable, fixes: Sequence[MinedFix], commit: str) -> Ranker:
    """The ranker that the fixes before a commit have taught."""
    is_past = table.past_of([commit])[commit]
    before = [fix for fix in fixes if is_past[table.number_of[fix.commit]]]
    learned: list[Lesson] = list(lessons(replay, before))
    return Trainer(general_ranker()).fit(learned)


def _asked_now(
    row: dict[str, Any], moment: Moment
) -> tuple[IssueText, Candidates, list[str], dict[str, list[str]]]:
    issue = read_issue(row["issue"])
    found = candidates(issue, moment.view, moment.past)
    without: dict[str, list[str]] = {}
    for signal, beginnings in SIGNALS.items():
        without[signal] = _ranking(general_ranker(), _silenced(found, beginnings))
    return issue, found, bm25_ranking(part_texts(issue)["all"], moment.view), without


def _silenced(found: Candidates, beginnings: Sequence[str]) -> Candidates:
    values = found.values.copy()
    values[:, [at for at, name in enumerate(found.names) if name.startswith(tuple(beginnings))]] = 0.0
    return Candidates(found.files, found.names, values, found.former, found.keys, found.weights)


def _ranking(ranker: Ranker, found: Candidates) -> list[str]:
    return [found.former[row][0] for row in ranker.rank(found).order.tolist()]


def _scored(
    row: dict[str, Any],
    issue: IssueText,
    found: Candidates,
    bm25: list[str],
    without: dict[str, list[str]],
    tuned: Ranker,
) -> Asked:
    gold = row["gold_files"][0]
    rankings = {"bm25": bm25, **{f"without {name}": ranking for name, ranking in without.items()}}
    probabilities: dict[str, list[tuple[float, bool]]] = {}
    for name, ranker in (("untuned", general_ranker()), ("tuned", tuned)):
        ranked = ranker.rank(found)
        rankings[name] = [found.former[at][0] for at in ranked.order.tolist()]
        probabilities[name] = [
            (float(ranked.probabilities[at]), found.former[at][0] == gold)
            for at in ranked.order[:10].tolist()
        ]
    ranks = {name: paths.index(gold) + 1 if gold in paths else None for name, paths in rankings.items()}
    return Asked(row["id"], row["repo"], _names_it(found, gold), ranks, probabilities)


def _names_it(found: Candidates, gold: str) -> bool:
    """Whether the issue names the file, its module, or something that it alone defines."""
    rows = [at for at, names in enumerate(found.former) if names[0] == gold]
    if not rows:
        return False
    value = dict(zip(found.names, found.values[rows[0]].tolist(), strict=True))
    named = max(value["mention:path"], value["mention:module"], value["mention:frames"])
    return named > 0 or max(value["mention:defined"], value["mention:defined:code"]) >= 1.0 - 1e-9


def _figures(asked: Sequence[Asked]) -> dict[str, Any]:
    nothing = [one for one in asked if not one.names_it]
    figures: dict[str, Any] = {
        "tuned": _with_targets(_accuracy(asked, "tuned"), TARGETS),
        "nothing_named": {
            "issues": len(nothing),
            **_with_targets(_accuracy(nothing, "tuned"), NOTHING_NAMED),
        },
        "systems": {name: {"issues": len(asked), **_row(asked, name)} for name in SYSTEMS},
        "paired_difference": {
            f"{a} - {b}": _difference(asked, a, b)
            for a, b in (("tuned", "bm25"), ("untuned", "bm25"), ("tuned", "untuned"))
        },
        "where_the_issue_names_it": {
            name: {"issues": len(asked) - len(nothing), **_row([o for o in asked if o.names_it], name)}
            for name in SYSTEMS
        },
        "where_nothing_is_named": {name: {"issues": len(nothing), **_row(nothing, name)} for name in SYSTEMS},
        "per_repository": {
            f"{repo} {name}": {
                "issues": sum(o.repo == repo for o in asked),
                **_row([o for o in asked if o.repo == repo], name),
            }
            for repo in dict.fromkeys(one.repo for one in asked)
            for name in SYSTEMS
        },
        "untuned_without_a_signal": {
            signal: {**_row(asked, f"without {signal}"), **_difference(asked, f"without {signal}", "untuned")}
            for signal in SIGNALS
        },
    }
    return figures


def _accuracy(asked: Sequence[Asked], system: str) -> dict[int, float]:
    ranks = [one.ranks[system] for one in asked]
    return (
        {k: round(100 * float(np.mean([r is not None and r <= k for r in ranks])), 1) for k in CUTOFFS}
        if ranks
        else {}
    )


def _row(asked: Sequence[Asked], system: str) -> dict[str, Any]:
    figures: dict[str, Any] = {f"acc@{k}": value for k, value in _accuracy(asked, system).items()}
    inverse = [1 / rank if (rank := one.ranks[system]) else 0.0 for one in asked]
    if inverse:
        figures["mrr"] = round(float(np.mean(inverse)), 4)
    return figures


def _with_targets(accuracy: dict[int, float], targets: dict[int, float]) -> dict[str, Any]:
    return {
        f"acc@{k}": benchmarks.target(value, at_least=targets[k]) if k in targets else value
        for k, value in accuracy.items()
    }


def _difference(asked: Sequence[Asked], ours: str, theirs: str) -> dict[str, Any]:
    """In points, with 95 % intervals, paired by issue."""
    figures: dict[str, Any] = {}
    for k in (1, 5, 10):

        def hits(system: str, cutoff: int = k) -> dict[str, float]:
            return {one.id: float((one.ranks[system] or 10**6) <= cutoff) for one in asked}

        found = paired_difference(hits(ours), hits(theirs))
        figures[f"points@{k}"] = round(100 * found.estimate, 1)
        figures[f"interval@{k}"] = [round(100 * found.low, 1), round(100 * found.high, 1)]
    return figures
