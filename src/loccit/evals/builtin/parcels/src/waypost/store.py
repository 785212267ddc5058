"""All that is kept, in one SQLite file: one writer at a time, readers beside it."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from waypost.events import Code, Scan
from waypost.settings import StoreSettings
from waypost.timeline import Timeline, make_timeline

_SCAN_COLUMNS = "happened_at, received_at, seq, number, code, depot, detail"
_BACKUP_PAGES = 200


class UnknownParcel(LookupError):
    """A number that no shop has announced."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """A parcel as its shop announced it. `declared_cents` is what it is worth, 0 where that was not said."""

    number: str
    carrier: str
    shop: str
    postcode: str
    country: str
    weight_g: int | None
    declared_cents: int
    promised_days: int
    created_at: int


class Transaction:
    """What may be done in one transaction. Only `Store` makes these."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def add_parcel(self, parcel: Parcel) -> bool:
        """Store an announced parcel; False where the same one is there. Raises ValueError for another one."""
        known = self._db.execute("SELECT * FROM parcels WHERE number = ?", (parcel.number,)).fetchone()
        if known is not None:
            same = tuple(known)[:-1] == _row(parcel)[:-1]
            if not same:
                raise ValueError(f"parcel {parcel.number!r} was announced with other facts")
            return False
        self._db.execute(f"INSERT INTO parcels VALUES ({', '.join('?' * 9)})", _row(parcel))
        return True

    def parcel(self, number: str) -> Parcel:
        """The parcel of that number. Raises UnknownParcel."""
        row = self._db.execute("SELECT * FROM parcels WHERE number = ?", (number,)).fetchone()
        if row is None:
            raise UnknownParcel(number)
        return Parcel(*row)

    def add_scan(self, scan: Scan) -> int:
        """Store a scan, whatever `seq` it has; the one that it gets."""
        done = self._db.execute(
            "INSERT INTO scans (number, code, depot, happened_at, received_at, detail) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            (scan.number, scan.code.value, scan.depot, scan.happened_at, scan.received_at, scan.detail),
        )
        return int(done.lastrowid or 0)

    def set_weight(self, number: str, grams: int) -> None:
        """Store what a carrier's scale says. The last one counts: a depot in between may have none."""
        self._db.execute("UPDATE parcels SET weight_g = ? WHERE number = ?", (grams, number))

    def timeline(self, number: str, *, window_s: int) -> Timeline:
        """The timeline of a parcel that was announced. Raises UnknownParcel."""
        self.parcel(number)
        rows = self._db.execute(f"SELECT {_SCAN_COLUMNS} FROM scans WHERE number = ?", (number,))
        return make_timeline((_scan(row) for row in rows), window_s=window_s)

    def delivered_since(self, moment: int) -> Iterator[tuple[Parcel, Timeline]]:
        """Parcels that were delivered since the moment, each with its timeline: what estimates learn from."""
        numbers = self._db.execute(
            "SELECT DISTINCT number FROM scans WHERE code = 'DL' AND happened_at >= ?", (moment,)
        ).fetchall()
        for (number,) in numbers:
            yield self.parcel(number), self.timeline(number, window_s=600)

    def put_aside(self, carrier: str, reason: str, message: str, at: int) -> None:
        """Keep a message that could not be stored, with the reason."""
        self._db.execute(
            "INSERT INTO put_aside (carrier, reason, message, received_at) VALUES (?, ?, ?, ?)",
            (carrier, reason, message, at),
        )

    def aside(self) -> list[tuple[str, str, int]]:
        """Carrier, reason and how many messages were put aside for it, most first."""
        return self._db.execute(
            "SELECT carrier, reason, count(*) FROM put_aside GROUP BY 1, 2 ORDER BY 3 DESC"
        ).fetchall()

    def waiting(self) -> list[tuple[str, int]]:
        """Receivers, and how many messages wait for each, most first."""
        return self._db.execute(
            "SELECT url, count(*) FROM deliveries JOIN receivers ON receivers.id = receiver "
            "WHERE given_up_at IS NULL GROUP BY url ORDER BY 2 DESC"
        ).fetchall()

    def enqueue(self, shop: str, body: bytes, at: int) -> int:
        """Have all receivers of a shop told, those that are switched off left out; how many these are."""
        done = self._db.execute(
            "INSERT INTO deliveries (receiver, body, due_at) "
            "SELECT id, ?, ? FROM receivers WHERE shop = ? AND switched_off_at IS NULL",
            (body, at, shop),
        )
        return done.rowcount

    def delete_before(self, moment: int) -> int:
        """Forget parcels that were delivered before the moment and have no open claim; how many."""
        done = self._db.execute(
            "DELETE FROM parcels WHERE number IN "
            "(SELECT number FROM scans WHERE code = 'DL' AND happened_at < ?) "
            "AND number NOT IN (SELECT number FROM claims WHERE settled_at IS NULL)",
            (moment,),
        )
        return done.rowcount


class Store:
    """The database. Connections are made per thread; `writing` holds the lock of the one writer."""

    def __init__(self, settings: StoreSettings) -> None:
        self._settings = settings
        self._writer = threading.Lock()
        self._local = threading.local()

    @property
    def _connection(self) -> sqlite3.Connection:
        if not hasattr(self._local, "connection"):
            connection = sqlite3.connect(self._settings.path, isolation_level=None)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute(f"PRAGMA busy_timeout = {int(self._settings.busy_timeout_ms)}")
            self._local.connection = connection
        return self._local.connection

    @contextmanager
    def writing(self) -> Iterator[Transaction]:
        """A transaction that is committed at the end and rolled back where an error leaves the block."""
        with self._writer:
            db = self._connection
            # IMMEDIATE: a transaction that reads first and writes later could not be retried otherwise.
            db.execute("BEGIN IMMEDIATE")
            try:
                yield Transaction(db)
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """A transaction that sees one state of the database and changes nothing."""
        db = self._connection
        db.execute("BEGIN")
        try:
            yield Transaction(db)
        finally:
            db.execute("ROLLBACK")

    def migrate(self, folder: Path) -> list[str]:
        """Run the migrations that the database has not seen, each in a transaction; their names."""
        done: list[str] = []
        for file in sorted(folder.glob("[0-9]*.sql")):
            if int(file.name.split("_")[0]) > self._version():
                self._connection.executescript(f"BEGIN;\n{file.read_text(encoding='utf-8')}\nCOMMIT;")
                done.append(file.name)
        return done

    def _version(self) -> int:
        try:
            row = self._connection.execute("SELECT version FROM schema_version").fetchone()
        except sqlite3.OperationalError:
            return 0  # a new file has no tables
        return int(row[0])

    def backup(self, target: Path) -> None:
        """Copy the database while it is in use, a few pages at a time so that nobody waits long."""
        with sqlite3.connect(target) as copy:
            self._connection.backup(copy, pages=_BACKUP_PAGES)


def _row(parcel: Parcel) -> tuple[object, ...]:
    return (
        parcel.number,
        parcel.carrier,
        parcel.shop,
        parcel.postcode,
        parcel.country,
        parcel.weight_g,
        parcel.declared_cents,
        parcel.promised_days,
        parcel.created_at,
    )


def _scan(row: tuple[int, int, int, str, str, str, str]) -> Scan:
    happened_at, received_at, seq, number, code, depot, detail = row
    return Scan(happened_at, received_at, seq, number, Code(code), depot, detail)
