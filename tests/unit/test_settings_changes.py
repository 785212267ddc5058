"""Settings that differ for one run, and a setting that is written into the operator's file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from loccit.core.errors import SettingsError
from loccit.settings import Settings, with_changes, write_settings


def test_a_change_leaves_all_else_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text(
        '[retrieval]\ntop_k = 7\n[[budgets.limits]]\nof = "total"\nusd = 1.5\n[models]\nanswer = "a:b"\n'
    )
    before = Settings.load(tmp_path)
    after = with_changes(before, {"retrieval": {"answer_confidence": 0.3}, "budgets": {}})
    assert (after.retrieval.top_k, after.retrieval.answer_confidence) == (7, 0.3)
    assert (after.home, after.models, after.budgets) == (before.home, before.models, before.budgets)
    assert before.retrieval.answer_confidence != 0.3


@pytest.mark.parametrize(
    ("tables", "named"),
    [
        ({"retrieval": {"nothing": 1}}, r"retrieval\.nothing"),
        ({"nothing": {"top_k": 1}}, "nothing"),
        ({"retrieval": {"top_k": "many"}}, r"retrieval\.top_k"),
        ({"retrieval": 3}, "retrieval"),
    ],
)
def test_a_change_that_is_none_is_refused_by_name(tmp_path: Path, tables: dict[str, Any], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        with_changes(Settings(tmp_path), tables)


def test_a_setting_is_written_beside_what_the_file_says(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text("# ours\n[retrieval]\ntop_k = 7  # enough\n")
    write_settings(tmp_path, {"retrieval": {"answer_confidence": 0.4}, "answering": {"passages": 6}})
    text = path.read_text()
    assert text.startswith("# ours\n[retrieval]\ntop_k = 7  # enough\n")
    read = Settings.load(tmp_path)
    assert (read.retrieval.top_k, read.retrieval.answer_confidence, read.answering.passages) == (7, 0.4, 6)


def test_without_a_file_one_is_made(tmp_path: Path) -> None:
    write_settings(tmp_path, {"answering": {"passages": 6}})
    assert Settings.load(tmp_path).answering.passages == 6


@pytest.mark.parametrize(
    ("text", "tables"),
    [
        ("= no toml", {"answering": {"passages": 6}}),
        ("[answering]\npassages = 3\n", {"answering": {"passages": "six"}}),
        ("answering = 3\n", {"answering": {"passages": 6}}),
    ],
)
def test_what_would_break_the_file_is_not_written(
    tmp_path: Path, text: str, tables: dict[str, dict[str, Any]]
) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(text)
    with pytest.raises(SettingsError):
        write_settings(tmp_path, tables)
    assert path.read_text() == text
    assert [file.name for file in tmp_path.iterdir()] == ["settings.toml"]
