"""Keys of a server: 256 random bits behind a prefix, with a checksum; what is kept of one is its HMAC.

    loccit_ + 43 digits in base 62 + 6 digits in base 62: CRC-32 of the 43

The checksum tells a mistyped key from one that is not known, without a look into the database, and lets
scanners of leaked secrets find real keys. The form is that of GitHub's tokens.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
import time
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from loccit.core.errors import InputError, NotAuthenticated, NotFound
from loccit.policy.callers import Caller, Role
from loccit.storage.tables import idempotent_requests, keys

if TYPE_CHECKING:
    from loccit.storage.database import Database

PREFIX = "loccit_"
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM_DIGITS = 43  # 62 ** 43 > 2 ** 256
_CHECK_DIGITS = 6
_FORM = re.compile(rf"{PREFIX}([0-9A-Za-z]{{{_RANDOM_DIGITS}}})([0-9A-Za-z]{{{_CHECK_DIGITS}}})")
_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,200}")
_PICODOLLARS = 10**12
# When a key was used last is written down no more often.
_USED_EVERY_S = 60.0


@dataclass(frozen=True, slots=True)
class Key:
    """What is known of a key. Times are seconds since the epoch; `used_at` is true to the minute.

    `requests_per_minute` and `usd_per_month` are None where only the settings bound it, `repositories` where
    it opens all.
    """

    id: str
    name: str
    user: str
    role: Role
    repositories: frozenset[str] | None
    requests_per_minute: int | None
    usd_per_month: Decimal | None
    created_at: float
    expires_at: float | None
    revoked_at: float | None
    used_at: float | None

    def is_valid(self, now: float) -> bool:
        """Whether it opens anything at this time."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    @property
    def caller(self) -> Caller:
        """Whoever shows it."""
        return Caller(
            self.id, self.user, self.role, self.repositories, self.requests_per_minute, self.usd_per_month
        )


def new_key() -> str:
    """A key that nobody has."""
    number = secrets.randbits(256)
    random = _base62(number, _RANDOM_DIGITS)
    return f"{PREFIX}{random}{_checksum(random)}"


def is_well_formed(key: str) -> bool:
    """Whether the text has the form of a key and its checksum is right."""
    match = _FORM.fullmatch(key)
    return match is not None and hmac.compare_digest(_checksum(match[1]), match[2])


