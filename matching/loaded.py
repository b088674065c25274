"""Standard columns of the records that an incremental run looks at, each read once."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from matching.batch import Work
from matching.features import prepare
from matching.inputs import changes, read_work
from models.store import Store
from models.store.columns import parse_json_column

Ints = npt.NDArray[np.int64]


class Standards:
    """Standard columns of records, this run's over the store's, each read once into the DuckDB table `loaded`."""

    def __init__(self, work: Work, store: Store, folder: Path):
        self._con, self._store = work.con, store
        self._schema = work.schema
        self._entity = work.entity
        fresh = read_work(folder, "standard", work.entity)
        self.fresh = self._schema.empty_table() if fresh is None else fresh.select(self._schema.names)
        changed = changes(folder, work.entity)
        self.changed: Ints = ids_of(changed["record_id"]) if changed is not None else np.zeros(0, np.int64)
        self.living: Ints = ids_of(self.fresh["record_id"])
        self.gone: Ints = np.setdiff1d(self.changed, self.living)
        self._known: Ints = np.union1d(self.living, self.gone)
        self._con.register("fresh_rows", self.fresh)
        prepare(self._con, self._entity, "fresh_rows", "loaded")
        self._con.unregister("fresh_rows")

    def before(self) -> pa.Table:
        """Standard columns that the store holds of the changed records."""
        return self._read(self.changed)

    def load(self, ids: Ints) -> None:
        """Adds records to `loaded` (deleted ones are left out)."""
        missing = np.setdiff1d(ids, self._known)
        if not len(missing):
            return
        self._known = np.union1d(self._known, missing)
        self._con.register("held_rows", self._read(missing))
        prepare(self._con, self._entity, "held_rows", "held")
        self._con.unregister("held_rows")
        self._con.execute("INSERT INTO loaded BY NAME SELECT * FROM held")
        self._con.execute("DROP TABLE held")

    def some(self, ids: Ints, names: Collection[str]) -> pa.Table:
        """`record_id` and the standard columns `names` that the store holds of records, without keeping them."""
        return self._read(ids, names)

    def is_known(self, ids: Ints) -> npt.NDArray[np.bool_]:
        """Which of the records were looked at: they are in `loaded`, or they are deleted."""
        return np.isin(ids, self._known)

    def _read(self, ids: Ints, names: Collection[str] | None = None) -> pa.Table:
        held = self._store.standards_of(pa.array(ids))
        kept = [f for f in self._schema if f.name != "record_id" and (names is None or f.name in names)]
        rows = parse_json_column(held, "standard", pa.schema(kept))
        return rows.select([f.name for f in self._schema if f.name == "record_id" or f in kept])


def ids_of(column: pa.ChunkedArray[pa.Int64Scalar]) -> Ints:
    """A column of ids as numbers."""
    return np.asarray(column.to_numpy(), dtype=np.int64)
