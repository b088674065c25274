"""Finds what landed batches change in the hub, and writes it as one file per entity type.

How a batch is compared with what the hub holds is said in `comparison`; what a change means to golden records is found
out later (matching).
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from connectors.arrow import TIME, Ints, schema
from connectors.batch import QUARANTINE
from connectors.comparison import Comparison, StreamChanges
from connectors.landing import Landed
from connectors.mapping import canonical_schema, fitted
from models.config import Config
from models.store import Store

COLUMNS = schema(
    record_id=pa.int64(),
    source=pa.string(),
    stream=pa.string(),
    source_key=pa.string(),
    change=pa.string(),
    content_hash=pa.int64(),
    source_time=TIME,
    payload=pa.string(),
    version=pa.int32(),
    rekeyed_to=pa.int64(),
)
"""Columns in front of the canonical attributes."""


@dataclasses.dataclass
class ChangeReport:
    """What a run's deliveries change, per stream and in all."""

    streams: list[StreamChanges]

    @property
    def totals(self) -> dict[str, int]:
        """Every count over all streams."""
        names = [f.name for f in dataclasses.fields(StreamChanges) if isinstance(f.default, int)]
        return {name: sum(getattr(stream, name) for stream in self.streams) for name in names}


def detect_changes(store: Store, config: Config, landed: list[Landed], out: Path) -> ChangeReport:
    """Compare landed batches with the store and write `changes_<entity>.parquet` and `quarantine.parquet` into `out`.

    Only records that changed are written; a file without rows is not. Changes are insert, update, delete and late. In
    mode snapshot, and where the connector tells all living keys, a record whose key is missing is deleted; its row has
    no payload. A key that was set aside counts as delivered, and while rows are unreadable so that not even their key
    is known, nothing is deleted for being absent. In mode delta a row that is older than the stored record, by the
    source's time, is `late`: kept as history, not current. A deleted key that comes back is an update. A deleted
    record goes on under another key as the record `rekeyed_to`, by the stream's rekey file. Raises SourceError for a
    rekey file that cannot be read any more.
    """
    files = ChangeFiles(config, out)
    report = ChangeReport([])
    taken: Ints = np.empty(0, np.int64)
    try:
        for delivery in landed:
            counts = StreamChanges(delivery.source, delivery.stream)
            report.streams.append(counts)
            if delivery.status != "landed" or delivery.batch_dir is None:
                continue
            comparison = Comparison(store, config, delivery, counts, taken)
            for rows in comparison.changes():
                files.write(delivery.entity, rows)
            files.set_aside(comparison.quarantine)
            taken = np.concatenate([taken, comparison.ids])
        files.commit()
    finally:
        files.close()
    return report


class ChangeFiles:
    """The files of a run, written under other names until all of them are whole."""

    def __init__(self, config: Config, out: Path):
        self.config, self.out = config, out
        self._writers: dict[str, pq.ParquetWriter] = {}
        self._schemas: dict[str, pa.Schema] = {}
        self._bad: list[pa.Table] = []
        out.mkdir(parents=True, exist_ok=True)

    def write(self, entity: str, rows: pa.Table) -> None:
        """Append rows to the file of an entity type; columns that they lack are null."""
        if entity not in self._writers:
            self._schemas[entity] = pa.unify_schemas([COLUMNS, canonical_schema(self.config, entity)])
            self._writers[entity] = pq.ParquetWriter(
                self._part(entity), self._schemas[entity], compression="zstd", compression_level=1
            )
        self._writers[entity].write_table(fitted(rows, self._schemas[entity], rows.num_rows))

    def set_aside(self, rows: list[pa.Table]) -> None:
        """Append rows to quarantine."""
        self._bad.extend(rows)

    def commit(self) -> None:
        """Put the files in their places; those of an earlier attempt go."""
        for path in (*self.out.glob("changes_*.parquet"), self.out / "quarantine.parquet"):
            path.unlink(missing_ok=True)
        self.close()
        for entity in self._schemas:
            self._part(entity).rename(self.out / f"changes_{entity}.parquet")
        bad = pa.concat_tables([QUARANTINE.empty_table(), *self._bad])
        if bad.num_rows:
            part = self.out / "quarantine.parquet.part"
            pq.write_table(bad, part, compression="zstd")
            part.rename(self.out / "quarantine.parquet")

    def close(self) -> None:
        """Close what is open."""
        while self._writers:
            self._writers.popitem()[1].close()

    def _part(self, entity: str) -> Path:
        return self.out / f"changes_{entity}.parquet.part"


__all__ = ["COLUMNS", "ChangeFiles", "ChangeReport", "StreamChanges", "detect_changes"]
