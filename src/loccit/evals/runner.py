"""Ask a system every sample, score what it gives, and keep all of it: killed at any moment, it goes on."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from loccit.budgets.deadline import Deadline
from loccit.core.errors import (
    BudgetExceeded,
    InputError,
    LimitExceeded,
    LoccitError,
    MalformedLog,
    ModelNotConfigured,
    PriceUnknown,
    RealCallsForbidden,
    SettingsError,
    SourceUnreadable,
    StorageFailed,
)
from loccit.evals.datasets import Dataset, Sample
from loccit.evals.log import (
    DatasetFacts,
    Entry,
    EvalLog,
    Journal,
    LogHeader,
    MetricFacts,
    RunFacts,
    SystemFacts,
    begun,
    is_finished,
    metric_facts,
    read_log,
    write_log,
    written_by_us,
)
from loccit.evals.outputs import Output, OutputOutcome, Usage
from loccit.evals.scoring import Scorer, readable, scored
from loccit.evals.systems import System

# These say that the task or the set-up is wrong, not the system: the next sample would say the same.
_FATAL = (InputError, SettingsError, StorageFailed, ModelNotConfigured, PriceUnknown, RealCallsForbidden)
# How an output says that the budget for it is spent.
_NO_BUDGET = "budget"
_MINUTE_S = 60.0
# Outputs that are scored again at the same time: more than one only helps where models judge.
_JUDGED_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Limits:
    """What a run may take. None is no limit.

    `concurrency` samples are asked at once, `per_minute` begun in any minute. Once `usd` are spent no sample
    is begun any more. A sample that takes longer than `timeout_s` has failed.
    """

    concurrency: int = 4
    per_minute: int | None = None
    usd: float | None = None
    timeout_s: float = 300.0

    def __post_init__(self) -> None:
        for name in ("concurrency", "per_minute", "usd", "timeout_s"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise InputError(f"{name} is {value!r}, expected more than 0")


@dataclass(frozen=True, slots=True)
class EvalTask:
    """What is to be run: every sample of the dataset, `repeats` times each."""

    name: str
    dataset: Dataset
    system: System
    scorers: tuple[Scorer, ...]
    repeats: int = 1
    limits: Limits = Limits()

    def __post_init__(self) -> None:
        if self.repeats < 1:
            raise InputError(f"repeats is {self.repeats!r}, expected at least 1")

    def header(self, version: str) -> LogHeader:
        """The header of its log, which says all that decides what comes out."""
        return LogHeader(
            task=self.name,
            dataset=DatasetFacts(
                name=self.dataset.header.name,
                samples=len(self.dataset.samples),
                digest=self.dataset.digest,
            ),
            system=SystemFacts(
                kind=self.system.kind, name=self.system.name, facts=_as_read(self.system.facts)
            ),
            scorers={scorer.name: scorer.version for scorer in self.scorers},
            metrics=_metrics_of(self.scorers),
            repeats=self.repeats,
            version=version,
            run=RunFacts(id=uuid.uuid4().hex, started_at=time.time()),
        )


@dataclass(slots=True)
class Standing:
    """How far a run is. `entries` are those that are done, in the order in which they ended; `reused` of them
    came from another log, `resumed` from before the run was broken off. `failed` outputs are among them.

    `spent_usd` is what is known to have been paid since `began_at`, in seconds since the epoch: what was
    reused is older.
    """

    total: int
    began_at: float = 0.0
    entries: list[Entry] = field(default_factory=list[Entry])
    reused: int = 0
    resumed: int = 0
    failed: int = 0
    spent_usd: float = 0.0

    def add(self, entry: Entry) -> None:
        """Another one is done."""
        self.entries.append(entry)
        self.failed += entry.output.outcome is OutputOutcome.FAILED
        if entry.run.started_at >= self.began_at:
            self.spent_usd += entry.run.cost_usd or 0.0


Tell = Callable[[Standing], None]


async def run(
    task: EvalTask,
    path: Path,
    *,
    version: str,
    reuse: EvalLog | None = None,
    tell: Tell = lambda standing: None,
) -> EvalLog:
    """The finished log, which is in the file at `path`.

    An unfinished log of the same run that is there already is gone on with: what it has is not asked again.
    Of `reuse` those outputs are taken over that nothing touched which has changed since. `tell` hears of
    each entry. Raises InputError for a finished log or one of another run at this path, BudgetExceeded and
    LimitExceeded where money runs out (what is done is kept), and the errors that concern every sample.
    """
    with written_by_us(path):
        return await _Work(task, path, version, tell).run(reuse)


async def rescore(
    log: EvalLog, scorers: Sequence[Scorer], path: Path, *, tell: Tell = lambda standing: None
) -> EvalLog:
    """A log of the same outputs with the figures of these scorers instead of its own, written to `path`.

    Nothing is asked again but the models that judge. Raises InputError for a log that is not complete, and
    where a run is under way at `path`.
    """
    if not log.is_complete:
        raise InputError(
            f"the log of {log.header.task!r} is not complete", next_step="finish it: loccit eval run"
        )
    standing = Standing(len(log.entries))
    made: dict[tuple[str, int], Entry] = {}
    waiting = iter(log.entries)

    async def work() -> None:
        for entry in waiting:
            found = await scored(scorers, entry.sample, entry.output)
            made[entry.key] = entry.model_copy(
                update={"scores": dict(found.values), "missing": dict(found.missing)}
            )
            standing.add(made[entry.key])
            tell(standing)

    with written_by_us(path):
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(_JUDGED_AT_ONCE, len(log.entries))):
                    group.create_task(work())
        except BaseExceptionGroup as errors:
            raise _first(errors) from errors
        header = log.header.model_copy(
            update={
                "scorers": {scorer.name: scorer.version for scorer in scorers},
                "metrics": _metrics_of(scorers),
            }
        )
        entries = [made[entry.key] for entry in log.entries]
        return write_log(path, header, entries, log.end.run if log.end else RunFacts())


def is_untouched(entry: Entry, before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Whether an output that a system with the facts `before` gave would be given by one with those of `now`.

    All facts must be equal, but for prompts and models that the output did not use.
    """
    open_to_change = {"prompts", "models"}
    if {k: v for k, v in before.items() if k not in open_to_change} != {
        k: v for k, v in now.items() if k not in open_to_change
    }:
        return False
    for kind, noun in (("prompts", "prompt"), ("models", "model")):
        old: Mapping[str, str] = before.get(kind, {})
        new: Mapping[str, str] = now.get(kind, {})
        for name in old.keys() | new.keys():
            was, is_now = old.get(name, ""), new.get(name, "")
            # A model in a role that nobody had, or that nobody has any more, may change every answer.
            matters = f"{noun} {name}" in entry.output.used or (
                kind == "models" and bool(was) != bool(is_now)
            )
            if was != is_now and matters:
                return False
    return True


