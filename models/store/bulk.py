"""Many rows at once, in and out of a database, from and to Arrow; nothing here knows what the rows mean.

SQLite takes statements of many VALUES rows (three times as fast as one row each), PostgreSQL takes COPY.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import sqlalchemy as sa

from models.store.columns import arrow_schema, arrow_type, quoted, to_arrow, to_python

FETCH_ROWS = 50_000
MANY_ROWS = 200_000
"""From so many rows on, indexes are built after an insertion rather than with it."""
_VALUES_PER_STATEMENT = 120  # SQLite parses more no faster
_COPY_BLOCK_BYTES = 16 << 20  # the longest row that can be read back from PostgreSQL
_SORTER_KIB = 8192
_WORTH_A_THREAD = 5_000
"""A result whose first batch is smaller is read before a thread of its own would have begun."""
_TEMPORARY = itertools.count()
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT = sa.Text()

Batches = Iterable[pa.RecordBatch]


def insert(connection: sa.Connection, table: sa.Table, batches: Batches) -> int:
    """Add rows; the batches' column names are the table's. Returns how many."""
    return _insert(connection, table, batches, "")


def ahead(reader: pa.RecordBatchReader) -> Generator[pa.RecordBatch, None, None]:
    """The reader's batches, each fetched while the one before is in use; closing it closes the reader."""
    iterator = iter(reader)
    try:
        first = next(iterator, None)
        if first is not None:
            yield first
        if first is None or first.num_rows < _WORTH_A_THREAD:
            yield from iterator
            return
        with ThreadPoolExecutor(1, thread_name_prefix="batches-ahead") as pool:
            coming = pool.submit(next, iterator, None)
            while (batch := coming.result()) is not None:
                coming = pool.submit(next, iterator, None)
                yield batch
    finally:
        reader.close()


def distinct_sorted(batches: Batches) -> Iterator[pa.RecordBatch]:
    """Sorted batches of numbers without the rows that equal the row before: half the price of a DISTINCT."""
    last: list[int] | None = None
    for batch in batches:
        if batch.num_rows:
            columns = [column.to_numpy() for column in batch.columns]
            fresh = np.ones(batch.num_rows, dtype=bool)
            fresh[1:] = np.logical_or.reduce([column[1:] != column[:-1] for column in columns])
            fresh[0] = last is None or any(column[0] != value for column, value in zip(columns, last, strict=True))
            last = [column[-1] for column in columns]
            yield batch if fresh.all() else batch.filter(pa.array(fresh))


@contextmanager
def indexes_after(connection: sa.Connection, table: sa.Table, *, when: bool) -> Iterator[None]:
    """Build the table's secondary indexes at the end of the block instead of row by row, if `when`."""
    indexes = sorted(table.indexes, key=lambda index: str(index.name)) if when else []
    for index in indexes:
        index.drop(connection)
    yield
    if not indexes:
        return
    with _small_sorter(connection):
        for index in indexes:
            index.create(connection)


