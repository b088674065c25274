"""What resolving starts from: the standard values of an entity type's current records, and what stewards decided.

The work files of the run stand over what the store holds. Values are only read here.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from matching.said import NOWHERE, Moved, Pair, Verdicts, said_by_tables, said_of
from models.config import Config
from models.store import Store
from models.store.columns import parse_json_column

Raw = Callable[[pa.Table], pa.Table]
"""Canonical raw columns of stored records (record_id, source, stream, payload, … → the same with attributes)."""

Progress = Callable[[str, int, int], None]

IDENTITY = ("record_id", "source", "stream", "source_key", "source_time")


def no_progress(what: str, done: int, total: int) -> None:
    """Tells nobody."""


def work_file(folder: Path, kind: str, entity: str) -> Path:
    """The path of a work file of a run."""
    return folder / f"{kind}_{entity}.parquet"


def read_work(folder: Path, kind: str, entity: str, columns: list[str] | None = None) -> pa.Table | None:
    """A work file of a run (of its columns those that it has), None where there is none."""
    path = work_file(folder, kind, entity)
    if not path.exists():
        return None
    have = pq.read_schema(path).names
    return pq.read_table(path, columns=None if columns is None else [c for c in columns if c in have])


def changes(folder: Path, entity: str) -> pa.Table | None:
    """record_id, change of the run's changed records without the late ones, which are history only."""
    table = read_work(folder, "changes", entity, ["record_id", "change"])
    return None if table is None else table.filter(pc.field("change") != "late")


def standard_table(store: Store, entity: str, folder: Path, schema: pa.Schema, *, complete: bool = False) -> pa.Table:
    """Standard columns of every current record: those of this run, and the store's for the records it did not touch.

    `schema` names the columns (see `schema_of`);
    `complete` says that the run's file holds every current record already.
    """
    fresh = read_work(folder, "standard", entity)
    parts = [] if fresh is None else [fresh.select(schema.names).cast(schema)]
    held = None if complete else store.records(entity, ["standard"])
    if held is not None and held.num_rows:
        changed = changes(folder, entity)
        known = [t["record_id"] for t in (changed, fresh) if t is not None]
        if known:
            gone = pa.chunked_array([chunk for column in known for chunk in column.chunks], pa.int64())
            held = held.filter(pc.invert(pc.is_in(held["record_id"], value_set=gone.combine_chunks())))
        rest = pa.schema([f for f in schema if f.name != "record_id"])
        parts.append(parse_json_column(held, "standard", rest).select(schema.names).cast(schema))
    return pa.concat_tables(parts) if parts else schema.empty_table()


def verdicts(store: Store, config: Config, entity: str, moved: Moved = NOWHERE) -> Verdicts:
    """The newest verdict on each pair that is not undone; `moved`: records that go on as others from this run on."""
    rows = store.decisions(active_only=True, evidence=False).to_pylist()
    return said_of(rows, entity, moved, said_by_tables(config, entity))


def raw_members(store: Store, folder: Path, entity: str, raw: Raw, ids: pa.Array[pa.Int64Scalar] | None) -> pa.Table:
    """Identity and canonical raw columns of current records, all or those of `ids`: this run's over the store's."""
    fresh = read_work(folder, "changes", entity)
    parts, known = [], None
    if fresh is not None and fresh.num_rows:
        fresh = fresh.filter(pc.field("change") != "late")
        known = fresh["record_id"].combine_chunks()
        fresh = fresh.filter(pc.field("change") != "delete")
        if ids is not None:
            fresh = fresh.filter(pc.is_in(fresh["record_id"], value_set=ids))
        extra = {"change", "content_hash", "payload", "version", "rekeyed_to"}
        parts.append(fresh.drop_columns([c for c in fresh.column_names if c in extra]))
    columns = ["source", "stream", "source_key", "source_time", "payload", "deleted"]
    if ids is None:
        held = store.records(entity, columns)
    else:
        wanted = ids if known is None else ids.filter(pc.invert(pc.is_in(ids, value_set=known)))
        held = store.records_by_id(wanted, columns) if len(wanted) else None
    if held is not None and held.num_rows:
        held = held.filter(pc.invert(pc.fill_null(held["deleted"], False))).drop_columns(["deleted"])
        if known is not None:
            held = held.filter(pc.invert(pc.is_in(held["record_id"], value_set=known)))
        if held.num_rows:
            parts.append(raw(held).drop_columns(["payload"]))
    return pa.concat_tables(parts, promote_options="permissive") if parts else pa.table({c: [] for c in IDENTITY})


__all__ = [
    "IDENTITY",
    "Pair",
    "Progress",
    "Raw",
    "Verdicts",
    "changes",
    "no_progress",
    "raw_members",
    "read_work",
    "standard_table",
    "verdicts",
    "work_file",
]