class _Work:
    """One run on its way."""

    def __init__(self, task: EvalTask, path: Path, version: str, tell: Tell) -> None:
        self.task = task
        self.path = path
        self.tell = tell
        self.header = task.header(version)
        self.order = {
            (sample.id, repeat): position
            for position, (sample, repeat) in enumerate(_all(task.dataset, task.repeats))
        }
        self.standing = Standing(len(self.order), self.header.run.started_at)
        self.begun: dict[tuple[str, int], int] = {}
        self.starts: deque[float] = deque()
        self.pacing = asyncio.Lock()
        self.stopped_by: LoccitError | None = None

    async def run(self, reuse: EvalLog | None) -> EvalLog:
        """See `run`."""
        if reuse is not None and reuse.header.scorers != self.header.scorers:
            raise InputError(
                "the log to reuse has figures of other scorers",
                next_step="score it again first: loccit eval score",
            )
        self.journal = self._opened()
        try:
            if reuse is not None:
                self._take_over(reuse)
            done = {entry.key for entry in self.standing.entries}
            left = [
                pair
                for pair in _all(self.task.dataset, self.task.repeats)
                if (pair[0].id, pair[1]) not in done
            ]
            self.waiting = iter(left)
            self.tell(self.standing)
            try:
                async with asyncio.TaskGroup() as group:
                    for _ in range(min(self.task.limits.concurrency, len(left))):
                        group.create_task(self._work())
            except BaseExceptionGroup as errors:
                raise _first(errors) from errors
            if self.stopped_by is not None:
                raise self.stopped_by
        except BaseException:
            # What broke it off is what is told, also where the disk takes nothing any more.
            with suppress(StorageFailed):
                self.journal.close()
            raise
        entries = sorted(self.standing.entries, key=lambda entry: self.order[entry.key])
        now = time.time()
        facts = self.header.run.model_copy(
            update={
                "finished_at": now,
                "seconds": now - self.header.run.started_at,
                "cost_usd": self.standing.spent_usd,
                "tries": max((entry.run.tries for entry in entries), default=1),
            }
        )
        return self.journal.finish(EvalLog(self.header, tuple(entries)), facts)

    def _opened(self) -> Journal:
        if self.path.exists() and not self.path.is_file():
            raise InputError(f"{str(self.path)!r} is no file", next_step="name another one with --log")
        if not self.path.exists() or not self.path.stat().st_size:
            return Journal.begin(self.path, self.header)
        log = read_log(self.path)
        if log.is_complete:
            raise InputError(
                f"{str(self.path)!r} is a finished log", next_step="name another file with --log"
            )
        other = difference(log.header, self.header)
        if other:
            raise InputError(
                f"{str(self.path)!r} is the unfinished log of another run: {other}",
                next_step="name another file with --log",
            )
        self.header = log.header
        self.standing.began_at = log.header.run.started_at
        for entry in log.entries:
            self.standing.add(entry)
        self.standing.resumed = len(log.entries)
        self.begun = begun(self.path)
        return Journal(self.path)

    def _take_over(self, reuse: EvalLog) -> None:
        """Entries of another log, where they would come out the same."""
        known = {entry.key for entry in self.standing.entries}
        samples = {sample.id: sample for sample in self.task.dataset.samples}
        before, now = reuse.header.system, self.header.system
        for entry in reuse.entries:
            if (
                entry.key in self.order
                and entry.key not in known
                and samples[entry.sample.id] == entry.sample
                and entry.output.outcome is not OutputOutcome.FAILED
                and before.kind == now.kind
                and is_untouched(entry, before.facts, now.facts)
            ):
                self.journal.add(entry)
                self.standing.add(entry)
                self.standing.reused += 1

    async def _work(self) -> None:
        for sample, repeat in self.waiting:
            await self._pace()
            if self.stopped_by is not None or self._is_spent():
                return
            self.journal.starts(sample.id, repeat)
            entry = await self._entry(sample, repeat)
            if entry is None:
                return
            self.journal.add(entry)
            self.standing.add(entry)
            self.tell(self.standing)
            self._check_cost(entry)

    def _check_cost(self, entry: Entry) -> None:
        """Stop where nobody tells what is spent of a limit: it could not be kept."""
        is_unknown = entry.run.cost_usd is None and entry.output.outcome is not OutputOutcome.FAILED
        if is_unknown and self.task.limits.usd is not None and self.stopped_by is None:
            self.stopped_by = InputError(
                f"{self.task.system.name!r} does not tell what it costs: {self.task.limits.usd:g} USD cannot"
                " be kept as a limit",
                next_step="leave --max-usd out, or let the system give usage.cost_usd",
            )

    def _is_spent(self) -> bool:
        usd = self.task.limits.usd
        if usd is None or self.standing.spent_usd < usd:
            return False
        self.stopped_by = LimitExceeded(
            "cost of the evaluation in USD",
            round(self.standing.spent_usd, 4),
            usd,
            next_step="run the same command with a higher --max-usd: what is done is kept",
        )
        return True

    async def _pace(self) -> None:
        """Wait until another sample may be begun."""
        most = self.task.limits.per_minute
        if most is None:
            return
        async with self.pacing:
            while len(self.starts) >= most:
                wait = self.starts[0] + _MINUTE_S - time.monotonic()
                if wait > 0:
                    await asyncio.sleep(wait)
                self.starts.popleft()
            self.starts.append(time.monotonic())

    async def _entry(self, sample: Sample, repeat: int) -> Entry | None:
        """The entry of a sample; None where the budget gave out."""
        tries = self.begun.get((sample.id, repeat), 0) + 1
        started = time.time()
        began = time.perf_counter()
        try:
            async with asyncio.timeout(self.task.limits.timeout_s):
                output, usage = await self.task.system.answer(
                    sample,
                    _key(self.header.run.id, sample.id, repeat),
                    Deadline.after(self.task.limits.timeout_s),
                )
        except _FATAL:
            raise
        except BudgetExceeded as error:
            self.stopped_by = error
            return None
        except TimeoutError:
            limit = self.task.limits.timeout_s
            output, usage = _failed("Timeout", f"no output within {limit:g} s"), Usage()
        except LoccitError as error:
            output, usage = _failed(type(error).__name__, error.message), Usage()
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            # Nobody broke the run off: something inside the system did, and only this output is lost.
            output, usage = _failed("Cancelled", "the system broke off by itself"), Usage()
        is_ours = self.task.system.kind == "loccit"
        if is_ours and output.outcome is OutputOutcome.FAILED and output.error == _NO_BUDGET:
            self.stopped_by = LimitExceeded(
                "cost of the evaluation in USD",
                round(self.standing.spent_usd, 4),
                round(self.standing.spent_usd, 4),
                next_step="raise the budget of [budgets] and run the same command again",
            )
            return None
        took = time.perf_counter() - began
        usage = usage.model_copy(
            update={
                "latency_s": took if usage.latency_s is None else usage.latency_s,
                "started_at": started,
                "tries": tries,
            }
        )
        found = await scored(self.task.scorers, sample, output)
        return Entry(
            sample=sample,
            repeat=repeat,
            output=output,
            scores=dict(found.values),
            missing=dict(found.missing),
            run=usage,
        )


