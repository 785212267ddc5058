"""What a carrier's module has to know."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import time
from typing import Protocol
from zoneinfo import ZoneInfo

from waypost.events import Scan


class UnknownCode(ValueError):
    """A carrier's code that its module does not list."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a carrier: its fields by name, and the whole of it as it came."""

    raw: str
    fields: dict[str, str] = field(default_factory=dict)


class Carrier(Protocol):
    """A carrier. `zone` is that of its depots; what is accepted after `cut_off` there leaves on the next day.

    `promised_days` are working days by the receiver's country; into other countries it does not deliver.
    """

    name: str
    zone: ZoneInfo
    delivers_on_saturdays: bool
    cut_off: time
    promised_days: dict[str, int]

    def read_file(self, text: str) -> list[Message]:
        """The messages in a file of the carrier's; a line that cannot be read is one without fields."""
        ...

    def scan_of(self, message: Message, received_at: int) -> Scan:
        """The scan that a message tells of. Raises UnknownCode and BadNumber."""
        ...

    def weight_of(self, message: Message) -> int | None:
        """What the parcel weighs in grams, where the message says it."""
        ...
