"""`loccit models` as people run it: what is configured, what it costs, and whether it answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.model_server import Behaviour, ModelServer
from loccit.cli.app import app

KEY = "planted-key-0123456789"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LOCCIT_HOME", str(tmp_path))
    monkeypatch.setenv("LOCCIT_FORBID_MODEL_CALLS", "remote")
    monkeypatch.setenv("BOX_KEY", KEY)
    return tmp_path


def configure(home: Path, server: ModelServer, more: str = "") -> None:
    (home / "prices.toml").write_text('[models."box:m"]\ninput = 2.5\noutput = 10\n')
    (home / "settings.toml").write_text(
        f"""
        [models]
        answer = "box:m"
        fallback = ["openai:gpt-5-mini"]
        judge = "scripted:quote-first"
        attempts = 1
        {more}
        [models.providers.box]
        base_url = "{server.openai_url}"
        key_variable = "BOX_KEY"
        [budgets]
        prices = "prices.toml"
        """
    )


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["models", *arguments])
    assert KEY not in done.output
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output


def test_the_list_says_what_it_costs_and_where_the_key_is(home: Path) -> None:
    with ModelServer() as server:
        configure(home, server)
        code, text = run()
        assert code == 0
        assert "answer  box:m" in text
        assert "$2.5 read, $10 written" in text
        assert "BOX_KEY, set" in text
        assert "OPENAI_API_KEY, not set" in text
        _, text = run("--json")
    document = json.loads(text)
    assert document["format"] == "loccit-models/1"
    box, openai, judge = document["models"]
    assert (box["input_usd_per_million"], box["has_key"]) == ("2.5", True)
    assert (openai["role"], openai["has_key"]) == ("fallback", False)
    assert openai["output_usd_per_million"] is not None
    assert judge["input_usd_per_million"] is None
    assert server.seen == []


def test_nothing_configured_is_said(home: Path) -> None:
    code, text = run()
    assert code == 0
    assert "no model is configured" in text
    assert json.loads(run("--json")[1])["models"] == []
    assert run("test")[0] == 8


def test_a_test_says_time_and_cost(home: Path) -> None:
    with ModelServer(Behaviour("ready")) as server:
        configure(home, server)
        code, text = run("test", "box:m")
        assert code == 0
        assert "ok" in text
        # 12 tokens read, 2 written.
        assert "$0.00005" in text
        code, text = run("test", "--json")
    assert code == 8
    box, openai, script = json.loads(text)["tests"]
    assert (box["answers"], box["cost_usd"], box["input_tokens"]) == (True, "0.00005", 12)
    assert "forbidden" in openai["error"] or "OPENAI_API_KEY" in openai["error"]
    assert script["answers"]


def test_a_model_that_does_not_answer_fails_the_test(home: Path) -> None:
    with ModelServer(Behaviour(status=401)) as server:
        configure(home, server)
        code, text = run("test", "box:m")
    assert code == 8
    assert "FAIL" in text
    assert "BOX_KEY" in text


def test_a_price_that_nobody_knows_is_said(home: Path) -> None:
    with ModelServer() as server:
        configure(home, server)
        (home / "prices.toml").write_text("")
        assert "price unknown" in run()[1]
        code, _ = run("test", "box:m")
    assert code == 8
    assert server.seen == []
