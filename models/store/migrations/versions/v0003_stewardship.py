"""Stewardship: what decisions hold besides pairs, who works on which task, comments, comparisons of models."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add columns to decisions and tasks; the pairs decided so far are found by their records, too."""
    decision: tuple[sa.Column[Any], ...] = (
        sa.Column("detail", sa.Text, nullable=True),
        sa.Column("approval", sa.Text, nullable=True),
        sa.Column("approves", ID, nullable=True),
    )
    for column in decision:
        op.add_column("decision", column)
    op.create_index("ix_decision_undoes", "decision", ["undoes"])
    op.create_index("ix_decision_approves", "decision", ["approves"])
    op.create_table(
        "decision_record",
        sa.Column("record_id", ID, autoincrement=False, nullable=False),
        sa.Column("decision_id", ID, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("record_id", "decision_id", name="pk_decision_record"),
        sqlite_with_rowid=False,
    )
    for side in ("left_id", "right_id"):
        op.execute(
            f"INSERT INTO decision_record (record_id, decision_id) SELECT {side}, id FROM decision "
            f"WHERE {side} IS NOT NULL ON CONFLICT DO NOTHING"
        )
    task: tuple[sa.Column[Any], ...] = (
        sa.Column("priority", sa.Double, nullable=True),
        sa.Column("value", sa.Double, nullable=True),
        sa.Column("segment", sa.Text, nullable=True),
        sa.Column("claimed_by", sa.Text, nullable=True),
        sa.Column("claimed_at", TIME, nullable=True),
        sa.Column("assigned_to", sa.Text, nullable=True),
        sa.Column("due_at", TIME, nullable=True),
        sa.Column("decision_id", ID, nullable=True),
        sa.Column("detail", sa.Text, nullable=True),
    )
    for column in task:
        op.add_column("task", column)
    op.create_index("ix_task_status_priority", "task", ["status", "priority"])
    op.create_index("ix_task_record_task_key", "task_record", ["task_key"])
    op.create_table(
        "task_comment",
        sa.Column("id", ID, nullable=False),
        sa.Column("task_key", sa.Text, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_task_comment"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_task_comment_task_key", "task_comment", ["task_key"])
    op.create_table(
        "model_comparison",
        sa.Column("model_id", sa.Text, autoincrement=False, nullable=False),
        sa.Column("against", sa.Text, autoincrement=False, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("model_id", "against", name="pk_model_comparison"),
    )
