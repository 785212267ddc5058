"""Are false claims caught that were planted from true ones, and how many true ones fall with them?

True claims are sentences that people wrote about a definition, in its docstring or on a page of
documentation, against the definition without docstring and without any copy of the sentence. From them false
ones are planted: another number, a negation put in or taken out, another name of the repository, and what
was said of another definition. A claim is caught, or dropped, where its verdict is `unsupported` or
`contradicted`: what `ask` does not show. The repositories are none that the check has learned from.
"""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import benchmarks
from benchmarks.planting import Claim, mined, planted
from loccit.verification.support import DROPPED_BELOW, Premise, check_support

NAME = "planted-claims"
SUMMARY = "planted false claims that the local support check catches, and true ones that it drops"

REPOSITORIES = (
    "psf/requests pallets/flask pytest-dev/pytest pydata/xarray sqlfluff/sqlfluff streamlink/streamlink "
    "sphinx-doc/sphinx"
).split()
SEED = 20260101
# One operating point: the lowest of these three is to be reached, and apart from them behaviour.
SHARP = ("number", "negation", "identifier")
# Reported, without a target: a name of the same file, an opposite put for a word.
ASIDE = ("neighbour", "opposite")
CURVE = (0.05, 0.1, 0.2, 0.3, 0.4, DROPPED_BELOW, 0.6, 0.7, 0.75, 0.8, 0.9, 0.95)


def run(setting: benchmarks.Setting) -> dict[str, Any]:
    """The figures over all repositories, by kind and by repository, and what other bars would give."""
    chance = random.Random(SEED)
    checked: list[Checked] = []
    missing: list[str] = []
    sentences = 0
    for name in REPOSITORIES:
        path = setting.repository(name)
        if path is None:
            missing.append(name)
            continue
        found = mined(path, name)
        truths = found.claims
        sentences += found.sentences
        if setting.sample is not None:
            truths = chance.sample(truths, min(setting.sample, len(truths)))
        for truth in truths:
            checked += [Checked(claim) for claim in (truth, *planted(truth, found, chance))]
        checked += [Checked(claim, is_elsewhere=True) for claim in found.elsewhere]
    return {
        "missing_repositories": missing,
        "docstring_sentences_read": sentences,
        **figures(checked),
    }


class Checked:
    """A claim with its score, and the milliseconds that checking took, passages read anew."""

    def __init__(self, claim: Claim, *, is_elsewhere: bool = False) -> None:
        self.kind = "elsewhere" if is_elsewhere else claim.kind
        self.repo, self.slice, self.detail = claim.about.repo, claim.slice, claim.detail
        self.text = claim.text
        premise = Premise(claim.about.code, claim.about.path, claim.about.symbol)
        started = time.perf_counter()
        verdict = check_support(claim.text, [premise])
        self.ms = 1_000 * (time.perf_counter() - started)
        self.score = verdict.score or 0.0
        self.label = verdict.label.value
        self.is_dropped = self.label in ("unsupported", "contradicted")


def figures(checked: Sequence[Checked]) -> dict[str, Any]:
    """Shares at the operating point, and everything that they are made of."""
    by_kind: dict[str, list[Checked]] = defaultdict(list)
    for one in checked:
        by_kind[one.kind].append(one)
    caught = {kind: _share(by_kind[kind]) for kind in (*SHARP, "behaviour")}
    sharp = [caught[kind] for kind in SHARP]
    lowest = None if None in sharp else min(share for share in sharp if share is not None)
    ms = [one.ms for one in checked]
    return {
        "planted": benchmarks.target(sum(len(by_kind[kind]) for kind in (*SHARP, "behaviour")), at_least=500),
        "true_claims": len(by_kind["true"]),
        "caught_share": benchmarks.target(lowest, at_least=0.8),
        "behaviour_share": benchmarks.target(caught["behaviour"], at_least=0.5),
        "true_dropped_share": benchmarks.target(_share(by_kind["true"]), at_most=0.05),
        "ms_per_claim_median": benchmarks.target(round(benchmarks.percentile(ms, 0.5), 2), at_most=2),
        "ms_per_claim_p95": round(benchmarks.percentile(ms, 0.95), 2),
        "kinds": {kind: _row(by_kind[kind]) for kind in ("true", *SHARP, "behaviour", *ASIDE, "elsewhere")},
        "parts": {
            "negation put in": _row(_with(by_kind["negation"], "inserted")),
            "negation taken out": _row(_with(by_kind["negation"], "removed")),
            "behaviour of the same file": _row(_with(by_kind["behaviour"], "file")),
            "behaviour of another file": _row(_with(by_kind["behaviour"], "repository")),
            "true, of docstrings": _row(one for one in by_kind["true"] if one.slice == "docstring"),
            "true, of pages": _row(one for one in by_kind["true"] if one.slice == "page"),
            **{f"true, with {what}": _row(found) for what, found in _hard(by_kind["true"]).items()},
        },
        "repositories": {
            repo: {
                "true": sum(one.kind == "true" for one in checked if one.repo == repo),
                **{
                    f"{kind} dropped" if kind == "true" else f"{kind} caught": _share(
                        [one for one in by_kind[kind] if one.repo == repo]
                    )
                    for kind in ("true", *SHARP, "behaviour")
                },
            }
            for repo in sorted({one.repo for one in checked})
        },
        "labels": {
            kind: {
                label: sum(one.label == label for one in by_kind[kind])
                for label in ("supported", "partly", "unsupported", "contradicted")
            }
            for kind in ("true", *SHARP, "behaviour")
        },
        "curve": [
            {
                "dropped below": bar,
                **{
                    kind: _rounded(sum(one.score < bar for one in by_kind[kind]) / max(1, len(by_kind[kind])))
                    for kind in ("true", *SHARP, "behaviour")
                },
            }
            for bar in CURVE
        ],
    }


def _hard(truths: Sequence[Checked]) -> dict[str, list[Checked]]:
    """True claims that hold what planted ones are changed in: among them more fall."""
    from loccit.verification.support_text import read_claim

    read = [(one, read_claim(one.text)) for one in truths]
    return {
        "a number": [one for one, said in read if said.numbers],
        "a negation": [one for one, said in read if said.negations],
        "a name": [one for one, said in read if any(n.kind in ("marked", "bare") for n in said.names)],
    }


def _with(claims: Iterable[Checked], detail: str) -> list[Checked]:
    return [one for one in claims if one.detail == detail]


def _row(claims: Iterable[Checked]) -> dict[str, Any]:
    found = [float(one.is_dropped) for one in claims]
    low, high = benchmarks.interval(found) if found else (None, None)
    share = 100 * sum(found) / len(found) if found else None
    return {
        "claims": len(found),
        "dropped percent": None if share is None else round(share, 1),
        "from": low,
        "to": high,
    }


def _share(claims: Sequence[Checked]) -> float | None:
    return _rounded(sum(one.is_dropped for one in claims) / len(claims)) if claims else None


def _rounded(share: float) -> float:
    return round(share, 4)
