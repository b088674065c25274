"""Rows of a SQL query as Arrow batches with a schema that does not depend on the way they came.

PostgreSQL goes through connectorx, whose Arrow stream is four times as fast as rows in Python; whatever it cannot do,
and every other database, goes through SQLAlchemy with a server-side cursor. The whole result never stands in memory.
"""

from __future__ import annotations

import base64
import datetime as dt
import getpass
import math
import re
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, cast
from urllib.parse import quote as quote_url

import pyarrow as pa
import sqlalchemy as sa

from connectors.arrow import Column
from connectors.text import json_text, text_form

TEXT = pa.string()
_UTC = pa.timestamp("us", "UTC")
# Types that both ways deliver alike, by PostgreSQL's numbers; all others are asked for as text.
_POSTGRES: dict[int, pa.DataType] = {
    16: pa.bool_(),
    20: pa.int64(),
    21: pa.int64(),
    23: pa.int64(),
    25: TEXT,
    701: pa.float64(),
    1043: TEXT,
    1082: pa.date32(),
    1114: pa.timestamp("us"),
    1184: _UTC,
}


@dataclass(frozen=True)
class SqlColumn:
    """A column of a result: its name, its Arrow type, and whether the database must turn it into text."""

    name: str
    type: pa.DataType = TEXT
    cast: bool = False


def describe(connection: sa.Connection, table: str) -> list[SqlColumn]:
    """The columns of what stands behind FROM, without reading a row."""
    result = connection.execute(sa.text(_escaped(f"SELECT * FROM {table} WHERE 1 = 0")))
    names = list(result.keys())
    described = result.cursor.description if result.cursor is not None else None
    codes: list[Any] = [entry[1] for entry in described] if described else [None] * len(names)
    result.close()
    connection.rollback()
    if connection.dialect.name != "postgresql":
        return [SqlColumn(name) for name in names]
    return [SqlColumn(n, _POSTGRES.get(c, TEXT), c not in _POSTGRES) for n, c in zip(names, codes, strict=True)]


def first_rows(connection: sa.Connection, table: str, count: int) -> pa.Table:
    """A few rows of what stands behind FROM, as text."""
    result = connection.execution_options(stream_results=True).execute(sa.text(_escaped(f"SELECT * FROM {table}")))
    schema = pa.schema([(name, TEXT) for name in result.keys()])
    rows = result.fetchmany(count)
    result.close()
    connection.rollback()
    return pa.Table.from_batches([rows_to_batch(rows, schema)])


def read_rows(
    url: sa.URL,
    connection: sa.Connection,
    table: str,
    columns: Sequence[SqlColumn],
    start: tuple[str, Any] | None,
    batch_rows: int,
) -> Iterator[pa.RecordBatch]:
    """The rows of `table`; with `start`, a (column, value), those from it on and those that have no value there."""
    quote = connection.dialect.identifier_preparer.quote
    picks = [f"CAST({quote(c.name)} AS text) AS {quote(c.name)}" if c.cast else quote(c.name) for c in columns]
    query = f"SELECT {', '.join(picks)} FROM {table}"
    schema = pa.schema([(c.name, c.type) for c in columns])
    if connection.dialect.name == "postgresql":
        stream = _connectorx(url, connection, query, start, batch_rows)
        if stream is not None:
            for batch in stream:
                yield batch.cast(schema)
            return
    statement = sa.text(_escaped(query))
    if start is not None:
        name = quote(start[0])
        where = f" WHERE {name} >= :{_START} OR {name} IS NULL"
        statement = sa.text(_escaped(query) + where).bindparams(**{_START: start[1]})
    if connection.dialect.name == "sqlite":
        yield from _sqlite(connection, statement, start, schema, batch_rows)
        return
    streamed = connection.execution_options(stream_results=True, yield_per=batch_rows).execute(statement)
    for rows in streamed.partitions(batch_rows):
        yield rows_to_batch(rows, schema)


