"""The parts of a system are opened when they are asked for, once."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from loccit.budgets import BudgetLimit, BudgetOptions
from loccit.core.errors import SettingsError
from loccit.settings import Settings
from loccit.storage.options import StorageOptions
from loccit.wiring import build


def test_the_database_is_opened_once_and_only_when_it_is_asked_for(tmp_path: Path) -> None:
    """To build a system writes nothing."""
    system = build(Settings(tmp_path / "home"))
    assert not (tmp_path / "home").exists()
    assert system.database() is system.database()
    assert (tmp_path / "home" / "state.sqlite").exists()
    system.close()


def test_a_process_has_one_ledger_with_the_limits_of_its_settings(tmp_path: Path) -> None:
    """So that tasks which wait are woken by those which settle."""
    limits = (BudgetLimit("total", Decimal(1)),)
    system = build(Settings(tmp_path, budgets=BudgetOptions(limits=limits)))
    ledger = system.ledger()
    assert ledger is system.ledger()
    assert ledger.limits == limits
    system.close()
    assert system.ledger() is not ledger
    system.close()


def test_the_settings_may_name_another_database(tmp_path: Path) -> None:
    """An address that is none is an error of the settings, and nothing is made in its place."""
    other = tmp_path / "other.sqlite"
    system = build(Settings(tmp_path / "home", storage=StorageOptions(f"sqlite:///{other}")))
    system.database()
    assert other.exists()
    system.close()
    with pytest.raises(SettingsError, match=r"\[storage\] database"):
        build(Settings(tmp_path / "home", storage=StorageOptions("mysql://x/y"))).database()
    assert not (tmp_path / "home").exists()
