"""One run at a time: a lock that its holder's death frees by itself.

On SQLite it is a lock of the operating system on a file beside the database, on PostgreSQL an advisory lock of a
session. The row in `run_lock` only tells others who holds it.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import sqlalchemy as sa

from models.errors import LockError, StoreError
from models.store import tables as t
from models.store.database import Database

_PAUSE_SECONDS = 0.1
_ADVISORY_KEY = 0x6B656875  # "kehu" in ASCII


@contextmanager
def hold(database: Database, *, wait: float, holder: Callable[[], str]) -> Iterator[Callable[[], None]]:
    """Hold the hub's lock for as long as the block runs; waits up to `wait` seconds for it.

    Gives a function that raises LockError when the lock was lost on the way. `holder` describes who has it instead, for
    the message. Raises LockError when the lock stays taken.
    """
    with ExitStack() as stack:
        if database.file is not None:
            path = database.file.with_name(database.file.name + ".lock")
            still = stack.enter_context(_file_lock(path, wait, holder))
        else:
            still = stack.enter_context(_advisory_lock(database, wait, holder))
        yield still


@contextmanager
def _file_lock(path: Path, wait: float, holder: Callable[[], str]) -> Iterator[Callable[[], None]]:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise StoreError(f"{path}: the lock file cannot be opened ({error.strerror})") from error
    try:

        def take() -> bool:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

        _wait(take, wait, holder)
        yield lambda: None  # the system keeps it until the descriptor is closed
    finally:
        os.close(descriptor)


@contextmanager
def _advisory_lock(database: Database, wait: float, holder: Callable[[], str]) -> Iterator[Callable[[], None]]:
    with database.clear_errors():
        connection = database.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    with connection:

        def take() -> bool:
            with database.clear_errors():
                return bool(connection.scalar(sa.select(sa.func.pg_try_advisory_lock(_ADVISORY_KEY))))

        def still() -> None:
            try:
                connection.execute(sa.text("SELECT 1"))
            except sa.exc.DBAPIError as error:
                raise LockError(f"{database.shown}: the connection that held the hub was lost") from error

        _wait(take, wait, holder)
        try:
            yield still
        finally:
            if not connection.invalidated:
                try:
                    connection.execute(sa.select(sa.func.pg_advisory_unlock(_ADVISORY_KEY)))
                except sa.exc.DBAPIError:
                    connection.invalidate()  # the server freed the lock with the session


def _wait(take: Callable[[], bool], wait: float, holder: Callable[[], str]) -> None:
    until = time.monotonic() + wait
    while not take():
        if time.monotonic() >= until:
            raise LockError(f"another run holds the hub: {holder()}")
        time.sleep(min(_PAUSE_SECONDS, max(0.0, until - time.monotonic())))


def in_turn(connection: sa.Connection) -> None:
    """Wait until no other transaction that called this is open; on SQLite there is only one writer anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ADVISORY_KEY + 1)))


def is_held(database: Database) -> bool:
    """Whether a living process holds the hub's lock right now."""
    try:
        with hold(database, wait=0.0, holder=lambda: ""):
            return False
    except LockError:
        return True


def describe(database: Database) -> str:
    """Who wrote their name beside the lock last."""
    with database.read() as connection:
        row = connection.execute(sa.select(t.run_lock).where(t.run_lock.c.name == "run")).first()
    if row is None:
        return "a process that has not said its name yet"
    return f"run {row.run_id}, process {row.pid} on {row.host}, since {row.since:%Y-%m-%d %H:%M:%S} UTC"


def sign(connection: sa.Connection, run_id: str) -> None:
    """Write the holder's name beside the lock."""
    connection.execute(sa.delete(t.run_lock).where(t.run_lock.c.name == "run"))
    connection.execute(
        sa.insert(t.run_lock).values(
            name="run", run_id=run_id, pid=os.getpid(), host=socket.gethostname(), since=dt.datetime.now(dt.UTC)
        )
    )
