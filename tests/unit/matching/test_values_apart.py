"""A steward's value stays with the record that it was said of, whoever was once in one golden record with it."""

from __future__ import annotations

from collections.abc import Callable

from serving.access import Principal
from serving.stewardship.values import edit_value
from tests.unit.matching.hub import Hub

LI = Principal.of_account("li", "lead_steward")
ROWS = {
    "a": {"name": "青岛鹏和物流有限公司", "phone": "0532-80031222", "address_line": "香港中路151号"},
    "b": {"name": "上海和鹏商贸有限公司", "phone": "021-62345678", "city": "上海市"},
}


def test_an_edit_does_not_go_over_to_whom_the_record_was_parted_from(make_hub: Callable[..., Hub]) -> None:
    hub = make_hub("organization")
    hub.put(ROWS)
    hub.run()
    hub.decide("match", "a", "b")
    hub.run()
    assert hub.groups() == {"a b"}
    with hub.store() as store:
        edit_value(store, hub.config, LI, hub.golden_of("a"), "website", "www.penghe.cn", reason="so")
    hub.decide("no-match", "a", "b")
    hub.run()
    has = [key for key in "ab" if "website" in hub.values_of(key)]
    assert len(has) == 1
    (other,) = {"a", "b"} - set(has)

    hub.put({"z": ROWS[other]})  # the other is looked at again, and who has the edit is not
    hub.run()
    assert [group for group in hub.groups() if "z" in group] != ["z"]
    assert "website" not in hub.values_of(other)
    assert hub.values_of(*has)["website"] == "www.penghe.cn" and hub.verify() == []
