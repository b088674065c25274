"""What programs created, how far each has read, webhooks, consent, and who was erased."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "api_record",
        sa.Column("record_id", ID, autoincrement=False, nullable=False),
        sa.Column("consumer", sa.Text, nullable=False),
        sa.Column("entity_type", sa.Text, nullable=False),
        sa.Column("source_key", sa.Text, nullable=False),
        sa.Column("golden_id", sa.Text, nullable=False),
        sa.Column("reserved", sa.Boolean, nullable=False),
        sa.Column("values", sa.Text, nullable=False),
        sa.Column("deleted", sa.Boolean, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("record_id", name="pk_api_record"),
    )
    op.create_index("ix_api_record_consumer", "api_record", ["consumer", "entity_type"])
    op.create_index("ix_api_record_golden_id", "api_record", ["golden_id"])
    op.create_table(
        "idempotency",
        sa.Column("who", sa.Text, autoincrement=False, nullable=False),
        sa.Column("key", sa.Text, autoincrement=False, nullable=False),
        sa.Column("request", sa.Text, nullable=False),
        sa.Column("status", ID, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("who", "key", name="pk_idempotency"),
    )
    op.create_index("ix_idempotency_at", "idempotency", ["at"])
    op.create_table(
        "feed_cursor",
        sa.Column("consumer", sa.Text, autoincrement=False, nullable=False),
        sa.Column("name", sa.Text, autoincrement=False, nullable=False),
        sa.Column("seq", ID, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("consumer", "name", name="pk_feed_cursor"),
    )
    op.create_table(
        "usage",
        sa.Column("consumer", sa.Text, autoincrement=False, nullable=False),
        sa.Column("day", sa.Text, autoincrement=False, nullable=False),
        sa.Column("endpoint", sa.Text, autoincrement=False, nullable=False),
        sa.Column("requests", ID, nullable=False),
        sa.Column("refused", ID, nullable=False),
        sa.PrimaryKeyConstraint("consumer", "day", "endpoint", name="pk_usage"),
    )
    op.create_table(
        "webhook",
        sa.Column("webhook_id", sa.Text, autoincrement=False, nullable=False),
        sa.Column("consumer", sa.Text, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("filters", sa.Text, nullable=False),
        sa.Column("seq", ID, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("failures", ID, nullable=False),
        sa.Column("next_at", TIME, nullable=True),
        sa.Column("error", sa.Text, nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("delivered_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("webhook_id", name="pk_webhook"),
    )
    op.create_table(
        "dead_letter",
        sa.Column("id", ID, nullable=False),
        sa.Column("webhook_id", sa.Text, nullable=False),
        sa.Column("first_seq", ID, nullable=False),
        sa.Column("last_seq", ID, nullable=False),
        sa.Column("attempts", ID, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("replayed_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_dead_letter"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_dead_letter_webhook_id", "dead_letter", ["webhook_id"])
    op.create_table(
        "consent",
        sa.Column("id", ID, nullable=False),
        sa.Column("record_id", ID, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("given", sa.Boolean, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("evidence", sa.Text, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_consent"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_consent_purpose", "consent", ["purpose", "record_id"])
    op.create_index("ix_consent_record_id", "consent", ["record_id"])
    op.create_table(
        "tombstone",
        sa.Column("kind", sa.Text, autoincrement=False, nullable=False),
        sa.Column("id", sa.Text, autoincrement=False, nullable=False),
        sa.Column("erasure", sa.Text, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("kind", "id", name="pk_tombstone"),
    )
