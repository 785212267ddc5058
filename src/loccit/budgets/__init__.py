"""May we still spend? Reserve before a call, settle after it.

`open_ledger` gives the ledger of a database, whose `reserve` and `settle` stand around every call; a
`PriceList` says what a call can cost and did cost. Both load when they are asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from loccit.budgets.options import BudgetLimit, BudgetOptions

if TYPE_CHECKING:
    from loccit.budgets.ledger import Ledger
    from loccit.budgets.prices import PriceList
    from loccit.storage.database import Database

__all__ = ["BudgetLimit", "BudgetOptions", "open_ledger", "open_prices"]


def open_ledger(database: Database, options: BudgetOptions) -> Ledger:
    """The ledger of a database, within the limits of these options."""
    from loccit.budgets.ledger import Ledger

    return Ledger.of_options(database, options)


def open_prices(
    options: BudgetOptions, home: Path, *, providers: Mapping[str, str] | None = None
) -> PriceList:
    """What calls cost, by the file of prices of a home folder and what is published.

    `providers` says whose published prices those of another name have. Raises SettingsError.
    """
    from loccit.budgets.prices import PriceList

    return PriceList.load(options, home, providers=providers)