class KeyStore:
    """The keys of a server. `secret` is what their HMACs are made with: who has the database alone can
    neither use nor guess a key.
    """

    def __init__(self, database: Database, secret: bytes) -> None:
        self._database = database
        self._secret = secret

    def create(
        self,
        name: str,
        *,
        role: Role = Role.READER,
        user: str = "",
        repositories: Iterable[str] | None = None,
        requests_per_minute: int | None = None,
        usd_per_month: Decimal | None = None,
        valid_days: float | None = None,
    ) -> tuple[Key, str]:
        """A new key and its text, which is told this once. `user` is `name` where it is not given.

        Raises InputError for a name, a rate, a budget or days that cannot be kept; StorageFailed.
        """
        for what in (name, user or name):
            if not _NAME.fullmatch(what):
                raise InputError(
                    f"{what[:40]!r} is no name for a key", next_step="write 1 to 200 printable characters"
                )
        for what, value in (
            ("requests per minute", requests_per_minute),
            ("a budget of USD per month", usd_per_month),
            ("days", valid_days),
        ):
            if value is not None and not 0 < value <= 1_000_000:
                raise InputError(f"{what}: {value!s}", next_step="write more than 0, at most 1,000,000")
        text, now = new_key(), time.time()
        row: dict[str, Any] = {
            "id": secrets.token_hex(6),
            "digest": self._digest(text),
            "name": name,
            "user": user or name,
            "role": role.value,
            "repositories": None if repositories is None else json.dumps(sorted(set(repositories))),
            "requests_per_minute": requests_per_minute,
            "usd_per_month": None if usd_per_month is None else int(usd_per_month * _PICODOLLARS),
            "created_at": now,
            "expires_at": None if valid_days is None else now + valid_days * 86_400,
            "revoked_at": None,
            "used_at": None,
        }
        with self._database.writing() as connection:
            connection.execute(keys.insert(), row)
        return _key(row), text

    def list(self) -> tuple[Key, ...]:
        """Every key, revoked ones too, the oldest first."""
        with self._database.reading() as connection:
            rows = connection.execute(select(keys).order_by(keys.c.created_at, keys.c.id)).mappings()
            return tuple(_key(dict(row)) for row in rows)

    def revoke(self, id_or_name: str) -> Key:
        """Let a key open nothing any more, from now on; as it is then.

        Raises NotFound for one that is not there, InputError for a name that several have.
        """
        wanted = select(keys).where((keys.c.id == id_or_name) | (keys.c.name == id_or_name))
        with self._database.writing() as connection:
            found = [_key(dict(row)) for row in connection.execute(wanted).mappings()]
            standing = [key for key in found if key.revoked_at is None]
            if len(standing) > 1:
                ids = ", ".join(key.id for key in standing)
                raise InputError(
                    f"{len(standing)} keys are called {id_or_name!r}", next_step=f"name one: {ids}"
                )
            if not found:
                raise NotFound(
                    f"there is no key {id_or_name!r}", next_step="see what there is: loccit keys list"
                )
            chosen = (standing or found)[-1].id
            revoked = keys.update().where((keys.c.id == chosen) & keys.c.revoked_at.is_(None))
            connection.execute(revoked.values(revoked_at=time.time()))
            return _key(dict(connection.execute(select(keys).where(keys.c.id == chosen)).mappings().one()))

    def of(self, user: str) -> tuple[Key, ...]:
        """The keys of a user, the oldest first."""
        return tuple(key for key in self.list() if key.user == user)

    def forget(self, user: str) -> int:
        """Forget the keys of a user, which open nothing any more, and what was answered under idempotency
        keys; how many keys there were.
        """
        theirs = select(keys.c.id).where(keys.c.user == user)
        with self._database.writing() as connection:
            answered = idempotent_requests.c.caller.in_(theirs)
            connection.execute(idempotent_requests.delete().where(answered))
            return connection.execute(keys.delete().where(keys.c.user == user)).rowcount

    def has_any(self) -> bool:
        """Whether a key opens anything now."""
        now = time.time()
        return any(key.is_valid(now) for key in self.list())

    def authenticate(self, text: str) -> Key:
        """The key with this text. Raises NotAuthenticated, with one message for whatever is wrong with it."""
        if not is_well_formed(text):
            raise _refused()
        now = time.time()
        query = select(keys).where(keys.c.digest == self._digest(text))
        with self._database.reading() as connection:
            row = connection.execute(query).mappings().first()
            key = None if row is None else _key(dict(row))
        if key is None or not key.is_valid(now):
            raise _refused()
        if key.used_at is None or now - key.used_at > _USED_EVERY_S:
            with self._database.writing() as connection:
                connection.execute(keys.update().where(keys.c.id == key.id).values(used_at=now))
        return key

    def _digest(self, text: str) -> str:
        return hmac.new(self._secret, text.encode("ascii"), hashlib.sha256).hexdigest()


def _refused() -> NotAuthenticated:
    return NotAuthenticated(
        "the key is not valid", next_step="send one that is: Authorization: Bearer loccit_…"
    )


def _key(row: dict[str, Any]) -> Key:
    names, budget = row["repositories"], row["usd_per_month"]
    return Key(
        id=row["id"],
        name=row["name"],
        user=row["user"],
        role=Role(row["role"]),
        repositories=None if names is None else frozenset(json.loads(names)),
        requests_per_minute=row["requests_per_minute"],
        usd_per_month=None if budget is None else Decimal(budget) / _PICODOLLARS,
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
        used_at=row["used_at"],
    )


def _checksum(random: str) -> str:
    return _base62(zlib.crc32(random.encode("ascii")), _CHECK_DIGITS)


def _base62(number: int, digits: int) -> str:
    found: list[str] = []
    for _ in range(digits):
        number, digit = divmod(number, 62)
        found.append(_DIGITS[digit])
    return "".join(reversed(found))
