"""A decision about a value names every living record that it rests on, wherever these are by now."""

from __future__ import annotations

import json
from collections.abc import Callable

from serving.access import Principal
from serving.stewardship.values import pin_value
from tests.unit.matching.hub import Hub

MakeHub = Callable[..., Hub]
LEAD = Principal.of_account("li", "lead_steward")
ONE = {"name": "青岛海川货运有限公司", "phone": "0532-85671234", "city": "青岛市"}


def test_records_that_left_the_golden_record_still_count(make_hub: MakeHub) -> None:
    hub = make_hub("organization")
    hub.put({"a": ONE, "b": ONE, "x": {"name": "上海盛龙商贸有限公司", "phone": "021-62345678", "city": "上海市"}})
    hub.run()
    with hub.store() as store:
        pin_value(store, hub.config, LEAD, hub.golden_of("a"), "phone", hub.id("a"), reason="so", lasting=True)
    hub.run()
    hub.put({"b": {"name": "上海盛龙商贸有限公司", "phone": "021-62345678", "city": "上海市"}})
    hub.run()
    assert hub.groups() == {"a", "b x"}
    told = [task["of"] for task in hub.tasks() if task["kind"] == "reopened"]
    assert told == ["a b"]
    # Each of the two golden records is looked at without the other; the task stays what it was.
    hub.put({"y": ONE})
    hub.run()
    assert [task["of"] for task in hub.tasks() if task["kind"] == "reopened"] == told
    hub.put({"x": {"email": "post@shenglong.cn"}})
    hub.run()
    assert [task["of"] for task in hub.tasks() if task["kind"] == "reopened"] == told
    assert json.dumps(hub.verify()) == "[]"
