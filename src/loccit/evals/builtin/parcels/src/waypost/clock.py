"""Days on which carriers work, and the one place that asks what time it is."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta

# Fixed holidays by country, as (month, day). Movable ones hang on Easter and are computed.
_FIXED = {
    "DE": {(1, 1), (5, 1), (10, 3), (12, 25), (12, 26)},
    "DK": {(1, 1), (6, 5), (12, 24), (12, 25), (12, 26)},
    "NL": {(1, 1), (4, 27), (12, 25), (12, 26)},
}
# Days after Easter Sunday: Good Friday, Easter Monday, Ascension, Whit Monday.
_AFTER_EASTER = {
    "DE": {-2, 1, 39, 50},
    "DK": {-3, -2, 1, 39, 50},
    "NL": {1, 39, 50},
}


def now() -> int:
    """Seconds since the epoch. Tests replace this function and nothing else."""
    return int(time.time())


def day_of(moment: int) -> date:
    """The UTC day of a moment."""
    return datetime.fromtimestamp(moment, UTC).date()


def easter(year: int) -> date:
    """Easter Sunday in the Gregorian calendar, by the method of Meeus, Jones and Butcher."""
    a, b, c = year % 19, year // 100, year % 100
    d, e = b // 4, b % 4
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = c // 4, c % 4
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = (a + 11 * h + 22 * m) // 451
    month, day = divmod(h + m - 7 * n + 114, 31)
    return date(year, month, day + 1)


def is_holiday(day: date, country: str) -> bool:
    """Whether it is a public holiday. A country that is not listed has none."""
    if (day.month, day.day) in _FIXED.get(country, set()):
        return True
    return (day - easter(day.year)).days in _AFTER_EASTER.get(country, set())


def is_working_day(day: date, country: str, *, saturdays: bool) -> bool:
    """Whether a carrier delivers on that day; Sundays never."""
    if day.weekday() == 6 or (day.weekday() == 5 and not saturdays):
        return False
    return not is_holiday(day, country)


def add_working_days(start: date, days: int, country: str, *, saturdays: bool) -> date:
    """The day that is so many working days after the start. 0 is the start, or the next working day."""
    day = start
    while not is_working_day(day, country, saturdays=saturdays):
        day += timedelta(days=1)
    for _ in range(days):
        day += timedelta(days=1)
        while not is_working_day(day, country, saturdays=saturdays):
            day += timedelta(days=1)
    return day


def count_working_days(start: date, end: date, country: str, *, saturdays: bool) -> int:
    """How many working days lie after the start, up to and including the end."""
    if end < start:
        raise ValueError(f"the end {end} is before the start {start}")
    days = ((start + timedelta(days=n)) for n in range(1, (end - start).days + 1))
    return sum(is_working_day(day, country, saturdays=saturdays) for day in days)
