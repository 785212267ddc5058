"""What alerts say: which of them fire, since when, and whether those who want to know were told.

The state is in the database, so a restart repeats nothing, and of several processes that check at once one
delivers. A change that could not be delivered waits for the next check.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import time
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from loccit.telemetry.redaction import redact

if TYPE_CHECKING:
    import httpx
    from sqlalchemy import Connection

    from loccit.storage.database import Database

FORMAT = "loccit-alert/1"
State = Literal["firing", "resolved"]

_POSTGRESQL_LOCK = 7_142_026
# A process that was killed while it delivered is waited for no longer than this.
_CLAIMED_S = 120.0
_REMEMBERED_S = 30 * 86_400.0
_LONGEST_SUBJECT = 400
_AGAIN = frozenset({408, 425, 429})
_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 20.0


@dataclass(frozen=True, slots=True)
class Reading:
    """What a rule says of one subject now.

    `fires` and `clears` may both be false: then nothing changes, as where there is too little to tell, or
    between the bound at which it fires and the one at which it is over.
    """

    rule: str
    kind: str
    subject: str
    value: float
    bound: float
    fires: bool
    clears: bool
    message: str


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert as it stands. `since` is when it came to this state, in seconds since the epoch; `event` names
    that change; `delivered_at` is None while it waits to be delivered.
    """

    rule: str
    kind: str
    subject: str
    state: State
    since: float
    value: float
    bound: float
    message: str
    event: str
    delivered_at: float | None


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where changes are sent. `secret` signs them; empty: they are not signed."""

    url: str
    secret: str = ""
    timeout_s: float = 10.0
    attempts: int = 5


class AlertStore:
    """The states of alerts. Processes may share the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self) -> tuple[Alert, ...]:
        """Every alert that fires, or did in the last 30 days: those that fire first, then the newest."""
        from sqlalchemy import select

        from loccit.storage.tables import alerts

        query = select(*_columns()).order_by(alerts.c.state, alerts.c.since.desc(), alerts.c.rule)
        with self._database.reading() as connection:
            return tuple(Alert(**row) for row in connection.execute(query).mappings())

    def apply(self, readings: Sequence[Reading], rules: Collection[str], now: float) -> None:
        """Note what has changed: what fires now and did not, and what fired and is over.

        `rules` are those that there are: what another one said is over, as is what a rule said of a subject
        that it does not speak of any more.
        """
        from loccit.storage.tables import alerts

        found = {(one.rule, one.subject[:_LONGEST_SUBJECT]): one for one in readings}
        with self._database.writing() as connection:
            self._lock(connection)
            known = {(row["rule"], row["subject"]): row for row in _rows(connection)}
            for (rule, subject), reading in found.items():
                row = known.get((rule, subject))
                is_firing = row is not None and row["state"] == "firing"
                if reading.fires and not is_firing:
                    _put(connection, reading, subject, "firing", now)
                elif reading.clears and is_firing:
                    _put(connection, reading, subject, "resolved", now)
            for (rule, subject), row in known.items():
                if row["state"] == "firing" and (rule, subject) not in found:
                    gone = "the rule is gone" if rule not in rules else "there is nothing of it any more"
                    over = Reading(rule, row["kind"], subject, row["value"], row["bound"], False, True, gone)
                    _put(connection, over, subject, "resolved", now)
            old = (alerts.c.state == "resolved") & (alerts.c.since < now - _REMEMBERED_S)
            connection.execute(alerts.delete().where(old))

    def claim(self, now: float) -> tuple[Alert, ...]:
        """The changes that wait to be delivered and that no other process delivers, for this one to do."""
        from sqlalchemy import select

        from loccit.storage.tables import alerts

        with self._database.writing() as connection:
            self._lock(connection)
            waiting = alerts.c.delivered_at.is_(None) & (alerts.c.claimed_until < now)
            found = [
                Alert(**row) for row in connection.execute(select(*_columns()).where(waiting)).mappings()
            ]
            connection.execute(alerts.update().where(waiting).values(claimed_until=now + _CLAIMED_S))
        return tuple(sorted(found, key=lambda alert: (alert.since, alert.rule, alert.subject)))

    def settle(self, alert: Alert, *, delivered_at: float | None) -> None:
        """A change was delivered, or was not and waits for the next check."""
        from loccit.storage.tables import alerts

        with self._database.writing() as connection:
            same = alerts.c.event == alert.event
            values = {"delivered_at": delivered_at, "claimed_until": 0.0}
            connection.execute(alerts.update().where(same).values(**values))

    def of(self, subjects: Collection[str]) -> tuple[Alert, ...]:
        """What was said of these subjects."""
        return tuple(alert for alert in self.list() if alert.subject in subjects)

    def forget(self, subjects: Collection[str]) -> int:
        """Forget what was said of these subjects; how many alerts there were."""
        from loccit.storage.tables import alerts

        with self._database.writing() as connection:
            return connection.execute(alerts.delete().where(alerts.c.subject.in_(subjects))).rowcount

    def _lock(self, connection: Connection) -> None:
        from sqlalchemy import text

        if not self._database.is_sqlite:
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_POSTGRESQL_LOCK})"))


