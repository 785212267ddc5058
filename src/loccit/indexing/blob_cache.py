"""The content-addressed cache of parsed files, shared by all repositories of one home folder.

A file is parsed and tokenised once per (blob, language, parser version, options), whatever commits or
repositories hold it.
"""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path

from loccit.core.errors import IndexBroken, StorageFailed
from loccit.indexing.arrays import storage_failed
from loccit.indexing.lexical import KEY_BYTES, RECORD_VERSION
from loccit.indexing.terms import ANALYSIS_VERSION

_WAIT_S = 60
_BATCH = 500
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_UNWRITABLE = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_AUTH,
        sqlite3.SQLITE_NOMEM,
    }
)


def cache_key(blob: str, language: str, parser: str) -> bytes:
    """The record's key: 16 bytes over everything that decides what parsing and tokenising give.

    `parser` names the parser's version and its options.
    """
    parts = f"{RECORD_VERSION}\0{ANALYSIS_VERSION}\0{parser}\0{language}\0{blob}"
    return blake2b(parts.encode(), digest_size=KEY_BYTES).digest()


class BlobCache:
    """Encoded records by key, in one SQLite file. Safe for several processes; a killed writer loses its last
    batch only.
    """

    def __init__(self, path: Path, *, repair: bool = False) -> None:
        """Open the cache. With `repair` one that is damaged or foreign is thrown away and begun anew.

        Raises IndexBroken for a file that is no cache of ours, StorageFailed where it cannot be written.
        """
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise storage_failed(path, error) from error
        if repair and not _is_sound(path):
            _discard(path)
        with self._errors():
            self._connection = _connected(path)

    def get(self, keys: Sequence[bytes]) -> Iterator[tuple[bytes, bytes]]:
        """The records that are here, as (key, record), in no particular order."""
        for start in range(0, len(keys), _BATCH):
            batch = keys[start : start + _BATCH]
            marks = ",".join("?" * len(batch))
            query = f"SELECT key, record FROM records WHERE key IN ({marks})"  # noqa: S608  # only question marks
            with self._errors():
                # Fetched whole: an unfinished SELECT would hold up the writers' checkpoints.
                found = self._connection.execute(query, batch).fetchall()
            yield from found

    def present(self, keys: Sequence[bytes]) -> set[bytes]:
        """Which of these keys have a record."""
        found: set[bytes] = set()
        with self._errors():
            for start in range(0, len(keys), _BATCH):
                batch = keys[start : start + _BATCH]
                marks = ",".join("?" * len(batch))
                query = f"SELECT key FROM records WHERE key IN ({marks})"  # noqa: S608  # only question marks
                found.update(row[0] for row in self._connection.execute(query, batch))
        return found

    def put(self, records: Iterable[tuple[bytes, bytes]]) -> None:
        """Keep these records, all or none of them; a newer one replaces what was under its key.

        Raises StorageFailed when the disk is full.
        """
        with self._errors():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                self._connection.executemany("INSERT OR REPLACE INTO records VALUES (?, ?)", records)
                self._connection.execute("COMMIT")
            except BaseException:
                # Where the disk is full, SQLite has rolled back by itself.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def keep_only(self, keys: Iterable[bytes]) -> int:
        """Forget every record but these, and give the space back; returns how many were forgotten."""
        with self._errors():
            self._connection.execute("CREATE TEMP TABLE kept (key BLOB PRIMARY KEY) WITHOUT ROWID")
            self._connection.executemany("INSERT OR IGNORE INTO kept VALUES (?)", ((key,) for key in keys))
            forgotten = self._connection.execute(
                "DELETE FROM records WHERE key NOT IN (SELECT key FROM kept)"
            ).rowcount
            self._connection.execute("DROP TABLE kept")
            self._connection.execute("VACUUM")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return forgotten

    def close(self) -> None:
        """Let go of the file; the last one to do so folds the write-ahead log into it."""
        with self._errors():
            self._connection.close()

    @contextmanager
    def _errors(self) -> Generator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise _translated(self.path, error) from error


def _connected(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None, check_same_thread=False)
    try:
        _switch_to_wal(connection)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS records (key BLOB PRIMARY KEY, record BLOB NOT NULL) WITHOUT ROWID"
        )
        connection.execute("SELECT key, record FROM records LIMIT 0")
    except BaseException:
        connection.close()
        raise
    return connection


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """Turn the write-ahead log on. SQLite does not wait for another process that does the same: we do."""
    deadline = time.monotonic() + _WAIT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _is_sound(path: Path) -> bool:
    if path.is_dir():
        return False
    try:
        connection = _connected(path)
        try:
            return connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        if isinstance(_translated(path, error), StorageFailed):
            raise _translated(path, error) from error
        return False


def _discard(path: Path) -> None:
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        for ending in ("-wal", "-shm", "-journal", ""):
            path.with_name(path.name + ending).unlink(missing_ok=True)
    except OSError as error:
        raise storage_failed(path, error) from error


def _translated(path: Path, error: sqlite3.DatabaseError) -> IndexBroken | StorageFailed:
    # Extended result codes carry the primary one in their low byte.
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code in _BUSY:
        return StorageFailed(
            f"cannot write {str(path)!r}: another process has held it for a minute",
            next_step="try again when the other process is done",
        )
    if code in _UNWRITABLE and not path.is_dir():
        return storage_failed(path, OSError(str(error)))
    return IndexBroken(
        f"the blob cache {path.name!r} cannot be used: {error}",
        next_step="run 'loccit index --rebuild', which begins a new one",
    )
