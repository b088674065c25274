"""A steward's words on values after their golden record was split: each stays with its record, the newest counts.

A record that was told apart from the one that a word was said of does not have the word when that one is deleted.
"""

from __future__ import annotations

from collections.abc import Callable

from serving.access import Principal
from serving.stewardship.values import edit_value, pin_value
from tests.unit.matching.hub import Hub

LI = Principal.of_account("li", "lead_steward")
ROWS = {
    "a": {"name": "青岛鹏和物流有限公司", "phone": "0532-80031222", "address_line": "香港中路151号"},
    "b": {"name": "上海和鹏商贸有限公司", "phone": "021-62345678", "city": "上海市"},
}


def _one(make_hub: Callable[..., Hub]) -> Hub:
    hub = make_hub("organization")
    hub.put(ROWS)
    hub.run()
    hub.decide("match", "a", "b")
    hub.run()
    assert hub.groups() == {"a b"}
    return hub


def test_a_pin_yields_to_a_newer_word_of_the_same_customer_and_to_no_other(make_hub: Callable[..., Hub]) -> None:
    hub = _one(make_hub)
    with hub.store() as store:
        pin_value(store, hub.config, LI, hub.golden_of("a"), "name", hub.id("a"), reason="so")
    hub.run()
    pinned = hub.values_of("a")["name"]
    hub.decide("no-match", "a", "b")
    hub.run()
    other = hub.values_of("b")["name"]
    assert hub.values_of("a")["name"] == pinned != other
    with hub.store() as store:
        edit_value(store, hub.config, LI, hub.golden_of("b"), "name", "上海和鹏贸易有限公司", reason="so")
    hub.run()
    said = hub.values_of("b")["name"]
    assert hub.values_of("a")["name"] == pinned and said not in (pinned, other)
    hub.decide("match", "a", "b")
    hub.run()
    assert hub.groups() == {"a b"} and hub.values_of("a")["name"] == said
    hub.decide("no-match", "a", "b")
    hub.run()
    assert (hub.values_of("a")["name"], hub.values_of("b")["name"]) == (pinned, said) and hub.verify() == []


def test_an_overruled_edit_does_not_come_to_the_other_half_when_its_record_goes(make_hub: Callable[..., Hub]) -> None:
    hub = _one(make_hub)
    with hub.store() as store:
        edit_value(store, hub.config, LI, hub.golden_of("a"), "website", "www.penghe.cn", reason="so")
    hub.decide("no-match", "a", "b")
    hub.run()
    (has,) = [key for key in "ab" if "website" in hub.values_of(key)]
    (other,) = {"a", "b"} - {has}
    with hub.store() as store:
        edit_value(store, hub.config, LI, hub.golden_of(has), "website", "www.hepeng.cn", reason="so")
    hub.run()
    hub.drop(has)
    hub.run()
    assert "website" not in hub.values_of(other) and hub.verify() == []


def test_an_edit_stays_with_the_rest_of_its_customer_when_its_record_goes(make_hub: Callable[..., Hub]) -> None:
    hub = _one(make_hub)
    with hub.store() as store:
        edit_value(store, hub.config, LI, hub.golden_of("a"), "website", "www.penghe.cn", reason="so")
    hub.run()
    gone = min("ab", key=hub.id)  # an edit goes with the first record of its customer
    (stays,) = {"a", "b"} - {gone}
    hub.drop(gone)
    hub.run()
    assert hub.values_of(stays)["website"] == "www.penghe.cn" and hub.verify() == []
