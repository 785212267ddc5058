"""Train the support check: `python scripts/support_weights.py --repos FOLDER`.

FOLDER holds bare clones as OWNER+NAME/repo. The repositories are none that a benchmark of ours reports on.
True claims are sentences of people, false ones are planted from them (benchmarks/planting.py). Words are
counted, and trees grown, on all repositories; the thresholds are chosen where trees have not seen the
repository. Needs lightgbm, which the product does not (`pip install lightgbm`).
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.planting import Claim, Definition, mined, planted
from benchmarks.repositories import head
from loccit.verification.support_features import Word, WordTables, compare
from loccit.verification.support_model import FORMAT
from loccit.verification.support_text import read_claim, read_passage
from loccit.verification.support_vectors import Vectors

Float64 = npt.NDArray[np.float64]

TARGET = Path(__file__).parents[1] / "src" / "loccit" / "verification" / "support_weights.json"
REPOSITORIES = (
    "aio-libs/aiohttp celery/celery mitmproxy/mitmproxy networkx/networkx psf/black pypa/pip scrapy/scrapy "
    "sqlalchemy/sqlalchemy statsmodels/statsmodels tornadoweb/tornado wagtail/wagtail"
).split()
# Of each repository so many true claims, so that no two or three outweigh the others.
MOST_CLAIMS = 1_000
# False claims are planted anew so many times.
ROUNDS = 3
FOLDS = 4
# Share of true claims that may fall, and how much of each kind should be caught there (with something to
# spare).
DROPPED = 0.048
KINDS = {"number": 0.83, "negation": 0.83, "identifier": 0.83, "behaviour": 0.54}
PARAMETERS: dict[str, Any] = {
    "objective": "binary",
    "num_leaves": 6,
    "learning_rate": 0.05,
    "min_data_in_leaf": 60,
    "feature_fraction": 0.3,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 5,
    "max_bin": 63,
    "verbose": -1,
    "num_threads": 1,
}
# An average of three forests is steadier than one.
TREES, SEEDS = 150, (1, 2, 3)
# Dimensions of words' vectors. Words in fewer definitions' sentences, or of fewer repositories, are left
# out, and so are companions that are less sure than this to be more frequent beside the word.
WIDTH = 32
LEAST_DEFINITIONS, LEAST_CODE, COMPANIONS, LEAST_LIFT = 6, 12, 24, 1.3


def main() -> None:
    """Mine, plant, count, train, choose thresholds, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repos", type=Path, required=True, help="folder of OWNER+NAME/repo")
    arguments = parser.parse_args()
    chance = random.Random(5)
    claims: list[Claim] = []
    definitions: list[Definition] = []
    sources: list[dict[str, Any]] = []
    for name in REPOSITORIES:
        path = arguments.repos / name.replace("/", "+") / "repo"
        found = mined(path, name)
        truths = found.claims
        chosen = truths if len(truths) <= MOST_CLAIMS else chance.sample(truths, MOST_CLAIMS)
        kept = set(map(id, chosen))
        definitions += found.definitions
        for truth in truths:
            false = {
                (one.kind, one.text): one for _ in range(ROUNDS) for one in planted(truth, found, chance)
            }.values()
            # Numbers are rare: those of all sentences are taken.
            claims += [
                one for one in false if one.kind in KINDS and (id(truth) in kept or one.kind == "number")
            ]
        claims += chosen
        sources.append({"repository": name, "commit": head(path), "claims": len(chosen)})
        print(name, len(chosen), file=sys.stderr)
    write(claims, definitions, sources)


def write(claims: Sequence[Claim], definitions: Sequence[Definition], sources: list[dict[str, Any]]) -> None:
    """Train on the claims and write the model."""
    counts = WordCounts(definitions)
    folds = [REPOSITORIES[start::FOLDS] for start in range(FOLDS)]
    repos = np.array([claim.about.repo for claim in claims])
    kinds = np.array([claim.kind for claim in claims])
    # Features of a claim come from words counted elsewhere, as they will for every new repository.
    rows: list[list[float]] = [[] for _ in claims]
    names: list[str] = []
    for fold in folds:
        others = [name for name in REPOSITORIES if name not in fold]
        words, vectors = counts.tables(others), counts.vectors(others)
        for at in np.flatnonzero(np.isin(repos, fold)).tolist():
            about = claims[at].about
            passage = read_passage(about.code, about.path, about.symbol)
            features = compare(read_claim(claims[at].text), [passage], words, vectors).features
            names = list(features)
            rows[at] = list(features.values())
    columns = np.array(rows)
    scores = np.zeros((len(claims), len(KINDS)))
    trees: dict[str, list[dict[str, list[float]]]] = {}
    for position, kind in enumerate(KINDS):
        for fold in folds:
            unseen = np.isin(repos, fold)
            for model in grown(columns, kinds, repos, kind, ~unseen):
                scores[unseen, position] += model.predict(columns[unseen], raw_score=True) / len(SEEDS)
        final = grown(columns, kinds, repos, kind, np.ones(len(claims), dtype=bool))
        trees[kind] = [
            table(tree["tree_structure"]) for one in final for tree in one.dump_model()["tree_info"]
        ]
    least, caught = thresholds(scores, kinds, repos)
    margins = np.min(scores[kinds == "true"] - least, axis=1)
    print(
        json.dumps(
            {"caught": caught, "margin_of_true": np.quantile(margins, [0.05, 0.1, 0.25, 0.5]).tolist()}
        )
    )
    document = {
        "format": FORMAT,
        "sources": sources,
        "features": names,
        "heads": {
            kind: {"least": round(float(least[at]), 4), "trees": trees[kind]} for at, kind in enumerate(KINDS)
        },
        "vectors": counts.vectors(REPOSITORIES).to_document(),
        "words": {
            stem: [word.weight, word.own, word.other, dict(word.companions)]
            for stem, word in sorted(counts.tables(REPOSITORIES).items())
        },
    }
    TARGET.write_text(
        json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8"
    )
    print(f"{TARGET.stat().st_size:,} bytes", file=sys.stderr)


