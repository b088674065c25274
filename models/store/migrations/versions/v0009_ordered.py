"""Indexes for pages and decisions: customers in the order of their ids, runs by status."""

from __future__ import annotations

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
