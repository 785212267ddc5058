"""Running: what is asked how often, what a broken-off run keeps, and what stops one."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

import loccit
from loccit.core.errors import (
    BudgetExceeded,
    InputError,
    LimitExceeded,
    LoccitError,
    ModelNotConfigured,
    StorageFailed,
    SystemFailed,
)
from loccit.evals import runner
from loccit.evals.datasets import Dataset, Gold, Job, Sample
from loccit.evals.log import begun, read_log
from loccit.evals.outputs import Output, OutputOutcome, Usage
from loccit.evals.retrieval_scorer import RetrievalScorer
from loccit.evals.runner import EvalTask, Limits, Standing, rescore, unfinished
from tests.unit.evals.small_runs import SCORERS, ToldSystem, ran, right, samples, task_of, without_run

ROOT = Path(loccit.__file__).parents[2]


def test_every_sample_is_asked_once_and_scored(tmp_path: Path) -> None:
    system, told = ToldSystem(), list[int]()
    log = ran(task_of(5, system), tmp_path / "log.jsonl", tell=lambda one: told.append(len(one.entries)))
    assert [entry.key for entry in log.entries] == [(f"s{n}", 0) for n in range(5)]
    assert sorted(sample for sample, _ in system.asked) == [f"s{n}" for n in range(5)]
    assert told == [0, 1, 2, 3, 4, 5]
    assert set(log.figures("file.hit@1").values.values()) == {1.0}
    assert read_log(tmp_path / "log.jsonl") == log
    assert [path.name for path in tmp_path.iterdir()] == ["log.jsonl"]


def test_the_order_of_a_log_is_that_of_the_dataset_whatever_ends_first(tmp_path: Path) -> None:
    async def late_first(sample: Sample, key: str) -> tuple[Output, Usage]:
        await asyncio.sleep(0.05 - 0.01 * int(sample.id[1:]))
        return await right(sample, key)

    ran(task_of(4, ToldSystem(late_first), concurrency=4), tmp_path / "fast.jsonl")
    ran(task_of(4, concurrency=1), tmp_path / "slow.jsonl")
    assert without_run(tmp_path / "fast.jsonl") == without_run(tmp_path / "slow.jsonl")


@pytest.mark.parametrize("most", [1, 3, 50])
def test_no_more_are_asked_at_once_than_allowed(tmp_path: Path, most: int) -> None:
    async def pause(sample: Sample, key: str) -> tuple[Output, Usage]:
        await asyncio.sleep(0.005)
        return await right(sample, key)

    system = ToldSystem(pause)
    ran(task_of(10, system, concurrency=most), tmp_path / "log.jsonl")
    assert system.most_at_once == min(most, 10)


def test_no_more_are_begun_in_any_minute_than_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A minute is three tenths of a second here."""
    monkeypatch.setattr(runner, "_MINUTE_S", 0.3)
    begun_at: list[float] = []

    async def noted(sample: Sample, key: str) -> tuple[Output, Usage]:
        begun_at.append(time.monotonic())
        return await right(sample, key)

    ran(task_of(7, ToldSystem(noted), concurrency=4, per_minute=3), tmp_path / "log.jsonl")
    assert len(begun_at) == 7
    # The fourth after the first, the fifth after the second: never four within a minute.
    assert all(later - earlier > 0.25 for earlier, later in zip(begun_at, begun_at[3:], strict=False))


def test_keys_are_plain_tell_attempts_apart_and_outlive_a_kill(tmp_path: Path) -> None:
    """They go into headers and columns, whatever samples are called."""
    odd = (*samples(1), Sample(id="Ünï\n" * 100, question="?", gold=Gold(abstain=True)))
    system = ToldSystem()
    task = EvalTask("odd", Dataset(odd), system, SCORERS, 2)
    ran(task, tmp_path / "log.jsonl")
    keys = [key for _, key in system.asked]
    assert len(set(keys)) == 4
    assert all(key.isascii() and key.isprintable() and len(key) < 64 for key in keys)


# Failing


async def too_late(sample: Sample, key: str) -> tuple[Output, Usage]:
    await asyncio.sleep(60)
    return await right(sample, key)


