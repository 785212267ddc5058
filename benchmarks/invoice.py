"""Do prices and ledger come to the same as an invoice that was computed without them?

`invoice.json` holds calls of a dozen models by published prices, and of an operator's own by a file of
prices: on both sides of every tier, with tokens read from and written to a cache, reasoning, batch and flex.
`invoice_sheet.py` computed them in whole numbers from the providers' list prices, typed by hand. Every amount
must be equal, to the last decimal, and so must the sum that the ledger gives after all went through it.
"""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import benchmarks
from loccit.budgets.deadline import Deadline
from loccit.budgets.ledger import Ledger
from loccit.budgets.price_file import read_prices
from loccit.budgets.prices import PriceList
from loccit.core.calls import Payer, TokenUsage
from loccit.storage.database import Database

NAME = "invoice"
SUMMARY = "prices and ledger against an invoice that was computed without them"

SHEET = Path(__file__).resolve().parent / "invoice.json"
LEAST_CALLS = 200


def run(setting: benchmarks.Setting) -> dict[str, Any]:
    """How many calls come to what they should, and the largest difference."""
    sheet = json.loads(SHEET.read_text(encoding="utf-8"))
    calls = sheet["calls"]
    at = datetime.fromisoformat(sheet["at"])
    with benchmarks.home() as home:
        file = home / "prices.toml"
        file.write_text("\n".join(sheet["prices"]), encoding="utf-8")
        prices = PriceList(read_prices(file))
        amounts = [
            prices.price(call["model"], usage_of(call), service=call["service"], at=at) for call in calls
        ]
        database = Database.in_folder(home)
        ledger = Ledger(database)
        asyncio.run(_book(ledger, prices, calls, at))
        booked = sum((row.usd for row in ledger.spending("model")), Decimal(0))
        overruns = sum(row.overruns for row in ledger.spending("model"))
        ledger.close()
        database.close()
    differences = [abs(amount - Decimal(call["usd"])) for amount, call in zip(amounts, calls, strict=True)]
    return {
        "calls": benchmarks.target(len(calls), at_least=LEAST_CALLS),
        "calls_that_differ": benchmarks.target(sum(map(bool, differences)), at_most=0),
        "largest_difference_usd": benchmarks.target(float(max(differences)), at_most=0),
        "invoice_usd": sheet["total_usd"],
        "ledger_usd": str(booked),
        "ledger_difference_usd": benchmarks.target(
            float(abs(booked - Decimal(sheet["total_usd"]))), at_most=0
        ),
        "calls_above_their_bound": benchmarks.target(overruns, at_most=0),
    }


def usage_of(call: dict[str, Any]) -> TokenUsage:
    """The tokens of a call of the sheet."""
    return TokenUsage(**{name: count for name, count in call.items() if name.endswith("_tokens")})


async def _book(ledger: Ledger, prices: PriceList, calls: list[dict[str, Any]], at: datetime) -> None:
    """Reserve each call at its bound, and settle it at its price."""
    for number, call in enumerate(calls):
        model, usage, service = call["model"], usage_of(call), call["service"]
        reservation = await ledger.reserve(
            Payer(f"r{number}"),
            model,
            cost=lambda tokens, model=model, usage=usage, service=service: prices.bound(
                model, usage.input_tokens, tokens, service=service, at=at
            ),
            output_tokens=usage.output_tokens,
            deadline=Deadline.after(5),
            purpose=service,
            input_tokens=usage.input_tokens,
        )
        await ledger.settle(reservation, prices.price(model, usage, service=service, at=at), usage)
