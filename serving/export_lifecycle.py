"""The exports of the lifecycle: findings, stages, touchpoints, vehicles, relations, the matrix and the measures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson
import pyarrow as pa
import sqlalchemy as sa

from models.config import Config
from models.store import lifecycle_tables as lt
from models.store.columns import arrow_schema
from models.store.customer_lookup import STAGE_HISTORY, numbered
from models.store.serving_tables import tombstone
from models.store.tables import source_record

if TYPE_CHECKING:
    from models.store import Store

Reshape = Callable[["Store", pa.RecordBatch, pa.Schema], pa.RecordBatch]
NAMES = ("findings", "stage_history", "touchpoint", "vehicle", "relation", "matrix", "measures")
_PLACE = [(name, pa.string()) for name in ("source", "stream", "source_key")]
_FINDING = (
    *("finding_id", "rule", "contracts", "dimension", "about", "stage", "golden_id", "source", "stream", "source_key"),
    *("field", "value", "severity", "owner", "owner_role", "stake", "since", "status", "waived_until", "first_seen"),
    *("last_seen", "closed_on", "closed_because", "reopened"),
)
_ADDED = ("waived_until", "last_seen")


@dataclass(frozen=True)
class Table:
    """A table to export: its columns, the statement that reads it, how its rows are shaped."""

    schema: pa.Schema
    statement: sa.Select[Any]
    reshape: Reshape | None = None


def erased(golden_id: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """That somebody was erased of whom a run under way still holds something."""
    return sa.exists().where(tombstone.c.kind == "golden", tombstone.c.id == golden_id)


def lifecycle_exports(config: Config) -> dict[str, Table]:
    """Every export of the lifecycle by its name; the columns of records follow from the configuration."""
    f, s = lt.finding.c, lt.customer_state.c
    kinds = {field.name: field.type for field in arrow_schema(list(f))}
    findings = pa.schema([(name, kinds.get(name, pa.string())) for name in _FINDING])
    return {
        "findings": Table(
            findings,
            sa.select(*(f[name] for name in _FINDING if name not in _ADDED))
            .where(sa.or_(f.golden_id.is_(None), ~erased(f.golden_id)))
            .order_by(f.finding_id),
            finding_rows,
        ),
        "stage_history": Table(
            STAGE_HISTORY,
            sa.select(s.golden_id, s.history).where(~erased(s.golden_id)).order_by(s.golden_id),
            _stage_rows,
        ),
        **{entity: _records(config, entity) for entity in ("touchpoint", "vehicle", "relation")},
        "matrix": _plain(sa.select(lt.matrix_cell).order_by(*lt.matrix_cell.primary_key)),
        "measures": _plain(sa.select(lt.lifecycle_measure).order_by(*lt.lifecycle_measure.primary_key)),
    }


def _plain(statement: sa.Select[Any]) -> Table:
    return Table(arrow_schema(list(statement.selected_columns)), statement)


def _stage_rows(store: Store, batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    rows = [
        (golden_id, *stage)
        for golden_id, history in zip(*(batch.column(i).to_pylist() for i in range(2)), strict=True)
        for stage in numbered(history)
    ]
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(schema)
    return pa.record_batch([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)


def finding_rows(store: Store, batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Findings with the last day of their waivers, and the last day on which they were seen."""
    rows = batch.to_pylist()
    waived = store.waivers([row["finding_id"] for row in rows]) if rows else {}
    today = store.lifecycle_day()
    for row in rows:
        held = row["finding_id"] in waived
        row["waived_until"] = (waived[row["finding_id"]] or "9999-12-31") if held else None
        row["last_seen"] = row["closed_on"] or today
    return pa.RecordBatch.from_pylist(rows, schema=schema)


def _records(config: Config, entity: str) -> Table:
    """Records of an entity type with the golden records that they hang on, and their standard values."""
    every: dict[str, dict[str, tuple[str, ...]]] = {
        "touchpoint": {"golden_id": ("party_ids",), "contact_id": ("contact_ids",)},
        "vehicle": {"golden_id": ("party_ids",)},
        "relation": {"golden_id": ("to_ids", "from_ids"), "from_id": ("from_ids",)},
    }
    owners = every[entity]
    fields: list[tuple[str, pa.DataType]] = [*((name, pa.string()) for name in owners), *_PLACE]
    for name, attribute in config.attributes_of(entity).items():
        kind = {"number": pa.float64()}.get(attribute.type, pa.string())
        fields.append((name, pa.list_(pa.string()) if attribute.multi else kind))
    r = source_record.c
    statement = sa.select(r.record_id, r.source, r.stream, r.source_key, r.standard)
    where = statement.where(r.entity_type == entity, r.deleted.is_(False))
    return Table(pa.schema(fields), where, partial(_record_rows, owners))


def _record_rows(
    owners: Mapping[str, tuple[str, ...]], store: Store, batch: pa.RecordBatch, schema: pa.Schema
) -> pa.RecordBatch:
    documents = [orjson.loads(text) if text else {} for text in batch.column("standard").to_pylist()]
    columns = {column for of in owners.values() for column in of}
    homes = homes_of(store, (i for values in documents for column in columns for i in values.get(column) or ()))
    rows = []
    for place, values in zip(batch.select(["source", "stream", "source_key"]).to_pylist(), documents, strict=True):
        hung = {
            name: next((homes[i] for column in of for i in values.get(column) or () if i in homes), None)
            for name, of in owners.items()
        }
        rows.append({**values, **place, **hung})
    return pa.RecordBatch.from_pylist(rows, schema=schema)


def homes_of(store: Store, records: Iterable[int]) -> dict[int, str]:
    """Record → the golden record that it is in, or that it is in under the key as which it goes on."""
    ids = sorted(set(records))
    if not ids:
        return {}
    found = store.memberships(ids)
    homes = dict(zip(found["record_id"].to_pylist(), found["golden_id"].to_pylist(), strict=True))
    if missing := [i for i in ids if i not in homes]:
        goes_on = store.continued(missing)
        later = store.memberships(sorted(set(goes_on.values()))) if goes_on else None
        if later is not None:
            known = dict(zip(later["record_id"].to_pylist(), later["golden_id"].to_pylist(), strict=True))
            homes |= {old: known[new] for old, new in goes_on.items() if new in known}
    return homes
