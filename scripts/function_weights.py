"""Fit the weights that rank functions: `python scripts/function_weights.py --repos FOLDER [--home FOLDER]`.

FOLDER holds bare clones with full history as OWNER+NAME/repo. The repositories are none that a benchmark of
ours reports on. Each mined fix is an issue, and the definitions that its lines are in are what to find. The
weights maximise the likelihood of those among all functions of the first suspects. These stand in the order
of the candidates' first pass: its weights are set by hand, and no file ranker should be met on the fixes that
it was trained on.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.functions import Fix, changed_symbols
from loccit.indexing.changes import build_table
from loccit.learning.lessons import issue_of_fix
from loccit.learning.replay_past import Moment, Replay
from loccit.pipeline.ingest import Ingest
from loccit.pipeline.mine import MinedFix, mine
from loccit.retrieval.features import analyse
from loccit.retrieval.function_features import function_features
from loccit.settings import Settings
from loccit.wiring import System, build

Float64 = npt.NDArray[np.float64]

TARGET = Path(__file__).parents[1] / "src" / "loccit" / "retrieval" / "function_weights.json"
# Messages of the first are short, those of the second are as long as issues: of these only such are taken.
SHORT = (
    "aio-libs/aiohttp celery/celery dask/dask networkx/networkx pypa/pip scrapy/scrapy tornadoweb/tornado"
).split()
LONG = "mesonbuild/meson openstack/ironic openstack/neutron".split()
FIXES, LONG_WORDS = 350, 30
SUSPECTS = 20
TEMPERATURE = 0.25
RIDGE = 300.0
STEPS = 300
# Messages of commits hold no tracebacks, so no weight of these can be learned from them. Of the development
# issues' frames 13 in 100 are of a function that the fix changes, 26 of those that the error came from.
BY_HAND = {"frame": 0.5, "frame:line": 0.5, "frame:last": 1.5}


@dataclass(frozen=True)
class Case:
    """The functions of one fix's first suspects: their features, and which of them it changed."""

    columns: dict[str, Float64]
    is_gold: npt.NDArray[np.bool_]


def main() -> None:
    """Mine, replay, fit, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repos", type=Path, required=True, help="folder of OWNER+NAME/repo")
    parser.add_argument("--home", type=Path, help="keep what is indexed here (default: nowhere)")
    arguments = parser.parse_args()
    cases: list[Case] = []
    sources: list[dict[str, Any]] = []
    with ExitStack() as stack:
        home = arguments.home or Path(stack.enter_context(TemporaryDirectory(prefix="loccit-functions-")))
        system = build(Settings.load(home))
        for name in (*SHORT, *LONG):
            path = arguments.repos / name.replace("/", "+") / "repo"
            tip, found = cases_of(system, path, name in LONG)
            sources.append({"repository": name, "commit": tip, "fixes": len(found)})
            cases += found
            print(name, len(found), file=sys.stderr)
    document = {"format": 1, "sources": sources, "weights": {**fitted(cases), **BY_HAND}}
    TARGET.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def cases_of(system: System, path: Path, is_long: bool) -> tuple[str, list[Case]]:
    """The tip of a repository, and its fixes of which one of the first suspects' functions was changed."""
    repository = system.repository(str(path))
    shard = system.shard(repository.key)
    tip = repository.resolve(None)
    settings = system.settings
    with system.blob_cache() as cache:
        Ingest(repository, shard, cache, settings.parsing, settings.indexing).history(repository.snapshot())
        changes = list(repository.changes(tip, ()))
        fixes = chosen(list(mine(changes)), is_long)
        table, commits = build_table(changes), shard.open("history", tip)[1]
        replay = Replay(repository, cache, settings.parsing, 2, table, commits)
        moments = replay.moments([fix.parent for fix in fixes])
        cases = [case_of(path, fix, moment) for fix, moment in zip(fixes, moments, strict=True)]
    return tip, [case for case in cases if case is not None]