def grown(columns: Float64, kinds: Any, repos: Any, kind: str, seen: Any) -> list[Any]:
    """Forests that tell true claims from those of a kind; true ones weigh twice as much as false ones
    together.
    """
    import lightgbm

    taken = seen & np.isin(kinds, ["true", kind])
    is_true = kinds[taken] == "true"
    shares = shares_of(repos[taken], is_true)
    weights = np.where(is_true, 2.0, 1.0) * shares * 6_000
    data = lightgbm.Dataset(columns[taken], is_true.astype(float), weight=weights)
    return [lightgbm.train({**PARAMETERS, "seed": seed}, data, num_boost_round=TREES) for seed in SEEDS]


def shares_of(repos: Any, groups: Any) -> Float64:
    """What each row weighs in its group, so that a group's rows sum up to 1: a repository with four times
    the rows of another weighs twice as much as it. A few hold most of the numbers, and the next may be like
    any.
    """
    shares = np.zeros(len(repos))
    for group in np.unique(groups):
        here = groups == group
        _, place, counts = np.unique(repos[here], return_inverse=True, return_counts=True)
        shares[here] = (1 / np.sqrt(counts) / np.sqrt(counts).sum())[place]
    return shares


def table(root: dict[str, Any]) -> dict[str, list[Any]]:
    """A tree as parallel lists; see `support_model.Forest`."""
    columns: dict[str, list[Any]] = {name: [] for name in ("feature", "threshold", "left", "right", "value")}

    def add(node: dict[str, Any]) -> int:
        at = len(columns["value"])
        is_leaf = "leaf_value" in node
        columns["feature"].append(0 if is_leaf else node["split_feature"])
        columns["threshold"].append(0 if is_leaf else float(f"{node['threshold']:.7g}"))
        columns["value"].append(float(f"{node['leaf_value'] / len(SEEDS):.5g}") if is_leaf else 0)
        columns["left"].append(-1)
        columns["right"].append(-1)
        if not is_leaf:
            columns["left"][at] = add(node["left_child"])
            columns["right"][at] = add(node["right_child"])
        return at

    add(root)
    return columns


def thresholds(scores: Float64, kinds: Any, repos: Any) -> tuple[Float64, dict[str, float]]:
    """The least log odds of each head, at which `DROPPED` of the true claims fall by any of them, and which
    leaves the kind furthest below what it should be as little below it as a random search finds.
    """
    shares = shares_of(repos, kinds)
    truths, weights = scores[kinds == "true"], shares[kinds == "true"]
    false = {kind: (scores[kinds == kind], shares[kinds == kind]) for kind in KINDS}
    generator = np.random.default_rng(0)

    def at_shares(wanted: Float64) -> tuple[float, Float64, Float64, dict[str, float]]:
        low, high = 0.01, 3.0
        for _ in range(18):
            middle = (low + high) / 2
            least = _quantiles(truths, wanted * middle)
            if float(((truths < least).any(axis=1) * weights).sum()) > DROPPED:
                high = middle
            else:
                low = middle
        least = _quantiles(truths, wanted * low)
        caught = {kind: float(((rows < least).any(axis=1) * of).sum()) for kind, (rows, of) in false.items()}
        return min(caught[kind] - KINDS[kind] for kind in KINDS), least, wanted * low, caught

    best = at_shares(np.full(len(KINDS), DROPPED / 3))
    for _ in range(1_000):
        tried = at_shares(best[2] * np.exp(generator.normal(0, 0.15, len(KINDS))))
        if tried[0] > best[0]:
            best = tried
    return best[1], best[3]


def _quantiles(columns: Float64, shares: Float64) -> Float64:
    return np.array([np.quantile(columns[:, at], min(1.0, float(share))) for at, share in enumerate(shares)])


