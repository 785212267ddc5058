"""Postcodes, and the routes that they make."""

from __future__ import annotations

import re

_FORMS = {
    "DE": re.compile(r"\d{5}"),
    "DK": re.compile(r"\d{4}"),
    "NL": re.compile(r"\d{4}[A-Z]{2}"),
}
_ISLANDS = {
    "DE": ("25849", "25863", "25938", "25980", "26465", "26548", "26757", "27498"),
    "DK": ("3720", "3730", "3740", "3751", "3760", "3770", "3782", "3790"),
    "NL": ("1791", "8881", "8899", "9161", "9166"),
}
# How many days the ferry adds.
_ISLAND_DAYS = 1


class BadPostcode(ValueError):
    """A postcode that the country does not have."""


def normalise_postcode(written: str, country: str) -> str:
    """The postcode as it is stored: capital letters, no spaces, no country in front. Raises BadPostcode.

    A country without a known form takes any postcode that has a letter or a digit.
    """
    text = re.sub(r"[\s\-]+", "", written).upper().removeprefix(country)
    form = _FORMS.get(country)
    if (form is None and not text) or (form is not None and not form.fullmatch(text)):
        raise BadPostcode(f"{written!r} is no postcode of {country!r}")
    return text


def is_island(postcode: str, country: str) -> bool:
    """Whether parcels go there by ferry. Takes a normalised postcode."""
    return postcode.startswith(_ISLANDS.get(country, ()))


def extra_days(postcode: str, country: str) -> int:
    """Working days that a place adds to what a carrier promises."""
    return _ISLAND_DAYS if is_island(postcode, country) else 0


def route_of(carrier: str, depot: str, postcode: str) -> str:
    """The route whose past deliveries an estimate is learnt from."""
    return f"{carrier}:{depot[:2].upper()}:{postcode[:2]}"
