"""`loccit eval run` and `score` from the outside: logs, exit codes, what is refused, and a kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.model_server import Behaviour, ModelServer
from benchmarks.written_homes import claims_of, prompt_of
from tests.e2e.conftest import Installed, Shop

QUESTIONS = [
    {
        "id": "postage",
        "question": "where is the postage computed from the zone table?",
        "gold": {
            "files": ["src/parcels/postage.py"],
            "functions": ["src/parcels/postage.py::compute_postage"],
        },
    },
    {
        "id": "scale",
        "question": "how is a parcel weighed in grams?",
        "gold": {"files": ["src/parcels/weigh.py"], "claims": ["An empty scale weighs nothing."]},
    },
    {"id": "mars", "question": "how does the kubernetes scheduler preempt pods?", "gold": {"abstain": True}},
]


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    path = tmp_path / "questions.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in QUESTIONS))
    return path


def documents(log: Path) -> list[dict[str, Any]]:
    """The lines of a log, each without its `run`."""
    found = [json.loads(line) for line in log.read_bytes().splitlines()]
    for document in found:
        document.pop("run", None)
        document.get("end", {}).pop("run", None)
    return found


def test_a_dataset_is_asked_and_its_log_says_everything(shop: Shop, questions: Path, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    done = shop("eval", "run", questions, "--log", log)
    assert done.returncode == 0, done.stderr
    header, *entries, end = documents(log)
    assert (header["format"], header["system"]["kind"]) == ("loccit-eval/1", "loccit")
    assert [entry["sample"]["id"] for entry in entries] == ["postage", "scale", "mars"]
    assert entries[0]["scores"]["file.hit@1"] == entries[0]["scores"]["function.hit@1"] == 1.0
    assert entries[2]["scores"]["abstention.recall"] == 1.0
    assert end["end"]["entries"] == 3
    assert str(shop.parcels) not in log.read_text()
    assert "log.jsonl" in done.stderr
    assert "Traceback" not in done.stderr


def test_two_runs_differ_in_nothing_but_run(shop: Shop, questions: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        assert shop("eval", "run", questions, "--log", tmp_path / f"{name}.jsonl").returncode == 0
    assert documents(tmp_path / "a.jsonl") == documents(tmp_path / "b.jsonl")


def test_scoring_again_changes_nothing_but_the_figures(shop: Shop, questions: Path, tmp_path: Path) -> None:
    log, out = tmp_path / "log.jsonl", tmp_path / "again.jsonl"
    assert shop("eval", "run", questions, "--log", log).returncode == 0
    assert shop("eval", "score", log, "--out", out).returncode == 0
    assert out.read_bytes() == log.read_bytes()
    (tmp_path / "mine.py").write_text("def words(sample, output):\n    return len(output['text']) / 1e6\n")
    done = shop("eval", "score", log, "--scorer", "mine.py:words", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [list(entry["scores"]) for entry in documents(log)[1:-1]] == [["words"]] * 3


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["none.jsonl"], 5, "none.jsonl"),
        (["questions.txt"], 2, "'questions.txt' is no task"),
        (["broken.toml"], 2, "dataset is 7"),
        (["empty.jsonl"], 2, "'empty' has no samples"),
        (["questions.jsonl", "--set", "retrieval"], 2, "--set has 'retrieval'"),
        (["questions.jsonl", "--set", "retrieval.=1"], 2, "--set has 'retrieval.=1'"),
        (["questions.jsonl", "--set", "retrieval.speed=1"], 2, "speed"),
        (["questions.jsonl", "--set", "retreival.top_k=1"], 2, "retreival"),
        (["questions.jsonl", "--set", "answering.least_confidence=high"], 2, "least_confidence"),
        (["questions.jsonl", "--sample", "0"], 2, "--sample is 0"),
        (["questions.jsonl", "--sample", "1", "--seed", "-1"], 2, "seed is -1"),
        (["questions.jsonl", "--concurrency", "0"], 2, "--concurrency is 0"),
        (["questions.jsonl", "--max-usd", "nan"], 2, "usd is nan"),
        (["questions.jsonl", "--timeout", "0"], 2, "timeout_s is 0.0"),
        (["questions.jsonl", "--scorer", "luck"], 2, "no scorer 'luck'"),
        (["questions.jsonl", "--scorer", "none.py:f"], 2, "none.py:f"),
        (["questions.jsonl", "--reuse", "questions.jsonl"], 2, "questions.jsonl"),
        (["questions.jsonl", "--reuse", "none.jsonl"], 5, "none.jsonl"),
        (["questions.jsonl", "--log", "questions.jsonl"], 2, "questions.jsonl"),
        (["questions.jsonl", "--log", "empty.jsonl/log"], 6, "empty.jsonl/log"),
        (["http.toml", "--set", "retrieval.top_k=1"], 2, "kind 'http' has no settings"),
        (["keyed.toml"], 2, "'NO_SUCH_KEY' holds no key"),
    ],
)
def test_what_is_wrong_is_told_in_a_line_and_a_code(
    shop: Shop, questions: Path, tmp_path: Path, arguments: list[str], code: int, said: str
) -> None:
    (tmp_path / "empty.jsonl").write_text("\n")
    (tmp_path / "broken.toml").write_text("dataset = 7\n")
    http = 'dataset = "questions.jsonl"\n[system]\nkind = "http"\nurl = "http://127.0.0.1:9/"\n'
    (tmp_path / "http.toml").write_text(http)
    (tmp_path / "keyed.toml").write_text(http + 'key_variable = "NO_SUCH_KEY"\n')
    before = questions.read_bytes()
    done = shop("eval", "run", *arguments, "--repo", str(shop.parcels), cwd=tmp_path)
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert questions.read_bytes() == before


def test_a_server_that_nobody_answers_at_fails_every_sample_and_no_figure_is_zero(
    shop: Shop, questions: Path, tmp_path: Path
) -> None:
    (tmp_path / "http.toml").write_text(
        'dataset = "questions.jsonl"\n[system]\nkind = "http"\nurl = "http://127.0.0.1:9/"\n'
    )
    done = shop("eval", "run", "http.toml", "--log", "log.jsonl", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    entries = documents(tmp_path / "log.jsonl")[1:-1]
    assert [(entry["output"]["outcome"], entry["scores"]) for entry in entries] == [("failed", {})] * 3
    assert all(entry["missing"] for entry in entries)


def test_quiet_says_nothing_on_standard_error(shop: Shop, questions: Path, tmp_path: Path) -> None:
    done = shop("eval", "run", questions, "--log", tmp_path / "log.jsonl", "--quiet")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_reader_that_leaves_is_no_failure_and_the_log_is_whole(
    shop: Shop, questions: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log.jsonl"
    command = (
        f"{shop.run.prefix}/bin/loccit eval run {questions} --log {log} | head -c 1; echo ${{PIPESTATUS[0]}}"
    )
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=shop.parcels,
        env={**os.environ, "LOCCIT_HOME": str(shop.home)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.endswith("0\n"), done.stderr
    assert "Traceback" not in done.stderr
    assert "end" in documents(log)[-1]


# With a model


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as made:
        made.decide = lambda seen: Behaviour(text=claims_of(prompt_of(seen)), delay_s=0.3)
        yield made


def desk_of(equipped: Installed, new_shop: Shop, server: ModelServer) -> Shop:
    home = new_shop.home
    home.mkdir()
    (home / "prices.toml").write_text('[models."box:*"]\ninput = 100\noutput = 100\n')
    (home / "settings.toml").write_text(
        f'[models]\nanswer = "box:m"\n[models.providers.box]\nbase_url = "{server.openai_url}"\n'
        '[budgets]\nprices = "prices.toml"\n'
    )
    made = Shop(home, new_shop.parcels, new_shop.ledger, new_shop.notes, new_shop.commits, equipped)
    assert made("index").returncode == 0
    return made


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_is_killed_or_interrupted_goes_on_with_the_same_command(
    equipped: Installed, new_shop: Shop, server: ModelServer, questions: Path, how: signal.Signals
) -> None:
    """The log is as if nothing had happened, and what was answered is not asked again."""
    desk = desk_of(equipped, new_shop, server)
    environment = {"LOCCIT_HOME": str(desk.home), "LOCCIT_FORBID_MODEL_CALLS": "remote"}
    words = ("eval", "run", questions, "--concurrency", "1")
    with subprocess.Popen(
        [equipped.prefix / "bin" / "loccit", *words],
        cwd=desk.parcels,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        until = time.monotonic() + 60
        while len(server.seen) < 2 and time.monotonic() < until:
            time.sleep(0.01)
        process.send_signal(how)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == (130 if how is signal.SIGINT else -signal.SIGKILL), errors
    assert "Traceback" not in errors
    done = desk(*words, env=environment)
    assert done.returncode == 0, done.stderr
    assert "1 of 3 samples were asked by the run that this one goes on with" in done.stderr
    (log,) = (desk.home / "evals" / "logs" / "questions").glob("*.jsonl")
    asked = [prompt_of(seen).rpartition("Question: ")[2] for seen in server.seen]
    assert asked.count(str(QUESTIONS[0]["question"])) == 1
    assert desk(*words, "--log", "undisturbed.jsonl", env=environment).returncode == 0
    assert documents(log) == documents(desk.parcels / "undisturbed.jsonl")
    assert not list(log.parent.glob("*.lock"))


def test_money_that_is_spent_stops_a_run_and_more_goes_on(
    equipped: Installed, new_shop: Shop, server: ModelServer, questions: Path
) -> None:
    desk = desk_of(equipped, new_shop, server)
    environment = {"LOCCIT_FORBID_MODEL_CALLS": "remote"}
    words = ("eval", "run", questions, "--concurrency", "1", "--log", "log.jsonl")
    stopped = desk(*words, "--max-usd", "0.0001", env=environment)
    assert stopped.returncode == 7, stopped.stderr
    assert "--max-usd" in stopped.stderr
    assert len(server.seen) == 1
    assert desk(*words, "--max-usd", "5", env=environment).returncode == 0
    assert documents(desk.parcels / "log.jsonl")[-1]["end"]["entries"] == 3
