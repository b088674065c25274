"""The stages of a customer, its opportunities and vehicles stand with its state; changes of its health are kept."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_ROW = """'["' || substr(subject, 1, 1) || '",' || subject_id || ',"' || stage || '","' || entered || '"]'"""
_JOINED = {
    "sqlite": f"SELECT group_concat({_ROW}, ',') FROM (SELECT * FROM stage_history h WHERE h.golden_id = "
    "customer_state.golden_id ORDER BY subject, subject_id, seq)",
    "postgresql": f"SELECT string_agg({_ROW}, ',' ORDER BY subject, subject_id, seq) FROM stage_history h "
    "WHERE h.golden_id = customer_state.golden_id",
}


def upgrade() -> None:
    op.add_column("customer_state", sa.Column("history", sa.Text, nullable=True))
    joined = _JOINED[op.get_bind().dialect.name]
    op.execute(f"UPDATE customer_state SET history = '[' || ({joined}) || ']'")
    op.drop_table("stage_history")
    op.create_table(
        "health_change",
        sa.Column("golden_id", sa.Text, autoincrement=False, nullable=False),
        sa.Column("run_id", sa.Text, autoincrement=False, nullable=False),
        sa.Column("day", sa.Text, nullable=False),
        sa.Column("before", sa.Double, nullable=True),
        sa.Column("after", sa.Double, nullable=True),
        sa.PrimaryKeyConstraint("golden_id", "run_id", name="pk_health_change"),
        sqlite_with_rowid=False,
    )
