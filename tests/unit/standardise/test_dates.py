from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.standardise import parse_date


@pytest.mark.parametrize(
    ("raw", "iso"),
    [
        ("1981-04-25", "1981-04-25"),
        ("1981/4/25", "1981-04-25"),
        ("19810425", "1981-04-25"),
        ("19810425.0", "1981-04-25"),
        ("1981年4月25日", "1981-04-25"),
        ("１９８１．４．２５", "1981-04-25"),
        ("4/25/1981", "1981-04-25"),
        ("25/4/1981", "1981-04-25"),
        ("25.04.1981", "1981-04-25"),
        ("4/25/81", "1981-04-25"),
        ("25-Apr-81", "1981-04-25"),
        ("Apr 25 1981", "1981-04-25"),
        ("25th April 1981", "1981-04-25"),
        ("1981-04-25T00:00:00", "1981-04-25"),
        ("1981-04-25 00:00:00", "1981-04-25"),
        ("1644-10-14", "1644-10-14"),
    ],
)
def test_forms_of_writing(raw, iso):
    assert parse_date(raw).iso == iso


def test_open_order_is_month_first_and_the_other_reading_is_kept():
    found = parse_date("3/4/1981")
    assert (found.iso, found.swapped) == ("1981-03-04", "1981-04-03")
    assert parse_date("3/4/1981", "GB").iso == "1981-04-03"
    assert parse_date("1981-03-03").swapped is None and parse_date("1981-03-14").swapped is None


def test_impossible_dates_keep_their_digits():
    found = parse_date("19810231")
    assert (found.iso, found.digits, found.year) == (None, "19810231", 1981) and found.reason


def test_parts_and_fillers():
    assert parse_date("1981").year == 1981 and parse_date("1981-04").iso is None
    for raw in ("1900-01-01", "00000000", "n/a", "11111111", "soon", ""):
        found = parse_date(raw)
        assert found.iso is None and found.reason, raw


@given(st.dates(min_value=datetime.date(1901, 1, 2)))
def test_every_real_date_is_read(day):
    if day.isoformat() not in ("1970-01-01", "9999-12-31"):
        assert parse_date(day.isoformat()).year == (day.year if day.year < 2100 else None)


@given(st.text(max_size=20))
def test_never_raises(raw):
    found = parse_date(raw)
    assert found.iso or found.reason
