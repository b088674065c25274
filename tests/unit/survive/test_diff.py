"""Versions and events: what is written, and that nothing is told where nothing published changed."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest

from matching.identify import identify
from matching.survive import FieldRule, diff_golden, golden_events, survive
from models.errors import StoreError
from tests.unit.survive.tables import SOURCES, members

RULES = [FieldRule("name"), FieldRule("status")]


def published(found: pa.Table, version: int = 1, status: str = "active") -> pa.Table:
    """What the store holds after these golden records were written."""
    count = len(found)
    kept = found.select(["golden_id", "values", "provenance", "records", "valid_from"])
    kept = kept.append_column("version", pa.array([version] * count, pa.int32()))
    return kept.append_column("status", pa.array([status] * count))


def golden(*rows: dict[str, Any]) -> pa.Table:
    return survive(members(*rows), None, RULES, SOURCES)


NOBODY = published(golden({"name": "x"})).slice(0, 0)


def actions(**by_id: str) -> pa.Table:
    return pa.table({"golden_id": list(by_id), "action": list(by_id.values())})


def test_new_golden_records_are_created_with_version_one() -> None:
    (row,) = diff_golden(NOBODY, golden({"name": "A", "at": 3})).to_pylist()
    assert (row["action"], row["version"], row["records"]) == ("created", 1, 1)
    assert (row["before"], row["after"], row["attributes"]) == (None, '{"name":"A"}', None)
    assert row["values"] == row["after"] and row["valid_from"] is not None


def test_an_empty_hub_may_come_without_types() -> None:
    empty = pa.table({name: pa.array([], pa.null()) for name in NOBODY.column_names})
    found = diff_golden(empty, golden({"name": "A"}), actions(g="created"))
    assert found["action"].to_pylist() == ["created"]
    assert diff_golden(empty, golden({"name": "A"}))["version"].to_pylist() == [1]


def test_unchanged_golden_records_are_not_written() -> None:
    found = golden({"name": "A"}, {"golden": "h", "name": "B"})
    assert diff_golden(published(found), found, actions(g="kept", h="kept")).num_rows == 0
    assert diff_golden(published(found), found).num_rows == 0


def test_changed_values_make_a_version_that_says_what_changed() -> None:
    old = published(golden({"name": "A", "status": "x"}), version=4)
    (row,) = diff_golden(old, golden({"name": "A2", "at": 1})).to_pylist()
    assert (row["action"], row["version"]) == ("changed", 5)
    assert json.loads(row["before"]) == {"name": "A", "status": "x"}
    assert json.loads(row["after"]) == {"name": "A2"}
    assert json.loads(row["attributes"]) == ["name", "status"]


def test_another_provenance_is_a_quiet_update() -> None:
    old = published(golden({"name": "A"}), version=4)
    (row,) = diff_golden(old, golden({"name": "A"}, {"source": "web", "name": "A"})).to_pylist()
    assert (row["action"], row["version"], row["records"]) == ("updated", 4, 2)
    assert (row["before"], row["after"], row["attributes"]) == (None, None, None)


def test_values_written_otherwise_are_the_same_values() -> None:
    old = published(golden({"name": "A", "status": "x"}))
    spaced = pa.array(['{ "status": "x", "name": "A" }'])
    old = old.set_column(old.column_names.index("values"), "values", spaced)
    assert diff_golden(old, golden({"name": "A", "status": "x"}))["action"].to_pylist() == ["updated"]


def test_revived_merged_and_retired() -> None:
    old = pa.concat_tables(
        [
            published(golden({"golden": i, "name": i}), 2, status)
            for i, status in (("r", "retired"), ("m", "active"), ("x", "active"))
        ]
    )
    new = golden({"golden": "r", "name": "r"})
    found = {
        row["golden_id"]: row
        for row in diff_golden(old, new, actions(r="revived", m="merged", x="retired")).to_pylist()
    }
    assert {i: (row["action"], row["version"]) for i, row in found.items()} == {
        "r": ("revived", 3),
        "m": ("merged", 3),
        "x": ("retired", 3),
    }
    assert (found["r"]["before"], found["r"]["after"]) == (None, '{"name":"r"}')
    assert (found["x"]["before"], found["x"]["values"], found["x"]["records"]) == ('{"name":"x"}', None, 0)
    assert diff_golden(old.slice(0, 1), new)["action"].to_pylist() == ["revived"]


def test_ids_that_should_be_known_and_are_not_are_an_error() -> None:
    with pytest.raises(StoreError, match="never published"):
        diff_golden(NOBODY, golden({"name": "A"}), actions(g="kept"))
    with pytest.raises(StoreError, match="never published"):
        diff_golden(NOBODY, golden({"name": "A"}), actions(g="created", h="retired"))


def test_events_carry_versions_values_and_ids() -> None:
    b = {"golden": "b", "source": "web", "name": "B", "status": "s"}
    before = golden({"golden": "a", "name": "A"}, b, {"golden": "c", "name": "C"})
    old = published(before, version=3)
    current = pa.table({"record_id": pa.array([1, 2, 3], pa.int64()), "golden_id": ["a", "b", "c"]})
    clusters = pa.table({"record_id": pa.array([1, 2, 4], pa.int64()), "cluster": pa.array([1, 1, 2], pa.int64())})
    ids = identify(clusters, current, mint=lambda count, after: ["new"][:count])
    after = golden(
        {"golden": "a", "name": "A"},
        {**b, "golden": "a"},
        {"id": 4, "golden": "new", "name": "N"},
    )
    changes = diff_golden(old, after, ids.golden)
    events = golden_events(changes, ids.events, old).to_pylist()
    told = [(e["type"], e["golden_id"], e["version"]) for e in events]
    assert told == [
        ("created", "new", 1),
        ("merged", "a", 4),
        ("retired", "c", 4),
        ("alias", "b", 4),
        ("changed", "a", 4),
    ]
    assert events[0]["after"] == '{"name":"N"}'
    assert (events[1]["before"], events[1]["after"]) == ('["a","b"]', '["a"]')
    assert (events[2]["before"], events[2]["after"]) == ('{"name":"C"}', None)
    assert (events[3]["before"], events[3]["after"]) == ('["b"]', '["a"]')
    assert (events[4]["after"], events[4]["attributes"]) == ('{"status":"s"}', '["status"]')


def test_an_event_about_an_unpublished_golden_record_is_an_error() -> None:
    ids = identify(
        pa.table({"record_id": pa.array([1], pa.int64()), "cluster": pa.array([1], pa.int64())}),
        pa.table({"record_id": pa.array([1, 2], pa.int64()), "golden_id": ["a", "b"]}),
    )
    changes = diff_golden(NOBODY, golden({"name": "x"})).slice(0, 0)
    with pytest.raises(StoreError, match="no version"):
        golden_events(changes, ids.events, NOBODY)


def test_no_change_no_event() -> None:
    found = golden({"name": "A"})
    current = pa.table({"record_id": pa.array([1], pa.int64()), "golden_id": ["g"]})
    ids = identify(pa.table({"record_id": pa.array([1], pa.int64()), "cluster": pa.array([1], pa.int64())}), current)
    changes = diff_golden(published(found), found, ids.golden)
    assert golden_events(changes, ids.events, published(found)).num_rows == 0
