"""What a server counts: requests, answers, models, queues; for Prometheus to scrape and OpenTelemetry to get.

Several processes may serve one home. Each counts in memory and, once a second where something has changed,
writes what it has to a file of its own in a folder that they share. Whoever is scraped writes its own file
first and then tells the sum of all files, and never anything that is not in a file: so a counter that was
told once never goes back, although the process that counted is killed. Such a process loses what it counted
in its last second at most. Its counts are folded into one file when the next process starts; they outlive
restarts. Gauges (in flight, queued) are those of living processes: each holds a lock on a file until it ends.
"""

from __future__ import annotations

import fcntl
import json
import math
import os
import platform
import threading
import time
import uuid
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast

from loccit.core.errors import StorageFailed
from loccit.telemetry import names
from loccit.telemetry.names import Kind, Watched
from loccit.telemetry.scores import SUPPORTED, supported_share

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

    from loccit.telemetry.records import CallRecord, RunRecord

_FORMAT = 1
_WRITE_EVERY_S = 1.0
_RETIRED = "retired.json"
_KEPT_MINUTES = 60
# Times of requests are kept in steps of 5 percent, fine enough for the bound of an alert.
_STEP = math.log(1.05)
_BY_NAME = {metric.name: metric for metric in names.WATCHED}

Series = tuple[str, tuple[str, ...]]
"""A metric's name and the values of its labels."""


@dataclass(slots=True)
class Buckets:
    """How many values fell into each bucket of a histogram, the last one without an upper end; their sum, the
    least and the greatest.
    """

    counts: list[int]
    total: float = 0.0
    least: float = math.inf
    greatest: float = -math.inf

    def add(self, other: Buckets) -> None:
        """Add those of another process."""
        self.counts = [mine + theirs for mine, theirs in zip(self.counts, other.counts, strict=True)]
        self.total += other.total
        self.least = min(self.least, other.least)
        self.greatest = max(self.greatest, other.greatest)


@dataclass(slots=True)
class Minute:
    """The requests of one minute: how many, how many the server failed (5xx), and how long they took.

    `times` counts by steps: step n holds seconds up to 1.05 ** n.
    """

    requests: int = 0
    failed: int = 0
    times: dict[int, int] = field(default_factory=dict[int, int])

    def add(self, other: Minute) -> None:
        """Add those of another process."""
        self.requests += other.requests
        self.failed += other.failed
        for step, count in other.times.items():
            self.times[step] = self.times.get(step, 0) + count

    def slower_than(self, seconds: float) -> int:
        """How many took longer; those within 5 percent of it may be counted on either side."""
        return sum(count for step, count in self.times.items() if step > _step(seconds))

    def quantile_s(self, share: float) -> float:
        """The time that so large a share did not exceed, within 5 percent; 0 where there was no request."""
        left = share * sum(self.times.values())
        for step in sorted(self.times):
            left -= self.times[step]
            if left <= 0:
                return math.exp(step * _STEP)
        return 0.0


