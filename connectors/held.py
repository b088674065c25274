"""What the hub holds of a stream, as sorted arrays in which delivered records are looked up by the million."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from connectors.arrow import TIME, Bools, Ints, pc, places, whole
from models.config import Source, Stream
from models.store import Store

NO_TIME = int(np.iinfo(np.int64).min)
"""The source time of a record that has none."""


@dataclass
class Held:
    """Stored records by ascending id. One more stands at the end, deleted, so that every search finds some place."""

    ids: Ints
    deleted: Bools
    hashes: Ints
    versions: Ints
    times: Ints

    def find(self, ids: Ints) -> tuple[Ints, Bools]:
        """(place, whether the record is there) of each id."""
        where = np.searchsorted(self.ids, ids).clip(max=len(self.ids) - 1)
        return where, self.ids[where] == ids


def held_of(store: Store, source: Source, stream: Stream, ids: Ints, *, whole_stream: bool) -> Held:
    """What the hub holds: the whole stream, or of it these ids."""
    if whole_stream:
        table = store.stream_records(stream.entity, source.name, stream.name)
    else:
        names = ["deleted", "content_hash", "version", "source_time"]
        table = store.records_by_id(pa.array(np.unique(ids)), names)
    order = places(np.argsort(table.column("record_id").to_numpy(), kind="stable"))

    def column(name: str, kind: pa.DataType, past: Any) -> Any:
        values = whole(table.column(name)).take(order).cast(kind)
        return np.append(pc.fill_null(values, past).to_numpy(zero_copy_only=False), past)

    return Held(
        ids=column("record_id", pa.int64(), np.iinfo(np.int64).max).astype(np.int64),
        deleted=column("deleted", pa.bool_(), True).astype(bool),
        hashes=column("content_hash", pa.int64(), -1).astype(np.int64),
        versions=column("version", pa.int64(), 0).astype(np.int64),
        times=_microseconds(whole(table.column("source_time")).take(order)),
    )


def _microseconds(moments: Any) -> Ints:
    values = pc.fill_null(moments.cast(TIME).cast(pa.int64()), NO_TIME)
    found: Ints = np.append(values.to_numpy(), NO_TIME).astype(np.int64)
    return found
