from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from models.errors import ConfigError
from models.store import Store
from models.store.tables import golden_record
from serving.export import NAMES, golden_schema, read_export
from serving.selecting import export_to
from tests.unit.serving.filled import config


def rows(hub: Store, name: str) -> list[dict[str, Any]]:
    return read_export(hub, config(), name).to_pylist()


def test_the_crosswalk_has_every_current_record(hub: Store) -> None:
    got = rows(hub, "crosswalk")
    assert list(got[0]) == ["entity_type", "source", "stream", "source_key", "golden_id"]
    assert {(r["source"], r["stream"], r["source_key"], r["golden_id"]) for r in got} == {
        ("crm", "accounts", "A1", "g1"),
        ("crm", "accounts", "A2", "g2"),
        ("crm", "accounts", "7", "g3"),
        ("crm", "leads", "7", "g3"),
        ("crm", "contacts", "A1", "g4"),
        ("dms", "customers", "D:1", "g1"),
    }


def test_golden_records_have_all_attributes_as_columns(hub: Store) -> None:
    one, two, person = rows(hub, "golden")
    assert (one["golden_id"], one["entity_type"], one["name"]) == ("g1", "organization", '顺丰, "SF"')
    assert one["phone"] == ["+8610555", "+8621555"]
    assert (one["fleet_size"], one["brands"], one["city"]) == ("12", ["A"], None)
    assert (two["dealer_code"], two["phone"], two["email"]) == ("X9", [], None)
    assert (person["full_name"], person["consent"], person["name"]) == ("王芳", "true", None)


def test_provenance_is_a_row_per_value(hub: Store) -> None:
    story = {
        "records": {"0": ["1", "crm", "accounts", "A1"], "1": ["2", "dms", "customers", "D:1"]},
        "fields": {
            "name": {"rule": "source_priority", "from": 0, "lost": [[1, "SF"]]},
            "phone": {"rule": "source_priority", "values": [[0, 1], [1, 2]]},
        },
    }
    with hub.database.write() as connection:
        told = sa.update(golden_record).where(golden_record.c.golden_id == "g1").values(provenance=json.dumps(story))
        connection.execute(told)
    got = [r for r in rows(hub, "provenance") if r["golden_id"] == "g1"]
    assert [(r["attribute"], r["value"], r["rule"], r["source"], r["source_key"]) for r in got] == [
        ("name", '顺丰, "SF"', "source_priority", "crm", "A1"),
        ("phone", "+8610555", "source_priority", "crm", "A1"),
        ("phone", "+8621555", "source_priority", "dms", "D:1"),
    ]
    assert json.loads(got[0]["losers"]) == [
        {"record": "2", "source": "dms", "stream": "customers", "key": "D:1", "value": "SF"}
    ]


def test_an_attribute_that_is_a_list_for_one_type_only_is_a_mistake() -> None:
    clash = config().model_copy(update={"attributes": {}})
    changed = config().attributes | {"person": {"dealer_code": config().attributes["organization"]["brands"]}}
    assert golden_schema(clash)
    with pytest.raises(ConfigError, match="dealer_code"):
        golden_schema(config().model_copy(update={"attributes": changed}))


def test_pairs_have_their_weight_probability_and_outcome(hub: Store) -> None:
    got = {frozenset((r["left"], r["right"])): r for r in rows(hub, "pairs")}
    assert {pair: r["outcome"] for pair, r in got.items()} == {
        frozenset(("crm:A1", "dms:D:1")): "merged",
        frozenset(("crm:A1", "crm:A2")): "review",
        frozenset(("crm:A2", "dms:D:1")): "apart",
        frozenset(("crm:A2", "crm:7")): "refused",
    }
    assert got[frozenset(("crm:A2", "dms:D:1"))]["match_probability"] == 0.5
    assert got[frozenset(("crm:A1", "crm:A2"))]["match_probability"] == pytest.approx(2 / 3)
    assert got[frozenset(("crm:A1", "dms:D:1"))]["match_weight"] == 10.0


def test_events_and_quarantine_tasks_and_aliases(hub: Store) -> None:
    (event,) = rows(hub, "events")
    assert (event["seq"], event["type"], event["after"]) == (1, "created", '{"name":"x"}')
    assert event["at"].isoformat() == "2025-03-04T05:06:07+00:00"
    assert [(r["run_id"], r["row"], r["reason"]) for r in rows(hub, "quarantine")] == [
        ("r0", 1, "no key"),
        ("r1", 2, "no key"),
        ("r1", 3, "key twice"),
    ]
    assert [r["kind"] for r in rows(hub, "tasks")] == ["grey_pair", "refused_merge", "grey_pair", "oversized"]
    # By the names that 'kehu decide' takes, whatever the order of the ids.
    assert [set(r["records"]) for r in rows(hub, "tasks")] == [
        {"crm:A1", "crm:A2"},
        {"crm:A2", "crm:7"},
        {"dms:D:1", "crm:7"},
        set(),
    ]
    assert [(r["alias_id"], r["golden_id"]) for r in rows(hub, "aliases")] == [("g0", "g1")]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("ending", ["csv", "parquet", "ndjson"])
def test_an_empty_hub_gives_files_with_columns(store: Store, tmp_path: Path, name: str, ending: str) -> None:
    path = tmp_path / f"out.{ending}"
    assert export_to(store, config(), name, path) == 0
    if ending == "csv":
        assert len(path.read_text(encoding="utf-8").splitlines()) == 1
    if ending == "parquet":
        assert pq.read_schema(path).names == read_export(store, config(), name).schema.names


def test_every_form_says_the_same(hub: Store, tmp_path: Path) -> None:
    for ending in ("csv", "parquet", "ndjson"):
        assert export_to(hub, config(), "golden", tmp_path / f"g.{ending}") == 3
    with open(tmp_path / "g.csv", encoding="utf-8", newline="") as file:
        text = list(csv.DictReader(file))
    lines = [json.loads(line) for line in (tmp_path / "g.ndjson").read_text(encoding="utf-8").splitlines()]
    table = pq.read_table(tmp_path / "g.parquet")
    assert lines == table.to_pylist()
    assert table.schema.field("phone").type == pa.list_(pa.string())
    assert text[0]["phone"] == "+8610555 | +8621555"
    assert text[0]["name"] == '顺丰, "SF"'
    assert text[1]["city"] == ""


def test_times_are_utc_in_every_form(hub: Store, tmp_path: Path) -> None:
    for ending in ("csv", "ndjson"):
        export_to(hub, config(), "events", tmp_path / f"e.{ending}")
        assert "2025-03-04T05:06:07Z" in (tmp_path / f"e.{ending}").read_text(encoding="utf-8")


def test_pairs_and_decisions_speak_of_records_in_the_same_way(hub: Store) -> None:
    from serving.decisions import Verdict, record_verdicts

    first = next(r for r in rows(hub, "pairs") if r["outcome"] == "review")
    record_verdicts(hub, config(), [Verdict("match", first["left"], first["right"], "wang", "same")])
    (entry,) = rows(hub, "decisions")
    assert {entry["left"], entry["right"]} == {first["left"], first["right"]}
    assert (entry["verdict"], entry["by"], entry["entity_type"]) == ("match", "wang", "organization")
