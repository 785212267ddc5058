"""Alembic, asked for the two things that are needed: which revisions there are, and to go to the newest."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

_FOLDER = Path(__file__).resolve().parent / "migrations"
# Any number that nobody else locks: two servers that start together migrate one after the other.
_POSTGRESQL_LOCK = 7_142_023


def known_revisions() -> set[str]:
    """The revisions that this version has."""
    return {script.revision for script in ScriptDirectory(str(_FOLDER)).walk_revisions()}


def upgrade(engine: Engine) -> None:
    """Bring the tables to the newest revision, in one transaction."""
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_POSTGRESQL_LOCK})"))
        else:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()
