"""Runs of agents: what they are to do, what they did, what they wait for, and who works on them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Runs of agents: what they are to do, what they did, what they wait for, and who works on them."""
    _runs()
    op.create_table(
        "agent_intents",
        sa.Column("id", sa.String(300), primary_key=True),
        sa.Column("run", sa.String(32), nullable=False),
        sa.Column("tool", sa.String(200), nullable=False),
        sa.Column("arguments", sa.Text, nullable=False),
        sa.Column("arguments_hash", sa.String(64), nullable=False),
        sa.Column("effect", sa.String(12), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("begun_at", sa.Float, nullable=False),
        sa.Column("ended_at", sa.Float),
        sa.Column("result", sa.Text),
    )
    op.create_index("agent_intents_by_run", "agent_intents", ["run"])
    op.create_table(
        "agent_replies",
        sa.Column("id", sa.String(300), primary_key=True),
        sa.Column("run", sa.String(32), nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("reply", sa.Text, nullable=False),
    )
    op.create_index("agent_replies_by_run", "agent_replies", ["run"])
    op.create_table(
        "agent_questions",
        sa.Column("id", sa.String(300), primary_key=True),
        sa.Column("run", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("tool", sa.String(200), nullable=False),
        sa.Column("arguments_hash", sa.String(64), nullable=False),
        sa.Column("shown", sa.Text, nullable=False),
        sa.Column("asked_at", sa.Float, nullable=False),
        sa.Column("answer", sa.String(12), nullable=False),
        sa.Column("by", sa.String(200), nullable=False),
        sa.Column("answered_at", sa.Float),
    )
    op.create_index("agent_questions_by_run", "agent_questions", ["run"])
    op.create_table(
        "agent_events",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("run", sa.String(32), nullable=False),
        sa.Column("key", sa.String(300), nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("details", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("agent_events_by_run", "agent_events", ["run", "number"])
    op.create_index("agent_events_by_key", "agent_events", ["run", "key"], unique=True)
    op.create_table(
        "agent_workers",
        sa.Column("id", sa.String(100), primary_key=True),
        sa.Column("beats", sa.BigInteger, nullable=False),
        sa.Column("seen_at", sa.Float, nullable=False),
    )


def _runs() -> None:
    op.create_table(
        "agent_runs",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("id", sa.String(32), nullable=False, unique=True),
        sa.Column("blueprint", sa.String(100), nullable=False),
        sa.Column("task", sa.Text, nullable=False),
        sa.Column("limits", sa.Text, nullable=False),
        sa.Column("payer", sa.Text, nullable=False),
        sa.Column("user", sa.String(200), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("wish", sa.String(8), nullable=False),
        sa.Column("worker", sa.String(100), nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("handed_at", sa.Float),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("started_at", sa.Float),
        sa.Column("finished_at", sa.Float),
        sa.Column("spend", sa.Text, nullable=False),
        sa.Column("result", sa.Text),
        sa.Column("problem", sa.Text),
        sqlite_autoincrement=True,
    )
    op.create_index("agent_runs_by_state", "agent_runs", ["state", "number"])
    op.create_index("agent_runs_by_user", "agent_runs", ["user"])
