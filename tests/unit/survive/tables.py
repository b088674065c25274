"""Members for the tests of survivorship, told in few words, and both ways of working them."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pyarrow as pa

from matching.survive import FieldRule, SourceRank, survive

TIME = pa.timestamp("us", "UTC")
SOURCES = {"crm": SourceRank(10), "dms": SourceRank(20), "web": SourceRank(30)}
LISTS = ("phone", "email")


def day(number: float) -> dt.datetime:
    return dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(days=number)


def members(*rows: dict[str, Any]) -> pa.Table:
    """Rows with `source`, `at` (day) and attributes; the record id is the place from 1 unless it is given."""
    attributes = sorted({name for row in rows for name in row} - {"source", "at", "golden", "key", "id"})
    columns: dict[str, pa.Array] = {
        "record_id": pa.array([row.get("id", i) for i, row in enumerate(rows, 1)], pa.int64()),
        "golden_id": pa.array([row.get("golden", "g") for row in rows], pa.string()),
        "source": pa.array([row.get("source", "crm") for row in rows], pa.string()),
        "stream": pa.array(["s"] * len(rows), pa.string()),
        "source_key": pa.array([row.get("key", f"k{i}") for i, row in enumerate(rows, 1)], pa.string()),
        "source_time": pa.array([None if row.get("at") is None else day(row["at"]) for row in rows], TIME),
    }
    for name in attributes:
        kind = pa.list_(pa.string()) if name in LISTS else pa.string()
        columns[name] = pa.array([row.get(name) for row in rows], kind)
    return pa.table(columns)


def standard(found: pa.Table, **columns: list[Any]) -> pa.Table:
    """Standard columns for these members; texts, lists or truth values by what they hold."""
    return pa.table({"record_id": found["record_id"], **{name: pa.array(values) for name, values in columns.items()}})


def overrides(*rows: dict[str, Any]) -> pa.Table:
    kinds = {
        "record_id": pa.int64(),
        "golden_id": pa.string(),
        "attribute": pa.string(),
        "value": pa.string(),
        "action": pa.string(),
        "at": TIME,
    }
    return pa.table({name: pa.array([row.get(name) for row in rows], kind) for name, kind in kinds.items()})


def golden(found: pa.Table, rules: list[FieldRule], **options: Any) -> dict[str, dict[str, Any]]:
    """Golden records by id, with values and provenance read; worked both ways, which must agree to the letter."""
    sources = options.pop("sources", SOURCES)
    table = options.pop("standard", None)
    ways = [
        survive(found, table, rules, sources, **options, **way).sort_by("golden_id").to_pylist()
        for way in ({"few": 10**6}, {"few": 0}, {"few": 0, "partition_rows": 3})
    ]
    assert ways[0] == ways[1] == ways[2]
    for row in ways[0]:
        row["values"], row["provenance"] = json.loads(row["values"]), json.loads(row["provenance"])
    return {row["golden_id"]: row for row in ways[0]}


def values(found: pa.Table, rules: list[FieldRule], **options: Any) -> dict[str, Any]:
    """The values of the only golden record."""
    (row,) = golden(found, rules, **options).values()
    chosen: dict[str, Any] = row["values"]
    return chosen