def _sqlite(
    connection: sa.Connection,
    statement: sa.TextClause,
    start: tuple[str, Any] | None,
    schema: pa.Schema,
    batch_rows: int,
) -> Iterator[pa.RecordBatch]:
    """SQLite's own cursor, without a row object per row."""
    text = str(statement.compile(dialect=connection.dialect))
    try:
        cursor = connection.connection.cursor()
        cursor.execute(text, () if start is None else (start[1],))
        while rows := cursor.fetchmany(batch_rows):
            yield rows_to_batch(rows, schema)
        cursor.close()
    except sqlite3.Error as error:
        raise sa.exc.OperationalError(text, None, error) from error


_START = "kehu_start"
_BIND = re.compile(r"(?<![:\w\\]):(?=\w)")


def _escaped(query: str) -> str:
    """A query in which no colon stands for a parameter."""
    return _BIND.sub(r"\\:", query)


def _connectorx(
    url: sa.URL, connection: sa.Connection, query: str, start: tuple[str, Any] | None, batch_rows: int
) -> Iterator[pa.RecordBatch] | None:
    """The stream of connectorx, or None where it does not work."""
    plain = _plain_url(url)
    if plain is None:
        return None
    if start is not None:
        name = connection.dialect.identifier_preparer.quote(start[0])
        shown = start[1].isoformat() if isinstance(start[1], dt.date) else str(start[1])
        literal = sa.literal(shown).compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
        query += f" WHERE {name} >= {literal} OR {name} IS NULL"
    import connectorx  # large; only those who read PostgreSQL wait for it

    try:
        stream = connectorx.read_sql(plain, query, return_type="arrow_stream", batch_size=batch_rows)
    except BaseException as error:  # its panics are no Exceptions
        if isinstance(error, KeyboardInterrupt | SystemExit | MemoryError):
            raise
        return None
    return cast(Iterator[pa.RecordBatch], iter(stream))


def _plain_url(url: sa.URL) -> str | None:
    """The URL as connectorx takes it, a socket's folder as the host; None when it holds what connectorx would miss."""
    query = dict(url.query)
    host, port = query.pop("host", url.host or "localhost"), query.pop("port", url.port)
    mode = query.pop("sslmode", None)
    if query or not isinstance(host, str) or "," in host:
        return None
    user = quote_url(url.username or getpass.getuser(), safe="")
    password = f":{quote_url(str(url.password), safe='')}" if url.password else ""
    place = quote_url(host, safe=".:[]-_") + (f":{port}" if port else "")
    return f"postgresql://{user}{password}@{place}/{url.database or ''}" + (f"?sslmode={mode}" if mode else "")


def rows_to_batch(rows: Sequence[Any], schema: pa.Schema) -> pa.RecordBatch:
    """Rows of Python values as a batch of this schema."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(schema)
    return pa.RecordBatch.from_arrays([_array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)


def _array(values: Sequence[Any], kind: pa.DataType) -> Column:
    if kind != TEXT:
        return pa.array(values, kind)
    kinds = set(map(type, values)) - {type(None)}
    if kinds <= {str}:
        return pa.array(values, TEXT)
    if kinds == {int} or kinds == {float}:
        try:
            return text_form(pa.array(values))
        except (OverflowError, pa.ArrowInvalid):  # whole numbers beyond 64 bits
            pass
    return pa.array([_text(value) for value in values], TEXT)


def _text(value: Any) -> str | None:
    """A driver's value as text, in the form that `text_form` gives typed columns."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, Decimal):
        text = f"{value:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    if isinstance(value, dt.datetime):
        if value.tzinfo is not None:
            return value.astimezone(dt.UTC).replace(tzinfo=None).isoformat() + "Z"
        return value.isoformat()
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, bytes | bytearray | memoryview):
        raw = bytes(value)
        try:
            return raw.decode()
        except UnicodeDecodeError:
            return base64.b64encode(raw).decode()
    return json_text(value) if isinstance(value, dict | list) else str(value)