class WordCounts:
    """How often words of sentences and words of code go together, definition by definition, per
    repository.
    """

    def __init__(self, definitions: Iterable[Definition]) -> None:
        rows: dict[str, list[tuple[set[str], frozenset[str]]]] = defaultdict(list)
        for one in definitions:
            said = {stem for sentence in one.sentences for stem in read_claim(sentence).stems}
            if said:
                passage = read_passage(one.code, one.path, one.symbol)
                rows[one.repo].append((said, passage.everything | {f"@{stem}" for stem in passage.symbol}))
        said_in = Counter(stem for found in rows.values() for said, _ in found for stem in said)
        repos_of = Counter(
            stem for found in rows.values() for stem in {one for said, _ in found for one in said}
        )
        held_in = Counter(stem for found in rows.values() for _, held in found for stem in held)
        self.said = sorted(
            stem
            for stem, count in said_in.items()
            if count >= LEAST_DEFINITIONS and repos_of[stem] > 1 and stem.isascii() and len(stem) < 25
        )
        self.held = sorted(
            stem
            for stem, count in held_in.items()
            if count >= LEAST_CODE and stem.isascii() and len(stem) > 1 and not stem.isdigit()
        )
        self.place = {stem: at for at, stem in enumerate(self.held)}
        self.of = {repo: self._counted(found) for repo, found in rows.items()}

    def _counted(self, rows: Sequence[tuple[set[str], frozenset[str]]]) -> tuple[Any, ...]:
        """Of one repository: definitions, in how many a word is said, said and held, held, and held beside
        it.
        """
        said_at = {stem: at for at, stem in enumerate(self.said)}
        said = np.zeros((len(rows), len(self.said)), np.float32)
        own = np.zeros((len(rows), len(self.said)), np.float32)
        held = np.zeros((len(rows), len(self.held)), np.float32)
        for row, (words, code) in enumerate(rows):
            said[row, [said_at[stem] for stem in words if stem in said_at]] = 1
            own[row, [said_at[stem] for stem in code if stem in said_at]] = 1
            held[row, [self.place[stem] for stem in code if stem in self.place]] = 1
        return len(rows), said.sum(0), (said * own).sum(0), own.sum(0), held.sum(0), said.T @ held

    def vectors(self, repos: Collection[str]) -> Vectors:
        """Words in `WIDTH` dimensions: the singular vectors of the logarithm of how much more often than
        expected two stand together, rare words longer.
        """
        parts = [self.of[repo] for repo in repos if repo in self.of]
        total = sum(part[0] for part in parts)
        said, held = sum(part[1] for part in parts), sum(part[4] for part in parts)
        beside = sum(part[5] for part in parts)
        expected = sum(np.outer(part[1], part[4] / part[0]) for part in parts)
        surplus = np.maximum(0.0, np.log((beside + 2.0) / (expected + 2.0))).astype(np.float32)
        # Subspace iteration: the few first singular vectors are all that is needed.
        basis = np.random.default_rng(0).normal(size=(surplus.shape[1], WIDTH + 10)).astype(np.float32)
        for _ in range(4):
            basis, _unused = np.linalg.qr(surplus.T @ (surplus @ basis))
        left, sizes, right = np.linalg.svd(surplus @ basis, full_matrices=False)
        scale = np.sqrt(sizes[:WIDTH])
        of_said = left[:, :WIDTH] * scale * np.log(total / (said + 1))[:, None]
        of_held = (basis @ right.T)[:, :WIDTH] * scale * np.log(total / (held + 1))[:, None]
        raw = Vectors(self.said, self.held, of_said, of_held)
        # As they will be read.
        return Vectors.read(raw.to_document())

    def tables(self, repos: Collection[str]) -> WordTables:
        """What is known of words by these repositories. What is expected of other definitions is reckoned per
        repository: a repository's own vocabulary is no sign that a claim is about a certain definition of it.
        """
        parts = [self.of[repo] for repo in repos if repo in self.of]
        total = sum(part[0] for part in parts)
        said, own = sum(part[1] for part in parts), sum(part[2] for part in parts)
        other = sum(part[1] * part[3] / part[0] for part in parts)
        beside = sum(part[5] for part in parts)
        expected = sum(np.outer(part[1], part[4] / part[0]) for part in parts)
        lift = np.where(beside >= 5, (beside - 1.3 * np.sqrt(beside)) / (expected + 1.0), 0.0)
        tables: dict[str, Word] = {}
        for at, stem in enumerate(self.said):
            if said[at] < 3:
                continue
            if stem in self.place:
                lift[at, self.place[stem]] = 0.0
            best = np.argsort(-lift[at], kind="stable")[:COMPANIONS]
            # Of rare words little is known: they lean on what is usual of rare words.
            held_by_own = min(max((own[at] + 1.8) / (said[at] + 4), 0.02), 0.98)
            held_by_other = min(max((other[at] + 0.04) / (said[at] + 4), 0.0005), 0.93)
            tables[stem] = Word(
                round(math.log(total / said[at]), 2),
                round(float(max(held_by_own, min(0.98, held_by_other * 1.05))), 4),
                round(float(held_by_other), 4),
                {
                    self.held[one]: round(math.log(lift[at, one]), 2)
                    for one in best.tolist()
                    if lift[at, one] > LEAST_LIFT
                },
            )
        return tables


if __name__ == "__main__":
    main()
