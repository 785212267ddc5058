"""What all scans of a parcel say together: in order, without repeats, and which state that is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from waypost.events import FINAL, Code, Scan


class State(StrEnum):
    """Where a parcel is, as far as a customer cares."""

    ANNOUNCED = "announced"
    UNDER_WAY = "under_way"
    OUT_FOR_DELIVERY = "out_for_delivery"
    WAITING = "waiting"
    DELIVERED = "delivered"
    GOING_BACK = "going_back"
    RETURNED = "returned"
    LOST = "lost"


_STATES = {
    Code.ANNOUNCED: State.ANNOUNCED,
    Code.ACCEPTED: State.UNDER_WAY,
    Code.ARRIVED: State.UNDER_WAY,
    Code.LEFT: State.UNDER_WAY,
    Code.ON_VAN: State.OUT_FOR_DELIVERY,
    Code.NOT_MET: State.WAITING,
    Code.AT_SHOP: State.WAITING,
    Code.DELIVERED: State.DELIVERED,
    Code.RETURNING: State.GOING_BACK,
    Code.RETURNED: State.RETURNED,
    Code.LOST: State.LOST,
}
# A parcel that was given up may turn up again; these scans prove that it did.
_FOUND_AGAIN = frozenset({Code.ARRIVED, Code.ON_VAN, Code.DELIVERED})


@dataclass(frozen=True, slots=True)
class Timeline:
    """The scans of one parcel by the time at which they happened, without repeats."""

    scans: tuple[Scan, ...]

    @property
    def state(self) -> State:
        """The state after all scans."""
        return state_of(self.scans)

    @property
    def accepted_at(self) -> int | None:
        """When the carrier took it over; None before that."""
        return next((scan.happened_at for scan in self.scans if scan.code is Code.ACCEPTED), None)

    @property
    def delivered_at(self) -> int | None:
        """When it was handed over; None where it was not."""
        return next((scan.happened_at for scan in self.scans if scan.code is Code.DELIVERED), None)

    @property
    def is_damaged(self) -> bool:
        """Whether any scan says so. Damage is no state: a damaged parcel still travels."""
        return any(scan.code is Code.DAMAGED for scan in self.scans)

    @property
    def missed_visits(self) -> int:
        """How often nobody was there."""
        return sum(scan.code is Code.NOT_MET for scan in self.scans)

    def last_depot(self) -> str:
        """The depot that saw it last; empty where none did."""
        return next((scan.depot for scan in reversed(self.scans) if scan.depot), "")


def make_timeline(scans: Iterable[Scan], *, window_s: int = 600) -> Timeline:
    """The timeline of one parcel's scans, which may come in any order and more than once.

    Of repeats the one that was received first is kept.
    """
    kept: list[Scan] = []
    for scan in sorted(scans, key=lambda scan: (scan.received_at, scan.seq)):
        if not any(scan.repeats(other, window_s=window_s) for other in kept):
            kept.append(scan)
    return Timeline(tuple(sorted(kept)))


def state_of(scans: Iterable[Scan]) -> State:
    """The state after these scans, which are in order.

    A final code stands, whatever comes later, with one exception: a lost parcel that is scanned again was
    found. Damage changes no state.
    """
    state = State.ANNOUNCED
    final: Code | None = None
    for scan in scans:
        if scan.code is Code.DAMAGED:
            continue
        if final is Code.LOST and scan.code in _FOUND_AGAIN:
            final = None
        if final is not None:
            continue
        state = _STATES[scan.code]
        final = scan.code if scan.code in FINAL else None
    return state


def changes_between(before: Timeline, after: Timeline) -> tuple[State, State] | None:
    """The states before and after, where they differ."""
    old, new = before.state, after.state
    return None if old is new else (old, new)
