"""Columns of the tables that assets stand for, as Dagster's pages show them."""

from __future__ import annotations

import dagster as dg
import pyarrow as pa
import sqlalchemy as sa

from lifecycle.standard import types_of
from models.config import Config, Stream
from models.store.columns import arrow_type
from models.store.outcome import FILES

_TOLD = {
    "record_id": "Stable number of the source record",
    "source": "Name of the source",
    "stream": "Name of the stream",
    "source_key": "Key of the row in its source",
    "change": "insert, update, delete, or late (kept as history only)",
    "content_hash": "Hash of the delivered row",
    "source_time": "The source's own time of the change, UTC",
    "payload": "The delivered row as JSON",
    "version": "Number of the record's version",
    "golden_id": "Golden record; null where the record is in none any more",
    "key": "Hash of a blocking rule with the record's values; records that share one are compared",
    "left_id": "Record of the pair with the lower number",
    "right_id": "Record of the pair with the higher number",
    "weight": "Match weight in bits (log2 of the Bayes factor)",
    "action": "created, changed, updated (same version, refreshed in place), merged, retired or revived",
    "values": "Golden values as JSON",
    "provenance": "Per attribute the winning source value, its rule, and the losing candidates, as JSON",
    "records": "Number of source records in it",
    "valid_from": "Newest time of its sources, UTC",
}


def of_file(kind: str) -> dg.TableSchema:
    """The columns of one kind of work table."""
    return dg.TableSchema([_column(name, dtype) for name, dtype in FILES[kind].items()])


def of_changes(config: Config) -> dg.TableSchema:
    """The columns of the changed records: their identity, and the canonical attributes that some stream maps."""
    mapped: dict[str, set[str]] = {}
    for _, stream in config.streams():
        for name in stream.mapped:
            mapped.setdefault(name, set()).add(stream.entity)
    attributes = [
        dg.TableColumn(
            name, "list<string>" if _is_list(config, name, of) else "string", f"Raw value; {', '.join(sorted(of))}"
        )
        for name, of in mapped.items()
    ]
    return dg.TableSchema([*of_file("changes").columns, *attributes])


def of_stream(stream: Stream) -> dg.TableSchema:
    """The delivered columns that the configuration speaks of, each with what it becomes."""
    told: dict[str, list[str]] = {}
    for column in stream.key_columns:
        told.setdefault(column, []).append("key")
    for attribute, columns in stream.field_columns.items():
        for column in columns:
            told.setdefault(column, []).append(attribute)
    for named, use in ((stream.updated_at, "time of the change"), (stream.deleted, "deletion flag")):
        if named:
            told.setdefault(named, []).append(use)
    return dg.TableSchema([dg.TableColumn(name, description="→ " + ", ".join(uses)) for name, uses in told.items()])


def of_delivery(schema: pa.Schema, stream: Stream) -> dg.TableSchema:
    """The columns that were delivered, with what the mapped ones become."""
    told = {column.name: column.description for column in of_stream(stream).columns}
    return dg.TableSchema([dg.TableColumn(f.name, str(f.type), told.get(f.name)) for f in schema if f.name != "_row"])


def of_standard(schema: pa.Schema) -> dg.TableSchema:
    """The standard columns of an entity type."""
    return dg.TableSchema([dg.TableColumn(f.name, str(f.type)) for f in schema])


def of_table(table: sa.Table) -> dg.TableSchema:
    """The columns of a table of the store."""
    return dg.TableSchema([_column(column.name, arrow_type(column.type)) for column in table.c])


def of_touchpoints(config: Config) -> dg.TableSchema:
    """The standard columns of touchpoints."""
    kinds = {"record_id": pa.int64(), **types_of(config, "touchpoint")}
    return dg.TableSchema([_column(name, kind) for name, kind in kinds.items()])


def _column(name: str, dtype: pa.DataType) -> dg.TableColumn:
    return dg.TableColumn(name, str(dtype), _TOLD.get(name))


def _is_list(config: Config, name: str, entities: set[str]) -> bool:
    return any(config.attributes_of(entity)[name].multi for entity in entities)
