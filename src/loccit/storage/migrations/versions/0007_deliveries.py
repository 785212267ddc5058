"""What trackers told of, and the triages of their issues."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """What trackers told of, and the triages of their issues."""
    op.create_table(
        "deliveries",
        sa.Column("tracker", sa.String(300), primary_key=True),
        sa.Column("id", sa.String(200), primary_key=True),
        sa.Column("body", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(400), nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due_at", sa.Float, nullable=False),
        sa.Column("held_until", sa.Float, nullable=False),
        sa.Column("problem", sa.Text, nullable=False),
    )
    op.create_index("deliveries_by_body", "deliveries", ["tracker", "body"], unique=True)
    op.create_index("deliveries_by_due", "deliveries", ["state", "due_at"])
    op.create_index("deliveries_by_subject", "deliveries", ["subject", "state"])
    op.create_index("deliveries_by_time", "deliveries", ["at"])
    op.create_table(
        "triaged_issues",
        sa.Column("tracker", sa.String(300), primary_key=True),
        sa.Column("issue", sa.String(100), primary_key=True),
        sa.Column("repo", sa.String(500), nullable=False),
        sa.Column("seen_at", sa.Float, nullable=False),
        sa.Column("text_sha256", sa.String(64), nullable=False),
        sa.Column("is_quiet", sa.Integer, nullable=False),
        sa.Column("triaged_at", sa.Float),
        sa.Column("mode", sa.String(8), nullable=False),
        sa.Column("run", sa.String(64), nullable=False),
        sa.Column("triage", sa.Text, nullable=False),
        sa.Column("said", sa.Text, nullable=False),
        sa.Column("comment", sa.String(100), nullable=False),
        sa.Column("written", sa.String(64), nullable=False),
        sa.Column("fixed_at", sa.Float),
        sa.Column("fix", sa.String(200), nullable=False),
        sa.Column("fix_files", sa.Text, nullable=False),
        sa.Column("duplicate_of", sa.String(100), nullable=False),
        sa.Column("not_duplicate", sa.Integer, nullable=False),
        sa.Column("corrected_files", sa.Text, nullable=False),
    )
    op.create_index("triaged_issues_by_repo", "triaged_issues", ["repo", "triaged_at"])
