from __future__ import annotations

import pytest

from waypost import webhooks
from waypost.settings import WebhookSettings
from waypost.webhooks import Delivery, Refused, Sender, check_signature, resolve, sign


class Answers:
    """A client that answers with these statuses, one after the other."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)

    def post(self, url, address, body, headers, timeout_s) -> int:
        return self.statuses.pop(0)


@pytest.fixture
def delivery(monkeypatch: pytest.MonkeyPatch) -> Delivery:
    monkeypatch.setattr(webhooks, "resolve", lambda url, allow_private: "192.0.2.1")
    return Delivery(1, "https://shop.example/hook", b"secret", b"{}")


def test_pauses_grow_threefold_up_to_six_hours() -> None:
    sender = Sender(Answers(), WebhookSettings(), jitter=lambda: 0.0)
    assert [sender.pause(tries) for tries in range(1, 9)] == [15, 45, 135, 405, 1215, 3645, 10935, 21600]


def test_a_receiver_that_is_gone_is_not_tried_again(delivery: Delivery) -> None:
    outcome = Sender(Answers(410), WebhookSettings()).attempt(delivery, 1000)
    assert outcome.is_receiver_gone
    assert outcome.next_at is None


def test_after_nine_attempts_it_is_given_up(delivery: Delivery) -> None:
    sender = Sender(Answers(*[500] * 9), WebhookSettings())
    outcomes = [sender.attempt(delivery, 1000) for _ in range(9)]
    assert all(outcome.next_at is not None for outcome in outcomes[:8])
    assert outcomes[8].next_at is None


def test_a_signature_holds_for_five_minutes() -> None:
    header = sign(b"{}", b"secret", 1000)
    assert check_signature(header, b"{}", b"secret", 1300)
    assert not check_signature(header, b"{}", b"secret", 1301)
    assert not check_signature(header, b"{ }", b"secret", 1000)


def test_addresses_without_encryption_or_in_private_networks_are_refused() -> None:
    with pytest.raises(Refused):
        resolve("http://shop.example/hook", allow_private=False)
    with pytest.raises(Refused):
        resolve("https://127.0.0.1/hook", allow_private=False)