async def raising(sample: Sample, key: str) -> tuple[Output, Usage]:
    raise SystemFailed("half a character: \udc80")


async def cancelling(sample: Sample, key: str) -> tuple[Output, Usage]:
    raise asyncio.CancelledError


async def saying_so(sample: Sample, key: str) -> tuple[Output, Usage]:
    return Output(outcome=OutputOutcome.FAILED, error="budget", message="out of it"), Usage()


@pytest.mark.parametrize(
    ("answers", "error"),
    [(too_late, "Timeout"), (raising, "SystemFailed"), (cancelling, "Cancelled"), (saying_so, "budget")],
)
def test_where_every_sample_fails_every_figure_is_missing_and_none_is_zero(
    tmp_path: Path, answers: Any, error: str
) -> None:
    log = ran(task_of(5, ToldSystem(answers), timeout_s=0.05), tmp_path / "log.jsonl")
    assert log.is_complete
    assert [entry.output.error for entry in log.entries] == [error] * 5
    assert log.figures("failed").values == {f"s{n}": 1.0 for n in range(5)}
    for name in ("file.hit@1", "file.mrr", "coverage", "correct.f1", "citations.recall", "cost_usd"):
        figures = log.figures(name)
        assert figures.values == {}, name
        assert figures.missing == {f"s{n}": f"no output: {error}" for n in range(5)}, name
    assert set(log.figures("latency_s").values) == {f"s{n}" for n in range(5)}


def test_one_that_fails_leaves_the_others(tmp_path: Path) -> None:
    async def third_fails(sample: Sample, key: str) -> tuple[Output, Usage]:
        return await (raising if sample.id == "s2" else right)(sample, key)

    told: list[Standing] = []
    log = ran(task_of(4, ToldSystem(third_fails)), tmp_path / "log.jsonl", tell=told.append)
    assert log.figures("file.hit@1").missing == {"s2": "no output: SystemFailed"}
    assert log.figures("file.hit@1").values == {"s0": 1.0, "s1": 1.0, "s3": 1.0}
    assert told[-1].failed == 1


@pytest.mark.parametrize("error", [ModelNotConfigured("none"), InputError("wrong"), StorageFailed("full")])
def test_what_concerns_every_sample_ends_the_run(tmp_path: Path, error: LoccitError) -> None:
    async def broken(sample: Sample, key: str) -> tuple[Output, Usage]:
        if sample.id == "s2":
            raise error
        return await right(sample, key)

    with pytest.raises(type(error)):
        ran(task_of(5, ToldSystem(broken), concurrency=1), tmp_path / "log.jsonl")
    log = read_log(tmp_path / "log.jsonl")
    assert [entry.sample.id for entry in log.entries] == ["s0", "s1"]
    assert not log.is_complete


# Money


def test_no_sample_is_begun_once_the_money_is_spent_and_a_higher_limit_goes_on(tmp_path: Path) -> None:
    system, path = ToldSystem(), tmp_path / "log.jsonl"
    with pytest.raises(LimitExceeded) as caught:
        ran(task_of(10, system, concurrency=1, usd=0.6), path)
    assert (caught.value.value, caught.value.limit) == (0.75, 0.6)
    assert len(system.asked) == 3
    with pytest.raises(LimitExceeded):
        ran(task_of(10, system, concurrency=1, usd=0.6), path)
    assert len(system.asked) == 3
    log = ran(task_of(10, system, concurrency=1, usd=100), path)
    assert len(system.asked) == 10
    assert log.end is not None
    assert log.end.run.cost_usd == 2.5


def test_a_limit_that_nobody_can_keep_is_refused(tmp_path: Path) -> None:
    """A system that does not say what it costs could spend anything. What was asked is kept."""

    async def silent(sample: Sample, key: str) -> tuple[Output, Usage]:
        return Output(files=()), Usage()

    with pytest.raises(InputError, match="'told' does not tell what it costs: 5 USD"):
        ran(task_of(10, ToldSystem(silent), concurrency=1, usd=5), tmp_path / "log.jsonl")
    assert len(read_log(tmp_path / "log.jsonl").entries) == 1


