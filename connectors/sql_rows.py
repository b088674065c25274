"""Rows of a SQL query as Arrow batches with a schema that does not depend on the way they came.

PostgreSQL goes through connectorx and SQLite through ADBC, whose Arrow streams are four times as fast as rows in
Python; whatever they cannot do, and every other database, goes through SQLAlchemy with a server-side cursor. The whole
result never stands in memory.
"""

from __future__ import annotations

import datetime as dt
import getpass
import re
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import quote as quote_url

import pyarrow as pa
import sqlalchemy as sa

from connectors.arrow import Column
from connectors.protocol import BadRow
from connectors.sql_sqlite import file_of, read_sqlite
from connectors.text import text_form, text_of

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


# What drivers call the types of days and moments, by SQLAlchemy's names of the dialects.
_MOMENTS: dict[str, frozenset[Any]] = {
    "mysql": frozenset({7, 10, 12, 14}),
    "mariadb": frozenset({7, 10, 12, 14}),
    "mssql": frozenset({4}),
    "hana": frozenset({14, 16, 61, 62, 63}),
}
_MYSQL_BIT = 16
_STREAMED = 10_000
"""Rows of a batch of connectorx at most: it reads some batches ahead, all of which stand in memory."""


@dataclass(frozen=True)
class SqlColumn:
    """A column of a result: its name, its Arrow type, and whether the database must turn it into text.

    `moment`: it comes as text here, and is a day or a moment for the database, which compares it as such. `bits`: the
    database must turn it into a number.
    """

    name: str
    type: pa.DataType = TEXT
    cast: bool = False
    moment: bool = False
    bits: bool = False


@dataclass(frozen=True)
class Start:
    """From which value of a column on rows are read; those without a value, too, unless they end at another value."""

    column: str
    value: Any
    end: Any = None


def describe(connection: sa.Connection, table: str) -> list[SqlColumn]:
    """The columns of what stands behind FROM, without reading a row."""
    result = connection.execute(sa.text(_escaped(f"SELECT * FROM {table} WHERE 1 = 0")))
    names = list(result.keys())
    described = result.cursor.description if result.cursor is not None else None
    codes: list[Any] = [entry[1] for entry in described] if described else [None] * len(names)
    result.close()
    connection.rollback()
    kind = connection.dialect.name
    if kind == "postgresql":
        return [SqlColumn(n, _POSTGRES.get(c, TEXT), c not in _POSTGRES) for n, c in zip(names, codes, strict=True)]
    bit = _MYSQL_BIT if kind in ("mysql", "mariadb") else ...
    return [SqlColumn(n, moment=_is_moment(kind, c), bits=c == bit) for n, c in zip(names, codes, strict=True)]


def _is_moment(dialect: str, code: Any) -> bool:
    """Whether a driver's code of a type means a day or a moment."""
    if isinstance(code, type):
        return issubclass(code, dt.date)  # pyodbc names Python's types
    if dialect == "oracle":
        return str(getattr(code, "name", "")).startswith(("DB_TYPE_DATE", "DB_TYPE_TIMESTAMP"))
    return isinstance(code, int) and code in _MOMENTS.get(dialect, ())


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
    start: Start | None,
    batch_rows: int,
) -> Iterator[pa.RecordBatch | BadRow]:
    """The rows of `table`; with `start` those from it on. A row with text that is none is a bad row."""
    picked = f"SELECT {', '.join(_pick(c, connection.dialect) for c in columns)} "
    query = f"{picked}FROM {table}"
    schema = pa.schema([(c.name, c.type) for c in columns])
    if connection.dialect.name == "postgresql":
        stream = _connectorx(url, connection, query, start, batch_rows)
        if stream is not None:
            for batch in stream:
                yield batch.cast(schema)
            return
    statement = statement_of(query, start, connection.dialect)
    if connection.dialect.name == "sqlite":
        values = () if start is None else tuple(v for v in (start.value, start.end) if v is not None)
        file = file_of(url)
        if file is None:
            yield from _sqlite(connection, statement, values, schema, batch_rows)
            return
        names = [c.name for c in columns]
        quoted = [connection.dialect.identifier_preparer.quote(name) for name in names]
        text = str(statement.compile(dialect=connection.dialect))
        try:
            yield from read_sqlite(file, names, quoted, text.removeprefix(picked), values, batch_rows)
        except sqlite3.Error as error:
            raise sa.exc.OperationalError(text, None, error) from error
        return
    streamed = connection.execution_options(stream_results=True, yield_per=batch_rows).execute(statement)
    for rows in streamed.partitions(batch_rows):
        yield rows_to_batch(rows, schema)


