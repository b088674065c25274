"""Records side by side: what is one value in two spellings is the same, and says so."""

from __future__ import annotations

import re

import pytest
from starlette.testclient import TestClient

from matching.survive.spelling import met
from serving.http.app import create_app
from serving.stewardship import attribute_rows
from serving.stewardship.bench import bench_of
from serving.stewardship.compare import AttributeRow
from tests.unit.matching.hub import Hub
from tests.unit.serving.filled import config
from tests.unit.serving.web.pages import BASE, person, sign_in
from tests.unit.stewardship.conftest import MakeHub

COLUMNS = "name tax_id phone email address_line city province district country website code"
TWO = {
    "a": {
        "name": "海川物流（青岛）有限公司",
        "phone": "+86 138-0013-8001",
        "email": "Info@Haichuan.cn",
        "address_line": "香港中路66号",
        "city": "青岛市",
        "province": "山东",
        "country": "中国",
        "code": "hc-77",
    },
    "b": {
        "name": "青岛海川物流有限责任公司",
        "phone": "13800138001",
        "email": "info@haichuan.cn",
        "address_line": "香港中路68号",
        "city": "青岛",
        "province": "山东省",
        "country": "CN",
        "code": "HC 77",
    },
}


@pytest.fixture
def hub(make_hub: MakeHub) -> Hub:
    added = {"organization": {"code": {"standardiser": "identifier"}}}
    hub = make_hub("organization", COLUMNS, attributes=added)
    hub.put(TWO)
    hub.run()
    hub.decide("no_match", "a", "b")
    hub.run()
    assert hub.groups() == {"a", "b"}
    return hub


def rows_of(hub: Hub) -> dict[str, AttributeRow]:
    with hub.store() as store:
        found = attribute_rows(bench_of(store, hub.config), "organization", [hub.id("a"), hub.id("b")])
    return {row.attribute: row for row in found}


def test_two_spellings_of_one_value_are_the_same(hub: Hub) -> None:
    rows = rows_of(hub)
    said = {name: (row.agreement, row.respelt) for name, row in rows.items()}
    assert said.pop("address_line") == ("alike", False)
    assert said == dict.fromkeys(("name", "phone", "email", "city", "province", "country", "code"), ("same", True))


def test_what_is_written_alike_is_just_the_same_and_another_city_is_another(hub: Hub) -> None:
    hub.put({"b": {"name": TWO["a"]["name"], "city": "济南", "country": ""}})
    hub.run()
    rows = rows_of(hub)
    assert (rows["name"].agreement, rows["name"].respelt) == ("same", False)
    assert (rows["city"].agreement, rows["city"].respelt) == ("different", False)
    assert (rows["country"].agreement, rows["country"].respelt) == ("missing", False)


@pytest.mark.parametrize(
    ("attribute", "one", "other", "expected"),
    [
        ("phone", ["0532-8577 1234", "138 0013 8001"], ["+8613800138001"], ([False, True], [True])),
        ("district", ["朝阳"], ["朝阳区"], ([True], [True])),
        ("city", ["未知"], ["不详"], ([False], [False])),  # neither is a city: two values, not one
        ("city", ["青岛"], ["Qingdao"], ([False], [False])),
        ("industry", ["物流"], ["物流 "], ([False], [False])),  # nothing standardises it
        ("industry", ["物流"], ["物流"], ([True], [True])),
    ],
)
def test_each_value_by_itself(
    attribute: str, one: list[str], other: list[str], expected: tuple[list[bool], list[bool]]
) -> None:
    placed = {"province": "北京", "city": "北京市"}
    assert met(config(), "organization", attribute, (one, other), (placed, placed)) == expected


@pytest.mark.parametrize(("language", "said"), [("en", "same, written differently"), ("zh", "相同，写法不同")])
def test_the_page_says_so_and_marks_nothing_there(hub: Hub, language: str, said: str) -> None:
    with hub.store() as store:
        client = TestClient(create_app(hub.config, store), base_url=BASE, follow_redirects=False)
        person(store, "wang", "steward")
        sign_in(client, "wang")
        address = f"/compare?left={hub.golden_of('a')}&right={hub.golden_of('b')}"
        page = client.get(address, headers={"Accept-Language": language}).text
    table = page[page.index('<table class="compare">') : page.index("</table>")]
    lines = [line for line in re.findall(r"<tr>.*?</tr>", table, re.S) if said in line]
    assert len(lines) == 7
    assert [line for line in lines if "<ins" in line] == []
    (address_line,) = [line for line in re.findall(r"<tr>.*?</tr>", table, re.S) if "香港中路" in line]
    assert '6<ins class="diff">8</ins>号' in address_line
