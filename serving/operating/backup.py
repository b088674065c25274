"""Backup and restoring of a whole hub store, the same on both databases and from one to the other.

A backup is a zip file with one Parquet file per table and a manifest. It is read in one snapshot, so runs go on
meanwhile. The workspace is no part of it: it can be computed again.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import sqlalchemy as sa

from models.errors import KehuError
from models.store import Store, bulk
from models.store import tables as t
from models.store.columns import arrow_schema
from models.store.tables import SCHEMA_REVISION, metadata

MANIFEST = "manifest.json"
FORMAT = 1
_NOT_KEPT = frozenset({"run_lock", "web_session", "one_time_link", "analyst_view"})
"""Who holds the hub, who is signed in, which views there are: true at the moment of the backup, wrong afterwards."""


def backup(store: Store, path: Path) -> dict[str, int]:
    """Write everything that the store holds to a file that only its owner may read. Returns rows by table.

    The file appears when it is whole. Raises KehuError where it cannot be written.
    """
    rows: dict[str, int] = {}
    partial = path.with_name(f".{path.name}.part")
    try:
        with tempfile.TemporaryDirectory(dir=path.absolute().parent) as folder, store.snapshot():
            descriptor = os.open(partial, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
            with os.fdopen(descriptor, "wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
                for table in _tables():
                    rows[table.name] = _write(store, table, Path(folder) / "table.parquet")
                    archive.write(Path(folder) / "table.parquet", f"{table.name}.parquet")
                told = {"format": FORMAT, "schema": SCHEMA_REVISION, "at": str(dt.datetime.now(dt.UTC)), "rows": rows}
                archive.writestr(MANIFEST, json.dumps(told, indent=1))
        os.replace(partial, path)
    except OSError as error:
        raise KehuError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)
    return rows


def restore(store: Store, path: Path) -> dict[str, int]:
    """Fill an empty store from a backup, in one transaction. Returns rows by table.

    Raises KehuError for a store that holds something, a backup of another schema, or a file that is none.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            told = _manifest(archive, path)
            if not store.database.is_empty(t.run) or not store.database.is_empty(t.source_record):
                raise KehuError(f"{store.url} is not empty; a backup is restored into an empty store")
            with tempfile.TemporaryDirectory() as folder, store.database.write() as connection:
                rows = {table.name: _read(archive, connection, table, Path(folder)) for table in _tables()}
                if store.dialect == "postgresql":
                    set_sequences(connection)
    except (OSError, zipfile.BadZipFile, KeyError) as error:
        raise KehuError(f"{path}: is no backup of a hub, or is damaged ({error})") from error
    wrong = {name: (told["rows"][name], count) for name, count in rows.items() if told["rows"].get(name) != count}
    if wrong:
        raise KehuError(f"{path}: is damaged; rows that were and rows that are: {wrong}")
    return rows


def _tables() -> list[sa.Table]:
    return [table for table in metadata.sorted_tables if table.name not in _NOT_KEPT]


def _write(store: Store, table: sa.Table, path: Path) -> int:
    schema = arrow_schema(list(table.columns))
    count = 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for batch in store.fetch_batches(sa.select(table), schema=schema):
            writer.write_batch(batch)
            count += batch.num_rows
    return count


def _manifest(archive: zipfile.ZipFile, path: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(archive.read(MANIFEST))
    if told.get("format") != FORMAT or told.get("schema") != SCHEMA_REVISION:
        raise KehuError(
            f"{path} was made with schema {told.get('schema')}, this program has {SCHEMA_REVISION}: restore it with "
            "the program that made it, and open the store with this one then"
        )
    return told


def _read(archive: zipfile.ZipFile, connection: sa.Connection, table: sa.Table, folder: Path) -> int:
    path = Path(archive.extract(f"{table.name}.parquet", folder))
    try:
        return bulk.insert(connection, table, pq.ParquetFile(path).iter_batches(50_000))
    finally:
        path.unlink()


def set_sequences(connection: sa.Connection) -> None:
    """The next number that PostgreSQL gives is above those that were restored."""
    for table in _tables():
        for column in table.primary_key:
            sequence = connection.scalar(
                sa.text("SELECT pg_get_serial_sequence(:t, :c)"), {"t": table.name, "c": column.name}
            )
            if sequence is not None:
                newest = connection.scalar(sa.select(sa.func.max(column))) or 0
                connection.execute(
                    sa.text("SELECT setval(:s, :n, :used)"), {"s": sequence, "n": max(newest, 1), "used": newest > 0}
                )
