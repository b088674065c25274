from __future__ import annotations

import datetime as dt
import json
from typing import Any

import numpy as np
import pytest
import xxhash

from connectors import comparison
from connectors.changes import detect_changes
from connectors.landing import Landed
from models.vocabulary import record_id
from tests.unit.connectors.hub import Hub

HEADER = "id,name,tel,mobile,city"


def text(*rows: str, header: str = HEADER) -> str:
    return "\n".join([header, *rows]) + "\n"


def counts(found: Any) -> dict[str, int]:
    """The counts that are not zero."""
    return {name: value for name, value in vars(found).items() if isinstance(value, int) and value}


@pytest.fixture
def hub(sqlite_hub: Hub) -> Hub:
    return sqlite_hub


def test_a_first_delivery_inserts(hub: Hub) -> None:
    found = hub.take(text("1,ACME,010-1,139,Beijing", "2,Beta,,,"))
    assert counts(found) == {"rows": 2, "inserted": 2}
    row = hub.changes()["1"]
    payload = {"id": "1", "name": "ACME", "tel": "010-1", "mobile": "139", "city": "Beijing"}
    assert json.loads(row["payload"]) == payload
    assert row["payload"] == json.dumps(payload, sort_keys=True, separators=(",", ":"))
    assert row["content_hash"] == xxhash.xxh3_64_intdigest(row["payload"].encode()) & (1 << 63) - 1
    assert row["record_id"] == record_id("crm", "accounts", "1")
    assert (row["source"], row["stream"], row["change"], row["version"]) == ("crm", "accounts", "insert", 1)
    assert (row["name"], row["phone"], row["city"]) == ("ACME", ["010-1", "139"], "Beijing")
    assert (row["source_time"], row["rekeyed_to"]) == (None, None)
    assert hub.changes()["2"]["phone"] is None
    assert hub.report.totals["inserted"] == 2 and hub.aside() == []


def test_only_what_changed_is_written(full_hub: Hub) -> None:
    hub = full_hub
    hub.take(text("1,a,,,", "2,b,,,", "3,c,,,"))
    found = hub.take(text("3,c,,,", "1,a,,,", "4,d,,,", "2,x,,,"))
    assert counts(found) == {"rows": 4, "inserted": 1, "updated": 1, "unchanged": 2}
    assert hub.fates() == {"4": "insert", "2": "update"}
    assert hub.changes()["2"]["version"] == 2


def test_the_same_delivery_again_changes_nothing(hub: Hub) -> None:
    hub.take(text("1,a,,,", "2,b,,,"))
    found = hub.take(text("1,a,,,", "2,b,,,"), again=True)
    assert counts(found) == {"rows": 2, "unchanged": 2}
    assert not (hub.out / "changes_organization.parquet").exists()


def test_columns_in_another_order_or_empty_ones_more_change_nothing(hub: Hub) -> None:
    hub.take(text("1,a,,,X"))
    assert counts(hub.take(text("X,,1,,a,", header="city,new,id,tel,name,mobile"))) == {"rows": 1, "unchanged": 1}


def test_what_a_snapshot_lacks_is_deleted(full_hub: Hub) -> None:
    hub = full_hub
    hub.take(text("1,a,,,", "2,b,,,", "3,c,,,"))
    found = hub.take(text("1,a,,,", "3,c,,,"))
    assert counts(found) == {"rows": 2, "deleted": 1, "unchanged": 2}
    row = hub.changes()["2"]
    assert (row["change"], row["version"], row["payload"], row["name"]) == ("delete", 2, None, None)
    assert row["record_id"] == record_id("crm", "accounts", "2")
    assert counts(hub.take(text("1,a,,,", "3,c,,,"), again=True)) == {"rows": 2, "unchanged": 2}


def test_a_deleted_key_that_comes_back_is_an_update(hub: Hub) -> None:
    hub.take(text("1,a,,,", "2,b,,,"))
    hub.take(text("1,a,,,"))
    assert counts(hub.take(text("1,a,,,", "2,b,,,"))) == {"rows": 2, "updated": 1, "unchanged": 1}
    assert (hub.fates(), hub.changes()["2"]["version"]) == ({"2": "update"}, 3)
    assert hub.take(text("1,a,,,", "2,b,,,"), again=True).unchanged == 2


def test_a_row_set_aside_does_not_look_deleted(hub: Hub) -> None:
    hub.take(text("1,a,,,", "2,b,,,", "3,c,,,", "4,d,,,"))
    found = hub.take(text("1,a,,,", "2,b", "3,c,,,", ",d,,,"))
    assert counts(found) == {"rows": 2, "deleted": 1, "unchanged": 2, "quarantined": 2}
    assert hub.fates() == {"4": "delete"}
    assert [(b["row"], b["source_key"], b["field"]) for b in hub.aside()] == [(2, "2", None), (4, None, "id")]


