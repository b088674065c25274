"""DuckDB for little work: one engine per process, of which every piece of work gets a connection of its own.

Starting an engine costs as much as a hundred small queries, and a small run has many small things to ask. Large work
opens an engine of its own, with its own limits of memory and threads.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

_lock = threading.Lock()
_engine: duckdb.DuckDBPyConnection | None = None
_abandoned: list[object] = []
_numbers = itertools.count(1)


def connect_small() -> duckdb.DuckDBPyConnection:
    """A connection on one thread, to be closed by whoever asked for it.

    Only temporary tables and views, registered ones included, are its own: use no others, and no global settings.
    """
    import duckdb  # costs a fifth of a second, and readers of few rows need none of it

    global _engine
    with _lock:
        if _engine is not None:
            try:
                connection = _engine.cursor()
                connection.execute("SELECT 1").fetchall()
                return connection
            except duckdb.Error:  # an engine that met an internal error answers nobody any more
                _engine = None
        _engine = duckdb.connect(config={"threads": 1})
        return _engine.cursor()


@contextmanager
def small_database() -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with an empty database of its own, which is gone when the block ends. No global settings here."""
    connection = connect_small()
    name = f"small_{next(_numbers)}"
    try:
        connection.execute(f"ATTACH ':memory:' AS {name}")
        connection.execute(f"USE {name}")
        try:
            yield connection
        finally:
            connection.execute("USE memory")
            connection.execute(f"DETACH {name}")
    finally:
        connection.close()


def _forget() -> None:
    """A process that was forked has the engine's memory, but not its threads: it can neither be used nor be closed."""
    global _engine, _lock
    _abandoned.append(_engine)
    _engine, _lock = None, threading.Lock()


os.register_at_fork(after_in_child=_forget)
