"""Finds what landed batches change in the hub: records that are new, changed, gone, or came too late.

Compares content hashes over whole columns; rows that did not change cost a hash and nothing else. What a change means to
golden records is found out later (matching).
"""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from connectors.batch import QUARANTINE, ROW, TIME, Batch
from connectors.held import NO_TIME, Held, held_of
from connectors.landing import Landed
from connectors.mapping import canonical_schema, fitted, map_columns, multi_attributes
from connectors.text import content_hashes, payloads, record_numbers, texts_of
from models.config import Config, Source, Stream
from models.errors import SourceError
from models.store import Store

INSERT, UPDATE, DELETE, LATE, SAME = 0, 1, 2, 3, 4
NAMES = pa.array(["insert", "update", "delete", "late"])
BASE = pa.schema(
    [
        ("record_id", pa.int64()),
        ("source", pa.string()),
        ("stream", pa.string()),
        ("source_key", pa.string()),
        ("change", pa.string()),
        ("content_hash", pa.int64()),
        ("source_time", TIME),
        ("payload", pa.string()),
        ("version", pa.int32()),
        ("rekeyed_from", pa.int64()),
    ]
)
_REMOVED = 50_000  # deleted records written at once

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


@dataclasses.dataclass
class StreamChanges:
    """Counts of one stream: usable rows, what they changed, and entries in quarantine.

    `late` rows are older than what the hub holds and became history only; `tombstones` are deletions of records that
    the hub never held; `kept` are records that would have been deleted, had the delivery been readable throughout.
    """

    source: str
    stream: str
    rows: int = 0
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    unchanged: int = 0
    quarantined: int = 0
    late: int = 0
    tombstones: int = 0
    rekeyed: int = 0
    kept: int = 0


@dataclasses.dataclass
class ChangeReport:
    """What a run's deliveries change, per stream and in all."""

    streams: list[StreamChanges]

    @property
    def totals(self) -> dict[str, int]:
        """Every count over all streams."""
        names = [f.name for f in dataclasses.fields(StreamChanges) if f.name not in ("source", "stream")]
        return {name: sum(getattr(stream, name) for stream in self.streams) for name in names}


def detect_changes(store: Store, config: Config, landed: list[Landed], out: Path) -> ChangeReport:
    """Compare landed batches with the store and write `changes_<entity>.parquet` and `quarantine.parquet` into `out`.

    Only records that changed are written; a file without rows is not. Changes are insert, update, delete and late. In
    mode snapshot, and where the connector tells all living keys, a record whose key is missing is deleted; its row has no
    payload. A key that was set aside counts as delivered, and while rows are unreadable so that not even their key is
    known, nothing is deleted for being absent. In mode delta a row that is older than the stored record, by the source's
    time, is `late`: kept as history, not current. A deleted key that comes back is an update. `rekeyed_from` is the
    record that a record continues under a new key.
    """
    files = _Files(config, out)
    report = ChangeReport([])
    taken: Ints = np.empty(0, np.int64)
    try:
        for delivery in landed:
            counts = StreamChanges(delivery.source, delivery.stream)
            report.streams.append(counts)
            if delivery.status != "landed" or delivery.batch_dir is None:
                continue
            source = config.source(delivery.source)
            comparison = _Comparison(
                store, config, source, source.stream(delivery.stream), delivery, counts, files, taken
            )
            taken = np.union1d(taken, comparison.run())
        files.commit()
    finally:
        files.close()
    return report


