"""What a run hands to the store: which files, with which columns. The files are written by the steps of the run."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from models.errors import StoreError
from models.stewardship import Ranking
from models.store.columns import TIME

LARGE_ROWS = 200_000
SMALL_ROWS = 5_000
_INT, _TEXT, _REAL = pa.int64(), pa.string(), pa.float64()

# Columns by kind of file; a file may hold more (changes and standard do), never less.
FILES: dict[str, dict[str, pa.DataType]] = {
    # change: insert | update | delete, or late: kept as history, not current
    "changes": {
        "record_id": _INT,
        "source": _TEXT,
        "stream": _TEXT,
        "source_key": _TEXT,
        "change": _TEXT,
        "content_hash": _INT,
        "source_time": TIME,
        "payload": _TEXT,
        "version": _INT,
    },
    "standard": {"record_id": _INT},
    "touched": {"record_id": _INT},
    "keyed": {"record_id": _INT},
    "keys": {"record_id": _INT, "key": _INT},
    "edges": {"left_id": _INT, "right_id": _INT, "weight": _REAL},
    "membership": {"record_id": _INT, "golden_id": _TEXT},
    # action: created | changed | revived | merged | retired, or updated: the same version, refreshed in place
    "golden": {
        "golden_id": _TEXT,
        "action": _TEXT,
        "version": _INT,
        "values": _TEXT,
        "provenance": _TEXT,
        "records": _INT,
        "valid_from": TIME,
    },
    "aliases": {"alias_id": _TEXT, "golden_id": _TEXT, "action": _TEXT},  # action: add | remove
    "lineage": {"child_id": _TEXT, "parent_id": _TEXT, "kind": _TEXT},  # kind: split | merge
    "tasks": {
        "task_key": _TEXT,
        "kind": _TEXT,
        "left_id": _INT,
        "right_id": _INT,
        "records": _TEXT,
        "weight": _REAL,
        "probability": _REAL,
        "reason": _TEXT,
    },
    "events": {
        "type": _TEXT,
        "golden_id": _TEXT,
        "version": _INT,
        "before": _TEXT,
        "after": _TEXT,
        "attributes": _TEXT,
    },
    "profile": {"kind": _TEXT, "value": _TEXT, "role": _TEXT, "records": _INT, "detail": _TEXT},
}
QUARANTINE: dict[str, pa.DataType] = {
    "source": _TEXT,
    "stream": _TEXT,
    "source_key": _TEXT,
    "row": _INT,
    "field": _TEXT,
    "value": _TEXT,
    "reason": _TEXT,
}


@dataclass(frozen=True)
class StreamState:
    """Where a stream stands after this run: the connector's cursor, the delivered schema, and the size of the batch."""

    source: str
    stream: str
    entity_type: str
    state: Mapping[str, Any]
    schema: Mapping[str, Any]
    rows: int
    batch_id: str | None
    delivered_at: dt.datetime


@dataclass(frozen=True)
class LifecycleOutcome:
    """What a run computed of the lifecycle, as Parquet files `lifecycle/<name>.parquet` with the tables' columns.

    `full`: state and stages of all customers are in the files, else those of the customers in `scope`. `relinked`: the
    links of all records are. `contracts` is their document, with `name` and `version`. `standing` is kept with the run
    as `metrics["lifecycle"]`: what the state rests on, by which the next run knows what it may keep.
    """

    contracts: Mapping[str, Any]
    contracts_hash: str
    full: bool = False
    relinked: bool = False
    standing: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RunOutcome:
    """One run's results, as Parquet files `<kind>_<entity>.parquet` (each optional) and `quarantine.parquet`.

    `full` says that the run solved every record of its entities: their keys, edges, open machine tasks and contact
    profiles are replaced as a whole. Otherwise `touched_<entity>` names the records that were solved again; the files
    then hold every key and edge that has a touched end, and every machine task that is open on a touched record. Where
    `keyed_<entity>` is there, the keys are those of the records that it names, and the other touched ones keep theirs.
    """

    run_id: str
    folder: Path
    entities: tuple[str, ...]
    full: bool = False
    stream_states: tuple[StreamState, ...] = ()
    metrics: Mapping[str, Any] = field(default_factory=dict)
    phases: Mapping[str, float] = field(default_factory=dict)
    decisions_upto: int | None = None
    parser_version: str | None = None
    memory_limit: str = "4GB"
    lifecycle: LifecycleOutcome | None = None
    ranking: Ranking = Ranking()

    def file(self, kind: str, entity: str) -> Path | None:
        """The file of this kind, with its columns checked, or None when the run has none. Raises StoreError."""
        return self._checked(self.folder / f"{kind}_{entity}.parquet", FILES[kind])

    def is_large(self) -> bool:
        """Whether so many records changed that loading differs from updating."""
        return self._changed() >= LARGE_ROWS

    def is_small(self) -> bool:
        """Whether so little changed that it needs no limits of memory."""
        return not self.full and self._changed() <= SMALL_ROWS

    def _changed(self) -> int:
        paths = [path for entity in self.entities if (path := self.file("changes", entity))]
        return sum(int(pq.read_metadata(path).num_rows) for path in paths)

    def quarantine(self) -> Path | None:
        """The file of quarantined rows, or None. Raises StoreError."""
        return self._checked(self.folder / "quarantine.parquet", QUARANTINE)

    def _checked(self, path: Path, columns: Mapping[str, pa.DataType]) -> Path | None:
        if not path.exists():
            return None
        try:
            names = set(pq.read_schema(path).names)
        except (OSError, pa.ArrowException) as error:
            raise StoreError(f"{path}: cannot be read as Parquet ({error})") from error
        if missing := [name for name in columns if name not in names]:
            raise StoreError(f"{path}: lacks the columns {', '.join(missing)}")
        return path