def _pick(column: SqlColumn, dialect: sa.Dialect) -> str:
    name = dialect.identifier_preparer.quote(column.name)
    if column.bits:
        return f"{name} + 0 AS {name}"
    return f"CAST({name} AS text) AS {name}" if column.cast else str(name)


def statement_of(query: str, start: Start | None, dialect: sa.Dialect) -> sa.TextClause:
    """A query as it is executed on this dialect."""
    if start is None:
        return sa.text(_escaped(query))
    name = dialect.identifier_preparer.quote(start.column)
    if start.end is None:
        where = f" WHERE {name} >= :{_START} OR {name} IS NULL"
        return sa.text(_escaped(query) + where).bindparams(**{_START: start.value})
    where = f" WHERE {name} >= :{_START} AND {name} < :{_END}"
    return sa.text(_escaped(query) + where).bindparams(**{_START: start.value, _END: start.end})


def _sqlite(
    connection: sa.Connection,
    statement: sa.TextClause,
    values: tuple[Any, ...],
    schema: pa.Schema,
    batch_rows: int,
) -> Iterator[pa.RecordBatch]:
    """SQLite's own cursor, without a row object per row; for databases that are no plain file."""
    text = str(statement.compile(dialect=connection.dialect))
    try:
        cursor = connection.connection.cursor()
        cursor.execute(text, values)
        while rows := cursor.fetchmany(batch_rows):
            yield rows_to_batch(rows, schema)
        cursor.close()
    except sqlite3.Error as error:
        raise sa.exc.OperationalError(text, None, error) from error


_START, _END = "kehu_start", "kehu_end"
_BIND = re.compile(r"(?<![:\w\\]):(?=\w)")


def _escaped(query: str) -> str:
    """A query in which no colon stands for a parameter."""
    return _BIND.sub(r"\\:", query)


def _connectorx(
    url: sa.URL, connection: sa.Connection, query: str, start: Start | None, batch_rows: int
) -> Iterator[pa.RecordBatch] | None:
    """The stream of connectorx, or None where it does not work."""
    plain = _plain_url(url)
    if plain is None:
        return None
    if start is not None:
        name, dialect = connection.dialect.identifier_preparer.quote(start.column), connection.dialect
        query += f" WHERE {name} >= {_literal(start.value, dialect)} "
        query += f"OR {name} IS NULL" if start.end is None else f"AND {name} < {_literal(start.end, dialect)}"
    import connectorx  # large; only those who read PostgreSQL wait for it

    try:
        stream = connectorx.read_sql(plain, query, return_type="arrow_stream", batch_size=min(batch_rows, _STREAMED))
    except BaseException as error:  # its panics are no Exceptions
        if isinstance(error, KeyboardInterrupt | SystemExit | MemoryError):
            raise
        return None
    return cast(Iterator[pa.RecordBatch], iter(stream))


def _literal(value: Any, dialect: sa.Dialect) -> str:
    shown = value.isoformat() if isinstance(value, dt.date) else str(value)
    return str(sa.literal(shown).compile(dialect=dialect, compile_kwargs={"literal_binds": True}))


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
    return pa.array([text_of(value) for value in values], TEXT)