@contextmanager
def _small_sorter(connection: sa.Connection) -> Iterator[None]:
    """Let SQLite sort an index in runs that fit the processor's cache, in a second thread: twice as fast as one run.

    Its sorter takes the page cache's size as its own.
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    before = connection.exec_driver_sql("PRAGMA cache_size").scalar()
    connection.exec_driver_sql("PRAGMA threads = 2")
    connection.exec_driver_sql(f"PRAGMA cache_size = -{_SORTER_KIB}")
    yield
    connection.exec_driver_sql(f"PRAGMA cache_size = {before}")


OLD = "{old}"


def upsert(
    connection: sa.Connection, table: sa.Table, batches: Batches, assign: Mapping[str, str] | None = None
) -> int:
    """Add rows or, where the primary key is there already, replace their other columns.

    `assign` gives SQL for columns that are not simply replaced, with `{new}` and `{old}` for the two values of the
    column. Returns how many rows were given.
    """
    batches, columns = _peek(batches)
    key = [column.name for column in table.primary_key]
    changes = []
    for name in (quoted(c) for c in columns if c not in key):
        sql = (assign or {}).get(name.strip('"'), "{new}")
        changes.append(f"{name} = " + sql.format(new=f"excluded.{name}", old=f"{quoted(table.name)}.{name}"))
    action = f"DO UPDATE SET {', '.join(changes)}" if changes else "DO NOTHING"
    return _insert(connection, table, batches, f" ON CONFLICT ({', '.join(map(quoted, key))}) {action}")


def update(connection: sa.Connection, table: sa.Table, batches: Batches, keep: Sequence[str] = ()) -> int:
    """Replace columns of rows that are there; the batches hold the primary key and the new values.

    In the columns of `keep` a null changes nothing. Rows that are not there are passed over. Returns how many changed.
    """
    batches, columns = _peek(batches)
    if not columns:
        return 0
    key = [column.name for column in table.primary_key]
    values = [name for name in columns if name not in key]
    kinds = {name: arrow_type(table.c[name].type) for name in columns}
    target = quoted(table.name)
    if connection.dialect.name == "sqlite":
        changes = ", ".join(
            f"{quoted(name)} = coalesce(?, {quoted(name)})" if name in keep else f"{quoted(name)} = ?"
            for name in values
        )
        where = " AND ".join(f"{quoted(name)} = ?" for name in key)
        cursor, count = _cursor(connection), 0
        try:
            for batch in batches:
                arrays = [to_python(batch.column(name), kinds[name]) for name in (*values, *key)]
                cursor.executemany(f"UPDATE {target} SET {changes} WHERE {where}", zip(*arrays, strict=True))
                count += cursor.rowcount
        finally:
            cursor.close()
        return count
    staged, _ = _stage(connection, table, columns, list(kinds.values()), batches)
    changes = ", ".join(
        f"{quoted(name)} = "
        + (
            f"coalesce({staged}.{quoted(name)}, {target}.{quoted(name)})"
            if name in keep
            else f"{staged}.{quoted(name)}"
        )
        for name in values
    )
    where = " AND ".join(f"{target}.{quoted(name)} = {staged}.{quoted(name)}" for name in key)
    count = connection.exec_driver_sql(f"UPDATE {target} SET {changes} FROM {staged} WHERE {where}").rowcount
    connection.exec_driver_sql(f"DROP TABLE {staged}")
    return count


def delete(connection: sa.Connection, table: sa.Table, batches: Batches) -> int:
    """Remove the rows whose primary keys the batches hold; their columns are those of the key. Returns how many."""
    batches, columns = _peek(batches)
    if not columns:
        return 0
    kinds = [arrow_type(table.c[name].type) for name in columns]
    target = quoted(table.name)
    if connection.dialect.name == "sqlite":
        where = " AND ".join(f"{quoted(name)} = ?" for name in columns)
        cursor, count = _cursor(connection), 0
        try:
            for batch in batches:
                arrays = [to_python(batch.column(name), kind) for name, kind in zip(columns, kinds, strict=True)]
                cursor.executemany(f"DELETE FROM {target} WHERE {where}", zip(*arrays, strict=True))
                count += cursor.rowcount
        finally:
            cursor.close()
        return count
    staged, _ = _stage(connection, table, columns, kinds, batches)
    where = " AND ".join(f"{target}.{quoted(name)} = {staged}.{quoted(name)}" for name in columns)
    count = connection.exec_driver_sql(f"DELETE FROM {target} USING {staged} WHERE {where}").rowcount
    connection.exec_driver_sql(f"DROP TABLE {staged}")
    return count


def _insert(connection: sa.Connection, table: sa.Table, batches: Batches, conflict: str) -> int:
    batches, columns = _peek(batches)
    if not columns:
        return 0
    kinds = [arrow_type(table.c[name].type) for name in columns]
    if connection.dialect.name == "sqlite":
        # Long texts go in as the bytes that they are: decoding and encoding them again costs more than storing them.
        kinds = [
            pa.binary() if table.c[name].info.get("json") else kind for name, kind in zip(columns, kinds, strict=True)
        ]
        return _insert_sqlite(connection, table.name, columns, kinds, batches, conflict)
    if not conflict:
        return _copy_in(connection, quoted(table.name), columns, kinds, batches)
    staged, count = _stage(connection, table, columns, kinds, batches)
    names = ", ".join(map(quoted, columns))
    connection.exec_driver_sql(f"INSERT INTO {quoted(table.name)} ({names}) SELECT {names} FROM {staged}{conflict}")
    connection.exec_driver_sql(f"DROP TABLE {staged}")
    return count


def _stage(
    connection: sa.Connection, table: sa.Table, columns: list[str], kinds: list[pa.DataType], batches: Batches
) -> tuple[str, int]:
    """PostgreSQL: a temporary table with columns like the table's, filled; its quoted name and its number of rows."""
    staged = quoted(f"stage_{next(_TEMPORARY)}")
    names = ", ".join(map(quoted, columns))
    connection.exec_driver_sql(
        f"CREATE TEMP TABLE {staged} ON COMMIT DROP AS SELECT {names} FROM {quoted(table.name)} WITH NO DATA"
    )
    return staged, _copy_in(connection, staged, columns, kinds, batches)


