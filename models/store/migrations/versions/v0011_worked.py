"""Indexes for the work of stewards per day."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_task_opened", "task", ["entity_type", "opened_at"])
    op.create_index("ix_task_closed", "task", ["entity_type", "closed_at"])
    op.create_index("ix_decision_entity_type_at", "decision", ["entity_type", "at"])
