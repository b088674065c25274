from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import duckdb
import orjson
import pyarrow as pa
import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.text import (
    clean,
    content_hashes,
    flag_of,
    key_of,
    payload_texts,
    payloads,
    record_numbers,
    text_form,
    texts_of,
)
from models.vocabulary import record_id, record_ids

UTC8 = dt.timezone(dt.timedelta(hours=8))


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        (["a ", None, ""], pa.string(), ["a ", None, ""]),
        (["a"], pa.large_string(), ["a"]),
        ([1, -5, None], pa.int32(), ["1", "-5", None]),
        ([2**64 - 1], pa.uint64(), ["18446744073709551615"]),
        (
            [13800138000.0, 1.5, -0.25, float("nan"), float("inf"), None],
            pa.float64(),
            ["13800138000", "1.5", "-0.25", None, None, None],
        ),
        ([1.5], pa.float32(), ["1.5"]),
        ([Decimal("12.5000"), Decimal("100.0000"), Decimal("0.0000")], pa.decimal128(12, 4), ["12.5", "100", "0"]),
        ([Decimal("100")], pa.decimal128(12, 0), ["100"]),
        ([True, False, None], pa.bool_(), ["true", "false", None]),
        ([dt.date(2026, 3, 4)], pa.date32(), ["2026-03-04"]),
        (
            [dt.datetime(2026, 3, 4, 5, 6, 7), dt.datetime(2026, 3, 4, 5, 6, 7, 120000)],
            pa.timestamp("us"),
            ["2026-03-04T05:06:07", "2026-03-04T05:06:07.12"],
        ),
        ([dt.datetime(2026, 3, 4)], pa.timestamp("ns"), ["2026-03-04T00:00:00"]),
        (
            [dt.datetime(2026, 3, 4, 8, tzinfo=UTC8)],
            pa.timestamp("ms", "Asia/Shanghai"),
            ["2026-03-04T00:00:00Z"],
        ),
        ([dt.time(5, 6)], pa.time64("us"), ["05:06:00.000000"]),
        ([b"\x01\x02"], pa.binary(), ["AQI="]),
        ([["a", None, "中"]], pa.list_(pa.string()), ['["a",null,"中"]']),
        ([{"a": 1}], pa.struct([("a", pa.int64())]), ['{"a":1}']),
        ([None], pa.null(), [None]),
    ],
)
def test_every_type_has_one_text_form(values: list[Any], kind: pa.DataType, expected: list[Any]) -> None:
    assert text_form(pa.array(values, kind)).to_pylist() == expected


def test_a_dictionary_is_its_values() -> None:
    assert text_form(pa.array(["a", "b", "a"]).dictionary_encode()).to_pylist() == ["a", "b", "a"]


def test_white_space_of_every_script_is_trimmed() -> None:
    values = pa.array(["\u3000 顺丰\t\r\n", "\ufeffa\u00a0b\u200b", " \u3000", "", None])
    assert clean(values).to_pylist() == ["顺丰", "a\u00a0b", None, None, None]


def test_keys() -> None:
    texts = {"a": pa.array([" 1 ", "1|2", "x\\", None]), "b": pa.array(["2", "3", "|y", "4"])}
    assert key_of(texts, ["a"]).to_pylist() == ["1", "1|2", "x\\", None]
    assert key_of(texts, ["a", "b"]).to_pylist() == ["1|2", "1\\|2|3", "x\\\\|\\|y", None]


def test_two_keys_never_look_alike() -> None:
    parts = ["a", "b|", "|c", "\\", "\\|", ""]
    pairs = [(x or "e", y or "e") for x in parts for y in parts]
    texts = {"a": pa.array([x for x, _ in pairs]), "b": pa.array([y for _, y in pairs])}
    assert len(set(key_of(texts, ["a", "b"]).to_pylist())) == len(set(pairs))


@pytest.mark.parametrize("word", ["1", "true", "TRUE", " Yes", "y", "是", "已删除", "X"])
def test_words_for_deleted(word: str) -> None:
    assert flag_of(pa.array([word])).to_pylist() == [True]


@pytest.mark.parametrize("word", ["0", "false", "no", "", None, "否", "active"])
def test_words_for_not_deleted(word: str | None) -> None:
    assert flag_of(pa.array([word], pa.string())).to_pylist() == [False]


def test_the_payload_is_canonical() -> None:
    """Pinned: another text here would make every stored record look changed."""
    connection = duckdb.connect()
    batch = pa.RecordBatch.from_pydict(
        {"z'\"": ['a"\\/\n\t\x01\u2028中😀'], "b": [1], "a": [None], "é": [True], "f": [1.0], "": ["x"]}
    )
    text = payloads(connection, texts_of(batch))[0].as_py()
    assert text == '{"":"x","b":"1","f":"1","z\'\\"":"a\\"\\\\/\\n\\t\\u0001\u2028中😀","é":"true"}'
    assert content_hashes(pa.array([text])).tolist() == [xxhash.xxh3_64_intdigest(text.encode()) & (1 << 63) - 1]


def test_equal_rows_have_equal_payloads_whatever_the_columns_order_or_type() -> None:
    connection = duckdb.connect()
    one = pa.RecordBatch.from_pydict({"a": [1], "b": ["x"], "c": pa.array([None], pa.string())})
    two = pa.RecordBatch.from_pydict({"b": ["x"], "a": ["1"]})
    assert payloads(connection, texts_of(one)).equals(payloads(connection, texts_of(two)))


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.dictionaries(TEXT, TEXT, max_size=4), min_size=1, max_size=5))
def test_what_goes_into_a_payload_comes_out(rows: list[dict[str, str]]) -> None:
    names = sorted({name for row in rows for name in row})
    if not names:
        return
    connection = duckdb.connect()
    texts = {name: pa.array([row.get(name) for row in rows], pa.string()) for name in names}
    found = payloads(connection, texts)
    assert [json.loads(text) for text in found.to_pylist()] == rows
    assert all(orjson.loads(text) for text, row in zip(found.to_pylist(), rows, strict=True) if row)
    back = payload_texts(connection, found, names)
    assert {name: back[name].to_pylist() for name in names} == {name: texts[name].to_pylist() for name in names}


def test_record_numbers_are_the_vocabularys() -> None:
    keys = ["1", "", "客户-7", "x" * 300]
    assert record_numbers("crm", "accounts", pa.array(keys)).tolist() == record_ids("crm", "accounts", keys).tolist()
    assert record_numbers("crm", "accounts", pa.array(["a", *keys])[1:]).tolist()[0] == record_id(
        "crm", "accounts", "1"
    )
    assert record_numbers("crm", "accounts", pa.array([], pa.string())).tolist() == []
