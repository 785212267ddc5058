"""Writes benchmarks/invoice.json: calls of models and what they cost, computed without loccit.

The price tables are the providers' list prices, typed by hand. A price is a whole number of millionths of a
dollar per million tokens, so a token costs as many picodollars, and an invoice is a sum of whole numbers.
Nothing of loccit or genai-prices is imported: `python benchmarks/invoice_sheet.py` stands alone.
"""

from __future__ import annotations

import json
from pathlib import Path

# USD per million tokens: input, read from cache, written to cache, output, reasoning.
# Where a provider has no price of its own for one of them, it is that of the input, or of the output.
# To compare: platform.claude.com/docs/en/about-claude/pricing (caches of five minutes), openai.com/api/pricing,
# ai.google.dev/gemini-api/docs/pricing.
PUBLISHED = {
    # model, service: [(above so many input tokens, prices)]
    ("openai:gpt-5", "standard"): [(0, "1.25 0.125 1.25 10 10")],
    ("openai:gpt-5", "batch"): [(0, "0.625 0.0625 0.625 5 5")],
    ("openai:gpt-5", "flex"): [(0, "0.625 0.0625 0.625 5 5")],
    ("openai:gpt-5-mini", "standard"): [(0, "0.25 0.025 0.25 2 2")],
    ("openai:gpt-5-mini", "batch"): [(0, "0.125 0.0125 0.125 1 1")],
    ("openai:gpt-4.1", "standard"): [(0, "2 0.5 2 8 8")],
    ("openai:gpt-4o-mini", "standard"): [(0, "0.15 0.075 0.15 0.6 0.6")],
    ("openai:o3", "standard"): [(0, "2 0.5 2 8 8")],
    ("openai:text-embedding-3-small", "standard"): [(0, "0.02 0.02 0.02 0 0")],
    ("anthropic:claude-haiku-4-5", "standard"): [(0, "1 0.1 1.25 5 5")],
    ("anthropic:claude-haiku-4-5", "batch"): [(0, "0.5 0.05 0.625 2.5 2.5")],
    ("anthropic:claude-opus-4-1", "standard"): [(0, "15 1.5 18.75 75 75")],
    ("anthropic:claude-sonnet-4-5", "standard"): [
        (0, "3 0.3 3.75 15 15"),
        (200_000, "6 0.6 7.5 22.5 22.5"),
    ],
    ("anthropic:claude-sonnet-4-5", "batch"): [
        (0, "1.5 0.15 1.875 7.5 7.5"),
        (200_000, "3 0.3 3.75 11.25 11.25"),
    ],
    ("google:gemini-2.5-pro", "standard"): [
        (0, "1.25 0.125 1.25 10 10"),
        (200_000, "2.5 0.25 2.5 15 15"),
    ],
    ("google:gemini-2.5-flash", "standard"): [(0, "0.3 0.03 0.3 2.5 2.5")],
}
# An operator's own prices, with everything that a file of prices can say.
OWN_FILE = """
[models."house:large"]
input = 0.9
cache_read = 0.09
cache_write = 1.125
output = 3.6
reasoning = 4.8
request = 0.0005

[[models."house:large".tiers]]
above_input_tokens = 32_000
input = 1.3
cache_read = 0.13
cache_write = 1.625
output = 5.2
reasoning = 6.4

[[models."house:large".tiers]]
above_input_tokens = 128_000
input = 2.6
cache_read = 0.26
cache_write = 3.25
output = 10.4
reasoning = 12.8

[models."house:large".services.batch]
multiplier = 0.5

[models."house:large".services.flex]
input = 0.7
output = 2.8
reasoning = 3.1

[models."cellar:*"]
free = true
"""
_LARGE = [
    (0, "0.9 0.09 1.125 3.6 4.8"),
    (32_000, "1.3 0.13 1.625 5.2 6.4"),
    (128_000, "2.6 0.26 3.25 10.4 12.8"),
]
_LARGE_BATCH = [
    (0, "0.45 0.045 0.5625 1.8 2.4"),
    (32_000, "0.65 0.065 0.8125 2.6 3.2"),
    (128_000, "1.3 0.13 1.625 5.2 6.4"),
]
OWN = {
    ("house:large", "standard"): _LARGE,
    ("house:large", "batch"): _LARGE_BATCH,
    ("house:large", "flex"): [(0, "0.7 0.7 0.7 2.8 3.1")],
    ("cellar:small", "standard"): [(0, "0 0 0 0 0")],
}
# USD for each call, in picodollars.
REQUEST = {("house:large", "standard"): 500_000_000, ("house:large", "batch"): 250_000_000}
# Inputs on both sides of every tier, and some that are no round number.
INPUTS = (1, 137, 2_048, 31_999, 32_000, 32_001, 128_000, 128_001, 199_999, 200_000, 200_001, 431_777)
FIELDS = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens")


def millionths(price: str) -> int:
    """ "1.25" → 1250000."""
    whole, _, part = price.partition(".")
    return int(whole) * 1_000_000 + int(part.ljust(6, "0"))


def cost(table: list[tuple[int, str]], counts: tuple[int, ...], request: int) -> int:
    """Picodollars of one call: each kind of token times its price in the tier of the whole input."""
    whole, read, write, output, reasoning = counts
    (prices,) = [row for above, row in table if whole > above][-1:] or [table[0][1]]
    each = [millionths(price) for price in prices.split()]
    billed = (whole - read - write, read, write, output - reasoning, reasoning)
    return sum(tokens * price for tokens, price in zip(billed, each, strict=True)) + request


def dollars(amount: int) -> str:
    """With all twelve decimals."""
    return f"{amount // 10**12}.{amount % 10**12:012d}"


def main() -> None:
    calls, total = [], 0
    for number, ((model, service), table) in enumerate((PUBLISHED | OWN).items()):
        for turn, whole in enumerate(INPUTS):
            # Shares that differ from call to call: nothing cached, much read, some written, some thought.
            read = whole * ((turn + number) % 4) // 5
            write = (whole - read) * ((turn + 2 * number) % 3) // 7
            output = 0 if "embedding" in model else 11 + 97 * turn + 13 * number
            reasoning = output * (turn % 3) // 4
            counts = (whole, read, write, output, reasoning)
            amount = cost(table, counts, REQUEST.get((model, service), 0))
            total += amount
            usage = dict(zip(FIELDS, counts, strict=True))
            calls.append({"model": model, "service": service, **usage, "usd": dollars(amount)})
    sheet = {
        "about": "written by benchmarks/invoice_sheet.py, without loccit; amounts in USD",
        "at": "2026-11-01T12:00:00+00:00",
        "prices": OWN_FILE.strip().splitlines(),
        "total_usd": dollars(total),
        "calls": calls,
    }
    head = json.dumps({name: value for name, value in sheet.items() if name != "calls"}, indent=1)
    rows = ",\n".join(f"  {json.dumps(call)}" for call in calls)
    text = f'{head.removesuffix("}").rstrip()},\n "calls": [\n{rows}\n ]\n}}\n'
    (Path(__file__).resolve().parent / "invoice.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
