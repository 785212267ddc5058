"""Northline: an hourly file, fields separated by semicolons, times in Berlin without a zone."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, time
from typing import ClassVar
from zoneinfo import ZoneInfo

from waypost.carriers.base import Message, UnknownCode
from waypost.events import Code, Scan
from waypost.numbers import parse_number

_ZONE = ZoneInfo("Europe/Berlin")
_FIELDS = ("number", "code", "depot", "day", "time", "weight", "note")
_CODES = {
    "100": Code.ANNOUNCED,
    "110": Code.ACCEPTED,
    "200": Code.ARRIVED,
    "210": Code.LEFT,
    "300": Code.ON_VAN,
    "310": Code.NOT_MET,
    "320": Code.AT_SHOP,
    "400": Code.DELIVERED,
    "410": Code.DELIVERED,  # to a neighbour
    "500": Code.DAMAGED,
    "600": Code.RETURNING,
    "610": Code.RETURNED,
    "900": Code.LOST,
}


class Northline:
    """See `Carrier`."""

    name = "northline"
    zone = _ZONE
    delivers_on_saturdays = False
    cut_off = time(17, 0)
    promised_days: ClassVar = {"DE": 2, "DK": 3, "NL": 3}

    def read_file(self, text: str) -> list[Message]:
        """See `Carrier`. The first line holds names and the last one a count; both are left out."""
        lines = text.splitlines()[1:]
        if lines and lines[-1].startswith("END;"):
            lines.pop()
        return [self._message(line) for line in lines if line.strip()]

    def _message(self, line: str) -> Message:
        values = next(csv.reader(io.StringIO(line), delimiter=";"))
        if len(values) != len(_FIELDS):
            return Message(line)
        return Message(line, dict(zip(_FIELDS, values, strict=True)))

    def scan_of(self, message: Message, received_at: int) -> Scan:
        """See `Carrier`."""
        fields = message.fields
        code = _CODES.get(fields.get("code", ""))
        if code is None:
            raise UnknownCode(message.raw)
        return Scan(
            happened_at=local_moment(fields["day"], fields["time"]),
            received_at=received_at,
            seq=0,
            number=parse_number(fields["number"]).text,
            code=code,
            depot=fields["depot"].strip().title(),
            detail=fields["note"].strip(),
        )

    def weight_of(self, message: Message) -> int | None:
        """See `Carrier`."""
        return weight_in_grams(message.fields.get("weight", ""))


def local_moment(day: str, clock_time: str) -> int:
    """Seconds since the epoch of a local time as `03.03.2025` and `16:20`.

    In the hour that comes twice in autumn it is the first one: Northline's depots are closed in the second.
    """
    local = datetime.strptime(f"{day} {clock_time}", "%d.%m.%Y %H:%M").replace(tzinfo=_ZONE, fold=0)
    return int(local.astimezone(UTC).timestamp())


def weight_in_grams(written: str) -> int | None:
    """A weight as `2,350` in kilograms with a decimal comma; None where it is empty or zero."""
    text = written.strip().replace(".", "").replace(",", ".")
    grams = round(float(text) * 1000) if text else 0
    return grams or None
