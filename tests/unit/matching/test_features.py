"""Each column that matching derives from the standard ones."""

from __future__ import annotations

from typing import Any

import pytest

from matching.defaults import DEFAULTS
from tests.unit.matching.sample import features, load, records_of

HAICHUAN = "青岛海川货运有限公司"
USCC = "91110000802100433B"


def organization(**raw: Any) -> dict[str, Any]:
    return features("organization", raw)


def person(**raw: Any) -> dict[str, Any]:
    return features("person", raw)


def resident_id(first17: str) -> str:
    """A Chinese resident id with its check character (GB 11643-1999)."""
    weights = [2 ** (17 - i) % 11 for i in range(17)]
    rest = sum(int(digit) * weight for digit, weight in zip(first17, weights, strict=True)) % 11
    return first17 + "10X98765432"[rest]


ID = resident_id("11010119800101123")


@pytest.mark.parametrize("entity", ["person", "organization"])
def test_every_column_that_a_declaration_reads_is_there(entity: str) -> None:
    con = load(entity, [{"record_id": 1}])
    have = {row[0] for row in con.execute("DESCRIBE features").fetchall()}
    assert set(DEFAULTS[entity].columns()) <= have


@pytest.mark.parametrize("entity", ["person", "organization"])
def test_a_record_without_values_has_no_features(entity: str) -> None:
    found = features(entity, {})
    assert {name: v for name, v in found.items() if v not in (None, False) and name != "record_id"} == {}


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"name": HAICHUAN}, {"han_core": "海川", "latin_core": None, "trade": "货运", "sound_key": "haichuan"}),
        ({"name": HAICHUAN, "name_en": "Seariver Freight Ltd"}, {"han_core": "海川", "latin_core": "seariver freight"}),
        ({"name": "Seariver Freight Ltd"}, {"han_core": None, "latin_core": "seariver freight", "trade": None}),
        ({"name": "Haichuan Freight and Storage Inc"}, {"latin_trade": "freight storage", "sound_key": "haichuan"}),
        ({"name": "Haichuan Freight and Storage Inc"}, {"words": ["freight", "haichuan", "storage"]}),
        ({"name": "Haichuan Freight and Storage Inc"}, {"core_words": ["haichuan"], "key_tokens": ["haichuan"]}),
        ({"name": "Kuehne and Sons Trading Group Ltd"}, {"core_words": ["kuehne"], "latin_trade": "trading"}),
        ({"name": "青岛海川货运有限公司"}, {"words": None, "core_words": None, "latin_trade": None}),
        ({"name": "海川"}, {"trade": None, "trade_chars": None, "provinces": None, "cities": None}),
    ],
)  # fmt: skip
def test_names_of_organizations(raw: dict[str, str], expected: dict[str, Any]) -> None:
    found = organization(**raw)
    assert {name: found[name] for name in expected} == expected


def test_characters_of_a_name_are_a_set() -> None:
    found = organization(name="青岛海川货运有限公司")
    assert set(found["core_chars"]) == set("海川") and set(found["trade_chars"]) == set("货运")
    assert set(found["stem_chars"]) == set("青岛海川货运")


@pytest.mark.parametrize(
    ("one", "other", "share"),
    [
        ("青岛海川货运有限公司", "青岛海川货运有限责任公司", True),
        ("北京盛世龙腾科技有限公司", "北京盛世龙科技有限公司", True),  # a character missing
        ("青岛海川货运有限公司", "青岛海穿货运有限公司", True),  # a character wrong
        ("青岛海川货运有限公司", "青岛龙腾货运有限公司", False),  # two wrong
        ("青岛海川货运有限公司", "上海海川货运有限公司", False),
        ("海川货运 Ltd", "海川贸易 Ltd", False),
    ],
)
def test_names_one_edit_apart_share_a_gap(one: str, other: str, share: bool) -> None:
    gaps = [set(organization(name=name)["stem_gaps"] or ()) for name in (one, other)]
    assert bool(gaps[0] & gaps[1]) is share


