"""Findings in the order in which they are listed: the first page of a million takes no sorting of all."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_finding_listed",
        "finding",
        ["status", "severity", sa.text("coalesce(stake, 0) DESC"), sa.text("coalesce(since, '9999')"), "finding_id"],
    )
    op.drop_index("ix_finding_status_rule", "finding")
    op.create_index("ix_finding_status_rule", "finding", ["status", "rule", "source", "severity"])
