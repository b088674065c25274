"""Connections to the hub's database: reads, snapshots and transactions, and what their failures mean.

Knows SQLite and PostgreSQL, but no table.
"""

from __future__ import annotations

import datetime as dt
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from models.errors import AwayError, BusyError, StoreError
from models.store.engines import BUSY_SECONDS, Idle, make_engine, patience, room
from models.store.looks import Ask, Looks, for_psycopg

Dialect = Literal["sqlite", "postgresql"]

_BUSY = "another process is writing to the hub store"
_AWAY = "the connection to the hub store failed"
_idle = Idle(4)


class Database:
    """An engine with its dialect; hands out read and write transactions."""

    def __init__(self, url: str):
        try:
            parsed = sa.make_url(url)
            if parsed.drivername == "postgresql":
                parsed = parsed.set(drivername="postgresql+psycopg")
            if "@" in (parsed.host or ""):  # what is behind the first @ of a password was taken for the server
                raise StoreError(f"'{_without_password(url)}': a password with @ is written with %40 in its place")
            self.engine = _idle.take(parsed) or make_engine(parsed)
        except (ArgumentError, NoSuchModuleError):
            raise StoreError(f"'{_without_password(url)}' is no URL of a hub store") from None
        self.url = parsed
        self.shown = parsed.render_as_string(hide_password=True)
        self.dialect: Dialect = "sqlite" if self.engine.dialect.name == "sqlite" else "postgresql"
        self._local = threading.local()
        self._folding: threading.Thread | None = None
        self.looks = Looks(self.engine)
        self._closed = False

    @property
    def file(self) -> Path | None:
        """The file of a SQLite store."""
        return Path(self.url.database or "") if self.dialect == "sqlite" else None

    def close(self) -> None:
        """Give all connections back to the system."""
        if self._folding is not None:
            self._folding.join()
        self.looks.close()
        self.engine.dispose()
        if not self._closed:
            self._closed = True
            _idle.keep(self.engine)

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A read transaction; inside `snapshot` the one that is already open in this thread."""
        held: sa.Connection | None = getattr(self._local, "connection", None)
        if held is not None:
            with self.clear_errors():
                yield held
            return
        with self.clear_errors(), self.engine.connect() as connection:
            yield connection

    def is_held(self) -> bool:
        """Whether this thread is inside `snapshot` or `transaction`."""
        return getattr(self._local, "connection", None) is not None

    def row(self, query: str, *values: Any) -> tuple[Any, ...] | None:
        """The first row of one statement in SQL that both databases know, `?` for each value; None without one.

        For answers that are given hundreds of times a second: what SQLAlchemy does around a statement takes several
        times as long as the look-up of a row. One statement sees one published state. Inside a snapshot that one's.
        """
        with self.clear_errors():
            if (held := getattr(self._local, "connection", None)) is not None:
                return self._first(held.connection.driver_connection, query, values)
            if self.dialect == "postgresql":
                return self.looks.look(lambda driver: self._first(driver, query, values))
            pooled = self.engine.raw_connection()
            driver: Any = pooled.driver_connection
            try:
                return self._first(driver, query, values)
            finally:
                pooled.close()

    def both(self, one: Ask, columns: int, other: Ask) -> tuple[tuple[Any, ...] | None, tuple[Any, ...] | None]:
        """`row` for two statements, the first of which has so many columns. PostgreSQL, to which each way takes time,
        is asked for both at once. The first column of either is never null.
        """
        if self.dialect == "sqlite":
            return self.row(one[0], *one[1]), self.row(other[0], *other[1])
        joined = f"SELECT a.*, b.* FROM (SELECT 1) x LEFT JOIN ({one[0]}) a ON true LEFT JOIN ({other[0]}) b ON true"
        found = self.row(joined, *one[1], *other[1]) or ()
        rows = found[:columns], found[columns:]
        first, second = (row if row and row[0] is not None else None for row in rows)
        return first, second

    def _first(self, driver: Any, query: str, values: tuple[Any, ...]) -> tuple[Any, ...] | None:
        if self.dialect == "sqlite":
            found: tuple[Any, ...] | None = driver.execute(query, values).fetchone()
            return found
        with driver.cursor() as cursor:
            found = cursor.execute(for_psycopg(query), values, prepare=True).fetchone()
            return found

    def is_empty(self, table: sa.Table) -> bool:
        """Whether a table has no row."""
        with self.read() as connection:
            return connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first() is None

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let every read of this thread see one published state, however long it takes."""
        if getattr(self._local, "connection", None) is not None:
            yield
            return
        with self.clear_errors(), self.engine.connect() as connection:
            if self.dialect == "postgresql":
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            connection.execute(sa.text("SELECT 1 FROM run LIMIT 1"))  # a snapshot begins with the first look at a table
            self._local.connection = connection
            try:
                yield
            finally:
                self._local.connection = None

    @contextmanager
    def beside(self) -> Iterator[sa.Connection]:
        """A connection for a long answer during which the thread goes on asking, in the snapshot that it is in.

        PostgreSQL gives one connection one answer at a time: asking on it while an answer is read would wait for ever.
        """
        held: sa.Connection | None = getattr(self._local, "connection", None)
        if held is None or self.dialect != "postgresql" or getattr(self._local, "writing", None) is not None:
            with self.read() as connection:
                yield connection
            return
        with self.clear_errors(), self.engine.connect() as plain:
            connection = plain.execution_options(isolation_level="REPEATABLE READ")
            shared = held.scalar(sa.text("SELECT pg_export_snapshot()"))
            connection.exec_driver_sql(f"SET TRANSACTION SNAPSHOT '{shared}'")
            yield connection

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """A write transaction in which every read and write of this thread takes part until the block ends.

        Reads see what was written before in it; nobody else does until the block ends. Any exception undoes all of it.
        """
        if getattr(self._local, "connection", None) is not None:
            raise StoreError("a transaction cannot begin inside another, or inside a snapshot")
        with self.write() as connection:
            self._local.connection = self._local.writing = connection
            try:
                yield connection
            finally:
                self._local.connection = self._local.writing = None

    @contextmanager
    def write(self, *, wait: bool = True, roomy: bool = False) -> Iterator[sa.Connection]:
        """A write transaction, committed at the end, rolled back by any exception; part of `transaction` inside one.

        Without `wait` BusyError is raised where somebody is writing to a SQLite store for longer than a moment, as a
        run that publishes; two short writes of one server go one after the other. `roomy` keeps more changed pages of
        SQLite in memory, for writes that come back to them: what does not fit is written into the log again each time.
        The log that they leave stays until `fold`.
        """
        joined: sa.Connection | None = getattr(self._local, "writing", None)
        if joined is not None:
            with self.clear_errors():
                yield joined
            return
        with self.clear_errors(), self.engine.connect() as plain, patience(plain, wait), room(plain, roomy):
            connection = plain.execution_options(kehu_write=True)
            with connection.begin():
                yield connection

    def fold(self) -> None:
        """Fold the log of a SQLite store into its file, beside what the program does next; `close` waits for it.

        Nobody waits for that: what is in the log is published, and safe as soon as it is in the file.
        """
        if self.dialect == "sqlite" and (self._folding is None or not self._folding.is_alive()):
            self._folding = threading.Thread(target=self._fold, name="kehu-fold")
            self._folding.start()

    def _fold(self) -> None:
        # Where it fails, on a full disk, the log stays, is read, and is folded in at the next time.
        with suppress(SQLAlchemyError, sqlite3.Error), self.engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")

    @contextmanager
    def write_much(self) -> Iterator[sa.Connection]:
        """A write transaction for gigabytes into a store that nobody has read yet.

        On SQLite the log in front of the file is left out, which halves what is written. The price: while the block
        runs, readers may have to wait for its end. Where another connection is open it is a plain `write`.
        """
        if self.dialect == "postgresql":
            with self.write() as connection:
                yield connection
            return
        self.engine.dispose()  # the mode of the journal changes only when nobody else is connected
        with self.clear_errors(), self.engine.connect() as plain:
            driver: Any = plain.connection.driver_connection
            driver.execute("PRAGMA cache_size = -262144")
            driver.execute("PRAGMA busy_timeout = 0")
            try:
                driver.execute("PRAGMA journal_mode = TRUNCATE")
            except sqlite3.OperationalError as error:
                if "locked" not in str(error):
                    raise
            driver.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
            try:
                connection = plain.execution_options(kehu_write=True)
                with connection.begin():
                    yield connection
            finally:
                plain.invalidate()  # the next connection is set up anew, with the log
        with self.read():
            pass

    @contextmanager
    def clear_errors(self) -> Iterator[None]:
        """Turn what a driver raises into a StoreError that says what happened and to which store."""
        try:
            yield
        except PoolTimeout as error:
            raise AwayError(f"{self.shown}: no free connection to the hub store") from error
        except (SQLAlchemyError, sqlite3.Error, OSError) as error:
            meaning = f"{self.shown}: {_meaning(error)}"
            raise self._kind(meaning)(meaning) from error
        except Exception as error:
            if type(error).__module__.split(".")[0] != "psycopg":
                raise
            meaning = f"{self.shown}: {_meaning(error)}"
            raise self._kind(meaning)(meaning) from error

    def _kind(self, meaning: str) -> type[StoreError]:
        if _BUSY in meaning:
            return BusyError
        return AwayError if _AWAY in meaning and self.dialect == "postgresql" else StoreError


