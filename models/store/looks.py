"""Connections to PostgreSQL for look-ups that somebody waits for: kept open, without a transaction around each.

What a pool does around a statement (a ping before it, BEGIN and ROLLBACK around it) is three more ways to the server
and back than the look-up itself. Here the first statement finds out that a connection broke, and it is made anew; what
begins a snapshot goes to the server together with the first question, and its end is not waited for. Where cores are
few and a run has them, each way saved is twice the time until the scheduler lets somebody else in.
"""

from __future__ import annotations

import queue
import re
import select
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

import sqlalchemy as sa

KEPT = 8
"""Idle connections that are kept; more are made while they are needed."""

OPTIONS = {"connect_timeout": 10, "options": "-c timezone=UTC -c jit=off -c max_parallel_workers_per_gather=0"}
"""Of every connection. Compiling a statement takes longer than any that somebody waits for, and what a run asks for is
not to take several cores from those who wait.
"""

Ask = tuple[str, tuple[Any, ...]]
"""A statement with `?` for each of its values, and those."""
_Answer = TypeVar("_Answer")
_ACTIVE = 1  # PQTRANS_ACTIVE
_BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


class Snapshot(NamedTuple):
    """A connection inside a transaction in which all reads see one published state, the one value of the query that
    began it (None: it found none), and the rows of what was asked ahead.
    """

    driver: Any
    first: Any
    ahead: list[Any]


_PLACES = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|\?|%""")


@lru_cache(maxsize=256)
def for_psycopg(query: str) -> str:
    """A statement with `?` for each value as psycopg wants it; what is quoted in it stays what it says."""

    def put(found: re.Match[str]) -> str:
        return "%s" if found[0] == "?" else found[0].replace("%", "%%")

    return _PLACES.sub(put, query)


class Looks:
    """Connections of one database, in autocommit. Safe to use from threads."""

    def __init__(self, engine: sa.Engine):
        self._engine = engine
        self._idle: queue.LifoQueue[Any] = queue.LifoQueue(KEPT)

    def look(self, ask: Callable[[Any], _Answer]) -> _Answer:
        """What `ask` finds with a connection; asked again on a new one where the connection had broken."""
        with self._connection(lambda _: None) as (driver, kept):
            try:
                return ask(driver)
            except Exception:
                if not (kept and driver.closed):
                    raise
        with self._connection(lambda _: None, fresh=True) as (driver, _):
            return ask(driver)

    @contextmanager
    def snapshot(self, query: str, ahead: Ask | None = None) -> Iterator[Snapshot]:
        """One published state for the block; the query, and what is asked ahead (in binary), cost no way to the server
        of their own.
        """
        found: list[Any] = []

        def begin(driver: Any) -> None:
            with driver.cursor() as one, driver.cursor(binary=True) as other:
                with driver.pipeline():
                    driver.execute(_BEGIN)
                    one.execute(query, prepare=True)
                    if ahead is not None:
                        other.execute(for_psycopg(ahead[0]), ahead[1], prepare=True)
                row = one.fetchone()
                found[:] = [row[0] if row else None, [] if ahead is None else other.fetchall()]

        with self._connection(begin) as (driver, _):
            try:
                yield Snapshot(driver, *found)
            finally:
                if not driver.closed:
                    driver.pgconn.send_query(b"ROLLBACK")  # whoever takes the connection next hears of it

    def close(self) -> None:
        """End all idle connections."""
        while True:
            try:
                self._idle.get_nowait().close()
            except queue.Empty:
                return

    @contextmanager
    def _connection(self, begin: Callable[[Any], None], *, fresh: bool = False) -> Iterator[tuple[Any, bool]]:
        driver, kept = (self._made(), False) if fresh else self._taken()
        try:
            _settle(driver)
            begin(driver)
        except Exception:
            broke = driver.closed
            driver.close()
            if not (kept and broke):
                raise
            driver, kept = self._made(), False
            begin(driver)
        try:
            yield driver, kept
        finally:
            self._give_back(driver)

    def _taken(self) -> tuple[Any, bool]:
        try:
            return self._idle.get_nowait(), True
        except queue.Empty:
            return self._made(), False

    def _made(self) -> Any:
        dialect = self._engine.dialect
        arguments, options = dialect.create_connect_args(self._engine.url)
        driver: Any = dialect.loaded_dbapi.connect(*arguments, **{**options, **OPTIONS})
        driver.autocommit = True
        return driver

    def _give_back(self, driver: Any) -> None:
        if driver.closed:
            return
        try:
            self._idle.put_nowait(driver)
        except queue.Full:
            driver.close()


def _settle(driver: Any) -> None:
    """Hear what was not waited for. Raises the driver's error where the connection broke meanwhile."""
    server = driver.pgconn
    if server.transaction_status != _ACTIVE:
        return
    while True:
        server.consume_input()
        while server.is_busy():
            # Without holding up other threads, as the driver's own waiting would here.
            select.select([server.socket], [], [])
            server.consume_input()
        if server.get_result() is None:
            return
