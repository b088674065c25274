"""Compares what the hub published, run by run, with one resolution of all its records.

The first law of the hub: incremental equals full. Nothing is changed here; every difference is reported.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from matching.inputs import Progress, Raw, read_work
from matching.resolve import resolve_entity, standardise_entity
from matching.training import published_model
from models.config import Config
from models.stewardship import MACHINE_KINDS, OPEN_STATES
from models.store import Store

WEIGHT_TOLERANCE = 1e-6
"""Bits by which two weights of one pair may differ: sums in another order, rounded."""
_SHOWN = 20
_OF_TASK = ["task_key", "kind", "records", "weight", "reason"]


@dataclass(frozen=True)
class Difference:
    """How one part of the published state differs: `what` (membership, golden, edges, keys, tasks, profile,
    findings), how many rows, and up to twenty of them as JSON objects.
    """

    entity: str
    what: str
    count: int
    examples: list[dict[str, Any]]

    def as_dict(self) -> dict[str, Any]:
        """As a dictionary."""
        return asdict(self)


def verify_entity(
    store: Store, config: Config, entity: str, folder: Path, *, raw: Raw, progress: Progress | None = None
) -> list[Difference]:
    """Resolves every current record of an entity type into `folder` (empty) and compares that with the store.

    Uses the published model and every active decision; publishes nothing. An entity type without a published model has
    nothing to compare.
    """
    if published_model(store, entity) is None:
        return []
    with store.snapshot():
        standardise_entity(store, config, entity, folder, raw=raw, full=True, progress=progress)
        resolve_entity(store, config, entity, folder, run_id="verify", raw=raw, full=True, progress=progress)
        found = [
            *_changes(folder, entity),
            _edges(store, folder, entity),
            _keys(store, folder, entity),
            _tasks(store, folder, entity),
            _profile(store, folder, entity),
        ]
    return [difference for difference in found if difference is not None]


def _changes(folder: Path, entity: str) -> list[Difference | None]:
    """A full run on top of the published state must change nothing."""
    golden = read_work(folder, "golden", entity)
    if golden is not None:
        golden = golden.select(["golden_id", "action", "before", "after"])
    membership = read_work(folder, "membership", entity)
    return [_difference(entity, "membership", membership), _difference(entity, "golden", golden)]


def _edges(store: Store, folder: Path, entity: str) -> Difference | None:
    return _compared(
        entity,
        "edges",
        read_work(folder, "edges", entity),
        store.edges(entity).select(["left_id", "right_id", "weight"]),
        "SELECT left_id, right_id, a.weight AS full, b.weight AS published FROM a FULL JOIN b USING "
        "(left_id, right_id) "
        f"WHERE a.weight IS NULL OR b.weight IS NULL OR abs(a.weight - b.weight) > {WEIGHT_TOLERANCE}",
    )


def _keys(store: Store, folder: Path, entity: str) -> Difference | None:
    ids = store.records(entity, ["deleted"])["record_id"]
    return _compared(
        entity,
        "keys",
        read_work(folder, "keys", entity, ["record_id", "key"]),
        store.keys_for(ids).select(["record_id", "key"]),
        "SELECT record_id, key, 'full' AS side FROM (SELECT record_id, key FROM a EXCEPT SELECT record_id, key FROM b) "
        "UNION ALL SELECT record_id, key, 'published' FROM "
        "(SELECT record_id, key FROM b EXCEPT SELECT record_id, key FROM a)",
    )


def _tasks(store: Store, folder: Path, entity: str) -> Difference | None:
    """Tasks by their keys, and what they say: why, about which records, how alike."""
    return _compared(
        entity,
        "tasks",
        read_work(folder, "tasks", entity, _OF_TASK),
        waiting_tasks(store, entity).select(_OF_TASK),
        "SELECT task_key, a.reason AS full, b.reason AS published FROM a FULL JOIN b USING (task_key) "
        "WHERE a.kind IS DISTINCT FROM b.kind OR a.reason IS DISTINCT FROM b.reason "
        "OR a.records IS DISTINCT FROM b.records OR (a.weight IS NULL) <> (b.weight IS NULL) "
        f"OR abs(a.weight - b.weight) > {WEIGHT_TOLERANCE}",
    )


def waiting_tasks(store: Store, entity: str) -> pa.Table:
    """The tasks that runs open and that wait."""
    rows = store.tasks(status=None, entity_type=entity)
    waits = pc.is_in(rows["status"], value_set=pa.array(OPEN_STATES))
    return rows.filter(pc.and_(waits, pc.is_in(rows["kind"], value_set=pa.array(MACHINE_KINDS))))


def _profile(store: Store, folder: Path, entity: str) -> Difference | None:
    held = store.contact_profiles(entity)
    held = held.filter(pc.not_equal(held["role"], "own"))
    columns = ["kind", "value", "role"]
    return _compared(
        entity,
        "profile",
        read_work(folder, "profile", entity, columns),
        held.select(columns),
        "SELECT *, 'full' AS side FROM (FROM a EXCEPT FROM b) UNION ALL SELECT *, 'published' FROM (FROM b "
        "EXCEPT FROM a)",
    )


def findings_differ(found: pa.Table) -> Difference | None:
    """Findings (finding_id, rule, status, customer) that an evaluation of all customers would open, close or change."""
    return _difference("lifecycle", "findings", found)


def _compared(entity: str, what: str, full: pa.Table | None, published: pa.Table, query: str) -> Difference | None:
    with duckdb.connect() as con:
        con.register("a", published.schema.empty_table() if full is None else full.select(published.column_names))
        con.register("b", published)
        return _difference(entity, what, con.sql(query).to_arrow_table())


def _difference(entity: str, what: str, rows: pa.Table | None) -> Difference | None:
    if rows is None or not rows.num_rows:
        return None
    return Difference(entity, what, rows.num_rows, rows.slice(0, _SHOWN).to_pylist())
