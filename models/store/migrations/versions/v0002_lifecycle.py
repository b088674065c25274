"""The lifecycle: links between records, state and stages of customers, findings, the matrix over runs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "record_link",
        sa.Column("target_id", ID, autoincrement=False, nullable=False),
        sa.Column("record_id", ID, autoincrement=False, nullable=False),
        sa.Column("kind", sa.SmallInteger, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("target_id", "record_id", "kind", name="pk_record_link"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_record_link_record_id",
        "record_link",
        ["record_id"],
        sqlite_where=sa.text("kind >= 10"),
        postgresql_where=sa.text("kind >= 10"),
    )
    op.create_table(
        "customer_state",
        sa.Column("golden_id", sa.Text, autoincrement=False, nullable=False),
        sa.Column("entity_type", sa.Text, nullable=False),
        sa.Column("stage", sa.Text, nullable=False),
        sa.Column("stage_since", sa.Text, nullable=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("existing_since", sa.Text, nullable=True),
        sa.Column("segment", sa.Text, nullable=True),
        sa.Column("segment_since", sa.Text, nullable=True),
        sa.Column("owner", sa.Text, nullable=True),
        sa.Column("health", sa.Double, nullable=True),
        sa.Column("last_contact", sa.Text, nullable=True),
        sa.Column("revenue", sa.Double, nullable=True),
        sa.Column("pipeline", sa.Double, nullable=True),
        sa.Column("findings", ID, nullable=False),
        sa.Column("stake", sa.Double, nullable=True),
        sa.Column("stale_on", sa.Text, nullable=True),
        sa.Column("parent_id", ID, nullable=True),
        sa.Column("profile", sa.Text, nullable=False),
        sa.Column("tally", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("golden_id", name="pk_customer_state"),
    )
    op.create_index("ix_customer_state_owner", "customer_state", ["owner"])
    op.create_index("ix_customer_state_stage", "customer_state", ["stage"])
    op.create_index("ix_customer_state_stale_on", "customer_state", ["stale_on"])
    op.create_table(
        "stage_history",
        sa.Column("golden_id", sa.Text, autoincrement=False, nullable=False),
        sa.Column("subject", sa.Text, autoincrement=False, nullable=False),
        sa.Column("subject_id", ID, autoincrement=False, nullable=False),
        sa.Column("seq", ID, autoincrement=False, nullable=False),
        sa.Column("stage", sa.Text, nullable=False),
        sa.Column("entered", sa.Text, nullable=False),
        sa.Column("exited", sa.Text, nullable=True),
        sa.PrimaryKeyConstraint("golden_id", "subject", "subject_id", "seq", name="pk_stage_history"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "finding",
        sa.Column("finding_id", ID, autoincrement=False, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("rule_hash", sa.Text, nullable=False),
        sa.Column("contracts", sa.Text, nullable=False),
        sa.Column("dimension", sa.Text, nullable=False),
        sa.Column("about", sa.Text, nullable=False),
        sa.Column("stage", sa.Text, nullable=True),
        sa.Column("golden_id", sa.Text, nullable=True),
        sa.Column("record_id", ID, nullable=True),
        sa.Column("source", sa.Text, nullable=True),
        sa.Column("stream", sa.Text, nullable=True),
        sa.Column("source_key", sa.Text, nullable=True),
        sa.Column("field", sa.Text, nullable=True),
        sa.Column("value", sa.Text, nullable=True),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=True),
        sa.Column("owner_role", sa.Text, nullable=True),
        sa.Column("stake", sa.Double, nullable=True),
        sa.Column("since", sa.Text, nullable=True),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("first_seen", sa.Text, nullable=False),
        sa.Column("opened_on", sa.Text, nullable=False),
        sa.Column("opened_run", sa.Text, nullable=False),
        sa.Column("closed_on", sa.Text, nullable=True),
        sa.Column("closed_run", sa.Text, nullable=True),
        sa.Column("closed_because", sa.Text, nullable=True),
        sa.Column("reopened", ID, nullable=False),
        sa.PrimaryKeyConstraint("finding_id", name="pk_finding"),
    )
    op.create_index("ix_finding_golden_id", "finding", ["golden_id"])
    op.create_index(
        "ix_finding_record_id",
        "finding",
        ["record_id"],
        sqlite_where=sa.text("golden_id IS NULL"),
        postgresql_where=sa.text("golden_id IS NULL"),
    )
    op.create_index("ix_finding_status_rule", "finding", ["status", "rule"])
    op.create_table(
        "finding_change",
        sa.Column("finding_id", ID, autoincrement=False, nullable=False),
        sa.Column("run_id", sa.Text, autoincrement=False, nullable=False),
        sa.Column("change", sa.Text, nullable=False),
        sa.Column("because", sa.Text, nullable=True),
        sa.Column("day", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("finding_id", "run_id", name="pk_finding_change"),
    )
    op.create_table(
        "finding_action",
        sa.Column("id", ID, nullable=False),
        sa.Column("finding_id", ID, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=True),
        sa.Column("at", TIME, nullable=False),
        sa.Column("until", sa.Text, nullable=True),
        sa.Column("target", sa.Text, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_finding_action"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_finding_action_finding_id", "finding_action", ["finding_id"])
    op.create_table(
        "matrix_cell",
        sa.Column("run_id", sa.Text, autoincrement=False, nullable=False),
        sa.Column("touchpoint", sa.Text, autoincrement=False, nullable=False),
        sa.Column("stage", sa.Text, autoincrement=False, nullable=False),
        sa.Column("source", sa.Text, autoincrement=False, nullable=False),
        sa.Column("expected", ID, nullable=False),
        sa.Column("collected", ID, nullable=False),
        sa.Column("touchpoints", ID, nullable=False),
        sa.Column("complete", ID, nullable=False),
        sa.Column("valid", ID, nullable=False),
        sa.Column("present", ID, nullable=False),
        sa.Column("fresh", ID, nullable=False),
        sa.PrimaryKeyConstraint("run_id", "touchpoint", "stage", "source", name="pk_matrix_cell"),
    )
    op.create_table(
        "lifecycle_measure",
        sa.Column("run_id", sa.Text, autoincrement=False, nullable=False),
        sa.Column("measure", sa.Text, autoincrement=False, nullable=False),
        sa.Column("part", sa.Text, autoincrement=False, nullable=False),
        sa.Column("value", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("run_id", "measure", "part", name="pk_lifecycle_measure"),
    )
    op.create_table(
        "contract_version",
        sa.Column("hash", sa.Text, autoincrement=False, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("first_run", sa.Text, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_contract_version"),
    )
