"""Days and times of day as people and programs write them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

_MONTHS: Sequence[str] = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_WRITTEN = (
    re.compile(r"(?<!\d)(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})(?!\d)"),
    re.compile(rf"(?i)\b{_MONTH}\.? {_DAY}\b(?:,? (?P<year>\d{{4}})\b)?"),
    re.compile(rf"(?i)\b{_DAY}(?: of)? {_MONTH}\b(?:,? (?P<year>\d{{4}})\b)?"),
)
_MONTH_OF_YEAR = re.compile(rf"(?i)\b{_MONTH},? \d{{4}}\b")
_CLOCK = re.compile(r"\d{1,2}:\d{2}(?::\d{2})?")
_TIME = re.compile(
    r"(?i)(?<![\d:.])(?P<hour>\d{1,2})(?::(?P<minute>\d{2}))?(?::\d{2})?(?: ?(?P<half>[ap])\.?m\b)?(?![\d:])"
)
_MOMENT = re.compile(r"(?P<day>\d{4}-\d{2}-\d{2})?[T ]?(?P<time>\d{1,2}:\d{2})?(?::\d{2})?(?:Z|[+-]00:00)?")


@lru_cache(maxsize=200)
def dates_in(text: str) -> frozenset[str]:
    """The days that a text names: `2026-01-31`, or `01-31` where it says no year."""
    days: set[str] = set()
    for pattern in _WRITTEN:
        for match in pattern.finditer(text):
            month = match["month"]
            number = int(month) if month.isdigit() else _MONTHS.index(month[:3].lower()) + 1
            day = int(match["day"])
            if 1 <= number <= 12 and 1 <= day <= 31:
                year = f"{match['year']}-" if match["year"] else ""
                days.add(f"{year}{number:02}-{day:02}")
    return frozenset(days)


def without_dates(text: str) -> str:
    """The text without the days that it names, without months with their year, and without times of day."""
    for pattern in (*_WRITTEN, _MONTH_OF_YEAR, _CLOCK):
        text = pattern.sub(" ", text)
    return text


@lru_cache(maxsize=200)
def times_in(text: str) -> frozenset[str]:
    """The times of day that a text names, in 24 hours: `14:00`."""
    times: set[str] = set()
    for match in _TIME.finditer(text):
        if match["minute"] is None and match["half"] is None:
            continue
        hour, minute = int(match["hour"]), int(match["minute"] or 0)
        if match["half"]:
            hour = hour % 12 + (12 if match["half"].lower() == "p" else 0)
        if hour < 24 and minute < 60:
            times.add(f"{hour:02}:{minute:02}")
    return frozenset(times)


def parse_moment(text: str) -> tuple[str, str] | None:
    """The day and the time of day that a text is; either may be empty. None for anything else."""
    match = _MOMENT.fullmatch(text)
    if match is not None and (match["day"] or match["time"]):
        return match["day"] or "", next(iter(times_in(match["time"] or "")), "")
    days = dates_in(text)
    if len(days) == 1 and any(pattern.fullmatch(text) for pattern in _WRITTEN):
        return next(iter(days)), ""
    return None
