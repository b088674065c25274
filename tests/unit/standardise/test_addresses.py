from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.standardise import normal_postcode, parse_address, parse_country


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("山东省青岛市市南区香港中路66号B座1203室", ("370202", "香港中路", "66", "b座1203室")),
        ("青岛市南区香港中路６６号", ("370202", "香港中路", "66", None)),
        ("青岛市市南区香港中路六十六号", ("370202", "香港中路", "66", None)),
        ("上海市浦东新区张杨路123弄4号", ("310115", "张杨路", "123弄4", None)),
        ("杭州市下城区体育场路10号", ("330105", "体育场路", "10", None)),
        ("青岛市黄岛区薛家岛街道大河村滨海大道88号3号楼2单元501", ("370211", "滨海大道", "88", "3栋2单元501室")),
        ("青岛市崂山区高新技术开发区科苑纬一路1号", ("370212", "科苑纬一路", "1", None)),
        ("昆山市周市镇长江北路12-14号", ("320583", "长江北路", "12-14", None)),
    ],
)
def test_chinese_lines(line, expected):
    a = parse_address(line)
    assert (a.district_code, a.road, a.road_no, a.unit) == expected
    assert a.country == "CN" and a.ascii and a.ascii.isascii()


def test_buildings_of_one_number_differ():
    left, right = parse_address("青岛市市南区香港中路66号A座"), parse_address("青岛市市南区香港中路66号B座")
    assert (left.road, left.road_no) == (right.road, right.road_no) and left.unit != right.unit


def test_one_district_name_in_three_places():
    found = [
        parse_address(t).district_code
        for t in ("北京市朝阳区望京街1号", "朝阳市双塔区望京街1号", "长春市朝阳区望京街1号")
    ]
    assert found == ["110105", "211302", "220104"]


def test_line_and_attributes_complete_each_other():
    assert parse_address("朝阳区望京街1号", city="北京市").district_code == "110105"
    assert parse_address("望京街1号", "朝阳区", "北京").district_code == "110105"
    assert parse_address(None, city="西安", province="西安").city_code == "610100"
    assert parse_address("浙江省杭州市上城区平海路1号", city="上海").city_code == "330100"
    assert parse_address("香港中路66号", city="青岛", postal_code="266071").postal_code == "266071"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("742 Evergreen Terrace", ("evergreen ter", "evergreen", "742", None)),
        ("1200 N. Oak Ave., Apt 4B", ("n oak ave", "oak", "1200", "4b")),
        ("1200 North Oak Avenue #4B", ("n oak ave", "oak", "1200", "4b")),
        ("55 West Third Street", ("w 3rd st", "3rd", "55", None)),
        ("55 W 3 St", ("w 3rd st", "3rd", "55", None)),
        ("12 North Ave", ("north ave", "north", "12", None)),
        ("4250 N. St. Louis", ("n saint louis", "saint louis", "4250", None)),
        ("18 elm st.  between 1st and 2nd aves.", ("elm st", "elm", "18", None)),
        ("18 elm st. at oak", ("elm st", "elm", "18", None)),
        ("10428 1/2 National Blvd", ("national blvd", "national", "10428 1/2", None)),
        ("Harbour Apartments 638 Downey St", ("downey st", "downey", "638", None)),
        ("Highway 12 North Rd", ("highway 12 north rd", "highway 12 north", None, None)),
        ("P.O. Box 77", ("po box", "po box", "77", None)),
        ("Lindenstraße 87", ("lindenstrasse", "lindenstrasse", "87", None)),
        ("Lindenstr. 87", ("lindenstrasse", "lindenstrasse", "87", None)),
        ("12/34 King Street, Sydney NSW 2000", ("king st", "king", "34", "12")),
    ],
)
def test_latin_streets(line, expected):
    a = parse_address(line)
    assert (a.road, a.road_key, a.road_no, a.unit) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("742 Evergreen Terrace, Springfield, OR 97403-1234", ("springfield", "or", "97403", "US")),
        ("742 Evergreen Terrace Springfield OR 97403", ("springfield", "or", "97403", "US")),
        ("30 Linden Forest Hills NY 11375", ("forest hills", "ny", "11375", "US")),
        ("Unit 3, 14 High St., Leeds", ("leeds", None, None, None)),
        ("14 High Street, Leeds LS1 4AP, United Kingdom", ("leeds", None, "LS14AP", "GB")),
        ("Lindenstraße 87, 10115 Berlin, Germany", ("berlin", None, "10115", "DE")),
        ("No. 66 Hong Kong Road, Qingdao 266071, P.R. China", ("青岛", None, "266071", "CN")),
    ],
)
def test_what_stands_behind_the_street(line, expected):
    a = parse_address(line)
    assert (a.city, a.province, a.postal_code, a.country) == expected


def test_flat_unit_and_apartment_are_one_word():
    lines = ("Flat 3, 14 High St., Leeds", "Unit 3, 14 High Street, Leeds", "14 High Street Apt. 3, Leeds")
    assert len({parse_address(line).norm for line in lines}) == 1


def test_cities_are_written_out():
    assert parse_address("1 Pine St", city="LA").city == "los angeles"
    assert parse_address("1 Pine St", city="W. Hollywood").city == "west hollywood"
    assert parse_address("1 Pine St", city="St. Paul").city == "saint paul"


def test_countries_and_postal_codes():
    assert [parse_country(c) for c in ("中国", "U.S.A.", "Deutschland", "uk", "CHN", "Atlantis")] == [
        "CN",
        "US",
        "DE",
        "GB",
        "CN",
        None,
    ]
    assert normal_postcode("60614-1234") == "60614" and normal_postcode("ls1 4ap") == "LS14AP"
    assert normal_postcode("2139", "US") == "02139" and normal_postcode("000000") is None


def test_fillers_have_a_reason():
    assert parse_address("无").reason and parse_address("n/a").norm is None


@given(st.text(max_size=40), st.one_of(st.none(), st.text(max_size=8)))
def test_never_raises(line, city):
    a = parse_address(line, city=city)
    assert a.ascii is None or a.ascii.isascii()


@given(st.text(alphabet="山东省青岛市南区朝阳路街12号AB座,，（） 镇村开发区", max_size=24))
def test_never_raises_on_chinese_fragments(line):
    a = parse_address(line)
    assert a.district_code is None or a.city_code is not None


@pytest.mark.parametrize("line", ["#321, Street 128", "No 321, Street 128 Phnom Penh Cambodia", "321 Street 128"])
def test_numbered_streets_and_a_house_behind_a_sign(line: str) -> None:
    found = parse_address(line)
    assert (found.road_key, found.road_no, found.unit) == ("st 128", "321", None)


@pytest.mark.parametrize(
    ("line", "number", "unit"),
    [("#5, 12 King St", "12", "5"), ("#01-11, Hillview Rise", None, "01-11"), ("12 King St #5", "12", "5")],
)
def test_a_sign_before_a_unit(line: str, number: str | None, unit: str) -> None:
    found = parse_address(line)
    assert (found.road_no, found.unit) == (number, unit)