def test_nothing_is_deleted_while_rows_are_unreadable_to_the_key(hub: Hub) -> None:
    hub.connector["path"] = "{stream}.ndjson"
    lines = [json.dumps({"id": i, "name": "n", "tel": "1", "mobile": "2", "city": "X"}) for i in range(4)]
    hub.write("\n".join(lines), "accounts.ndjson")
    hub.run(hub.land())
    hub.write("\n".join([*lines[:2], "garbled beyond recognition"]), "accounts.ndjson")
    assert counts(hub.run(hub.land())) == {"rows": 2, "unchanged": 2, "quarantined": 1, "kept": 2}
    hub.write("\n".join([*lines[:2], lines[2][:-20]]), "accounts.ndjson")
    found = hub.run(hub.land())
    assert counts(found) == {"rows": 2, "unchanged": 2, "quarantined": 1, "deleted": 1}  # 2 is broken, 3 is gone
    assert hub.fates() == {"3": "delete"}


def test_tombstones(full_hub: Hub) -> None:
    hub = full_hub
    hub.stream |= {"deleted": "gone", "mode": "delta"}
    header = "id,name,tel,mobile,city,gone"
    found = hub.take(text("1,a,,,,0", "2,b,,,,", "3,c,,,,true", header=header))
    assert counts(found) == {"rows": 3, "inserted": 2, "tombstones": 1}
    assert hub.fates() == {"1": "insert", "2": "insert", "3": "delete"}
    assert counts(hub.take(text("2,b,,,,是", "3,c,,,,Y", header=header))) == {"rows": 2, "deleted": 1, "unchanged": 1}
    assert (hub.fates(), hub.changes()["2"]["version"]) == ({"2": "delete"}, 2)
    assert counts(hub.take(text("2,b,,,,0", "3,c,,,,", header=header))) == {"rows": 2, "updated": 2}
    assert hub.changes()["3"]["version"] == 2


def test_tombstones_in_a_snapshot(hub: Hub) -> None:
    hub.stream["deleted"] = "gone"
    header = "id,name,tel,mobile,city,gone"
    hub.take(text("1,a,,,,0", "2,b,,,,0", "3,c,,,,0", header=header))
    assert counts(hub.take(text("1,a,,,,0", "2,b,,,,1", header=header))) == {"rows": 2, "deleted": 2, "unchanged": 1}


def test_a_delta_deletes_nothing_by_absence(hub: Hub) -> None:
    hub.stream["mode"] = "delta"
    hub.take(text("1,a,,,", "2,b,,,"))
    assert counts(hub.take(text("2,c,,,"))) == {"rows": 1, "updated": 1}


def test_a_late_delivery_becomes_history_only(full_hub: Hub) -> None:
    hub = full_hub
    assert hub.store is not None
    hub.stream |= {"mode": "delta", "updated_at": "at"}
    header = "id,name,tel,mobile,city,at"
    hub.take(text("1,new,,,,2026-03-02", "2,b,,,,", header=header))
    found = hub.take(text("1,old,,,,2026-03-01", "2,c,,,,2020-01-01", header=header))
    assert counts(found) == {"rows": 2, "updated": 1, "late": 1}
    assert hub.fates() == {"1": "late", "2": "update"}
    stored = hub.store.records_by_id([record_id("crm", "accounts", "1")], ["payload", "version"]).to_pylist()
    assert (json.loads(stored[0]["payload"])["name"], stored[0]["version"]) == ("new", 1)
    # Delivered once more, it is known; older still, it is history again; newer, it counts.
    assert counts(hub.take(text("1,old,,,,2026-03-01", header=header))) == {"rows": 1, "unchanged": 1}
    assert counts(hub.take(text("1,older,,,,2026-02-01", header=header))) == {"rows": 1, "late": 1}
    assert counts(hub.take(text("1,newest,,,,2026-03-03", header=header))) == {"rows": 1, "updated": 1}
    assert hub.changes()["1"]["version"] == 2


def test_any_order_of_deliveries_ends_in_the_newest(hub: Hub) -> None:
    assert hub.store is not None
    hub.stream |= {"mode": "delta", "updated_at": "at", "deleted": "gone"}
    header = "id,name,tel,mobile,city,at,gone"
    for row in ("1,c,,,,2026-03-03,1", "1,a,,,,2026-03-01,0", "1,b,,,,2026-03-02,0"):
        hub.take(text(row, header=header))
    stored = hub.store.records_by_id([record_id("crm", "accounts", "1")], ["deleted", "payload"]).to_pylist()[0]
    assert stored["deleted"] and json.loads(stored["payload"])["name"] == "c"


