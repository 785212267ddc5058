"""The gate between carriers and the store: what makes no sense is put aside, never raised."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from waypost import clock
from waypost.carriers.base import Carrier, Message, UnknownCode
from waypost.numbers import BadNumber
from waypost.settings import IntakeSettings
from waypost.store import Store, Transaction, UnknownParcel
from waypost.text import plain
from waypost.timeline import changes_between
from waypost.webhooks import enqueue_change


@dataclass(slots=True)
class Taken:
    """What became of a batch of messages."""

    stored: int = 0
    repeated: int = 0
    aside: dict[str, int] = field(default_factory=dict)

    def put_aside(self, reason: str) -> None:
        """Count one that could not be stored."""
        self.aside[reason] = self.aside.get(reason, 0) + 1


class Intake:
    """Checks what carriers send, stores it, and has receivers told when a state changes."""

    def __init__(self, store: Store, settings: IntakeSettings) -> None:
        self._store = store
        self._settings = settings

    def take(self, carrier: Carrier, messages: Iterable[Message]) -> Taken:
        """Store the messages in batches of 500, each in one transaction."""
        taken = Taken()
        batch: list[Message] = []
        for message in messages:
            batch.append(message)
            if len(batch) == 500:
                self._take_batch(carrier, batch, taken)
                batch.clear()
        if batch:
            self._take_batch(carrier, batch, taken)
        return taken

    def _take_batch(self, carrier: Carrier, batch: list[Message], taken: Taken) -> None:
        with self._store.writing() as transaction:
            for message in batch:
                reason = self._take_one(transaction, carrier, message, taken)
                if reason:
                    transaction.put_aside(carrier.name, reason, plain(message.raw), clock.now())
                    taken.put_aside(reason)

    def _take_one(self, transaction: Transaction, carrier: Carrier, message: Message, taken: Taken) -> str:
        """Store one message; why not, or an empty text."""
        received_at = clock.now()
        try:
            scan = carrier.scan_of(message, received_at)
        except UnknownCode:
            return "unknown_code"
        except BadNumber:
            return "bad_number"
        if self._is_from_the_future(scan.happened_at, received_at):
            return "future"
        window_s = self._settings.repeat_window_minutes * 60
        try:
            before = transaction.timeline(scan.number, window_s=window_s)
        except UnknownParcel:
            return "unknown_parcel"
        if any(scan.repeats(other, window_s=window_s) for other in before.scans):
            taken.repeated += 1
            return ""
        transaction.add_scan(scan)
        grams = carrier.weight_of(message)
        if grams is not None:
            transaction.set_weight(scan.number, grams)
        taken.stored += 1
        change = changes_between(before, transaction.timeline(scan.number, window_s=window_s))
        if change is not None:
            enqueue_change(transaction, scan.number, *change, at=received_at)
        return ""

    def _is_from_the_future(self, happened_at: int, received_at: int) -> bool:
        """Whether a scan claims to be made later than any sane clock could say."""
        return happened_at > received_at + self._settings.future_tolerance_hours * 3600
