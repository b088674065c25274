"""Search on both databases: what people type leads to the customers that they mean."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pytest
import sqlalchemy as sa

from matching.standardise.schema import standard_schema
from matching.standardise.single import standardise_one
from models.config import Config, parse_config
from models.store import Store
from models.store.search_tables import search_word, word_number
from models.vocabulary import record_id
from serving.access import Masking, NotAllowed, Principal
from serving.search import Hit, search
from tests.support import outcomes as o

CONFIG = """
store: sqlite:///hub.db
sources:
  - name: crm
    family: sales
    connector: {type: files, path: "{stream}.csv"}
    streams:
      - {name: accounts, entity: organization, key: id, fields: {name: name}}
      - {name: contacts, entity: person, key: id, fields: {full_name: name}}
"""
ORGANIZATIONS = {
    "A1": {"name": "北京市顺丰物流有限公司", "phone": "010-64511234", "tax_id": "91110000100000000X"},
    "A2": {"name": "广东通通运输有限公司", "email": "info@tongtong.cn", "website": "www.tongtong.cn"},
    "A3": {"name": "Myers & Armstrong Supply Chain Inc."},
    "A4": {"name": "上海大众汽车租赁有限公司"},
}
PERSONS = {"P1": {"full_name": "王芳", "phone": "13800138000"}, "P2": {"full_name": "John Whitfield"}}
LEAD, VIEWER = (Principal.of_account("x", role) for role in ("lead_steward", "viewer"))


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return parse_config(CONFIG, tmp_path / "kehu.yaml")


def write(folder: Path, entity: str, stream: str, records: dict[str, dict[str, str]]) -> None:
    schema = standard_schema(entity)
    changes, standards, members, golden = [], [], [], []
    for key, raw in records.items():
        number = record_id("crm", stream, key)
        standard, _ = standardise_one(entity, raw)
        changes.append(o.change(number, source_key=key, stream=stream, content_hash=1))
        standards.append({"record_id": number, **standard})
        members.append({"record_id": number, "golden_id": f"g-{key.lower()}"})
        values = orjson.dumps({k: [v] if k in ("phone", "email") else v for k, v in raw.items()}).decode()
        golden.append(o.golden(f"g-{key.lower()}", values=values))
    extra = {f.name: f.type for f in schema if f.name != "record_id"}
    o.write(folder, "changes", changes, entity)
    o.write(folder, "standard", standards, entity, extra=extra)
    o.write(folder, "membership", members, entity)
    o.write(folder, "golden", golden, entity)


def publish(store: Store, run_id: str, folder: Path, **more: Any) -> None:
    entities = ("organization", "person", "vehicle")
    with store.lock(run_id):
        store.start_run(run_id)
        store.publish(dataclasses.replace(o.outcome(run_id, folder, **more), entities=entities))


@pytest.fixture
def hub(store: Store, tmp_path: Path) -> Iterator[Store]:
    folder = tmp_path / "r1"
    write(folder, "organization", "accounts", ORGANIZATIONS)
    write(folder, "person", "contacts", PERSONS)
    publish(store, "r1", folder, full=True)
    yield store


def find(hub: Store, config: Config, text: str, who: Principal = LEAD) -> list[Hit]:
    return search(hub, config, Masking(config), who, text)


def first(hub: Store, config: Config, text: str) -> str | None:
    hits = find(hub, config, text)
    return hits[0].golden_id if hits else None


TYPED: dict[str, str | None] = {
    "北京市顺丰物流有限公司": "g-a1",
    "顺丰": "g-a1",
    "sfwl": "g-a1",
    "BJSFWL": "g-a1",
    "gdttys": "g-a2",
    "顺风物流": "g-a1",  # another character of the same sound
    "shunfeng": "g-a1",
    "Shun Feng": "g-a1",
    "shunfegn": "g-a1",
    "通通": "g-a2",
    "guangdong tongtong": "g-a2",
    "Armstrong": "g-a3",
    "myers armstrng": "g-a3",
    "大众汽车": "g-a4",
    "王芳": "g-p1",
    "wangfang": "g-p1",
    "Whitfeld": "g-p2",
    "010 6451 1234": "g-a1",
    "+8613800138000": "g-p1",
    "91110000100000000x": "g-a1",
    "INFO@tongtong.cn": "g-a2",
    "www.tongtong.cn": "g-a2",
    "A3": "g-a3",
    "crm:A3": "g-a3",
    "crm.contacts:P2": "g-p2",
    "g-a4": "g-a4",
    "完全不同的名字": None,
    "Zzyzx": None,
    "   ": None,
    "%_'\"--;": None,
}


def test_what_people_type_finds_whom_they_mean(hub: Store, config: Config) -> None:
    assert {text: first(hub, config, text) for text in TYPED} == TYPED


def test_what_fits_exactly_says_why(hub: Store, config: Config) -> None:
    why = {text: find(hub, config, text)[0].why for text in ("A3", "13800138000", "g-a4", "INFO@tongtong.cn", "顺丰")}
    assert list(why.values()) == ["source key", "phone", "id", "email", "name"]


def test_nobody_finds_a_person_by_what_they_do_not_see(hub: Store, config: Config) -> None:
    assert [find(hub, config, text, VIEWER) for text in ("王芳", "wangfang", "13800138000")] == [[], [], []]
    (hit,) = find(hub, config, "P1", VIEWER)  # by the source's key, which is not personal
    assert hit.name == "—" and hit.values == {}


def test_searching_needs_the_right_to_read(hub: Store, config: Config) -> None:
    nobody = Principal("x", "key", "consumer", frozenset(), frozenset())
    with pytest.raises(NotAllowed):
        find(hub, config, "顺丰", nobody)


def words(store: Store) -> set[tuple[int, int]]:
    with store.database.read() as connection:
        return {(int(w), int(r)) for w, r in connection.execute(sa.select(search_word.c.word, search_word.c.record_id))}


def test_the_words_of_the_index_are_those_of_the_search(hub: Store) -> None:
    a1, a2, p2 = (record_id("crm", s, k) for s, k in (("accounts", "A1"), ("accounts", "A2"), ("contacts", "P2")))
    expected = {
        (word_number("h", "顺丰"), a1),
        (word_number("a", "shunfeng"), a1),
        (word_number("b", "shun"), a1),
        (word_number("e", "feng"), a1),
        (word_number("n", "64511234"), a1),
        (word_number("i", "91110000100000000X"), a1),
        (word_number("m", "info@tongtong.cn"), a2),
        (word_number("d", "tongtong.cn"), a2),
        (word_number("w", "whitfield"), p2),
    }
    assert expected <= words(hub)


def test_a_run_that_changes_a_record_adds_its_words(hub: Store, config: Config, tmp_path: Path) -> None:
    folder = tmp_path / "r2"
    number = record_id("crm", "accounts", "A4")
    standard, _ = standardise_one("organization", {"name": "沈阳金杯租赁有限公司"})
    o.write(folder, "changes", [o.change(number, "update", 2, source_key="A4", content_hash=2)])
    extra = {f.name: f.type for f in standard_schema("organization") if f.name != "record_id"}
    o.write(folder, "standard", [{"record_id": number, **standard}], extra=extra)
    values = '{"name":"沈阳金杯租赁有限公司"}'
    o.write(folder, "golden", [o.golden("g-a4", "changed", 2, values=values)])
    publish(hub, "r2", folder)
    assert first(hub, config, "金杯") == "g-a4"
    assert first(hub, config, "大众汽车") is None  # the old word leads there, but the name is another one


def test_a_store_from_before_the_index_gets_it_with_the_next_run(hub: Store, config: Config, tmp_path: Path) -> None:
    before = words(hub)
    with hub.database.write() as connection:
        connection.execute(sa.delete(search_word))
    assert first(hub, config, "顺丰") is None
    folder = tmp_path / "r2"
    folder.mkdir()
    publish(hub, "r2", folder)
    assert words(hub) == before


def test_a_vehicle_leads_to_its_customer(hub: Store, config: Config, tmp_path: Path) -> None:
    folder, columns = tmp_path / "r2", {"vin": pa.string(), "plate": pa.string(), "party_ids": pa.list_(pa.int64())}
    vehicle = {"vin": "LKHAL2163SF972167", "plate": "京A·12345", "party_ids": [record_id("crm", "accounts", "A2")]}
    o.write(folder, "changes", [o.change(7, stream="trucks", source_key="V1", content_hash=1)], "vehicle")
    o.write(folder, "standard", [{"record_id": 7, **vehicle}], "vehicle", extra=columns)
    publish(hub, "r2", folder)
    asked = ("LKHAL2163SF972167", "lkhal2163 sf972167", "SF972167", "京A12345", "京a·12345")
    assert [first(hub, config, text) for text in asked] == ["g-a2"] * len(asked)
    assert find(hub, config, "SF972167")[0].why == "vehicle"
    plates = Masking(config).sensitivity("vehicle", "plate")
    assert find(hub, config, "京A12345", VIEWER) == [] or plates in VIEWER.sees
