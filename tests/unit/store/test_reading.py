"""Reading: look-ups of few and of many ids, blocks under a cap, aliases, decisions, models, audit."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pytest

from models.errors import StoreError
from models.store import Store, among, open_store, packed, reading
from tests.support import outcomes as o


@pytest.fixture
def many(store: Store, tmp_path: Path) -> Store:
    """A hub of 2,000 records: i is in block i // 10 and in block -1; pairs (i, i + 1) for even i are edges."""
    n = 2_000
    o.write(tmp_path, "changes", [o.change(i, source_key=f'键 {i}, "{i}"') for i in range(1, n + 1)])
    o.write(tmp_path, "keys", [{"record_id": i, "key": k} for i in range(1, n + 1) for k in (i // 10, -1)])
    o.write(tmp_path, "edges", [{"left_id": i, "right_id": i + 1, "weight": i / 8} for i in range(2, n, 2)])
    o.write(tmp_path, "membership", [{"record_id": i, "golden_id": f"g{i // 2}"} for i in range(1, n + 1)])
    o.publish(store, "r1", tmp_path, full=True)
    return store


@pytest.fixture(params=[5_000, 3], ids=["few", "many"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways of looking ids up: bound, and through a temporary table."""
    monkeypatch.setattr(among, "FEW_IDS", request.param)
    monkeypatch.setattr(reading, "FEW_IDS", request.param)


@pytest.mark.usefixtures("way")
def test_records_are_found_by_their_ids(many: Store) -> None:
    ids = np.array([5, 7, 1999, 9999, 7, 12])
    table = many.records_by_id(ids, ["source_key", "content_hash"])
    assert sorted(zip(*table.to_pydict().values(), strict=True)) == [
        (i, f'键 {i}, "{i}"', i * 10 + 1) for i in (5, 7, 12, 1999)
    ]
    assert table.schema.names == ["record_id", "source_key", "content_hash"]


@pytest.mark.usefixtures("way")
def test_keys_edges_and_memberships_are_found_by_ids(many: Store) -> None:
    ids = [20, 21, 40, 41, 42]
    keys = many.keys_for(ids).to_pylist()
    assert sorted((r["record_id"], r["key"]) for r in keys) == sorted((i, k) for i in ids for k in (i // 10, -1))
    edges = many.edges_touching([20, 21, 43]).sort_by("left_id").to_pylist()
    assert [(e["left_id"], e["right_id"], e["weight"]) for e in edges] == [(20, 21, 2.5), (42, 43, 5.25)]
    assert many.memberships(ids).sort_by("record_id")["golden_id"].to_pylist() == ["g10", "g10", "g20", "g20", "g21"]
    members = many.members_of(["g10", "g21", "g5", "none", "g6"])["record_id"].to_pylist()
    assert sorted(members) == [10, 11, 12, 13, 20, 21, 42, 43]


@pytest.mark.usefixtures("way")
def test_a_block_above_the_cap_is_named_and_not_read(many: Store) -> None:
    blocks = many.records_for_keys([-1, 4, 5, 77, 123456], cap=10)
    assert blocks.capped["key"].to_pylist() == [-1]
    assert sorted(set(blocks.pairs["key"].to_pylist())) == [4, 5, 77]
    assert sorted(blocks.pairs.filter(pa.compute.field("key") == 4)["record_id"].to_pylist()) == list(range(40, 50))
    assert many.records_for_keys([4], cap=9).capped["key"].to_pylist() == [4]


@pytest.mark.usefixtures("way")
def test_standard_values_come_of_the_living_records_that_have_some(store: Store, tmp_path: Path) -> None:
    name = 'Say "hi",\nworld\\ \x1e 顺丰\x00'
    o.write(tmp_path, "changes", [o.change(i) for i in range(1, 8)])
    rows = [{"record_id": i, "name_norm": f"{name} {i}"} for i in range(1, 7)]
    o.write(tmp_path, "standard", rows, extra=o.STANDARD)
    o.publish(store, "r1", tmp_path, full=True)
    o.write(tmp_path / "2", "changes", [o.change(2, "delete", version=2)])
    o.publish(store, "r2", tmp_path / "2")
    found = store.standards_of([6, 1, 2, 7, 99, 1, 3])
    assert found.schema.names == ["record_id", "standard"]
    said = dict(zip(found["record_id"].to_pylist(), map(orjson.loads, found["standard"].to_pylist()), strict=True))
    assert {i: row["name_norm"] for i, row in said.items()} == {i: f"{name} {i}" for i in (1, 3, 6)}
    assert store.standards_of([2, 7, 99, 98]).num_rows == 0


@pytest.mark.parametrize("cap", [1, 9, 10, 1_999, 2_000])
def test_blocks_are_the_same_in_packs_as_row_by_row(many: Store, monkeypatch: pytest.MonkeyPatch, cap: int) -> None:
    keys, order = [*range(-1, 205), 10**12], [("key", "ascending"), ("record_id", "ascending")]
    plain = many.records_for_keys(keys, cap)
    monkeypatch.setattr(reading, "FEW_IDS", 3)
    monkeypatch.setattr(packed, "_PACK", 7)
    found = many.records_for_keys(keys, cap)
    assert found.pairs.sort_by(order) == plain.pairs.sort_by(order)
    assert found.capped.sort_by("key") == plain.capped.sort_by("key")


def test_texts_too_long_for_one_pack_are_read_in_smaller_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "FEW_IDS", 3)
    with open_store(f"sqlite:///{tmp_path / 'hub.db'}") as store:
        o.write(tmp_path, "changes", [o.change(i) for i in range(1, 41)])
        rows = [{"record_id": i, "name_norm": f"{i}" * 500} for i in range(1, 41)]
        o.write(tmp_path, "standard", rows, extra=o.STANDARD)
        o.publish(store, "r1", tmp_path, full=True)
        with store.snapshot(), store.database.read() as connection:
            driver: Any = connection.connection.driver_connection
            before = driver.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 8_000)
            found = store.standards_of(list(range(1, 41)))
            assert sorted(found["record_id"].to_pylist()) == list(range(1, 41))
            driver.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 600)
            with pytest.raises(StoreError, match="too big"):
                store.standards_of(list(range(1, 41)))
            driver.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, before)


def test_nothing_asked_for_is_an_empty_table_with_its_columns(many: Store) -> None:
    assert many.records_by_id([], ["source"]).schema.names == ["record_id", "source"]
    assert many.memberships(pa.array([], pa.int64())).num_rows == 0
    assert many.records_for_keys([], 5).pairs.num_rows == 0
    assert many.edges_touching([]).num_rows == 0
    assert many.golden(o.ORG).schema.field("recorded_at").type == pa.timestamp("us", tz="UTC")
    assert many.records("person").num_rows == 0


def test_a_stream_is_read_for_change_detection(many: Store) -> None:
    table = many.stream_records(o.ORG, "crm", "accounts").sort_by("record_id")
    assert table.schema.names == ["record_id", "deleted", "content_hash", "version", "source_time"]
    assert table.num_rows == 2_000
    assert table.slice(0, 1).to_pylist() == [
        {"record_id": 1, "deleted": False, "content_hash": 11, "version": 1, "source_time": o.DAY}
    ]


def test_large_results_come_in_batches(many: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading.bulk, "FETCH_ROWS", 600)
    batches = list(many.record_batches(o.ORG, ["payload"]))
    assert sum(batch.num_rows for batch in batches) == 2_000


def test_plain_sql_binds_its_parameters(many: Store) -> None:
    table = many.fetch_arrow("SELECT record_id FROM source_record WHERE record_id < :top", {"top": 4})
    assert sorted(table["record_id"].to_pylist()) == [1, 2, 3]


def test_an_id_is_followed_through_its_aliases(store: Store, tmp_path: Path) -> None:
    o.write(tmp_path, "golden", [o.golden("g1")])
    aliases = [("a", "b"), ("b", "g1"), ("x", "y"), ("y", "x")]
    o.write(tmp_path, "aliases", [{"alias_id": a, "golden_id": g, "action": "add"} for a, g in aliases])
    o.publish(store, "r1", tmp_path)
    assert [store.resolve_id(i) for i in ("g1", "b", "a", "nobody", "x")] == ["g1", "g1", "g1", None, None]
    assert store.aliases(["g1"])["alias_id"].to_pylist() == ["b"]


@pytest.fixture
def lived(store: Store, tmp_path: Path) -> Store:
    """Runs r1 to r4 over records 1 to 9.

    g1 = {1, 2} and lives on; g3 = {3, 4} went over into g1 in r3, after losing 4 to g5 in r2; g6 = {6, 7} was retired
    in r2, then 7 came back in g8; g9 = {9} lives untouched.
    """
    moves: dict[str, dict[int, str | None]] = {
        "r1": {1: "g1", 2: "g1", 3: "g3", 4: "g3", 5: "g5", 6: "g6", 7: "g6", 9: "g9"},
        "r2": {4: "g5", 6: None, 7: None},
        "r3": {3: "g1", 8: "g8"},
        "r4": {7: "g8", 2: "g1"},
    }
    seen: set[int] = set()
    for run, rows in moves.items():
        o.write(tmp_path / run, "membership", [{"record_id": r, "golden_id": g} for r, g in rows.items()])
        o.write(tmp_path / run, "changes", [o.change(r) for r in sorted({*rows} - seen)])
        seen |= rows.keys()
        if run == "r3":
            o.write(tmp_path / run, "aliases", [{"alias_id": "g3", "golden_id": "g1", "action": "add"}])
        o.publish(store, run, tmp_path / run)
    return store


@pytest.mark.usefixtures("way")
def test_memberships_say_since_which_run(lived: Store) -> None:
    rows = lived.memberships([1, 3, 4, 6, 7, 8, 9, 77]).sort_by("record_id").to_pylist()
    assert [tuple(row.values()) for row in rows] == [
        (1, "g1", "r1"),
        (3, "g1", "r3"),
        (4, "g5", "r2"),
        (7, "g8", "r4"),
        (8, "g8", "r3"),
        (9, "g9", "r1"),
    ]
    assert lived.memberships().num_rows == 8
    rows = lived.members_of(["g8", "g3", "g1", "g5", "g0"]).sort_by("record_id").to_pylist()
    assert [tuple(row.values()) for row in rows] == [
        (1, "g1", "r1"),
        (2, "g1", "r4"),
        (3, "g1", "r3"),
        (4, "g5", "r2"),
        (5, "g5", "r1"),
        (7, "g8", "r4"),
        (8, "g8", "r3"),
    ]


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(
    ("records", "named", "dead"),
    [
        ([4], [], ["g3"]),
        ([7], [], ["g6"]),
        (range(1, 10), [], ["g3", "g6"]),
        ([1, 2, 5, 8, 9, 77], [], []),  # 2 left g1 and came back: g1 lives
        ([], ["g6", "g1", "g0"], ["g6"]),
        ([9, 6, 5, 8], ["g3", "g6", "g9", "g5"], ["g3", "g6"]),
    ],
)
def test_the_whole_history_of_dead_golden_ids_is_found(
    lived: Store, records: list[int], named: list[str], dead: list[str]
) -> None:
    whole = {"g3": [(3, "g3", "r3"), (4, "g3", "r2")], "g6": [(6, "g6", "r2"), (7, "g6", "r2")]}
    found = lived.dead_histories(np.array(list(records), np.int64), named)
    assert found.schema.names == ["record_id", "golden_id", "to_run"]
    assert sorted(tuple(row.values()) for row in found.to_pylist()) == [row for g in dead for row in whole[g]]


@pytest.mark.usefixtures("way")
def test_records_say_with_which_run_they_came(lived: Store) -> None:
    found = lived.first_runs([9, 8, 6, 77, 1, 2]).sort_by("record_id")
    assert found.schema.names == ["record_id", "first_run"]
    assert [tuple(row.values()) for row in found.to_pylist()] == [
        (1, "r1"),
        (2, "r1"),
        (6, "r1"),
        (8, "r3"),
        (9, "r1"),
    ]


@pytest.mark.usefixtures("way")
def test_aliases_are_found_from_either_side(store: Store, tmp_path: Path) -> None:
    aliases = [("a", "g1"), ("b", "g1"), ("c", "g2"), ("d", "g3"), ("e", "g4")]
    o.write(tmp_path, "aliases", [{"alias_id": a, "golden_id": g, "action": "add"} for a, g in aliases])
    o.publish(store, "r1", tmp_path)
    found = store.aliases_touching(["g1", "a", "c", "d", "g3", "nobody"])
    assert found.schema.names == ["alias_id", "golden_id", "run_id", "recorded_at"]
    assert sorted(found["alias_id"].to_pylist()) == ["a", "b", "c", "d"]
    assert store.aliases_touching([]).num_rows == 0


def test_the_decision_log_only_grows(store: Store) -> None:
    pair = {"kind": "pair", "left_id": 1, "right_id": 2, "by": "ann"}
    first, second = store.add_decisions(
        [{**pair, "verdict": "match", "evidence": {"name": "x"}}, {**pair, "verdict": "unsure"}]
    )
    (undo,) = store.add_decisions([{**pair, "verdict": "match", "undoes": first, "reason": "wrong"}])
    assert first < second < undo
    log = store.decisions()
    assert log["id"].to_pylist() == [first, second, undo]
    assert log["evidence"].to_pylist()[0] == '{"name":"x"}'
    assert store.decisions(after=second)["id"].to_pylist() == [undo]
    assert store.decisions(active_only=True)["id"].to_pylist() == [second]


def test_decisions_are_added_all_or_none(store: Store) -> None:
    good = {"kind": "pair", "verdict": "match", "left_id": 1, "right_id": 2, "by": "ann"}
    with pytest.raises(StoreError, match="a decision has no colour"):
        store.add_decisions([good, {**good, "colour": "red"}])
    assert store.decisions().num_rows == 0


def test_one_model_is_published_per_entity_type(store: Store) -> None:
    assert store.load_published_model(o.ORG) is None
    store.save_model("m1", o.ORG, {"prior": 0.1})
    store.save_model("m2", o.ORG, {"prior": 0.2})
    store.save_model("p1", "person", {"prior": 0.3}, publish=False)
    found = store.load_published_model(o.ORG)
    assert found is not None and (found["model_id"], found["document"]) == ("m2", {"prior": 0.2})
    assert store.load_published_model("person") is None
    store.publish_model("m1")
    assert [(m["model_id"], m["status"]) for m in store.list_models()] == [
        ("m1", "published"),
        ("m2", "retired"),
        ("p1", "draft"),
    ]
    with pytest.raises(StoreError, match="there is a match model m1 already"):
        store.save_model("m1", o.ORG, {})
    with pytest.raises(StoreError, match="there is no match model m9"):
        store.publish_model("m9")


def test_runs_are_told_apart_by_how_they_ended(store: Store, tmp_path: Path) -> None:
    o.first_run(tmp_path)
    o.publish(store, "r1", tmp_path)
    store.start_run("r2", kind="full")
    store.finish_run("r2", error="no space", metrics={"n": 1}, phases={"score": 1.5})
    last, published = store.last_run(None), store.last_run()
    assert last is not None and (last["run_id"], last["status"], last["error"]) == ("r2", "failed", "no space")
    assert published is not None and published["run_id"] == "r1"
    assert store.run("r9") is None
    assert [s["stream"] for s in store.stream_states()] == ["accounts"]
    assert store.stream_state("crm", "nothing") is None


def test_the_audit_log_keeps_who_did_what(store: Store) -> None:
    store.add_audit("ann", "read", object_type="golden", object_id="g1", detail={"attribute": "national_id"})
    row = store.fetch_arrow("SELECT actor, action, object_id, detail FROM audit").to_pylist()[0]
    assert row == {"actor": "ann", "action": "read", "object_id": "g1", "detail": '{"attribute":"national_id"}'}
