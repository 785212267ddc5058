"""What a collector gets: the spans and metrics of a run, by new and old names, and no secret."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

import loccit
from loccit.core.calls import Message, ModelCall, ModelReply, Speaker, TokenUsage
from loccit.core.errors import ModelUnavailable, SettingsError
from loccit.telemetry import names
from loccit.telemetry.calls import calling
from loccit.telemetry.export import Exporter
from loccit.telemetry.options import TelemetryOptions
from loccit.telemetry.trace import Trace, recording, span
from tests.planted_secrets import PLANTED

RUN = "5a" * 16
ANSWER = ModelCall(purpose="answer", messages=(Message(Speaker.USER, "why?"),), prompt="answer@1")


class Collector:
    """An OpenTelemetry collector: keeps what it is sent, answers with `status`."""

    def __init__(self) -> None:
        self.bodies: dict[str, list[bytes]] = {}
        self.status = 200
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.bodies.setdefault(self.path, []).append(body)
                self.send_response(collector.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def spans(self) -> dict[str, Any]:
        """The spans by name."""
        found: dict[str, Any] = {}
        for body in self.bodies["/v1/traces"]:
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                for scope in resource.scope_spans:
                    found |= {one.name: one for one in scope.spans}
        return found

    def metrics(self) -> dict[str, list[Any]]:
        """The points of each metric, over all that was sent."""
        found: dict[str, list[Any]] = {}
        for body in self.bodies["/v1/metrics"]:
            for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                for scope in resource.scope_metrics:
                    for one in scope.metrics:
                        points = getattr(one, one.WhichOneof("data")).data_points
                        found.setdefault(one.name, []).extend(points)
        return found


def attributes_of(one: Any) -> dict[str, Any]:
    def value(any_value: Any) -> Any:
        kind = any_value.WhichOneof("value")
        if kind == "array_value":
            return [value(each) for each in any_value.array_value.values]
        return getattr(any_value, kind)

    return {pair.key: value(pair.value) for pair in one.attributes}


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    collector.close()


def traced() -> Trace:
    with recording(RUN) as trace, span("ask"):
        with span("search", {"hits": 12}):
            pass
        with calling("openai:gpt-5-mini", ANSWER) as replied:
            usage = TokenUsage(1000, 200, 800, 50, 64)
            replied(ModelReply("x", "openai:gpt-5-mini", usage, cost_usd=Decimal("0.0125")))
        with pytest.raises(ModelUnavailable), calling("anthropic:big", ANSWER):
            raise ModelUnavailable("overloaded")
    return trace


def exporter(collector: Collector) -> Exporter:
    return Exporter(TelemetryOptions(otlp_endpoint=collector.address, otlp_timeout_s=5), version="1.2.3")


def test_spans_arrive_as_the_tree_that_they_are(collector: Collector) -> None:
    trace = traced()
    with exporter(collector) as sending:
        assert sending.send(trace, kind="ask", outcome="answered")
    spans = collector.spans()
    assert set(spans) == {
        "invoke_workflow ask",
        "ask",
        "search",
        "chat gpt-5-mini",
        "chat big",
    }
    root = spans["invoke_workflow ask"]
    assert root.trace_id.hex() == RUN
    assert root.parent_span_id == b""
    assert spans["ask"].parent_span_id == root.span_id
    assert all(
        spans[name].parent_span_id == spans["ask"].span_id for name in spans if name.startswith("chat")
    )
    assert all(one.trace_id == root.trace_id for one in spans.values())
    assert len({one.span_id for one in spans.values()}) == 5
    call = trace.spans[2]
    sent = spans["chat gpt-5-mini"]
    assert sent.start_time_unix_nano == round((trace.at + call.started_s) * 1e9)
    assert sent.end_time_unix_nano - sent.start_time_unix_nano == round(call.took_s * 1e9)
    assert attributes_of(root) == {
        "gen_ai.operation.name": "invoke_workflow",
        "gen_ai.workflow.name": "ask",
        "loccit.outcome": "answered",
        "loccit.conventions": names.VERSION,
    }


def test_a_call_has_its_new_and_its_old_names(collector: Collector) -> None:
    with exporter(collector) as sending:
        sending.send(traced(), kind="ask", outcome="answered")
    found = attributes_of(collector.spans()["chat gpt-5-mini"])
    assert found == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.system": "openai",
        "gen_ai.request.model": "gpt-5-mini",
        "gen_ai.response.model": "gpt-5-mini",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.prompt.name": "answer@1",
        "gen_ai.usage.input_tokens": 1000,
        "gen_ai.usage.prompt_tokens": 1000,
        "gen_ai.usage.output_tokens": 200,
        "gen_ai.usage.completion_tokens": 200,
        "gen_ai.usage.cache_read.input_tokens": 800,
        "gen_ai.usage.cache_write.input_tokens": 50,
        "gen_ai.usage.cache_creation.input_tokens": 50,
        "gen_ai.usage.reasoning.output_tokens": 64,
        "loccit.purpose": "answer",
        "loccit.origin": "model",
        "loccit.cost_usd": "0.0125",
    }
    failed = collector.spans()["chat big"]
    assert failed.status.code == 2
    assert attributes_of(failed)["error.type"] == "ModelUnavailable"
    assert attributes_of(collector.spans()["search"]) == {
        "gen_ai.operation.name": "retrieval",
        "loccit.hits": 12,
    }


def test_metrics_arrive_by_their_new_and_their_old_names(collector: Collector) -> None:
    with exporter(collector) as sending:
        sending.send(traced(), kind="ask", outcome="answered")
    metrics = collector.metrics()
    counted = {
        name: [point.as_int for point in points] for name, points in metrics.items() if ".usage." in name
    }
    assert counted == {
        "gen_ai.client.inference.usage.input_tokens": [1000],
        "gen_ai.client.inference.usage.output_tokens": [200],
        "gen_ai.client.inference.usage.cache_read.input_tokens": [800],
        "gen_ai.client.inference.usage.cache_write.input_tokens": [50],
        "gen_ai.client.inference.usage.reasoning.output_tokens": [64],
    }
    old = {
        attributes_of(point)["gen_ai.token.type"]: point.sum for point in metrics["gen_ai.client.token.usage"]
    }
    assert old == {"input": 1000, "output": 200}
    for name in ("gen_ai.client.inference.duration", "gen_ai.client.operation.duration"):
        failed = {attributes_of(point).get("error.type"): point.count for point in metrics[name]}
        assert failed == {None: 1, "ModelUnavailable": 1}
    assert metrics["gen_ai.workflow.duration"][0].count == 1
    assert metrics["loccit.cost"][0].as_double == pytest.approx(0.0125)
    series = attributes_of(metrics["gen_ai.client.inference.usage.input_tokens"][0])
    assert series == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.system": "openai",
        "gen_ai.request.model": "gpt-5-mini",
        "gen_ai.response.model": "gpt-5-mini",
        "gen_ai.token.modality": "text",
    }


def test_what_is_sent_again_is_only_what_was_added(collector: Collector) -> None:
    """Two runs of one process: their sum is theirs, and nothing is counted twice."""
    with exporter(collector) as sending:
        for _ in range(2):
            sending.send(traced(), kind="ask", outcome="answered")
    points = collector.metrics()["gen_ai.client.inference.usage.input_tokens"]
    assert [point.as_int for point in points] == [1000, 1000]


def test_no_planted_secret_is_sent(collector: Collector) -> None:
    with recording(RUN) as trace:
        for secret, known_by in PLANTED.values():
            said = known_by.format(secret)
            with span("search", {"said": said}):
                pass
            with pytest.raises(ModelUnavailable), calling("openai:x", ANSWER):
                raise ModelUnavailable(said)
    with exporter(collector) as sending:
        assert sending.send(trace, kind="ask", outcome="answered")
    sent = b"".join(body for bodies in collector.bodies.values() for body in bodies)
    assert sent.count(b"redacted]") >= 2 * len(PLANTED)
    assert [name for name, (secret, _) in PLANTED.items() if secret.encode() in sent] == []


def test_a_collector_that_refuses_or_is_away_is_told_once_and_fails_nothing(
    collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    with exporter(collector) as sending:
        collector.status = 400
        assert not sending.send(traced(), kind="ask", outcome="answered")
    options = TelemetryOptions(otlp_endpoint="http://ana:hunter2@127.0.0.1:9", otlp_timeout_s=0.2)
    with Exporter(options, version="1") as sending:
        assert not sending.send(traced(), kind="ask", outcome="answered")
    ours = [one.getMessage() for one in caplog.records if one.name.startswith("loccit")]
    assert ours == [
        f"the collector at {collector.address} did not take run {RUN}",
        f"the collector at http://ana:[password of an address redacted]@127.0.0.1:9 did not take run {RUN}",
    ]


@pytest.mark.parametrize("address", ["", "localhost:4318", "ftp://x", "http://", "127.0.0.1"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(SettingsError, match=r"otlp_endpoint is"):
        Exporter(TelemetryOptions(otlp_endpoint=address), version="1")


MISSING = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.startswith("opentelemetry.exporter"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
from loccit.core.errors import SettingsError
from loccit.telemetry.export import Exporter
from loccit.telemetry.options import TelemetryOptions
assert not [name for name in sys.modules if name.startswith("opentelemetry")]
try:
    Exporter(TelemetryOptions(otlp_endpoint="http://127.0.0.1:4318"), version="1")
except SettingsError as error:
    print(error)
"""


def test_without_the_package_the_settings_are_at_fault_and_it_is_said_how_to_get_it() -> None:
    done = subprocess.run(
        [sys.executable, "-c", MISSING],
        env={"PYTHONPATH": str(Path(loccit.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "pip install 'loccit[otlp]'" in done.stdout
    assert "opentelemetry.exporter" in done.stdout
