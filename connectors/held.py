"""What the hub holds of a stream, as sorted arrays in which delivered records are looked up by the million."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from models.config import Source, Stream
from models.store import Store
from models.store import tables as t

NO_TIME = np.iinfo(np.int64).min
"""The source time of a record that has none."""

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
_COLUMNS = ["deleted", "content_hash", "version", "source_time"]


@dataclass
class Held:
    """Stored records by ascending id. One more record stands at the end, so that every search finds some place."""

    ids: Ints
    deleted: Bools
    hashes: Ints
    versions: Ints
    times: Ints

    def find(self, ids: Ints) -> tuple[Ints, Bools]:
        """(place, whether the record is there) of each id."""
        where = np.searchsorted(self.ids, ids).clip(max=len(self.ids) - 1)
        return where, self.ids[where] == ids

    def strangers(self, store: Store, source: Source, stream: Stream, ids: Ints, keys: pa.StringArray) -> Ints:
        """Places of the delivered records whose id the hub holds under another key.

        Ids that the stream itself holds are looked up as well: two keys of one stream may share a number.
        """
        if store.database.is_empty(t.source_record):
            return np.empty(0, np.int64)
        stored = store.records_by_id(pa.array(ids), ["source", "stream", "source_key"])
        place = pc.index_in(stored.column("record_id"), value_set=pa.array(ids)).combine_chunks()
        same = pc.and_(
            pc.and_(pc.equal(stored.column("source"), source.name), pc.equal(stored.column("stream"), stream.name)),
            pc.equal(stored.column("source_key"), keys.take(place)),
        )
        return pa.chunked_array([place]).filter(pc.invert(same)).to_numpy().astype(np.int64)


def held_of(store: Store, source: Source, stream: Stream, ids: Ints, *, whole: bool) -> Held:
    """What the hub holds: the whole stream, or of it these ids."""
    if whole:
        table = store.stream_records(stream.entity, source.name, stream.name)
    else:
        table = store.records_by_id(pa.array(np.unique(ids)), _COLUMNS)
    order = np.argsort(table.column("record_id").to_numpy()) if table.num_rows else np.empty(0, np.int64)
    past = pa.table(
        {
            "record_id": pa.array([np.iinfo(np.int64).max], pa.int64()),
            "deleted": pa.array([True]),
            "content_hash": pa.array([-1], pa.int64()),
            "version": pa.array([0], pa.int64()),
            "source_time": pa.array([None], pa.timestamp("us", "UTC")),
        }
    )
    ordered = pa.concat_tables([table.take(pa.array(order)).select(past.column_names).cast(past.schema), past])
    return Held(
        ordered.column("record_id").to_numpy(),
        ordered.column("deleted").to_numpy(zero_copy_only=False).astype(bool),
        ordered.column("content_hash").fill_null(-1).to_numpy(),
        ordered.column("version").to_numpy(),
        ordered.column("source_time").cast(pa.int64()).fill_null(NO_TIME).to_numpy(),
    )
