"""Engines of the hub's database: how connections of SQLite and PostgreSQL are set up, and how transactions begin."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from models.errors import StoreError
from models.store.looks import OPTIONS

BUSY_SECONDS = 30
"""So long a write to SQLite waits for another process that writes."""
_MOMENT_MS = 50
_QUIET: dict[str, Any] = {"hide_parameters": True}  # of a statement that failed: they may be of a person, and be logged
_CACHE_KIB, _ROOM_KIB = 65_536, 393_216
_LOG_PAGES = 1_000
"""SQLite's own: at a commit with so many pages in the log it is folded into the file."""
_PRAGMAS = (
    "journal_mode = WAL",  # readers see the last published state while a run publishes the next
    "synchronous = NORMAL",  # with WAL a power cut may lose the last commit, never the consistency
    "foreign_keys = ON",
    f"busy_timeout = {BUSY_SECONDS * 1000}",
    f"cache_size = -{_CACHE_KIB}",  # of pages per connection
    "mmap_size = 1073741824",
)


class Idle:
    """Engines without a connection, to be used again for the same URL: they know their server, and the statements that
    were put into its words. Each has one user at a time.
    """

    def __init__(self, most: int) -> None:
        self._engines: dict[sa.URL, sa.Engine] = {}
        self._most, self._lock = most, threading.Lock()

    def keep(self, engine: sa.Engine) -> None:
        """Keep an engine; of several the newest."""
        with self._lock:
            self._engines.pop(engine.url, None)
            self._engines[engine.url] = engine
            while len(self._engines) > self._most:
                del self._engines[next(iter(self._engines))]

    def take(self, url: sa.URL) -> sa.Engine | None:
        """The engine of a URL, which is the caller's from now on; None when there is none."""
        with self._lock:
            return self._engines.pop(url, None)


def make_engine(url: sa.URL) -> sa.Engine:
    """The engine of a hub store's URL. Raises StoreError for one that can hold none."""
    match url.get_backend_name():
        case "sqlite":
            if not url.database or url.database == ":memory:":
                raise StoreError("a hub store on SQLite needs a file, such as sqlite:///hub.db")
            if not Path(url.database).absolute().parent.is_dir():
                raise StoreError(f"{url}: the folder {Path(url.database).absolute().parent} does not exist")
            engine = sa.create_engine(url, **_QUIET, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False})
            event.listen(engine, "connect", _set_up_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
            return engine
        case "postgresql":
            return sa.create_engine(url, **_QUIET, pool_pre_ping=True, connect_args=dict(OPTIONS))
        case other:
            raise StoreError(f"a hub lives in sqlite or postgresql, not in {other}")


def _set_up_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # the driver's own BEGIN comes too late for reads and not at all for DDL
    # Two that turn the mode of an empty file at once are refused without waiting, as each holds what the other needs.
    last = time.monotonic() + BUSY_SECONDS
    for pragma in _PRAGMAS:
        while True:
            try:
                connection.execute(f"PRAGMA {pragma}").close()
                break
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > last:
                    raise
                time.sleep(0.02)


def patience(connection: sa.Connection, wait: bool) -> AbstractContextManager[None]:
    """Let a connection give up soon where somebody else is writing, for as long as the block lasts; not with `wait`."""
    if wait or connection.dialect.name != "sqlite":
        return nullcontext()
    return _set(connection, {"busy_timeout": _MOMENT_MS}, {"busy_timeout": BUSY_SECONDS * 1000})


def room(connection: sa.Connection, roomy: bool) -> AbstractContextManager[None]:
    """Give a connection to SQLite more memory for pages, for as long as the block lasts, and leave the log as it is."""
    if not roomy or connection.dialect.name != "sqlite":
        return nullcontext()
    more = {"cache_size": -_ROOM_KIB, "wal_autocheckpoint": 0}
    return _set(connection, more, {"cache_size": -_CACHE_KIB, "wal_autocheckpoint": _LOG_PAGES})


@contextmanager
def _set(connection: sa.Connection, within: dict[str, int], after: dict[str, int]) -> Iterator[None]:
    driver: Any = connection.connection.driver_connection
    _pragmas(driver, within)
    try:
        yield
    finally:
        _pragmas(driver, after)


def _pragmas(driver: Any, values: dict[str, int]) -> None:
    for name, value in values.items():
        driver.execute(f"PRAGMA {name} = {value}").close()


def _begin_sqlite(connection: sa.Connection) -> None:
    # A writer takes its place at once: an upgrade from reading to writing fails when another has written meanwhile.
    immediate = connection.get_execution_options().get("kehu_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
