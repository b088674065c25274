"""A publishing under way: its transaction, the run's files read through DuckDB, and the moment that its rows carry."""

from __future__ import annotations

import datetime as dt
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import sqlalchemy as sa

from models.store import bulk
from models.store import tables as t
from models.store.outcome import RunOutcome
from models.store.totals import Total

if TYPE_CHECKING:
    import duckdb

BATCH_ROWS = 50_000
IDS = "(SELECT id FROM publish_ids)"
TEXTS = "(SELECT id FROM publish_texts)"


@dataclass
class Publication:
    """One publishing under way: the transaction, the files, and the moment that all its rows carry."""

    connection: sa.Connection
    duck: duckdb.DuckDBPyConnection
    outcome: RunOutcome
    at: dt.datetime
    empty: dict[str, bool] = field(default_factory=dict)
    reading: Generator[pa.RecordBatch, None, None] | None = None
    more: dict[Total, int] = field(default_factory=dict)
    """How many more living records and golden records there are by what this publishing wrote so far."""

    def add(self, name: Total, by: int) -> None:
        """Note that there are so many more, or fewer."""
        self.more[name] = self.more.get(name, 0) + by

    def batches(self, query: str, *params: Any) -> bulk.Batches:
        """The result of a DuckDB query over the run's files, in record batches."""
        values = [p.isoformat() if isinstance(p, dt.datetime) else p for p in params]
        reader = self.duck.sql(query, params=values).to_arrow_reader(BATCH_ROWS)
        if reader is None:
            return []
        if self.reading is not None:
            self.reading.close()
        self.reading = bulk.ahead(reader)
        return self.reading

    def close(self) -> None:
        """Give up what is still being read; the connection of DuckDB could not be closed otherwise."""
        if self.reading is not None:
            self.reading.close()
        self.duck.close()

    def file(self, kind: str, entity: str) -> str | None:
        """The path of a file as DuckDB takes it, or None."""
        path = self.outcome.file(kind, entity)
        return None if path is None else str(path)

    def lifecycle_file(self, name: str) -> str | None:
        """The path of a file of the lifecycle, or None when the run has none."""
        path = self.outcome.folder / "lifecycle" / f"{name}.parquet"
        return str(path) if self.outcome.lifecycle is not None and path.exists() else None

    def number(self, query: str, *params: Any) -> int:
        """The single number that a DuckDB query gives."""
        return int(self.duck.execute(query, list(params)).fetchall()[0][0])

    def was_empty(self, table: sa.Table) -> bool:
        """Whether the table had no row when the publishing began; then there is no old state to look for."""
        if table.name not in self.empty:
            query = sa.select(sa.literal(1)).select_from(table).limit(1)
            self.empty[table.name] = self.connection.execute(query).first() is None
        return self.empty[table.name]

    def loads(self, table: sa.Table) -> bool:
        """Whether this is the first load of the table, and a large one."""
        return self.outcome.is_large() and self.was_empty(table)

    def sql(self, text: str, **params: Any) -> int:
        """Run a statement with bound parameters; returns how many rows it changed."""
        statement = sa.text(text)
        if "at" in params:
            statement = statement.bindparams(sa.bindparam("at", type_=t.UtcTime()))
        return self.connection.execute(statement, params).rowcount

    def stage_ids(self, query: str) -> None:
        """Put the ids that a DuckDB query gives where `IDS` finds them."""
        bulk.stage(self.connection, "publish_ids", self.batches(query))

    def stage_texts(self, query: str) -> None:
        """Put the texts that a DuckDB query gives where `TEXTS` finds them."""
        bulk.stage(self.connection, "publish_texts", self.batches(query), bulk.TEXT)

    def stage_touched(self, entity: str, kind: str = "touched") -> bool:
        """Stage the records that were solved again as `IDS`; false when there are none, or when all were.

        `kind` is that of the file which names them.
        """
        touched = self.file(kind, entity)
        if self.outcome.full or touched is None:
            return False
        self.stage_ids(f"SELECT record_id FROM {parquet(touched)}")
        return True

    def columns(self, path: str) -> list[str]:
        """The columns of a file."""
        return [row[0] for row in self.duck.execute(f"DESCRIBE SELECT * FROM {parquet(path)}").fetchall()]


def parquet(path: str) -> str:
    """A file as a table of DuckDB."""
    return "read_parquet('" + path.replace("'", "''") + "')"
