"""The whole database as one SQLite file, and back: a copy that is of one moment, while others write."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, Integer, Table, func, select, text

from loccit.core.errors import InputError, StorageFailed
from loccit.storage.database import Database
from loccit.storage.tables import METADATA, waiting

_AT_ONCE = 500
# Places in a queue: those who wait there are not those who will be there after.
_TRANSIENT = frozenset({waiting.name})


def copy_to_file(database: Database, path: Path) -> None:
    """Write the database as it is at one moment to a SQLite file, which must not be there.

    Raises StorageFailed.
    """
    if database.is_sqlite:
        copy_sqlite(Path(str(database.engine.url.database)), path)
        return
    copied = Database(f"sqlite:///{path}")
    try:
        with database.reading() as source, copied.writing() as target:
            source.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
            _copy(source, target)
        # All of it in the one file.
        with copied.reading() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        copied.close()


def copy_from_file(path: Path, database: Database, *, replace: bool) -> None:
    """Put what a SQLite file of `copy_to_file` holds into a database, in one transaction.

    The file is brought up to date first. Raises InputError where the database holds something already, unless
    that is to be replaced; StorageFailed, IndexFormatMismatch.
    """
    copied = Database(f"sqlite:///{path}")
    try:
        with copied.reading() as source, database.writing() as target:
            tables = METADATA.sorted_tables
            if replace:
                for table in reversed(tables):
                    target.execute(table.delete())
            elif full := [table.name for table in tables if _has_rows(target, table)]:
                raise InputError(
                    f"the database {database.where!r} is not empty: {', '.join(sorted(full))} have rows",
                    next_step="name an empty one, or write --force to replace what it holds",
                )
            _copy(source, target)
            if not database.is_sqlite:
                _set_sequences(target, tables)
    finally:
        copied.close()


def copy_sqlite(source: Path, target: Path) -> None:
    """Write a SQLite database as it is at one moment to another file. Writers do not wait for it.

    Raises StorageFailed.
    """
    try:
        address = f"{source.absolute().as_uri()}?mode=ro"
        with (
            closing(sqlite3.connect(address, uri=True)) as read,
            closing(sqlite3.connect(target)) as written,
        ):
            # In one step, and so within one transaction: in several, each write would begin it anew.
            read.backup(written)
            # The file alone holds all of it, whoever opens it.
            written.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        raise StorageFailed(
            f"the database {str(source)!r} cannot be copied to {str(target)!r}: {error}",
            next_step="check that it can be read and that there is room",
        ) from error


def is_sound(path: Path) -> bool:
    """Whether a file is a SQLite database that is whole."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            return connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    except sqlite3.Error:
        return False


def _copy(source: Connection, target: Connection) -> None:
    for table in METADATA.sorted_tables:
        if table.name in _TRANSIENT:
            continue
        found = source.execution_options(yield_per=_AT_ONCE).execute(select(table))
        for rows in found.mappings().partitions():
            target.execute(table.insert(), [dict(row) for row in rows])


def _has_rows(connection: Connection, table: Table) -> bool:
    return connection.execute(select(1).select_from(table).limit(1)).first() is not None


def _set_sequences(connection: Connection, tables: Sequence[Table]) -> None:
    """The next number of each table that counts by itself comes after those that were copied."""
    for table in tables:
        column = table.autoincrement_column
        if column is not None and isinstance(column.type, Integer):
            last = connection.execute(select(func.max(column))).scalar() or 0
            sequence = func.pg_get_serial_sequence(table.name, column.name)
            connection.execute(select(func.setval(sequence, last + 1, False)))
