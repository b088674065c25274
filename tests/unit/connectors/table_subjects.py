"""Subjects of the conformance kit whose rows lie in files and databases."""

from __future__ import annotations

import datetime as dt
import json
from abc import abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

import openpyxl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import sqlalchemy as sa

from connectors.conformance import Row, Subject

COLUMNS = ("id", "name", "city", "changed")
EVERYTHING = frozenset({"deletes", "times", "widen", "huge", "nulls", "any_text", "late"})


class Kept(Subject):
    """A subject that keeps its rows here and writes them out whole."""

    ending: ClassVar[str]
    can: ClassVar[frozenset[str]] = EVERYTHING

    def __init__(self, folder: Path):
        super().__init__(folder)
        self.rows: dict[str, Row] = {}
        self.columns = list(COLUMNS)
        self.save()

    @property
    def connector(self) -> dict[str, Any]:
        return {"type": "files", "path": "{stream}" + self.ending}

    @property
    def stream(self) -> dict[str, Any]:
        fields = {"name": "name", "city": "city"}
        return {"name": "accounts", "entity": "organization", "key": "id", "updated_at": "changed", "fields": fields}

    @property
    def path(self) -> Path:
        return self.folder / f"accounts{self.ending}"

    def put(self, rows: Iterable[Row]) -> None:
        self.rows |= {row.key: row for row in rows}
        self.save()

    def remove(self, keys: Iterable[str], at: dt.datetime) -> None:
        for key in keys:
            del self.rows[key]
        self.save()

    def widen(self, column: str) -> None:
        self.columns.append(column)

    def cells(self) -> list[list[Any]]:
        return [
            [r.key, r.name, r.city, r.changed.isoformat(), *(r.more.get(c) for c in self.columns[4:])]
            for r in self.rows.values()
        ]

    def table(self) -> pa.Table:
        columns = list(zip(*self.cells(), strict=True)) or [()] * len(self.columns)
        arrays = [pa.array(values, pa.string()) for values in columns]
        return pa.Table.from_arrays(arrays, names=self.columns)

    @abstractmethod
    def save(self) -> None: ...


class Csv(Kept):
    ending = ".csv"
    can = EVERYTHING | {"empties"}

    def save(self) -> None:
        pyarrow.csv.write_csv(self.table(), self.path)


class ZippedCsv(Kept):
    ending = ".csv.gz"
    can = EVERYTHING | {"empties"}

    def save(self) -> None:
        with pa.output_stream(str(self.path), compression="gzip") as out:
            pyarrow.csv.write_csv(self.table(), out)


class Parquet(Kept):
    ending = ".parquet"
    can = EVERYTHING | {"empties"}

    def save(self) -> None:
        moments = pa.array([row.changed for row in self.rows.values()], pa.timestamp("us", "UTC"))
        pq.write_table(self.table().set_column(3, "changed", moments), self.path)


class JsonLines(Kept):
    ending = ".ndjson"
    can = EVERYTHING | {"empties"}

    def save(self) -> None:
        rows = [dict(zip(self.columns, cells, strict=True)) for cells in self.cells()]
        text = "".join(json.dumps({k: v for k, v in row.items() if v is not None}) + "\n" for row in rows)
        self.path.write_text(text, encoding="utf-8")


class Excel(Kept):
    """Excel holds no cell beyond 32,767 characters."""

    ending = ".xlsx"
    can = (EVERYTHING | {"empties"}) - {"huge"}

    def save(self) -> None:
        book = openpyxl.Workbook(write_only=True)
        sheet = book.create_sheet("Accounts")
        for row in [self.columns, *self.cells()]:
            sheet.append(row)
        book.save(self.path)


class Parts(Kept):
    """A folder to which every change adds a file, each read once."""

    ending = "_*.csv"
    can = EVERYTHING - {"deletes"} | {"incremental"}

    def __init__(self, folder: Path):
        self.count = 0
        super().__init__(folder)

    @property
    def connector(self) -> dict[str, Any]:
        return {**super().connector, "only": "new"}

    def put(self, rows: Iterable[Row]) -> None:
        self.rows = {row.key: row for row in rows}
        self.save()

    def save(self) -> None:
        self.count += 1
        pyarrow.csv.write_csv(self.table(), self.folder / f"accounts_{self.count:03}.csv")


class Table(Subject):
    """A table of a database with a time of change."""

    can: ClassVar[frozenset[str]] = EVERYTHING | {"incremental", "empties"}
    text, key, time = "TEXT", "VARCHAR(20)", "TIMESTAMP"

    def __init__(self, folder: Path, url: str | None = None):
        super().__init__(folder)
        self.url = url or f"sqlite:///{folder / 'crm.db'}"
        self.engine = sa.create_engine(self.url, poolclass=sa.NullPool)
        columns = f"id {self.key} PRIMARY KEY, name {self.text}, city {self.text}, changed {self.time}"
        self.run(f"CREATE TABLE accounts ({columns})")

    @property
    def connector(self) -> dict[str, Any]:
        return {"type": "sql", "url": self.url, "overlap": 60}

    @property
    def stream(self) -> dict[str, Any]:
        fields = {"name": "name", "city": "city"}
        return {"name": "accounts", "entity": "organization", "key": "id", "updated_at": "changed", "fields": fields}

    def run(self, statement: str, rows: list[dict[str, Any]] | None = None) -> None:
        with self.engine.begin() as connection:
            connection.execute(sa.text(statement), rows)

    def moment(self, row: Row) -> Any:
        return row.changed.astimezone(dt.UTC).replace(tzinfo=None).isoformat(" ")

    def put(self, rows: Iterable[Row]) -> None:
        for row in {row.key: row for row in rows}.values():
            values = {"id": row.key, "name": row.name, "city": row.city, "changed": self.moment(row), **row.more}
            self.run("DELETE FROM accounts WHERE id = :id", [values])
            names = ", ".join(values)
            self.run(f"INSERT INTO accounts ({names}) VALUES ({', '.join(':' + n for n in values)})", [values])

    def remove(self, keys: Iterable[str], at: dt.datetime) -> None:
        self.run("DELETE FROM accounts WHERE id = :id", [{"id": key} for key in keys])

    def widen(self, column: str) -> None:
        self.run(f"ALTER TABLE accounts ADD COLUMN {column} {self.text}")

    def close(self) -> None:
        self.engine.dispose()


class PostgresTable(Table):
    time = "TIMESTAMPTZ"

    def moment(self, row: Row) -> Any:
        return row.changed


class PostgresLog(PostgresTable):
    """The same table, its changes read from the log; the time of change is no cursor here."""

    @property
    def connector(self) -> dict[str, Any]:
        return {**super().connector, "changes": "log"}

    def run(self, statement: str, rows: list[dict[str, Any]] | None = None) -> None:
        # The server of the tests commits without flushing, and only what is flushed can be decoded.
        with self.engine.begin() as connection:
            connection.execute(sa.text("SET LOCAL synchronous_commit = on"))
            connection.execute(sa.text(statement), rows)

    def close(self) -> None:
        # A slot keeps its database from being dropped.
        self.run(
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = current_database()"
        )
        super().close()


class MariaTable(Table):
    """A table of MariaDB; its moments have no zone."""

    text, time = "LONGTEXT CHARACTER SET utf8mb4", "DATETIME(6)"
    key = "VARCHAR(20) CHARACTER SET utf8mb4"
