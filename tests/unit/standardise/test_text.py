from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from matching.standardise.junk import filler_digits, junk_reason
from matching.standardise.text import ascii_key, bare_latin, fold, has_han, pinyin, plain_latin, script_of, to_ascii


def test_width_script_quotes_and_blanks_are_folded():
    assert fold("ＡＢＣ（１２３）") == "ABC(123)"
    assert fold(" 東風\u3000汽車\u200b ") == "东风 汽车"
    assert fold("O’Neill – Söhne") == "O'Neill - Söhne"


def test_characters_used_in_both_scripts_stay():
    assert fold("乾著藉瞭") == "乾著藉瞭"


def test_transliteration_follows_german_and_nordic_spelling():
    assert plain_latin("Grüße Øst Ærø") == "Gruesse Ost Aero"
    assert bare_latin("Grün") == "Grun"
    assert to_ascii("Łódź") == "lodz"
    assert to_ascii("Ивановъ").isascii()


def test_pinyin_knows_places_and_usual_readings():
    assert pinyin("重庆") == "chongqing"
    assert pinyin("长城") == "changcheng"
    assert pinyin("银行") == "yinhang"
    assert ascii_key("吕") == "lu"


def test_scripts():
    assert [script_of(t) for t in ("物流", "abc", "TCL科技", "123", "Мир")] == [
        "han",
        "latin",
        "mixed",
        "other",
        "other",
    ]
    assert has_han("a物") and not has_han("abc")


@given(st.text())
def test_folding_twice_is_folding_once(text):
    assert fold(fold(text)) == fold(text)


@given(st.text())
def test_ascii_form_is_ascii(text):
    assert to_ascii(fold(text)).isascii()


def test_placeholders_and_tests_identify_nobody():
    for value in (
        "n/a",
        "N.A.",
        "none",
        "-",
        "??",
        "无",
        "暂无",
        "測試",
        "Test",
        "xxxx",
        "0",
        "（空）",
        "散客",
        "aaaa",
    ):
        assert junk_reason(value), value
    for value in ("Nanjing", "无锡", "Testa", "An", "王", "3M", "7-11", "No Name Brands plc"):
        assert junk_reason(value) is None, value


def test_names_that_look_like_fillers_are_names():
    assert junk_reason("Nan") and junk_reason("Nan", name_part=True) is None
    assert junk_reason("unknown", name_part=True)


def test_filler_digits():
    assert filler_digits("11111111") and filler_digits("12345678") and filler_digits("987654")
    assert not filler_digits("12345679") and not filler_digits("111")
