"""Dollars as the ledger keeps them: whole picodollars (1e-12 USD)."""

from __future__ import annotations

from decimal import Decimal

_PICO = 10**12
# No call is counted as more: nine of them still fit into 64 bits.
MOST_USD = Decimal(1_000_000)


def picodollars(usd: Decimal) -> int:
    """The amount, rounded up; at most `MOST_USD`. Raises ValueError for one that is negative or no number."""
    if usd.is_nan() or usd < 0:
        raise ValueError(f"{usd} USD is no amount that can be spent")
    above, below = min(usd, MOST_USD).as_integer_ratio()
    return -(-above * _PICO // below)


def dollars(amount: int) -> Decimal:
    """So many picodollars in USD, exact."""
    return Decimal(f"{amount}e-12")
