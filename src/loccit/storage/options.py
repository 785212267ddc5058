"""What an operator may choose about the database."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StorageOptions:
    """Where state is kept.

    `database` is a SQLAlchemy URL (`postgresql+psycopg://user@host/name`); empty: SQLite in the home folder.
    """

    database: str = ""
