"""The `sql` connector: a table or a query of any database that SQLAlchemy reaches, whole or from a cursor on.

Decides what to ask for and where the next reading starts; how rows become Arrow is `sql_rows`' affair.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal, cast

import pyarrow as pa
import sqlalchemy as sa
from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from connectors import sql_log
from connectors.arrow import Texts, pc
from connectors.protocol import Deleted, Delivery, Discovered, Item, LiveKeys, Note, Options, State
from connectors.registry import missing_columns, options_of
from connectors.secrets import without_secrets
from connectors.sql_rows import Start, describe, first_rows, read_rows, rows_to_batch
from connectors.suggest import SAMPLE, stream_name
from connectors.synonyms import CURSOR_NAMES
from connectors.text import clean, text_form
from models.config import Source, Stream, nearest
from models.errors import ConfigError, SourceError

_ISO = r"^\d{4}-\d{2}-\d{2}([ T].*)?$"
_DIGITS = r"^-?\d{1,18}$"
_KEYS_AT_ONCE = 2_000
_DRIVERS = {
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
    "mssql": "mssql+pymssql",
    "oracle": "oracle+oracledb",
}
"""Drivers where the URL names none: those that the extras bring."""
_EXTRAS = {"mysql": "mysql", "mariadb": "mysql", "mssql": "mssql", "oracle": "oracle"}
_OTHERS = {"hana": "sqlalchemy-hana hdbcli"}
"""What has a licence of its own, so that no extra brings it."""
_READ_ONLY = {
    "sqlite": "PRAGMA query_only = ON",
    "mysql": "SET SESSION TRANSACTION READ ONLY",
    "mariadb": "SET SESSION TRANSACTION READ ONLY",
}
_LASTING = (
    "no such",
    "syntax error",
    "error in your SQL syntax",
    "permission denied",
    "command denied",
    "does not exist",
    "doesn't exist",
    "Unknown column",
    "ORA-00904",
    "ORA-00942",
    "Invalid object name",
    "Invalid column name",
)
"""Words of drivers for what will not pass by itself."""
_REFUSED = ("Access denied", "password authentication failed", "ORA-01017", "Login failed", "authentication failed")
"""Their words for a user that may not enter."""


class SqlOptions(Options):
    """Options of `connector: {type: sql}`."""

    url: str = Field(repr=False)
    """SQLAlchemy URL, such as `postgresql+psycopg://${USER}:${PASSWORD}@host/db`; a SQLite file is relative to the
    configuration file."""
    table: str | None = None
    """Table or view, `schema.table` where needed; by default the stream's name."""
    query: str | None = None
    """A SELECT instead of a table."""
    cursor: str | None = None
    """Column that grows with every change, for incremental reading; by default `updated_at`."""
    overlap: float = Field(default=60, ge=0)
    """Seconds before the cursor's last value that are read again, for rows committed late; equal rows cost nothing."""
    batch_rows: int = Field(default=20_000, ge=1)
    """Rows fetched at once."""
    changes: Literal["cursor", "log"] = "cursor"
    """How changes are found: by the cursor, or from PostgreSQL's write-ahead log, deletions included."""
    slot: str | None = Field(default=None, pattern=r"^[a-z0-9_]{1,63}$")
    """Replication slot of `changes: log`; by default one of the stream's own, which is made on first use."""
    publication: str = "kehu"
    """Publication of `changes: log`; made on first use where the user may."""

    @field_validator("url")
    @classmethod
    def _url(cls, value: str) -> str:
        try:
            sa.make_url(value)
        except sa.exc.ArgumentError:
            raise PydanticCustomError(
                "kehu", "is not a database URL like dialect://user:password@host/database"
            ) from None
        return value

    @model_validator(mode="after")
    def _one(self) -> SqlOptions:
        if self.table is not None and self.query is not None:
            raise PydanticCustomError("kehu", "give a table or a query, not both")
        if self.changes == "log" and self.query is not None:
            raise PydanticCustomError("kehu", "the log tells the changes of a table, not of a query")
        if self.changes == "log" and not sa.make_url(self.url).get_backend_name().startswith("postgres"):
            raise PydanticCustomError("kehu", "only PostgreSQL's log can be read; use a cursor")
        return self


