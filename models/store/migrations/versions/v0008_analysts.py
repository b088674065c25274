"""Corrections for sources, and which views for analysts there are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "correction",
        sa.Column("record_id", ID, autoincrement=False, nullable=False),
        sa.Column("attribute", sa.Text, autoincrement=False, nullable=False),
        sa.Column("seq", ID, nullable=False),
        sa.Column("golden_id", sa.Text, nullable=False),
        sa.Column("entity_type", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("stream", sa.Text, nullable=False),
        sa.Column("source_key", sa.Text, nullable=False),
        sa.Column("source_value", sa.Text, nullable=True),
        sa.Column("golden_value", sa.Text, nullable=True),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("opened_at", TIME, nullable=False),
        sa.Column("opened_run", sa.Text, nullable=False),
        sa.Column("closed_at", TIME, nullable=True),
        sa.Column("closed_run", sa.Text, nullable=True),
        sa.PrimaryKeyConstraint("record_id", "attribute", name="pk_correction"),
    )
    op.create_index("ix_correction_golden_id", "correction", ["golden_id"])
    op.create_index("ix_correction_source", "correction", ["source", "seq"])
    op.create_table(
        "analyst_view",
        sa.Column("name", sa.Text, autoincrement=False, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_analyst_view"),
    )
