from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.standardise import parse_org_name


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Bergmann Aktiengesellschaft", "BERGMANN AG"),
        ("Müller & Söhne (GmbH & Co.) KG", "Mueller & Soehne GmbH & Co KG"),
        ("J.P. Hansen - Kjær A/S", "JP Hansen Kjaer A/S"),
        ("Acme Trading Co., Ltd.", "ACME TRADING COMPANY LIMITED"),
        ("The Blue Door", "blue door, the"),
        ("Tony's Garage", "Tonys Garage"),
        ("Tony?s Garage", "Tony’s Garage"),
        ("Lakeside Day Care Centre", "LAKESIDE DAY CARE CENTER"),
        ("St. Mary's School", "Saint Marys School"),
        ("Smith + Jones Inc", "Smith and Jones, Incorporated"),
        ("I B M Corp.", "IBM Corporation"),
    ],
)
def test_spellings_of_one_name(left, right):
    a, b = parse_org_name(left), parse_org_name(right)
    assert (a.core, a.ascii, a.tokens) == (b.core, b.ascii, b.tokens)


def test_legal_forms_go_at_the_end_only():
    assert parse_org_name("AG Barr plc").core == "ag barr"
    assert parse_org_name("SA Recycling LLC").core == "sa recycling"
    assert parse_org_name("Limited Editions Ltd").core == "limited editions"
    assert parse_org_name("Ltd").core == "ltd"


def test_generic_words_stay_in_the_tokens():
    school, cafe = parse_org_name("Riverside School"), parse_org_name("Riverside Café")
    assert school.tokens == ("riverside", "school") and cafe.tokens == ("cafe", "riverside")


def test_umlauts_lost_on_the_way_still_meet():
    assert "mullerstahl" in parse_org_name("Müller Stahl AG").alt_ascii
    assert parse_org_name("Muller Stahl AG").ascii == "mullerstahl"


def test_english_names_of_chinese_firms_show_region_and_trade_name():
    found = parse_org_name("Qingdao Haichuan Electronic Technology Co., Ltd.")
    assert (found.region, found.region_code) == ("青岛", "370200")
    assert "haichuan" in found.alt_ascii
    assert parse_org_name("青岛海川电子科技有限公司").ascii == "haichuan"
    assert parse_org_name("Widget Works (Kunshan) Co., Ltd.").core == "widget works kunshan"
    assert parse_org_name("Widget Works (Suzhou) Co., Ltd.").region == "苏州"
    assert parse_org_name("Ali's Kebab").region is None
    assert found.form is None and parse_org_name("Widget Works Co., Ltd.").form == "limited"


def test_a_site_that_repeats_its_agency():
    assert parse_org_name("Bethel House - Bethel House - Lake Street").core == "bethel house lake street"


def test_branches():
    plain = parse_org_name("Bergmann Freight GmbH")
    for name, branch in (
        ("Bergmann Freight GmbH - Bremen Depot", "bremen depot"),
        ("Bergmann Freight GmbH Bremen Branch", "bremen branch"),
        ("Bergmann Freight GmbH - Bremen", "bremen"),
    ):
        found = parse_org_name(name)
        assert (found.core, found.form, found.branch) == (plain.core, "gmbh", branch)
    assert parse_org_name("Bergmann Freight New York Branch").branch == "new york branch"
    assert parse_org_name("Bethel House - Lake Street").branch is None and plain.branch is None


def test_second_names_and_notes():
    found = parse_org_name("Northwind Holdings LLC d/b/a Corner Bakery")
    assert found.core == "northwind" and found.alt_cores == ("corner bakery",)
    assert parse_org_name("Northwind Traders Inc (dissolved)").status == "deregistered"
    assert parse_org_name("Northwind Traders Inc (dissolved)").core == "northwind traders"


@given(st.text(max_size=30))
def test_never_raises(text):
    found = parse_org_name(text)
    assert (found.core is None) == (found.reason is not None)
    assert found.ascii is None or found.ascii.isascii()


@given(
    st.lists(st.sampled_from("Blue Door Müller Freight School of & and Co Ltd GmbH".split()), min_size=1, max_size=5)
)
def test_a_normal_form_of_a_normal_form_is_itself(words):
    norm = parse_org_name(" ".join(words)).norm
    again = parse_org_name(norm).norm if norm else None
    assert again is None or parse_org_name(again).norm in (again, parse_org_name(again.removesuffix(" co")).norm)


def test_the_stem_is_the_name_without_legal_form():
    assert parse_org_name("Blue Door Freight Ltd.").stem_ascii == "bluedoorfreight"
    assert parse_org_name("Müller & Söhne GmbH").stem_ascii == "muellerandsoehne"
    assert parse_org_name("Seariver Freight GmbH - Bremen Depot").stem_ascii == "seariverfreight"
    assert parse_org_name("Widget Freight (Qingdao) Co., Ltd.").stem_ascii == "qingdaowidgetfreight"
    assert parse_org_name("n/a").stem_ascii is None
