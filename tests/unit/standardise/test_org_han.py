from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.standardise import parse_org_name


def parts(name: str) -> tuple[str | None, str | None, str | None, str | None]:
    found = parse_org_name(name)
    return found.region, found.core, found.industry, found.form


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("青岛海川货运有限公司", ("青岛", "海川", "货运", "limited")),
        ("山东省青岛市黄岛区海川货运有限责任公司", ("青岛黄岛", "海川", "货运", "limited")),
        ("海川货运（青岛）有限公司", ("青岛", "海川", "货运", "limited")),
        ("海川电子科技股份有限公司", (None, "海川", "电子科技", "joint_stock")),
        ("海川股份", (None, "海川", None, "joint_stock")),
        ("海川（集团）股份有限公司", (None, "海川", None, "joint_stock")),
        ("青岛海川农机专业合作社", ("青岛", "海川", "农机", "cooperative")),
        ("青岛众合投资合伙企业（有限合伙）", ("青岛", "众合", "投资", "limited_partnership")),
        ("中国海川货运集团青岛有限公司", ("青岛", "海川", "货运", "limited")),
        ("内蒙古海川乳业有限公司", ("内蒙古", "海川", "乳业", "limited")),
        ("中国（上海）自由贸易试验区海川货运有限公司", ("上海", "海川", "货运", "limited")),
        ("廣東海川藥業股份有限公司", ("广东", "海川", "药业", "joint_stock")),
        ("3M中国有限公司", ("中国", "3m", None, "limited")),
    ],
)
def test_a_registered_name_is_split(name, expected):
    assert parts(name) == expected


def test_spellings_of_one_name_have_one_norm():
    names = [
        "青岛市海川货运有限责任公司",
        "青島海川貨運有限公司",
        " 青岛　海川货运 有限公司。",
        "青岛海川货运有限公司（存续）",
        "“青岛海川货运有限公司”",
    ]
    assert len({parse_org_name(n).norm for n in names}) == 1


def test_a_place_that_is_a_trade_name_stays_one():
    assert parts("安顺运输有限公司") == (None, "安顺", "运输", "limited")
    assert parts("青岛安顺运输有限公司") == ("青岛", "安顺", "运输", "limited")
    assert parts("东方电器有限公司") == (None, "东方", "电器", "limited")
    assert parse_org_name("长安汽车").core == "长安"
    assert parse_org_name("青岛啤酒").core == "青岛啤酒"


def test_status_notes_leave_the_name():
    for note, status in (
        ("(已注销)", "deregistered"),
        ("（吊销，未注销）", "revoked"),
        ("-停用", "disabled"),
        ("【迁出】", "moved"),
    ):
        found = parse_org_name("青岛海川货运有限公司" + note)
        assert (found.norm, found.status) == ("青岛海川货运有限公司", status)


def test_branches_are_told_from_their_company():
    company, branch = parse_org_name("青岛海川货运有限公司"), parse_org_name("青岛海川货运有限公司济南市分公司")
    assert company.branch is None and branch.branch == "济南分公司"
    assert company.core == branch.core and company.norm != branch.norm
    assert parse_org_name("海川货运天河区分公司").branch == parse_org_name("海川货运天河分公司").branch == "天河分公司"
    assert parse_org_name("海川货运济南分公司").branch == "济南分公司"
    assert parse_org_name("海川超市（中山路店）").branch == "中山路店"
    assert parse_org_name("海川银行股份有限公司济南历下支行").branch == "济南历下支行"
    assert parse_org_name("青岛海川货运有限公司 张经理").branch is None


def test_sole_traders():
    registered = parse_org_name("市南区老李汽车维修服务部（个体工商户）")
    assert registered.sole_trader and registered.form == "sole_trader" and registered.core == "老李"
    assert parse_org_name("市南区老李汽车修理部").sole_trader
    for name in ("青岛海川货运有限公司", "海川超市", "青岛市人民医院", "青岛第二中学"):
        assert not parse_org_name(name).sole_trader


def test_districts_tell_shops_of_one_name_apart():
    left, right = parse_org_name("济南市历下区小陈轮胎店"), parse_org_name("济南市槐荫区小陈轮胎店")
    assert left.core == right.core and left.region_code != right.region_code


