"""Two golden records that a steward told apart stay without a task, whichever of their records is looked at again."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from serving.access import Principal
from serving.stewardship.deciding import decide_pair
from tests.unit.matching.hub import Hub

LI = Principal.of_account("li", "lead_steward")
ROWS = {
    "x": {"name": "鹏和货运", "tax_id": "91370202348488078R", "phone": "0532-80031111", "city": "青岛市"},
    "a": {"name": "青岛鹏和物流有限公司", "phone": "0532-80031222", "address_line": "香港中路151号", "city": "青岛市"},
    "b": {"name": "青岛鹏和物流有限公司", "phone": "0532-80031222", "tax_id": "91370202149448567J"},
    "y": {"name": "上海和鹏商贸有限公司", "phone": "021-62345678", "city": "上海市"},
}


def tasks(hub: Hub) -> list[str]:
    with hub.store() as store:
        return [task["kind"] for task in store.tasks().to_pylist()]


@pytest.mark.parametrize("way", ["at once", "by a run"])
def test_two_golden_records_stay_told_apart_by_records_that_are_not_alike(
    make_hub: Callable[..., Hub], way: str
) -> None:
    hub = make_hub("organization")
    hub.put(ROWS)
    hub.run()
    assert hub.groups() == {"a b", "x", "y"} and tasks(hub) == ["grey_pair"]
    # The doubt is about x and a; what is said is said about x and b, whose tax ids differ.
    hub.decide("no-match", "x", "b")
    hub.run()
    assert tasks(hub) == []

    if way == "at once":
        with hub.store() as store:
            left, right = sorted((hub.id("x"), hub.id("y")))
            decide_pair(store, hub.config, LI, "no_match", left, right, reason="so")
    else:
        hub.put({"z": ROWS["x"]})  # x is looked at again, though nobody said anything about what changed
        hub.run()
        assert hub.groups() == {"a b", "x z", "y"}
    assert tasks(hub) == [] and hub.verify() == []
