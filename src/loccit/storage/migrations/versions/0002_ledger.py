"""The ledger."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """The ledger."""
    op.create_table(
        "charges",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("reserved_at", sa.Float, nullable=False),
        sa.Column("day", sa.Integer, nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("expires_at", sa.Float),
        sa.Column("request", sa.String(200), nullable=False),
        sa.Column("session", sa.String(200), nullable=False),
        sa.Column("user", sa.String(200), nullable=False),
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("team", sa.String(200), nullable=False),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("purpose", sa.String(200), nullable=False),
        sa.Column("held", sa.BigInteger, nullable=False),
        sa.Column("spent", sa.BigInteger, nullable=False),
        sa.Column("expected_input_tokens", sa.BigInteger, nullable=False),
        sa.Column("granted_output_tokens", sa.BigInteger, nullable=False),
        sa.Column("input_tokens", sa.BigInteger, nullable=False),
        sa.Column("output_tokens", sa.BigInteger, nullable=False),
        sa.Column("cache_read_tokens", sa.BigInteger, nullable=False),
        sa.Column("cache_write_tokens", sa.BigInteger, nullable=False),
        sa.Column("reasoning_tokens", sa.BigInteger, nullable=False),
    )
    op.create_index("charges_by_day", "charges", ["day"])
    op.create_index("charges_by_expiry", "charges", ["expires_at"])
    op.create_table(
        "spending",
        sa.Column("of", sa.String(8), primary_key=True),
        sa.Column("name", sa.String(200), primary_key=True),
        sa.Column("day", sa.Integer, primary_key=True),
        sa.Column("spent", sa.BigInteger, nullable=False),
        sa.Column("held", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "waiting",
        sa.Column("ticket", sa.Integer, primary_key=True),
        sa.Column("seen_at", sa.Float, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("budgets", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "call_sizes",
        sa.Column("model", sa.String(200), primary_key=True),
        sa.Column("purpose", sa.String(200), primary_key=True),
        sa.Column("output_tokens", sa.Float, nullable=False),
        sa.Column("input_ratio", sa.Float, nullable=False),
    )
