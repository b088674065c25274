"""From a table of other names, and from records that look like two customers, to what stewards see and decide."""

from __future__ import annotations

import pytest

from serving.access import Principal
from serving.stewardship import decide_task, split
from tests.unit.matching.hub import Hub
from tests.unit.stewardship.conftest import MakeHub
from tests.unit.stewardship.test_effect import settled

TAX = "91440300708461136T"
ONE = {
    "name": "深圳海川物流有限公司",
    "name_en": "Haichuan Logistics Co., Ltd.",
    "phone": "0755-26345678",
    "city": "深圳市",
    "address_line": "南山区科苑路15号",
}
OTHER = {
    "name": "广州远洋机械贸易有限公司",
    "name_en": "Yuanyang Machinery Trading Co., Ltd.",
    "phone": "020-85123456",
    "city": "深圳市",
    "address_line": "福田区滨河大道9号",
}


def test_an_alias_joins_what_bears_the_name_and_parts_it_when_it_is_taken_away(make_hub: MakeHub) -> None:
    hub = make_hub("organization")
    hub.put({"a": ONE, "b": {"name": "海川老店", "city": "深圳市"}})
    hub.run()
    assert hub.groups() == {"a", "b"}
    ids = {key: hub.golden_of(key) for key in "ab"}
    (hub.folder / "alias.csv").write_text(f"alias,name\n海川老店,{ONE['name']}\n", encoding="utf-8")
    hub.configure(stewardship={"overrides": {"aliases": "alias.csv"}})
    hub.run()
    assert hub.groups() == {"a b"} and hub.golden_of("b") == min(ids.values())
    assert hub.values_of("a")["name"] in (ONE["name"], "海川老店")  # what is delivered stays as it is
    settled(hub)
    hub.configure(stewardship=None)
    hub.run()
    assert hub.groups() == {"a", "b"} and {key: hub.golden_of(key) for key in "ab"} == ids


@pytest.fixture
def doubtful(make_hub: MakeHub) -> Hub:
    """A golden record of which one record is nothing like another, held together by those between them."""
    hub = make_hub("organization")
    own = {"tax_id": TAX, "email": "wang@haichuan.cn", "website": "www.haichuan.cn"}
    between = {**ONE, **own}
    alone = {**ONE, "address_line": OTHER["address_line"]}
    hub.put({"a": alone, "b": between, "c": between, "d": between})
    hub.put({"e": {**OTHER, **own, "address_line": ONE["address_line"]}})
    hub.run()
    assert hub.groups() == {"a b c d e"}
    return hub


def test_what_looks_like_two_customers_is_a_task_that_a_match_settles(doubtful: Hub, wang: Principal) -> None:
    hub = doubtful
    (task,) = hub.tasks()
    assert task["kind"] == "two_customers" and "next to nothing in common" in task["reason"]
    with hub.store() as store:
        done = decide_task(store, hub.config, wang, task["task_key"], "match")
    assert task["task_key"] in done.closed and hub.tasks() == [] and hub.groups() == {"a b c d e"}
    settled(hub)


def test_what_looks_like_two_customers_is_split(doubtful: Hub, li: Principal) -> None:
    hub = doubtful
    (task,) = hub.tasks()
    parts = [[hub.id(key) for key in "abcd"], [hub.id("e")]]
    with hub.store() as store:
        done = split(store, hub.config, li, hub.golden_of("a"), parts, reason="two firms", task_key=task["task_key"])
    assert task["task_key"] in done.closed and hub.tasks() == [] and hub.groups() == {"a b c d", "e"}
    settled(hub)
