"""Budgets as they are written in settings.toml."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from loccit.budgets import BudgetLimit
from loccit.core.errors import SettingsError
from loccit.settings import Settings


def test_budgets_are_tables_of_the_settings(tmp_path: Path) -> None:
    """Amounts are exact, whether they are written as a number or a text."""
    (tmp_path / "settings.toml").write_text(
        "[budgets]\nreservation_s = 30\n"
        '[[budgets.limits]]\nof = "user"\nper = "day"\nusd = 0.1\n'
        '[[budgets.limits]]\nof = "team"\nname = "core"\nusd = "12.345678901234"\n'
        '[[budgets.limits]]\nof = "total"\nusd = 5\n'
    )
    found = Settings.load(tmp_path).budgets
    assert found.limits == (
        BudgetLimit("user", Decimal("0.1"), per="day"),
        BudgetLimit("team", Decimal("12.345678901234"), "core"),
        BudgetLimit("total", Decimal(5)),
    )
    assert found.reservation_s == 30


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('limits = [{of = "users", usd = 1}]', "budgets.limits.0.of is 'users'"),
        ('limits = [{of = "user", usd = 1, pre = "day"}]', "budgets.limits.0.pre"),
        ('limits = [{of = "user"}]', "budgets.limits.0.usd"),
        ('limits = [{of = "user", usd = -1}]', "is -1 USD"),
        ('limits = [{of = "user", usd = 1e7}]', "expected 0 to 1,000,000"),
        ('limits = [{of = "user", usd = nan}]', "finite"),
        ('limits = [{of = "user", usd = "much"}]', "'much'"),
        ('limits = [{of = "total", usd = 1, name = "x"}]', "has the name 'x'"),
        ('limits = [{of = "user", usd = 1, per = "week"}]', "'week'"),
        ("reservation_s = 0", "expected 1 to 86400"),
        ("reservation_s = nan", "reservation_s"),
        ("least_output_tokens = 9000", "most_output_tokens (8192)"),
        ("least_output_tokens = 0", "expected 1 to"),
        ("estimate_over_usd = -1", "expected 0 or more"),
    ],
)
def test_an_impossible_budget_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    """The error names the place or the value."""
    (tmp_path / "settings.toml").write_text(f"[budgets]\n{text}\n")
    with pytest.raises(SettingsError) as told:
        Settings.load(tmp_path)
    assert complaint in str(told.value)
