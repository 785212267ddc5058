"""Tracking numbers: which carrier a number belongs to, and whether it was read without a mistake."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NORTHLINE = re.compile(r"NL(\d{7})(\d)(\d)")
_COASTAL = re.compile(r"(\d{11})([0-9X])")
_SEPARATORS = re.compile(r"[\s.\-/]+")
# Letters that scanners and people write for digits.
_LOOKALIKES = str.maketrans({"O": "0", "I": "1", "L": "1", "S": "5", "B": "8"})


class BadNumber(ValueError):
    """A text that is no tracking number: another form, or a check digit that does not fit."""


@dataclass(frozen=True, slots=True)
class TrackingNumber:
    """A number whose check digits fit, without separators, and the carrier that gave it."""

    text: str
    carrier: str

    def __str__(self) -> str:
        return self.text


def parse_number(written: str) -> TrackingNumber:
    """The number that a person or a scanner wrote. Raises BadNumber.

    Spaces, dots, dashes and slashes are left out. Letters that look like digits are read as digits, but only
    where the number as it stands fits no carrier.
    """
    text = _SEPARATORS.sub("", written).upper()
    for candidate in (text, _with_digits(text)):
        found = _recognised(candidate)
        if found is not None:
            return found
    raise BadNumber(f"{written!r} is no number of a known carrier")


def _with_digits(text: str) -> str:
    """The text with look-alikes as digits; the prefix of Northline stays as it is."""
    if text.startswith("NL"):
        return "NL" + text[2:].translate(_LOOKALIKES)
    return text.translate(_LOOKALIKES)


def _recognised(text: str) -> TrackingNumber | None:
    match = _NORTHLINE.fullmatch(text)
    if match and northline_digits(match[1]) == match[2] + match[3]:
        return TrackingNumber(text, "northline")
    match = _COASTAL.fullmatch(text)
    if match and coastal_digit(match[1]) == match[2]:
        return TrackingNumber(text, "coastal")
    return None


def northline_digits(serial: str) -> str:
    """Northline's two check digits: weights 3 and 1 from the right, then 7, 3 and 9, both modulo 10.

    The second digit finds most transpositions that the first one misses: 3 and 1 differ by 2, so that
    neighbours that differ by 5 can be exchanged without the first noticing.
    """
    first = _weighted(serial, (3, 1))
    return first + _weighted(serial + first, (7, 3, 9))


def _weighted(digits: str, weights: tuple[int, ...]) -> str:
    total = sum(int(digit) * weights[at % len(weights)] for at, digit in enumerate(reversed(digits)))
    return str(-total % 10)


def coastal_digit(serial: str) -> str:
    """Coastal's check digit, modulo 11 with weights 2 to 7 from the right; X stands for ten."""
    total = sum(int(digit) * (2 + at % 6) for at, digit in enumerate(reversed(serial)))
    rest = -total % 11
    return "X" if rest == 10 else str(rest)
