"""One suite for the states of alerts, over both databases: nobody is told twice, nor never."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from loccit.storage.database import Database
from loccit.telemetry.alerts import AlertStore, Reading, Webhook, deliver_waiting, signed
from tests.contract.postgresql import PostgreSQL, postgresql_server

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()


@pytest.fixture(scope="module")
def postgresql() -> Iterator[PostgreSQL]:
    with postgresql_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AlertStore]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'state.sqlite'}"
    else:
        url = request.getfixturevalue("postgresql").new_database()
    database = Database(url)
    yield AlertStore(database)
    database.close()


class Receiver:
    """A webhook's other end. It answers with the statuses in turn, then with 200."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(receiver.statuses.pop(0) if receiver.statuses else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook?token=swordfish"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def reading(fires: bool = True, *, clears: bool | None = None, subject: str = "") -> Reading:
    clears = not fires if clears is None else clears
    return Reading("slow", "latency", subject, 3.0, 2.0, fires, clears, "p95 is 3.00 s")


def states(store: AlertStore) -> dict[str, str]:
    return {alert.subject: alert.state for alert in store.list()}


def test_it_fires_once_and_is_over_once(store: AlertStore) -> None:
    events = []
    for fires in (False, True, True, False, False, True):
        store.apply([reading(fires)], {"slow"}, time.time())
        events += [done.alert.state for done in deliver_waiting(store, None, version="1")]
    assert events == ["firing", "resolved", "firing"]
    (alert,) = store.list()
    assert (alert.rule, alert.kind, alert.value, alert.bound) == ("slow", "latency", 3.0, 2.0)
    assert alert.delivered_at is not None


def test_where_a_rule_cannot_tell_nothing_changes(store: AlertStore) -> None:
    store.apply([reading(False, clears=False)], {"slow"}, 1.0)
    assert states(store) == {}
    store.apply([reading()], {"slow"}, 2.0)
    store.apply([reading(False, clears=False)], {"slow"}, 3.0)
    assert states(store) == {"": "firing"}


def test_subjects_fire_apart_and_one_that_is_gone_is_over(store: AlertStore) -> None:
    store.apply([reading(subject="a"), reading(subject="b")], {"slow"}, 1.0)
    store.apply([reading(subject="b")], {"slow"}, 2.0)
    assert states(store) == {"a": "resolved", "b": "firing"}
    store.apply([], set(), 3.0)
    assert states(store) == {"a": "resolved", "b": "resolved"}
    assert {alert.message for alert in store.list()} == {
        "there is nothing of it any more",
        "the rule is gone",
    }
    store.apply([], set(), 3.0 + 31 * 86_400)
    assert store.list() == ()


def test_a_change_reaches_a_receiver_that_fails_twice_and_is_signed(
    store: AlertStore, receiver: Receiver
) -> None:
    receiver.statuses = [503, 429]
    store.apply([reading()], {"slow"}, 1767607200.0)
    (done,) = deliver_waiting(store, Webhook(receiver.url, SECRET), version="1.2.3")
    assert done.problem == ""
    assert len(receiver.got) == 3
    headers, body = receiver.got[-1]
    assert json.loads(body) == {
        "format": "loccit-alert/1",
        "event": done.alert.event,
        "rule": "slow",
        "kind": "latency",
        "subject": "",
        "state": "firing",
        "since": "2026-01-05T10:00:00Z",
        "value": 3.0,
        "bound": 2.0,
        "message": "p95 is 3.00 s",
        "loccit": "1.2.3",
    }
    said = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    mac = hmac.new(b"0123456789abcdef01234567", said, hashlib.sha256).digest()
    assert headers["webhook-signature"] == f"v1,{base64.b64encode(mac).decode()}"
    assert {one["webhook-id"] for one, _ in receiver.got} == {done.alert.event}
    assert deliver_waiting(store, Webhook(receiver.url, SECRET), version="1.2.3") == ()


def test_what_could_not_be_delivered_is_delivered_the_next_time(
    store: AlertStore, receiver: Receiver
) -> None:
    """The problem names the host and not the address: that is a secret with many receivers."""
    receiver.statuses = [400]
    store.apply([reading()], {"slow"}, time.time())
    (done,) = deliver_waiting(store, Webhook(receiver.url), version="1")
    assert done.problem == "the webhook at '127.0.0.1' said 400"
    assert store.list()[0].delivered_at is None
    (done,) = deliver_waiting(store, Webhook(receiver.url), version="1")
    assert done.problem == ""
    assert len(receiver.got) == 2
    assert "webhook-signature" not in receiver.got[0][0]


def test_a_receiver_that_is_away_is_told_as_such(store: AlertStore) -> None:
    store.apply([reading()], {"slow"}, time.time())
    webhook = Webhook("http://127.0.0.1:9/hook?token=swordfish", attempts=2, timeout_s=1)
    (done,) = deliver_waiting(store, webhook, version="1")
    assert "'127.0.0.1' cannot be reached" in done.problem
    assert "swordfish" not in done.problem


def test_of_two_that_check_at_once_one_delivers(store: AlertStore, receiver: Receiver) -> None:
    store.apply([reading(subject=str(number)) for number in range(6)], {"slow"}, time.time())
    threads = [
        threading.Thread(target=deliver_waiting, args=(store, Webhook(receiver.url)), kwargs={"version": "1"})
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(json.loads(body)["subject"] for _, body in receiver.got) == sorted(map(str, range(6)))


def test_a_process_that_was_killed_amid_a_delivery_is_not_waited_for_for_ever(store: AlertStore) -> None:
    store.apply([reading()], {"slow"}, 1000.0)
    assert len(store.claim(1000.0)) == 1
    assert store.claim(1060.0) == ()
    assert len(store.claim(1121.0)) == 1


def test_a_change_that_came_meanwhile_is_not_settled_with_the_one_before(store: AlertStore) -> None:
    store.apply([reading()], {"slow"}, 1000.0)
    (first,) = store.claim(1000.0)
    store.apply([reading(False)], {"slow"}, 1001.0)
    store.settle(first, delivered_at=1002.0)
    (second,) = store.claim(1003.0)
    assert second.state == "resolved"


def test_what_was_said_of_a_subject_is_forgotten(store: AlertStore) -> None:
    store.apply([reading(subject="user ana per day"), reading(subject="b")], {"slow"}, 1.0)
    assert store.forget(["user ana per day", "user ana ever"]) == 1
    assert states(store) == {"b": "firing"}


def test_a_secret_that_is_no_base64_is_taken_as_it_is() -> None:
    headers = signed("plain", "e", b"{}", 7)
    mac = hmac.new(b"plain", b"e.7.{}", hashlib.sha256).digest()
    assert headers["webhook-signature"] == f"v1,{base64.b64encode(mac).decode()}"
