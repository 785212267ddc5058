"""Telling receivers about changes: signed, tried again with growing pauses, and given up at some point."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import json
import random
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from waypost.settings import WebhookSettings
from waypost.store import Transaction
from waypost.timeline import State

_GONE = 410


class Refused(ValueError):
    """An address that is not called: another scheme, or a private network."""


class Client(Protocol):
    """Sends a request to an address that was resolved before; the status of the answer. Raises OSError."""

    def post(self, url: str, address: str, body: bytes, headers: dict[str, str], timeout_s: float) -> int:
        """See the class."""
        ...


@dataclass(slots=True)
class Delivery:
    """One message that waits for one receiver."""

    id: int
    url: str
    secret: bytes
    body: bytes
    tries: int = 0
    due_at: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an attempt. `next_at` is when to try again, None where that is over."""

    is_delivered: bool
    next_at: int | None = None
    is_receiver_gone: bool = False


def enqueue_change(transaction: Transaction, number: str, old: State, new: State, *, at: int) -> int:
    """Have the shop of a parcel told that its state changed, in the transaction that changed it."""
    parcel = transaction.parcel(number)
    body = {"number": number, "from": old.value, "to": new.value, "change_id": at}
    return transaction.enqueue(parcel.shop, json.dumps(body, separators=(",", ":")).encode(), at)


def sign(body: bytes, secret: bytes, at: int) -> str:
    """The value of the header `Waypost-Signature`."""
    digest = hmac.new(secret, f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def check_signature(header: str, body: bytes, secret: bytes, now: int, *, tolerance_s: int = 300) -> bool:
    """Whether a header was made with this secret for this body, not longer ago than the tolerance.

    For receivers that are written in Python; the service itself never calls it.
    """
    parts = dict(part.split("=", 1) for part in header.split(",") if "=" in part)
    if not parts.get("t", "").isdigit() or abs(now - int(parts["t"])) > tolerance_s:
        return False
    # Constant time: a comparison that stops at the first difference tells how much of it was right.
    return hmac.compare_digest(sign(body, secret, int(parts["t"])), header)


def resolve(url: str, *, allow_private: bool) -> str:
    """The IP address that a receiver's URL leads to. Raises Refused, and OSError where it has none.

    The request goes to this very address: resolving the name again could give another one (DNS rebinding).
    """
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        raise Refused(f"{url!r} is not an https address")
    found = socket.getaddrinfo(parts.hostname, parts.port or 443, type=socket.SOCK_STREAM)
    address = str(found[0][4][0])
    if not allow_private and not ipaddress.ip_address(address).is_global:
        raise Refused(f"{url!r} leads to {address}, which is not public")
    return address


class Sender:
    """Makes one attempt at a time. `jitter` gives a number from 0 to 1."""

    def __init__(
        self, client: Client, settings: WebhookSettings, jitter: Callable[[], float] = random.random
    ) -> None:
        self._client = client
        self._settings = settings
        self._jitter = jitter

    def attempt(self, delivery: Delivery, now: int) -> Outcome:
        """Try to deliver a message once."""
        delivery.tries += 1
        try:
            address = resolve(delivery.url, allow_private=self._settings.allow_private)
            headers = {
                "Content-Type": "application/json",
                "Waypost-Signature": sign(delivery.body, delivery.secret, now),
            }
            status = self._client.post(
                delivery.url, address, delivery.body, headers, float(self._settings.timeout_s)
            )
        except Refused:
            return Outcome(is_delivered=False, is_receiver_gone=True)
        except OSError:
            return self._later(delivery, now)
        if 200 <= status < 300:
            return Outcome(is_delivered=True)
        if status == _GONE:
            return Outcome(is_delivered=False, is_receiver_gone=True)
        return self._later(delivery, now)

    def _later(self, delivery: Delivery, now: int) -> Outcome:
        if delivery.tries >= self._settings.attempts:
            return Outcome(is_delivered=False)
        return Outcome(is_delivered=False, next_at=now + self.pause(delivery.tries))

    def pause(self, tries: int) -> int:
        """Seconds until the next attempt: three times longer each time, up to the longest.

        Spread by up to a fifth, so that a receiver that comes back does not get everything in one second.
        """
        pause = min(self._settings.first_pause_s * 3 ** (tries - 1), self._settings.longest_pause_s)
        return round(pause * (1 + 0.2 * self._jitter()))
