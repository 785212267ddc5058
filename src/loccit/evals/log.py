"""The log of an evaluation, `loccit-eval/1`: every sample with its output, figures, cost and time.

A JSON Lines file. The first line says what was run, each other one is an entry, and the last says that it is
complete. While a run is under way entries are appended in the order in which they end; the finished log has
them in the order of the dataset. All that changes from run to run is under `run`: the rest of two finished
logs of one run, however often it was killed on the way, is equal byte for byte.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from errno import ENOSPC
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from filelock import FileLock, Timeout
from pydantic import Field, ValidationError

from loccit.core.documents import Count, NonEmptyText, Sha256, Text, Value
from loccit.core.errors import InputError, MalformedLog, SourceUnreadable, StorageFailed
from loccit.evals.datasets import Sample
from loccit.evals.metrics import (
    COST,
    FAILED,
    INPUT_TOKENS,
    LATENCY,
    OPERATIONS,
    OUTPUT_TOKENS,
    Better,
    Metric,
)
from loccit.evals.outputs import Output, OutputOutcome, Usage
from loccit.evals.report_parts import Unit
from loccit.evals.statistics import Scale
from loccit.evals.whole_files import write_whole

FORMAT = "loccit-eval/1"
_SHOWN = 80
_LONGEST_END_BYTES = 1000
_MAKE_ROOM = "make room, or name another file with --log"
_UNKNOWN = "the system does not tell"

Finite = Annotated[float, Field(allow_inf_nan=False)]


class MetricFacts(Value):
    """A metric as a log keeps it, so that it is readable without the scorer: see `Metric`.

    `scorer` is the name of the one that gives it; empty: not known.
    """

    about: Text
    better: Annotated[Better, Field(strict=False)]
    scale: Annotated[Scale, Field(strict=False)]
    unit: Annotated[Unit, Field(strict=False)]
    judge: Text = ""
    scorer: Text = ""


class DatasetFacts(Value):
    """Which samples: the dataset's name, how many of them were asked, and the digest of these."""

    name: Text
    samples: Count
    digest: Sha256


class SystemFacts(Value):
    """Which system: its kind and name, and all that decides what it gives; nothing secret."""

    kind: NonEmptyText
    name: Text
    facts: dict[Text, Any] = Field(default_factory=dict)


class RunFacts(Value):
    """When a log was begun and, at its end, finished; seconds since the epoch, and the time at work."""

    id: Text = ""
    started_at: float = 0.0
    finished_at: float = 0.0
    seconds: float = 0.0
    cost_usd: float = 0.0
    tries: Count = 1


class LogHeader(Value):
    """What was run. `scorers` are versions by name."""

    format: Literal["loccit-eval/1"] = FORMAT
    task: Text
    dataset: DatasetFacts
    system: SystemFacts
    scorers: dict[NonEmptyText, Text]
    metrics: dict[NonEmptyText, MetricFacts]
    repeats: Annotated[int, Field(ge=1)] = 1
    version: Text
    run: RunFacts = RunFacts()


class Entry(Value):
    """A sample, what the system gave for it, and its figures.

    `repeat` counts from 0. `missing` says of each figure that should be there and is not, why. `run` is what
    the output took.
    """

    sample: Sample
    repeat: Count = 0
    output: Output
    scores: dict[NonEmptyText, Finite]
    missing: dict[NonEmptyText, NonEmptyText] = Field(default_factory=dict)
    run: Usage = Usage()

    @property
    def key(self) -> tuple[str, int]:
        """What tells it from the others."""
        return self.sample.id, self.repeat


class LogEnd(Value):
    """The last line of a complete log: how many entries it has, and the SHA-256 in hex of header and entries
    without their `run`.
    """

    entries: Count
    digest: Sha256
    run: RunFacts = RunFacts()


@dataclass(frozen=True, slots=True)
class Figures:
    """One metric over the samples: values by sample id (the mean over its repeats), and what is missing.

    `missing` says why, of every sample that has no value and should, and of those where only some repeats
    have one. What does not apply is in neither.
    """

    values: Mapping[str, float]
    missing: Mapping[str, str]

    @property
    def without_value(self) -> tuple[str, ...]:
        """The samples that should have a value and have none."""
        return tuple(sample for sample in self.missing if sample not in self.values)


