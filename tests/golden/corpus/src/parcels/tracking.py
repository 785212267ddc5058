"""Where is my parcel?"""

from dataclasses import dataclass, field
from datetime import datetime

STATES = ("announced", "accepted", "sorted", "loaded", "delivered", "lost")


class ParcelNotFound(KeyError):
    """Nobody has seen a parcel with this number."""


@dataclass
class Scan:
    """A parcel passed a scanner: which, where and when."""

    number: int
    depot: str
    state: str
    at: datetime


@dataclass
class Tracker:
    """Knows the scans of every parcel, in the order in which they came in."""

    scans: dict = field(default_factory=dict)

    def record(self, scan):
        """Keep a scan. A state that is none is refused."""
        if scan.state not in STATES:
            raise ValueError(f"unknown state {scan.state!r}, expected one of {', '.join(STATES)}")
        self.scans.setdefault(scan.number, []).append(scan)

    def locate(self, number):
        """The last scan of a parcel: where it was seen, and when."""
        if number not in self.scans:
            raise ParcelNotFound(f"no parcel with number {number} was ever scanned")
        return self.scans[number][-1]

    def is_lost(self, number, now, patience_days=10):
        """Whether a parcel was declared lost, or has not been scanned for longer than our patience."""
        last = self.locate(number)
        return last.state == "lost" or (now - last.at).days > patience_days
