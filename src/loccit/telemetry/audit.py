"""Who administered what: a log whose rows are only ever added, each sealed with the hash of the one before.

A row's hash is the SHA-256 of its RFC 8785 form: number, time, actor, action, subject, details and the hash
of the row before it. A row that is changed, removed or moved breaks the chain from there on. That rows are
missing at the end no chain can tell; so the last hash is kept outside of the database too, in a file of the
home folder (the anchor), and can be printed and kept elsewhere. Somebody who can write the database and every
anchor can make a chain of their own: an anchor that they cannot write is what to compare with.

Names of people are kept, texts are not: a row says that the runs of a user were erased, not what they said.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loccit.core.errors import IndexBroken, InputError, StorageFailed
from loccit.telemetry.redaction import redact, redact_tree

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from loccit.storage.database import Database

ANCHOR = "audit-anchor.json"
_FORMAT = "loccit-audit-anchor/1"
_FIRST = "0" * 64
_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"
_LONGEST_ACTOR = 200
_LONGEST_ACTION = 80
_MOST_DETAIL_CHARS = 20_000
# Any number that nobody else locks: appends come one after the other, also those of several machines.
_POSTGRESQL_LOCK = 7_142_025
_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class AuditRow:
    """An administrative act. `at` is RFC 3339 in UTC; `details` are JSON in RFC 8785 form, with no text of
    anybody's; `previous` and `hash` are SHA-256 in hex.
    """

    number: int
    at: str
    actor: str
    action: str
    subject: str
    details: str
    previous: str
    hash: str

    def sealed(self) -> str:
        """The hash that its other fields have."""
        import rfc8785

        document = {name: value for name, value in asdict(self).items() if name != "hash"}
        return hashlib.sha256(rfc8785.dumps(document)).hexdigest()


@dataclass(frozen=True, slots=True)
class Anchor:
    """The number and the hash of what was the last row."""

    number: int
    hash: str


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What `verify` found: how many rows hold, counted from the first, and the last of them.

    `broken` is the number of the first row that does not hold, with `problem`; None where all do.
    """

    rows: int
    last: Anchor
    broken: int | None = None
    problem: str = ""