@dataclass(frozen=True, slots=True)
class Delivery:
    """A change that those who want to know were told of; `problem` says why they were not, else it is
    empty.
    """

    alert: Alert
    problem: str


def deliver_waiting(store: AlertStore, webhook: Webhook | None, *, version: str) -> tuple[Delivery, ...]:
    """Send every change that waits, in order; what could not be sent waits for the next time.

    Without a webhook nobody is told but those who ask, and nothing waits. Raises StorageFailed.
    """
    done: list[Delivery] = []
    for alert in store.claim(time.time()):
        problem = "" if webhook is None else send(webhook, alert, version=version)
        store.settle(alert, delivered_at=None if problem else time.time())
        done.append(Delivery(alert, problem))
    return tuple(done)


def document_of(alert: Alert, *, version: str) -> dict[str, Any]:
    """What is sent of a change: the document `loccit-alert/1`."""
    return {
        "format": FORMAT,
        "event": alert.event,
        "rule": alert.rule,
        "kind": alert.kind,
        "subject": alert.subject,
        "state": alert.state,
        "since": datetime.fromtimestamp(alert.since, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "value": alert.value,
        "bound": alert.bound,
        "message": alert.message,
        "loccit": version,
    }


def send(webhook: Webhook, alert: Alert, *, version: str) -> str:
    """Post a change as JSON, again and again with longer pauses while the receiver is away or overloaded.

    Empty where it was taken, else why not. Signed as https://www.standardwebhooks.com has it, so that the
    receiver knows the sender, and a repeated message by its id.
    """
    import httpx
    from stamina import retry_context

    body = json.dumps(document_of(alert, version=version), ensure_ascii=False).encode()
    logging.getLogger("stamina").addHandler(logging.NullHandler())
    try:
        attempts = retry_context(
            on=_may_help,
            attempts=webhook.attempts,
            timeout=webhook.timeout_s * webhook.attempts,
            wait_initial=_FIRST_PAUSE_S,
            wait_max=_LONGEST_PAUSE_S,
            wait_jitter=_FIRST_PAUSE_S,
        )
        with httpx.Client(timeout=webhook.timeout_s, follow_redirects=False) as client:
            for attempt in attempts:
                with attempt:
                    headers = signed(webhook.secret, alert.event, body, int(time.time()))
                    client.post(webhook.url, content=body, headers=headers).raise_for_status()
    except httpx.HTTPStatusError as error:
        return f"{_address(webhook)} said {error.response.status_code}"
    except (httpx.RequestError, httpx.InvalidURL) as error:
        return f"{_address(webhook)} cannot be reached: {redact(str(error)) or type(error).__name__}"
    return ""


def signed(secret: str, event: str, body: bytes, at: int) -> dict[str, str]:
    """The headers of a message: its id, its time, and where there is a secret its signature.

    The signature is HMAC-SHA256 over `ID.TIME.BODY`; a secret `whsec_…` is base64, any other its own bytes.
    """
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "loccit",
        "webhook-id": event,
        "webhook-timestamp": str(at),
    }
    if secret:
        key = base64.b64decode(secret[6:]) if secret.startswith("whsec_") else secret.encode()
        mac = hmac.new(key, f"{event}.{at}.".encode() + body, hashlib.sha256).digest()
        headers["webhook-signature"] = f"v1,{base64.b64encode(mac).decode()}"
    return headers


def _may_help(error: Exception) -> bool:
    """Whether the same message may be taken later."""
    import httpx

    if isinstance(error, httpx.HTTPStatusError):
        return error.response.status_code >= 500 or error.response.status_code in _AGAIN
    return isinstance(error, httpx.TransportError)


def _address(webhook: Webhook) -> str:
    """The webhook's address without what may be secret in it: its path and query often are."""
    import httpx

    url: httpx.URL = httpx.URL(webhook.url)
    return f"the webhook at {url.host!r}"


def _columns() -> Sequence[Any]:
    from loccit.storage.tables import alerts

    return [column for column in alerts.c if column.name != "claimed_until"]


def _rows(connection: Connection) -> list[dict[str, Any]]:
    from sqlalchemy import select

    from loccit.storage.tables import alerts

    return [dict(row) for row in connection.execute(select(alerts)).mappings()]


def _put(connection: Connection, reading: Reading, subject: str, state: State, now: float) -> None:
    from loccit.storage.tables import alerts

    same = (alerts.c.rule == reading.rule) & (alerts.c.subject == subject)
    connection.execute(alerts.delete().where(same))
    row = {
        "rule": reading.rule,
        "subject": subject,
        "kind": reading.kind,
        "state": state,
        "since": now,
        "value": reading.value,
        "bound": reading.bound,
        "message": reading.message,
        "event": uuid.uuid4().hex,
        "delivered_at": None,
        "claimed_until": 0.0,
    }
    connection.execute(alerts.insert(), row)
