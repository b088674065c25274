"""What the hub gives out in bulk: named tables, streamed from the store into CSV, Parquet or NDJSON.

Reads one published state in one statement; computes nothing that is not in the store. Columns are part of the public
surface: they may be added at the end, never renamed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import pyarrow as pa
import sqlalchemy as sa

from lifecycle.contracts import load_contracts
from matching.survive import expand_provenance
from models.config import Config
from models.errors import ConfigError
from models.store.tables import (
    decision,
    edge,
    event,
    golden_alias,
    golden_record,
    membership,
    quarantine,
    source_record,
    task,
)
from models.vocabulary import PARTY_TYPES
from serving.export_360 import NAME as NAME_360
from serving.export_360 import customer_table
from serving.export_lifecycle import NAMES as LIFECYCLE_NAMES
from serving.export_lifecycle import erased, lifecycle_exports

if TYPE_CHECKING:
    from models.store import Store

TIME = pa.timestamp("us", tz="UTC")

Reshape = Callable[["Store", pa.RecordBatch, pa.Schema], pa.RecordBatch]


@dataclass(frozen=True)
class Export:
    """A named table: its columns, the statement that reads it, and, where these differ, how one becomes the other."""

    schema: pa.Schema
    statement: sa.Select[Any]
    reshape: Reshape | None = None


def exports(config: Config) -> dict[str, Export]:
    """Every export by name. The columns of `golden` follow from the configuration's attributes."""
    return {
        "crosswalk": Export(_CROSSWALK, _crosswalk()),
        "golden": Export(golden_schema(config), _golden(golden_record.c["values"]), _golden_rows),
        "provenance": Export(
            _PROVENANCE, _golden(golden_record.c["values"], golden_record.c.provenance), _provenance_rows
        ),
        "pairs": Export(_PAIRS, _pairs(), _pair_rows),
        "tasks": Export(_TASKS, _tasks(), _task_rows),
        "decisions": Export(_DECISIONS, _decisions()),
        "events": Export(_EVENTS, _events()),
        "aliases": Export(_ALIASES, _aliases()),
        "quarantine": Export(_QUARANTINE, _quarantine()),
        **{
            name: Export(table.schema, table.statement, table.reshape)
            for name, table in {**lifecycle_exports(config), NAME_360: customer_table(config, load_contracts)}.items()
        },
    }


NAMES = (
    *("crosswalk", "golden", "provenance", "pairs", "tasks", "decisions", "events", "aliases", "quarantine"),
    *LIFECYCLE_NAMES,
    NAME_360,
)


def read_export(store: Store, config: Config, name: str) -> pa.Table:
    """One export as an Arrow table, for what needs all of it at once."""
    chosen = exports(config)[name]
    return pa.Table.from_batches(list(batches(store, chosen)), chosen.schema)


def batches(store: Store, export: Export) -> Iterator[pa.RecordBatch]:
    """The rows of an export in record batches, all of one published state."""
    if export.reshape is None:
        yield from store.fetch_batches(export.statement, schema=export.schema)
        return
    for batch in store.fetch_batches(export.statement):
        yield export.reshape(store, batch, export.schema)


def _text(*names: str) -> list[tuple[str, pa.DataType]]:
    return [(n, pa.string()) for n in names]


_CROSSWALK = pa.schema(_text("entity_type", "source", "stream", "source_key", "golden_id"))
_PAIRS = pa.schema(
    [*_text("left", "right"), ("match_weight", pa.float64()), ("match_probability", pa.float64()), *_text("outcome")]
)
_PROVENANCE = pa.schema(
    _text("golden_id", "entity_type", "attribute", "value", "rule", "source", "stream", "source_key", "losers")
)
_TASKS = pa.schema(
    [
        *_text("task_key", "kind", "entity_type", "status"),
        ("records", pa.list_(pa.string())),
        ("match_weight", pa.float64()),
        ("match_probability", pa.float64()),
        *_text("reason"),
        ("opened_at", TIME),
        ("closed_at", TIME),
    ]
)
_DECISIONS = pa.schema(
    [
        ("id", pa.int64()),
        *_text("kind", "verdict", "entity_type", "left", "right", "by", "reason"),
        ("at", TIME),
        ("undoes", pa.int64()),
    ]
)
_EVENTS = pa.schema(
    [
        ("seq", pa.int64()),
        *_text("type", "entity_type", "golden_id"),
        ("version", pa.int64()),
        *_text("before", "after", "attributes", "run_id"),
        ("at", TIME),
    ]
)
_ALIASES = pa.schema([*_text("alias_id", "golden_id", "run_id"), ("recorded_at", TIME)])
_QUARANTINE = pa.schema(
    [
        *_text("run_id", "source", "stream", "source_key"),
        ("row", pa.int64()),
        *_text("field", "value", "reason"),
        ("at", TIME),
    ]
)


