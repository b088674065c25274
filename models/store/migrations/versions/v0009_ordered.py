"""Indexes for pages and decisions: customers in the order of their ids, runs by status, tasks with their sources."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_golden_record_listed", "golden_record", ["entity_type", "status", "golden_id"])
    op.create_index("ix_run_status_run_id", "run", ["status", "run_id"])
    op.create_index("ix_run_status_decisions_upto", "run", ["status", "decisions_upto"])
    op.create_index("ix_run_kind_run_id", "run", ["kind", "run_id"])
    op.add_column("task", sa.Column("sources", sa.Text, nullable=True))
    op.drop_index("ix_task_status_priority", "task")
    waiting = ["status", "priority", "opened_at", "task_key", "kind", "entity_type", "segment", "value", "weight"]
    op.create_index("ix_task_waiting", "task", [*waiting, "due_at", "claimed_by", "assigned_to", "sources"])