def _peek(batches: Batches) -> tuple[Batches, list[str]]:
    iterator = iter(batches)
    first = next(iterator, None)
    return ([], []) if first is None else (itertools.chain([first], iterator), first.schema.names)


def _insert_sqlite(
    connection: sa.Connection, table: str, columns: list[str], kinds: list[pa.DataType], batches: Batches, conflict: str
) -> int:
    cursor, count = _cursor(connection), 0
    try:
        for batch in batches:
            same = [_is_constant(column) for column in batch.columns]
            if all(same):
                same[0] = False
            parts = zip(batch.columns, kinds, same, strict=True)
            once = [to_python(column.slice(0, 1), kind)[0] for column, kind, constant in parts if constant]
            width = same.count(False)
            flat: list[Any] = [None] * (batch.num_rows * width)
            for place, i in enumerate(i for i, constant in enumerate(same) if not constant):
                flat[place::width] = to_python(batch.column(i), kinds[i])
            rows = max(1, _VALUES_PER_STATEMENT // width)
            whole = batch.num_rows // rows * rows * width
            for start, stop, many in ((0, whole, rows), (whole, len(flat), 1)):
                step = many * width
                values = (flat[i : i + step] + once for i in range(start, stop, step))
                cursor.executemany(_values(table, columns, kinds, same, many) + conflict, values)
            count += batch.num_rows
    finally:
        cursor.close()
    return count


def _is_constant(column: pa.Array[Any]) -> bool:
    """Whether all values are the same: such a column is bound once per statement, not once per row."""
    if len(column) <= _VALUES_PER_STATEMENT:
        return False
    if column.null_count or column[0] != column[-1]:
        return bool(column.null_count == len(column))
    return bool(pc.all(pc.equal(column, column[0])).as_py())


def _values(table: str, columns: list[str], kinds: list[pa.DataType], same: list[bool], rows: int) -> str:
    """An INSERT of some rows. Its parameters: the varying values row by row, then one for each constant column."""
    width = same.count(False)
    places = [same[:i].count(constant) + 1 for i, constant in enumerate(same)]

    def row(number: int) -> str:
        cells = []
        for kind, constant, place in zip(kinds, same, places, strict=True):
            parameter = f"?{(rows if constant else number) * width + place}"
            cells.append(f"CAST({parameter} AS TEXT)" if pa.types.is_binary(kind) else parameter)
        return f"({', '.join(cells)})"

    names = ", ".join(map(quoted, columns))
    return f"INSERT INTO {quoted(table)} ({names}) VALUES {', '.join(map(row, range(rows)))}"


def _copy_in(
    connection: sa.Connection, table: str, columns: list[str], kinds: list[pa.DataType], batches: Batches
) -> int:
    cursor, count = _cursor(connection), 0
    schema = pa.schema(list(zip(columns, kinds, strict=True)))
    options = pa_csv.WriteOptions(include_header=False)
    try:
        with cursor.copy(f"COPY {table} ({', '.join(map(quoted, columns))}) FROM STDIN (FORMAT csv)") as copy:
            for batch in batches:
                buffer = io.BytesIO()
                pa_csv.write_csv(pa.Table.from_batches([batch]).cast(schema), buffer, options)
                copy.write(buffer.getbuffer())
                count += batch.num_rows
    finally:
        cursor.close()
    return count


def stage(connection: sa.Connection, name: str, batches: Batches, kind: sa.types.TypeEngine[Any] = ID) -> str:
    """A temporary table `name(id)` of this connection with the values of the first column, for `IN (SELECT id …)`.

    What an earlier call put there is gone. Values may stand there more than once on PostgreSQL. Returns the name.
    """
    sqlite = connection.dialect.name == "sqlite"
    connection.exec_driver_sql(f"DROP TABLE IF EXISTS {'temp' if sqlite else 'pg_temp'}.{quoted(name)}")
    table = sa.Table(name, sa.MetaData(), sa.Column("id", kind, primary_key=True), prefixes=["TEMPORARY"])
    first = (pa.record_batch([batch.column(0)], names=["id"]) for batch in batches if batch.num_rows)
    if sqlite:
        table.create(connection)
        _insert(connection, table, first, " ON CONFLICT DO NOTHING")
    else:
        connection.exec_driver_sql(f"CREATE TEMP TABLE {quoted(name)} (id {'text' if kind is TEXT else 'bigint'})")
        _insert(connection, table, first, "")
        connection.exec_driver_sql(f"ANALYZE {quoted(name)}")
    return name


def fetch(
    connection: sa.Connection,
    query: sa.SelectBase | sa.TextClause,
    params: Mapping[str, Any] | None = None,
    schema: pa.Schema | None = None,
    *,
    large: bool = True,
) -> Iterator[pa.RecordBatch]:
    """The rows of a query as record batches; at least one batch, perhaps empty.

    The schema is that of the selected columns; for plain SQL it may be given, and is read off the values otherwise.
    `large` results are streamed, never the whole of them in Python.
    """
    if schema is None and isinstance(query, sa.SelectBase):
        schema = arrow_schema(list(query.selected_columns))
    if large and schema is not None and connection.dialect.name == "postgresql":
        yield from _copy_out(connection, query, params or {}, schema)
        return
    statement: Any = query  # a SelectBase is executable, which its type does not say
    result = connection.execute(statement, params or {})
    try:
        # SQLAlchemy's rows would cost more than the query; its result is used for its cursor alone.
        cursor: Any = result.cursor
        names, first = list(result.keys()), True
        while (rows := cursor.fetchmany(FETCH_ROWS)) or first:
            columns: list[Any] = list(zip(*rows, strict=True)) if rows else [()] * len(names)
            if schema is None:
                arrays = [pa.array(column) for column in columns]
                schema = pa.schema([(name, array.type) for name, array in zip(names, arrays, strict=True)])
            else:
                arrays = [to_arrow(column, field.type) for column, field in zip(columns, schema, strict=True)]
            yield pa.record_batch(arrays, schema=schema)
            first = False
            if len(rows) < FETCH_ROWS:
                break
    finally:
        result.close()


def _copy_out(
    connection: sa.Connection, query: sa.SelectBase | sa.TextClause, params: Mapping[str, Any], schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    """PostgreSQL's COPY read by Arrow's own parser: five times as fast as rows of Python objects."""
    compiled = query.compile(dialect=connection.dialect, compile_kwargs={"render_postcompile": True})
    cursor = _cursor(connection)
    convert = pa_csv.ConvertOptions(
        column_types=schema,
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,  # "" is an empty text, nothing at all is null
        null_values=[""],
        true_values=["t"],
        false_values=["f"],
    )
    read = pa_csv.ReadOptions(column_names=schema.names, block_size=_COPY_BLOCK_BYTES)
    # A single column that is null is an empty line, and a row all the same.
    parse = pa_csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False)
    try:
        statement = f"COPY ({compiled.string}) TO STDOUT (FORMAT csv)"
        with cursor.copy(statement, {**compiled.params, **params}) as copy:
            source = _CopySource(copy)
            if source.is_empty():
                yield from schema.empty_table().to_batches() or [pa.RecordBatch.from_pylist([], schema)]
                return
            file: Any = pa.PythonFile(source, "r")  # the type stubs know only real files
            reader = pa_csv.open_csv(file, read_options=read, parse_options=parse, convert_options=convert)
            yield from reader
    finally:
        cursor.close()


class _CopySource(io.RawIOBase):
    """The blocks of a COPY as a file that can be read forward."""

    def __init__(self, copy: Any):
        super().__init__()
        self._copy, self._rest = copy, b""

    def is_empty(self) -> bool:
        """Whether there is nothing to read at all."""
        self._rest = bytes(self._copy.read())
        return not self._rest

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes, fewer only at the end."""
        parts, have = [self._rest], len(self._rest)
        while size < 0 or have < size:
            block = bytes(self._copy.read())
            if not block:
                break
            parts.append(block)
            have += len(block)
        whole = b"".join(parts)
        self._rest = whole[size:] if size >= 0 else b""
        return whole[:size] if size >= 0 else whole

    def readable(self) -> bool:
        """It can be read."""
        return True


def _cursor(connection: sa.Connection) -> Any:
    """The driver's own cursor inside SQLAlchemy's transaction."""
    return connection.connection.cursor()
