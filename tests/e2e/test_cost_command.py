"""`loccit cost` as a person runs it."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from loccit.budgets.deadline import Deadline
from loccit.budgets.ledger import Ledger
from loccit.core.calls import Payer, TokenUsage
from loccit.storage.database import Database
from tests.e2e.conftest import Installed

Run = Callable[..., Any]
DAY_S = 86_400


@pytest.fixture
def run(installed: Installed, tmp_path: Path) -> Run:
    """Runs `loccit cost` with a home of the test's own."""

    def cost(*arguments: str) -> Any:
        return installed("cost", *arguments, cwd=tmp_path, env={"LOCCIT_HOME": str(tmp_path / "home")})

    return cost


def spend(home: Path) -> None:
    """Three calls today and yesterday; one of them never reports back, and one costs more than it held."""
    database = Database.in_folder(home)
    now = [0.0]
    ledger = Ledger(database, clock=lambda: now[0])

    async def calls() -> None:
        for ago_s, model, user, usd in [
            (DAY_S, "openai:gpt-5", "ana", "0.25"),
            (DAY_S, "ollama:\x1b[31mqwen", "bo", None),
            (0, "openai:gpt-5", "", "0.000000000001"),
        ]:
            now[0] = time.time() - ago_s
            reservation = await ledger.reserve(
                Payer("r", user=user),
                model,
                cost=lambda _: Decimal("0.20"),
                output_tokens=100,
                deadline=Deadline.after(5),
                purpose="answer",
            )
            if usd is not None:
                await ledger.settle(reservation, Decimal(usd), TokenUsage(1_000, 100))

    asyncio.run(calls())
    ledger.close()
    database.close()


def test_nothing_was_spent_and_there_are_no_budgets(run: Run) -> None:
    """It says both, and how to set a budget."""
    done = run()
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("no model was paid for from ")
    assert "there are no budgets" in done.stderr
    assert run("--quiet").stderr == ""


def test_what_was_spent_is_shown_with_bars_and_budgets(run: Run, tmp_path: Path) -> None:
    """What never reported back and what cost more than it held is said; no name can steer the terminal."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "settings.toml").write_text('[[budgets.limits]]\nof = "total"\nusd = 1\n')
    spend(tmp_path / "home")
    done = run("--by", "model")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "0.4500 USD for 3 calls" in done.stdout
    assert "1 call never reported back" in done.stdout
    assert "1 call cost more than could be known before, 0.0500 USD together" in done.stdout
    assert "█" in done.stdout
    assert "\x1b" not in done.stdout
    (budget,) = (line for line in done.stdout.splitlines() if line.startswith("total ever"))
    assert budget.split()[2:6] == ["1.0000", "0.4500", "0.0000", "0.5500"]


def test_programs_get_exact_amounts(run: Run, tmp_path: Path) -> None:
    """As texts in JSON, as columns in CSV, of the days that were asked for."""
    spend(tmp_path / "home")
    found = json.loads(run("--json").stdout)
    assert [row["usd"] for row in found["rows"]] == ["0.45", "0.000000000001"]
    assert found["usd"] == "0.450000000001"
    rows = list(csv.DictReader(io.StringIO(run("--by", "user", "--csv").stdout)))
    assert [(row["user"], row["usd"]) for row in rows] == [
        ("ana", "0.25"),
        ("bo", "0.2"),
        ("", "0.000000000001"),
    ]
    today = found["rows"][1]["name"]
    assert len(json.loads(run("--json", "--since", today).stdout)["rows"]) == 1


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--since", "yesterday"), "--since 'yesterday' is no date"),
        (("--since", "2026-02-01", "--until", "2026-01-01"), "is before"),
        (("--json", "--csv"), "does not go with"),
        (("--by", "colour"), "colour"),
    ],
)
def test_what_makes_no_sense_is_refused(run: Run, arguments: tuple[str, ...], complaint: str) -> None:
    """With exit code 2 and the value."""
    done = run(*arguments)
    assert done.returncode == 2
    assert complaint in done.stderr
