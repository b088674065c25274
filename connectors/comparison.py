"""Compares one landed batch with what the hub holds of its stream, over whole columns.

A row that did not change costs its hash and nothing else. Rows are told apart by the hash of their payload, records by
their number; two keys with one number are noticed here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from connectors.arrow import Bools, Ints, Texts, pc, places, table, texts, whole
from connectors.batch import QUARANTINE, ROW, Batch
from connectors.held import NO_TIME, held_of
from connectors.landing import Landed
from connectors.mapping import map_columns, multi_attributes
from connectors.rekey import Renumbered, read_rekey
from connectors.text import content_hashes, payloads, record_numbers, texts_of
from models.config import Config
from models.duck import connect_small
from models.store import Store
from models.store import tables as t

INSERT, UPDATE, DELETE, LATE, SAME = 0, 1, 2, 3, 4
_NAMES = texts(["insert", "update", "delete", "late"])
_REMOVED = 50_000  # deleted records written at once


@dataclasses.dataclass
class StreamChanges:
    """Counts of one stream: usable rows, what they changed, and entries in quarantine.

    `late` rows are older than what the hub holds and became history only; `tombstones` are deletions of records that
    the hub never held; `rekeyed` records go on under another key, `remarks` say what is odd about the rekey file;
    `kept` are records that would have been deleted, had the delivery been readable throughout.
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
    remarks: list[str] = dataclasses.field(default_factory=list)


