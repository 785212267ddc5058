"""The page of benchmark results is what the kept figures give."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks import record


def test_the_page_is_what_the_kept_figures_give() -> None:
    """Nobody changed a figure by hand, and nobody forgot to write the page after a run."""
    now = record.PAGE.read_text(encoding="utf-8")
    assert record.page(now, record.RESULTS) == now


def test_a_missed_target_is_on_the_page(tmp_path: Path) -> None:
    """A figure that misses its target is shown with it, in the overview and in its own section."""
    slow = {"value": 30.5, "target": "<= 25", "met": False}
    figures = {"benchmark": "index", "commit": "abc", "cold_seconds": slow, "runs": [1.0, 2.0, 3.0]}
    (tmp_path / "index.json").write_text(json.dumps(figures), encoding="utf-8")
    page = record.page(f"# Title\n\n{record.MARK}\n\nfigures of before\n", tmp_path)
    assert page.startswith(f"# Title\n\n{record.MARK}\n\n## Results\n\n0 of 1 targets met.\n")
    assert "| [index](#index) | cold seconds | 30.5 | <= 25 | **no** |\n" in page
    assert "| cold seconds | 30.5 | <= 25 | **no** |\n| runs | 1, 2, 3 |  |  |\n" in page
    assert "figures of before" not in page


def test_records_become_a_table_of_their_own(tmp_path: Path) -> None:
    """Figures of several repositories are columns under their names, one row for each."""
    trees = {"a/b": {"files": 1200, "seconds": 0.5}, "c/d": {"files": 3, "seconds": None}}
    figures = {"benchmark": "scaling", "trees": trees, "curve": [{"threshold": 0.5, "coverage": 85.3}]}
    (tmp_path / "scaling.json").write_text(json.dumps(figures), encoding="utf-8")
    page = record.page(f"# Title\n\n{record.MARK}\n", tmp_path)
    assert "|  | files | seconds |\n| --- | --- | --- |\n| a/b | 1,200 | 0.5 |\n| c/d | 3 |  |\n" in page
    assert "| threshold | coverage |\n| --- | --- |\n| 0.5 | 85.3 |\n" in page
