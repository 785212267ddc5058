"""Whether a delivery comes from the tracker that it names."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Mapping

# Standard Webhooks: how far a signed time may be from ours.
_TOLERANCE_S = 300.0
_SIGNING_PREFIX = "whsec_"
_MOST_SIGNATURES = 10


def is_from_github(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """By `X-Hub-Signature-256`: HMAC-SHA256 over the bytes of the body. The SHA-1 beside it says nothing."""
    shown = headers.get("x-hub-signature-256", "")
    return _same(shown, "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest())


def is_from_gitlab(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """By `webhook-signature` (Standard Webhooks) where the secret is a signing token, `whsec_…`; else by
    `X-Gitlab-Token`, which is the secret itself.
    """
    if not secret.startswith(_SIGNING_PREFIX):
        return _same(headers.get("x-gitlab-token", ""), secret)
    try:
        key = base64.b64decode(secret.removeprefix(_SIGNING_PREFIX), validate=True)
        sent_at = int(headers.get("webhook-timestamp", ""))
    except (binascii.Error, ValueError):
        return False
    if abs(time.time() - sent_at) > _TOLERANCE_S:
        return False
    signed = f"{headers.get('webhook-id', '')}.{sent_at}.".encode("utf-8", "replace") + body
    right = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode("ascii")
    shown = headers.get("webhook-signature", "").split(" ")[:_MOST_SIGNATURES]
    # Every one is compared: where it stops says nothing of where it is.
    return sum(_same(one, right) for one in shown) > 0


def _same(shown: str, right: str) -> bool:
    return hmac.compare_digest(shown.encode("utf-8", "replace"), right.encode("utf-8", "replace"))