def test_a_budget_that_is_spent_stops_and_the_next_run_goes_on(tmp_path: Path) -> None:
    left = [2]

    async def poor(sample: Sample, key: str) -> tuple[Output, Usage]:
        if not left[0]:
            raise BudgetExceeded("total", Decimal(2), Decimal(1))
        left[0] -= 1
        return await right(sample, key)

    with pytest.raises(BudgetExceeded):
        ran(task_of(5, ToldSystem(poor), concurrency=1), tmp_path / "log.jsonl")
    left[0] = 5
    log = ran(task_of(5, ToldSystem(poor), concurrency=1), tmp_path / "log.jsonl")
    assert log.figures("failed").values == {f"s{n}": 0.0 for n in range(5)}
    assert [entry.run.tries for entry in log.entries] == [1, 1, 2, 1, 1]


def test_an_abstention_for_money_stops_loccit_and_is_a_failure_of_anybody_else(tmp_path: Path) -> None:
    with pytest.raises(LimitExceeded):
        ran(task_of(3, ToldSystem(saying_so, kind="loccit")), tmp_path / "loccit.jsonl")
    assert ran(task_of(3, ToldSystem(saying_so, kind="http")), tmp_path / "http.jsonl").is_complete


# Going on


def cut_after(path: Path, lines: int, more: bytes = b"") -> None:
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:lines]) + more)


@pytest.mark.parametrize("kept", [1, 2, 4, 6])
def test_a_run_that_goes_on_ends_as_if_nothing_had_happened(tmp_path: Path, kept: int) -> None:
    path, system = tmp_path / "log.jsonl", ToldSystem()
    ran(task_of(5, system, concurrency=1), path)
    whole, keys = without_run(path), dict(system.asked)
    cut_after(path, kept, b'{"begun": ["s4", 0]}\n{"begun": ["s4"')
    assert begun(path) == {("s4", 0): 1}
    system.asked.clear()
    log = ran(task_of(5, system, concurrency=1), path)
    assert without_run(path) == whole
    left = [f"s{n}" for n in range(kept - 1, 5)]
    assert system.asked == [(sample, keys[sample]) for sample in left]
    assert [entry.run.tries for entry in log.entries] == [1, 1, 1, 1, 2 if kept < 6 else 1]


def test_a_finished_log_and_one_of_another_run_are_not_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    ran(task_of(3), path)
    before = path.read_bytes()
    with pytest.raises(InputError, match="is a finished log"):
        ran(task_of(3), path)
    assert path.read_bytes() == before
    cut_after(path, 2)
    before = path.read_bytes()
    others: dict[str, EvalTask] = {
        "dataset": task_of(4),
        "system": task_of(3, ToldSystem(facts={"repos": {"a": "2"}})),
        "scorers": task_of(3, scorers=(RetrievalScorer(),)),
        "repeats": task_of(3, repeats=2),
    }
    for name, other in others.items():
        with pytest.raises(InputError, match=f"it has another {name}"):
            ran(other, path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"precious", b"precious\n", b'{"format": "loccit-dataset/1"}\n'])
def test_a_file_of_somebody_elses_is_not_written_over(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "log.jsonl").write_bytes(content)
    with pytest.raises(InputError):
        ran(task_of(3), tmp_path / "log.jsonl")
    assert (tmp_path / "log.jsonl").read_bytes() == content


def test_what_is_no_file_is_refused_and_stays(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path):
        with pytest.raises(InputError, match="is no file"):
            ran(task_of(3), path)
    assert (tmp_path / "pipe").is_fifo()


def test_a_place_that_cannot_be_written_is_a_typed_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "log.jsonl", tmp_path / ("x" * 300)):
        with pytest.raises(StorageFailed):
            ran(task_of(3), path)


def test_a_second_writer_is_refused_and_a_third_one_too(tmp_path: Path) -> None:
    """The refused one does not take the lock away with it."""
    path = tmp_path / "log.jsonl"
    done = read_log(Path(__file__).resolve().parents[2] / "data" / "loccit-eval-1.finished.jsonl")
    with FileLock(f"{path}.lock"):
        for _ in range(2):
            with pytest.raises(InputError, match="another process writes"):
                ran(task_of(3), path)
            with pytest.raises(InputError, match="another process writes"):
                asyncio.run(rescore(done, SCORERS, path))
        assert Path(f"{path}.lock").exists()
    assert ran(task_of(3), path).is_complete


