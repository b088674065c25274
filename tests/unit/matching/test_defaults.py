"""What the default declarations must never merge by themselves, and what they must: small hubs with a trained model."""

from __future__ import annotations

import pytest

from tests.unit.matching.conftest import MakeHub

HOME = {"address_line": "1304 Poppy Hills Dr, Blacklick, OH 43004"}


def test_twins_of_one_home_are_two_persons(make_hub: MakeHub) -> None:
    hub = make_hub("person")
    twin = {**HOME, "birth_date": "1997-09-28"}
    hub.put({"a": {"full_name": "Mark Kramer", **twin}, "b": {"full_name": "Marsha Kramer", **twin}})
    hub.put({"c": {"full_name": "Marsha Kramer", "birth_date": "1997-09-28", **HOME}})
    hub.run()
    assert hub.groups() == {"a", "b c"}


def test_a_record_that_may_be_father_or_son_joins_neither(make_hub: MakeHub) -> None:
    hub = make_hub("person")
    hub.put(
        {
            "father": {"full_name": "John Brandt", "birth_date": "1950-10-10", **HOME},
            "son": {"full_name": "John Brandt", "birth_date": "1980-03-15", **HOME},
            "which": {"full_name": "John Brandt", **HOME},
        }
    )
    hub.run()
    assert hub.groups() == {"father", "son", "which"}
    assert {task["of"] for task in hub.tasks()} >= {"father which", "son which"}


def test_twins_with_one_mailbox_are_two_persons(make_hub: MakeHub) -> None:
    hub = make_hub("person")
    twin = {"birth_date": "1997-09-28", "email": ["kramer97@mail.example"], "phone": ["614-555-8633"]}
    hub.put({"a": {"full_name": "Anna Kramer", **twin}, "b": {"full_name": "Annabelle Kramer", **twin}})
    hub.run()
    assert hub.groups() == {"a", "b"}


def test_a_surname_of_two_that_is_borne_alone_is_one_person_s(make_hub: MakeHub) -> None:
    hub = make_hub("person")
    hub.put({"a": {"full_name": "Susan Meyer", **HOME}, "b": {"full_name": "Susan Meyer Thomas", **HOME}})
    hub.put({"c": {"full_name": "Susan Harlow", "address_line": "9 Elm Ct, Dayton, OH 45402"}})
    hub.run()
    assert hub.groups() == {"a b", "c"}


def test_the_first_of_a_name_is_not_the_second(make_hub: MakeHub) -> None:
    hub = make_hub("person")
    born = {"birth_date": "1982-04-12"}
    hub.put({"a": {"full_name": "Klein, Morris I", **born}})
    hub.put({"b": {"full_name": "Klein, Morris II", **born}})
    hub.put({"c": {"full_name": "Morris Klein II", **born}})
    hub.run()
    assert hub.groups() == {"a", "b c"}


def test_names_are_exchanged_only_where_both_are(make_hub: MakeHub) -> None:
    # Bob and I. of one house: the surname of one stands where the other's given name would.
    hub = make_hub("person")
    hub.put({"a": {"full_name": "Bob Elliott", **HOME}, "b": {"full_name": "Elliott I", **HOME}})
    hub.put({"c": {"full_name": "Elliott Bob", **HOME}})
    hub.run()
    assert hub.groups() == {"a c", "b"}


def test_a_record_of_few_values_joins_the_cluster_that_one_of_its_records_is_sure_of(make_hub: MakeHub) -> None:
    hub = make_hub("person")
    number = {"national_id": "293-90-9090"}
    hub.put(
        {
            "a": {"full_name": "Mary Kusha", "birth_date": "1976-10-27", "phone": ["512-353-8633"], **HOME, **number},
            "b": {"full_name": "Marie Kusha", "birth_date": "1976-10-27", **HOME},
            "c": {"full_name": "Marie Kusha", "birth_date": "1976-10-27", "phone": ["512-353-8633"]},
            "d": {"full_name": "Mary Kusha", **number},
        }
    )
    hub.run()
    assert hub.groups() == {"a b c d"}


NAMES = {
    "person": [
        ("陈建", "陈健"),
        ("刘总", "刘国强"),
        ("Roberta Miller", "Robert Miller"),
        ("Wei Zhang", "张伟"),
    ],
    "organization": [
        ("金盛运输有限公司", "金晟运输有限公司"),
        ("武汉安捷物流有限公司", "武汉安捷物流有限公司长沙分公司"),
        ("潍坊宏达物流有限公司", "淄博宏达物流有限公司"),
        ("临沂宏大物流有限公司", "临沂宏大商贸有限公司"),
        ("日照恒通物流有限公司", "日照恒远物流有限公司"),
        ("李四汽修部（个体工商户）", "李四汽修有限公司"),
        ("青岛市市南区老李汽修部", "青岛市市北区老李汽修部"),
        ("烟台众诚投资合伙企业（有限合伙）", "烟台众诚投资有限公司"),
    ],
}


@pytest.mark.parametrize("entity", NAMES)
def test_like_names_alone_merge_nobody(make_hub: MakeHub, entity: str) -> None:
    hub, column = make_hub(entity), {"person": "full_name", "organization": "name"}[entity]
    for i, (left, right) in enumerate(NAMES[entity]):
        hub.put({f"l{i}": {column: left}, f"r{i}": {column: right}})
    hub.run()
    merged = [pair for i, pair in enumerate(NAMES[entity]) if hub.golden_of(f"l{i}") == hub.golden_of(f"r{i}")]
    assert merged == []


def test_sister_companies_that_share_everything_but_the_trade_are_two(make_hub: MakeHub) -> None:
    hub = make_hub("organization")
    shared = {"phone": "0536-2195153", "website": "www.detong-group.cn", "address_line": "潍坊市奎文区东风东街88号"}
    hub.put({"a": {"name": "潍坊德通公共交通有限公司", **shared}, "b": {"name": "潍坊德通建材有限公司", **shared}})
    hub.put({"c": {"name": "潍坊市德通公共交通有限责任公司", "phone": "0536-2195153"}})
    hub.run()
    assert hub.groups() == {"a c", "b"}


def test_a_mistyped_surname_of_one_household_merges_no_members(make_hub: MakeHub) -> None:
    hub = make_hub("person")
    hub.put({"a": {"full_name": "Fatima Berger", **HOME}, "b": {"full_name": "Larry Bergre", **HOME}})
    hub.put({"c": {"full_name": "L Berger", **HOME}})
    hub.run()
    assert hub.golden_of("a") not in (hub.golden_of("b"), hub.golden_of("c"))


def test_a_company_without_a_place_joins_neither_of_two_namesakes(make_hub: MakeHub) -> None:
    hub = make_hub("organization")
    name = {"name": "Koehler Brothers Express"}
    hub.put({"dallas": {**name, "city": "Dallas"}, "phoenix": {**name, "city": "Phoenix"}, "which": name})
    hub.run()
    assert hub.groups() == {"dallas", "phoenix", "which"}


def test_a_company_that_moved_is_known_by_what_it_kept(make_hub: MakeHub) -> None:
    hub = make_hub("organization")
    kept = {"name": "Koehler Brothers Express", "website": "www.koehler-express.com", "phone": "214-555-8633"}
    hub.put({"before": {**kept, "city": "Dallas"}, "after": {**kept, "city": "Phoenix"}})
    hub.run()
    assert hub.groups() == {"after before"}