def _metrics_of(scorers: Sequence[Scorer]) -> dict[str, MetricFacts]:
    """Every metric with the scorer that gives it."""
    return {
        name: facts for scorer in scorers for name, facts in metric_facts(scorer.metrics, scorer.name).items()
    }


def _as_read(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Facts as they come back from a file: a tuple is a list there."""
    return json.loads(json.dumps(dict(facts), default=str))


def _all(dataset: Dataset, repeats: int) -> list[tuple[Sample, int]]:
    return [(sample, repeat) for sample in dataset.samples for repeat in range(repeats)]


def _key(run: str, sample: str, repeat: int) -> str:
    """A name for one attempt that fits into a header and a column, whatever samples are called."""
    return f"{run}-{hashlib.sha256(f'{sample}/{repeat}'.encode()).hexdigest()[:16]}"


def _failed(error: str, message: str) -> Output:
    return Output(outcome=OutputOutcome.FAILED, error=error, message=readable(message))


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first of what several tasks raised at once."""
    first = errors.exceptions[0]
    if isinstance(first, BaseExceptionGroup):
        return _first(cast("BaseExceptionGroup[BaseException]", first))
    return first


def unfinished(folder: Path, header: LogHeader) -> Path | None:
    """The newest log in the folder that the run of this header did not finish; None where there is none."""
    for path in sorted(folder.glob("*.jsonl"), key=_changed_at, reverse=True):
        try:
            if is_finished(path):
                continue
            log = read_log(path)
        except (MalformedLog, SourceUnreadable, OSError):
            continue  # not ours to judge: somebody may keep other files here
        if not log.is_complete and not difference(log.header, header):
            return path
    return None


def _changed_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0  # it is gone meanwhile


def difference(ours: LogHeader, theirs: LogHeader) -> str:
    """In what two headers differ, apart from `run`; empty where they do not."""
    for name in LogHeader.model_fields:
        if name != "run" and getattr(ours, name) != getattr(theirs, name):
            return f"it has another {name}"
    return ""
