"""Sends what a server process has counted to an OpenTelemetry collector, only where one is configured.

What is sent is what `/metrics` tells, without what a run sends by itself (`export`): calls of models, their
tokens and cost. Each process sends its own sums since it began, under an instance id of its own, so a
collector adds them up whatever becomes of a process.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from loccit.telemetry import names
from loccit.telemetry.export import otlp_endpoint
from loccit.telemetry.metrics import Counts, Metrics, Series
from loccit.telemetry.names import Kind, Watched
from loccit.telemetry.redaction import redact

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import Metric

    from loccit.telemetry.options import TelemetryOptions

_LOGGER = logging.getLogger(__name__)
_NANOSECONDS = 1_000_000_000
# What every run sends with its spans.
_SENT_WITH_RUNS = {
    names.MODEL_DURATION.name,
    names.MODEL_COST.name,
    *(metric.name for metric in names.MODEL_TOKENS.values()),
}


class MetricsExporter:
    """Sends the metrics of this process. Close it when done."""

    def __init__(self, options: TelemetryOptions, metrics: Metrics, *, version: str) -> None:
        """Connect nothing yet. Raises SettingsError as `export.Exporter` does."""
        endpoint = otlp_endpoint(options)
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope

        self._endpoint = redact(endpoint)
        self._counted = metrics
        self._resource = Resource.create(
            {"service.name": "loccit", "service.version": version, "service.instance.id": metrics.name}
        )
        self._scope = InstrumentationScope("loccit", version)
        # As Any: the package leaves types out.
        self._exporter: Any = OTLPMetricExporter(f"{endpoint}/v1/metrics", timeout=options.otlp_timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def send(
        self, *, index_age_s: Mapping[str, float] | None = None, jobs: Mapping[str, int] | None = None
    ) -> bool:
        """Send what was counted until now; whether the collector took it, which is logged where it did not.

        `index_age_s` and `jobs` as in `Metrics.exposition`: one process of a server sends them.
        """
        from opentelemetry.sdk.metrics.export import (
            MetricExportResult,
            MetricsData,
            ResourceMetrics,
            ScopeMetrics,
        )

        counts = self._counted.own()
        counts.gauges |= {(names.INDEX_AGE.name, (name,)): age for name, age in (index_age_s or {}).items()}
        counts.gauges |= {(names.JOBS.name, (state,)): float(n) for state, n in (jobs or {}).items()}
        began = round(self._counted.began_at * _NANOSECONDS)
        found = list(_metrics_of(counts, began, time.time_ns()))
        scope = ScopeMetrics(self._scope, found, "")
        data = MetricsData([ResourceMetrics(self._resource, [scope], "")])
        is_taken = self._exporter.export(data) is MetricExportResult.SUCCESS
        if not is_taken:
            _LOGGER.warning("the collector at %s did not take the metrics", self._endpoint)
        return is_taken

    def close(self) -> None:
        """Close the connection."""
        self._exporter.shutdown()


def _metrics_of(counts: Counts, began: int, now: int) -> Iterator[Metric]:
    """The metrics as the exporter wants them."""
    from opentelemetry.sdk.metrics.export import AggregationTemporality, Gauge, Histogram, Metric, Sum
    from opentelemetry.sdk.metrics.export import HistogramDataPoint as InBuckets
    from opentelemetry.sdk.metrics.export import NumberDataPoint as Number

    cumulative = AggregationTemporality.CUMULATIVE
    for metric in names.WATCHED:
        if metric.name in _SENT_WITH_RUNS:
            continue
        match metric.kind:
            case Kind.COUNTER:
                points = [Number(of, began, now, value) for of, value in _points(metric, counts.counters)]
                data = Sum(points, cumulative, is_monotonic=True)
            case Kind.GAUGE:
                points = [Number(of, began, now, value) for of, value in _points(metric, counts.gauges)]
                data = Gauge(points)
            case Kind.HISTOGRAM:
                points = [
                    InBuckets(
                        attributes=of,
                        start_time_unix_nano=began,
                        time_unix_nano=now,
                        count=sum(buckets.counts),
                        sum=buckets.total,
                        bucket_counts=buckets.counts,
                        explicit_bounds=metric.boundaries,
                        min=buckets.least,
                        max=buckets.greatest,
                    )
                    for of, buckets in _points(metric, counts.histograms)
                ]
                data = Histogram(points, cumulative)
        if points:
            yield Metric(metric.name, metric.about, metric.unit, data)


def _points(metric: Watched, series: Mapping[Series, Any]) -> Sequence[tuple[dict[str, str], Any]]:
    """The series of a metric with their labels as attributes."""
    return [
        (dict(zip(metric.labels, labels, strict=True)), value)
        for (name, labels), value in sorted(series.items(), key=lambda one: one[0])
        if name == metric.name
    ]