def moment(value: Any) -> dt.datetime | None:
    """A time as `Database.row` gives it, text on SQLite, as a moment in UTC."""
    if value is None or isinstance(value, dt.datetime):
        return value
    return dt.datetime.fromisoformat(value).replace(tzinfo=dt.UTC)


def _without_password(url: str) -> str:
    head, at, tail = url.rpartition("@")
    return f"{head.partition('://')[0]}://…@{tail}" if at else url


def _meaning(error: BaseException) -> str:
    """The failure in words of the user's world, with the driver's own first line after it."""
    cause: Any = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    said = next((line.strip() for line in str(cause).splitlines() if line.strip()), type(cause).__name__)
    state = getattr(cause, "sqlstate", None) or ""
    low = said.lower()
    if "disk is full" in low or state == "53100" or getattr(cause, "errno", None) == 28:
        return f"the disk of the hub store is full; nothing of this run was published ({said})"
    if "disk i/o error" in low:  # SQLite's word for a disk so full that not even its index of the log finds room
        return f"the hub store's disk is full, or failing ({said})"
    if "database is locked" in low or state == "55P03":
        return f"{_BUSY} ({said})"
    if "unable to open" in low or "readonly" in low or "read-only" in low:
        return f"the hub store's file cannot be opened or written ({said})"
    if "not a database" in low or "malformed" in low:
        return f"the hub store's file is damaged or is no SQLite database ({said})"
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    if lost or state.startswith(("08", "57P")) or type(cause).__name__ in ("OperationalError", "InterfaceError"):
        return f"{_AWAY} ({said})"
    return said
