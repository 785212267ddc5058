"""Scores of runs, the audit log, and what alerts said."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Scores of runs, the audit log, and what alerts said."""
    op.create_table(
        "scores",
        sa.Column("run", sa.String(64), sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("metric", sa.String(80), primary_key=True),
        sa.Column("checker", sa.String(200), primary_key=True),
        sa.Column("version", sa.String(200), nullable=False),
        sa.Column("value", sa.Float, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
    )
    op.create_index("scores_by_metric", "scores", ["metric", "at"])
    op.create_table(
        "audit",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("action", sa.String(80), nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("details", sa.Text, nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    op.create_table(
        "alerts",
        sa.Column("rule", sa.String(200), primary_key=True),
        sa.Column("subject", sa.String(400), primary_key=True),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("since", sa.Float, nullable=False),
        sa.Column("value", sa.Float, nullable=False),
        sa.Column("bound", sa.Float, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("event", sa.String(32), nullable=False),
        sa.Column("delivered_at", sa.Float),
        sa.Column("claimed_until", sa.Float, nullable=False),
    )
