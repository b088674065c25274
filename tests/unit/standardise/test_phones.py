from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.standardise import parse_phone
from matching.standardise.phones import split_phones


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("0532-85671234", "+8653285671234"),
        ("(0532) 8567 1234", "+8653285671234"),
        ("+86 532 8567 1234", "+8653285671234"),
        ("0086-532-85671234", "+8653285671234"),
        ("0532-85671234转601", "+8653285671234;ext=601"),
        ("053285671234-601", "+8653285671234;ext=601"),
        ("０５３２－８５６７１２３４ 分机601", "+8653285671234;ext=601"),
        ("13705321234", "+8613705321234"),
        ("+86 137 0532 1234", "+8613705321234"),
        ("013705321234", "+8613705321234"),
        ("手机：13705321234", "+8613705321234"),
        ("400-612-3400", "+864006123400"),
        ("400 612 3400 转 2", "+864006123400;ext=2"),
        ("312/555-1846", "+13125551846"),
        ("(312) 555-1846", "+13125551846"),
        ("1-312-555-1846", "+13125551846"),
        ("312.555.1846 x12", "+13125551846;ext=12"),
        ("5551846", "local:5551846"),
        ("555-1846", "local:5551846"),
        ("85671234", "local:85671234"),
        ("+49 30 2345 6789", "+493023456789"),
        ("+39 06 6982 1234", "+390669821234"),
        ("0049 30 23456789", "+493023456789"),
    ],
)
def test_forms_of_writing(raw, value):
    assert parse_phone(raw).value == value


def test_the_extension_is_apart_from_the_base():
    found = parse_phone("0532-85671234-8001")
    assert (found.base, found.ext, found.kind) == ("+8653285671234", "8001", "landline")


def test_area_codes_tell_numbers_apart_and_their_absence_is_said():
    assert parse_phone("0532-85671234").value != parse_phone("021-85671234").value
    assert parse_phone("85671234", "CN").value == "local:85671234"
    assert parse_phone("85671234", "CN", "0532").value == "+8653285671234"


def test_the_region_decides_what_is_open():
    assert parse_phone("020 7946 0958", "GB").value == "+442079460958"
    assert parse_phone("18005551846", "US").value == "+18005551846"
    assert parse_phone("18605321234", "CN").value == "+8618605321234"


def test_fillers_have_a_reason_instead_of_a_value():
    for raw in ("11111111", "00000000", "12345678", "n/a", "无", "1234", "-", "1.37053E+10", "0532-88888888"):
        found = parse_phone(raw)
        assert found.value is None and found.reason, raw


def test_several_numbers_in_one_field():
    assert split_phones("0532-85671234；13705321234") == ["0532-85671234", "13705321234"]
    assert split_phones("0532-85671234/13705321234") == ["0532-85671234", "13705321234"]
    assert split_phones("312/555-1846") == ["312/555-1846"]


@given(st.text(max_size=25), st.sampled_from([None, "CN", "US", "GB", "XX"]))
def test_never_raises(raw, region):
    found = parse_phone(raw, region)
    assert (found.value is None) == (found.reason is not None)


@given(st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True), st.sampled_from(["", "+86", "0086", "86-", "+86 ", "0"]))
def test_a_mobile_number_is_the_same_with_every_prefix(number, prefix):
    if parse_phone(number, "CN").value:
        assert parse_phone(prefix + number, "CN").value == "+86" + number