@dataclass(frozen=True)
class EvalLog:
    """A log: entries in the order of the dataset, those of one sample by repeat."""

    header: LogHeader
    entries: tuple[Entry, ...]
    end: LogEnd | None = None

    def __repr__(self) -> str:
        """Short: asyncio writes the result of whatever it has run into an error message that nobody sees, and
        a thousand entries take half a second.
        """
        return f"<EvalLog of {self.header.task!r}: {len(self.entries)} entries>"

    @property
    def is_complete(self) -> bool:
        """Whether every sample was asked."""
        return self.end is not None

    @cached_property
    def by_sample(self) -> dict[str, tuple[Entry, ...]]:
        """The entries of each sample."""
        found: dict[str, list[Entry]] = defaultdict(list)
        for entry in self.entries:
            found[entry.sample.id].append(entry)
        return {sample: tuple(entries) for sample, entries in found.items()}

    @cached_property
    def samples(self) -> dict[str, Sample]:
        """The samples by id."""
        return {sample: entries[0].sample for sample, entries in self.by_sample.items()}

    @cached_property
    def clusters(self) -> dict[str, str]:
        """Each sample's group, as `statistics` wants it."""
        return {key: sample.cluster for key, sample in self.samples.items()}

    @cached_property
    def metrics(self) -> dict[str, Metric]:
        """The metrics by name: those of its scorers, then those of every run."""
        told = {
            name: Metric(name, m.about, m.better, m.scale, m.unit, m.judge)
            for name, m in self.header.metrics.items()
        }
        return told | {metric.name: metric for metric in OPERATIONS}

    def figures(self, metric: str, samples: Iterable[str] | None = None) -> Figures:
        """A metric over the samples, or over some of them. Raises InputError for one that is not here."""
        if metric not in self.metrics:
            raise InputError(
                f"the log of {self.header.task!r} has no metric {metric!r}",
                next_step=f"it has {', '.join(self.metrics)}",
            )
        values: dict[str, float] = {}
        missing: dict[str, str] = {}
        for sample in self.by_sample if samples is None else samples:
            found = [_value(entry, metric) for entry in self.by_sample[sample]]
            numbers = [value for value in found if isinstance(value, float)]
            if numbers:
                values[sample] = sum(numbers) / len(numbers)
            reason = next((value for value in found if isinstance(value, str)), None)
            if reason is not None:
                missing[sample] = reason
        return Figures(values, missing)

    def measured(self) -> tuple[str, ...]:
        """The metrics that some sample has, or should have, in the order of reports."""
        return tuple(
            name
            for name in self.metrics
            if any(
                name in entry.scores or name in entry.missing or isinstance(_value(entry, name), float)
                for entry in self.entries
            )
        )

    def repeats(self, metric: str, sample: str) -> tuple[float | str, ...]:
        """What each repeat of a sample gave, or why there is nothing; without those it does not apply to."""
        found = (_value(entry, metric) for entry in self.by_sample[sample])
        return tuple(value for value in found if value is not None)

    def flaky(self, metric: str) -> dict[str, tuple[float, ...]]:
        """The samples whose repeats do not agree on a metric, with what each gave."""
        found: dict[str, tuple[float, ...]] = {}
        for sample, entries in self.by_sample.items():
            values = tuple(v for entry in entries if isinstance(v := _value(entry, metric), float))
            if len(values) > 1 and max(values) - min(values) > 1e-9:
                found[sample] = values
        return found


def _value(entry: Entry, metric: str) -> float | str | None:
    """A figure of an entry, or why there is none; None where it does not apply."""
    run, failed = entry.run, entry.output.outcome is OutputOutcome.FAILED
    match metric:
        case FAILED.name:
            return float(failed)
        case LATENCY.name:
            known: float | None = run.latency_s
        case COST.name:
            known = run.cost_usd
        case INPUT_TOKENS.name:
            known = run.input_tokens
        case OUTPUT_TOKENS.name:
            known = run.output_tokens
        case _:
            if metric in entry.scores:
                return float(entry.scores[metric])
            return entry.missing.get(metric)
    if known is not None:
        return float(known)
    return f"no output: {entry.output.error}" if failed else _UNKNOWN


def metric_facts(metrics: Iterable[Metric], scorer: str = "") -> dict[str, MetricFacts]:
    """Metrics as a header keeps them, those of one scorer."""
    return {
        m.name: MetricFacts(
            about=m.about, better=m.better, scale=m.scale, unit=m.unit, judge=m.judge, scorer=scorer
        )
        for m in metrics
    }


