"""Systems: what goes out, what comes back, and what becomes of everything that can go wrong in between."""

from __future__ import annotations

import asyncio
import gzip
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from benchmarks.model_server import Behaviour, ModelServer
from loccit import Loccit
from loccit.budgets.deadline import Deadline
from loccit.core.errors import (
    InputError,
    LimitExceeded,
    ModelNotConfigured,
    NotIndexed,
    PriceUnknown,
    SettingsError,
    SystemFailed,
)
from loccit.evals import systems
from loccit.evals.datasets import Dataset, Gold, Job, Sample
from loccit.evals.log import EvalLog
from loccit.evals.outputs import Output, OutputOutcome, Usage
from loccit.evals.runner import EvalTask, Limits
from loccit.evals.systems import HttpSystem, PythonSystem, System, code_version, load_function
from loccit.evals.tasks import SystemSpec, TaskFile
from loccit.settings import Settings
from loccit.wiring import build
from tests.unit.evals.small_runs import SCORERS, ran

SAMPLE = Sample(
    id="é/1\n",
    question="Where is it?",
    gold=Gold(files=("secret.py",), answer="In secret."),
    repo="shop",
    commit="a" * 40,
)
KEY = "0123456789abcdef-1"


def asked(system: System, sample: Sample = SAMPLE, seconds: float = 5) -> tuple[Output, Usage]:
    async def one() -> tuple[Output, Usage]:
        try:
            return await system.answer(sample, KEY, Deadline.after(seconds))
        finally:
            await system.close()

    return asyncio.run(one())


def failure(system: System, seconds: float = 5) -> str:
    with pytest.raises(SystemFailed) as caught:
        asked(system, seconds=seconds)
    return caught.value.message


# Over HTTP


class Desk:
    """A server: `reply` says what it does with a request that was read."""

    def __init__(self) -> None:
        self.seen: list[tuple[dict[str, str], Any]] = []
        self.reply: Callable[[BaseHTTPRequestHandler], None] = lambda handler: None
        self.url = ""

    def says(self, document: Any, status: int = 200, **headers: str) -> None:
        data = document if isinstance(document, bytes) else json.dumps(document).encode()

        def reply(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(status)
            handler.send_header("content-length", str(len(data)))
            for name, value in headers.items():
                handler.send_header(name.replace("_", "-"), value)
            handler.end_headers()
            handler.wfile.write(data)

        self.reply = reply


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            made.seen.append((headers, json.loads(body)))
            with suppress(OSError):  # the client went away
                made.reply(self)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 256

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        made.url = f"http://127.0.0.1:{server.server_address[1]}/answer"
        yield made
        server.shutdown()
        thread.join()


def test_a_server_is_told_the_question_and_never_what_would_be_right(desk: Desk) -> None:
    desk.says({"text": "Here.", "files": ["a.py"], "usage": {"cost_usd": 0.5, "latency_s": 2}})
    output, usage = asked(HttpSystem(desk.url, "s3cret"))
    assert output == Output(text="Here.", files=("a.py",))
    assert (usage.cost_usd, usage.latency_s, usage.input_tokens) == (0.5, 2.0, None)
    ((headers, body),) = desk.seen
    assert body == {
        "id": SAMPLE.id,
        "job": "ask",
        "question": "Where is it?",
        "repo": "shop",
        "commit": "a" * 40,
    }
    assert headers["idempotency-key"] == KEY
    assert headers["authorization"] == "Bearer s3cret"
    assert "secret.py" not in json.dumps(desk.seen)


def test_without_a_key_none_goes_out_and_none_is_shown(desk: Desk) -> None:
    desk.says({})
    asked(HttpSystem(desk.url))
    assert "authorization" not in desk.seen[0][0]
    assert "s3cret" not in repr(HttpSystem(desk.url, "s3cret"))
    assert HttpSystem(desk.url, "s3cret").facts == {"url": desk.url}


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (b"", "gave no JSON"),
        (b"<html>", "gave no JSON"),
        (b"\xff\xfe\x00", "gave no JSON"),
        (b"[" * 100_000, "gave no JSON"),
        ([], "gave [], expected an object"),
        ("text", "gave 'text', expected an object"),
        ({"answer": "x"}, "another form: answer"),
        ({"outcome": "great"}, "another form: outcome"),
        ({"confidence": 1.5}, "another form: confidence"),
        (b'{"confidence": NaN}', "another form: confidence"),
        ({"files": ["a", ""]}, "another form: files.1"),
        ({"passages": [{"path": "a", "start_line": 2, "end_line": 1}]}, "another form: passages.0"),
        ({"text": "\ud800"}, "another form: text"),
        ({"usage": {"cost_usd": -1}}, "another form: cost_usd"),
        (b'{"usage": {"cost_usd": Infinity}}', "another form: cost_usd"),
        ({"usage": None}, "another form"),
        ({"claims": [{"text": "x", "verdict": "surely"}]}, "another form: claims.0.verdict"),
    ],
)
def test_what_is_no_output_is_a_failure_that_says_where(desk: Desk, document: Any, said: str) -> None:
    desk.says(document)
    assert said in failure(HttpSystem(desk.url))


