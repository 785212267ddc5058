"""Questions to files: which files does a reference answer name, and how high does search rank them?"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import benchmarks
from loccit import Loccit

NAME = "qa-files"
SUMMARY = "questions -> files: hit@1/@5/@10 on qa_files_dev.jsonl, with intervals"

CUTOFFS = (1, 5, 10)
TARGETS = {1: 68.0, 5: 92.0, 10: 96.0}


def run(setting: benchmarks.Setting) -> dict[str, Any]:
    """Hit rates in percent with 95 % intervals: pooled, per repository, without gold of tests only."""
    ranks: dict[str, list[int | None]] = defaultdict(list)
    only_tests: list[bool] = []
    missing: set[str] = set()
    with benchmarks.home() as home:
        loccit = Loccit(home)
        for row in setting.rows("qa_files_dev.jsonl")[: setting.sample]:
            path = setting.repository(row["repo"])
            if path is None:
                missing.add(row["repo"])
                continue
            ranks[row["repo"]].append(_rank(loccit, str(path), row))
            only_tests.append(all("test" in gold for gold in row["gold_files"]))
    pooled = [rank for repo in ranks.values() for rank in repo]
    flags = only_tests
    others = [rank for rank, flag in zip(_in_order(setting, ranks, missing), flags, strict=True) if not flag]
    return {
        "questions": len(pooled),
        "missing_repositories": sorted(missing),
        **_with_targets(_hits(pooled)),
        "without_gold_of_tests_only": {"questions": len(others), **_hits(others)},
        "per_repository": {name: {"questions": len(r), **_hits(r)} for name, r in sorted(ranks.items())},
    }


def _in_order(
    setting: benchmarks.Setting, ranks: dict[str, list[int | None]], missing: set[str]
) -> list[int | None]:
    """The ranks in the order of the data."""
    left = {name: iter(values) for name, values in ranks.items()}
    rows = setting.rows("qa_files_dev.jsonl")[: setting.sample]
    return [next(left[row["repo"]]) for row in rows if row["repo"] not in missing]


def _rank(loccit: Loccit, path: str, row: dict[str, Any]) -> int | None:
    """The rank, from 1, of the first gold file among the files of the hits; None beyond the last cut-off."""
    if not loccit.is_known(path):
        loccit.index(path, rev=row["commit"], history=False)
    hits = loccit.search(row["question"], repos=[path], rev=row["commit"], limit=CUTOFFS[-1])
    files = list(dict.fromkeys(hit.place.path for hit in hits))[: CUTOFFS[-1]]
    return next((rank for rank, file in enumerate(files, start=1) if file in row["gold_files"]), None)


def _with_targets(figures: dict[str, Any]) -> dict[str, Any]:
    aims = {f"hit@{cutoff}": value for cutoff, value in TARGETS.items()}
    return {
        name: benchmarks.target(value, at_least=aims[name]) if name in aims else value
        for name, value in figures.items()
    }


def _hits(ranks: list[int | None]) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for cutoff in CUTOFFS:
        found = [float(rank is not None and rank <= cutoff) for rank in ranks]
        figures[f"hit@{cutoff}"] = round(100 * sum(found) / len(found), 1) if found else None
        figures[f"hit@{cutoff}_interval"] = benchmarks.interval(found) if found else None
    return figures
