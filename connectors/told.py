"""What a delivery says beside its rows: what was deleted, what lives, what the source merged, where to go on.

Collects it in the order of delivery and settles it against the rows; what it changes in the hub is found out in
`comparison`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from connectors.arrow import Column, pc, table, texts, whole
from connectors.batch import ROW
from connectors.protocol import Deleted, Delivery, Item, LiveKeys, Merged, Note, State
from connectors.text import key_of, texts_of
from models.config import Stream


class Told:
    """Everything of one delivery that is no row."""

    def __init__(self, stream: Stream):
        self.stream = stream
        self.delivery = Delivery()
        self.state: dict[str, Any] = {}
        self.notes: list[str] = []
        self._keys: list[Column] = []
        self._gone: list[Column] = []
        self._after: list[int] = []
        self._merged: dict[str, str] = {}

    @property
    def living(self) -> int | None:
        """How many rows live in the source; None where the delivery does not tell."""
        return sum(len(part) for part in self._keys) if self._keys else None

    def add(self, item: Item, rows: int) -> None:
        """An item that came after so many rows."""
        if isinstance(item, Delivery):
            self.delivery = item
        elif isinstance(item, State):
            self.state |= item.values
        elif isinstance(item, Note):
            self.notes.append(item.text)
        elif isinstance(item, Merged):
            self._merged |= {old: new for old, new in item.pairs if old != new}
        elif isinstance(item, LiveKeys):
            self._keys.append(self._key(item.batch))
        elif isinstance(item, Deleted):
            self._gone.append(self._key(item.batch).drop_null())
            self._after.append(rows)

    def without_gone(self, index: pa.Table) -> pa.Table:
        """The index of usable rows but those that were deleted after them; a row that came back is not gone."""
        if not self._gone:
            return index
        # Dictionary order keeps the last mention of a key, which is the one that counts.
        gone = {key: after for part, after in zip(self._gone, self._after, strict=True) for key in part.to_pylist()}
        place = pc.index_in(index.column("source_key"), value_set=texts(gone))
        at = np.asarray(pc.fill_null(whole(place), -1))
        after = np.append(np.fromiter(gone.values(), np.int64, len(gone)), -1)
        stays = index.column(ROW).to_numpy() > after[at]
        back = set(whole(index.column("source_key").filter(pa.array(stays & (at >= 0)))).to_pylist())
        self._gone, self._after = [texts(key for key in gone if key not in back)], [0]
        return index.filter(pa.array(stays))

    def tables(self) -> list[tuple[str, pa.Table]]:
        """The files of the batch that hold it, by name; those with nothing to say are left out."""
        found = []
        if self._keys:
            found.append(("keys.parquet", table({"source_key": pa.concat_arrays(self._keys)})))
        if self._gone:
            found.append(("gone.parquet", table({"source_key": pa.concat_arrays(self._gone)})))
        if self._merged:
            pairs = {"old_key": texts(self._merged), "new_key": texts(self._merged.values())}
            found.append(("merged.parquet", table(pairs)))
        return found

    def _key(self, batch: pa.RecordBatch) -> Column:
        return key_of(texts_of(batch), self.stream.key_columns)
