"""What a server counts is told to Prometheus and a collector; no counter goes back when a process dies."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from prometheus_client.parser import text_string_to_metric_families

import loccit
from loccit.core.errors import StorageFailed
from loccit.telemetry import names
from loccit.telemetry.export_metrics import MetricsExporter
from loccit.telemetry.metrics import Metrics, read_counts
from loccit.telemetry.options import TelemetryOptions
from tests.answers_at_hand import small_answer
from tests.unit.telemetry.test_export import Collector, attributes_of
from tests.unit.telemetry.test_records import record

SOURCE = str(Path(loccit.__file__).resolve().parent.parent)
WORKER = """
import sys, time
from pathlib import Path
from loccit.telemetry.metrics import Metrics

metrics = Metrics(Path(sys.argv[1]), version="1")
with metrics.in_flight():
    for number in range(10_000):
        metrics.requested("rest", "/v1/ask", 200, 0.05)
        if number % 20 == 0:
            print(number + 1, flush=True)
        time.sleep(0.0005)
"""


def values_of(text: bytes) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample by its name and labels, as Prometheus' own parser reads it."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def told(metrics: Metrics, **facts: Any) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return values_of(metrics.exposition(**facts)[0])


@pytest.fixture
def metrics(tmp_path: Path) -> Iterator[Metrics]:
    with Metrics(tmp_path / "metrics", version="1.2.3") as counted:
        yield counted


def test_requests_are_told_by_door_route_and_status(metrics: Metrics) -> None:
    metrics.requested("rest", "/v1/ask", 200, 0.3)
    metrics.requested("rest", "/v1/ask", 200, 7.0)
    metrics.requested("mcp", "ask", 503, 0.004)
    found = told(metrics)
    ask = (("door", "rest"), ("route", "/v1/ask"))
    assert found["loccit_requests_total", (*ask, ("status", "200"))] == 2
    assert found["loccit_requests_total", (("door", "mcp"), ("route", "ask"), ("status", "503"))] == 1
    assert found["loccit_request_duration_seconds_count", ask] == 2
    assert found["loccit_request_duration_seconds_sum", ask] == pytest.approx(7.3)
    buckets = {
        float(dict(labels)["le"]): value
        for (name, labels), value in found.items()
        if name.endswith("seconds_bucket") and ("door", "rest") in labels
    }
    assert buckets[0.2] == 0
    assert buckets[0.4] == 1
    assert buckets[6.4] == 1
    assert buckets[float("inf")] == 2


def test_an_upper_boundary_belongs_to_its_bucket(metrics: Metrics) -> None:
    metrics.requested("rest", "/v1/ask", 200, 0.4)
    labels = (("door", "rest"), ("le", "0.4"), ("route", "/v1/ask"))
    assert told(metrics)["loccit_request_duration_seconds_bucket", labels] == 1


def test_gauges_fall_again_also_after_an_error(metrics: Metrics) -> None:
    def work() -> None:
        with metrics.queued(), metrics.in_flight():
            found = told(metrics)
            assert (found["loccit_queue_length", ()], found["loccit_in_flight", ()]) == (1, 1)
            raise ValueError

    with pytest.raises(ValueError):
        work()
    found = told(metrics)
    assert (found["loccit_queue_length", ()], found["loccit_in_flight", ()]) == (0, 0)


def test_a_run_tells_its_calls_tokens_cost_and_verdicts(metrics: Metrics) -> None:
    """By OpenTelemetry's names, spelled as Prometheus does."""
    metrics.ran(record(answer=small_answer("why?"), session="s"))
    failure = record("6b" * 16, session="s")
    metrics.ran(failure.model_copy(update={"outcome": "failed", "error": "ModelUnavailable"}))
    found = told(metrics)
    small = (
        ("gen_ai_provider_name", "openai"),
        ("gen_ai_request_model", "small"),
        ("loccit_purpose", "repair"),
    )
    assert found["gen_ai_client_inference_usage_input_tokens_total", small] == 2000
    assert found["gen_ai_client_inference_usage_reasoning_output_tokens_total", small] == 128
    assert found["loccit_cost_usd_total", small] == pytest.approx(2 * float(Decimal("0.0000001")))
    failed = (("error_type", "ModelUnavailable"), ("gen_ai_operation_name", "chat"))
    big = (*failed, *(("gen_ai_provider_name", "openai"), ("gen_ai_request_model", "big")))
    assert found["gen_ai_client_operation_duration_seconds_count", (*big, ("loccit_purpose", "answer"))] == 2
    assert found["loccit_claims_total", (("verdict", "unsupported"),)] == 1
    assert found["loccit_groundedness_sum", (("metric", "claims.supported"),)] == pytest.approx(0.5)
    for outcome in ("answered", "failed"):
        series = (("abstention", ""), ("outcome", outcome), ("writer", "model"))
        assert found["loccit_answers_total", series] == 1


