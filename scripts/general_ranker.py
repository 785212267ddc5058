"""Train the ranker that ships with the package: `python scripts/general_ranker.py --repos FOLDER`.

FOLDER holds bare clones with full history as OWNER+NAME/repo. The repositories are none that a benchmark of
ours reports on. Two models, each from one half of the repositories, say how the scores of unseen repositories
become probabilities; they and one that saw all are the ranker: an average is steadier than any of them. Needs
lightgbm, which the product does not (`pip install lightgbm`).
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from loccit.indexing.changes import build_table
from loccit.learning.lessons import issue_of_fix
from loccit.learning.replay_past import Replay
from loccit.pipeline.ingest import Ingest
from loccit.pipeline.mine import MinedFix, mine
from loccit.retrieval.features import Candidates, candidates
from loccit.retrieval.learned import FORMAT, columns_of, shortlist
from loccit.settings import Settings
from loccit.wiring import System, build

TARGET = Path(__file__).parents[1] / "src" / "loccit" / "retrieval" / "general_ranker.json"
# Messages of the first are short, those of the second are as long as issues: of these only such are taken.
SHORT = (
    "aio-libs/aiohttp ansible/ansible bokeh/bokeh buildbot/buildbot celery/celery conan-io/conan dask/dask "
    "encode/django-rest-framework eslint/eslint gohugoio/hugo mitmproxy/mitmproxy networkx/networkx "
    "nltk/nltk numpy/numpy psf/black pypa/pip pypa/setuptools scrapy/scrapy statsmodels/statsmodels "
    "tornadoweb/tornado twisted/twisted wagtail/wagtail"
).split()
LONG = "mesonbuild/meson openstack/ironic openstack/neutron sqlalchemy/sqlalchemy".split()
SHORT_FIXES, LONG_FIXES, LONG_WORDS = 800, 1200, 30
PARAMETERS: dict[str, Any] = {
    "objective": "lambdarank",
    "num_leaves": 15,
    "learning_rate": 0.07,
    "min_data_in_leaf": 60,
    "feature_fraction": 0.3,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 5,
    "lambdarank_truncation_level": 8,
    "max_bin": 63,
    "verbose": -1,
}
ROUNDS = 200


def main() -> None:
    """Mine, replay, train, calibrate, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repos", type=Path, required=True, help="folder of OWNER+NAME/repo")
    arguments = parser.parse_args()
    lists: dict[str, list[List]] = {}
    sources: list[dict[str, Any]] = []
    with TemporaryDirectory(prefix="loccit-general-") as home:
        system = build(Settings.load(Path(home)))
        for name in (*SHORT, *LONG):
            tip, lists[name] = lists_of(
                system, arguments.repos / name.replace("/", "+") / "repo", name in LONG
            )
            sources.append({"repository": name, "commit": tip, "fixes": len(lists[name])})
            print(name, len(lists[name]), file=sys.stderr)
    write(lists, sources)


class List:
    """One fix: the columns of its shortlist, and which of its rows it changed."""

    def __init__(self, found: Candidates, gold: Iterable[str]) -> None:
        rows = shortlist(found)
        wanted = set(gold)
        self.columns = columns_of(found, found.names)[rows].astype(np.float32)
        self.is_gold = np.array([found.former[row][0] in wanted for row in rows.tolist()], dtype=bool)
        self.names = found.names


def lists_of(system: System, repository_path: Path, is_long: bool) -> tuple[str, list[List]]:
    """The tip of a repository, and its newest fixes as lists."""
    repository = system.repository(str(repository_path))
    shard = system.shard(repository.key)
    tip = repository.resolve(None)
    with system.blob_cache() as cache:
        settings = system.settings
        Ingest(repository, shard, cache, settings.parsing, settings.indexing).history(repository.snapshot())
        changes = list(repository.changes(tip, ()))
        replay = Replay(
            repository, cache, settings.parsing, 2, build_table(changes), shard.open("history", tip)[1]
        )
        fixes = chosen(mine(changes), is_long)
        moments = replay.moments([fix.parent for fix in fixes])
        found = [
            List(candidates(issue_of_fix(fix), moment.view, moment.past), fix.paths)
            for fix, moment in zip(fixes, moments, strict=True)
        ]
    return tip, [one for one in found if len(one.is_gold) > 1]


def chosen(fixes: Iterable[MinedFix], is_long: bool) -> list[MinedFix]:
    """The newest of the fixes to learn from."""
    if not is_long:
        return list(fixes)[-SHORT_FIXES:]
    return [fix for fix in fixes if len(fix.body.split()) >= LONG_WORDS][-LONG_FIXES:]


