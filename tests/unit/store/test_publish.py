"""Publishing: what comes in is what is read; one transaction; histories, numbers and links stay whole."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pytest

from models.errors import StoreError
from models.store import STEPS, Store, open_store, outcome, parse_json_column
from tests.support import outcomes as o


@pytest.fixture
def published(store: Store, tmp_path: Path) -> Store:
    """A hub with one published run."""
    o.first_run(tmp_path / "r1")
    o.publish(store, "r1", tmp_path / "r1", full=True, decisions_upto=0)
    return store


def test_source_records_come_back_as_they_were(published: Store) -> None:
    rows = {row["record_id"]: row for row in published.records(o.ORG).to_pylist()}
    assert rows[1] == {
        "record_id": 1,
        "entity_type": o.ORG,
        "source": "crm",
        "stream": "accounts",
        "source_key": "K1",
        "version": 1,
        "content_hash": 11,
        "source_time": o.DAY,
        "deleted": False,
        "parser_version": "1",
        "first_run": "r1",
        "last_run": "r1",
        "standard": '{"name_norm":"Say \\"hi\\",\\nworld\\\\","is_sole_trader":true,"phones":["+8613800138000",""]}',
        "payload": '{"v":1}',
    }
    assert rows[2]["source_time"] is None
    assert rows[3]["stream"] == "leads"


def test_standard_values_come_back_as_columns(published: Store) -> None:
    schema = pa.schema(list(o.STANDARD.items()))
    table = parse_json_column(published.records(o.ORG, ["standard"]), "standard", schema)
    rows = {row["record_id"]: row for row in table.to_pylist()}
    assert rows[1]["name_norm"] == 'Say "hi",\nworld\\'
    assert rows[1]["phones"] == ["+8613800138000", ""]
    assert rows[2] == {
        "record_id": 2,
        "name_norm": "顺丰物流",
        "is_sole_trader": False,
        "phones": [],
        "reasons": '{"tax_id":"bad"}',
    }
    assert rows[3]["name_norm"] == "" and rows[3]["is_sole_trader"] is None and rows[3]["phones"] is None


def test_everything_else_comes_back_as_it_was(published: Store) -> None:
    found = o.dump(published)
    assert [(r["key"], r["record_id"]) for r in found["match_key"]] == [
        (100, 1),
        (100, 2),
        (100, 3),
        (3, 3),
        (7, 1),
        (7, 2),
    ]
    assert [(r["left_id"], r["right_id"], r["weight"]) for r in found["edge"]] == [(1, 2, 9.5), (2, 3, 1.25)]
    assert published.memberships().sort_by("record_id").to_pydict() == {
        "record_id": [1, 2, 3],
        "golden_id": ["g1", "g1", "g3"],
        "from_run": ["r1", "r1", "r1"],
    }
    golden = {row["golden_id"]: row for row in published.golden(o.ORG).to_pylist()}
    assert golden["g1"]["values"] == '{"name":"g1 1"}' and golden["g1"]["valid_from"] == o.DAY
    assert golden["g3"]["valid_from"] is None and golden["g3"]["status"] == "active"
    assert found["quarantine"][0] | {"id": 0} == {
        "id": 0,
        "run_id": "r1",
        "source": "crm",
        "stream": "accounts",
        "source_key": None,
        "row": 4,
        "field": "account_id",
        "value": "",
        "reason": "no key",
    }
    assert found["contact_profile"][0]["role"] == "personal"
    assert published.tasks()["task_key"].to_pylist() == ["grey_pair:2:3"]
    state = published.stream_state("crm", "accounts")
    assert state is not None
    assert (state["state"], state["rows"], state["delivered_at"]) == ({"cursor": "r1"}, 3, o.DAY)
    run = published.run("r1")
    assert run is not None
    assert (run["status"], run["metrics"], run["phases"], run["decisions_upto"]) == (
        "published",
        {"records": 3},
        {"score": 0.5},
        0,
    )


def test_crosswalk_names_every_current_record(published: Store) -> None:
    rows = published.crosswalk(o.ORG).sort_by("source_key").to_pylist()
    assert [tuple(row.values()) for row in rows] == [
        (o.ORG, "crm", "accounts", "K1", "g1"),
        (o.ORG, "crm", "accounts", "K2", "g1"),
        (o.ORG, "crm", "leads", "K3", "g3"),
    ]


def test_a_second_run_replaces_and_remembers(published: Store, tmp_path: Path) -> None:
    o.second_run(tmp_path / "r2")
    o.publish(published, "r2", tmp_path / "r2", parser_version="2")
    rows = {row["record_id"]: row for row in published.records(o.ORG, only_current=False).to_pylist()}
    assert (rows[1]["version"], rows[1]["payload"], rows[1]["standard"]) == (2, '{"v":2}', '{"name_norm":"new"}')
    assert (rows[1]["first_run"], rows[1]["last_run"], rows[1]["parser_version"]) == ("r1", "r2", "2")
    assert rows[2]["deleted"] and rows[2]["payload"] == '{"v":1}' and rows[2]["parser_version"] == "1"
    assert rows[3]["version"] == 1 and rows[3]["last_run"] == "r1"
    versions = published.versions_of([1, 2, 3]).to_pylist()
    assert sorted((v["record_id"], v["version"], v["last_run"], v["superseded_run"]) for v in versions) == [
        (1, 1, "r1", "r2"),
        (2, 1, "r1", "r2"),
        (3, 1, "r2", "r2"),  # late: never was current
    ]
    assert published.crosswalk().num_rows == 3
    assert published.keys_for([1, 2, 3, 4]).sort_by("record_id").to_pydict() == {
        "record_id": [1, 3, 4],
        "key": [8, 3, 8],
    }
    assert published.edges(o.ORG).sort_by("right_id").to_pydict()["weight"] == [8.0, 12.0]
    history = published.membership_history([2, 3]).sort_by("record_id").to_pylist()
    assert [tuple(row.values()) for row in history] == [(2, "g1", "r1", "r2"), (3, "g3", "r1", "r2")]
    before = published.golden_versions("g1").to_pylist()
    assert [(v["version"], v["values"], v["run_id"]) for v in before] == [(1, '{"name":"g1 1"}', "r1")]
    merged = published.golden_by_id(["g3"]).to_pylist()[0]
    assert (merged["status"], merged["version"], merged["values"]) == ("retired", 2, '{"name":"g3 1"}')
    assert before[0]["recorded_to"] == merged["recorded_at"]
    assert published.resolve_id("g3") == "g1"
    assert published.tasks().num_rows == 0
    assert published.tasks(status="closed")["closed_run"].to_pylist() == ["r2"]


def test_event_numbers_have_no_gap(published: Store, tmp_path: Path) -> None:
    o.second_run(tmp_path / "r2")
    with published.lock("lost"):
        published.start_run("lost")
        with pytest.raises(RuntimeError):
            published.publish(o.outcome("lost", tmp_path / "r2"), _raise_at("commit"))
    o.publish(published, "r2", tmp_path / "r2")
    events = published.events_after(0)
    assert events["seq"].to_pylist() == [1, 2, 3, 4]
    assert events["type"].to_pylist() == ["created", "created", "merged", "alias"]
    assert published.events_after(2, limit=1)["seq"].to_pylist() == [3]


def _raise_at(step: str):  # type: ignore[no-untyped-def]
    def on_step(name: str) -> None:
        if name == step:
            raise RuntimeError(f"stopped before {name}")

    return on_step


@pytest.mark.parametrize("step", STEPS)
def test_a_publishing_that_stops_anywhere_leaves_the_old_state(published: Store, tmp_path: Path, step: str) -> None:
    before = o.dump(published)
    o.second_run(tmp_path / "r2")
    with published.lock("r2"):
        published.start_run("r2")
        with pytest.raises(RuntimeError, match=f"stopped before {step}"):
            published.publish(o.outcome("r2", tmp_path / "r2"), _raise_at(step))
    assert o.dump(published) == before


def test_readers_see_the_old_state_until_the_commit(published: Store, store_url: str, tmp_path: Path) -> None:
    before = o.dump(published)
    seen = []
    o.second_run(tmp_path / "r2")
    with open_store(store_url) as reader, published.lock("r2"):
        published.start_run("r2")
        published.publish(o.outcome("r2", tmp_path / "r2"), lambda step: seen.append(o.dump(reader)))
        after = o.dump(reader)
    assert len(seen) == len(STEPS)
    assert all(state == before for state in seen)
    assert after != before


def test_a_snapshot_holds_one_state_over_a_publishing(published: Store, store_url: str, tmp_path: Path) -> None:
    o.second_run(tmp_path / "r2")
    with open_store(store_url) as reader:
        with reader.snapshot():
            first = reader.crosswalk().sort_by("source_key")
            o.publish(published, "r2", tmp_path / "r2")
            assert reader.crosswalk().sort_by("source_key") == first
        assert reader.crosswalk().sort_by("source_key") != first


def test_a_large_first_load_ends_in_the_same_state(
    store_url: str, published: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    small = o.dump(published)
    monkeypatch.setattr(outcome, "LARGE_ROWS", 1)
    if published.dialect == "sqlite":
        url = f"sqlite:///{tmp_path / 'large.db'}"
    else:
        server = request.getfixturevalue("postgres_server")
        url = server.url(server.fresh_database())
    with open_store(url) as large:
        o.publish(large, "r1", tmp_path / "r1", full=True, decisions_upto=0)
        assert o.dump(large) == small
        names = {row["name"] for row in large.fetch_arrow(_INDEXES[large.dialect]).to_pylist()}
        assert {"ix_match_key_record_id", "ix_edge_right_id", "ix_membership_golden_id"} <= names
        if large.dialect == "sqlite":
            assert large.fetch_arrow("PRAGMA journal_mode")[0].to_pylist() == ["wal"]


_INDEXES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'index'",
    "postgresql": "SELECT indexname AS name FROM pg_indexes",
}


def test_records_standardised_again_keep_their_version(published: Store, tmp_path: Path) -> None:
    o.write(tmp_path / "r2", "standard", [{"record_id": 2, "name_norm": "again"}], extra=o.STANDARD)
    o.publish(published, "r2", tmp_path / "r2", parser_version="9")
    row = published.records_by_id([2]).to_pylist()[0]
    assert (row["standard"], row["parser_version"], row["version"]) == ('{"name_norm":"again"}', "9", 1)
    assert published.versions_of([2]).num_rows == 0


def test_a_deleted_record_that_returns_is_current_again(published: Store, tmp_path: Path) -> None:
    o.write(tmp_path / "r2", "changes", [o.change(2, "delete", 2)])
    o.publish(published, "r2", tmp_path / "r2")
    o.write(tmp_path / "r3", "changes", [o.change(2, "insert", 3)])
    o.publish(published, "r3", tmp_path / "r3")
    row = published.records_by_id([2]).to_pylist()[0]
    assert (row["deleted"], row["version"], row["first_run"]) == (False, 3, "r1")
    assert published.versions_of([2]).num_rows == 2


def test_a_task_found_again_keeps_its_opening_and_reopens_with_a_new_one(published: Store, tmp_path: Path) -> None:
    task = {"task_key": "grey_pair:2:3", "kind": "grey_pair", "left_id": 2, "right_id": 3, "records": "[2,3]"}
    touched = [{"record_id": 3}]
    for run, tasks in (("r2", [{**task, "weight": 2.0}]), ("r3", []), ("r4", [task])):
        o.write(tmp_path / run, "touched", touched)
        o.write(tmp_path / run, "tasks", tasks)
        o.publish(published, run, tmp_path / run)
        row = published.tasks(status=None).to_pylist()[0]
        opened = {"r2": ("open", "r1", None), "r3": ("closed", "r1", "r3"), "r4": ("open", "r4", None)}[run]
        assert (row["status"], row["opened_run"], row["closed_run"]) == opened


def test_untouched_records_keep_their_keys_edges_and_tasks(published: Store, tmp_path: Path) -> None:
    before = o.dump(published)
    o.write(tmp_path / "r2", "touched", [{"record_id": 99}])
    o.publish(published, "r2", tmp_path / "r2")
    after = o.dump(published)
    for table in ("match_key", "edge", "task", "membership", "golden_record"):
        assert after[table] == before[table]


def test_a_refreshed_golden_record_keeps_its_version_and_tells_nobody(published: Store, tmp_path: Path) -> None:
    before = {row["golden_id"]: row for row in published.golden(o.ORG).to_pylist()}
    fresh = {"records": 3, "values": '{"name": "g1 1"}', "provenance": '{"records":{"0":["1"]}}'}
    later = o.DAY + dt.timedelta(days=1)
    o.write(tmp_path / "r2", "golden", [o.golden("g1", "updated", valid_from=later, **fresh)])
    assert o.publish(published, "r2", tmp_path / "r2")["golden"] == 1
    after = {row["golden_id"]: row for row in published.golden(o.ORG).to_pylist()}
    assert after == {"g1": before["g1"] | fresh, "g3": before["g3"]}
    assert published.golden_versions("g1").num_rows == 0
    assert published.events_after(0).num_rows == 2


def test_created_changed_and_refreshed_golden_records_come_in_one_run(published: Store, tmp_path: Path) -> None:
    rows = [o.golden("g1", "updated", records=9), o.golden("g3", "changed", 2), o.golden("g5")]
    o.write(tmp_path / "r2", "golden", rows)
    assert o.publish(published, "r2", tmp_path / "r2")["golden"] == 3
    found = {row["golden_id"]: row for row in published.golden(o.ORG).to_pylist()}
    assert {g: (r["version"], r["records"], r["run_id"]) for g, r in found.items()} == {
        "g1": (1, 9, "r1"),
        "g3": (2, 1, "r2"),
        "g5": (1, 1, "r2"),
    }
    assert [published.golden_versions(g).num_rows for g in ("g1", "g3", "g5")] == [0, 1, 0]
    # What was refreshed is what goes into history when the values change.
    o.write(tmp_path / "r3", "golden", [o.golden("g1", "changed", 2)])
    o.publish(published, "r3", tmp_path / "r3")
    assert published.golden_versions("g1").select(["version", "records", "run_id"]).to_pylist() == [
        {"version": 1, "records": 9, "run_id": "r1"}
    ]


@pytest.mark.parametrize("action", ["changed", "updated"])
def test_a_golden_record_that_is_not_there_cannot_be_written_over(
    published: Store, tmp_path: Path, action: str
) -> None:
    o.write(tmp_path / "r2", "golden", [o.golden("g1", action, 1), o.golden("g9", action, 1)])
    with pytest.raises(StoreError, match=r"the hub does not hold \(1 of 2 found\)"):
        o.publish(published, "r2", tmp_path / "r2")


def test_an_alias_is_taken_back_when_its_id_lives_again(published: Store, tmp_path: Path) -> None:
    o.second_run(tmp_path / "r2")
    o.publish(published, "r2", tmp_path / "r2")
    o.write(tmp_path / "r3", "aliases", [{"alias_id": "g3", "golden_id": "g1", "action": "remove"}])
    o.write(tmp_path / "r3", "golden", [o.golden("g3", "revived", 3)])
    o.publish(published, "r3", tmp_path / "r3")
    assert published.resolve_id("g3") == "g3"
    assert published.golden_by_id(["g3"])["status"].to_pylist() == ["active"]
    assert published.golden_versions("g3")["version"].to_pylist() == [1, 2]


def test_a_run_that_was_not_started_or_is_over_is_refused(published: Store, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="run r9 was never started"):
        published.publish(o.outcome("r9", tmp_path))
    with pytest.raises(StoreError, match="run r1 cannot be published: it is published"):
        published.publish(o.outcome("r1", tmp_path))


def test_a_file_that_lacks_a_column_is_named(store: Store, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"record_id": [1]}), tmp_path / f"keys_{o.ORG}.parquet")
    with store.lock("r1"):
        store.start_run("r1")
        with pytest.raises(StoreError, match=r"keys_organization.parquet: lacks the columns key"):
            store.publish(o.outcome("r1", tmp_path))
