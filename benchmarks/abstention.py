"""Questions put to their own repository and to others: does `ask` answer the first and decline the second?

Every question of the development data is asked of the repository it is about, at its commit, and of every
other one at hand. The others do not hold its answer, whatever words they share: they should decline. The
signal and its threshold were chosen with these questions in view: docs/decisions/0005-abstention.md.
"""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

import benchmarks
from loccit import Loccit
from loccit.core.evidence import Filters
from loccit.pipeline.evidence import find
from loccit.retrieval.confidence import signal, telling
from loccit.retrieval.options import RetrievalOptions

NAME = "abstention"
SUMMARY = "questions asked of the right and of the wrong repository: answered and declined"

THRESHOLDS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
_ROUNDS = 2000


@dataclass(frozen=True, slots=True)
class Outcome:
    """One question put to one repository.

    `first_is_right`: it is its own, and the best file is one that the data names.
    """

    question: str
    own: str
    asked: str
    answered: bool
    confidence: float
    first_is_right: bool

    @property
    def is_own(self) -> bool:
        """Whether the repository is the one that the question is about."""
        return self.own == self.asked


def run(setting: benchmarks.Setting) -> dict[str, Any]:
    """Shares in percent, intervals clustered by question: pooled, per repository, at other thresholds."""
    rows = setting.rows("qa_files_dev.jsonl")
    asked_at = _revisions(setting, rows)
    missing = sorted({row["repo"] for row in rows} - set(asked_at))
    chosen = _sample([row for row in rows if row["repo"] in asked_at], setting.sample)
    with benchmarks.home() as home:
        loccit = Loccit(home)
        for path, revision in asked_at.values():
            loccit.index(path, rev=revision, history=False)
        outcomes = [
            _asked(loccit, row, name, *asked_at[name], setting) for row in chosen for name in sorted(asked_at)
        ]
    return _figures(outcomes, missing)


def _revisions(setting: benchmarks.Setting, rows: Sequence[dict[str, Any]]) -> dict[str, tuple[str, str]]:
    """Path and revision of every repository at hand: the commit of its questions, else HEAD."""
    commits = {row["repo"]: row["commit"] for row in rows}
    found = {name: str(path) for name in commits if (path := setting.repository(name)) is not None}
    others = {
        name: str(path) for name, path in setting.repositories().items() if str(path) not in found.values()
    }
    return {name: (path, commits.get(name, "HEAD")) for name, path in {**found, **others}.items()}


def _sample(rows: list[dict[str, Any]], size: int | None) -> list[dict[str, Any]]:
    """All questions, or so many of them, drawn at random but the same every time."""
    if size is None or size >= len(rows):
        return rows
    return random.Random(7).sample(rows, size)


def _asked(
    loccit: Loccit, row: dict[str, Any], name: str, path: str, revision: str, setting: benchmarks.Setting
) -> Outcome:
    answer = loccit.ask(row["question"], repos=[path], rev=revision)
    right = False
    if row["repo"] == name:
        hits = loccit.search(row["question"], repos=[path], rev=revision, limit=1)
        right = bool(hits) and hits[0].place.path in row["gold_files"]
    if setting.raw is not None:
        _write_signal(loccit, row, name, path, revision, right, setting)
    return Outcome(row["id"], row["repo"], name, answer.outcome != "abstained", answer.confidence, right)


def _write_signal(
    loccit: Loccit,
    row: dict[str, Any],
    name: str,
    path: str,
    revision: str,
    right: bool,
    setting: benchmarks.Setting,
) -> None:
    """Append what the confidence is computed from to the raw file, for calibrating it again."""
    searched = loccit._searchable([path], None, revision)
    results = find(row["question"], searched, filters=Filters(), options=RetrievalOptions(), top_k=1)
    counted = [weighted for weighted in results.scoring.weights if weighted.term.weight == 1.0]
    total = sum(telling(weighted.term) for weighted in counted)
    known = sum(telling(weighted.term) for weighted in counted if weighted.files)
    values = {
        "question": row["id"],
        "own_repo": row["repo"],
        "asked_repo": name,
        "signal": signal(results),
        "counted_terms": len(counted),
        "known_share": known / total if total else 0.0,
        "best_file": max((float(r.files.max()) for r in results.ranked if len(r.files)), default=0.0),
        "hit@1": right if row["repo"] == name else None,
    }
    assert setting.raw is not None
    with setting.raw.open("a", encoding="utf-8") as out:
        out.write(json.dumps(values) + "\n")


def _figures(outcomes: Sequence[Outcome], missing: list[str]) -> dict[str, Any]:
    default = RetrievalOptions().answer_confidence
    own = [o for o in outcomes if o.is_own]
    other = [o for o in outcomes if not o.is_own]
    answered, declined = [o.answered for o in own], [not o.answered for o in other]
    return {
        "missing_repositories": missing,
        "questions": len(own),
        "asked_of_another_repository": len(other),
        "threshold": default,
        "right_answered_percent": benchmarks.target(_percent(answered), at_least=85),
        "right_answered_interval": _clustered(own, answered),
        "wrong_declined_percent": benchmarks.target(_percent(declined), at_least=90),
        "wrong_declined_interval": _clustered(other, declined),
        "first_file_right_of_answered_percent": _percent([o.first_is_right for o in own if o.answered]),
        "first_file_right_of_declined_percent": _percent([o.first_is_right for o in own if not o.answered]),
        "curve": [_at(threshold, own, other) for threshold in sorted({*THRESHOLDS, default})],
        "per_repository": {
            name: {
                "right_answered": _percent([o.answered for o in own if o.own == name]),
                "wrong_declined_of_its_questions": _percent([not o.answered for o in other if o.own == name]),
                "wrong_declined_by_it": _percent([not o.answered for o in other if o.asked == name]),
            }
            for name in sorted({o.asked for o in outcomes})
        },
    }


def _at(threshold: float, own: Sequence[Outcome], other: Sequence[Outcome]) -> dict[str, Any]:
    """What happens at a threshold. `precision`: of the answered, those with the right file first."""
    kept = [o for o in own if o.confidence >= threshold]
    return {
        "threshold": threshold,
        "coverage": _percent([o.confidence >= threshold for o in own]),
        "precision": _percent([o.first_is_right for o in kept]),
        "wrong_declined": _percent([o.confidence < threshold for o in other]),
    }


def _percent(flags: Sequence[bool]) -> float | None:
    return round(100 * sum(flags) / len(flags), 1) if flags else None


def _clustered(outcomes: Sequence[Outcome], flags: Sequence[bool]) -> list[float] | None:
    """The 95 % bootstrap interval of a share in percent; questions are drawn with all their outcomes."""
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for outcome, flag in zip(outcomes, flags, strict=True):
        sums[outcome.question][0] += flag
        sums[outcome.question][1] += 1
    if not sums:
        return None
    counts: npt.NDArray[np.int64] = np.array(list(sums.values()))
    drawn = np.random.default_rng(7).integers(0, len(counts), size=(_ROUNDS, len(counts)))
    totals = counts[drawn].sum(axis=1)
    low, high = np.quantile(totals[:, 0] / totals[:, 1], [0.025, 0.975])
    return [round(100 * float(low), 1), round(100 * float(high), 1)]