def read_log(path: Path) -> EvalLog:
    """The log in a file, complete or not; a last line that was cut off by a kill is left out.

    Raises MalformedLog, which names the line, also for a log of a newer format; SourceUnreadable.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SourceUnreadable(f"cannot read {str(path)!r}: {error.strerror or error}") from error
    return parse_log(data, name=str(path))


def parse_log(data: bytes, *, name: str) -> EvalLog:
    """The log in these bytes, which errors call `name`."""
    lines = data.split(b"\n")
    # What stands after the last line end was cut off while it was written.
    whole = [(number, line) for number, line in enumerate(lines[:-1], start=1) if line.strip()]
    if not whole:
        raise MalformedLog(f"{name!r} is empty", next_step="run the evaluation: loccit eval run")
    header = _header(whole[0][1], name)
    entries: dict[tuple[str, int], Entry] = {}
    end: LogEnd | None = None
    for number, line in whole[1:]:
        if end is not None:
            raise MalformedLog(f"{name!r}, line {number}: there is more after the end", next_step=_HOW)
        found = _line(line, name, number)
        if isinstance(found, LogEnd):
            end = found
        elif isinstance(found, Entry):
            entries[found.key] = found
    if end is not None:
        _check_end(header, tuple(entries.values()), end, name)
    return EvalLog(header, tuple(entries.values()), end)


def is_finished(path: Path) -> bool:
    """Whether a log ends as a complete one does, without reading more than its end. Raises OSError."""
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - _LONGEST_END_BYTES))
        return b'\n{"end": ' in file.read()


class Journal:
    """A log that is being written. What is appended is there after a kill of the process."""

    def __init__(self, path: Path) -> None:
        """Append to this file, which has its header already. Raises StorageFailed."""
        self._path = path
        try:
            _drop_torn_end(path)
            # Without a buffer: what could not be written must not come back with the next line.
            self._file = path.open("ab", buffering=0)
            self._length = self._file.seek(0, os.SEEK_END)
        except OSError as error:
            raise _lost(path, error) from error

    @classmethod
    def begin(cls, path: Path, header: LogHeader) -> Journal:
        """A new log, in the place of what is there. Raises StorageFailed."""
        # In one move: there is no log with half a header.
        write_whole(path, [_dump(header)], next_step=_MAKE_ROOM)
        return cls(path)

    def starts(self, sample: str, repeat: int) -> None:
        """Note that a sample is begun, so that after a kill it is known how often."""
        self._append(json.dumps({"begun": [sample, repeat]}, ensure_ascii=False).encode() + b"\n")

    def add(self, entry: Entry) -> None:
        """Append an entry. Raises StorageFailed."""
        self._append(_dump(entry))

    def finish(self, log: EvalLog, run: RunFacts) -> EvalLog:
        """Put the finished log, its entries in the order given, in the place of the journal."""
        self.close()
        return write_log(self._path, log.header, log.entries, run)

    def close(self) -> None:
        """Make sure that all of it is on disk. Raises StorageFailed."""
        if self._file.closed:
            return
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise _lost(self._path, error) from error
        finally:
            self._file.close()

    def _append(self, line: bytes) -> None:
        try:
            # One write: a kill can tear a line, but not mix two.
            if self._file.write(line) != len(line):
                raise OSError(ENOSPC, os.strerror(ENOSPC))
        except OSError as error:
            # The next one must not stand behind half a line.
            with suppress(OSError):
                self._file.truncate(self._length)
            raise _lost(self._path, error) from error
        self._length += len(line)


def complete(header: LogHeader, entries: Sequence[Entry], run: RunFacts) -> EvalLog:
    """The complete log of these entries."""
    end = LogEnd(entries=len(entries), digest=_digest(header, entries), run=run)
    return EvalLog(header, tuple(entries), end)


def write_log(path: Path, header: LogHeader, entries: Sequence[Entry], run: RunFacts) -> EvalLog:
    """Write the complete log of these entries, in one move. Raises StorageFailed."""
    log = complete(header, entries, run)
    save_log(path, log)
    return log


def save_log(path: Path, log: EvalLog) -> None:
    """Write a log as it is, complete or not, in one move. Raises StorageFailed."""
    last = [] if log.end is None else [json.dumps({"end": log.end.model_dump(mode="json")}).encode() + b"\n"]
    write_whole(path, chain([_dump(log.header)], map(_dump, log.entries), last), next_step=_MAKE_ROOM)


@contextmanager
def written_by_us(path: Path) -> Generator[None]:
    """A while in which no other process writes the log at `path`. Raises InputError where one does,
    StorageFailed.
    """
    lock = FileLock(f"{path}.lock", timeout=0)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as error:
        raise InputError(
            f"another process writes {str(path)!r}", next_step="wait for it, or name another file with --log"
        ) from error
    except OSError as error:
        raise _lost(path, error) from error
    try:
        yield
    finally:
        # While it is still ours: a file that somebody else has locked meanwhile must stay.
        with suppress(OSError):
            Path(lock.lock_file).unlink()
        lock.release()


def begun(path: Path) -> dict[tuple[str, int], int]:
    """How often each sample of an unfinished log was begun."""
    found: dict[tuple[str, int], int] = defaultdict(int)
    for line in _lines_of(path):
        if line.startswith(b'{"begun"'):
            with suppress(ValueError):
                sample, repeat = json.loads(line)["begun"]
                found[str(sample), int(repeat)] += 1
    return dict(found)


def _lines_of(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            yield from file
    except OSError as error:
        raise SourceUnreadable(f"cannot read {str(path)!r}: {error.strerror or error}") from error


_HOW = "make it again: loccit eval run"


def _header(line: bytes, name: str) -> LogHeader:
    try:
        document = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise MalformedLog(f"{name!r} is no log of an evaluation: {error}", next_step=_HOW) from error
    found = cast("dict[str, Any]", document).get("format") if isinstance(document, dict) else None
    if found != FORMAT:
        newer = isinstance(found, str) and found.startswith("loccit-eval/")
        raise MalformedLog(
            f"{name!r} has the format {found!r}, this version reads {FORMAT!r}",
            next_step="read it with the version of loccit that wrote it" if newer else _HOW,
        )
    try:
        return LogHeader.model_validate_json(line)
    except ValidationError as error:
        raise _malformed(error, name, 1) from error


def _line(line: bytes, name: str, number: int) -> Entry | LogEnd | None:
    try:
        if line.startswith(b'{"begun"'):
            return None
        if line.startswith(b'{"end"'):
            document: dict[str, Any] = json.loads(line)
            return LogEnd.model_validate_json(json.dumps(document["end"]))
        return Entry.model_validate_json(line)
    except ValidationError as error:
        raise _malformed(error, name, number) from error
    except (ValueError, RecursionError) as error:
        raise MalformedLog(f"{name!r}, line {number}: {error}", next_step=_HOW) from error


def _check_end(header: LogHeader, entries: Sequence[Entry], end: LogEnd, name: str) -> None:
    if len(entries) != end.entries:
        raise MalformedLog(
            f"{name!r} has {len(entries)} entries and says that it has {end.entries}", next_step=_HOW
        )
    if _digest(header, entries) != end.digest:
        raise MalformedLog(f"{name!r} was changed: its digest is another one", next_step=_HOW)


def _digest(header: LogHeader, entries: Sequence[Entry]) -> str:
    digest = hashlib.sha256()
    for value in (header, *entries):
        digest.update(value.model_dump_json(exclude={"run"}, exclude_defaults=True).encode() + b"\n")
    return digest.hexdigest()


def _dump(value: LogHeader | Entry) -> bytes:
    return value.model_dump_json(exclude_defaults=isinstance(value, Entry)).encode() + b"\n"


def _drop_torn_end(path: Path) -> None:
    with path.open("r+b") as file:
        data = file.read()
        kept = data.rfind(b"\n") + 1
        if kept != len(data):
            file.truncate(kept)


def _lost(path: Path, error: OSError) -> StorageFailed:
    return StorageFailed(
        f"cannot write {str(path)!r}: {error.strerror or error}",
        next_step=_MAKE_ROOM,
    )


def _malformed(error: ValidationError, name: str, number: int) -> MalformedLog:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    shown = repr(first["input"])
    shown = shown if len(shown) <= _SHOWN else f"{shown[: _SHOWN - 3]}..."
    return MalformedLog(f"{name!r}, line {number}: {where} is {shown}: {first['msg']}", next_step=_HOW)
