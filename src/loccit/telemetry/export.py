"""Sends finished runs to an OpenTelemetry collector, only where one is configured.

The address is that of OTLP over HTTP; what else OTLP needs (headers with a key, certificates) it takes from
the environment variables `OTEL_EXPORTER_OTLP_...`. No question, no evidence and no answer is sent.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Mapping
from importlib import import_module
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from loccit.core.errors import SettingsError
from loccit.telemetry import names
from loccit.telemetry.redaction import redact, redact_tree
from loccit.telemetry.trace import Attribute, Span, Trace

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import SpanContext

    from loccit.telemetry.options import TelemetryOptions

_LOGGER = logging.getLogger(__name__)
_HEX32 = re.compile("[0-9a-f]{32}")
_NANOSECONDS = 1_000_000_000


class Exporter:
    """Sends runs to the collector of the settings. Close it when done."""

    def __init__(self, options: TelemetryOptions, *, version: str) -> None:
        """Connect nothing yet. Raises SettingsError for an address that is none, and where the package that
        speaks OTLP is not installed.
        """
        endpoint = otlp_endpoint(options)
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
        from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope

        self._endpoint = redact(endpoint)
        self._resource = Resource.create({"service.name": "loccit", "service.version": version})
        self._scope = InstrumentationScope("loccit", version)
        timeout = options.otlp_timeout_s
        self._spans: SpanExporter = OTLPSpanExporter(f"{endpoint}/v1/traces", timeout=timeout)
        # Each process tells what it has added: most live as long as one run, and none knows of the others.
        deltas: dict[type, AggregationTemporality] = {
            Counter: AggregationTemporality.DELTA,
            Histogram: AggregationTemporality.DELTA,
        }
        self._reader = InMemoryMetricReader(preferred_temporality=deltas)
        # As Any: the package leaves types out.
        self._metrics: Any = OTLPMetricExporter(
            f"{endpoint}/v1/metrics", timeout=timeout, preferred_temporality=deltas
        )
        self._provider = MeterProvider([self._reader], self._resource, shutdown_on_exit=False)
        self._instruments = _Instruments(self._provider.get_meter("loccit", version))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def send(self, trace: Trace, *, kind: str, outcome: str, error: str = "") -> bool:
        """Send a finished run of a kind ("ask"); whether the collector took its spans and its metrics.

        Takes at most `otlp_timeout_s` for either. That it was not taken is logged: it is no fault of the run.
        """
        from opentelemetry.sdk.metrics.export import MetricExportResult
        from opentelemetry.sdk.trace.export import SpanExportResult

        spans = self._spans_of(trace, kind=kind, outcome=outcome, error=error)
        took_spans = self._spans.export(spans) is SpanExportResult.SUCCESS
        self._instruments.record(trace, kind=kind, error=error)
        data = self._reader.get_metrics_data()
        took_metrics = data is None or self._metrics.export(data) is MetricExportResult.SUCCESS
        if not (took_spans and took_metrics):
            _LOGGER.warning("the collector at %s did not take run %s", self._endpoint, trace.run)
        return took_spans and took_metrics

    def close(self) -> None:
        """Close every connection."""
        self._spans.shutdown()
        self._metrics.shutdown()
        self._provider.shutdown()

    def _spans_of(self, trace: Trace, *, kind: str, outcome: str, error: str) -> list[ReadableSpan]:
        """The whole run as a span, and its spans below it."""
        attributes: dict[str, Attribute] = {names.WORKFLOW: kind, "loccit.outcome": outcome}
        attributes["loccit.conventions"] = names.VERSION
        whole = Span(-1, -1, f"{names.RUN_OPERATION} {kind}", 0.0, {}, took_s=_length_s(trace), error=error)
        found = [self._span(trace, whole, {names.OPERATION: names.RUN_OPERATION, **attributes}, parent=None)]
        for span in trace.spans:
            parent = _context(trace.run, span.parent)
            found.append(self._span(trace, span, _outer(span), parent=parent))
        return found

    def _span(
        self, trace: Trace, span: Span, attributes: Mapping[str, Any], *, parent: SpanContext | None
    ) -> ReadableSpan:
        from opentelemetry.sdk.trace import ReadableSpan
        from opentelemetry.trace import SpanKind, Status, StatusCode

        start = round((trace.at + span.started_s) * _NANOSECONDS)
        told = redact_tree(attributes)
        if span.error:
            told["error.type"] = span.error
        model = told.get("gen_ai.request.model")
        return ReadableSpan(
            # As the conventions want it: `chat gpt-5-mini`.
            name=f"{names.OPERATIONS[span.name]} {model}"
            if model and span.name in names.OPERATIONS
            else span.name,
            context=_context(trace.run, span.number),
            parent=parent,
            resource=self._resource,
            attributes=told,
            kind=SpanKind.CLIENT if span.name in {names.CALL, names.EMBED} else SpanKind.INTERNAL,
            status=Status(StatusCode.ERROR if span.error else StatusCode.UNSET),
            start_time=start,
            end_time=start + round(span.took_s * _NANOSECONDS),
            instrumentation_scope=self._scope,
        )


def otlp_endpoint(options: TelemetryOptions) -> str:
    """The address of the collector, without a slash at its end.

    Raises SettingsError for an address that is none, and where the package that speaks OTLP is not installed.
    """
    endpoint = options.otlp_endpoint.rstrip("/")
    parts = urlsplit(endpoint)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise SettingsError(
            f"[telemetry] otlp_endpoint is {redact(options.otlp_endpoint)!r}",
            next_step="write the address of a collector, as http://127.0.0.1:4318",
        )
    try:
        import_module("opentelemetry.exporter.otlp.proto.http.metric_exporter")
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"[telemetry] otlp_endpoint needs a package that is not installed: {error.name}",
            next_step="pip install 'loccit[otlp]', or leave otlp_endpoint out",
        ) from error
    # It is `send` that says whether it arrived; without a handler Python would print what they log.
    logging.getLogger("opentelemetry").addHandler(logging.NullHandler())
    return endpoint


class _Instruments:
    """The metrics of the table of names, made once."""

    def __init__(self, meter: Any) -> None:
        def histogram(metric: names.Metric) -> Any:
            return meter.create_histogram(
                metric.name, metric.unit, explicit_bucket_boundaries_advisory=metric.boundaries
            )

        durations = {metric.name: metric for each in names.DURATIONS.values() for metric in each}
        self._durations = {name: histogram(metric) for name, metric in durations.items()}
        self._run_duration = histogram(names.RUN_DURATION)
        self._counters = {
            name: meter.create_counter(metric.name, metric.unit) for name, metric in names.COUNTERS.items()
        }
        self._tokens = {name: histogram(metric) for name, metric in names.TOKENS.items()}
        self._token_usage = histogram(names.TOKEN_USAGE)
        self._cost = meter.create_counter(names.COST.name, names.COST.unit)

    def record(self, trace: Trace, *, kind: str, error: str) -> None:
        """Add what a run did."""
        failed = {"error.type": error} if error else {}
        self._run_duration.record(_length_s(trace), {names.WORKFLOW: kind, **failed})
        for span in trace.spans:
            if span.name in names.DURATIONS:
                self._record_call(span)

    def _record_call(self, span: Span) -> None:
        series = {names.OPERATION: names.OPERATIONS[span.name]}
        for name in names.DIMENSIONS:
            if value := span.attributes.get(name):
                series |= dict.fromkeys(names.ATTRIBUTES[name], _outer_value(name, value))
        failed = {"error.type": span.error} if span.error else {}
        for metric in names.DURATIONS[span.name]:
            self._durations[metric.name].record(span.took_s, series | failed)
        for name, counter in self._counters.items():
            if count := span.attributes.get(name, 0):
                counter.add(count, series | dict([names.MODALITY]))
        for name, histogram in self._tokens.items():
            if name in span.attributes:
                histogram.record(span.attributes[name], series)
                kind = {names.TOKEN_TYPE: names.TOKEN_TYPES[name]}
                self._token_usage.record(span.attributes[name], series | kind)
        if cost := float(span.attributes.get("cost_usd", 0)):
            self._cost.add(cost, series)


def _outer(span: Span) -> dict[str, Any]:
    """The attributes of a span by the names they have outside."""
    found: dict[str, Any] = {}
    if span.name in names.OPERATIONS:
        found[names.OPERATION] = names.OPERATIONS[span.name]
    for name, value in span.attributes.items():
        outer = names.ATTRIBUTES.get(name, (f"loccit.{name}",))
        found |= dict.fromkeys(outer, _outer_value(name, value))
    return found


def _outer_value(name: str, value: Attribute) -> Any:
    """The value of an attribute as the conventions have it."""
    if name == "provider":
        return names.PROVIDERS.get(str(value), value)
    if name in names.MODELS:
        # Here a model has its provider before it: `openai:gpt-5-mini`.
        return str(value).partition(":")[2] or value
    return [value] if name in names.LISTS else value


def _length_s(trace: Trace) -> float:
    return max((span.started_s + span.took_s for span in trace.spans), default=0.0)


def _context(run: str, number: int) -> SpanContext:
    """The ids of a span: those of the same run are the same wherever they are made."""
    from opentelemetry.trace import SpanContext, TraceFlags

    trace_id = run if _HEX32.fullmatch(run) else hashlib.sha256(run.encode()).hexdigest()[:32]
    span_id = hashlib.sha256(f"{run}:{number}".encode()).hexdigest()[:16]
    return SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=False, trace_flags=TraceFlags(1))
