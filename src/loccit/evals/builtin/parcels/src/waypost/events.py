"""Scans: what a carrier says has happened to a parcel, in our own codes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Code(StrEnum):
    """What happened. Each carrier's module maps the carrier's own codes to these."""

    ANNOUNCED = "AN"
    ACCEPTED = "AC"
    ARRIVED = "AR"
    LEFT = "LE"
    ON_VAN = "OV"
    NOT_MET = "NM"
    AT_SHOP = "AS"
    DELIVERED = "DL"
    DAMAGED = "DA"
    RETURNING = "RE"
    RETURNED = "RD"
    LOST = "LO"


# Nothing that happens to a parcel afterwards can undo these.
FINAL = frozenset({Code.DELIVERED, Code.RETURNED, Code.LOST})

TEXTS = {
    Code.ANNOUNCED: "Announced by the shop",
    Code.ACCEPTED: "Accepted",
    Code.ARRIVED: "Arrived at {depot}",
    Code.LEFT: "Left {depot}",
    Code.ON_VAN: "On the van",
    Code.NOT_MET: "Nobody was there",
    Code.AT_SHOP: "Waiting at a parcel shop",
    Code.DELIVERED: "Delivered",
    Code.DAMAGED: "Damaged on the way",
    Code.RETURNING: "On the way back",
    Code.RETURNED: "Returned to the shop",
    Code.LOST: "Lost",
}


@dataclass(frozen=True, slots=True, order=True)
class Scan:
    """One scan. Sorted by when it happened, then by when it came; `seq` is 0 while it is not stored."""

    happened_at: int
    received_at: int
    seq: int
    number: str
    code: Code
    depot: str = ""
    detail: str = ""

    @property
    def text(self) -> str:
        """What a customer reads."""
        return TEXTS[self.code].format(depot=self.depot or "a depot")

    def repeats(self, other: Scan, *, window_s: int) -> bool:
        """Whether both are one scan that was sent twice: same parcel, code and depot, close together."""
        return (
            self.number == other.number
            and self.code == other.code
            and self.depot == other.depot
            and abs(self.happened_at - other.happened_at) <= window_s
        )
