from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from connectors.protocol import Discovered
from connectors.suggest import by_content, by_name, entity_of, propose, stream_name
from models.vocabulary import ENTITY_TYPES, attributes


def offered(name: str, columns: dict[str, list[Any]], **more: Any) -> Discovered:
    rows = pa.table({k: pa.array(v, pa.string()) for k, v in columns.items()})
    return Discovered(name, dict.fromkeys(columns, "string"), rows=rows, **more)


def test_chinese_and_mapped_names() -> None:
    names = ["name", "tax_id", "phone"]
    assert by_name(["统一社会信用代码", "联系电话", "备注"], names, ["phone"]) == {"统一社会信用代码": "tax_id"}


@pytest.mark.parametrize(
    ("attribute", "values"),
    [
        ("email", ["a@example.com", "b.c@example.cn"]),
        ("tax_id", ["91330106673959654P", "9133010667395965 4P"]),
        ("phone", ["13800138000", "+86 571 8888 8888", "0571-88888888"]),
        ("website", ["https://example.com", "www.example.cn/x"]),
        ("gender", ["男", "女", "F"]),
        ("name", ["杭州某某有限公司", "Acme Ltd", "Example GmbH", "Smith"]),
        ("address_line", ["文一西路969号", "12 Main Street", "3 Rue X"]),
        ("province", ["浙江省", "上海"]),
        ("city", ["杭州市", "苏州市"]),
    ],
)
def test_values_tell_what_a_column_holds(attribute: str, values: list[str]) -> None:
    assert by_content(pa.table({"c": values}), attributes("organization") | attributes("person"))["c"] == attribute


def test_values_that_look_like_nothing_suggest_nothing() -> None:
    assert by_content(pa.table({"c": ["12", "x", "7"], "d": [None, None, ""]}), attributes("organization")) == {}


def test_a_vin_is_no_word_of_seventeen_letters() -> None:
    assert by_content(pa.table({"c": ["LZZ5CLSB8NC123456"]}), attributes("vehicle")) == {"c": "vin"}
    assert by_content(pa.table({"c": ["ABCDEFGHJKLMNPRST"]}), attributes("vehicle")) == {}


@pytest.mark.parametrize(
    ("name", "columns", "entity"),
    [
        ("accounts", [], "organization"),
        ("companies", [], "organization"),
        ("Contacts", [], "person"),
        ("tickets", [], "touchpoint"),
        ("sale_opportunity", [], "touchpoint"),
        ("vehicles", [], "vehicle"),
        ("t1", ["vin", "plate", "model"], "vehicle"),
        ("t2", ["first_name", "surname", "dob"], "person"),
        ("客户", [], "organization"),
    ],
)
def test_the_entity_type(name: str, columns: list[str], entity: str) -> None:
    assert entity in ENTITY_TYPES and entity_of(name, columns) == entity


def test_a_stream_is_proposed_whole() -> None:
    columns = {
        "account_id": ["1", "2"],
        "acct": ["杭州某某有限公司", "上海某某有限公司"],
        "tel": ["1", "2"],
        "mobile": ["3", "4"],
        "last_modified": ["2026-01-01", "2026-01-02"],
        "is_deleted": ["0", "1"],
        "remark": ["x", "y"],
    }
    assert propose(offered("accounts", columns)) == {
        "name": "accounts",
        "entity": "organization",
        "key": "account_id",
        "updated_at": "last_modified",
        "deleted": "is_deleted",
        "fields": {"name": "acct", "phone": ["tel", "mobile"]},
    }


def test_what_a_connector_knows_goes_before_guesses() -> None:
    known: dict[str, Any] = {"entity": "person", "key": ("a", "b"), "cursor": "c", "fields": {"full_name": "x"}}
    known["options"] = {"table": "t"}
    found = propose(offered("accounts", {"a": ["1"], "b": ["1"], "c": ["1"], "x": ["1"]}, mode="delta", **known))
    assert (found["entity"], found["key"], found["updated_at"], found["mode"]) == ("person", ["a", "b"], "c", "delta")
    assert (found["fields"], found["options"]) == ({"full_name": "x"}, {"table": "t"})


def test_no_key_is_proposed_that_comes_twice_or_is_empty() -> None:
    assert propose(offered("t", {"id": ["1", "1"], "code": ["a", "b"]}))["key"] == "code"
    assert propose(offered("t", {"id": ["1", None], "name": ["a", "b"]}))["key"] == []


def test_a_column_that_is_called_deleted_and_is_no_flag() -> None:
    assert "deleted" not in propose(offered("t", {"id": ["1"], "deleted": ["2026-01-01"]}))


def test_names_of_streams() -> None:
    assert stream_name("客户 表") == "KeHu_Biao"
    assert stream_name("a.b", taken=["A-B"]) == "a_b_2"
    assert stream_name("！") == "stream"
