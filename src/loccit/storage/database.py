"""The one database: SQLite in the home folder, or PostgreSQL by URL; brought up to date when it is opened."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock
from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from loccit.core.errors import IndexFormatMismatch, SettingsError, StorageFailed

# The newest revision of migrations/versions; a test compares it with what Alembic finds there. Importing
# Alembic takes 0.3 s, far longer than looking at the revision that the database has.
HEAD = "0009"
# How long a writer waits for the others.
_WAIT_MS = 30_000


class Database:
    """All state but indexes. Threads and processes may share it; a write transaction excludes the others."""

    def __init__(self, url: str) -> None:
        """Open the database and bring it up to date.

        Raises SettingsError for a URL that is none, StorageFailed where it cannot be reached or written,
        IndexFormatMismatch where a newer loccit has written it.
        """
        self.engine = _engine(url)
        with told(self.where):
            if self._revision() != HEAD:
                self._migrate()

    @classmethod
    def in_folder(cls, home: Path) -> Database:
        """SQLite in the home folder, which is made where there is none."""
        try:
            home.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageFailed(f"cannot make {str(home)!r}: {error.strerror}") from error
        return cls(f"sqlite:///{home / 'state.sqlite'}")

    @property
    def where(self) -> str:
        """Its address, without a password."""
        return self.engine.url.render_as_string(hide_password=True)

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file; else it is PostgreSQL."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def reading(self) -> Generator[Connection]:
        """A connection to read with. Raises StorageFailed."""
        with told(self.where), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Generator[Connection]:
        """A transaction that is committed at the end, and rolled back by an exception.

        On SQLite it holds the write lock from its beginning, so that what it reads stays true until it
        commits. On PostgreSQL rows must be locked (`with_for_update`). Raises StorageFailed.
        """
        with told(self.where), self.engine.connect() as connection:
            if self.is_sqlite:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()

    def check(self) -> None:
        """Ask it something. Raises StorageFailed where it does not answer."""
        with self.reading() as connection:
            connection.execute(text("SELECT 1"))

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    def _revision(self) -> str | None:
        with self.engine.connect() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None
            return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()

    def _migrate(self) -> None:
        """Bring the tables up to `HEAD`, one process at a time."""
        from loccit.storage.migrating import known_revisions, upgrade

        if self.is_sqlite:
            with FileLock(f"{self.engine.url.database}.lock"):
                revision = self._revision()
                if revision != HEAD:
                    self._check_known(revision, known_revisions())
                    upgrade(self.engine)
            return
        self._check_known(self._revision(), known_revisions())
        upgrade(self.engine)

    def _check_known(self, revision: str | None, known: set[str]) -> None:
        if revision is not None and revision not in known:
            raise IndexFormatMismatch(
                f"the database {self.where!r} has revision {revision!r}, this version knows up to {HEAD!r}",
                next_step="use the newer loccit that wrote it",
            )


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
        name = parsed.get_backend_name()
        if name not in {"sqlite", "postgresql"}:
            raise SettingsError(
                f"[storage] database is {parsed.render_as_string(hide_password=True)!r}",
                next_step="write postgresql+psycopg://user@host/name, or leave it out for SQLite",
            )
        engine = create_engine(parsed, pool_pre_ping=name == "postgresql")
    except (ArgumentError, NoSuchModuleError) as error:
        raise SettingsError(
            "[storage] database is no address of a database",
            next_step="write postgresql+psycopg://user@host/name, or leave it out for SQLite",
        ) from error
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"[storage] database needs a package that is not installed: {error.name}",
            next_step="pip install 'loccit[postgresql]'",
        ) from error
    if name == "sqlite":
        _prepare_sqlite(engine)
    return engine


def _prepare_sqlite(engine: Engine) -> None:
    """Readers never wait, writers wait in turn, and transactions begin where we say."""

    def on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {_WAIT_MS}")
        cursor.execute("PRAGMA journal_mode = WAL")
        # In WAL mode a kill loses nothing that was committed; only a power cut may.
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    event.listen(engine, "connect", on_connect)


@contextmanager
def told(where: str) -> Generator[None]:
    """What a driver raises becomes StorageFailed, which names the database."""
    try:
        yield
    except DBAPIError as error:
        raise StorageFailed(
            f"the database {where!r} cannot be used: {str(error.orig).strip()}",
            next_step="check that it runs, has room and may be written",
        ) from error
