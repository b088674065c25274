"""The tables of the hub store, as SQLAlchemy Core declares them; migrations build them, and a test keeps both equal.

Large texts are JSON in plain text columns, the same on both databases, since nothing searches inside them. Times are
UTC. Foreign keys stand only where a stray row could not be told from a good one; the large tables are written as whole
runs and checked by asset checks instead.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa

SCHEMA_REVISION = "0013"
"""The migration that this program needs; a test holds it equal to the newest one."""


class UtcTime(sa.types.TypeDecorator[dt.datetime]):
    """A moment in UTC: timestamptz on PostgreSQL, ISO text with microseconds on SQLite."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Any) -> dt.datetime | None:
        """Refuse naive times, which would silently mean another moment."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without its zone cannot be stored")
        return value.astimezone(dt.UTC)

    def process_result_value(self, value: dt.datetime | None, dialect: Any) -> dt.datetime | None:
        """Give the zone back that SQLite does not keep."""
        return value.replace(tzinfo=dt.UTC) if value is not None and value.tzinfo is None else value


# SQLite makes only a column declared INTEGER the key of the table's own tree.
Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Json = sa.Text()  # one instance, by which a column of long texts is known

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
    }
)


def _column(name: str, kind: Any, *, null: bool = False, key: bool = False) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=null, primary_key=key, autoincrement=False, info={"json": kind is Json})


run = sa.Table(
    "run",
    metadata,
    _column("run_id", sa.Text, key=True),
    _column("kind", sa.Text),  # full | incremental
    _column("status", sa.Text),  # running | published | failed
    _column("started_at", UtcTime),
    _column("finished_at", UtcTime, null=True),
    _column("pid", Id, null=True),
    _column("host", sa.Text, null=True),
    _column("decisions_upto", Id, null=True),  # the last decision that the published state rests on
    _column("metrics", Json, null=True),
    _column("error", sa.Text, null=True),
    sa.Index("ix_run_status_run_id", "status", "run_id"),
    sa.Index("ix_run_status_decisions_upto", "status", "decisions_upto"),
    sa.Index("ix_run_kind_run_id", "kind", "run_id"),
)

run_phase = sa.Table(
    "run_phase",
    metadata,
    sa.Column("run_id", sa.Text, sa.ForeignKey("run.run_id"), primary_key=True),
    _column("phase", sa.Text, key=True),
    _column("seconds", sa.Double),
)

run_lock = sa.Table(  # who holds the hub, for messages; the lock itself is held by the file system or the server
    "run_lock",
    metadata,
    _column("name", sa.Text, key=True),
    _column("run_id", sa.Text),
    _column("pid", Id),
    _column("host", sa.Text),
    _column("since", UtcTime),
)

counter = sa.Table("counter", metadata, _column("name", sa.Text, key=True), _column("value", Id))

stream_state = sa.Table(
    "stream_state",
    metadata,
    _column("source", sa.Text, key=True),
    _column("stream", sa.Text, key=True),
    _column("entity_type", sa.Text),
    _column("state", Json),  # the connector's cursor
    _column("schema", Json),  # delivered columns and their types
    _column("rows", Id),
    _column("batch_id", sa.Text, null=True),
    _column("delivered_at", UtcTime),
    _column("run_id", sa.Text),
)

# `standard` stands before `payload`: SQLite reads a row from its front, and matching needs no payload.
_RECORD: tuple[tuple[str, Any, bool], ...] = (
    ("entity_type", sa.Text, False),
    ("source", sa.Text, False),
    ("stream", sa.Text, False),
    ("source_key", sa.Text, False),
    ("version", Id, False),
    ("content_hash", Id, True),
    ("source_time", UtcTime, True),
    ("deleted", sa.Boolean, False),
    ("parser_version", sa.Text, True),
    ("first_run", sa.Text, False),
    ("last_run", sa.Text, False),
    ("standard", Json, True),
    ("payload", Json, True),
)

source_record = sa.Table(
    "source_record",
    metadata,
    _column("record_id", Id, key=True),
    *(_column(name, kind, null=null) for name, kind, null in _RECORD),
    # Change detection reads a stream from this index alone.
    sa.Index(
        "ix_source_record_stream",
        *("entity_type", "source", "stream", "record_id", "deleted", "content_hash", "version", "source_time"),
    ),
)

source_record_version = sa.Table(  # superseded versions, and late deliveries that never were current
    "source_record_version",
    metadata,
    _column("record_id", Id, key=True),
    _column("version", Id, key=True),
    _column("last_run", sa.Text, key=True),
    *(_column(name, kind, null=null) for name, kind, null in _RECORD if name not in ("version", "last_run")),
    _column("superseded_run", sa.Text),
)

record_rekey = sa.Table(  # records that went on under another key of their source
    "record_rekey",
    metadata,
    _column("run_id", sa.Text, key=True),
    _column("old_id", Id, key=True),
    _column("new_id", Id),
    _column("recorded_at", UtcTime),
    sa.Index("ix_record_rekey_old_id", "old_id"),
    sa.Index("ix_record_rekey_new_id", "new_id"),
)

match_key = sa.Table(
    "match_key",
    metadata,
    _column("key", Id, key=True),
    _column("record_id", Id, key=True),
    sa.Index("ix_match_key_record_id", "record_id"),
    sqlite_with_rowid=False,
)

edge = sa.Table(
    "edge",
    metadata,
    _column("left_id", Id, key=True),
    _column("right_id", Id, key=True),
    _column("entity_type", sa.Text),
    _column("weight", sa.Double),
    sa.CheckConstraint("left_id < right_id", name="ck_edge_order"),
    sa.Index("ix_edge_right_id", "right_id"),
    sqlite_with_rowid=False,
)

membership = sa.Table(
    "membership",
    metadata,
    _column("record_id", Id, key=True),
    _column("golden_id", sa.Text),
    _column("run_id", sa.Text),  # since which run
    sa.Index("ix_membership_golden_id", "golden_id"),
)

membership_history = sa.Table(
    "membership_history",
    metadata,
    _column("record_id", Id, key=True),
    _column("golden_id", sa.Text, key=True),
    _column("from_run", sa.Text, key=True),
    _column("to_run", sa.Text),
    sa.Index("ix_membership_history_golden_id", "golden_id"),
)

_GOLDEN: tuple[tuple[str, Any, bool], ...] = (
    ("entity_type", sa.Text, False),
    ("version", Id, False),
    ("status", sa.Text, False),  # active | retired
    ("records", Id, False),
    ("valid_from", UtcTime, True),  # the sources' time
    ("recorded_at", UtcTime, False),  # the hub's time
    ("run_id", sa.Text, False),
    ("values", Json, False),
    ("provenance", Json, False),
)

golden_record = sa.Table(
    "golden_record",
    metadata,
    _column("golden_id", sa.Text, key=True),
    *(_column(name, kind, null=null) for name, kind, null in _GOLDEN),
    sa.Index("ix_golden_record_listed", "entity_type", "status", "golden_id"),
)

golden_version = sa.Table(
    "golden_version",
    metadata,
    _column("golden_id", sa.Text, key=True),
    _column("version", Id, key=True),
    *(_column(name, kind, null=null) for name, kind, null in _GOLDEN if name != "version"),
    _column("recorded_to", UtcTime),
)

golden_alias = sa.Table(
    "golden_alias",
    metadata,
    _column("alias_id", sa.Text, key=True),
    _column("golden_id", sa.Text),
    _column("run_id", sa.Text),
    _column("recorded_at", UtcTime),
    sa.Index("ix_golden_alias_golden_id", "golden_id"),
)

golden_lineage = sa.Table(
    "golden_lineage",
    metadata,
    _column("child_id", sa.Text, key=True),
    _column("parent_id", sa.Text, key=True),
    _column("kind", sa.Text, key=True),  # split | merge
    _column("run_id", sa.Text, key=True),
    sa.Index("ix_golden_lineage_parent_id", "parent_id"),
)

decision = sa.Table(  # append-only: an undone decision stays, with a successor that names it in `undoes`
    "decision",
    metadata,
    sa.Column("id", Id, primary_key=True),
    _column("kind", sa.Text),
    _column("verdict", sa.Text),
    _column("entity_type", sa.Text, null=True),
    _column("left_id", Id, null=True),
    _column("right_id", Id, null=True),
    _column("by", sa.Text),
    _column("reason", sa.Text, null=True),
    _column("at", UtcTime),
    _column("evidence", Json, null=True),
    _column("model_id", sa.Text, null=True),
    sa.Column("undoes", Id, sa.ForeignKey("decision.id"), nullable=True),
    _column("detail", Json, null=True),  # what does not fit a pair: parts of a split, attribute and value of a pin
    _column("approval", sa.Text, null=True),  # needed: holds only once a second person approved
    _column("approves", Id, null=True),  # the entry that this one approves or rejects
    sa.Index("ix_decision_left_id", "left_id"),
    sa.Index("ix_decision_right_id", "right_id"),
    sa.Index("ix_decision_undoes", "undoes"),
    sa.Index("ix_decision_approves", "approves"),
    sa.Index("ix_decision_entity_type_at", "entity_type", "at"),
    sqlite_autoincrement=True,
)

decision_record = sa.Table(  # every record that a decision is about
    "decision_record",
    metadata,
    _column("record_id", Id, key=True),
    _column("decision_id", Id, key=True),
    sqlite_with_rowid=False,
)

task = sa.Table(
    "task",
    metadata,
    _column("task_key", sa.Text, key=True),
    _column("kind", sa.Text),  # see MACHINE_KINDS and OTHER_KINDS
    _column("entity_type", sa.Text),
    _column("left_id", Id, null=True),
    _column("right_id", Id, null=True),
    _column("records", Json),
    _column("weight", sa.Double, null=True),
    _column("probability", sa.Double, null=True),
    _column("reason", sa.Text, null=True),
    _column("status", sa.Text),  # open | unsure (somebody looked and could not tell) | closed
    _column("opened_run", sa.Text),
    _column("opened_at", UtcTime),
    _column("closed_run", sa.Text, null=True),
    _column("closed_at", UtcTime, null=True),
    _column("priority", sa.Double, null=True),  # value times doubt
    _column("value", sa.Double, null=True),
    _column("segment", sa.Text, null=True),
    _column("claimed_by", sa.Text, null=True),
    _column("claimed_at", UtcTime, null=True),
    _column("assigned_to", sa.Text, null=True),
    _column("due_at", UtcTime, null=True),
    _column("decision_id", Id, null=True),  # the decision that it is about
    _column("detail", Json, null=True),
    _column("sources", sa.Text, null=True),  # of its records: ",crm,dms,"
    sa.Index("ix_task_status_kind", "status", "kind"),
    # The inbox counts and orders what waits from this index alone.
    sa.Index(
        "ix_task_waiting",
        *("status", "priority", "opened_at", "task_key", "kind", "entity_type", "segment", "value", "weight"),
        *("due_at", "claimed_by", "assigned_to", "sources"),
    ),
    sa.Index("ix_task_opened", "entity_type", "opened_at"),
    sa.Index("ix_task_closed", "entity_type", "closed_at"),
)

task_record = sa.Table(
    "task_record",
    metadata,
    _column("record_id", Id, key=True),
    _column("task_key", sa.Text, key=True),
    sa.Index("ix_task_record_task_key", "task_key"),
    sqlite_with_rowid=False,
)

task_comment = sa.Table(
    "task_comment",
    metadata,
    sa.Column("id", Id, primary_key=True),
    _column("task_key", sa.Text),
    _column("at", UtcTime),
    _column("by", sa.Text),
    _column("text", sa.Text),
    sa.Index("ix_task_comment_task_key", "task_key"),
    sqlite_autoincrement=True,
)

event = sa.Table(
    "event",
    metadata,
    _column("seq", Id, key=True),  # without gaps, assigned inside the publishing transaction
    _column("type", sa.Text),  # created | changed | merged | split | retired | alias
    _column("entity_type", sa.Text),
    _column("golden_id", sa.Text),
    _column("version", Id, null=True),
    _column("before", Json, null=True),
    _column("after", Json, null=True),
    _column("attributes", Json, null=True),
    _column("run_id", sa.Text),
    _column("at", UtcTime),
)

quarantine = sa.Table(
    "quarantine",
    metadata,
    sa.Column("id", Id, primary_key=True),
    _column("run_id", sa.Text),
    _column("source", sa.Text),
    _column("stream", sa.Text),
    _column("source_key", sa.Text, null=True),
    _column("row", Id, null=True),
    _column("field", sa.Text, null=True),
    _column("value", sa.Text, null=True),
    _column("reason", sa.Text),
    _column("at", UtcTime),
    sa.Index("ix_quarantine_run_id", "run_id"),
)

match_model = sa.Table(
    "match_model",
    metadata,
    _column("model_id", sa.Text, key=True),
    _column("entity_type", sa.Text),
    _column("status", sa.Text),  # draft | published | retired
    _column("document", Json),
    _column("created_at", UtcTime),
    _column("published_at", UtcTime, null=True),
    sa.Index("ix_match_model_entity_type_status", "entity_type", "status"),
)

model_comparison = sa.Table(  # what publishing a model would change against the one in use
    "model_comparison",
    metadata,
    _column("model_id", sa.Text, key=True),
    _column("against", sa.Text, key=True),
    _column("at", UtcTime),
    _column("document", Json),
)

contact_profile = sa.Table(
    "contact_profile",
    metadata,
    _column("entity_type", sa.Text, key=True),
    _column("kind", sa.Text, key=True),  # phone | email | domain …
    _column("value", sa.Text, key=True),
    _column("role", sa.Text),  # personal | household | office | junk …
    _column("records", Id),
    _column("detail", Json, null=True),
    _column("run_id", sa.Text),
)

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("id", Id, primary_key=True),
    _column("at", UtcTime),
    _column("actor", sa.Text),
    _column("action", sa.Text),
    _column("object_type", sa.Text, null=True),
    _column("object_id", sa.Text, null=True),
    _column("detail", Json, null=True),
    sa.Index("ix_audit_object", "object_type", "object_id"),
    sa.Index("ix_audit_actor", "actor"),
    sa.Index("ix_audit_action", "action"),
    sqlite_autoincrement=True,
)