@dataclass(slots=True)
class Counts:
    """What one process has counted, or several together. `minutes` are counted from the epoch."""

    counters: dict[Series, float] = field(default_factory=dict[Series, float])
    histograms: dict[Series, Buckets] = field(default_factory=dict[Series, Buckets])
    gauges: dict[Series, float] = field(default_factory=dict[Series, float])
    minutes: dict[int, Minute] = field(default_factory=dict[int, Minute])

    def add(self, other: Counts, *, gauges: bool) -> None:
        """Add those of another process, its gauges only where it lives."""
        for series, value in other.counters.items():
            self.counters[series] = self.counters.get(series, 0.0) + value
        for series, buckets in other.histograms.items():
            self.histograms.setdefault(series, Buckets([0] * len(buckets.counts))).add(buckets)
        if gauges:
            for series, value in other.gauges.items():
                self.gauges[series] = self.gauges.get(series, 0.0) + value
        for number, minute in other.minutes.items():
            self.minutes.setdefault(number, Minute()).add(minute)

    def within(self, seconds: float, now: float) -> Minute:
        """The requests of the last so many seconds, to the minute; of more than an hour those of the hour."""
        found = Minute()
        first = int((now - seconds) // 60)
        for number, minute in self.minutes.items():
            if number > first:
                found.add(minute)
        return found


class Metrics:
    """What this process counts, beside what the others of its folder do. Threads may share it.

    Close it at the end, or what was counted in the last second is lost.
    """

    def __init__(self, folder: Path, *, version: str) -> None:
        """Count in this folder, which is made where there is none; `version` is loccit's.

        Raises StorageFailed.
        """
        self._folder = folder
        self._build = (version, platform.python_version())
        self._counts = Counts()
        self._guard = threading.Lock()
        self._writing = threading.Lock()
        self._has_changed = True
        self.name = f"{os.getpid()}-{uuid.uuid4().hex[:12]}"
        self.began_at = time.time()
        with _told(folder):
            folder.mkdir(parents=True, exist_ok=True)
            with _locked(folder):
                _fold(folder)
                self._alive = os.open(folder / f"{self.name}.alive", os.O_RDWR | os.O_CREAT, 0o600)
                fcntl.flock(self._alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._is_over = threading.Event()
        self._writer = threading.Thread(target=self._write_now_and_then, name="loccit-metrics", daemon=True)
        self._writer.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Write what was counted, and stop. Raises StorageFailed."""
        self._is_over.set()
        self._writer.join()
        with self._guard:
            self._counts.gauges.clear()
            self._has_changed = True
        try:
            self._write()
        finally:
            os.close(self._alive)

    # Counting

    def requested(self, door: str, route: str, status: int, took_s: float) -> None:
        """A request was answered. `door` is `rest`, `mcp` and so on, `route` the route's template: a name
        that does not come from the request.
        """
        with self._guard:
            self._count(names.REQUESTS, (door, route, str(status)))
            self._observe(names.REQUEST_DURATION, (door, route), took_s)
            minute = self._this_minute()
            minute.requests += 1
            minute.failed += status >= 500
            step = _step(took_s)
            minute.times[step] = minute.times.get(step, 0) + 1

    def admitted(self) -> None:
        """A request was let in to work."""
        with self._guard:
            self._count(names.ADMITTED, ())

    def _this_minute(self) -> Minute:
        number = int(time.time() // 60)
        minutes = self._counts.minutes
        if number not in minutes:
            for old in [each for each in minutes if each <= number - _KEPT_MINUTES]:
                del minutes[old]
        return minutes.setdefault(number, Minute())

    def shed(self, reason: str) -> None:
        """A request was turned away: `queue_full`, `rate`, `draining` and so on."""
        with self._guard:
            self._count(names.SHED, (reason,))

    def sent_away(self, door: str, requests: int) -> None:
        """So many requests were answered by 503, for want of room, before it was known what they were for:
        how long that took says nothing of how long answers take.
        """
        with self._guard:
            self._count(names.SHED, ("queue_full",), requests)
            self._count(names.REQUESTS, (door, "", "503"), requests)
            minute = self._this_minute()
            minute.requests += requests
            minute.failed += requests

    @contextmanager
    def queued(self) -> Generator[None]:
        """Around the time that a request waits to be let in."""
        with self._gauged(names.QUEUED):
            yield

    @contextmanager
    def in_flight(self) -> Generator[None]:
        """Around the work on a request."""
        with self._gauged(names.IN_FLIGHT):
            yield

    def ran(self, record: RunRecord) -> None:
        """A run has ended, well or not."""
        with self._guard:
            for call in record.calls:
                self._count_call(call)
            if record.kind == "ask":
                why_not = (record.answer or {}).get("abstention") or ""
                writer = "model" if record.is_written else "quotes"
                self._count(names.ANSWERS, (writer, record.outcome, str(why_not)))
                for verdict, count in record.verdicts.items():
                    self._count(names.VERDICTS, (verdict,), count)
                share = supported_share(record.verdicts) if record.is_written else None
                if share is not None:
                    self._observe(names.GROUNDEDNESS, (SUPPORTED,), share)

    def scored(self, metric: str, value: float) -> None:
        """An answer was scored after it was given; `value` is from 0 to 1."""
        with self._guard:
            self._observe(names.GROUNDEDNESS, (metric,), value)

    def _count_call(self, call: CallRecord) -> None:
        provider, _, model = call.model.partition(":")
        series = (names.PROVIDERS.get(provider, provider), model or call.model, call.purpose)
        self._observe(
            names.MODEL_DURATION, (names.OPERATIONS[names.CALL], *series, call.error), call.took_ms / 1000
        )
        for name, metric in names.MODEL_TOKENS.items():
            if tokens := getattr(call, name):
                self._count(metric, series, tokens)
        if call.cost_usd:
            self._count(names.MODEL_COST, series, float(call.cost_usd))

    def _count(self, metric: Watched, labels: tuple[str, ...], amount: float = 1.0) -> None:
        series = (metric.name, labels)
        self._counts.counters[series] = self._counts.counters.get(series, 0.0) + amount
        self._has_changed = True

    def _observe(self, metric: Watched, labels: tuple[str, ...], value: float) -> None:
        series = (metric.name, labels)
        found = self._counts.histograms.get(series)
        if found is None:
            found = self._counts.histograms[series] = Buckets([0] * (len(metric.boundaries) + 1))
        # As Prometheus has it, an upper boundary belongs to its bucket.
        at = next((i for i, most in enumerate(metric.boundaries) if value <= most), len(metric.boundaries))
        found.counts[at] += 1
        found.total += value
        found.least = min(found.least, value)
        found.greatest = max(found.greatest, value)
        self._has_changed = True

    @contextmanager
    def _gauged(self, metric: Watched) -> Generator[None]:
        self._change(metric, 1)
        try:
            yield
        finally:
            self._change(metric, -1)

    def _change(self, metric: Watched, by: int) -> None:
        with self._guard:
            gauges = self._counts.gauges
            gauges[metric.name, ()] = gauges.get((metric.name, ()), 0.0) + by
            self._has_changed = True

    # Telling

    def own(self) -> Counts:
        """What this process has counted since it began."""
        with self._guard:
            return _parsed(json.loads(_written(self._counts)))

    def exposition(
        self,
        accept: str = "",
        *,
        index_age_s: Mapping[str, float] | None = None,
        jobs: Mapping[str, int] | None = None,
    ) -> tuple[bytes, str]:
        """What all processes have counted, in the form that the scraper's `Accept` header asks for, and its
        content type.

        `index_age_s` is by repository, `jobs` by state: they are looked up by whoever is scraped. Raises
        StorageFailed.
        """
        from prometheus_client import CollectorRegistry
        from prometheus_client.exposition import choose_encoder

        self._write()
        with _told(self._folder):
            counts, living = _all_counts(self._folder)
        gauges = counts.gauges
        gauges.setdefault((names.QUEUED.name, ()), 0.0)
        gauges.setdefault((names.IN_FLIGHT.name, ()), 0.0)
        gauges |= {(names.INDEX_AGE.name, (name,)): age for name, age in (index_age_s or {}).items()}
        gauges |= {(names.JOBS.name, (state,)): float(count) for state, count in (jobs or {}).items()}
        gauges[names.WORKERS.name, ()] = float(living)
        gauges[names.BUILD.name, self._build] = 1.0
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Collected(counts))
        encode, content_type = choose_encoder(accept)
        return encode(registry), content_type

    def _write_now_and_then(self) -> None:
        while not self._is_over.wait(_WRITE_EVERY_S):
            try:
                self._write()
            except StorageFailed:
                # A full disk: what is counted stays in memory, and whoever is scraped is told.
                continue

    def _write(self) -> None:
        """Bring this process's file up to date, where something has changed."""
        with self._writing:
            with self._guard:
                if not self._has_changed:
                    return
                text = _written(self._counts)
                self._has_changed = False
            try:
                with _told(self._folder):
                    _replace(self._folder / f"{self.name}.json", text)
            except StorageFailed:
                self._has_changed = True
                raise


def read_counts(folder: Path) -> Counts:
    """What the processes that serve have written to a folder, without being one of them; nothing where there
    is no such folder. Raises StorageFailed.
    """
    with _told(folder):
        return _all_counts(folder)[0] if folder.is_dir() else Counts()


class _Collected:
    """Counts as Prometheus' client reads them."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts

    def collect(self) -> Iterable[Metric]:
        """Every metric of the table that has a value, in its order."""
        from prometheus_client.metrics_core import (
            CounterMetricFamily,
            GaugeMetricFamily,
            HistogramMetricFamily,
        )

        for metric in names.WATCHED:
            told = (metric.prometheus_name, metric.about)
            labels = metric.prometheus_labels
            match metric.kind:
                case Kind.COUNTER:
                    family = CounterMetricFamily(*told, labels=labels)
                    for values, value in _of(metric, self._counts.counters):
                        family.add_metric(values, value)
                case Kind.GAUGE:
                    family = GaugeMetricFamily(*told, labels=labels)
                    for values, value in _of(metric, self._counts.gauges):
                        family.add_metric(values, value)
                case Kind.HISTOGRAM:
                    family = HistogramMetricFamily(*told, labels=labels)
                    for values, buckets in _of(metric, self._counts.histograms):
                        family.add_metric(values, _cumulative(metric, buckets), buckets.total)
            if family.samples:
                yield family


def _of(metric: Watched, series: Mapping[Series, Any]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The series of a metric, in order of their labels."""
    return ((labels, series[name, labels]) for name, labels in sorted(series) if name == metric.name)


def _cumulative(metric: Watched, buckets: Buckets) -> list[tuple[str, float]]:
    """Prometheus counts in each bucket also those of the lower ones."""
    found: list[tuple[str, float]] = []
    total = 0
    for most, count in zip([*map(str, metric.boundaries), "+Inf"], buckets.counts, strict=True):
        total += count
        found.append((most, float(total)))
    return found


def _step(seconds: float) -> int:
    return math.ceil(math.log(max(seconds, 1e-6)) / _STEP - 1e-9)


# Files


def _all_counts(folder: Path) -> tuple[Counts, int]:
    """The sum of all files, and how many processes live."""
    counts, living = Counts(), 0
    with _locked(folder):
        retired, folded = _retired(folder)
        counts.add(retired, gauges=False)
        for path in _files(folder):
            is_living = _is_held(path.with_suffix(".alive"))
            living += is_living
            if path.stem not in folded and (one := _read(path)) is not None:
                counts.add(_parsed(one), gauges=is_living)
    return counts, living


def _fold(folder: Path) -> None:
    """Add the files of processes that have ended to one, and delete them. It holds the names of what it has
    taken in: killed in between, nothing counts twice.
    """
    retired, folded = _retired(folder)
    dead = [path for path in _files(folder) if not _is_held(path.with_suffix(".alive"))]
    for path in dead:
        if path.stem not in folded and (one := _read(path)) is not None:
            retired.add(_parsed(one), gauges=False)
    if dead:
        last = int(time.time() // 60) - _KEPT_MINUTES
        retired.minutes = {number: minute for number, minute in retired.minutes.items() if number > last}
        document = json.loads(_written(retired)) | {"folded": [path.stem for path in dead]}
        _replace(folder / _RETIRED, json.dumps(document))
        for path in dead:
            path.unlink(missing_ok=True)
    names_left = {path.stem for path in _files(folder)}
    for path in folder.glob("*.alive"):
        if path.stem not in names_left and not _is_held(path):
            path.unlink(missing_ok=True)


def _retired(folder: Path) -> tuple[Counts, frozenset[str]]:
    document = _read(folder / _RETIRED)
    if document is None:
        return Counts(), frozenset()
    return _parsed(document), frozenset(document["folded"])


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.json") if path.name != _RETIRED)


def _read(path: Path) -> dict[str, Any] | None:
    """The counts in a file; None where there is none, or one of another version."""
    try:
        document = cast("dict[str, Any]", json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    return document if document.get("format") == _FORMAT else None


def _written(counts: Counts) -> str:
    document = {
        "format": _FORMAT,
        "counters": [[name, labels, value] for (name, labels), value in counts.counters.items()],
        "histograms": [
            [name, labels, buckets.counts, buckets.total, buckets.least, buckets.greatest]
            for (name, labels), buckets in counts.histograms.items()
        ],
        "gauges": [[name, labels, value] for (name, labels), value in counts.gauges.items()],
        "minutes": [
            [number, minute.requests, minute.failed, list(minute.times.items())]
            for number, minute in counts.minutes.items()
        ],
    }
    return json.dumps(document, separators=(",", ":"))


def _parsed(document: Mapping[str, Any]) -> Counts:
    """Counts as they were written; of metrics that this version does not have nothing is taken."""
    histograms = {
        (name, tuple(labels)): Buckets(list(counts), *sums)
        for name, labels, counts, *sums in document["histograms"]
        if name in _BY_NAME and len(counts) == len(_BY_NAME[name].boundaries) + 1
    }
    minutes = {
        number: Minute(requests, failed, dict(map(tuple, times)))
        for number, requests, failed, times in document["minutes"]
    }
    return Counts(
        counters=_series(document["counters"]),
        histograms=histograms,
        gauges=_series(document["gauges"]),
        minutes=minutes,
    )


def _series(rows: Iterable[tuple[str, list[str], float]]) -> dict[Series, float]:
    return {
        (name, tuple(labels)): value
        for name, labels, value in rows
        if name in _BY_NAME and len(labels) == len(_BY_NAME[name].labels)
    }


def _replace(path: Path, text: str) -> None:
    draft = path.with_suffix(".draft")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def _is_held(path: Path) -> bool:
    """Whether a living process holds this file."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


@contextmanager
def _locked(folder: Path) -> Generator[None]:
    """Nobody else reads or folds the files meanwhile."""
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _told(folder: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise StorageFailed(
            f"the metrics in {str(folder)!r} cannot be kept: {error.strerror or error}",
            next_step="check that there is room and that it may be written",
        ) from error