def test_an_answer_of_quotes_says_nothing_of_how_well_models_write(metrics: Metrics) -> None:
    """It belongs to no conversation; its quotations always hold."""
    metrics.ran(record(answer=small_answer("why?")))
    series = (("abstention", ""), ("outcome", "answered"), ("writer", "quotes"))
    found = told(metrics)
    assert found["loccit_answers_total", series] == 1
    assert not [name for name, _ in found if name.startswith("loccit_groundedness")]


def test_whoever_is_scraped_adds_ages_jobs_and_the_build(metrics: Metrics) -> None:
    metrics.shed("queue_full")
    found = told(metrics, index_age_s={"parcels": 12.5}, jobs={"running": 2, "failed": 0})
    assert found["loccit_index_age_seconds", (("repository", "parcels"),)] == 12.5
    assert found["loccit_jobs", (("state", "failed"),)] == 0
    assert found["loccit_shed_total", (("reason", "queue_full"),)] == 1
    assert found["loccit_workers", ()] == 1
    assert any(name == "loccit_build_info" and ("version", "1.2.3") in at for name, at in found)
    assert "loccit_jobs" not in {name for name, _ in told(metrics)}


def test_the_form_is_the_one_that_the_scraper_asks_for(metrics: Metrics) -> None:
    text, content_type = metrics.exposition("application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    assert text.endswith(b"# EOF\n")
    assert metrics.exposition()[1].startswith("text/plain")


def test_every_metric_has_a_name_of_its_own_and_no_label_that_users_fill() -> None:
    spelled = [metric.prometheus_name for metric in names.WATCHED]
    assert len(set(spelled)) == len(spelled)
    assert not {"user", "question", "path"} & {name for metric in names.WATCHED for name in metric.labels}


def test_a_question_leaves_no_word_in_the_metrics(metrics: Metrics) -> None:
    metrics.ran(
        record(question="where is swordfish kept?", answer=small_answer("swordfish?"), user="swordfish")
    )
    assert b"swordfish" not in metrics.exposition()[0]


def test_what_threads_count_at_once_is_counted_once_each(metrics: Metrics) -> None:
    with ThreadPoolExecutor(8) as threads:
        for _ in range(2000):
            threads.submit(metrics.requested, "rest", "/v1/search", 200, 0.01)
    series = (("door", "rest"), ("route", "/v1/search"), ("status", "200"))
    assert told(metrics)["loccit_requests_total", series] == 2000


class Workers:
    """Processes that count, each until it is killed; `most` is what those killed may have counted."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: list[subprocess.Popen[str]] = []
        self.most = 0

    def start(self) -> None:
        environment = {**os.environ, "PYTHONPATH": SOURCE}
        command = [sys.executable, "-c", WORKER, str(self._folder)]
        self._running.append(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True))

    def kill(self, number: int) -> None:
        victim = self._running.pop(number)
        victim.send_signal(signal.SIGKILL)
        out, _ = victim.communicate()
        # It tells of every twentieth, after it has counted it.
        self.most += (int(out.splitlines()[-1]) if out else 0) + 20

    def kill_all(self) -> None:
        while self._running:
            self.kill(0)


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[Workers]:
    made = Workers(tmp_path / "metrics")
    yield made
    made.kill_all()


def test_no_counter_goes_back_while_processes_are_killed_and_started(
    tmp_path: Path, workers: Workers
) -> None:
    """Two processes at a time, one of which is killed again and again: what a scrape has told once, every
    later one tells too, whoever is scraped, and nothing is counted twice.
    """
    folder = tmp_path / "metrics"
    series = (("door", "rest"), ("route", "/v1/ask"), ("status", "200"))
    last = 0.0
    workers.start()
    workers.start()
    with Metrics(folder, version="1") as scraped:
        for _ in range(4):
            until = time.monotonic() + 1.3
            while time.monotonic() < until:
                found = told(scraped)
                seen = found.get(("loccit_requests_total", series), 0.0)
                assert seen >= last
                assert found.get(("loccit_request_duration_seconds_count", series[:2]), 0.0) == seen
                last = seen
                time.sleep(0.02)
            workers.kill(random.randrange(2))
            workers.start()
        # Until those that were started last are there, however slow the machine.
        while last == 0:
            last = told(scraped).get(("loccit_requests_total", series), 0.0)
            time.sleep(0.05)
        workers.kill_all()
        found = told(scraped)
        assert last <= found["loccit_requests_total", series] <= workers.most
        assert found["loccit_in_flight", ()] == 0
    with Metrics(folder, version="1") as later:
        assert told(later)["loccit_requests_total", series] == found["loccit_requests_total", series]
        assert len(list(folder.glob("*.alive"))) == 1
        assert len(list(folder.glob("*.json"))) <= 2


def test_living_processes_are_added_up(tmp_path: Path) -> None:
    folder = tmp_path / "metrics"
    with Metrics(folder, version="1") as one, Metrics(folder, version="1") as two:
        one.requested("rest", "/v1/ask", 200, 0.1)
        two.requested("rest", "/v1/ask", 200, 0.1)
        with one.in_flight(), two.in_flight():
            told(two)
            found = told(one)
        series = (("door", "rest"), ("route", "/v1/ask"), ("status", "200"))
        assert found["loccit_requests_total", series] == 2
        assert found["loccit_in_flight", ()] == 2
        assert found["loccit_workers", ()] == 2


def test_a_fold_that_was_cut_off_counts_nothing_twice(tmp_path: Path) -> None:
    """The process was killed after it wrote the sum and before it deleted what is in it."""
    folder = tmp_path / "metrics"
    with Metrics(folder, version="1") as one:
        one.requested("rest", "/v1/ask", 200, 0.1)
    (left,) = (path for path in folder.glob("*.json") if path.name != "retired.json")
    text = left.read_text()
    Metrics(folder, version="1").close()
    left.write_text(text)
    assert sum(read_counts(folder).counters.values()) == 1
    Metrics(folder, version="1").close()
    assert not left.exists()
    assert sum(read_counts(folder).counters.values()) == 1


def test_a_file_of_another_version_is_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "metrics"
    folder.mkdir()
    (folder / "9-x.json").write_text('{"format": 99}')
    with Metrics(folder, version="1") as counted:
        assert told(counted)["loccit_workers", ()] == 1


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "metrics").write_text("a file")
    with pytest.raises(StorageFailed, match="metrics"):
        Metrics(tmp_path / "metrics", version="1")


def test_the_last_minutes_tell_errors_and_slow_requests(tmp_path: Path) -> None:
    folder = tmp_path / "metrics"
    with Metrics(folder, version="1") as counted:
        for took_s in [0.1] * 90 + [3.0] * 10:
            counted.requested("rest", "/v1/ask", 500 if took_s > 1 else 200, took_s)
    found = read_counts(folder).within(300, time.time())
    assert (found.requests, found.failed, found.slower_than(1.0)) == (100, 10, 10)
    assert found.quantile_s(0.5) == pytest.approx(0.1, rel=0.06)
    assert found.quantile_s(0.95) == pytest.approx(3.0, rel=0.06)
    assert read_counts(folder).within(300, time.time() + 3600).requests == 0
    assert read_counts(tmp_path / "nothing").minutes == {}


def test_a_collector_gets_the_same_sums(tmp_path: Path) -> None:
    """Under one instance id per process; what runs send by themselves is not sent twice."""
    collector = Collector()
    try:
        with Metrics(tmp_path, version="1.2.3") as counted:
            counted.requested("rest", "/v1/ask", 200, 0.3)
            counted.ran(record(answer=small_answer("why?")))
            options = TelemetryOptions(otlp_endpoint=collector.address, otlp_timeout_s=5)
            with MetricsExporter(options, counted, version="1.2.3") as exporter:
                assert exporter.send(index_age_s={"parcels": 9.0})
                counted.requested("rest", "/v1/ask", 200, 0.5)
                assert exporter.send()
                collector.status = 400
                assert not exporter.send()
    finally:
        collector.close()
    found = collector.metrics()
    first, second, _ = found["loccit.requests"]
    assert attributes_of(first) == {"door": "rest", "route": "/v1/ask", "status": "200"}
    assert (first.as_double, second.as_double) == (1, 2)
    assert first.start_time_unix_nano == second.start_time_unix_nano
    duration = found["loccit.request.duration"][1]
    assert (duration.count, duration.min, duration.max) == (2, 0.3, 0.5)
    assert duration.sum == pytest.approx(0.8)
    assert found["loccit.index.age"][0].as_double == 9.0
    assert not [name for name in found if name.startswith("gen_ai.") or name == "loccit.cost"]
    sent = ExportMetricsServiceRequest.FromString(collector.bodies["/v1/metrics"][0])
    resource = attributes_of(sent.resource_metrics[0].resource)
    assert resource["service.instance.id"] == counted.name


def test_counting_needs_no_prometheus_client(tmp_path: Path) -> None:
    """Only telling does: what reads the counts for alerts runs without the package."""
    program = (
        "import sys\nfrom pathlib import Path\nfrom loccit.telemetry.metrics import read_counts\n"
        f"read_counts(Path({str(tmp_path)!r}))\n"
        "print([name for name in sys.modules if name.startswith(('prometheus', 'sqlalchemy'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": SOURCE},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
