"""Tables of the lifecycle: which records hang on which, where every customer stands, findings, the matrix over runs.

All but what people did (`finding_action`) follows from source records, decisions and contracts. Days are ISO texts
(`2026-09-01`), which sort as days do.
"""

from __future__ import annotations

import sqlalchemy as sa

from models.store.tables import Id, Json, UtcTime, _column, metadata

# What the links of a record mean; those of parties are looked up from both ends.
PARTY, CONTACT, REFERS, VEHICLE, FROM, TO, ORGANIZATION, PARENT = 1, 2, 3, 4, 5, 6, 11, 12
_OF_PARTIES = sa.text("kind >= 10")

record_link = sa.Table(  # source record → what it hangs on: another record, or the number of a VIN
    "record_link",
    metadata,
    _column("target_id", Id, key=True),
    _column("record_id", Id, key=True),
    _column("kind", sa.SmallInteger, key=True),
    sa.Index("ix_record_link_record_id", "record_id", sqlite_where=_OF_PARTIES, postgresql_where=_OF_PARTIES),
    sqlite_with_rowid=False,
)

customer_state = sa.Table(
    "customer_state",
    metadata,
    _column("golden_id", sa.Text, key=True),
    _column("entity_type", sa.Text),
    _column("stage", sa.Text),
    _column("stage_since", sa.Text, null=True),
    _column("kind", sa.Text),  # new | existing
    _column("existing_since", sa.Text, null=True),
    _column("segment", sa.Text, null=True),
    _column("segment_since", sa.Text, null=True),
    _column("owner", sa.Text, null=True),
    _column("health", sa.Double, null=True),
    _column("last_contact", sa.Text, null=True),
    _column("revenue", sa.Double, null=True),
    _column("pipeline", sa.Double, null=True),
    _column("findings", Id),
    _column("stake", sa.Double, null=True),
    _column("stale_on", sa.Text, null=True),  # the first day on which something changes without a delivery
    _column("parent_id", Id, null=True),  # a source record of the parent
    _column("profile", Json),
    _column("tally", Json),  # what this customer adds to the matrix and to the results of the rules
    _column("history", Json, null=True),  # [subject, its id, stage, day entered], also of opportunities and vehicles
    sa.Index("ix_customer_state_stale_on", "stale_on"),
    sa.Index("ix_customer_state_stage", "stage"),
    sa.Index("ix_customer_state_owner", "owner"),
)

health_change = sa.Table(  # when the health score of a customer became another
    "health_change",
    metadata,
    _column("golden_id", sa.Text, key=True),
    _column("run_id", sa.Text, key=True),
    _column("day", sa.Text),
    _column("before", sa.Double, null=True),
    _column("after", sa.Double, null=True),
    sqlite_with_rowid=False,
)

SUBJECTS = {"c": "customer", "o": "opportunity", "v": "vehicle"}
"""The letters of `customer_state.history`; ids are 0, those of records, and the numbers of VINs."""

MOST_STAKE, SINCE = "coalesce(stake, 0)", "coalesce(since, '9999')"
"""By what findings of one severity are listed; an index holds them so, where a query says just the same."""

finding = sa.Table(
    "finding",
    metadata,
    _column("finding_id", Id, key=True),
    _column("rule", sa.Text),
    _column("rule_hash", sa.Text),
    _column("contracts", sa.Text),  # version of the contracts
    _column("dimension", sa.Text),  # complete | valid | timely
    _column("about", sa.Text),  # kind of touchpoint, vehicle, relation, contact, customer
    _column("stage", sa.Text, null=True),
    _column("golden_id", sa.Text, null=True),
    _column("record_id", Id, null=True),
    _column("source", sa.Text, null=True),
    _column("stream", sa.Text, null=True),
    _column("source_key", sa.Text, null=True),
    _column("field", sa.Text, null=True),
    _column("value", sa.Text, null=True),
    _column("severity", sa.Text),
    _column("owner", sa.Text, null=True),
    _column("owner_role", sa.Text, null=True),
    _column("stake", sa.Double, null=True),
    _column("since", sa.Text, null=True),  # the day from which it is so, by the data
    _column("status", sa.Text),  # open | closed
    _column("first_seen", sa.Text),
    _column("opened_on", sa.Text),
    _column("opened_run", sa.Text),
    _column("closed_on", sa.Text, null=True),
    _column("closed_run", sa.Text, null=True),
    _column("closed_because", sa.Text, null=True),  # delivery | identity | contracts
    _column("reopened", Id),
    # Without statistics, SQLite would sooner look among all open findings than among those of one customer.
    sa.Index("ix_finding_golden_id_status", "golden_id", "status"),
    sa.Index("ix_finding_status_rule", "status", "rule", "source", "severity"),  # counts are read from it alone
    sa.Index("ix_finding_listed", "status", "severity", sa.text(f"{MOST_STAKE} DESC"), sa.text(SINCE), "finding_id"),
    sa.Index(
        "ix_finding_record_id",
        "record_id",
        sqlite_where=sa.text("golden_id IS NULL"),
        postgresql_where=sa.text("golden_id IS NULL"),
    ),
)

finding_change = sa.Table(  # closings and re-openings; the first opening stands in the finding itself
    "finding_change",
    metadata,
    _column("finding_id", Id, key=True),
    _column("run_id", sa.Text, key=True),
    _column("change", sa.Text),  # closed | reopened
    _column("because", sa.Text, null=True),
    _column("day", sa.Text),
)

finding_action = sa.Table(  # append-only: what people did with findings
    "finding_action",
    metadata,
    sa.Column("id", Id, primary_key=True),
    _column("finding_id", Id),
    _column("action", sa.Text),  # waive | unwaive | hand_back
    _column("by", sa.Text),
    _column("reason", sa.Text, null=True),
    _column("at", UtcTime),
    _column("until", sa.Text, null=True),  # the last day of a waiver
    _column("target", sa.Text, null=True),  # where it was handed to
    sa.Index("ix_finding_action_finding_id", "finding_id"),
    sqlite_autoincrement=True,
)

matrix_cell = sa.Table(
    "matrix_cell",
    metadata,
    _column("run_id", sa.Text, key=True),
    _column("touchpoint", sa.Text, key=True),
    _column("stage", sa.Text, key=True),
    _column("source", sa.Text, key=True),  # '' holds what is expected of all sources together
    _column("expected", Id),
    _column("collected", Id),
    _column("touchpoints", Id),
    _column("complete", Id),
    _column("valid", Id),
    _column("present", Id),
    _column("fresh", Id),
)

lifecycle_measure = sa.Table(  # numbers over all customers, run by run
    "lifecycle_measure",
    metadata,
    _column("run_id", sa.Text, key=True),
    _column("measure", sa.Text, key=True),
    _column("part", sa.Text, key=True),
    _column("value", sa.Double),
)

contract_version = sa.Table(
    "contract_version",
    metadata,
    _column("hash", sa.Text, key=True),
    _column("name", sa.Text),
    _column("version", sa.Text),
    _column("document", Json),
    _column("first_run", sa.Text),
    _column("at", UtcTime),
)

LIFECYCLE_TABLES = (
    record_link,
    customer_state,
    health_change,
    finding,
    finding_change,
    finding_action,
    matrix_cell,
    lifecycle_measure,
    contract_version,
)