def _crosswalk() -> sa.Select[Any]:
    r, m = source_record.c, membership.c
    return (
        sa.select(r.entity_type, r.source, r.stream, r.source_key, m.golden_id)
        .join_from(membership, source_record, r.record_id == m.record_id)
        .where(r.deleted.is_(False), ~erased(m.golden_id))
    )


def _golden(*documents: sa.ColumnElement[Any]) -> sa.Select[Any]:
    g = golden_record.c
    query = sa.select(g.golden_id, g.entity_type, *documents).where(g.status == "active", ~erased(g.golden_id))
    return query.order_by(g.golden_id)


def _name(record: sa.FromClause) -> sa.ColumnElement[str]:
    """SOURCE:KEY, as `kehu decide` takes it."""
    return record.c.source + ":" + record.c.source_key


def _pairs() -> sa.Select[Any]:
    """Stored edges with what became of them, and tasks on pairs whose edge is no longer stored."""
    left, right = source_record.alias("l"), source_record.alias("r")
    ml, mr = membership.alias("ml"), membership.alias("mr")
    open_task = sa.and_(task.c.status == "open", task.c.kind.in_(("grey_pair", "refused_merge")))
    outcome = sa.case(
        (ml.c.golden_id == mr.c.golden_id, "merged"),
        (task.c.kind == "refused_merge", "refused"),
        (task.c.kind == "grey_pair", "review"),
        else_="apart",
    )

    def named(pairs: Any, weight: Any) -> sa.Select[Any]:
        return (
            sa.select(_name(left).label("left"), _name(right).label("right"), weight, outcome.label("outcome"))
            .select_from(pairs)
            .outerjoin(ml, ml.c.record_id == left.c.record_id)
            .outerjoin(mr, mr.c.record_id == right.c.record_id)
            .where(left.c.deleted.is_(False), right.c.deleted.is_(False))
        )

    same_pair = sa.and_(task.c.left_id == edge.c.left_id, task.c.right_id == edge.c.right_id, open_task)
    edges = (
        edge.join(left, left.c.record_id == edge.c.left_id)
        .join(right, right.c.record_id == edge.c.right_id)
        .outerjoin(task, same_pair)
    )
    tasks = task.join(left, left.c.record_id == task.c.left_id).join(right, right.c.record_id == task.c.right_id)
    stored = sa.exists().where(edge.c.left_id == task.c.left_id, edge.c.right_id == task.c.right_id)
    rest = named(tasks, task.c.weight).where(open_task, sa.not_(stored))
    return sa.select(sa.union_all(named(edges, edge.c.weight), rest).subquery())


