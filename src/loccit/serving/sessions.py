"""Logins to the page: a signed cookie that says who somebody is, until when."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from typing import Any, cast

from loccit.core.errors import NotAuthenticated

COOKIE = "loccit_session"
_MOST_BYTES = 3_500


@dataclass(frozen=True, slots=True)
class Login:
    """Who logged in: by the key with this id, or as an OIDC provider says, with `user`, `role` and `subject`.

    `expires_at` in seconds since the epoch.
    """

    expires_at: float
    key: str = ""
    subject: str = ""
    user: str = ""
    role: str = ""


class Signer:
    """Signs small documents, so that nobody else can make or change one. They can be read by everybody."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def seal(self, document: dict[str, Any]) -> str:
        """The document and its signature, in characters that cookies and URLs take."""
        text = json.dumps(document, separators=(",", ":")).encode("utf-8")
        return f"{_encoded(text)}.{_encoded(self._signature(text))}"

    def open(self, sealed: str) -> dict[str, Any] | None:
        """The document, None for what was not sealed by this one."""
        body, _, signature = sealed.partition(".")
        if len(sealed) > _MOST_BYTES or not sealed.isascii():
            return None
        try:
            text, signed = _decoded(body), _decoded(signature)
        except binascii.Error:
            return None
        if not hmac.compare_digest(self._signature(text), signed):
            return None
        return cast("dict[str, Any]", json.loads(text))

    def _signature(self, text: bytes) -> bytes:
        return hmac.new(self._secret, text, hashlib.sha256).digest()


class Logins:
    """The cookies of people who logged in."""

    def __init__(self, secret: bytes, *, hours: float) -> None:
        self._signer = Signer(secret)
        self._seconds = 3600 * hours

    def by_key(self, key: str) -> str:
        """The cookie of somebody who showed the key with this id."""
        return self._signer.seal({"key": key, "expires_at": time.time() + self._seconds})

    def by_provider(self, subject: str, *, user: str, role: str) -> str:
        """The cookie of somebody for whom an OIDC provider vouches."""
        return self._signer.seal(
            {"subject": subject, "user": user, "role": role, "expires_at": time.time() + self._seconds}
        )

    def read(self, cookie: str) -> Login:
        """Who the cookie says it is. Raises NotAuthenticated for one of others, and one whose time is
        over.
        """
        document = self._signer.open(cookie)
        if document is None or document["expires_at"] < time.time():
            raise NotAuthenticated("the login is over", next_step="log in again")
        return Login(**document)


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _decoded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
