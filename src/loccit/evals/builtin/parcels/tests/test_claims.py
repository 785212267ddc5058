from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

from waypost.claims import Kind, claim_for
from waypost.events import Code, Scan
from waypost.settings import ClaimSettings
from waypost.store import Parcel
from waypost.timeline import make_timeline

PARCEL = Parcel("NL480015576", "northline", "shop", "24937", "DE", 900, 8000, 2, 0)


def at(day: int, hour: int = 9) -> int:
    return int(datetime(2025, 3, day, hour, tzinfo=UTC).timestamp())


def scan(code: Code, moment: int) -> Scan:
    return Scan(moment, moment, 0, PARCEL.number, code)


def claim(scans: list[Scan], today: date, parcel: Parcel = PARCEL):
    return claim_for(parcel, make_timeline(scans), 600, today, ClaimSettings())


def test_each_day_of_delay_is_a_quarter_of_the_shipping() -> None:
    found = claim([scan(Code.ACCEPTED, at(3)), scan(Code.DELIVERED, at(7))], date(2025, 3, 8))
    assert found is not None
    assert (found.kind, found.cents) == (Kind.LATE, 300)


def test_a_missed_visit_is_not_the_carriers_delay() -> None:
    scans = [scan(Code.ACCEPTED, at(3)), scan(Code.NOT_MET, at(5)), scan(Code.DELIVERED, at(6))]
    assert claim(scans, date(2025, 3, 8)) is None


def test_ten_silent_working_days_are_a_loss() -> None:
    scans = [scan(Code.ACCEPTED, at(3))]
    assert claim(scans, date(2025, 3, 16)) is None
    found = claim(scans, date(2025, 3, 17))
    assert found is not None
    assert (found.kind, found.cents) == (Kind.LOST, 8600)


def test_nothing_declared_is_worth_twenty_five() -> None:
    found = claim([scan(Code.LOST, at(3))], date(2025, 3, 4), replace(PARCEL, declared_cents=0))
    assert found is not None
    assert found.cents == 2500 + 600


def test_damage_has_to_be_claimed_within_a_week() -> None:
    scans = [scan(Code.ACCEPTED, at(3)), scan(Code.DAMAGED, at(4)), scan(Code.DELIVERED, at(5))]
    assert claim(scans, date(2025, 3, 12)) is not None
    assert claim(scans, date(2025, 3, 13)) is None
