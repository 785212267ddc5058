"""A change is mapped to the definitions that it is in, named as the file is cut for searching."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loccit.learning.changed_functions import changed_functions
from loccit.parsing import ParsingOptions

BODY = "".join(f"        rate_{n} = weight * {n} + zone\n" for n in range(12))
BEFORE = (
    '"""Parcels, and what they cost in each of the zones."""\n\nRATE = 3\nHEAVY = 30\n\n\n'
    f"def price(weight, zone):\n    if weight:\n{BODY}    return weight\n\n\n"
    f"class Desk:\n    def open(self, weight, zone):\n        if zone:\n            pass\n"
    f"{BODY}        return 1\n\n"
    f"    def close(self, weight, zone):\n        if weight:\n            pass\n{BODY}        return 2\n"
)


def changed(old: str, new: str) -> list[str]:
    assert old in BEFORE
    after = BEFORE.replace(old, new, 1)
    return changed_functions(BEFORE.encode(), after.encode(), "src/desk.py", ParsingOptions())


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("    return weight\n", "    return weight + 1\n", ["price"]),
        ("        return 1\n", "", ["Desk.open"]),
        ("        return 2\n", "        log()\n        return 2\n", ["Desk.close"]),
        ("        return 1\n", "        return 1\n\n    def new(self):\n        return 5\n" + BODY, ["Desk"]),
        ("RATE = 3\n", "RATE = 4\n", []),
        ("RATE = 3\n", "RATE = 3\n\n", []),
    ],
)
def test_the_definitions_around_changed_lines_are_named(old: str, new: str, expected: list[str]) -> None:
    """Lines that are gone and lines that are new; what is new as a whole belongs to what is around it."""
    assert changed(old, new) == expected


def test_several_definitions_stand_in_order_of_place() -> None:
    """However they changed."""
    after = BEFORE.replace("return 2", "return 3").replace("return weight", "return None")
    found = changed_functions(BEFORE.encode(), after.encode(), "src/desk.py", ParsingOptions())
    assert found == ["price", "Desk.close"]


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_any_bytes_are_compared(before: bytes, after: bytes) -> None:
    """And what did not change is in no definition."""
    changed_functions(before, after, "a.py", ParsingOptions())
    assert changed_functions(before, before, "a.py", ParsingOptions()) == []