def test_a_latin_name_has_no_gaps() -> None:
    assert organization(name="Seariver Freight Ltd")["stem_gaps"] is None


@pytest.mark.parametrize(
    ("name", "branch", "kind"),
    [
        ("青岛海川货运有限公司", "-", "company"),
        ("青岛海川货运有限公司市北分公司", "市北分公司", "company"),
        ("青岛市南区海川货运部", "-", "sole trader"),
        ("上海德勤会计师事务所（特殊普通合伙）", "-", "partnership"),
        ("海川", "-", None),
        (None, None, None),
    ],
)
def test_what_hard_rules_ask_about_an_organization(name: str | None, branch: str | None, kind: str | None) -> None:
    found = organization(name=name, phone="0532-85671234")
    assert (found["branch_mark"], found["owner_kind"]) == (branch, kind)


@pytest.mark.parametrize(
    ("raw", "tax_id", "valid"),
    [
        ({"tax_id": USCC}, USCC, USCC),
        ({"tax_id": USCC[:-1] + "C"}, USCC[:-1] + "C", None),
        ({"tax_id": "DE136695976"}, "DE136695976", "DE136695976"),
        ({"tax_id": None}, None, None),
    ],
)
def test_only_a_tax_id_with_a_right_check_digit_is_valid(raw: dict[str, str], tax_id: str, valid: str | None) -> None:
    found = organization(name="海川", **raw)
    assert (found["tax_id"], found["valid_tax_id"]) == (tax_id, valid)


@pytest.mark.parametrize(
    ("raw", "cities", "provinces", "district"),
    [
        ({"name": "青岛海川货运有限公司"}, ["3702"], ["37"], None),
        ({"name": "青岛市南区海川货运部"}, ["3702"], ["37"], "370202"),
        ({"name": "上海海川贸易有限公司"}, None, ["31"], None),
        ({"name": "海川", "city": "青岛市"}, ["3702"], ["37"], None),
        ({"name": "上海海川贸易有限公司", "city": "青岛市"}, ["3702"], ["31", "37"], None),
        ({"name": "Seariver GmbH", "city": "Hamburg", "country": "DE"}, ["hamburg"], None, None),
    ],
)
def test_places_come_from_the_address_and_from_the_name(
    raw: dict[str, str], cities: list[str] | None, provinces: list[str] | None, district: str | None
) -> None:
    found = organization(**raw)
    assert [sorted(found[c]) if found[c] else None for c in ("cities", "provinces")] == [cities, provinces]
    assert found["name_district"] == district


def test_a_door_is_street_and_number_in_a_city() -> None:
    one = organization(name="海川", address_line="青岛市市南区香港中路66号3楼")["doors"]
    same = organization(name="海川", address_line="香港中路66号", city="青岛市")["doors"]
    other_city = organization(name="海川", address_line="香港中路66号", city="大连市")["doors"]
    assert one == same != other_city and len(one) == 1
    assert organization(name="海川", address_line="香港中路", city="青岛市")["doors"] is None
    assert organization(name="Seariver", address_line="Hafenstr. 12", city="Hamburg")["doors"] == [
        "hamburg|hafenstrasse|12"
    ]


def test_domains_are_those_of_the_website_and_of_mailboxes_but_of_no_provider() -> None:
    found = organization(name="海川", website="www.haichuan.cn", email=["eva@sea.com", "x@qq.com"])
    assert sorted(found["domains"]) == ["haichuan.cn", "sea.com"]
    assert organization(name="海川", email="x@qq.com")["domains"] is None


def test_base_tails_are_numbers_without_country_and_extension() -> None:
    found = organization(name="海川", phone=["+86 532 8567 1234", "0532-85671234 ext 8"])
    assert found["base_tails"] == ["285671234"]