def test_former_and_english_names_become_other_names():
    found = parse_org_name("青岛海川货运有限公司（原：青岛大洋货运有限公司）")
    assert found.norm == "青岛海川货运有限公司" and found.alt_cores == ("大洋",)
    mixed = parse_org_name("青岛海川货运有限公司 Seariver Freight Co., Ltd.")
    assert mixed.norm == "青岛海川货运有限公司" and "seariverfreight" in mixed.alt_ascii


def test_slips_of_the_input_method_in_frequent_words():
    assert parts("山冬海川电子棵技有限公司") == ("山东", "海川", "电子科技", "limited")


def test_no_name():
    assert parse_org_name("有限公司").reason and parse_org_name("测试公司").reason and parse_org_name("").reason


@given(st.text(alphabet="青岛市南区海川货运有限责任公司(（已注销）)分店大学集团股份 abc,.·-中国个体", max_size=24))
def test_never_raises_and_never_loses_the_name(text):
    found = parse_org_name(text)
    assert found.core or found.reason


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("广冬新达科技有限公司", "广东新达科技有限公司"),
        ("广东新达棵技有限公司", "广东新达科技有限公司"),
        ("诲南海川贸易有限公司", "海南海川贸易有限公司"),
        ("鞍徽海川货运有限责任公司", "安徽海川货运有限公司"),
        ("贵洲欣达商贸有限公司", "贵州新达商贸有限公司"),
        ("重清海川运输有限公司", "重庆海川运输有限公司"),
        ("青岛嗨川货运有限公司", "海川货运（青岛）有限公司"),
        ("广冬海川有限公司", "广东省海川股份有限公司"),
        ("安辉物流有限公司", "安徽物流有限公司"),
    ],
)
def test_homophones_have_one_stem(typed, meant):
    assert parse_org_name(typed).stem_ascii == parse_org_name(meant).stem_ascii


def test_the_stem_is_region_trade_name_and_trade():
    assert parse_org_name("山东省青岛市海川电子科技有限公司").stem_ascii == "qingdaohaichuandianzikeji"
    assert parse_org_name("青岛海川货运有限公司济南分公司").stem_ascii == "qingdaohaichuanhuoyun"
    assert parse_org_name("青岛啤酒").stem_ascii == "qingdaopijiu"
    assert parse_org_name("重庆长安汽车").stem_ascii == "chongqingchanganqiche"
    assert parse_org_name("测试").stem_ascii is None


@pytest.mark.parametrize(
    ("name", "region", "code", "core"),
    [
        ("广冬新达科技有限公司", "广东", "440000", "新达"),
        ("鞍徽海川货运有限公司", "安徽", "340000", "海川"),
        ("诲南海川有限公司", "海南", "460000", "海川"),
        ("贵洲海川商贸有限公司", "贵州", "520000", "海川"),
        ("重清海川商贸有限公司", "重庆", "500000", "海川"),
        ("内蒙谷海川乳业有限公司", "内蒙古", "150000", "海川"),
        ("黑龙姜海川乳业有限公司", "黑龙江", "230000", "海川"),
        ("广冬省深圳市海川电器有限公司", "深圳", "440300", "海川"),
    ],
)
def test_a_province_typed_as_a_homophone_is_read_as_meant(name, region, code, core):
    found = parse_org_name(name)
    assert (found.region, found.region_code, found.core) == (region, code, core)


@pytest.mark.parametrize(
    ("name", "core"),
    [
        ("东方海川科技有限公司", "东方海川"),
        ("河蓝海川科技有限公司", "河蓝海川"),
        ("光冬新达科技有限公司", "光冬新达"),
        ("安辉物流有限公司", "安辉"),
        ("安辉汽车配件有限公司", "安辉"),
        ("天锦华科技有限公司", "天锦华"),
        ("尚海国际物流有限公司", "尚海"),
        ("广冬达有限公司", "广冬达"),
        ("杉西新达科技有限公司", "杉西新达"),
    ],
)
def test_a_trade_name_that_sounds_like_a_province_stays_one(name, core):
    found = parse_org_name(name)
    assert (found.region, found.region_code, found.core) == (None, None, core)


def test_a_university_keeps_the_name_of_its_place():
    assert parse_org_name("山西大学科技有限公司").norm.startswith("山西大学")
