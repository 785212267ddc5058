"""Every table of the database. A change here comes with a migration; a test compares the two."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Index, Integer, LargeBinary, MetaData, String, Table, Text

METADATA = MetaData()

# Times are seconds since the epoch, UTC. Money is in picodollars (1e-12 USD, BigInteger): exact for every
# price that has at most six decimals per million tokens.

sessions = Table(
    "sessions",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("user", String(200), nullable=False),
    Column("created_at", Float, nullable=False),
)

turns = Table(
    "turns",
    METADATA,
    Column("session", String(64), primary_key=True),
    Column("number", Integer, primary_key=True),  # from 1, in order of time
    Column("run", String(64), nullable=False),
    Column("asked_at", Float, nullable=False),
    Column("question", Text, nullable=False),
    Column("answer", Text, nullable=False),  # a loccit-answer/1 document
)

replies = Table(
    "replies",
    METADATA,
    Column("key", String(64), primary_key=True),  # SHA-256 of everything that the reply depends on
    Column("made_at", Float, nullable=False),
    Column("used_at", Float, nullable=False),
    Column("model", String(200), nullable=False),
    Column("reply", LargeBinary, nullable=False),  # JSON
    Index("replies_by_use", "used_at"),
)

runs = Table(
    "runs",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("kind", String(40), nullable=False),
    Column("user", String(200), nullable=False),
    Column("started_at", Float, nullable=False),
    Column("took_ms", Float, nullable=False),
    Column("outcome", String(40), nullable=False),
    Column("cost", BigInteger, nullable=False),
    Column("question", Text, nullable=False),
    Column("record", Text, nullable=False),  # a loccit-run/1 document
    Index("runs_by_time", "started_at"),
    Index("runs_by_user", "user", "started_at"),
)

__all__ = ["METADATA", "replies", "runs", "sessions", "turns"]
