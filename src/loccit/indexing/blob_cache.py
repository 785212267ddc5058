"""The content-addressed cache of parsed files, shared by all repositories of one home folder.

A file is parsed and tokenised once per (blob, language, parser version, options), whatever commits or repositories hold it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path

from loccit.core.errors import IndexBroken
from loccit.indexing.arrays import storage_failed
from loccit.indexing.lexical import RECORD_VERSION
from loccit.indexing.terms import ANALYSIS_VERSION

KEY_BYTES = 16
_BATCH = 500


def cache_key(blob: str, language: str, parser: str) -> bytes:
    """The record's key: 16 bytes over everything that decides what parsing and tokenising give.

    `parser` names the parser's version and its options.
    """
    parts = f"{RECORD_VERSION}\0{ANALYSIS_VERSION}\0{parser}\0{language}\0{blob}"
    return blake2b(parts.encode(), digest_size=KEY_BYTES).digest()


class BlobCache:
    """Encoded records by key, in one SQLite file. Safe for several processes; a killed writer loses its last batch only."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._errors():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.execute(
                "CREATE TABLE IF NOT EXISTS records (key BLOB PRIMARY KEY, record BLOB NOT NULL) WITHOUT ROWID"
            )

    def get(self, keys: Sequence[bytes]) -> Iterator[tuple[bytes, bytes]]:
        """The records that are here, as (key, record), in no particular order."""
        with self._errors():
            for start in range(0, len(keys), _BATCH):
                batch = keys[start : start + _BATCH]
                marks = ",".join("?" * len(batch))
                query = f"SELECT key, record FROM records WHERE key IN ({marks})"  # noqa: S608 — only question marks
                yield from self._connection.execute(query, batch)

    def present(self, keys: Sequence[bytes]) -> set[bytes]:
        """Which of these keys have a record."""
        found: set[bytes] = set()
        with self._errors():
            for start in range(0, len(keys), _BATCH):
                batch = keys[start : start + _BATCH]
                marks = ",".join("?" * len(batch))
                query = f"SELECT key FROM records WHERE key IN ({marks})"  # noqa: S608 — only question marks
                found.update(row[0] for row in self._connection.execute(query, batch))
        return found

    def put(self, records: Iterable[tuple[bytes, bytes]]) -> None:
        """Keep these records, all or none of them. Raises StorageFailed when the disk is full."""
        with self._errors():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                self._connection.executemany("INSERT OR IGNORE INTO records VALUES (?, ?)", records)
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

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
        """Fold the write-ahead log into the file and let go of it."""
        with self._errors():
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._connection.close()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise storage_failed(self.path, OSError(str(error))) from error
            raise IndexBroken(
                f"the blob cache {self.path.name!r} cannot be used: {error}",
                next_step=f"delete {str(self.path)!r}: it is rebuilt from the repositories",
            ) from error
        except OSError as error:
            raise storage_failed(self.path, error) from error
