"""An invoice that was computed without loccit."""

from __future__ import annotations

import json
import runpy
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from benchmarks.invoice import SHEET, usage_of
from loccit.budgets.price_file import read_prices
from loccit.budgets.prices import PriceList


def test_prices_come_to_an_invoice_that_was_computed_without_them(tmp_path: Path) -> None:
    """Tiers, caches, reasoning, batch and flex of more than two hundred calls, to the last decimal."""
    sheet = json.loads(SHEET.read_text())
    (tmp_path / "prices.toml").write_text("\n".join(sheet["prices"]))
    prices = PriceList(read_prices(tmp_path / "prices.toml"))
    at = datetime.fromisoformat(sheet["at"])
    amounts = [
        prices.price(call["model"], usage_of(call), service=call["service"], at=at) for call in sheet["calls"]
    ]
    assert amounts == [Decimal(call["usd"]) for call in sheet["calls"]]
    assert sum(amounts) == Decimal(sheet["total_usd"])
    assert len(amounts) >= 200
    kinds = ("cache_read_tokens", "cache_write_tokens", "reasoning_tokens")
    assert all(any(call[kind] for call in sheet["calls"]) for kind in kinds)
    assert {call["service"] for call in sheet["calls"]} == {"standard", "batch", "flex"}


def test_the_invoice_is_what_its_sheet_computes(tmp_path: Path) -> None:
    """The sheet imports nothing of ours and writes the file as it is."""
    program = SHEET.with_name("invoice_sheet.py")
    assert "import loccit" not in program.read_text()
    copy = tmp_path / program.name
    copy.write_text(program.read_text())
    runpy.run_path(str(copy), run_name="__main__")
    assert (tmp_path / SHEET.name).read_text() == SHEET.read_text()
