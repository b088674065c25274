"""Accounts, sessions, links to set a password, keys of programs; the audit by person."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("name", sa.Text, autoincrement=False, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("display", sa.Text, nullable=True),
        sa.Column("password", sa.Text, nullable=True),
        sa.Column("subject", sa.Text, nullable=True),
        sa.Column("language", sa.Text, nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("disabled_at", TIME, nullable=True),
        sa.Column("failures", ID, nullable=False),
        sa.Column("wait_until", TIME, nullable=True),
        sa.Column("seen_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("name", name="pk_account"),
    )
    op.create_index("ix_account_subject", "account", ["subject"], unique=True)
    op.create_table(
        "web_session",
        sa.Column("id", sa.Text, autoincrement=False, nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("csrf", sa.Text, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("seen_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("address", sa.Text, nullable=True),
        sa.Column("agent", sa.Text, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_web_session"),
    )
    op.create_index("ix_web_session_account", "web_session", ["account"])
    op.create_table(
        "one_time_link",
        sa.Column("id", sa.Text, autoincrement=False, nullable=False),
        sa.Column("account", sa.Text, nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("used_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_one_time_link"),
    )
    op.create_table(
        "api_key",
        sa.Column("key_id", sa.Text, autoincrement=False, nullable=False),
        sa.Column("consumer", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("expires_at", TIME, nullable=True),
        sa.Column("revoked_at", TIME, nullable=True),
        sa.Column("used_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("key_id", name="pk_api_key"),
    )
    op.create_index("ix_api_key_consumer", "api_key", ["consumer"])
    op.create_index("ix_audit_actor", "audit", ["actor"])
    op.create_index("ix_audit_action", "audit", ["action"])
