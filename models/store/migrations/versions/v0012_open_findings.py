"""The open findings of one customer are found by the customer, not among all that are open."""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_finding_golden_id", "finding")
    op.create_index("ix_finding_golden_id_status", "finding", ["golden_id", "status"])
