"""The hub: runs, source records, match keys, edges, crosswalk, golden records, decisions, tasks, events, models."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "run",
        sa.Column("run_id", sa.Text, autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("finished_at", TIME, nullable=True),
        sa.Column("pid", ID, nullable=True),
        sa.Column("host", sa.Text, nullable=True),
        sa.Column("decisions_upto", ID, nullable=True),
        sa.Column("metrics", sa.Text, nullable=True),
        sa.Column("error", sa.Text, nullable=True),
        sa.PrimaryKeyConstraint("run_id", name="pk_run"),
    )
    op.create_table(
        "run_phase",
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("phase", sa.Text, autoincrement=False, nullable=False),
        sa.Column("seconds", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("run_id", "phase", name="pk_run_phase"),
        sa.ForeignKeyConstraint(["run_id"], ["run.run_id"], name="fk_run_phase_run_id"),
    )
    op.create_table(
        "run_lock",
        sa.Column("name", sa.Text, autoincrement=False, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("pid", ID, nullable=False),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("since", TIME, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_run_lock"),
    )
    op.create_table(
        "counter",
        sa.Column("name", sa.Text, autoincrement=False, nullable=False),
        sa.Column("value", ID, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_counter"),
    )
    op.create_table(
        "stream_state",
        sa.Column("source", sa.Text, autoincrement=False, nullable=False),
        sa.Column("stream", sa.Text, autoincrement=False, nullable=False),
        sa.Column("entity_type", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("schema", sa.Text, nullable=False),
        sa.Column("rows", ID, nullable=False),
        sa.Column("batch_id", sa.Text, nullable=True),
        sa.Column("delivered_at", TIME, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("source", "stream", name="pk_stream_state"),
    )
    op.create_table(
        "source_record",
        sa.Column("record_id", ID, autoincrement=False, nullable=False),
        sa.Column("entity_type", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("stream", sa.Text, nullable=False),
        sa.Column("source_key", sa.Text, nullable=False),
        sa.Column("version", ID, nullable=False),
        sa.Column("content_hash", ID, nullable=True),
        sa.Column("source_time", TIME, nullable=True),
        sa.Column("deleted", sa.Boolean, nullable=False),
        sa.Column("parser_version", sa.Text, nullable=True),
        sa.Column("first_run", sa.Text, nullable=False),
        sa.Column("last_run", sa.Text, nullable=False),
        sa.Column("standard", sa.Text, nullable=True),
        sa.Column("payload", sa.Text, nullable=True),
        sa.PrimaryKeyConstraint("record_id", name="pk_source_record"),
    )
    op.create_index(
        "ix_source_record_stream",
        "source_record",
        ["entity_type", "source", "stream", "record_id", "deleted", "content_hash", "version", "source_time"],
    )
    op.create_table(
        "source_record_version",
        sa.Column("record_id", ID, autoincrement=False, nullable=False),
        sa.Column("version", ID, autoincrement=False, nullable=False),
        sa.Column("last_run", sa.Text, autoincrement=False, nullable=False),
        sa.Column("entity_type", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("stream", sa.Text, nullable=False),
        sa.Column("source_key", sa.Text, nullable=False),
        sa.Column("content_hash", ID, nullable=True),
        sa.Column("source_time", TIME, nullable=True),
        sa.Column("deleted", sa.Boolean, nullable=False),
        sa.Column("parser_version", sa.Text, nullable=True),
        sa.Column("first_run", sa.Text, nullable=False),
        sa.Column("standard", sa.Text, nullable=True),
        sa.Column("payload", sa.Text, nullable=True),
        sa.Column("superseded_run", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("record_id", "version", "last_run", name="pk_source_record_version"),
    )
    op.create_table(
        "match_key",
        sa.Column("key", ID, autoincrement=False, nullable=False),
        sa.Column("record_id", ID, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("key", "record_id", name="pk_match_key"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_match_key_record_id", "match_key", ["record_id"])
    op.create_table(
        "edge",
        sa.Column("left_id", ID, autoincrement=False, nullable=False),
        sa.Column("right_id", ID, autoincrement=False, nullable=False),
        sa.Column("entity_type", sa.Text, nullable=False),
        sa.Column("weight", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("left_id", "right_id", name="pk_edge"),
        sa.CheckConstraint("left_id < right_id", name="ck_edge_order"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_edge_right_id", "edge", ["right_id"])
    op.create_table(
        "membership",
        sa.Column("record_id", ID, autoincrement=False, nullable=False),
        sa.Column("golden_id", sa.Text, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("record_id", name="pk_membership"),
    )
    op.create_index("ix_membership_golden_id", "membership", ["golden_id"])
    op.create_table(
        "membership_history",
        sa.Column("record_id", ID, autoincrement=False, nullable=False),
        sa.Column("golden_id", sa.Text, autoincrement=False, nullable=False),
        sa.Column("from_run", sa.Text, autoincrement=False, nullable=False),
        sa.Column("to_run", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("record_id", "golden_id", "from_run", name="pk_membership_history"),
    )
    op.create_index("ix_membership_history_golden_id", "membership_history", ["golden_id"])
    op.create_table(
        "golden_record",
        sa.Column("golden_id", sa.Text, autoincrement=False, nullable=False),
        sa.Column("entity_type", sa.Text, nullable=False),
        sa.Column("version", ID, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("records", ID, nullable=False),
        sa.Column("valid_from", TIME, nullable=True),
        sa.Column("recorded_at", TIME, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("values", sa.Text, nullable=False),
        sa.Column("provenance", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("golden_id", name="pk_golden_record"),
    )
    op.create_table(
        "golden_version",
        sa.Column("golden_id", sa.Text, autoincrement=False, nullable=False),
        sa.Column("version", ID, autoincrement=False, nullable=False),
        sa.Column("entity_type", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("records", ID, nullable=False),
        sa.Column("valid_from", TIME, nullable=True),
        sa.Column("recorded_at", TIME, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("values", sa.Text, nullable=False),
        sa.Column("provenance", sa.Text, nullable=False),
        sa.Column("recorded_to", TIME, nullable=False),
        sa.PrimaryKeyConstraint("golden_id", "version", name="pk_golden_version"),
    )
    op.create_table(
        "golden_alias",
        sa.Column("alias_id", sa.Text, autoincrement=False, nullable=False),
        sa.Column("golden_id", sa.Text, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("recorded_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("alias_id", name="pk_golden_alias"),
    )
    op.create_index("ix_golden_alias_golden_id", "golden_alias", ["golden_id"])
    op.create_table(
        "golden_lineage",
        sa.Column("child_id", sa.Text, autoincrement=False, nullable=False),
        sa.Column("parent_id", sa.Text, autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text, autoincrement=False, nullable=False),
        sa.Column("run_id", sa.Text, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("child_id", "parent_id", "kind", "run_id", name="pk_golden_lineage"),
    )
    op.create_index("ix_golden_lineage_parent_id", "golden_lineage", ["parent_id"])
    op.create_table(
        "decision",
        sa.Column("id", ID, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("verdict", sa.Text, nullable=False),
        sa.Column("entity_type", sa.Text, nullable=True),
        sa.Column("left_id", ID, nullable=True),
        sa.Column("right_id", ID, nullable=True),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=True),
        sa.Column("at", TIME, nullable=False),
        sa.Column("evidence", sa.Text, nullable=True),
        sa.Column("model_id", sa.Text, nullable=True),
        sa.Column("undoes", ID, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_decision"),
        sa.ForeignKeyConstraint(["undoes"], ["decision.id"], name="fk_decision_undoes"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_decision_left_id", "decision", ["left_id"])
    op.create_index("ix_decision_right_id", "decision", ["right_id"])
    op.create_table(
        "task",
        sa.Column("task_key", sa.Text, autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("entity_type", sa.Text, nullable=False),
        sa.Column("left_id", ID, nullable=True),
        sa.Column("right_id", ID, nullable=True),
        sa.Column("records", sa.Text, nullable=False),
        sa.Column("weight", sa.Double, nullable=True),
        sa.Column("probability", sa.Double, nullable=True),
        sa.Column("reason", sa.Text, nullable=True),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("opened_run", sa.Text, nullable=False),
        sa.Column("opened_at", TIME, nullable=False),
        sa.Column("closed_run", sa.Text, nullable=True),
        sa.Column("closed_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("task_key", name="pk_task"),
    )
    op.create_index("ix_task_status_kind", "task", ["status", "kind"])
    op.create_table(
        "task_record",
        sa.Column("record_id", ID, autoincrement=False, nullable=False),
        sa.Column("task_key", sa.Text, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("record_id", "task_key", name="pk_task_record"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "event",
        sa.Column("seq", ID, autoincrement=False, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("entity_type", sa.Text, nullable=False),
        sa.Column("golden_id", sa.Text, nullable=False),
        sa.Column("version", ID, nullable=True),
        sa.Column("before", sa.Text, nullable=True),
        sa.Column("after", sa.Text, nullable=True),
        sa.Column("attributes", sa.Text, nullable=True),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_event"),
    )
    op.create_table(
        "quarantine",
        sa.Column("id", ID, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("stream", sa.Text, nullable=False),
        sa.Column("source_key", sa.Text, nullable=True),
        sa.Column("row", ID, nullable=True),
        sa.Column("field", sa.Text, nullable=True),
        sa.Column("value", sa.Text, nullable=True),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_quarantine"),
    )
    op.create_index("ix_quarantine_run_id", "quarantine", ["run_id"])
    op.create_table(
        "match_model",
        sa.Column("model_id", sa.Text, autoincrement=False, nullable=False),
        sa.Column("entity_type", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("published_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("model_id", name="pk_match_model"),
    )
    op.create_index("ix_match_model_entity_type_status", "match_model", ["entity_type", "status"])
    op.create_table(
        "contact_profile",
        sa.Column("entity_type", sa.Text, autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text, autoincrement=False, nullable=False),
        sa.Column("value", sa.Text, autoincrement=False, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("records", ID, nullable=False),
        sa.Column("detail", sa.Text, nullable=True),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("entity_type", "kind", "value", name="pk_contact_profile"),
    )
    op.create_table(
        "audit",
        sa.Column("id", ID, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("object_type", sa.Text, nullable=True),
        sa.Column("object_id", sa.Text, nullable=True),
        sa.Column("detail", sa.Text, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_audit_object", "audit", ["object_type", "object_id"])
