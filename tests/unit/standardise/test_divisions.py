from __future__ import annotations

import pytest

from matching.standardise.divisions import all_divisions, division, read_place, romanised_code, stem_of
from matching.standardise.wordlists import list_lines


def codes(text: str) -> tuple[str | None, str | None, str | None]:
    place = read_place(text)
    return place.province, place.city, place.district


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("山东省青岛市市南区香港路", ("370000", "370200", "370202")),
        ("山东青岛市南区香港路", ("370000", "370200", "370202")),
        ("青岛市", ("370000", "370200", None)),
        ("北京市海淀区", ("110000", "110000", "110108")),
        ("辽宁朝阳双塔区", ("210000", "211300", "211302")),
        ("长春朝阳区", ("220000", "220100", "220104")),
        ("吉林省吉林市昌邑区", ("220000", "220200", "220202")),
        ("昆山市", ("320000", "320500", "320583")),
        ("济源市", ("410000", "419001", "419001")),
        ("上海上海市浦东新区", ("310000", "310000", "310115")),
    ],
)
def test_runs_of_divisions(text, expected):
    assert codes(text) == expected


def test_abolished_divisions_lead_to_their_successor():
    assert codes("杭州市下城区") == ("330000", "330100", "330105")
    assert codes("上海市卢湾区")[2] == "310101"
    assert codes("杭州市临安市")[2] == "330112"
    assert codes("西安市户县")[2] == "610118"


def test_a_road_is_no_district():
    assert codes("青岛市朝阳路12号") == ("370000", "370200", None)
    assert codes("南京西路100号") == (None, None, None)


def test_a_district_of_many_cities_stays_open():
    place = read_place("朝阳区建国路")
    assert place.district is None and place.loose_district == "朝阳"
    assert read_place("朝阳区建国路", known=read_place("北京市")).district == "110105"


def test_stems():
    stems = {
        n: stem_of(n) for n in ("浦东新区", "巴马瑶族自治县", "延边朝鲜族自治州", "内蒙古自治区", "磁县", "阿拉善盟")
    }
    assert list(stems.values()) == ["浦东", "巴马", "延边", "内蒙古", "磁县", "阿拉善"]


def test_the_tables_fit_each_other():
    known = {d.code for d in all_divisions()}
    assert len(known) > 3000 and all(len(c) == 6 for c in known)
    for line in list_lines("former_divisions"):
        province, _, successor = line.split()
        assert successor in known and successor.startswith(province), line
    found = division("370202")
    assert found is not None and found.province == "370000" and found.city == "370200"


def test_romanised_names():
    assert romanised_code("qingdao") == "370200" and romanised_code("xi an") == "610100"
    assert romanised_code("taizhou") is None and romanised_code("london") is None
