"""Records that went on under another key of their source."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "record_rekey",
        sa.Column("run_id", sa.Text, autoincrement=False, nullable=False),
        sa.Column("old_id", ID, autoincrement=False, nullable=False),
        sa.Column("new_id", ID, nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "old_id", name="pk_record_rekey"),
    )
    op.create_index("ix_record_rekey_old_id", "record_rekey", ["old_id"])
    op.create_index("ix_record_rekey_new_id", "record_rekey", ["new_id"])
