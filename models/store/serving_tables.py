"""Tables of serving: what programs created, how far each has read, webhooks, consent, who was erased,
corrections for sources, and views for analysts.
"""

from __future__ import annotations

import sqlalchemy as sa

from models.store.tables import Id, Json, UtcTime, _column, metadata

api_record = sa.Table(  # what programs created; runs read it as the source api-<consumer>
    "api_record",
    metadata,
    _column("record_id", Id, key=True),
    _column("consumer", sa.Text),
    _column("entity_type", sa.Text),
    _column("source_key", sa.Text),
    _column("golden_id", sa.Text),  # what was answered: the id kept for it, or the customer that it was attached to
    _column("reserved", sa.Boolean),  # the id is this record's own, and goes on whatever the record becomes part of
    _column("values", Json),
    _column("deleted", sa.Boolean),
    _column("at", UtcTime),
    sa.Index("ix_api_record_consumer", "consumer", "entity_type"),
    sa.Index("ix_api_record_golden_id", "golden_id"),
)

idempotency = sa.Table(  # answers to requests that may be sent again
    "idempotency",
    metadata,
    _column("who", sa.Text, key=True),
    _column("key", sa.Text, key=True),
    _column("request", sa.Text),  # hash of method, path and body
    _column("status", Id),
    _column("body", Json),
    _column("at", UtcTime),
    sa.Index("ix_idempotency_at", "at"),
)

feed_cursor = sa.Table(  # up to which event a program has said that it read
    "feed_cursor",
    metadata,
    _column("consumer", sa.Text, key=True),
    _column("name", sa.Text, key=True),  # of one of several readers of the program, or of a webhook
    _column("seq", Id),
    _column("at", UtcTime),
)

usage = sa.Table(
    "usage",
    metadata,
    _column("consumer", sa.Text, key=True),
    _column("day", sa.Text, key=True),
    _column("endpoint", sa.Text, key=True),
    _column("requests", Id),
    _column("refused", Id),
)

webhook = sa.Table(
    "webhook",
    metadata,
    _column("webhook_id", sa.Text, key=True),
    _column("consumer", sa.Text),
    _column("key_id", sa.Text),  # the key it was made with: what that one sees is what it is sent
    _column("url", sa.Text),
    _column("filters", Json),
    _column("seq", Id),  # the last event that was taken, or put aside
    _column("state", sa.Text),  # active | paused
    _column("failures", Id),  # in a row
    _column("next_at", UtcTime, null=True),  # no try before
    _column("error", sa.Text, null=True),
    _column("created_at", UtcTime),
    _column("created_by", sa.Text),
    _column("delivered_at", UtcTime, null=True),
)

dead_letter = sa.Table(  # deliveries that were given up
    "dead_letter",
    metadata,
    sa.Column("id", Id, primary_key=True),
    _column("webhook_id", sa.Text),
    _column("first_seq", Id),
    _column("last_seq", Id),
    _column("attempts", Id),
    _column("error", sa.Text),
    _column("at", UtcTime),
    _column("replayed_at", UtcTime, null=True),
    sa.Index("ix_dead_letter_webhook_id", "webhook_id"),
    sqlite_autoincrement=True,
)

consent = sa.Table(  # append-only: the newest entry of a person, purpose and channel holds
    "consent",
    metadata,
    sa.Column("id", Id, primary_key=True),
    _column("record_id", Id),  # of a person; who is in one golden record has the consent of all its records
    _column("purpose", sa.Text),
    _column("channel", sa.Text),  # '*' for any
    _column("given", sa.Boolean),
    _column("at", UtcTime),
    _column("by", sa.Text),
    _column("evidence", sa.Text, null=True),
    sa.Index("ix_consent_record_id", "record_id"),
    sa.Index("ix_consent_purpose", "purpose", "record_id"),
    sqlite_autoincrement=True,
)

tombstone = sa.Table(  # who was erased: ids alone, which say nothing about anybody
    "tombstone",
    metadata,
    _column("kind", sa.Text, key=True),  # record | golden
    _column("id", sa.Text, key=True),
    _column("erasure", sa.Text),
    _column("at", UtcTime),
    _column("by", sa.Text),
)

correction = sa.Table(  # what a source with write_back should hold instead of what it holds, until it does
    "correction",
    metadata,
    _column("record_id", Id, key=True),
    _column("attribute", sa.Text, key=True),
    _column("seq", Id),  # of the newest change of this row; who was told up to a number asks for those above
    _column("golden_id", sa.Text),
    _column("entity_type", sa.Text),
    _column("source", sa.Text),
    _column("stream", sa.Text),
    _column("source_key", sa.Text),
    _column("source_value", Json, null=True),
    _column("golden_value", Json, null=True),
    _column("rule", sa.Text),
    _column(
        "status", sa.Text
    ),  # open | acknowledged (the source delivers it now) | withdrawn (the hub thinks otherwise)
    _column("opened_at", UtcTime),
    _column("opened_run", sa.Text),
    _column("closed_at", UtcTime, null=True),
    _column("closed_run", sa.Text, null=True),
    sa.Index("ix_correction_source", "source", "seq"),
    sa.Index("ix_correction_golden_id", "golden_id"),
)

analyst_view = sa.Table(  # views for analysts as they were made, see analyst_views
    "analyst_view",
    metadata,
    _column("name", sa.Text, key=True),
    _column("hash", sa.Text),
)

SERVING_TABLES = (
    api_record,
    idempotency,
    feed_cursor,
    usage,
    webhook,
    dead_letter,
    consent,
    tombstone,
    correction,
    analyst_view,
)
