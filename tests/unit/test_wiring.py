"""The parts of a system are opened when they are asked for, once."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from loccit.budgets import BudgetLimit, BudgetOptions
from loccit.core.errors import SettingsError
from loccit.settings import Settings
from loccit.sources import Guard
from loccit.sources.issues import api, parse_tracker
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


def test_a_token_goes_to_no_host_that_somebody_names_over_a_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But to GitHub its own, and to hosts that the operator trusts."""
    monkeypatch.setenv("LOCCIT_TRACKER_TOKEN", "for-everybody")
    monkeypatch.setenv("GITHUB_TOKEN", "for-github")
    shown: list[str] = []
    monkeypatch.setattr(api.Token, "reveal", lambda token: shown.append(token._text) or "x")
    guard = Guard(hosts=frozenset({"git.example.org"}))
    for at, of_operator, of_stranger in (
        ("", "for-github", "for-github"),
        ("@git.example.org", "for-everybody", "for-everybody"),
        ("@evil.example", "for-everybody", None),
        ("@github.com.evil.example", "for-everybody", None),
        ("@github.com:8443", "for-everybody", None),
    ):
        location = parse_tracker(f"github:a/b{at}", folder=tmp_path)
        for system, expected in (
            (build(Settings(tmp_path)), of_operator),
            (build(Settings(tmp_path), guard), of_stranger),
        ):
            shown.clear()
            system.tracker(location).close()
            assert shown == ([expected] if expected else []), at
