from __future__ import annotations

import datetime as dt

import duckdb
import pyarrow as pa
import pytest

from connectors.times import parse_times, unreadable_dates


def parse(*texts: str | None, date_format: str | None = None, timezone: str = "UTC") -> list[str | None]:
    values = pa.array(list(texts), pa.string())
    found = parse_times(duckdb.connect(), values, date_format=date_format, timezone=timezone)
    assert found.type == pa.timestamp("us", "UTC")
    return [t and t.replace(tzinfo=None).isoformat(" ") for t in found.to_pylist()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-04", "2026-03-04 00:00:00"),
        ("2026-3-4", "2026-03-04 00:00:00"),
        ("2026-03-04 15:04", "2026-03-04 15:04:00"),
        ("2026-03-04T15:04:05", "2026-03-04 15:04:05"),
        ("2026-03-04T15:04:05.123456Z", "2026-03-04 15:04:05.123456"),
        ("2026-03-04T15:04:05+08:00", "2026-03-04 07:04:05"),
        ("2026-03-04T15:04:05+0800", "2026-03-04 07:04:05"),
        ("2026-03-04 15:04:05 +0800", "2026-03-04 07:04:05"),
        ("2026/3/4 5:06", "2026-03-04 05:06:00"),
        ("2026.03.04", "2026-03-04 00:00:00"),
        ("2026年3月4日", "2026-03-04 00:00:00"),
        ("2026年3月4日 10:20:30", "2026-03-04 10:20:30"),
        ("20260304", "2026-03-04 00:00:00"),
        ("20260304T150405Z", "2026-03-04 15:04:05"),
        ("04.03.2026", "2026-03-04 00:00:00"),
        ("04.03.2026 10:00", "2026-03-04 10:00:00"),
        ("3/4/2026", "2026-03-04 00:00:00"),
        ("3/4/2026 3:04 PM", "2026-03-04 15:04:00"),
        ("31/12/2026", "2026-12-31 00:00:00"),
        ("1/2/26", "2026-01-02 00:00:00"),
        ("04-Mar-2026", "2026-03-04 00:00:00"),
        ("24-May-11", "2011-05-24 00:00:00"),
        ("4 March 2026", "2026-03-04 00:00:00"),
        ("Wed, 04 Mar 2026 15:04:00 +0800", "2026-03-04 07:04:00"),
        ("1772600000", "2026-03-04 04:53:20"),
        ("1772600000123", "2026-03-04 04:53:20.123000"),
        ("2024-02-29", "2024-02-29 00:00:00"),
        ("2026-02-29", None),
        ("2026-13-01", None),
        ("19571399", None),
        ("0000-00-00", None),
        ("0001-01-01", None),
        ("9999-12-31", None),
        ("infinity", None),
        ("epoch", None),
        ("n/a", None),
        ("soon", None),
        ("1954", None),
        ("10:00", None),
        (None, None),
    ],
)
def test_one_text(text: str | None, expected: str | None) -> None:
    assert parse(text) == [expected]


def test_the_columns_other_values_settle_what_comes_first() -> None:
    assert parse("3/4/2026", "5/6/2026") == ["2026-03-04 00:00:00", "2026-05-06 00:00:00"]
    assert parse("3/4/2026", "25/6/2026") == ["2026-04-03 00:00:00", "2026-06-25 00:00:00"]


def test_a_format_of_ones_own_goes_first() -> None:
    assert parse("03/04/2026", "2026-01-02", date_format="%d/%m/%Y") == ["2026-04-03 00:00:00", "2026-01-02 00:00:00"]


def test_times_without_offset_are_in_the_sources_zone() -> None:
    texts = ("2026-03-04 08:00", "2026-03-04T08:00+01:00", "20260304", "3/4/2026")
    assert parse(*texts, timezone="Asia/Shanghai") == [
        "2026-03-04 00:00:00",
        "2026-03-04 07:00:00",
        "2026-03-03 16:00:00",
        "2026-03-03 16:00:00",
    ]


def test_the_zone_is_not_left_behind() -> None:
    connection = duckdb.connect()
    parse_times(connection, pa.array(["2026-01-01"]), timezone="Asia/Shanghai")
    assert parse_times(connection, pa.array(["2026-01-01"]))[0].as_py() == dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def test_no_texts() -> None:
    assert parse() == []


def test_which_dates_are_none() -> None:
    texts = ["1980-02-30", "1980-02-03", "1980", "1980-02", "1980年2月", "n/a", "03/31/1954", "3131", "1980-13", None]
    found = unreadable_dates(duckdb.connect(), pa.array(texts))
    assert dict(zip(texts, found.to_pylist(), strict=True)) == {
        "1980-02-30": True,
        "1980-02-03": False,
        "1980": False,
        "1980-02": False,
        "1980年2月": False,
        "n/a": True,
        "03/31/1954": False,
        "3131": True,
        "1980-13": True,
        None: False,
    }
