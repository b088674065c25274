"""Between Arrow and the columns of the hub store: types, and JSON texts that hold a whole row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
import pyarrow as pa
import sqlalchemy as sa

from models.duck import connect_small
from models.store.tables import UtcTime

TIME = pa.timestamp("us", tz="UTC")


def arrow_type(kind: sa.types.TypeEngine[Any]) -> pa.DataType:
    """The Arrow type in which a column of the store is read and written."""
    if isinstance(kind, UtcTime | sa.DateTime):
        return TIME
    if isinstance(kind, sa.Boolean):
        return pa.bool_()
    if isinstance(kind, sa.Integer):
        return pa.int64()
    return pa.float64() if isinstance(kind, sa.Float | sa.Numeric) else pa.string()


def arrow_schema(columns: Sequence[sa.ColumnElement[Any]]) -> pa.Schema:
    """The schema of a query's result, every column nullable."""
    return pa.schema([(column.name, arrow_type(column.type)) for column in columns])


def to_arrow(values: Sequence[Any], kind: pa.DataType) -> pa.Array[Any]:
    """One column of fetched values as Arrow; SQLite gives times as text and truth as 0 and 1."""
    array: pa.Array[Any]
    if pa.types.is_timestamp(kind):
        if any(isinstance(value, str) for value in values):
            # Text without a zone is UTC; the cast from a naive to a zoned time does not move it.
            array = pa.array(values, pa.string()).cast(pa.timestamp("us")).cast(kind)
            return array
    if pa.types.is_boolean(kind):
        return pa.array([None if value is None else bool(value) for value in values], kind)
    array = pa.array(values, kind)
    return array


def to_python(column: pa.Array[Any] | pa.ChunkedArray[Any], kind: pa.DataType) -> list[Any]:
    """One column as the plain values that SQLite binds, times as ISO text in UTC."""
    if column.type != kind:
        column = column.cast(kind)
    if pa.types.is_timestamp(kind):
        column = column.cast(pa.timestamp("us")).cast(pa.string())
    elif pa.types.is_boolean(kind):
        column = column.cast(pa.int8())
    if pa.types.is_string(column.type) or pa.types.is_binary(
        column.type
    ):  # nulls become None in a numpy array of objects, and it is the faster way
        objects = column.to_numpy() if isinstance(column, pa.ChunkedArray) else column.to_numpy(zero_copy_only=False)
        return list(objects.tolist())
    return list(column.to_numpy().tolist() if column.null_count == 0 else column.to_pylist())


def json_object(columns: Sequence[str], alias: str, raw: Sequence[str] = ()) -> str:
    """DuckDB SQL for the columns of `alias` as one JSON object without nulls; `raw` columns hold JSON already."""
    parts = [
        f"CASE WHEN {alias}.{quoted(c)} IS NOT NULL THEN '{_key(c)}' || "
        + (f"{alias}.{quoted(c)}" if c in raw else f"to_json({alias}.{quoted(c)})::VARCHAR")
        + " END"
        for c in columns
    ]
    return "'{' || concat_ws(',', " + ", ".join(parts) + ") || '}'" if parts else "'{}'"


def _key(name: str) -> str:
    return '"' + name.replace("'", "''") + '":'


def parse_json_column(table: pa.Table, column: str, schema: pa.Schema) -> pa.Table:
    """Replace a column of JSON objects by the columns of `schema`; what an object lacks is null.

    Set-based: about a million objects of thirty members in a few seconds. Text members that hold an object come back as
    its JSON text.
    """
    if table.num_rows == 0 or len(schema) == 0:
        empty = [pa.nulls(table.num_rows, field.type) for field in schema]
        plain = table.drop_columns([column])
        return pa.table([*plain.columns, *empty], schema=pa.schema([*plain.schema, *schema]))
    with connect_small() as connection:
        connection.register("given", table)
        types = ", ".join(f"{quoted(field.name)} {_duckdb_type(field.type)}" for field in schema)
        others = "".join(f"{quoted(name)}, " for name in table.column_names if name != column)
        query = f"SELECT {others}unnest(try_cast(from_json({quoted(column)}, ?) AS STRUCT({types}))) FROM given"
        structure = "{" + ", ".join(f'"{field.name}": {_json_type(field.type)}' for field in schema) + "}"
        result = connection.sql(query, params=[structure]).to_arrow_table()
    assert result is not None
    names = [name for name in table.column_names if name != column]
    found: pa.Table = result.cast(pa.schema([*(table.schema.field(name) for name in names), *schema]))
    return found


def parse_json_rows(table: pa.Table, column: str, schema: pa.Schema) -> pa.Table:
    """`parse_json_column` for few rows, without DuckDB: the same result."""
    rows = [orjson.loads(text) if text else {} for text in table[column].to_pylist()]
    arrays = [pa.array([_fitting(row.get(field.name), field.type) for row in rows], field.type) for field in schema]
    plain = table.drop_columns([column])
    return pa.table([*plain.columns, *arrays], schema=pa.schema([*plain.schema, *schema]))


def _fitting(value: Any, kind: pa.DataType) -> Any:
    """A JSON value as a column takes it: a text column takes an object as its text."""
    if pa.types.is_string(kind) and value is not None and not isinstance(value, str):
        return orjson.dumps(value).decode()
    return value


def quoted(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def _duckdb_type(kind: pa.DataType) -> str:
    if pa.types.is_list(kind):
        return _duckdb_type(kind.value_type) + "[]"
    if pa.types.is_boolean(kind):
        return "BOOLEAN"
    if pa.types.is_integer(kind):
        return "BIGINT"
    if pa.types.is_floating(kind):
        return "DOUBLE"
    return "TIMESTAMPTZ" if pa.types.is_timestamp(kind) else "VARCHAR"


def _json_type(kind: pa.DataType) -> str:
    return f"[{_json_type(kind.value_type)}]" if pa.types.is_list(kind) else f'"{_duckdb_type(kind)}"'