def _pair_rows(store: Store, batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    # A match weight is log2 of the odds, so the probability follows from it; ±1000 keeps 2**w within a float.
    weight = batch.column("weight")
    odds = np.exp2(np.clip(weight.to_numpy(zero_copy_only=False).astype(np.float64), -1000, 1000))
    probability = pa.array(odds / (1 + odds), pa.float64(), from_pandas=True)
    columns = [batch.column("left"), batch.column("right"), weight, probability, batch.column("outcome")]
    return pa.record_batch(columns, schema=schema)


def _tasks() -> sa.Select[Any]:
    t = task.c
    return sa.select(
        t.task_key,
        t.kind,
        t.entity_type,
        t.status,
        t.records,
        t.weight,
        t.probability,
        t.reason,
        t.opened_at,
        t.closed_at,
    ).order_by(t.task_key)


def _task_rows(store: Store, batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The records of a task by their names, for nobody knows a record id. Names never change, nor do records vanish."""
    asked = [[int(i) for i in orjson.loads(r)] if r else [] for r in batch.column("records").to_pylist()]
    ids = sorted({i for task in asked for i in task})
    known = store.records_by_id(ids, ["source", "source_key"]).to_pylist() if ids else []
    name = {row["record_id"]: f"{row['source']}:{row['source_key']}" for row in known}
    records = pa.array([[name.get(i, str(i)) for i in task] for task in asked], pa.list_(pa.string()))
    columns = [records if n == "records" else batch.column(i) for i, n in enumerate(batch.schema.names)]
    return pa.record_batch([c.cast(f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)


def _decisions() -> sa.Select[Any]:
    left, right, d = source_record.alias("l"), source_record.alias("r"), decision.c
    return (
        sa.select(d.id, d.kind, d.verdict, d.entity_type, _name(left), _name(right), d.by, d.reason, d.at, d.undoes)
        .select_from(decision)
        .outerjoin(left, left.c.record_id == d.left_id)
        .outerjoin(right, right.c.record_id == d.right_id)
        .order_by(d.id)
    )


def _events() -> sa.Select[Any]:
    e = event.c
    return sa.select(
        e.seq, e.type, e.entity_type, e.golden_id, e.version, e.before, e.after, e.attributes, e.run_id, e.at
    ).order_by(e.seq)


def _aliases() -> sa.Select[Any]:
    a = golden_alias.c
    return sa.select(a.alias_id, a.golden_id, a.run_id, a.recorded_at).order_by(a.alias_id)


def _quarantine() -> sa.Select[Any]:
    q = quarantine.c
    return sa.select(q.run_id, q.source, q.stream, q.source_key, q.row, q.field, q.value, q.reason, q.at).order_by(q.id)


def golden_schema(config: Config) -> pa.Schema:
    """`golden_id, entity_type` and one column per attribute of organizations and persons, in the vocabulary's order."""
    fields: dict[str, pa.DataType] = {}
    for entity in PARTY_TYPES:
        for name, attribute in config.attributes_of(entity).items():
            kind = pa.list_(pa.string()) if attribute.multi else pa.string()
            if fields.setdefault(name, kind) != kind:
                raise ConfigError(
                    f"'{name}' is a list for one entity type and one value for another, so it cannot be one column",
                    file=str(config.file),
                    key=f"attributes.{entity}.{name}",
                )
    return pa.schema([*_text("golden_id", "entity_type"), *fields.items()])


def _golden_rows(store: Store, batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    values = [orjson.loads(document) for document in batch.column("values").to_pylist() if document is not None]
    columns = [batch.column("golden_id"), batch.column("entity_type")]
    for field in list(schema)[2:]:
        shape = _as_list if pa.types.is_list(field.type) else _as_text
        columns.append(pa.array([shape(v.get(field.name)) for v in values], field.type))
    return pa.record_batch(columns, schema=schema)


def _provenance_rows(store: Store, batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """One row per golden value, so several for a list; a value that only losers had has a row without a winner."""
    shaped: list[dict[str, Any]] = []
    for row in batch.to_pylist():
        values = orjson.loads(row["values"])
        for attribute, told in expand_provenance(row["provenance"], values).items():
            losers = orjson.dumps(told["losers"]).decode() if "losers" in told else None
            for won in told.get("values") or [{**told, "value": values.get(attribute)}]:
                shaped.append(
                    {
                        "golden_id": row["golden_id"],
                        "entity_type": row["entity_type"],
                        "attribute": attribute,
                        "value": _as_text(won["value"]),
                        "rule": told["rule"],
                        "source": won.get("source"),
                        "stream": won.get("stream"),
                        "source_key": won.get("key"),
                        "losers": losers,
                    }
                )
    return pa.RecordBatch.from_pylist(shaped, schema)


def _as_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else orjson.dumps(value).decode()


def _as_list(value: Any) -> list[str | None] | None:
    if value is None:
        return None
    return [_as_text(v) for v in value] if isinstance(value, list) else [_as_text(value)]