class AuditLog:
    """The audit log of a database, with the anchor in a home folder. Processes may share both."""

    def __init__(self, database: Database, home: Path) -> None:
        self._database = database
        self._anchor = home / ANCHOR

    def append(
        self, action: str, *, actor: str, subject: str = "", details: Mapping[str, Any] | None = None
    ) -> AuditRow:
        """Add an act: what was done (`key created`), by whom, to what. Secrets in `details` are redacted.

        Raises InputError for what cannot be kept, StorageFailed.
        """
        import rfc8785

        try:
            text = rfc8785.dumps(redact_tree(dict(details or {}))).decode()
        except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
            raise InputError(f"the details of an act are no JSON that can be sealed: {error}") from error
        for name, value, most in (
            ("actor", actor, _LONGEST_ACTOR),
            ("action", action, _LONGEST_ACTION),
            ("details", text, _MOST_DETAIL_CHARS),
        ):
            if len(value) > most or (name != "details" and not value):
                raise InputError(
                    f"the {name} of an act has {len(value):,} characters, expected 1 to {most:,}"
                )
        with self._database.writing() as connection:
            self._lock(connection)
            last = _last(connection)
            row = AuditRow(
                number=last.number + 1,
                at=datetime.now(UTC).strftime(_TIME),
                actor=_unicode(actor),
                action=action,
                subject=redact(_unicode(subject)),
                details=text,
                previous=last.hash,
                hash="",
            )
            row = replace(row, hash=row.sealed())
            _insert(connection, row)
        self._keep_anchor(Anchor(row.number, row.hash))
        return row

    def rows(self, *, since: datetime | None = None, actor: str | None = None) -> Iterator[AuditRow]:
        """The acts in order, by what is asked for. Raises StorageFailed."""
        from sqlalchemy import select

        from loccit.storage.tables import audit

        query = select(audit).order_by(audit.c.number)
        if since is not None:
            query = query.where(audit.c.at >= since.astimezone(UTC).strftime(_TIME))
        if actor is not None:
            query = query.where(audit.c.actor == actor)
        after = 0
        while True:
            with self._database.reading() as connection:
                page = query.where(audit.c.number > after).limit(_AT_ONCE)
                found = [AuditRow(**row) for row in connection.execute(page).mappings()]
            yield from found
            if len(found) < _AT_ONCE:
                return
            after = found[-1].number

    def of(self, user: str) -> tuple[AuditRow, ...]:
        """The acts of a user, and those upon them."""
        return tuple(row for row in self.rows() if user in (row.actor, row.subject))

    def last(self) -> Anchor:
        """The last row as it is now; number 0 where there is none."""
        with self._database.reading() as connection:
            return _last(connection)

    def verify(self, kept: Anchor | None = None) -> AuditReport:
        """Whether every row holds, from the first to the last, and the chain reaches the anchor of the home
        and, where one is given, an anchor that was kept elsewhere.

        Raises IndexBroken for an anchor that cannot be read, StorageFailed.
        """
        # The anchor first: rows that are added meanwhile make the chain longer, never shorter.
        anchors = [anchor for anchor in (self._read_anchor(), kept) if anchor is not None]
        wanted: dict[int, set[str]] = {}
        for anchor in anchors:
            wanted.setdefault(anchor.number, set()).add(anchor.hash)
        last = Anchor(0, _FIRST)
        for row in self.rows():
            problem = _problem(row, last, wanted.get(row.number, set()))
            if problem:
                return AuditReport(last.number, last, last.number + 1, problem)
            last = Anchor(row.number, row.hash)
        furthest = max(wanted, default=0)
        if furthest > last.number:
            problem = f"rows up to {furthest} were there, and are removed from the end"
            return AuditReport(last.number, last, last.number + 1, problem)
        return AuditReport(last.number, last)

    def _lock(self, connection: Connection) -> None:
        """Nobody else adds a row before this transaction ends; SQLite lets one write at a time anyhow."""
        from sqlalchemy import text

        if not self._database.is_sqlite:
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_POSTGRESQL_LOCK})"))

    def _read_anchor(self) -> Anchor | None:
        try:
            document = json.loads(self._anchor.read_text(encoding="utf-8"))
            if document["format"] != _FORMAT:
                raise IndexBroken(f"the anchor {str(self._anchor)!r} is of another version")
            return Anchor(int(document["number"]), str(document["hash"]))
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise IndexBroken(f"the anchor {str(self._anchor)!r} cannot be read: {error}") from error
        except OSError as error:
            raise StorageFailed(f"cannot read {str(self._anchor)!r}: {error.strerror}") from error

    def _keep_anchor(self, anchor: Anchor) -> None:
        """Keep the last hash, unless another process has kept a later one.

        It is written after the row: killed in between, it lags by one, and says nothing that is not so.
        """
        from filelock import FileLock

        try:
            self._anchor.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(self._anchor.with_suffix(".lock")):
                before = self._read_anchor()
                if before is not None and before.number >= anchor.number:
                    return
                document = {"format": _FORMAT, **asdict(anchor)}
                draft = self._anchor.with_suffix(".draft")
                draft.write_text(json.dumps(document) + "\n", encoding="utf-8")
                draft.replace(self._anchor)
        except OSError as error:
            raise StorageFailed(f"cannot write {str(self._anchor)!r}: {error.strerror}") from error


def parse_anchor(written: str) -> Anchor:
    """The anchor that `NUMBER:HASH` is. Raises InputError."""
    number, _, digest = written.partition(":")
    if not number.isdecimal() or len(digest) != len(_FIRST) or not set(digest) <= set("0123456789abcdef"):
        raise InputError(
            f"{written!r} is no anchor", next_step="write NUMBER:HASH, as 'audit verify' prints it"
        )
    return Anchor(int(number), digest)


def _problem(row: AuditRow, last: Anchor, wanted: set[str]) -> str:
    """Why a row does not hold after the last one that did; empty where it does."""
    expected = last.number + 1
    if row.number != expected:
        return f"row {expected} is missing: row {row.number} comes next"
    if row.previous != last.hash:
        return f"row {expected} does not follow the row before it: it was moved, or rows were replaced"
    if row.hash != row.sealed():
        return f"row {expected} was changed: it does not have its hash"
    if wanted - {row.hash}:
        return f"row {expected} is not the one that the anchor remembers: the chain was made anew"
    return ""


def _last(connection: Connection) -> Anchor:
    from sqlalchemy import select

    from loccit.storage.tables import audit

    query = select(audit.c.number, audit.c.hash).order_by(audit.c.number.desc()).limit(1)
    found = connection.execute(query).one_or_none()
    return Anchor(0, _FIRST) if found is None else Anchor(found.number, found.hash)


def _insert(connection: Connection, row: AuditRow) -> None:
    from loccit.storage.tables import audit

    connection.execute(audit.insert(), asdict(row))


def _unicode(text: str) -> str:
    """The text with what a database and JSON cannot hold written out."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\x00", "\\x00")