class Comparison:
    """One landed batch against the hub. `taken` are the record ids of batches compared before in the same run."""

    def __init__(self, store: Store, config: Config, landed: Landed, counts: StreamChanges, taken: Ints):
        self.store, self.landed, self.counts, self.taken = store, landed, counts, taken
        self.source = config.source(landed.source)
        self.stream = self.source.stream(landed.stream)
        self.batch = Batch(config.workspace / str(landed.batch_dir))
        self.multi = multi_attributes(config, landed.entity)
        self.store_is_empty = store.database.is_empty(t.source_record)
        index = self.batch.index()
        self.keys: Texts = whole(index.column("source_key"))
        self.ids = self._numbers(self.keys)
        self.rows: Ints = index.column(ROW).to_numpy()
        self.flags: Bools = index.column("deleted").to_numpy().astype(bool)
        self.moments: Any = whole(index.column("source_time"))
        self.times: Ints = pc.fill_null(self.moments.cast(pa.int64()), NO_TIME).to_numpy()
        self.quarantine = [self.batch.quarantine()]

    def changes(self) -> Iterator[pa.Table]:
        """Tables of changed records, with the columns of the changes file that they fill."""
        live, gone = self.batch.live_keys(), self._gone()
        self.absent_means_gone = self.landed.mode == "snapshot" or live is not None
        self.renumbered = self._renumbered()
        wanted = np.concatenate([self.ids, self.renumbered.wanted(gone), gone])
        self.held = held_of(self.store, self.source, self.stream, wanted, whole_stream=self.absent_means_gone)
        besides = self._besides(live)
        self.counts.remarks = self.renumbered.decide(
            self.held,
            self.times,
            self.flags,
            besides,
            gone,
            whole=self.absent_means_gone,
            given_up=lambda ids: np.array(sorted(self.store.given_up(ids)), np.int64),
        )
        self.counts.rows = len(self.ids)
        self.counts.rekeyed = len(self.renumbered.gone)
        self.counts.quarantined += sum(part.num_rows for part in self.quarantine)
        yield from self._delivered()
        moved = np.isin(self.held.ids, self.renumbered.gone)
        if self.absent_means_gone:
            absent = ~self.held.deleted & ~np.isin(self.held.ids, np.concatenate([self.ids, besides]))
            if self.batch.manifest["keyless"]:
                self.counts.kept = int((absent & ~moved).sum())
                absent &= moved
            moved |= absent
        else:
            self.counts.tombstones += int((~self.held.find(gone)[1]).sum())
            moved |= np.isin(self.held.ids, gone) & ~self.held.deleted
        # A tombstone under the old key is among the delivered rows.
        yield from self._deleted(moved & ~np.isin(self.held.ids, self._tombstones()))

    def _gone(self) -> Ints:
        """The records that the source says were deleted."""
        keys = self.batch.gone_keys()
        return np.empty(0, np.int64) if keys is None else np.unique(self._numbers(whole(keys)))

    def _renumbered(self) -> Renumbered:
        """Who goes on under another key, by the rekey file and by the source's own merges."""
        rekey, merged = read_rekey(self.source, self.stream), self.batch.merged()
        self.quarantine.append(rekey.bad)
        old = [*(old for old, _ in merged), *rekey.old]
        new = [*(new for _, new in merged), *rekey.new]
        return Renumbered(self._numbers(texts(old)), self._numbers(texts(new)), self.ids)

    def _delivered(self) -> Iterator[pa.Table]:
        """Every delivered row against its stored record, a part of the batch at a time."""
        usable = self._one_key_each()
        connection = connect_small()
        try:
            for batch in self.batch.rows():
                here: Ints = batch.column(ROW).to_numpy()
                low, high = np.searchsorted(self.rows, [here[0], here[-1] + 1])
                at = np.arange(low, high)[usable[low:high]]
                if not len(at):
                    continue
                rows = batch.drop_columns([ROW])
                if len(at) < batch.num_rows:
                    rows = rows.take(places(np.searchsorted(here, self.rows[at])))
                payload = payloads(connection, texts_of(rows))
                found = self._changed(rows, payload, at)
                if found is not None:
                    yield found
        finally:
            connection.close()

    def _changed(self, rows: pa.RecordBatch, payload: Texts, at: Ints) -> pa.Table | None:
        hashes = content_hashes(payload)
        fates, versions = self._fates(at, hashes)
        changed = np.flatnonzero(fates != SAME)
        self.counts.unchanged += len(at) - len(changed)
        if not self.store_is_empty and len(changed):
            changed = changed[self._own(at[changed])]
        if not len(changed):
            return None
        fates, at = fates[changed], at[changed]
        self._count(fates, at)
        picked, where = places(changed), places(at)
        values = map_columns(self.stream, rows.take(picked), multi=self.multi)
        return table(
            {
                **self._identity(self.ids[at], self.keys.take(where)),
                "change": _NAMES.take(places(fates)),
                "content_hash": hashes[changed],
                "source_time": self.moments.take(where),
                "payload": payload.take(picked),
                "version": versions[changed],
                "rekeyed_to": self._takers(np.where(fates == DELETE, self.ids[at], -1)),
                **dict(zip(values.column_names, values.columns, strict=True)),
            }
        )

    def _fates(self, at: Ints, hashes: Ints) -> tuple[Ints, Ints]:
        """What becomes of delivered rows, and the number of the version that they are."""
        where, known = self.held.find(self.ids[at])
        flags, times = self.flags[at], self.times[at]
        deleted = known & self.held.deleted[where]
        same = known & ~deleted & ~flags & (self.held.hashes[where] == hashes)
        moved = np.isin(self.ids[at], self.renumbered.gone)
        same |= (
            deleted & flags & ~moved
        )  # a tombstone of what is deleted already changes nothing, whatever else it says
        same |= deleted & np.isin(self.ids[at], self.renumbered.again) & (self.held.hashes[where] == hashes)
        fates = np.select([same, flags, known], [SAME, DELETE, UPDATE], INSERT).astype(np.int64)
        if not self.absent_means_gone:  # else the delivery is the source's present state, whatever its clock says
            before = self.held.times[where]
            late = known & ~same & ~moved & (before != NO_TIME) & (times != NO_TIME) & (times < before)
            late |= ~same & ~flags & np.isin(self.ids[at], self.renumbered.superseded)
            fates[late] = LATE
            if late.any():
                fates[self._known_late(at, hashes, late)] = SAME
        return fates, np.where(known, self.held.versions[where] + (fates != LATE), 1)

    def _known_late(self, at: Ints, hashes: Ints, late: Bools) -> Ints:
        """Late rows that the history holds already, having been delivered before."""
        history = self.store.versions_of(pa.array(self.ids[at][late])).select(["record_id", "content_hash"])
        seen = set(zip(history.column(0).to_pylist(), history.column(1).to_pylist(), strict=True))
        found = [i for i in np.flatnonzero(late) if (int(self.ids[at[i]]), int(hashes[i])) in seen]
        return np.array(found, np.int64)

    def _count(self, fates: Ints, at: Ints) -> None:
        where, known = self.held.find(self.ids[at])
        self.counts.inserted += int((fates == INSERT).sum())
        self.counts.updated += int((fates == UPDATE).sum())
        self.counts.deleted += int(((fates == DELETE) & known & ~self.held.deleted[where]).sum())
        self.counts.tombstones += int(((fates == DELETE) & ~known).sum())
        self.counts.late += int((fates == LATE).sum())

    def _besides(self, live: Any) -> Ints:
        """Ids that count as delivered though no usable row came under them."""
        aside = [part.column("source_key").drop_null() for part in self.quarantine[:1]]
        keys = [*aside, *([] if live is None else [live.drop_null()])]
        return np.concatenate([self._numbers(whole(part)) for part in keys])

    def _tombstones(self) -> Ints:
        return self.ids[self.flags]

    def _takers(self, ids: Ints) -> Any:
        """As which record each of these goes on; null for those that do not."""
        gone = self.renumbered.gone
        if not len(gone):
            return pa.nulls(len(ids), pa.int64())
        at = np.searchsorted(gone, ids).clip(max=len(gone) - 1)
        return pa.array(self.renumbered.takers[at], mask=gone[at] != ids)

    def _deleted(self, gone: Bools) -> Iterator[pa.Table]:
        ids, versions = self.held.ids[gone], self.held.versions[gone] + 1
        self.counts.deleted += int((~self.held.deleted[gone]).sum())
        for start in range(0, len(ids), _REMOVED):
            some = ids[start : start + _REMOVED]
            stored = self.store.records_by_id(some, ["source_key"])
            order = pc.index_in(pa.array(some), value_set=whole(stored.column("record_id")))
            yield table(
                {
                    **self._identity(some, whole(stored.column("source_key")).take(order)),
                    "change": texts(["delete"] * len(some)),
                    "source_time": self._time_of(self._takers(some)),
                    "version": versions[start : start + _REMOVED],
                    "rekeyed_to": self._takers(some),
                }
            )

    def _time_of(self, takers: Any) -> Any:
        """The source's time of the change of a key: that of the row under the new one."""
        return self.moments.take(pc.index_in(takers, value_set=pa.array(self.ids)))

    def _identity(self, ids: Ints, keys: Texts) -> dict[str, Any]:
        count = len(ids)
        source, stream = texts([self.source.name] * count), texts([self.stream.name] * count)
        return {"record_id": ids, "source": source, "stream": stream, "source_key": keys}

    def _numbers(self, keys: Texts) -> Ints:
        return record_numbers(self.source.name, self.stream.name, keys)

    def _one_key_each(self) -> Bools:
        """Rows but those whose record id came with another key before, in this delivery or in this run."""
        usable = np.zeros(len(self.ids), bool)
        usable[np.unique(self.ids, return_index=True)[1]] = True
        if len(self.taken):
            usable &= ~np.isin(self.ids, self.taken)
        self._set_aside(np.flatnonzero(~usable))
        return usable

    def _own(self, at: Ints) -> Bools:
        """Which rows' record ids the hub does not hold under another key."""
        stored = self.store.records_by_id(pa.array(self.ids[at]), ["source", "stream", "source_key"])
        position = whole(pc.index_in(stored.column("record_id"), value_set=pa.array(self.ids[at])))
        keys = self.keys.take(places(at)).take(position)
        ours = pc.and_(
            pc.equal(stored.column("source"), self.source.name), pc.equal(stored.column("stream"), self.stream.name)
        )
        strange = pc.invert(pc.and_(ours, pc.equal(stored.column("source_key"), keys)))
        own = np.ones(len(at), bool)
        own[position.filter(whole(strange)).to_numpy()] = False
        self._set_aside(at[~own])
        return own

    def _set_aside(self, at: Ints) -> None:
        """Rows whose record id belongs to another key."""
        count = len(at)
        if not count:
            return
        keys = self.keys.take(places(at))
        reason = "its record id belongs to another key (a hash collision); give this row another key"
        columns = {
            "source": texts([self.source.name] * count),
            "stream": texts([self.stream.name] * count),
            "source_key": keys,
            "row": self.rows[at],
            "field": texts([" + ".join(self.stream.key_columns)] * count),
            "value": keys,
            "reason": texts([reason] * count),
        }
        self.quarantine.append(table(columns, schema=QUARANTINE))
        self.counts.quarantined += count
