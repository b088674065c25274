from __future__ import annotations

import json
from typing import Any

import pyarrow as pa

from connectors.mapping import canonical_schema, map_columns, remap
from models.config import Config, Stream, parse_config

TEXT = """
attributes:
  organization: {scr: {type: text}, brands: {multi: true}}
sources:
  - name: crm
    family: sales
    connector: {type: files, path: "x.csv"}
    streams:
      - name: accounts
        entity: organization
        key: id
        fields: {phone: [tel, mobile], name: name, address_line: [street, house], employees: staff, brands: brand}
      - {name: leads, entity: organization, key: id, fields: {name: company, scr: "a/b~'\\"c"}}
      - {name: people, entity: person, key: id, fields: {full_name: name}}
"""


def config() -> Config:
    return parse_config(TEXT, "kehu.yaml")


def stream(name: str = "accounts") -> Stream:
    return config().sources[0].stream(name)


def rows(**columns: list[Any]) -> pa.Table:
    count = len(next(iter(columns.values()), ["ACME"]))
    names = ("name", "tel", "mobile", "street", "house", "staff", "brand")
    return pa.table({**{name: pa.nulls(count, pa.string()) for name in names}, **columns})


def mapped(**columns: list[Any]) -> dict[str, Any]:
    return dict(map_columns(stream(), rows(**columns), multi={"phone", "brands"}).to_pylist()[0])


def test_values_are_trimmed_and_nothing_else() -> None:
    got = mapped(name=["\u3000 ACME  Ltd. "], tel=[" 010-1 "], street=[" "])
    assert got["name"] == "ACME  Ltd." and got["phone"] == ["010-1"] and got["address_line"] is None


def test_a_multi_attribute_holds_what_is_there_in_the_order_of_the_columns() -> None:
    table = rows(name=["a", "b", "c", "d"], tel=["1", None, "", "4"], mobile=["5", "6", None, "4"])
    assert map_columns(stream(), table)["phone"].to_pylist() == [["1", "5"], ["6"], None, ["4", "4"]]


def test_a_json_list_in_a_cell_adds_each_of_its_values() -> None:
    assert mapped(tel=['["1", " 2 ", null, 3, ""]'], mobile=["4"])["phone"] == ["1", "2", "3", "4"]
    assert mapped(tel=["[office] 1"], mobile=["[]"])["phone"] == ["[office] 1"]


def test_several_columns_of_a_text_are_joined() -> None:
    assert mapped(street=["Main St"], house=["5"])["address_line"] == "Main St 5"
    assert mapped(street=["Main St"])["address_line"] == "Main St"


def test_numbers_become_text() -> None:
    got = mapped(staff=[120.0], tel=[13800138000.0], house=[5], street=["X"])
    assert (got["employees"], got["phone"], got["address_line"]) == ("120", ["13800138000"], "X 5")


def test_attributes_come_in_the_vocabularys_order_and_multi_is_its_own_by_default() -> None:
    table = map_columns(stream(), rows(brand=["x"]))
    assert table.column_names == ["name", "phone", "address_line", "employees", "brands"]
    assert table.schema.field("phone").type == pa.list_(pa.string())
    assert table.schema.field("brands").type == pa.string()


def test_a_column_that_is_not_there_is_empty() -> None:
    got = map_columns(stream(), rows(name=["a"], tel=["1"]).drop_columns(["staff", "mobile", "street"])).to_pylist()[0]
    assert (got["employees"], got["phone"], got["address_line"]) == (None, ["1"], None)


def test_the_columns_of_an_entity_type_are_those_of_all_its_streams() -> None:
    schema = canonical_schema(config(), "organization")
    assert schema.names == ["name", "phone", "address_line", "employees", "scr", "brands"]
    assert schema.field("brands").type == pa.list_(pa.string())


def test_stored_payloads_are_mapped_as_their_rows_were() -> None:
    payload = {"id": "1", "name": " ACME ", "tel": "010-1", "mobile": '["2","3"]', "staff": "120", "other": "x"}
    lead = {"id": "2", "company": "Beta", "a/b~'\"c": "odd"}
    records = pa.table(
        {
            "record_id": [1, 2, 3, 4],
            "source": ["crm", "crm", "old", "crm"],
            "stream": ["leads", "accounts", "accounts", "accounts"],
            "payload": [json.dumps(lead), json.dumps(payload), json.dumps(payload), "{}"],
        }
    )
    got = remap(config(), records, entity="organization")
    assert got.column_names == [
        "record_id",
        "source",
        "stream",
        "payload",
        *canonical_schema(config(), "organization").names,
    ]
    values = got.drop_columns(["source", "stream", "payload"]).to_pylist()
    nothing = {"name": None, "phone": None, "address_line": None, "employees": None, "scr": None, "brands": None}
    assert values == [
        {"record_id": 1, **nothing, "name": "Beta", "scr": "odd"},
        {"record_id": 2, **nothing, "name": "ACME", "phone": ["010-1", "2", "3"], "employees": "120"},
        {"record_id": 3, **nothing},
        {"record_id": 4, **nothing},
    ]


def test_no_records() -> None:
    empty = pa.table({n: pa.array([], pa.string()) for n in ("source", "stream", "payload")})
    assert remap(config(), empty, entity="organization").num_rows == 0


CODED = """
sources:
  - name: crm
    family: sales
    connector: {type: files, path: "x.csv"}
    streams:
      - name: quotes
        entity: touchpoint
        key: id
        fields: {status: state, refers_to: [a, b]}
        constants: {type: quote}
        codes: {status: {赢单: won, "Lost ": lost}, refers_to: {x1: y1}}
"""


def test_constants_and_codes_say_what_is_meant() -> None:
    config = parse_config(CODED, "kehu.yaml")
    first, second = ["x1", "k", None, None], ["k", "X1", None, "n"]
    table = pa.table({"state": ["赢单", "LOST", " open ", None], "a": first, "b": second})
    rows = map_columns(config.sources[0].streams[0], table).to_pylist()
    assert [row["status"] for row in rows] == ["won", "lost", "open", None]
    assert [row["refers_to"] for row in rows] == [["y1", "k"], ["k", "y1"], None, ["n"]]
    assert [row["type"] for row in rows] == ["quote"] * 4
    stored = pa.table(
        {"source": ["crm"] * 2, "stream": ["quotes"] * 2, "payload": ['{"state":"赢单","a":"x1"}', '{"id":"7"}']}
    )
    again = remap(config, stored, entity="touchpoint").select(["type", "status", "refers_to"]).to_pylist()
    assert again == [
        {"type": "quote", "status": "won", "refers_to": ["y1"]},
        {"type": "quote", "status": None, "refers_to": None},
    ]