class SqlConnector:
    """Reads a database. Nothing is ever written to it."""

    options: ClassVar[type[Options]] = SqlOptions

    def __init__(self, source: Source, base: Path):
        self.source, self.base = source, base

    def check(self, stream: Stream) -> list[ConfigError]:
        """Whether the database answers, and holds the table and the configured columns."""
        options = options_of(self.source, stream, SqlOptions)
        try:
            with self._connected(stream, options) as connection:
                names = [column.name for column in describe(connection, self._from(stream, options, connection))]
                in_the_way = self._obstacles(stream, options, connection, names)
        except SourceError as error:
            if error.retryable:
                raise
            return [ConfigError(str(error), key=f"sources[{self.source.name}].connector.url")]
        place = f"sources[{self.source.name}].streams[{stream.name}].options.changes"
        found = missing_columns(self.source, stream, names)
        found += [ConfigError(words, key=place) for words in in_the_way]
        if options.cursor and options.cursor not in names:
            key = f"sources[{self.source.name}].streams[{stream.name}].options.cursor"
            found.append(
                ConfigError(f"there is no column '{options.cursor}'", key=key, nearest=nearest(options.cursor, names))
            )
        return found

    def discover(self) -> list[Discovered]:
        """Tables and views with their columns, primary keys, a column that looks like a cursor, and first rows."""
        options = options_of(self.source, None, SqlOptions)
        found: list[Discovered] = []
        with self._connected(None, options) as connection:
            inspector = sa.inspect(connection)
            quote = connection.dialect.identifier_preparer.quote
            for name in sorted({*inspector.get_table_names(), *inspector.get_view_names()}):
                columns = {str(c["name"]): str(c["type"]) for c in inspector.get_columns(name)}
                key = tuple(inspector.get_pk_constraint(name).get("constrained_columns") or ())
                cursor = next((c for c in columns if c.lower() in CURSOR_NAMES), None)
                rows = first_rows(connection, str(quote(name)), SAMPLE)
                plain = stream_name(name, taken=[stream.name for stream in found])
                table = {} if plain == name else {"table": name}
                found.append(Discovered(plain, columns, key, cursor, options=table, rows=rows))
        return found

    def read(self, stream: Stream, state: dict[str, Any] | None, *, again: bool = False) -> Iterator[Item]:
        """Rows from the cursor on, or everything.

        It is everything at first, in mode snapshot, without a cursor, and when the cursor's values cannot be compared.
        """
        options = options_of(self.source, stream, SqlOptions)
        if options.changes == "log":
            yield from self._read_log(stream, options, state if not again else None)
            return
        cursor = options.cursor or stream.updated_at
        last = (state or {}).get("cursor") if stream.mode != "snapshot" and not again else None
        with self._connected(stream, options) as connection:
            table = self._from(stream, options, connection)
            columns = describe(connection, table)
            names = [column.name for column in columns]
            last = last if cursor in names else None
            # Where columns come as text whatever they are, digits are numbers.
            digits = connection.dialect.name != "postgresql"
            position = _Position(cursor if cursor in names else None, last, digits)
            moment = any(column.moment for column in columns if column.name == cursor)
            start = Start(str(cursor), _earlier(last, options.overlap, moment)) if last else None
            how = {"table": options.table or (None if options.query else stream.name), "query": options.query}
            told = {
                **{k: v for k, v in how.items() if v},
                "url": self._shown(options),
                "from": start and str(start.value),
            }
            yield Delivery("delta" if last or stream.mode == "delta" else "snapshot", info=told)
            for batch in read_rows(self._url(options), connection, table, columns, start, options.batch_rows):
                if isinstance(batch, pa.RecordBatch):
                    position.see(batch)
                yield batch
        yield State({"cursor": position.value()} if stream.mode != "snapshot" else {})

    def period(self, stream: Stream, start: dt.datetime, end: dt.datetime) -> Iterator[Item]:
        """Rows whose `updated_at` is in a period, where the database knows it for a moment; others are all read.

        A column without a zone is asked for a day more on both sides: whose zone it is, is not known here.
        """
        options = options_of(self.source, stream, SqlOptions)
        with self._connected(stream, options) as connection:
            table = self._from(stream, options, connection)
            columns = describe(connection, table)
            column = next((c for c in columns if c.name == stream.updated_at), None)
            asked = None
            if column is not None and (column.moment or pa.types.is_timestamp(column.type)):
                zoned = pa.types.is_timestamp(column.type) and column.type.tz is not None
                spare = dt.timedelta(0) if zoned else dt.timedelta(days=1)
                low, high = (
                    moment if zoned else moment.replace(tzinfo=None) for moment in (start - spare, end + spare)
                )
                asked = Start(column.name, low, high)
            yield Delivery(
                "delta", info={"url": self._shown(options), "from": start.isoformat(), "to": end.isoformat()}
            )
            yield from read_rows(self._url(options), connection, table, columns, asked, options.batch_rows)
        yield State({})

    def deletes(self, stream: Stream, state: dict[str, Any] | None, *, again: bool = False) -> Iterator[Item]:
        """The keys of all rows, where `read` delivered those from the cursor on; in mode delta nothing is deleted."""
        if stream.mode is not None or again or not (state or {}).get("cursor"):
            return  # the log tells deletions in their place
        options = options_of(self.source, stream, SqlOptions)
        with self._connected(stream, options) as connection:
            table = self._from(stream, options, connection)
            columns = describe(connection, table)
            keys = [column for column in columns if column.name in stream.key_columns]
            if (options.cursor or stream.updated_at) not in {column.name for column in columns}:
                return  # everything was read
            if len(keys) == len(stream.key_columns):
                # Without a row, too, it is told: that a table was emptied is for the volume floor to judge.
                yield LiveKeys(rows_to_batch([], pa.schema([(key.name, key.type) for key in keys])))
                for batch in read_rows(self._url(options), connection, table, keys, None, options.batch_rows):
                    if isinstance(batch, pa.RecordBatch):  # a key that is no text was never one of the hub's
                        yield LiveKeys(batch)

    def _obstacles(self, stream: Stream, options: SqlOptions, connection: sa.Connection, names: list[str]) -> list[str]:
        if options.changes != "log" or not set(stream.key_columns) <= set(names):
            return []
        return sql_log.obstacles(connection, self._log(stream, options, connection), stream.key_columns)

    def _log(self, stream: Stream, options: SqlOptions, connection: sa.Connection) -> sql_log.Log:
        return sql_log.log_of(
            connection, self.source.name, stream.name, options.table, options.slot, options.publication
        )

    def _read_log(self, stream: Stream, options: SqlOptions, state: dict[str, Any] | None) -> Iterator[Item]:
        """Rows whose keys the log says were touched; everything at first, or when the log was lost."""
        with self._connected(stream, options) as opened:
            connection = opened.execution_options(isolation_level="AUTOCOMMIT")
            table = self._from(stream, options, connection)
            columns, log = describe(connection, table), self._log(stream, options, connection)
            if in_the_way := self._obstacles(stream, options, connection, [c.name for c in columns]):
                raise self._fault(stream, "; ".join(in_the_way))
            after = (state or {}).get("log")
            lost = after is not None and not sql_log.usable(connection, log)
            found, upto = sql_log.Touched(), ""
            if after is not None and not lost and stream.mode != "snapshot":
                found, upto = sql_log.touched(connection, log, str(after), stream.key_columns)
            whole = not upto or found.truncated
            info = {"table": log.name, "slot": log.slot, "from": None if whole else after, "url": self._shown(options)}
            if not whole and not found.keys:
                # The place moves on all the same, so that the server may let go of what was read.
                yield Delivery("delta", info=info, feed=True)
                yield State({"log": upto})
                return
            yield Delivery("snapshot" if whole else "delta", info=info, feed=True)
            if lost:
                yield Note(f"the slot {log.slot} lost its place in the log; everything is read")
            if whole:
                upto = upto or sql_log.begin(connection, log, partial(self._fault, stream))
                yield from read_rows(self._url(options), connection, table, columns, None, options.batch_rows)
                yield State({"log": upto})
                return
            for keys in sql_log.parts(found.keys, _KEYS_AT_ONCE):
                missing = dict.fromkeys(keys)
                some = sql_log.rows_with(connection, table, stream.key_columns, keys)
                for batch in read_rows(self._url(options), connection, some, columns, None, options.batch_rows):
                    assert isinstance(batch, pa.RecordBatch)  # PostgreSQL has no other text
                    there = [text_form(batch.column(column)).to_pylist() for column in stream.key_columns]
                    for key in zip(*there, strict=True):
                        missing.pop(key, None)
                    yield batch
                if missing:
                    gone = [pa.array(column, pa.string()) for column in zip(*missing, strict=True)]
                    yield Deleted(pa.RecordBatch.from_arrays(gone, stream.key_columns))
            yield State({"log": upto})

    def _from(self, stream: Stream, options: SqlOptions, connection: sa.Connection) -> str:
        """What stands behind FROM."""
        if options.query is not None:
            return f"({options.query.strip().rstrip(';')}) delivered"
        schema, _, name = (options.table or stream.name).rpartition(".")
        quote = connection.dialect.identifier_preparer.quote
        inspector = sa.inspect(connection)
        there = inspector.has_table(name, schema or None) or name in inspector.get_view_names(schema or None)
        if not there:
            tables = [*inspector.get_table_names(schema or None), *inspector.get_view_names(schema or None)]
            close = nearest(name, tables)
            hint = f" (did you mean '{close}'?)" if close else f"; there are {', '.join(tables[:20])}" if tables else ""
            raise self._fault(stream, f"there is no table '{options.table or stream.name}'{hint}")
        return f"{quote(schema)}.{quote(name)}" if schema else str(quote(name))

    def _url(self, options: SqlOptions) -> sa.URL:
        url = sa.make_url(options.url)
        if url.drivername in _DRIVERS:
            url = url.set(drivername=_DRIVERS[url.drivername])
        if url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:":
            url = url.set(database=str(self.base / Path(url.database).expanduser()))
        return url

    def _shown(self, options: SqlOptions) -> str:
        url = self._url(options)
        return sa.URL.create(url.drivername, host=url.host, port=url.port, database=url.database).render_as_string()

    @contextmanager
    def _connected(self, stream: Stream | None, options: SqlOptions) -> Iterator[sa.Connection]:
        """A connection whose errors are faults of the source, without the password."""
        url = self._url(options)
        if url.get_backend_name() == "sqlite" and url.database and not Path(url.database).is_file():
            raise self._fault(stream, f"there is no file {url.database}")
        try:
            engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
        except (sa.exc.NoSuchModuleError, ModuleNotFoundError) as error:
            kind = url.drivername.partition("+")[0]
            wanted = f"'kehu[{_EXTRAS[kind]}]'" if kind in _EXTRAS else _OTHERS.get(kind)
            hint = f"; pip install {wanted}" if wanted else ""
            words = f"no driver for {url.drivername}: {without_secrets(str(error), url.password)}{hint}"
            raise self._fault(stream, words) from None
        opened = False
        try:
            with engine.connect() as connection:
                opened = True
                if url.get_backend_name() in _READ_ONLY:
                    connection.exec_driver_sql(_READ_ONLY[url.get_backend_name()])
                yield connection
        except (sa.exc.SQLAlchemyError, pa.ArrowException, OSError) as error:
            passing = isinstance(error, (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError, OSError))
            lost = isinstance(error, sa.exc.DBAPIError) and error.connection_invalidated
            words = str(getattr(error, "orig", None) or error)
            lasting = any(w in words for w in _REFUSED) or (opened and any(w in words for w in _LASTING))
            message = without_secrets(words, url.password)
            raise self._fault(stream, message, retryable=(passing or lost) and not lasting) from None
        finally:
            engine.dispose()

    def _fault(self, stream: Stream | None, message: str, retryable: bool = False) -> SourceError:
        name = stream.name if stream is not None else None
        return SourceError(message, source=self.source.name, stream=name, retryable=retryable)