def test_a_snapshot_is_the_present_whatever_its_clock_says(hub: Hub) -> None:
    hub.stream["updated_at"] = "at"
    header = "id,name,tel,mobile,city,at"
    hub.take(text("1,new,,,,2026-03-02T10:00:00+08:00", header=header))
    assert hub.changes()["1"]["source_time"] == dt.datetime(2026, 3, 2, 2, tzinfo=dt.UTC)
    assert counts(hub.take(text("1,restored,,,,2026-03-01", header=header))) == {"rows": 1, "updated": 1}


def test_the_time_zone_of_the_source(hub: Hub) -> None:
    hub.connector["timezone"] = "Asia/Shanghai"
    hub.stream["updated_at"] = "at"
    hub.take(text("1,a,,,,2026-03-02 10:00", header="id,name,tel,mobile,city,at"))
    assert hub.changes()["1"]["source_time"] == dt.datetime(2026, 3, 2, 2, tzinfo=dt.UTC)


def two_streams(hub: Hub) -> list[Landed]:
    from connectors.landing import land

    hub.more = [{**hub.stream, "name": "leads", "options": {"path": "leads.csv"}, "fields": {"short_name": "name"}}]
    config = hub.config
    source = config.sources[0]
    return [
        land(source, stream, state=None, workspace=config.workspace, run_id="r", base=config.base)
        for stream in source.streams
    ]


def test_streams_of_one_entity_type_share_a_file(hub: Hub) -> None:
    hub.write(text("1,a,,,"))
    hub.write(text("1,b,,,"), "leads.csv")
    hub.run(*two_streams(hub))
    rows = [(r["stream"], r["name"], r["short_name"]) for r in _all(hub)]
    assert sorted(rows) == [("accounts", "a", None), ("leads", None, "b")]
    assert hub.report.totals == {**hub.report.totals, "rows": 2, "inserted": 2}


def _all(hub: Hub) -> list[dict[str, Any]]:
    import pyarrow.parquet as pq

    return list(pq.read_table(hub.out / "changes_organization.parquet").to_pylist())


def test_what_did_not_land_counts_nothing_and_changes_nothing(hub: Hub) -> None:
    hub.take(text("1,a,,,"))
    unchanged = hub.land()
    failed = Landed("crm", "accounts", "organization", "failed", error="x")
    assert unchanged.status == "unchanged"
    report = detect_changes(hub.store, hub.config, [unchanged, failed], hub.folder / "o")  # type: ignore[arg-type]
    assert [counts(stream) for stream in report.streams] == [{}, {}]
    assert list((hub.folder / "o").iterdir()) == []


def test_another_attempt_replaces_the_files(hub: Hub) -> None:
    landed = hub.deliver(text("1,a,,,", ",b,,,"))
    hub.run(landed)
    assert hub.store is not None
    (hub.out / "changes_person.parquet").write_bytes(b"of an earlier attempt")
    detect_changes(hub.store, hub.config, [], hub.out)
    assert list(hub.out.iterdir()) == []


class Colliding:
    """Every key whose first letter is x has one and the same record id."""

    def __init__(self) -> None:
        self.real = comparison.record_numbers

    def __call__(self, source: str, stream: str, keys: Any) -> Any:
        numbers = self.real(source, stream, keys)
        return np.where([str(key).startswith("x") for key in keys.to_pylist()], 7, numbers)


def test_two_keys_with_one_record_id(full_hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = full_hub
    monkeypatch.setattr(comparison, "record_numbers", Colliding())
    found = hub.take(text("x1,a,,,", "1,b,,,", "x2,c,,,"))
    assert counts(found) == {"rows": 3, "inserted": 2, "quarantined": 1}
    assert [(b["source_key"], b["row"], b["field"], b["value"]) for b in hub.aside()] == [("x2", 3, "id", "x2")]
    assert "hash collision" in hub.aside()[0]["reason"]
    # Against what the hub holds: in this stream, and in another one of the same run and of a later run.
    hub.stream["mode"] = "delta"
    assert counts(hub.take(text("x3,d,,,"))) == {"rows": 1, "quarantined": 1}
    assert hub.changes() == {}
    hub.write(text("x1,a,,,"))
    hub.write(text("x4,e,,,"), "leads.csv")
    landed = two_streams(hub)
    hub.run(*landed)
    assert [b["source_key"] for b in hub.aside()] == ["x4"]
    hub.run(landed[1])
    assert [b["source_key"] for b in hub.aside()] == ["x4"]


def test_an_unchanged_million_would_not_be_looked_up_again(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only changed rows are looked up by id: the cost of that follows the change, not the base."""
    store = hub.store
    assert store is not None
    hub.take(text(*(f"{i},n,,," for i in range(100))))
    asked: list[int] = []
    real = store.records_by_id

    def counted(ids: Any, *more: Any) -> Any:
        asked.append(len(ids))
        return real(ids, *more)

    monkeypatch.setattr(store, "records_by_id", counted)
    hub.take(text(*(f"{i},n,,," for i in range(99)), "99,changed,,,"))
    assert asked == [1]
