"""A run's work files, written by hand: what publishing takes, small enough to be checked by eye."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from models.store import RunOutcome, Store, StreamState
from models.store.outcome import FILES, QUARANTINE

ORG = "organization"
TIMES = ("at", "recorded_at", "recorded_to", "opened_at", "closed_at")
DAY = dt.datetime(2024, 5, 1, 8, 30, tzinfo=dt.UTC)

Rows = Sequence[Mapping[str, Any]]


def write(
    folder: Path, kind: str, rows: Rows, entity: str = ORG, extra: Mapping[str, pa.DataType] | None = None
) -> None:
    """One work file; what a row does not say is null."""
    folder.mkdir(parents=True, exist_ok=True)
    columns = {**(QUARANTINE if kind == "quarantine" else FILES[kind]), **(extra or {})}
    table = pa.table({name: pa.array([row.get(name) for row in rows], type_) for name, type_ in columns.items()})
    pq.write_table(table, folder / ("quarantine.parquet" if kind == "quarantine" else f"{kind}_{entity}.parquet"))


def change(record_id: int, change: str = "insert", version: int = 1, **more: Any) -> dict[str, Any]:
    """A row of changes."""
    row = {"record_id": record_id, "source": "crm", "stream": "accounts", "source_key": f"K{record_id}"}
    held = {"content_hash": record_id * 10 + version, "source_time": DAY, "payload": f'{{"v":{version}}}'}
    return {**row, **({} if change == "delete" else held), "change": change, "version": version, **more}


def golden(golden_id: str, action: str = "created", version: int = 1, **more: Any) -> dict[str, Any]:
    """A row of golden records."""
    row = {"golden_id": golden_id, "action": action, "version": version, "records": 1, "valid_from": DAY}
    return {**row, "values": f'{{"name":"{golden_id} {version}"}}', "provenance": "{}", **more}


def event(kind: str, golden_id: str, version: int | None = 1) -> dict[str, Any]:
    """A row of events."""
    return {"type": kind, "golden_id": golden_id, "version": version, "after": f'["{golden_id}"]'}


STANDARD = {
    "name_norm": pa.string(),
    "is_sole_trader": pa.bool_(),
    "phones": pa.list_(pa.string()),
    "reasons": pa.string(),
}


def first_run(folder: Path) -> None:
    """Three records: 1 and 2 are golden record g1, 3 is g3."""
    write(folder, "changes", [change(1), change(2, source_time=None), change(3, stream="leads")])
    standard = [
        {"record_id": 1, "name_norm": 'Say "hi",\nworld\\', "is_sole_trader": True, "phones": ["+8613800138000", ""]},
        {"record_id": 2, "name_norm": "顺丰物流", "is_sole_trader": False, "phones": [], "reasons": '{"tax_id":"bad"}'},
        {"record_id": 3, "name_norm": ""},
    ]
    write(folder, "standard", standard, extra=STANDARD)
    write(folder, "touched", [{"record_id": i} for i in (1, 2, 3)])
    write(
        folder,
        "keys",
        [{"record_id": r, "key": k} for r, k in ((1, 100), (2, 100), (3, 100), (1, 7), (2, 7), (1, 7), (3, 3))],
    )
    write(
        folder, "edges", [{"left_id": 1, "right_id": 2, "weight": 9.5}, {"left_id": 2, "right_id": 3, "weight": 1.25}]
    )
    write(folder, "membership", [{"record_id": r, "golden_id": g} for r, g in ((1, "g1"), (2, "g1"), (3, "g3"))])
    write(folder, "golden", [golden("g1", records=2), golden("g3", valid_from=None)])
    write(folder, "events", [event("created", "g1"), event("created", "g3")])
    task = {"task_key": "grey_pair:2:3", "kind": "grey_pair", "left_id": 2, "right_id": 3, "records": "[2,3]"}
    write(folder, "tasks", [{**task, "weight": 1.25, "probability": 0.7, "reason": "only the name"}])
    write(folder, "profile", [{"kind": "phone", "value": "+8613800138000", "role": "personal", "records": 1}])
    bad = {"source": "crm", "stream": "accounts", "source_key": None, "row": 4, "field": "account_id"}
    write(folder, "quarantine", [{**bad, "value": "", "reason": "no key"}])


def second_run(folder: Path) -> None:
    """Record 1 changes, 2 is deleted, 4 is new and joins g3's record 3 in g1: g3 becomes an alias."""
    write(folder, "changes", [change(1, "update", 2), change(2, "delete", 2), change(4), change(3, "late", 1)])
    write(folder, "standard", [{"record_id": 1, "name_norm": "new"}, {"record_id": 4}], extra=STANDARD)
    write(folder, "touched", [{"record_id": i} for i in (1, 2, 3, 4)])
    write(folder, "keys", [{"record_id": r, "key": k} for r, k in ((1, 8), (3, 3), (4, 8))])
    write(
        folder, "edges", [{"left_id": 1, "right_id": 4, "weight": 12.0}, {"left_id": 1, "right_id": 3, "weight": 8.0}]
    )
    write(folder, "membership", [{"record_id": r, "golden_id": g} for r, g in ((2, None), (3, "g1"), (4, "g1"))])
    gone = golden("g3", "merged", 2, records=0, values=None, provenance=None, valid_from=None)
    write(folder, "golden", [golden("g1", "changed", 2, records=3), gone])
    write(folder, "aliases", [{"alias_id": "g3", "golden_id": "g1", "action": "add"}])
    write(folder, "lineage", [{"child_id": "g1", "parent_id": "g3", "kind": "merge"}])
    write(folder, "events", [event("merged", "g1", 2), event("alias", "g3", None)])


def outcome(run_id: str, folder: Path, **more: Any) -> RunOutcome:
    """The outcome of a run over these files."""
    state = StreamState("crm", "accounts", ORG, {"cursor": run_id}, {"account_id": "string"}, 3, "b1", DAY)
    given = {"stream_states": (state,), "metrics": {"records": 3}, "phases": {"score": 0.5}, "parser_version": "1"}
    return RunOutcome(run_id, folder, (ORG,), **{**given, **more})


def publish(store: Store, run_id: str, folder: Path, **more: Any) -> dict[str, int]:
    """Start and publish a run over these files."""
    with store.lock(run_id):
        store.start_run(run_id)
        return store.publish(outcome(run_id, folder, **more))


def dump(store: Store) -> dict[str, list[dict[str, Any]]]:
    """Every row of the tables that readers see, without the times of writing."""
    from models.store import tables as t

    found = {}
    for table in t.metadata.sorted_tables:
        if table.name in ("run", "run_lock", "run_phase"):
            continue
        rows = store.fetch_arrow(table.select()).to_pylist()
        clean = [{k: v for k, v in row.items() if k not in TIMES} for row in rows]
        found[table.name] = sorted(clean, key=str)
    return found