def write(lists: dict[str, list[List]], sources: list[dict[str, Any]]) -> None:
    """Train on the lists and write the ranker."""
    names = sorted(lists)
    halves = [[one for name in names[start::2] for one in lists[name]] for start in (0, 1)]
    models = [trained(half, seed) for seed, half in enumerate(halves, start=1)]
    unseen: list[tuple[Any, Any]] = []
    for model, half in zip(models, reversed(halves), strict=True):
        unseen += [(model.predict(one.columns), one.is_gold) for one in half]
    models.append(trained([one for half in halves for one in half], 11))
    trees = [tree for model in models for tree in trees_of(model, len(models))]
    document = {
        "format": FORMAT,
        "features": list(lists[names[0]][0].names),
        "calibration": calibration_of(unseen),
        "sources": sources,
        "trees": trees,
    }
    TARGET.write_text(json.dumps(document, separators=(",", ":")) + "\n", encoding="utf-8")


def trained(lists: Sequence[List], seed: int) -> Any:
    """A LambdaMART model of these lists."""
    import lightgbm

    useful = [one for one in lists if one.is_gold.any()]
    data = lightgbm.Dataset(
        np.concatenate([one.columns for one in useful]),
        np.concatenate([one.is_gold for one in useful]).astype(float),
        group=[len(one.is_gold) for one in useful],
    )
    return lightgbm.train({**PARAMETERS, "seed": seed}, data, num_boost_round=ROUNDS)


def trees_of(model: Any, shared_by: int) -> list[dict[str, list[float]]]:
    """The model's trees as tables of nodes, their values a `shared_by`-th."""
    return [table(tree["tree_structure"], shared_by) for tree in model.dump_model()["tree_info"]]


def table(root: dict[str, Any], shared_by: int) -> dict[str, list[Any]]:
    """A tree as parallel lists; see `learned.Trees`."""
    columns: dict[str, list[Any]] = {name: [] for name in ("feature", "threshold", "left", "right", "value")}

    def add(node: dict[str, Any]) -> int:
        at = len(columns["value"])
        is_leaf = "leaf_value" in node
        columns["feature"].append(0 if is_leaf else node["split_feature"])
        columns["threshold"].append(0 if is_leaf else float(f"{node['threshold']:.7g}"))
        columns["value"].append(float(f"{node['leaf_value'] / shared_by:.5g}") if is_leaf else 0)
        columns["left"].append(-1)
        columns["right"].append(-1)
        if not is_leaf:
            columns["left"][at] = add(node["left_child"])
            columns["right"][at] = add(node["right_child"])
        return at

    add(root)
    return columns


def calibration_of(unseen: Sequence[tuple[Any, Any]]) -> dict[str, float]:
    """The temperature, intercept and slope under which unseen outcomes are likeliest (see
    `learned.Calibration`).
    """
    best: tuple[float, dict[str, float]] = (math.inf, {})
    for temperature in (0.5, 0.7, 0.85, 1.0, 1.2, 1.5, 2.0):
        odds: list[Any] = []
        outcomes: list[Any] = []
        for scores, is_gold in unseen:
            power = np.exp((scores - scores.max()) / temperature)
            share = np.clip(power / power.sum(), 1e-9, 1 - 1e-9)
            first = np.argsort(-scores, kind="stable")[:10]
            odds.append(np.log(share / (1 - share))[first])
            outcomes.append(is_gold[first])
        loss, intercept, slope = logistic(np.concatenate(odds), np.concatenate(outcomes).astype(float))
        found = {"temperature": temperature, "intercept": round(intercept, 4), "slope": round(slope, 4)}
        best = min(best, (loss, found), key=lambda pair: pair[0])
    return best[1]


def logistic(values: Any, outcomes: Any) -> tuple[float, float, float]:
    """Loss, intercept and slope of a logistic regression, by Newton's method."""
    weights = np.array([0.0, 0.5])
    design = np.stack([np.ones_like(values), values], axis=1)
    for _ in range(100):
        likely = 1 / (1 + np.exp(-design @ weights))
        curve = design.T @ (design * (likely * (1 - likely))[:, None])
        step = np.linalg.solve(curve + 1e-6 * np.eye(2), design.T @ (likely - outcomes))
        # Far from the answer a full step overshoots.
        weights = weights - step / max(1.0, float(np.abs(step).max()) / 0.25)
    likely = np.clip(1 / (1 + np.exp(-design @ weights)), 1e-12, 1 - 1e-12)
    loss = -float(np.mean(outcomes * np.log(likely) + (1 - outcomes) * np.log(1 - likely)))
    return loss, float(weights[0]), float(weights[1])


if __name__ == "__main__":
    main()
