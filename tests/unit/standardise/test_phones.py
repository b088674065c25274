from __future__ import annotations

import random

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.standardise import parse_phone, phones
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


def written(rng: random.Random, digits: str) -> str:
    """Digits with signs between them, as people write numbers."""
    cuts = sorted(rng.sample(range(1, len(digits)), rng.choice([0, 0, 1, 2])))
    parts = [digits[a:b] for a, b in zip([0, *cuts], [*cuts, len(digits)], strict=True)]
    if rng.random() < 0.2:
        parts[0] = f"({parts[0]})"
    return rng.choice(["", "", "+", "00", " "]) + rng.choice([" ", "-", "", ") "]).join(parts)


def test_plain_numbers_read_quickly_are_read_the_same(monkeypatch):
    rng = random.Random(3)
    heads = [
        "1",
        "13",
        "86",
        "861",
        "010",
        "021",
        "0532",
        "400",
        "800",
        "312",
        "1312",
        "020",
        "0171",
        "07",
        "0033",
        "2",
    ]
    numbers = [
        (written(rng, rng.choice(heads) + "".join(rng.choices("0123456789", k=rng.randint(5, 10)))), region)
        for _ in range(6000)
        for region in rng.sample(["US", "CA", "GB", "DE", "JP", "XX", "PL"], 2)
    ]
    numbers += [
        (run * 4 + tail, region)
        for run in ("222", "0123", "2345678901")
        for tail in ("", "4")
        for region in ("GB", "US")
    ]
    quick = [parse_phone(raw, region) for raw, region in numbers]
    monkeypatch.setattr(phones, "_plain", lambda *_: None)
    assert [parse_phone(raw, region) for raw, region in numbers] == quick


def test_chinese_numbers_are_those_of_the_library():
    rng = random.Random(4)
    for _ in range(4000):
        head = rng.choice(["138", "159", "186", "199", "0106", "0215", "05328", "07558", "08988"])
        size = 11 if head[0] == "1" else 11 if head[1:3] in ("10", "21") else 12
        digits = head + "".join(rng.choices("0123456789", k=size - len(head)))
        number = phonenumbers.parse(digits, "CN")
        if phonenumbers.is_valid_number(number):
            expected = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
            assert parse_phone(digits, "CN").value in (expected, None)
