"""Standard values of attributes that a configuration adds."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest

from matching.standardise import schema_of, standard_schema, standardise, standardise_added
from models.config import Config


def config(**attributes: dict[str, Any]) -> Config:
    return Config.model_validate({"attributes": {"organization": attributes}})


def standard(values: list[Any], **spec: Any) -> list[dict[str, Any]]:
    raw = pa.table({"record_id": list(range(len(values))), "name": ["海川货运"] * len(values), "a": values})
    made = standardise("organization", raw, threads=1)
    given = config(a={"comparison": "exact", **spec})
    found = standardise_added(given, "organization", raw, made)
    assert found.schema == schema_of(given, "organization")
    rows: list[dict[str, Any]] = found.to_pylist()
    return rows


def one(value: Any, **spec: Any) -> tuple[Any, Any]:
    """The standard value and the reason."""
    (row,) = standard([value], **spec)
    return row["x_a"], json.loads(row["reasons"])["a"] if row["reasons"] else None


@pytest.mark.parametrize(
    ("standardiser", "raw", "expected"),
    [
        ("text", "  Ｖolvo  貨車 ", "volvo 货车"),
        ("identifier", "d-001 ａ", "D001A"),
        ("number", "1,200.50", "1200.5"),
        ("number", "1 200 000", "1200000"),
        ("number", "3,5", "3.5"),
        ("number", "-0", "0"),
        ("number", "１２", "12"),
        ("number", ".5", "0.5"),
        ("date", "3.4.2021", "2021-04-03"),
        ("phone", "0532-85671234", "+8653285671234"),
        ("email", "Wei@Haichuan.CN", "wei@haichuan.cn"),
        ("domain", "https://www.haichuan.com.cn/x", "haichuan.com.cn"),
    ],
)
def test_each_standardiser_brings_values_to_one_form(standardiser: str, raw: str, expected: str) -> None:
    assert one(raw, standardiser=standardiser) == (expected, None)


@pytest.mark.parametrize(
    ("standardiser", "raw", "reason"),
    [
        ("text", "n/a", "placeholder"),
        ("identifier", "00000", "filler digits"),
        ("number", "ten", "not a number"),
        ("number", "1,2,3", "not a number"),
        ("number", "１e5", "not a number"),
        ("email", "wei.haichuan.cn", "no address"),
    ],
)
def test_what_cannot_be_used_has_a_reason(standardiser: str, raw: str, reason: str) -> None:
    assert one(raw, standardiser=standardiser) == (None, reason)


@pytest.mark.parametrize(("kind", "raw", "expected"), [("number", "7.0", "7"), ("date", "2021-4-3", "2021-04-03")])
def test_the_type_s_standardiser_is_the_default(kind: str, raw: str, expected: str) -> None:
    assert one(raw, type=kind) == (expected, None)
    assert one("True", type="bool") == ("true", None)


def test_a_list_keeps_each_value_once() -> None:
    assert one(["D-1", "d1", "n/a", " ", None, "D2"], multi=True, standardiser="identifier") == (["D1", "D2"], None)
    assert one(["n/a", "xx"], multi=True) == (None, "placeholder")
    assert one([], multi=True) == one(None, multi=True) == (None, None)


def test_likeness_is_by_letters_and_digits_alone() -> None:
    rows = standard(["海川 A-1", None, "n/a"], comparison="similar")
    assert [row["xs_a"] for row in rows] == ["haichuana1", None, None]
    assert "xs_a" not in standard(["x"])[0]


def test_equal_values_of_many_records_and_an_absent_column() -> None:
    rows = standard(["D1", None, "d1", "", "n/a"], standardiser="identifier")
    assert [row["x_a"] for row in rows] == ["D1", None, "D1", None, None]
    raw = pa.table({"record_id": [1], "name": ["海川货运"]})
    made = standardise("organization", raw, threads=1)
    found = standardise_added(config(a={"comparison": "exact"}), "organization", raw, made)
    assert found["x_a"].to_pylist() == [None]


def test_reasons_stand_beside_those_of_other_attributes() -> None:
    raw = pa.table({"record_id": [1, 2], "name": ["n/a", "海川货运"], "a": ["n/a", "x1"]})
    made = standardise("organization", raw, threads=1)
    found = standardise_added(config(a={"comparison": "exact"}), "organization", raw, made)["reasons"].to_pylist()
    assert [json.loads(text) if text else {} for text in found] == [{"name": "placeholder", "a": "placeholder"}, {}]


def test_what_is_neither_compared_nor_read_has_no_column() -> None:
    assert schema_of(config(a={}), "organization") == standard_schema("organization")
    assert "x_a" in schema_of(config(a={"standardiser": "text"}), "organization").names


def test_no_standard_column_looks_like_an_added_one() -> None:
    for entity in ("organization", "person"):
        assert not [name for name in standard_schema(entity).names if name.startswith(("x_", "xs_"))]
