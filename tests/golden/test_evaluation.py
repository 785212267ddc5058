"""What `loccit eval run builtin` measures without a model: every figure, and how each sample fared."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from loccit import Loccit
from loccit.evals.builtin_project import project_repository
from loccit.evals.log import Entry, EvalLog
from loccit.evals.metrics import LATENCY
from loccit.evals.statistics import mean
from loccit.evals.tasks import read_task
from tests.golden.conftest import HERE, Golden

TUTORIAL = HERE.parents[1] / "docs" / "tutorial" / "is-it-any-good.md"
# Times differ from run to run.
LEFT_OUT = {LATENCY.name}


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> EvalLog:
    """A finished run of the built-in samples, in a home of its own."""
    folder = tmp_path_factory.mktemp("evaluation")
    return evaluated(folder)


def evaluated(folder: Path) -> EvalLog:
    loccit = Loccit(folder / "home")
    # As the command indexes it: without the history, of which there is one commit.
    name = loccit.index(project_repository(loccit.home), history=False).repository.name
    made, _ = loccit.evaluate(read_task("builtin"), folder / "log.jsonl", repos=[name])
    return made


def figure_of(log: EvalLog, metric: str) -> str:
    found = log.figures(metric)
    if not found.values:
        return f"{metric:22} -                       missing {len(found.missing)}"
    one = mean(found.values, clusters=log.clusters, scale=log.metrics[metric].scale)
    interval = f"{one.estimate:.3f} [{one.low:.3f}, {one.high:.3f}]"
    return f"{metric:22} {interval}  of {one.samples:2}, missing {len(found.missing)}"


def row_of(entry: Entry) -> str:
    """The outcome, and at which rank the first right file, function and passage came."""
    ranks = [
        f"{level} {round(1 / found) if (found := entry.scores[f'{level}.mrr']) else '-'}"
        for level in ("file", "function", "passage")
        if f"{level}.mrr" in entry.scores
    ]
    outcome = entry.output.outcome.value
    return "  ".join(
        [f"{entry.sample.job.value:6}", f"{entry.sample.id:26}", f"{outcome:9}", *ranks]
    ).rstrip()


def test_the_built_in_samples_fare_as_they_did(log: EvalLog, golden: Golden) -> None:
    """Figure by figure and sample by sample."""
    lines = [figure_of(log, metric) for metric in log.measured() if metric not in LEFT_OUT]
    golden(HERE / "evaluation.txt", "\n".join([*lines, "", *map(row_of, log.entries)]) + "\n")


def test_a_second_run_is_the_same_but_for_run(log: EvalLog, tmp_path: Path) -> None:
    """Without a model all of it is computed: the digest leaves out only what differs from run to run."""
    again = evaluated(tmp_path)
    assert log.end is not None
    assert again.end is not None
    assert again.end.digest == log.end.digest


def test_the_figures_of_the_tutorial_are_those_that_are_measured(log: EvalLog) -> None:
    """In whole percent, the mean and the ends of its interval."""
    rows = re.findall(
        r"^\| `(.+?)` \| (\d+)% \| (\d+) to (\d+) \|", TUTORIAL.read_text("utf-8"), re.MULTILINE
    )
    assert len(rows) == 6
    for metric, *told in rows:
        one = mean(log.figures(metric).values, clusters=log.clusters, scale=log.metrics[metric].scale)
        assert told == [f"{100 * value:.0f}" for value in (one.estimate, one.low, one.high)], metric
