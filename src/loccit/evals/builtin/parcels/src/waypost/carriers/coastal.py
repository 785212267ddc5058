"""Coastal: single scans pushed as JSON lines, times in Copenhagen without a zone, weights in decagrams."""

from __future__ import annotations

import json
from datetime import UTC, datetime, time
from typing import ClassVar
from zoneinfo import ZoneInfo

from waypost.carriers.base import Message, UnknownCode
from waypost.events import Code, Scan
from waypost.numbers import parse_number

_ZONE = ZoneInfo("Europe/Copenhagen")
_CODES = {
    "registered": Code.ANNOUNCED,
    "taken": Code.ACCEPTED,
    "hub_in": Code.ARRIVED,
    "hub_out": Code.LEFT,
    "ferry_in": Code.ARRIVED,
    "ferry_out": Code.LEFT,
    "route": Code.ON_VAN,
    "absent": Code.NOT_MET,
    "pickup_point": Code.AT_SHOP,
    "handed_over": Code.DELIVERED,
    "broken": Code.DAMAGED,
    "return_started": Code.RETURNING,
    "return_done": Code.RETURNED,
    "missing": Code.LOST,
}


class Coastal:
    """See `Carrier`."""

    name = "coastal"
    zone = _ZONE
    delivers_on_saturdays = True
    cut_off = time(15, 30)
    promised_days: ClassVar = {"DE": 3, "DK": 1, "NL": 4}

    def read_file(self, text: str) -> list[Message]:
        """See `Carrier`. Each line is one JSON object."""
        return [self._message(line) for line in text.splitlines() if line.strip()]

    def _message(self, line: str) -> Message:
        try:
            document = json.loads(line)
        except ValueError:
            return Message(line)
        if not isinstance(document, dict):
            return Message(line)
        return Message(line, {str(key): str(value) for key, value in document.items()})

    def scan_of(self, message: Message, received_at: int) -> Scan:
        """See `Carrier`."""
        fields = message.fields
        code = _CODES.get(fields.get("event", ""))
        if code is None:
            raise UnknownCode(message.raw)
        return Scan(
            happened_at=local_moment(fields["when"]),
            received_at=received_at,
            seq=0,
            number=parse_number(fields["parcel"]).text,
            code=code,
            depot=fields.get("hub", "").strip().title(),
            detail=fields.get("remark", "").strip(),
        )

    def weight_of(self, message: Message) -> int | None:
        """See `Carrier`."""
        return weight_in_grams(message.fields.get("mass", ""))


def local_moment(written: str) -> int:
    """Seconds since the epoch of a local time as `2025-03-03 16:20:05`.

    In the hour that comes twice in autumn it is the second one: ferries that night leave by the new time.
    """
    local = datetime.strptime(written, "%Y-%m-%d %H:%M:%S").replace(tzinfo=_ZONE, fold=1)
    return int(local.astimezone(UTC).timestamp())


def weight_in_grams(written: str) -> int | None:
    """A weight as `235` in decagrams; None where it is empty or zero."""
    text = written.strip()
    grams = int(text) * 10 if text else 0
    return grams or None
