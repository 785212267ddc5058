"""The secret of a home folder: what keys are kept with, and cookies and cursors are signed with."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from loccit.core.errors import IndexBroken, StorageFailed

_BYTES = 32


def home_secret(home: Path) -> bytes:
    """The 32 secret bytes of this home folder, made the first time; only its owner may read the file.

    Raises StorageFailed where it cannot be read or written, IndexBroken for a file that is something else.
    """
    path = home / "secret"
    try:
        home.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _make(path)
        secret = path.read_bytes()
    except OSError as error:
        raise StorageFailed(f"cannot read or make {str(path)!r}: {error.strerror}") from error
    if len(secret) != _BYTES:
        raise IndexBroken(
            f"{str(path)!r} holds {len(secret)} bytes, expected {_BYTES}",
            next_step="restore it from a backup; a new one makes every key invalid",
        )
    return secret


def derived(secret: bytes, purpose: str) -> bytes:
    """A secret for one purpose alone, so that what is signed for one is worth nothing for another."""
    return hmac.new(secret, purpose.encode("utf-8"), hashlib.sha256).digest()


def _make(path: Path) -> None:
    """Whole, or not at all: of several processes that come together the first one's stays."""
    draft = path.with_name(f"secret.{os.getpid()}.{secrets.token_hex(4)}.draft")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        draft.unlink()
