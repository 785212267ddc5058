"""A proof as the JSON document `loccit-proof/1`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from loccit.evals import Interval
from loccit.learning.proof import FORMAT, METRICS, SYSTEMS, TUNED, Proof, ProvedCase
from loccit.learning.proof_figures import duration, gain, predicted, score, splits

_DIGITS = 6


def document(proof: Proof) -> dict[str, Any]:
    """The figures with their intervals, every case, and what was checked. Shares are from 0 to 1."""
    found = predicted(proof.cases)
    return {
        "format": FORMAT,
        "version": proof.version,
        "repo": proof.repo,
        "commit": proof.head,
        "commits": proof.commits,
        "origin": str(proof.origin),
        "asked": proof.asked,
        "replayed": len(proof.cases),
        "notes": list(proof.notes),
        "left_out": {str(reason): count for reason, count in proof.left_out.items()},
        "systems": {system: _scores(proof.cases, system) for system in SYSTEMS},
        "differences": {
            other: {metric: _interval(gain(proof.cases, TUNED, other, metric)) for metric in METRICS}
            for other in SYSTEMS[:-1]
        },
        "splits": {
            split.name: [
                {
                    "group": group.name,
                    "cases": len(group.cases),
                    "systems": {system: _scores(group.cases, system) for system in SYSTEMS},
                }
                for group in split.groups
            ]
            for split in splits(proof)
        },
        "calibration": None
        if found is None
        else {
            "expected_error": round(found.expected_error, _DIGITS),
            "brier": round(found.brier, _DIGITS),
        },
        "leak_check": {"held": proof.held, "failed": len(proof.cases) - proof.held},
        "blocks": [asdict(block) for block in proof.blocks],
        "seconds_per_case": {system: _interval(duration(proof.cases, system)) for system in SYSTEMS},
        "cost_usd": 0.0,
        "seconds": {stage: round(each, 3) for stage, each in proof.seconds.items()},
        "misses": [{"case": miss.case, "why": miss.why} for miss in proof.misses],
        "cases": [_case(one) for one in proof.cases],
    }


def _scores(cases: Sequence[ProvedCase], system: str) -> dict[str, Any]:
    return {metric: _interval(score(cases, system, metric)) for metric in METRICS}


def _interval(value: Interval | float) -> dict[str, float | None]:
    if not isinstance(value, Interval):
        return {"estimate": round(value, _DIGITS), "low": None, "high": None}
    return {name: round(getattr(value, name), _DIGITS) for name in ("estimate", "low", "high")}


def _case(one: ProvedCase) -> dict[str, Any]:
    case = one.case
    return {
        "id": case.id,
        "title": case.title,
        "fix": case.commit,
        "asked_at": case.parent,
        "fixed": case.time,
        "opened": case.created,
        "files": sorted(case.gold),
        "names_file": one.names_file,
        "block": one.block,
        "systems": {
            system: {
                "first_rank": result.first_rank,
                "seconds": round(result.seconds, _DIGITS),
                **{metric: round(value, _DIGITS) for metric, value in result.scores.items()},
            }
            for system, result in one.results.items()
        },
        "placed": [asdict(each) for each in one.placed],
        "leaks": {**asdict(one.leaks), "holds": one.leaks.holds},
    }
