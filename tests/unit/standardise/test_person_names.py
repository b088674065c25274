from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.standardise import parse_person_name
from matching.standardise.person_latin import is_pinyin, nickname_root


@pytest.mark.parametrize(
    ("name", "surname", "given_name"),
    [
        ("陈静", "陈", "静"),
        ("陳靜", "陈", "静"),
        ("陈 静", "陈", "静"),
        ("司马青山", "司马", "青山"),
        ("东方 明", "东方", "明"),
        ("Jing Chen", "chen", "jing"),
        ("CHEN, Jing", "chen", "jing"),
        ("Chen Jing", "chen", "jing"),
        ("Sima Qingshan", "sima", "qingshan"),
        ("Laura Stone", "stone", "laura"),
        ("STONE, LAURA", "stone", "laura"),
        ("Ludwig van der Meer", "van der meer", "ludwig"),
        ("卡尔·马丁", "马丁", "卡尔"),
    ],
)
def test_family_and_given_name(name, surname, given_name):
    found = parse_person_name(name)
    assert (found.surname, found.given) == (surname, given_name)


def test_scripts_meet_in_the_ascii_form():
    forms = {parse_person_name(n).ascii for n in ("司马青山", "Sima Qingshan", "Qing Shan Sima", "SIMA, Qing-Shan")}
    assert forms == {"qingshan sima"}
    assert parse_person_name("吕青").ascii == parse_person_name("Lyu Qing").ascii == parse_person_name("Lü Qing").ascii


def test_readings_of_surnames():
    read = {n: parse_person_name(n).surname_ascii for n in ("单田", "区明", "查明", "仇明", "曾明", "解明")}
    assert read == {"单田": "shan", "区明": "ou", "查明": "zha", "仇明": "qiu", "曾明": "zeng", "解明": "xie"}


def test_forms_of_address_are_partial_names():
    for name, title in (("赵总", "总"), ("钱经理", "经理"), ("小孙", "小"), ("欧阳主任", "主任"), ("李先生", "先生")):
        found = parse_person_name(name)
        assert found.is_partial and found.title == title and found.given is None
    assert parse_person_name("赵明经理").given == "明" and not parse_person_name("赵明经理").is_partial
    assert not parse_person_name("李工民").is_partial


def test_homophones_differ_in_characters_only():
    left, right = parse_person_name("赵玮"), parse_person_name("赵伟")
    assert left.ascii == right.ascii and left.given != right.given


def test_western_parts():
    found = parse_person_name("Dr. William J. Stone Jr.")
    assert (found.title, found.given, found.middle, found.surname, found.suffix) == (
        "dr",
        "william",
        "j",
        "stone",
        "jr",
    )
    assert parse_person_name("Stone III, Bill").suffix == "iii"
    assert parse_person_name("Bill Stone, Sr.").suffix == "sr"
    assert parse_person_name(None, "Eva I", "Stone").suffix is None
    assert parse_person_name("Mr Stone").is_partial and parse_person_name("Mr Stone").surname == "stone"


def test_nicknames_lead_to_one_root():
    roots = {nickname_root(n) for n in ("bob", "rob", "robbie", "bobby", "robert")}
    assert roots == {"robert"}
    assert nickname_root("peggie") == nickname_root("peggy") == "margaret"
    assert nickname_root("bill") == nickname_root("willie") == "william"
    assert nickname_root("liz") == nickname_root("beth") == "elizabeth"
    assert nickname_root("roberta") == "roberta" and nickname_root("noah") == "noah"


def test_parts_and_full_name_together():
    assert parse_person_name(None, "Laura Stone", "Stone").given == "laura"
    assert parse_person_name(None, "陈静", "陈").full_norm == "陈静"
    assert parse_person_name(None, None, "Stone").is_partial
    assert parse_person_name("Laura Stone", None, None).ascii == parse_person_name(None, "Laura", "Stone").ascii
    assert parse_person_name("N/A").reason and parse_person_name(None, "unknown", "-").reason


def test_diacritics_and_apostrophes():
    assert parse_person_name("Jörg O’Hara").ascii == parse_person_name("OHARA, Joerg").ascii


def test_pinyin_syllables():
    assert is_pinyin("zhuang") and is_pinyin("xiaoming") and not is_pinyin("robert")


@given(st.text(max_size=20), st.one_of(st.none(), st.text(max_size=10)), st.one_of(st.none(), st.text(max_size=10)))
def test_never_raises(full, given_name, family):
    found = parse_person_name(full, given_name, family)
    assert found.ascii is None or found.ascii.isascii()
    assert found.reason or found.surname or found.given


@given(st.sampled_from("陈李王赵"), st.text(alphabet="明静国伟芳", min_size=1, max_size=2))
def test_a_chinese_name_comes_back_whole(surname, given_name):
    assert parse_person_name(surname + given_name).full_norm == surname + given_name