class _Position:
    """The highest value of the cursor column that was read."""

    def __init__(self, column: str | None, last: dict[str, Any] | None, digits: bool = False):
        self.digits = digits
        self.column, self.kind, self.highest = column, last["kind"] if last else None, last["value"] if last else None
        self.comparable = column is not None

    def see(self, batch: pa.RecordBatch) -> None:
        if not self.comparable:
            return
        values = batch.column(cast(str, self.column))
        kind = _kind(values.type)
        if kind == "text":
            values = clean(text_form(values))
            if self.digits and len(values.drop_null()) and _all_match(values, _DIGITS):
                kind, values = "integer", values.cast(pa.int64())
            else:
                # Text compares like time only when it is written like ISO 8601.
                self.comparable = _all_match(values, _ISO)
        highest = pc.max(values).as_py()
        if highest is None or not self.comparable:
            return
        value = highest.isoformat() if isinstance(highest, dt.date) else str(highest)
        before = None if self.highest is None else _value(self.kind or kind, self.highest)
        if before is None or self.kind != kind or _value(kind, value) > before:
            self.kind, self.highest = kind, value

    def value(self) -> dict[str, Any] | None:
        """The cursor as it is stored; None when the next reading must be of everything."""
        return {"kind": self.kind, "value": self.highest} if self.comparable and self.highest is not None else None


