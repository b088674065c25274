"""The hub store as one object: reading (`reading`), runs, decisions, tasks, accounts and audit over one database."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType

import sqlalchemy as sa

from models.store.accounts import Accounts
from models.store.audits import Audits
from models.store.correcting import Correcting
from models.store.created import Created
from models.store.database import Database, Dialect
from models.store.decisions import Decisions
from models.store.erasing import Erasing
from models.store.lifecycle_reading import LifecycleReading
from models.store.retaining import Retaining
from models.store.runs import Runs, _nothing
from models.store.tasks import Tasks


class Store(LifecycleReading, Runs, Decisions, Tasks, Accounts, Audits, Created, Erasing, Correcting, Retaining):
    """A hub store. Safe to use from several threads; `with` closes it."""

    def __init__(self, database: Database):
        self.database = database
        self._still_held = _nothing

    @property
    def engine(self) -> sa.Engine:
        """SQLAlchemy's engine, for statements of one's own."""
        return self.database.engine

    @property
    def dialect(self) -> Dialect:
        """`sqlite` or `postgresql`."""
        return self.database.dialect

    @property
    def url(self) -> str:
        """The store's URL without its password."""
        return self.database.shown

    @property
    def file(self) -> Path | None:
        """The file of a SQLite store."""
        return self.database.file

    def snapshot(self) -> AbstractContextManager[None]:
        """Let every read of this thread see one published state until the block ends."""
        return self.database.snapshot()

    def transaction(self) -> AbstractContextManager[sa.Connection]:
        """Let every read and write of this thread be one transaction until the block ends; see `Database`."""
        return self.database.transaction()

    def close(self) -> None:
        """Close all connections."""
        self.database.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
