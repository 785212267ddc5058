"""A process that spends as fast as the budget allows, started by `budget-race` and by the ledger's test.

Its argument is one JSON object. It says that it is ready, waits for a line, and then makes its calls. Each is
one line of JSON on standard output when it is admitted, and another when it has ended. It may be killed.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from decimal import Decimal
from typing import Any

from loccit.budgets.deadline import Deadline
from loccit.budgets.ledger import Ledger
from loccit.budgets.options import BudgetLimit
from loccit.core.calls import Payer, TokenUsage
from loccit.core.errors import BudgetExceeded
from loccit.storage.database import Database

INPUT_USD = Decimal("0.001")
OUTPUT_USD = Decimal("0.000002")


def cost(output_tokens: int) -> Decimal:
    """The most that a call can cost, which this one does."""
    return INPUT_USD + output_tokens * OUTPUT_USD


def say(**event: Any) -> None:
    print(json.dumps(event), flush=True)


async def call(ledger: Ledger, number: int, task: dict[str, Any], chance: random.Random) -> None:
    """One request, with a retry after a dropped stream now and then."""
    wanted = task["output_tokens"]
    try:
        for _ in range(2):
            reservation = await ledger.reserve(
                Payer(request=f"{task['name']}-{number}", user="ana"),
                "test:model",
                cost=cost,
                output_tokens=None,
                deadline=Deadline.after(task["deadline_s"]),
                purpose="answer",
                input_tokens=1_000,
            )
            say(admitted=reservation.id, usd=str(reservation.usd), request=number)
            await asyncio.sleep(chance.uniform(0.5, 1.5) * task["call_s"])
            written = min(wanted, reservation.output_tokens)
            is_dropped = chance.random() < task["dropped"]
            if is_dropped:
                written //= 2
            spent = cost(written)
            await ledger.settle(reservation, spent, TokenUsage(1_000, written))
            say(settled=reservation.id, usd=str(spent), whole=written == wanted, request=number)
            if not is_dropped:
                return
    except BudgetExceeded as error:
        say(refused=number, value=error.value, limit=error.limit)


async def main() -> None:
    task = json.loads(sys.argv[1])
    chance = random.Random(task["name"])
    limits = [
        BudgetLimit("total", Decimal(task["usd"])),
        BudgetLimit("user", Decimal(task["usd"]), per="day"),
    ]
    database = Database(task["url"])
    ledger = Ledger(
        database,
        limits,
        reservation_s=task["reservation_s"],
        least_output_tokens=100,
        most_output_tokens=4_096,
    )
    say(ready=True)
    # All processes begin together.
    await asyncio.to_thread(sys.stdin.readline)
    await asyncio.gather(*(call(ledger, number, task, chance) for number in range(task["requests"])))
    ledger.close()
    database.close()


if __name__ == "__main__":
    asyncio.run(main())