def test_the_newest_unfinished_log_of_the_same_run_is_found(tmp_path: Path) -> None:
    header = task_of(3).header("0")
    for name in ("a", "b", "c"):
        ran(task_of(3), tmp_path / f"{name}.jsonl")
    ran(task_of(2), tmp_path / "other.jsonl")
    (tmp_path / "d.jsonl").write_text("not ours")
    (tmp_path / "e.jsonl").mkdir()
    assert unfinished(tmp_path, header) is None
    for age, name in ((1, "c"), (2, "b"), (0, "other")):
        cut_after(tmp_path / f"{name}.jsonl", 2)
        os.utime(tmp_path / f"{name}.jsonl", (1e9 - age, 1e9 - age))
    assert unfinished(tmp_path, header) == tmp_path / "c.jsonl"


PROGRAM = """
import asyncio, sys
from pathlib import Path
from tests.unit.evals.small_runs import ToldSystem, ran, right, task_of

async def slow(sample, key):
    print(sample.id, flush=True)
    await asyncio.sleep(0.05 if int(sample.id[1:]) < 3 else 60)
    return await right(sample, key)

ran(task_of(6, ToldSystem(slow), concurrency=1), Path(sys.argv[1]))
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_process_that_is_killed_or_interrupted_is_gone_on_with(tmp_path: Path, how: signal.Signals) -> None:
    path = tmp_path / "log.jsonl"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(path)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line == "s3\n":
                with pytest.raises(InputError, match="another process writes"):
                    ran(task_of(6), path)
                process.send_signal(how)
                break
        assert process.wait(20) != 0
    system = ToldSystem()
    log = ran(task_of(6, system, concurrency=1), path)
    assert [sample for sample, _ in system.asked] == ["s3", "s4", "s5"]
    assert [entry.run.tries for entry in log.entries] == [1, 1, 1, 2, 1, 1]
    ran(task_of(6), tmp_path / "undisturbed.jsonl")
    assert without_run(path) == without_run(tmp_path / "undisturbed.jsonl")


# Taking over


async def with_prompts(sample: Sample, key: str) -> tuple[Output, Usage]:
    used = {"prompt answer": "1"} | ({"prompt repair": "1"} if sample.id == "s1" else {})
    return Output(files=sample.gold.files, used=used | {"model answer": "m"}), Usage(cost_usd=1.0)


@dataclass(frozen=True)
class Facts:
    prompts: tuple[tuple[str, str], ...] = (("answer", "1"), ("repair", "1"))
    models: tuple[tuple[str, str], ...] = (("answer", "m"), ("judge", ""))
    rest: str = "same"

    def system(self) -> ToldSystem:
        facts = {"prompts": dict(self.prompts), "models": dict(self.models), "rest": self.rest}
        return ToldSystem(with_prompts, facts)


@pytest.mark.parametrize(
    ("now", "asked"),
    [
        (Facts(), set[str]()),
        (Facts(prompts=(("answer", "1"), ("repair", "2"))), {"s1"}),
        (Facts(prompts=(("answer", "2"), ("repair", "1"))), {"s0", "s1", "s2"}),
        (Facts(prompts=(("answer", "1"),)), {"s1"}),
        (Facts(models=(("answer", "n"), ("judge", ""))), {"s0", "s1", "s2"}),
        (Facts(models=(("answer", "m"), ("judge", "j"))), {"s0", "s1", "s2"}),
        (Facts(rest="other"), {"s0", "s1", "s2"}),
    ],
)
def test_only_what_a_change_touched_is_asked_again(tmp_path: Path, now: Facts, asked: set[str]) -> None:
    before = ran(task_of(3, Facts().system()), tmp_path / "before.jsonl")
    system, told = now.system(), list[Standing]()
    log = ran(task_of(3, system), tmp_path / "now.jsonl", reuse=before, tell=told.append)
    assert {sample for sample, _ in system.asked} == asked
    assert told[-1].reused == 3 - len(asked)
    # What was paid by the other run is no cost of this one.
    assert told[-1].spent_usd == float(len(asked))
    assert log.end is not None
    assert log.end.run.cost_usd == float(len(asked))


def test_what_was_taken_over_is_not_paid_by_the_run_that_goes_on_either(tmp_path: Path) -> None:
    """Killed after it had taken over, it does not count that money as its own against the limit."""
    before = ran(task_of(4, Facts().system()), tmp_path / "before.jsonl")
    path = tmp_path / "now.jsonl"
    now = Facts(prompts=(("answer", "1"), ("repair", "2")))
    ran(task_of(4, now.system()), path, reuse=before)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + b"".join(line for line in lines[1:-1] if b'"id":"s1"' not in line))
    log = ran(task_of(4, now.system(), usd=1.5), path)
    assert log.end is not None
    assert log.end.run.cost_usd == 1.0


def test_failures_other_samples_and_figures_of_other_scorers_are_not_taken_over(tmp_path: Path) -> None:
    async def first_fails(sample: Sample, key: str) -> tuple[Output, Usage]:
        return await (raising if sample.id == "s0" else right)(sample, key)

    before = ran(task_of(2, ToldSystem(first_fails)), tmp_path / "before.jsonl")
    changed = samples(3)[1].model_copy(update={"question": "Where else?"})
    system = ToldSystem()
    dataset = Dataset((samples(1)[0], changed, samples(3)[2]))
    ran(EvalTask("small", dataset, system, SCORERS), tmp_path / "now.jsonl", reuse=before)
    assert {sample for sample, _ in system.asked} == {"s0", "s1", "s2"}
    with pytest.raises(InputError, match="figures of other scorers"):
        ran(task_of(2, scorers=(RetrievalScorer(),)), tmp_path / "other.jsonl", reuse=before)
    assert not (tmp_path / "other.jsonl").exists()


# Scoring again


def test_the_same_scorers_give_the_same_log_byte_for_byte(tmp_path: Path) -> None:
    log = ran(task_of(4), tmp_path / "log.jsonl")
    told: list[int] = []
    again = asyncio.run(
        rescore(log, SCORERS, tmp_path / "again.jsonl", tell=lambda one: told.append(len(one.entries)))
    )
    assert (tmp_path / "again.jsonl").read_bytes() == (tmp_path / "log.jsonl").read_bytes()
    assert again == log
    assert told == [1, 2, 3, 4]


def test_other_scorers_replace_figures_and_an_unfinished_log_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    log = ran(task_of(4), path)
    only = asyncio.run(rescore(log, [RetrievalScorer()], path))
    assert "coverage" not in only.metrics
    assert read_log(path) == only
    cut_after(path, 3)
    with pytest.raises(InputError, match="is not complete"):
        asyncio.run(rescore(read_log(path), SCORERS, tmp_path / "other.jsonl"))


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"concurrency": 0}, "concurrency is 0"),
        ({"per_minute": -1}, "per_minute is -1"),
        ({"usd": 0.0}, "usd is 0.0"),
        ({"timeout_s": float("nan")}, "timeout_s is nan"),
    ],
)
def test_limits_are_positive(limits: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        Limits(**limits)
    with pytest.raises(InputError, match="repeats is 0"):
        task_of(repeats=0)


def test_one_sample_that_passes_everything_is_a_log(tmp_path: Path) -> None:
    log = ran(task_of(1, repeats=3), tmp_path / "log.jsonl")
    assert [entry.key for entry in log.entries] == [("s0", 0), ("s0", 1), ("s0", 2)]
    assert log.flaky("file.hit@1") == {}
    assert all(one < other for one, other in pairwise(entry.repeat for entry in log.entries))


def test_jobs_that_are_no_questions_get_no_figures_of_answers(tmp_path: Path) -> None:
    """A search that cites nothing has not failed to cite."""
    mixed = (*samples(1), *(one.model_copy(update={"id": "t", "job": Job.SEARCH}) for one in samples(1)))
    log = ran(EvalTask("mixed", Dataset(mixed), ToldSystem(), SCORERS), tmp_path / "log.jsonl")
    assert set(log.figures("coverage").values) == set(log.figures("citations.recall").values) == {"s0"}
    assert set(log.figures("file.hit@1").values) == {"s0", "t"}
    assert json.loads(log.entries[1].model_dump_json())["missing"] == {}