class _Files:
    """The files of a run, written under other names until all of them are whole."""

    def __init__(self, config: Config, out: Path):
        self.config, self.out = config, out
        self.writers: dict[str, pq.ParquetWriter] = {}
        self.schemas: dict[str, pa.Schema] = {}
        self.bad: list[pa.Table] = []
        out.mkdir(parents=True, exist_ok=True)

    def schema(self, entity: str) -> pa.Schema:
        if entity not in self.schemas:
            self.schemas[entity] = pa.unify_schemas([BASE, canonical_schema(self.config, entity)])
        return self.schemas[entity]

    def write(self, entity: str, rows: pa.Table) -> None:
        if not rows.num_rows:
            return
        if entity not in self.writers:
            path = self.out / f"changes_{entity}.parquet.part"
            self.writers[entity] = pq.ParquetWriter(path, self.schema(entity), compression="zstd", compression_level=1)
        self.writers[entity].write_table(rows)

    def commit(self) -> None:
        for path in (*self.out.glob("changes_*.parquet"), self.out / "quarantine.parquet"):
            path.unlink(missing_ok=True)
        self.close()
        for entity in self.schemas:
            part = self.out / f"changes_{entity}.parquet.part"
            if part.exists():
                part.rename(part.with_suffix(""))
        bad = pa.concat_tables([QUARANTINE.empty_table(), *self.bad])
        if bad.num_rows:
            pq.write_table(bad, self.out / "quarantine.parquet.part", compression="zstd")
            (self.out / "quarantine.parquet.part").rename(self.out / "quarantine.parquet")

    def close(self) -> None:
        while self.writers:
            self.writers.popitem()[1].close()