@pytest.mark.parametrize("status", [201, 301, 404, 429, 500, 503])
def test_another_status_is_a_failure_with_the_beginning_of_what_was_said(desk: Desk, status: int) -> None:
    desk.says(b"x" * 5000, status, location="http://127.0.0.1:9/")
    message = failure(HttpSystem(desk.url))
    assert f"said {status}: 'xxx" in message
    assert len(message) < 400
    assert len(desk.seen) == 1


def test_a_server_that_is_slow_to_answer_or_to_end_is_a_failure_in_time(desk: Desk) -> None:
    def silent(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(1.5)

    desk.reply = silent
    began = time.monotonic()
    assert "did not answer in time" in failure(HttpSystem(desk.url), seconds=0.2)
    assert time.monotonic() - began < 1.2


def test_a_server_that_drips_is_cut_off_by_the_run(desk: Desk, tmp_path: Path) -> None:
    def dripping(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        for _ in range(60):
            handler.wfile.write(b" ")
            time.sleep(0.05)

    desk.reply = dripping
    task = EvalTask("drip", Dataset((SAMPLE,)), HttpSystem(desk.url), SCORERS, 1, Limits(timeout_s=0.3))
    log = ran(task, tmp_path / "log.jsonl")
    assert log.entries[0].output.error == "Timeout"
    assert (log.entries[0].run.latency_s or 9) < 1.5


def test_a_body_that_is_too_large_is_a_failure(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(systems, "_MOST_REPLY_BYTES", 10_000)
    desk.says({"text": "x" * 20_000})
    assert "more than 10,000 bytes" in failure(HttpSystem(desk.url))
    desk.says(gzip.compress(b" " * 5_000_000), content_encoding="gzip")
    assert "more than 10,000 bytes" in failure(HttpSystem(desk.url))


def test_bytes_that_cannot_be_decoded_and_a_broken_connection_are_failures(desk: Desk) -> None:
    desk.says(b"no gzip at all", content_encoding="gzip")
    assert "cannot be decoded" in failure(HttpSystem(desk.url))

    def broken(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("content-length", "1000")
        handler.end_headers()
        handler.wfile.write(b"{")

    desk.reply = broken
    assert "cannot be reached" in failure(HttpSystem(desk.url))
    assert "cannot be reached" in failure(HttpSystem("http://127.0.0.1:9/nobody"))


def test_as_many_are_asked_at_once_as_the_task_says(desk: Desk, tmp_path: Path) -> None:
    """No pool of connections makes them wait for each other."""
    here = threading.Barrier(120)

    def together(handler: BaseHTTPRequestHandler) -> None:
        here.wait(20)
        desk_says(handler)

    desk.says({"files": []})
    desk_says, desk.reply = desk.reply, together
    many = tuple(SAMPLE.model_copy(update={"id": str(number)}) for number in range(120))
    task = EvalTask(
        "many", Dataset(many), HttpSystem(desk.url), SCORERS, 1, Limits(concurrency=120, timeout_s=20)
    )
    assert set(ran(task, tmp_path / "log.jsonl").figures("failed").values.values()) == {0.0}


def test_the_key_is_that_of_the_environment_and_one_that_is_not_there_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    spec = SystemSpec(kind="http", url="http://127.0.0.1:9/", key_variable="SHOP_KEY")
    wired = build(Settings(home=tmp_path))
    monkeypatch.setenv("SHOP_KEY", "s3cret")
    made = wired.other_system(spec, tmp_path)
    assert isinstance(made, HttpSystem)
    assert made.secret == "s3cret"
    monkeypatch.setenv("SHOP_KEY", "schlüssel\n")
    with pytest.raises(SettingsError):
        wired.other_system(spec, tmp_path)
    monkeypatch.delenv("SHOP_KEY")
    with pytest.raises(SettingsError, match="'SHOP_KEY' holds no key"):
        wired.other_system(spec, tmp_path)


# In Python

FUNCTIONS = """
import asyncio, sys, time
from loccit.core.errors import ModelUnavailable

def text(sample): return f"{sample['question']} {sample['key']}"
async def later(sample): return {"files": [sample["repo"]]}
wrapped = lambda sample: later(sample)
def half(sample): return "half \\udc80"
def raises(sample): raise OSError("disk \\udc80")
def ours(sample): raise ModelUnavailable("gone", model="m")
def leaves(sample): sys.exit(0)
async def late(sample): raise TimeoutError("mine")
async def breaks_off(sample): raise asyncio.CancelledError
def number(sample): return 7
def nothing(sample): return None
def form(sample): return {"text": 7}
def keys(sample): return {1: 2}
def hangs(sample): time.sleep(600)
"""


@pytest.fixture
def python(tmp_path: Path) -> Callable[[str], PythonSystem]:
    (tmp_path / "mine.py").write_text(FUNCTIONS)
    return lambda name: PythonSystem(load_function(f"mine.py:{name}", tmp_path), f"mine.py:{name}", "1")


@pytest.mark.parametrize(
    ("name", "output"),
    [
        ("text", Output(text=f"Where is it? {KEY}")),
        ("later", Output(files=("shop",))),
        ("wrapped", Output(files=("shop",))),
        ("half", Output(text="half \\udc80")),
    ],
)
def test_a_function_gives_a_text_or_an_output(
    python: Callable[[str], PythonSystem], name: str, output: Output
) -> None:
    assert asked(python(name)) == (output, Usage())


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("raises", "raised OSError: disk"),
        ("leaves", "raised SystemExit: 0"),
        ("late", "raised TimeoutError: mine"),
        ("number", "gave 7, expected an object"),
        ("nothing", "gave None, expected an object"),
        ("form", "another form: text"),
        ("keys", "another form"),
    ],
)
def test_what_a_function_does_is_a_failure_of_that_output(
    python: Callable[[str], PythonSystem], name: str, said: str
) -> None:
    assert said in failure(python(name))


def test_every_failure_of_a_function_is_in_the_log(
    python: Callable[[str], PythonSystem], tmp_path: Path
) -> None:
    for name, error in (
        ("raises", "SystemFailed"),
        ("ours", "ModelUnavailable"),
        ("breaks_off", "Cancelled"),
        ("late", "SystemFailed"),
    ):
        log = ran(EvalTask(name, Dataset((SAMPLE,)), python(name), SCORERS), tmp_path / f"{name}.jsonl")
        assert log.is_complete
        assert log.entries[0].output.error == error
        assert log.entries[0].scores == {}


PROGRAM = """
import sys
from pathlib import Path
from loccit.evals.datasets import Dataset
from loccit.evals.runner import EvalTask, Limits
from loccit.evals.systems import PythonSystem, load_function
from tests.unit.evals.small_runs import SCORERS, ran, samples

folder = Path(sys.argv[1])
system = PythonSystem(load_function("mine.py:hangs", folder), "hangs")
log = ran(EvalTask("t", Dataset(samples(40)), system, SCORERS, 1, Limits(40, None, None, 0.2)), folder / "l")
print({entry.output.error for entry in log.entries}, max(entry.run.latency_s for entry in log.entries) < 5)
"""


def test_functions_that_hang_keep_neither_each_other_nor_the_end_waiting(
    python: Callable[[str], PythonSystem], tmp_path: Path
) -> None:
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        env={"PATH": "", "PYTHONPATH": f"{root / 'src'}:{root}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "{'Timeout'} True\n"), done.stderr


def test_a_function_is_another_system_when_its_code_changes(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(FUNCTIONS)
    wired, spec = build(Settings(home=tmp_path)), SystemSpec(kind="python", function="mine.py:text")
    before = wired.other_system(spec, tmp_path).facts
    assert before == {"function": "mine.py:text", "version": code_version("mine.py:text", tmp_path)}
    (tmp_path / "mine.py").write_text(FUNCTIONS + "\n# other\n")
    assert wired.other_system(spec, tmp_path).facts != before
    with pytest.raises(InputError):
        code_version("none.py:text", tmp_path)


# loccit itself, and models


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "postage.py").write_text(
        "ZONES = {'near': 100, 'far': 250}\n\n\n"
        "def compute_postage(weight_grams, zone):\n"
        '    """Postage in cents for a weight and a zone of the zone table."""\n'
        "    return ZONES[zone] * weight_grams\n"
    )
    (tmp_path / "q.jsonl").write_text(
        json.dumps(
            {
                "id": "1",
                "question": "where is the postage computed from the zone table?",
                "gold": {"files": ["postage.py"], "functions": ["postage.py::compute_postage"]},
            }
        )
        + "\n"
        + json.dumps({"id": "2", "question": "compute_postage", "job": "search", "gold": {"files": ["x"]}})
    )
    loccit = Loccit(tmp_path / "home")
    loccit.index(tmp_path / "shop")
    return tmp_path


def evaluated(shop: Path, home: Path | None = None, **task: Any) -> EvalLog:
    made = TaskFile(dataset="q.jsonl", name="t", folder=shop, **task)
    log, path = Loccit(home or shop / "home").evaluate(made, repos=[str(shop / "shop")])
    assert path.parent == (home or shop / "home") / "evals" / "logs" / "t"
    return log


def test_loccit_without_a_model_answers_and_costs_nothing(shop: Path) -> None:
    log = evaluated(shop)
    first, second = log.entries
    assert first.output.outcome is OutputOutcome.ANSWERED
    assert first.output.claims[0].is_quotation
    assert first.output.stages is not None
    assert (first.scores["file.hit@1"], first.scores["function.hit@1"], first.scores["grounded"]) == (1, 1, 1)
    assert (first.run.cost_usd, first.run.calls) == (0.0, 0)
    assert second.scores["file.hit@1"] == 0.0
    assert log.header.system.facts["models"] == {}
    assert str(shop) not in json.dumps(log.header.system.facts)


def test_an_index_that_is_not_there_is_an_error_and_no_abstention(shop: Path) -> None:
    """Whether the sources hold the answer nobody knows then."""
    with pytest.raises(NotIndexed):
        evaluated(shop, shop / "empty")


def test_changed_settings_make_another_system_and_unknown_ones_are_refused(shop: Path) -> None:
    plain = evaluated(shop).header.system.facts
    changed = evaluated(shop, system=SystemSpec(settings={"answering": {"least_confidence": 0.99}}))
    assert changed.header.system.facts != plain
    for settings, said in (({"answering": {"leest": 1}}, "leest"), ({"answring": {"a": 1}}, "answring")):
        with pytest.raises(SettingsError, match=said):
            evaluated(shop, system=SystemSpec(settings=settings))


MODEL_SETTINGS = """[models]
answer = "box:m"
attempts = 1
[models.providers.box]
base_url = "{url}"
structured = "native"
[budgets]
prices = "prices.toml"
{more}
"""


@pytest.fixture
def served(shop: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    monkeypatch.setenv("LOCCIT_FORBID_MODEL_CALLS", "remote")
    with ModelServer(Behaviour(text=json.dumps({"claims": [], "search": [], "read": []}))) as server:
        configure(shop, server)
        yield server


def configure(shop: Path, server: ModelServer, more: str = "") -> None:
    (shop / "home" / "prices.toml").write_text('[models."box:*"]\ninput = 100\noutput = 100\n')
    text = MODEL_SETTINGS.format(url=server.openai_url, more=more)
    (shop / "home" / "settings.toml").write_text(text)


def only_question(shop: Path) -> None:
    (shop / "q.jsonl").write_text((shop / "q.jsonl").read_text().splitlines()[0] + "\n")


def test_repeats_and_other_runs_ask_the_model_again(shop: Path, served: ModelServer) -> None:
    """What is kept of one attempt would make the next one cost nothing and agree with it always."""
    only_question(shop)
    log = evaluated(shop, repeats=3, concurrency=1)
    assert len(served.seen) == 3
    evaluated(shop)
    assert len(served.seen) == 4
    assert all(entry.run.cost_usd for entry in log.entries)
    assert log.entries[0].output.used["model answer"] == "box:m"
    assert "prompt answer" in log.entries[0].output.used


def test_the_same_attempt_is_not_paid_twice(shop: Path, served: ModelServer) -> None:
    """As after a kill between the reply and the log."""
    only_question(shop)
    log = shop / "log.jsonl"
    task = TaskFile(dataset="q.jsonl", name="t", folder=shop)
    Loccit(shop / "home").evaluate(task, log, repos=[str(shop / "shop")])
    whole = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(whole[0])
    Loccit(shop / "home").evaluate(task, log, repos=[str(shop / "shop")])
    assert len(served.seen) == 1


def test_quotes_only_asks_no_model(shop: Path, served: ModelServer) -> None:
    log = evaluated(shop, system=SystemSpec(quotes_only=True))
    assert served.seen == []
    assert log.header.system.facts["models"] == {}


def test_a_model_that_fails_is_a_failure_of_the_output(shop: Path, served: ModelServer) -> None:
    """The quotations that take its place are no answer of the system's."""
    only_question(shop)
    served.default = Behaviour(status=503)
    log = evaluated(shop)
    assert log.entries[0].output.outcome is OutputOutcome.FAILED
    assert log.entries[0].output.error == "model_unavailable"
    assert log.entries[0].scores == {}


def test_a_budget_that_is_spent_stops_the_run(shop: Path, served: ModelServer) -> None:
    only_question(shop)
    configure(shop, served, '[[budgets.limits]]\nof = "total"\nusd = "0.000001"')
    with pytest.raises(LimitExceeded, match="budget"):
        evaluated(shop)
    assert served.seen == []


def test_a_chat_model_is_given_the_question_alone(shop: Path, served: ModelServer) -> None:
    only_question(shop)
    served.default = Behaviour(text="In postage.py.", usage={"input": 50, "output": 4})
    log = evaluated(shop, system=SystemSpec(kind="openai", model="box:m"), repeats=2, concurrency=1)
    assert [entry.output.text for entry in log.entries] == ["In postage.py."] * 2
    assert len(served.seen) == 2
    assert log.entries[0].run.cost_usd == pytest.approx(54 * 100 / 1e6)
    assert set(log.figures("file.hit@1").missing.values()) == {"the system ranks no files"}
    assert "postage.py" not in json.dumps(served.bodies())
    with pytest.raises(ModelNotConfigured, match="'m' names no provider"):
        evaluated(shop, system=SystemSpec(kind="openai", model="m"))


def test_a_served_model_may_be_named_by_its_address(shop: Path, served: ModelServer) -> None:
    only_question(shop)
    spec = SystemSpec(kind="openai", model="m", base_url=served.openai_url)
    with pytest.raises(PriceUnknown):
        evaluated(shop, system=spec)
    (shop / "home" / "prices.toml").write_text('[models."eval:m"]\nfree = true\n')
    log = evaluated(shop, system=spec)
    assert log.header.system.name == "eval:m"
    assert log.entries[0].run.cost_usd == 0.0


def test_a_fix_is_not_asked_of_loccit(shop: Path) -> None:
    (shop / "q.jsonl").write_text(json.dumps({"id": "1", "question": "?", "job": Job.FIX.value}) + "\n")
    with pytest.raises(InputError, match="wants a fix"):
        evaluated(shop)
