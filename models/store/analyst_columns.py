"""The views for analysts as data: what each holds, column by column, and where it comes from.

Columns may be added at the end, never renamed or removed. What is said here is the documentation
(docs/analyst-views.md), which a test holds equal to it.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Kind = Literal["text", "number", "integer", "time", "day", "boolean"]


class Column(NamedTuple):
    """A column: its type and meaning, and the SQL that gives it where that is not a column of its own name."""

    name: str
    kind: Kind
    about: str
    given: str = ""

    def sql(self, postgres: bool) -> str:
        """The expression of the column."""
        return self.given or f't."{self.name}"'


class View(NamedTuple):
    """A view. With `entity` the attributes of that type follow its columns, read from the JSON text `document`.

    `source` is all behind the columns; `{values}` stands where PostgreSQL takes the document apart. With `postgres`
    it has a source of its own there.
    """

    name: str
    about: str
    columns: tuple[Column, ...]
    source: str
    entity: str = ""
    document: str = ""
    personal: bool = False
    postgres: str = ""


_NOT_ERASED = "NOT EXISTS (SELECT 1 FROM tombstone x WHERE x.kind = 'golden' AND x.id = {0}.golden_id)"
_RECORD_KEPT = "NOT EXISTS (SELECT 1 FROM tombstone x WHERE x.kind = 'record' AND x.id = CAST({0}.record_id AS text))"
_GOLDEN = (
    Column("golden_id", "text", "id of the golden record; see `former_ids` for ids that lead here"),
    Column("version", "integer", "1 for the first, one more with each change of a value"),
    Column("records", "integer", "source records that it is made of"),
    Column("valid_from", "time", "since when its values are true, by the sources' time"),
    Column("recorded_at", "time", "since when the hub says so"),
    Column("run_id", "text", "the run that said so"),
)


def _stages(elements: str) -> str:
    """The stages that stand with the states of customers, a row each; `elements` takes such a list apart."""
    return (
        "FROM (SELECT *, row_number() OVER subjects AS seq, lead(entered) OVER subjects AS exited FROM (SELECT "
        "c.golden_id, CASE h.value ->> 0 WHEN 'c' THEN 'customer' WHEN 'o' THEN 'opportunity' ELSE 'vehicle' END AS "
        "subject, CAST(h.value ->> 1 AS bigint) AS subject_id, h.value ->> 2 AS stage, h.value ->> 3 AS entered, "
        f"h.key AS place FROM customer_state c CROSS JOIN {elements}) s "
        "WINDOW subjects AS (PARTITION BY golden_id, subject, subject_id ORDER BY place)) t "
        f"WHERE {_NOT_ERASED.format('t')}"
    )


def _golden(entity: str) -> str:
    kept = f" AND {_NOT_ERASED.format('t')}" if entity == "person" else ""
    return f"FROM golden_record t {{values}} WHERE t.entity_type = '{entity}' AND t.status = 'active'{kept}"


def _records(entity: str) -> str:
    # The party: by the link of the record to the party's record, and that one's golden record.
    party = (
        "LEFT JOIN record_link l ON l.record_id = t.record_id AND l.kind = 1 "
        "LEFT JOIN membership m ON m.record_id = l.target_id "
    )
    return f"FROM source_record t {party}{{values}} WHERE t.entity_type = '{entity}' AND {_LIVING}"


_LIVING = "(t.deleted IS NOT TRUE)"
_OF_SOURCE = (
    Column("source", "text", "the system that delivered it"),
    Column("stream", "text", "the stream of that system"),
    Column("source_key", "text", "its key there"),
)
_PARTY = Column("golden_id", "text", "the customer it belongs to; null where that is not known", "m.golden_id")

VIEWS: tuple[View, ...] = (
    View(
        "organizations",
        "Golden records of organizations: one row per customer that is living.",
        _GOLDEN,
        _golden("organization"),
        entity="organization",
        document='t."values"',
    ),
    View(
        "persons",
        "Golden records of persons, with their public attributes alone.",
        _GOLDEN,
        _golden("person"),
        entity="person",
        document='t."values"',
    ),
    View(
        "persons",
        "Golden records of persons, with their personal attributes as well. Secret ones are in no view.",
        _GOLDEN,
        _golden("person"),
        entity="person",
        document='t."values"',
        personal=True,
    ),
    View(
        "crosswalk",
        "Which golden record each living source record is in.",
        (
            Column("entity_type", "text", "`organization` or `person`", "r.entity_type"),
            Column("source", "text", "the system", "r.source"),
            Column("stream", "text", "its stream", "r.stream"),
            Column("source_key", "text", "the key there", "r.source_key"),
            Column("golden_id", "text", "the golden record"),
            Column("since_run", "text", "the run that put it there", "t.run_id"),
        ),
        "FROM membership t JOIN source_record r ON r.record_id = t.record_id WHERE (r.deleted IS NOT TRUE) AND "
        + _NOT_ERASED.format("t"),
    ),
    View(
        "former_ids",
        "Ids that have become another's, through merges.",
        (
            Column("former_id", "text", "the id that was", "t.alias_id"),
            Column("golden_id", "text", "the id it leads to; may itself be a former one"),
            Column("run_id", "text", "the run of the merge"),
            Column("recorded_at", "time", "when that was"),
        ),
        "FROM golden_alias t WHERE " + _NOT_ERASED.format("t"),
    ),
    View(
        "lineage",
        "Merges and splits.",
        (
            Column("kind", "text", "`merge` or `split`"),
            Column("parent_id", "text", "the id before"),
            Column("child_id", "text", "the id after"),
            Column("run_id", "text", "the run"),
        ),
        "FROM golden_lineage t",
    ),
    View(
        "customers",
        "Where every customer stands: stage, segment, health, revenue.",
        (
            Column("golden_id", "text", "the customer"),
            Column("entity_type", "text", "`organization` or `person`"),
            Column("stage", "text", "stage of the lifecycle"),
            Column("stage_since", "day", "since when"),
            Column("kind", "text", "`new` or `existing`"),
            Column("existing_since", "day", "since when it is an existing customer"),
            Column("segment", "text", "segment by the contracts"),
            Column("segment_since", "day", "since when"),
            Column("owner", "text", "who looks after it"),
            Column("health", "number", "health score, 0 to 100"),
            Column("last_contact", "day", "the last touchpoint"),
            Column("revenue", "number", "sum of its orders"),
            Column("pipeline", "number", "value of its open opportunities"),
            Column("findings", "integer", "findings that are open"),
            Column("stake", "number", "what its findings put at stake"),
        ),
        "FROM customer_state t WHERE " + _NOT_ERASED.format("t"),
    ),
    View(
        "stage_history",
        "Which stages customers, opportunities and vehicles went through.",
        (
            Column("golden_id", "text", "the customer"),
            Column("subject", "text", "`customer`, `opportunity` or `vehicle`"),
            Column("subject_id", "integer", "number of the opportunity or vehicle; 0 for the customer"),
            Column("seq", "integer", "order of the stages of a subject"),
            Column("stage", "text", "the stage"),
            Column("entered", "day", "since when"),
            Column("exited", "day", "until when; null for the present stage"),
        ),
        _stages("json_each(c.history) AS h"),
        postgres=_stages("LATERAL json_array_elements(c.history::json) WITH ORDINALITY AS h(value, key)"),
    ),
    View(
        "touchpoints",
        "Living touchpoints as the sources deliver them, in standard form.",
        (*_OF_SOURCE, _PARTY, Column("source_time", "time", "when the source changed it last")),
        _records("touchpoint"),
        entity="touchpoint",
        document='t."standard"',
    ),
    View(
        "vehicles",
        "Living vehicles as the sources deliver them, in standard form.",
        (*_OF_SOURCE, _PARTY, Column("source_time", "time", "when the source changed it last")),
        _records("vehicle"),
        entity="vehicle",
        document='t."standard"',
    ),
    View(
        "source_records",
        "Every source record, deleted ones too, without its values.",
        (
            Column("entity_type", "text", "what it describes"),
            *_OF_SOURCE,
            Column("version", "integer", "how often it was delivered with a change"),
            Column("deleted", "boolean", "whether the source deleted it"),
            Column("source_time", "time", "when the source changed it last"),
            Column("first_run", "text", "the run that first saw it"),
            Column("last_run", "text", "the run that last saw a change"),
        ),
        "FROM source_record t WHERE t.entity_type <> 'person' OR " + _RECORD_KEPT.format("t"),
    ),
    View(
        "findings",
        "Findings, open and closed, without the value that was found.",
        (
            Column("finding_id", "integer", "number of the finding"),
            Column("rule", "text", "the rule that is not met"),
            Column("dimension", "text", "`complete`, `valid` or `timely`"),
            Column("about", "text", "kind of touchpoint, vehicle, relation, contact or customer"),
            Column("stage", "text", "stage of the customer"),
            Column("golden_id", "text", "the customer"),
            *_OF_SOURCE,
            Column("field", "text", "the attribute"),
            Column("severity", "text", "how severe"),
            Column("owner", "text", "who must correct it"),
            Column("stake", "number", "what it puts at stake"),
            Column("since", "day", "since when it is so, by the data"),
            Column("status", "text", "`open` or `closed`"),
            Column("opened_on", "day", "when it was opened last"),
            Column("closed_on", "day", "when it was closed"),
            Column("closed_because", "text", "`delivery`, `identity` or `contracts`"),
            Column("reopened", "integer", "how often it was opened again"),
        ),
        "FROM finding t WHERE t.golden_id IS NULL OR " + _NOT_ERASED.format("t"),
    ),
    View(
        "matrix",
        "The matrix of touchpoints, stages and sources, run by run.",
        (
            Column("run_id", "text", "the run"),
            Column("touchpoint", "text", "kind of touchpoint"),
            Column("stage", "text", "stage"),
            Column("source", "text", "the system; empty for all together"),
            Column("expected", "integer", "customers of whom one is expected"),
            Column("collected", "integer", "of those, with one"),
            Column("touchpoints", "integer", "touchpoints"),
            Column("complete", "integer", "of those, complete"),
            Column("valid", "integer", "of those, valid"),
            Column("present", "integer", "customers now in the stage who have one"),
            Column("fresh", "integer", "of those, whose latest is fresh"),
        ),
        "FROM matrix_cell t",
    ),
    View(
        "events",
        "The change feed without values: what happened to which golden record.",
        (
            Column("seq", "integer", "number of the event, without gaps"),
            Column("type", "text", "see docs/events.md"),
            Column("entity_type", "text", "`organization` or `person`"),
            Column("golden_id", "text", "the golden record"),
            Column("version", "integer", "its version afterwards"),
            Column("attributes", "text", "JSON array of the attributes that changed"),
            Column("run_id", "text", "the run"),
            Column("at", "time", "when it was published"),
        ),
        "FROM event t",
    ),
    View(
        "runs",
        "Runs of the hub.",
        (
            Column("run_id", "text", "the run; ids sort by time"),
            Column("kind", "text", "`full` or `incremental`"),
            Column("status", "text", "`running`, `published` or `failed`"),
            Column("started_at", "time", "when it began"),
            Column("finished_at", "time", "when it ended"),
        ),
        "FROM run t",
    ),
    View(
        "consent",
        "Every entry of the log of consent, by the person that it is of now.",
        (
            Column("golden_id", "text", "the person", "m.golden_id"),
            Column("purpose", "text", "what for"),
            Column("channel", "text", "on which channel; `*` for any"),
            Column("given", "boolean", "agreed, or took it back"),
            Column("at", "time", "when"),
            Column("by", "text", "who wrote it down"),
        ),
        "FROM consent t JOIN membership m ON m.record_id = t.record_id WHERE " + _NOT_ERASED.format("m"),
        personal=True,
    ),
)