class _Comparison:
    """One landed batch against what the hub holds of its stream."""

    def __init__(
        self,
        store: Store,
        config: Config,
        source: Source,
        stream: Stream,
        landed: Landed,
        counts: StreamChanges,
        files: _Files,
        taken: Ints,
    ):
        self.store, self.config, self.source, self.stream = store, config, source, stream
        self.landed, self.counts, self.files = landed, counts, files
        self.batch = Batch(config.workspace / str(landed.batch_dir))
        self.attributes = canonical_schema(config, stream.entity)
        self.multi = multi_attributes(config, stream.entity)
        self.taken = taken

    def run(self) -> Ints:
        """Write the changes; returns the ids of the records that the batch holds."""
        self.index = self.batch.index()
        keys = _whole(self.index.column("source_key"))
        self.keys, self.ids = keys, record_numbers(self.source.name, self.stream.name, keys)
        self.rows = self.index.column(ROW).to_numpy()
        self.flags: Bools = self.index.column("deleted").to_numpy().astype(bool)
        self.times = _moments(self.index.column("source_time"))
        live = self.batch.live_keys()
        self.absent_means_gone = self.landed.mode == "snapshot" or live is not None
        renamed = self._renamed()
        wanted = np.concatenate([self.ids, np.unique(renamed[renamed >= 0])])
        self.held = held_of(self.store, self.source, self.stream, wanted, whole=self.absent_means_gone)
        self.usable = self._without_collisions()
        self.renamed = np.where(self._continues(renamed), renamed, -1)
        quarantine = self.batch.quarantine()
        self.files.bad.append(quarantine)
        self.counts.rows = len(self.ids)
        self.counts.quarantined += quarantine.num_rows
        self._compare()
        if self.absent_means_gone:
            self._remove_absent(live, quarantine)
        self._remove_renamed()
        return self.ids

    def _compare(self) -> None:
        """Every delivered row against its stored record, a part of the batch at a time."""
        connection = duckdb.connect(config={"threads": 1})
        try:
            for batch in self.batch.rows():
                first, last = batch.column(ROW)[0].as_py(), batch.column(ROW)[-1].as_py()
                low, high = np.searchsorted(self.rows, [first, last + 1])
                places = np.arange(low, high)[self.usable[low:high]]
                if not len(places):
                    continue
                delivered = batch.drop_columns([ROW])
                if len(places) < batch.num_rows:
                    delivered = delivered.take(pa.array(self.rows[places] - first))
                payload = payloads(connection, texts_of(delivered))
                self._write_changed(delivered, payload, places)
        finally:
            connection.close()

    def _write_changed(self, delivered: pa.RecordBatch, payload: pa.StringArray, places: Ints) -> None:
        hashes = content_hashes(payload)
        fates, versions = self._fates(places, hashes)
        changed = np.flatnonzero(fates != SAME)
        self._count(fates, places)
        if not len(changed):
            return
        picked = pa.array(changed)
        at = places[changed]
        values = map_columns(self.stream, delivered.take(picked), multi=self.multi)
        table = self._rows(
            at,
            change=NAMES.take(pa.array(fates[changed])),
            content_hash=pa.array(hashes[changed]),
            source_time=self.index.column("source_time").take(pa.array(at)),
            payload=payload.take(picked),
            version=pa.array(versions[changed], pa.int32()),
            rekeyed_from=pa.array(self.renamed[at], mask=self.renamed[at] < 0),
            values=values,
        )
        self.files.write(self.stream.entity, table)

    def _fates(self, places: Ints, hashes: Ints) -> tuple[Ints, Ints]:
        """What becomes of delivered rows, and the number of the version that they are."""
        where, known = self.held.find(self.ids[places])
        flags, times = self.flags[places], self.times[places]
        deleted = known & self.held.deleted[where]
        same = known & (self.held.hashes[where] == hashes) & (flags == deleted)
        # A tombstone of a record that is deleted already changes nothing, whatever else its row says.
        same |= deleted & flags
        same &= self.renamed[places] < 0
        late = (
            known & ~same & (self.held.times[where] != NO_TIME) & (times != NO_TIME) & (times < self.held.times[where])
        )
        if self.absent_means_gone:
            late[:] = False  # the delivery is the source's present state, whatever its clock says
        fates = np.select([same, late, flags, known], [SAME, LATE, DELETE, UPDATE], INSERT).astype(np.int64)
        if late.any():
            fates[self._known_late(places, hashes, late)] = SAME
        versions = np.where(known, self.held.versions[where] + (fates != LATE), 1)
        return fates, versions

    def _known_late(self, places: Ints, hashes: Ints, late: Bools) -> Bools:
        """Which late rows the history holds already, having been delivered before."""
        history = self.store.versions_of(pa.array(self.ids[places][late])).select(["record_id", "content_hash"])
        seen = set(zip(history.column(0).to_pylist(), history.column(1).to_pylist(), strict=True))
        known = np.zeros(len(places), bool)
        for place in np.flatnonzero(late):
            known[place] = (int(self.ids[places[place]]), int(hashes[place])) in seen
        return known

    def _count(self, fates: Ints, places: Ints) -> None:
        unseen = ~self.held.find(self.ids[places])[1]
        tombstones = int(((fates == DELETE) & unseen).sum())
        self.counts.inserted += int((fates == INSERT).sum())
        self.counts.updated += int((fates == UPDATE).sum())
        self.counts.deleted += int((fates == DELETE).sum()) - tombstones
        self.counts.tombstones += tombstones
        self.counts.late += int((fates == LATE).sum())
        self.counts.unchanged += int((fates == SAME).sum())
        self.counts.rekeyed += int((self.renamed[places] >= 0).sum())

    def _remove_absent(self, live: pa.ChunkedArray | None, quarantine: pa.Table) -> None:
        """Delete what the source holds no more."""
        present = [self.ids]
        if live is not None:
            present.append(record_numbers(self.source.name, self.stream.name, _whole(live.drop_null())))
        aside = _whole(quarantine.column("source_key").drop_null())
        present.append(record_numbers(self.source.name, self.stream.name, aside))
        gone = ~self.held.deleted & ~np.isin(self.held.ids, np.concatenate(present))
        if self.batch.manifest["keyless"]:
            self.counts.kept = int(gone.sum())
            return
        self._delete(gone)

    def _remove_renamed(self) -> None:
        """Delete the records that go on under another key, where their absence alone does not do it."""
        if not self.absent_means_gone and (self.renamed >= 0).any():
            self._delete(np.isin(self.held.ids, self.renamed) & ~self.held.deleted)

    def _delete(self, gone: Bools) -> None:
        ids = self.held.ids[gone]
        versions = self.held.versions[gone] + 1
        for start in range(0, len(ids), _REMOVED):
            some, version = ids[start : start + _REMOVED], versions[start : start + _REMOVED]
            stored = self.store.records_by_id(some, ["source_key"])
            order = pc.index_in(pa.array(some), value_set=_whole(stored.column("record_id")))
            count = len(some)
            table = pa.table(
                {
                    "record_id": pa.array(some),
                    "source": pa.array([self.source.name] * count),
                    "stream": pa.array([self.stream.name] * count),
                    "source_key": stored.column("source_key").take(order),
                    "change": pa.array(["delete"] * count),
                    "version": pa.array(version, pa.int32()),
                }
            )
            self.files.write(self.stream.entity, fitted(table, self.files.schema(self.stream.entity), count))
        self.counts.deleted += len(ids)

    def _rows(self, places: Ints, values: pa.Table, **columns: Any) -> pa.Table:
        count = len(places)
        table = pa.table(
            {
                "record_id": pa.array(self.ids[places]),
                "source": pa.array([self.source.name] * count),
                "stream": pa.array([self.stream.name] * count),
                "source_key": self.keys.take(pa.array(places)),
                **columns,
                **{name: values.column(name) for name in values.column_names},
            }
        )
        return fitted(table, self.files.schema(self.stream.entity), count)

    def _without_collisions(self) -> Bools:
        """Rows but those whose record id belongs to another key already; these go to quarantine."""
        usable = np.ones(len(self.ids), bool)
        _, first = np.unique(self.ids, return_index=True)
        usable[:] = False
        usable[first] = True
        usable &= ~np.isin(self.ids, self.taken)
        for place in self.held.strangers(self.store, self.source, self.stream, self.ids, self.keys):
            usable[place] = False
        clashes = np.flatnonzero(~usable)
        if len(clashes):
            reason = "its record id belongs to another key (a hash collision); give this row another key"
            count = len(clashes)
            columns = [
                [self.source.name] * count,
                [self.stream.name] * count,
                self.keys.take(pa.array(clashes)),
                self.rows[clashes],
                [" + ".join(self.stream.key_columns)] * count,
                self.keys.take(pa.array(clashes)),
                [reason] * count,
            ]
            arrays = [pa.array(c, f.type) for c, f in zip(columns, QUARANTINE, strict=True)]
            self.files.bad.append(pa.Table.from_arrays(arrays, schema=QUARANTINE))
            self.counts.quarantined += count
        return usable

    def _renamed(self) -> Ints:
        """Per delivered row the id of the record that had its key before, by the stream's rekey file; -1 for none."""
        found = np.full(len(self.ids), -1, np.int64)
        if self.stream.rekey is None:
            return found
        pairs = read_rekey(self.source, self.stream)
        if not pairs:
            return found
        old_keys = pa.array([old for old, _ in pairs])
        position = pc.index_in(self.keys, value_set=pa.array([new for _, new in pairs]))
        hit = position.is_valid().to_numpy(zero_copy_only=False)
        old_ids = record_numbers(self.source.name, self.stream.name, old_keys)
        found[hit] = old_ids[position.drop_null().to_numpy()]
        return found

    def _continues(self, renamed: Ints) -> Bools:
        """Which rows take over an old record: one that is there, and is not delivered itself any more."""
        where, known = self.held.find(renamed)
        return (renamed >= 0) & known & ~self.held.deleted[where] & ~np.isin(renamed, self.ids)


def read_rekey(source: Source, stream: Stream) -> list[tuple[str, str]]:
    """(old key, new key) of the stream's rekey file, a CSV with that header. Raises SourceError."""
    assert stream.rekey is not None
    try:
        with stream.rekey.open(encoding="utf-8-sig", newline="") as file:
            rows = [[cell.strip() for cell in row] for row in csv.reader(file) if any(cell.strip() for cell in row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        words = f"rekey file {stream.rekey}: {error}"
        raise SourceError(words, source=source.name, stream=stream.name) from error
    if any(len(row) != 2 for row in rows):
        words = f"rekey file {stream.rekey}: expected two columns, old_key and new_key"
        raise SourceError(words, source=source.name, stream=stream.name)
    return [(old, new) for old, new in rows[1:] if old and new and old != new]


def _whole(column: pa.ChunkedArray) -> pa.Array:
    whole = column.combine_chunks()
    return whole if isinstance(whole, pa.Array) else pa.concat_arrays(whole.chunks)


def _moments(column: pa.ChunkedArray) -> Ints:
    """Microseconds since 1970, NO_TIME for null."""
    return column.cast(pa.int64()).fill_null(NO_TIME).to_numpy()