@pytest.mark.parametrize(
    ("phone", "tails"),
    [
        (["13800138000", "+86 138 0013 8000"], ["800138000"]),
        (["010-62345678 ext 12"], ["062345678;ext=12"]),
        (["010-62345678", "010-62345678 ext 12"], ["062345678", "062345678;ext=12"]),
        (["010-62345678 ext 12", "010-62345678 ext 13"], ["062345678;ext=12", "062345678;ext=13"]),
        ([], None),
    ],
)
def test_phone_tails_of_persons_keep_the_extension(phone: list[str], tails: list[str] | None) -> None:
    found = person(full_name="王伟", phone=phone)["phone_tails"]
    assert (sorted(found) if found else None) == tails


@pytest.mark.parametrize(
    ("raw", "born", "valid"),
    [
        ({"national_id": ID}, "19800101", ID),
        ({"birth_date": "1991-03-05", "national_id": ID}, "19910305", ID),  # what the source says comes first
        ({"birth_date": "1991-03-05"}, "19910305", None),
        ({"national_id": ID[:-1] + ("1" if ID[-1] != "1" else "2")}, None, None),  # a wrong check digit tells nothing
        ({"national_id": "A1234567"}, None, None),
    ],
)
def test_the_date_of_birth_may_come_from_a_resident_id(
    raw: dict[str, str], born: str | None, valid: str | None
) -> None:
    found = person(full_name="王伟", **raw)
    assert (found["born"], found["valid_id"]) == (born, valid)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Ekaterina Sokolova", {"given_bones": "ktrn", "surname_bones": "sklv", "given_latin": "ekaterina"}),
        ("Yekaterina Sokolova", {"given_bones": "ktrn"}),
        ("Robert Philipps", {"surname_bones": "flps"}),
        ("Max Becker", {"given_bones": "mks", "surname_bones": "bkr"}),
        ("Anna Lee", {"given_bones": None, "surname_bones": None, "surname_latin": "lee"}),  # too few consonants
        ("R Smith", {"given_latin": "r", "given_long": None, "given_han": None}),
        ("Robert Smith", {"given_long": "robert"}),
        ("王伟", {"given_han": "伟", "given_long": "伟", "given_latin": None, "surname_latin": None}),
        ("欧阳娜娜", {"given_han": "娜娜", "surname_bones": None}),
    ],
)  # fmt: skip
def test_names_of_persons(name: str, expected: dict[str, Any]) -> None:
    found = person(full_name=name)
    assert {column: found[column] for column in expected} == expected


@pytest.mark.parametrize(("raw", "shape"), [("521-21-2123", "000000000"), ("E12345678", "A00000000"), ("", None)])
def test_id_shape_tells_kinds_of_ids_apart(raw: str, shape: str | None) -> None:
    assert person(full_name="Robert Smith", national_id=raw or None)["id_shape"] == shape


def test_a_street_in_latin_letters_leaves_out_numbers_and_places() -> None:
    assert person(full_name="R S", address_line="12 Main St Apt 4, Chicago IL 60628")["street_latin"] == "mainst"
    assert person(full_name="R S", address_line="建国路88号")["street_latin"] is None


def test_contacts_are_split_by_whom_they_stand_for() -> None:
    names = ["Wei Zhang", "Bob Smith", "Olga Petrova", "Juan Garcia"]
    raw = [{"record_id": i, "full_name": n, "email": ["info@x.cn", f"m{i}@x.cn"]} for i, n in enumerate(names)]
    rows = records_of(load("person", raw))
    assert [r["emails_own"] for r in rows] == [[f"m{i}@x.cn"] for i in range(4)]
    assert [r["emails_shared"] for r in rows] == [["info@x.cn"]] * 4


def test_a_company_written_in_two_scripts_is_one_owner_of_its_telephone() -> None:
    names = ["青岛海川货运有限公司", "Seariver Freight Ltd", "Seariver Freight"]
    raw = [{"record_id": i, "name": n, "phone": "0532-85671234"} for i, n in enumerate(names)]
    assert [r["base_tails_own"] for r in records_of(load("organization", raw))] == [["285671234"]] * 3
