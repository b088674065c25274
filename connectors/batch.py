"""A landed batch on the disk: Parquet parts as delivered, an index of its usable rows, quarantine and manifest.

A batch is written under a hidden name and appears whole, by one rename, or not at all; after that it never changes.
What makes a row usable is the row checks' affair.

    part-00000.parquet …   the delivered columns and `_row`, the position of the row in the delivery, from 1
    rows.parquet           _row, source_key, source_time, deleted: one line per usable row, in the order of `_row`
    keys.parquet           source_key: everything that exists in the source, where the connector tells it
    gone.parquet           source_key: what the source says was deleted
    merged.parquet         old_key, new_key: what the source itself merged
    quarantine.parquet     source, stream, source_key, row, field, value, reason
    manifest.json          what was read, from where, and what was noticed
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from connectors.arrow import TIME, Column, schema

ROW = "_row"
_GROUP = 50_000  # rows of a row group: enough to compress well, few enough for memory
_PART = 2_000_000  # rows after which a new part begins
INDEX = schema(_row=pa.int64(), source_key=pa.string(), source_time=TIME, deleted=pa.bool_())
QUARANTINE = schema(
    source=pa.string(),
    stream=pa.string(),
    source_key=pa.string(),
    row=pa.int64(),
    field=pa.string(),
    value=pa.string(),
    reason=pa.string(),
)


def new_batch_id() -> str:
    """A name that sorts by time."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}Z-{secrets.token_hex(3)}"


class BatchWriter:
    """A batch that is being written; `commit` makes it visible, leaving the `with` block without that removes it."""

    def __init__(self, folder: Path):
        """`folder` is the stream's folder of batches."""
        self.folder, self.batch_id = folder, new_batch_id()
        self.path = folder / f".{self.batch_id}.{os.getpid()}"
        self.rows = 0
        self.columns: dict[str, pa.DataType] = {}
        self._schema: pa.Schema | None = None
        self._pending: list[pa.RecordBatch] = []
        self._held = 0
        self._writer: pq.ParquetWriter | None = None
        # Compressing takes as long as reading, and Arrow does it beside Python: rows are written while others are read,
        # one group at a time, so that memory holds no more than two.
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="kehu-landing")
        self._writing: Future[None] | None = None
        self._part, self._in_part = 0, 0

    def __enter__(self) -> BatchWriter:
        self.folder.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(self.folder)
        self.path.mkdir()
        return self

    def __exit__(self, *error: object) -> None:
        self._beside.shutdown()
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        shutil.rmtree(self.path, ignore_errors=True)

    def skip_row(self) -> int:
        """The position of a row that cannot be written."""
        self.rows += 1
        return self.rows

    def add(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Append rows; returns them with their positions in `_row`. A batch without rows tells of its columns alone."""
        positions = pa.array(np.arange(self.rows + 1, self.rows + batch.num_rows + 1))
        self.rows += batch.num_rows
        names = [f"{name}_delivered" if name == ROW else name for name in batch.schema.names]
        numbered = pa.RecordBatch.from_arrays([*batch.columns, positions], [*names, ROW])
        if not numbered.num_rows:
            for field in batch.schema:
                self.columns.setdefault(field.name, field.type)
            return numbered
        if self._schema is None or not numbered.schema.equals(self._schema):
            self._flush()
            self._close_part()
            self._schema = numbered.schema
            for field in numbered.schema:
                if field.name != ROW:
                    self.columns.setdefault(field.name, field.type)
        self._pending.append(numbered)
        self._held += numbered.num_rows
        if self._held >= _GROUP:
            self._flush()
        return numbered

    def parts(self) -> list[Path]:
        """The parts written so far, all rows in them."""
        self._flush()
        self._close_part()
        # What the rows took is free by now, and would stand beside what the checks of all keys take.
        pa.default_memory_pool().release_unused()
        return sorted(self.path.glob("part-*.parquet"))

    def write(self, name: str, table: pa.Table) -> None:
        """Write a table of its own beside the parts."""
        pq.write_table(table, self.path / name, compression="zstd")

    def commit(self, manifest: dict[str, Any]) -> Path:
        """Make the batch visible under its id, and return its folder."""
        self.parts()
        text = orjson.dumps(manifest, default=str, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS)
        (self.path / "manifest.json").write_bytes(text)
        for file in self.path.iterdir():
            _sync(file)
        _sync(self.path)
        final = self.folder / self.batch_id
        self.path.rename(final)
        _sync(self.folder)
        return final

    def _flush(self) -> None:
        if not self._pending:
            return
        if self._writer is None:
            name = self.path / f"part-{self._part:05d}.parquet"
            self._writer = pq.ParquetWriter(name, self._pending[0].schema, compression="zstd", compression_level=1)
        self._written()
        self._writing = self._beside.submit(
            self._writer.write_table, pa.Table.from_batches(self._pending), row_group_size=_GROUP
        )
        self._in_part += self._held
        self._pending, self._held = [], 0
        if self._in_part >= _PART:
            self._close_part()

    def _written(self) -> None:
        """Wait until what was handed over is on the disk; raises what went wrong with it."""
        if self._writing is not None:
            self._writing.result()
            self._writing = None

    def _close_part(self) -> None:
        self._written()
        if self._writer is not None:
            self._writer.close()
            self._writer, self._part, self._in_part = None, self._part + 1, 0


class Batch:
    """A landed batch, for reading."""

    def __init__(self, path: Path):
        self.path = path
        self.manifest: dict[str, Any] = orjson.loads((path / "manifest.json").read_bytes())

    def rows(self, size: int = _GROUP) -> Iterator[pa.RecordBatch]:
        """The delivered rows in batches; those of one part have one schema."""
        for part in sorted(self.path.glob("part-*.parquet")):
            yield from pq.ParquetFile(part).iter_batches(batch_size=size)

    def index(self) -> pa.Table:
        """The usable rows: _row, source_key, source_time, deleted."""
        return pq.read_table(self.path / "rows.parquet")

    def quarantine(self) -> pa.Table:
        """What was set aside when the batch landed."""
        return pq.read_table(self.path / "quarantine.parquet")

    def live_keys(self) -> Column | None:
        """Every key that exists in the source, or None when the delivery does not tell."""
        return self._keys("keys.parquet")

    def gone_keys(self) -> Column | None:
        """Every key that the source says was deleted, or None when it said nothing."""
        return self._keys("gone.parquet")

    def merged(self) -> list[tuple[str, str]]:
        """(old key, new key) of the rows that the source merged."""
        path = self.path / "merged.parquet"
        if not path.exists():
            return []
        found = pq.read_table(path)
        return list(zip(found.column("old_key").to_pylist(), found.column("new_key").to_pylist(), strict=True))

    def _keys(self, name: str) -> Column | None:
        path = self.path / name
        return pq.read_table(path).column("source_key") if path.exists() else None


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_leftovers(folder: Path) -> None:
    """Half-written batches of processes that are gone."""
    for path in folder.glob(".*Z-*.*"):
        pid = path.suffix[1:]
        if pid.isdecimal() and not _alive(int(pid)):
            shutil.rmtree(path, ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
