from __future__ import annotations

from waypost.events import Code, Scan
from waypost.timeline import State, make_timeline


def scan(code: Code, at: int, *, received: int | None = None, depot: str = "") -> Scan:
    return Scan(at, at if received is None else received, 0, "NL480015576", code, depot)


def test_a_late_scan_does_not_undo_a_delivery() -> None:
    delivered = scan(Code.DELIVERED, 5000)
    late = scan(Code.ARRIVED, 1000, received=9000, depot="Hafen")
    assert make_timeline([delivered, late]).state is State.DELIVERED


def test_scans_after_a_delivery_change_nothing() -> None:
    assert make_timeline([scan(Code.DELIVERED, 1000), scan(Code.ON_VAN, 2000)]).state is State.DELIVERED


def test_a_lost_parcel_that_is_scanned_again_was_found() -> None:
    found = make_timeline([scan(Code.LOST, 1000), scan(Code.ARRIVED, 2000, depot="Hafen")])
    assert found.state is State.UNDER_WAY


def test_repeats_within_ten_minutes_are_one_scan() -> None:
    twice = [scan(Code.LEFT, 1000, depot="Hafen"), scan(Code.LEFT, 1500, depot="Hafen")]
    assert len(make_timeline(twice).scans) == 1


def test_the_same_code_at_another_depot_is_no_repeat() -> None:
    two = [scan(Code.LEFT, 1000, depot="Hafen"), scan(Code.LEFT, 1500, depot="Heide")]
    assert len(make_timeline(two).scans) == 2


def test_damage_is_no_state() -> None:
    damaged = make_timeline([scan(Code.ON_VAN, 1000), scan(Code.DAMAGED, 1100)])
    assert damaged.state is State.OUT_FOR_DELIVERY
    assert damaged.is_damaged