def chosen(fixes: Sequence[MinedFix], is_long: bool) -> list[MinedFix]:
    """So many fixes at even distances, none of the first fifth: they have little past."""
    fixes = [fix for fix in fixes if not is_long or len(fix.body.split()) >= LONG_WORDS]
    fixes = list(fixes[len(fixes) // 5 :])
    step = max(1, len(fixes) // FIXES)
    return fixes[::-1][::step][:FIXES][::-1]


def case_of(path: Path, fix: MinedFix, moment: Moment) -> Case | None:
    """None where none of the functions was changed, or nothing else is there."""
    analysis = analyse(issue_of_fix(fix), moment.view, moment.past)
    found = analysis.candidates
    if not len(found.files):
        return None
    first = found.values[:, found.names.index("first")]
    order = np.argsort(-first, kind="stable")[:SUSPECTS]
    chances = np.exp((first - first.max()) / TEMPERATURE)
    files = found.files[order].tolist()
    functions, columns = function_features(analysis, files, (chances / chances.sum())[order])
    where = Fix(fix.parent, fix.commit, "mined")
    gold = {(name, symbol) for name in fix.paths for symbol in changed_symbols(path, where, fix.parent, name)}
    paths = [moment.view.files.paths[file] for file in files]
    named = zip(functions.file.tolist(), functions.symbols, strict=True)
    is_gold = np.array([(paths[at], symbol) in gold for at, symbol in named], dtype=bool)
    return Case(columns, is_gold) if is_gold.any() and not is_gold.all() else None


def fitted(cases: Sequence[Case]) -> dict[str, float]:
    """The weights by feature: the likeliest for the probability of all gold together, with a ridge."""
    names = [name for name in cases[0].columns if name not in BY_HAND]
    columns = np.vstack([np.stack([case.columns[name] for name in names], axis=1) for case in cases])
    is_gold = np.concatenate([case.is_gold for case in cases])
    sizes = np.array([len(case.is_gold) for case in cases])
    spread = columns.std(axis=0) + 1e-6
    weights = minimised((columns - columns.mean(axis=0)) / spread, is_gold, sizes) / spread
    return {name: round(float(weight), 4) for name, weight in zip(names, weights, strict=True)}


def minimised(columns: Float64, is_gold: npt.NDArray[np.bool_], sizes: npt.NDArray[np.int64]) -> Float64:
    """The weights of least loss. It is smooth, so gradient descent with momentum and a restart where the loss
    rises finds them.
    """
    starts = np.cumsum(sizes) - sizes
    owner = np.repeat(np.arange(len(sizes)), sizes)

    def loss(weights: Float64) -> tuple[float, Float64]:
        scores = columns @ weights
        odds = np.exp(scores - np.maximum.reduceat(scores, starts)[owner])
        whole = np.add.reduceat(odds, starts)
        right = np.add.reduceat(np.where(is_gold, odds, 0.0), starts)
        pull = odds / whole[owner] - np.where(is_gold, odds, 0.0) / right[owner]
        value = float(np.log(whole / right).sum() + 0.5 * RIDGE * weights @ weights) / len(sizes)
        return value, (columns.T @ pull + RIDGE * weights) / len(sizes)

    weights = ahead = np.zeros(columns.shape[1])
    last, momentum, step = np.inf, 1.0, 1.0
    for _ in range(STEPS):
        value, slope = loss(ahead)
        while loss(ahead - step * slope)[0] > value - 0.5 * step * float(slope @ slope):
            step /= 2
        following = ahead - step * slope
        reached = loss(following)[0]
        momentum, before = (
            (1.0, 1.0) if reached > last else ((1 + np.sqrt(1 + 4 * momentum**2)) / 2, momentum)
        )
        ahead = following + (before - 1) / momentum * (following - weights)
        weights, last = following, reached
    return weights


if __name__ == "__main__":
    main()