def _all_match(values: Texts, pattern: str) -> bool:
    return pc.all(pc.match_substring_regex(values.drop_null(), pattern)).as_py() is not False


def _kind(kind: pa.DataType) -> str:
    if pa.types.is_timestamp(kind):
        return "timestamp" if kind.tz is None else "timestamptz"
    if pa.types.is_date(kind):
        return "date"
    if pa.types.is_integer(kind):
        return "integer"
    return "float" if pa.types.is_floating(kind) else "text"


def _value(kind: str, value: str) -> Any:
    if kind in ("timestamp", "timestamptz"):
        return dt.datetime.fromisoformat(value)
    if kind == "date":
        return dt.date.fromisoformat(value)
    return {"integer": int, "float": float}.get(kind, str)(value)


def _earlier(last: dict[str, Any], overlap: float, moment: bool = False) -> Any:
    """The cursor value from which on rows are read, given the highest one that was.

    `moment`: it came as text, and the database compares it as a moment: not every one of them understands text there.
    """
    value = _value(last["kind"], last["value"])
    if moment and last["kind"] == "text":
        try:
            value = dt.datetime.fromisoformat(value)
        except ValueError:
            pass  # such as MySQL's day that is none, 0000-00-00
    if isinstance(value, dt.datetime):
        return value - dt.timedelta(seconds=overlap)
    if isinstance(value, dt.date):
        return value - dt.timedelta(days=1 + overlap // 86400)
    if last["kind"] == "text":
        # Offsets and separators may differ from row to row: a day back is always early enough.
        return (dt.date.fromisoformat(value[:10]) - dt.timedelta(days=1 + overlap // 86400)).isoformat()
    return value
