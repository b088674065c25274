"""Decisions take effect at once, as a run would have it: the next run, and a full one, change nothing about it."""

from __future__ import annotations

from typing import Any

import pytest

from serving.access import NotAllowed, Principal
from serving.stewardship import (
    Overtaken,
    Refused,
    Unknown,
    decide_pair,
    decide_task,
    edit_value,
    golden_view,
    ignore_value,
    pin_value,
    split,
    task_view,
    undo,
)
from tests.unit.matching.hub import Hub
from tests.unit.stewardship.conftest import MakeHub
from tests.unit.stewardship.world import grey_hub


@pytest.fixture
def hub(make_hub: MakeHub) -> Hub:
    return grey_hub(make_hub)


def state(hub: Hub) -> dict[str, Any]:
    """Everything that is published, but for moments and runs."""
    with hub.store() as store:
        golden = store.golden(hub.entity, only_active=False).to_pylist()
        tasks = store.tasks(status=None).to_pylist()
        return {
            "crosswalk": sorted(map(str, store.crosswalk().to_pylist())),
            "golden": sorted((g["golden_id"], g["version"], g["status"], g["values"], g["provenance"]) for g in golden),
            "aliases": sorted((a["alias_id"], a["golden_id"]) for a in store.aliases().to_pylist()),
            "tasks": sorted((t["task_key"], t["status"]) for t in tasks),
            "events": store.events_after(0).num_rows,
        }


def settled(hub: Hub) -> dict[str, Any]:
    """The state; neither a run nor a full one changes anything about it."""
    before = state(hub)
    assert hub.verify() == []
    hub.run()
    assert state(hub) == before
    hub.run(full=True)
    assert state(hub) == before
    return before


def test_a_match_merges_at_once_and_undoing_brings_the_old_ids_back(hub: Hub, wang: Principal) -> None:
    ids = {key: hub.golden_of(key) for key in "ab"}
    first = state(hub)
    with hub.store() as store:
        done = decide_task(store, hub.config, wang, hub.tasks()[0]["task_key"], "match", reason="same card")
    assert done.state == "applied" and len(done.events) == 3 and done.closed and not done.opened
    assert set(done.golden.values()) == {min(ids.values())} and set(done.before.values()) == set(ids.values())
    assert hub.groups() == {"a b", "x"}
    merged = settled(hub)
    assert merged["aliases"] == [(max(ids.values()), min(ids.values()))]
    with hub.store() as store:
        back = undo(store, hub.config, wang, done.undo, reason="not so")
    assert back.state == "applied" and len(back.opened) == 1
    assert {key: hub.golden_of(key) for key in "ab"} == ids
    after = settled(hub)
    assert after["crosswalk"] == first["crosswalk"] and after["tasks"] == first["tasks"]


def test_a_no_match_closes_the_task_and_an_unsure_leaves_it(hub: Hub, wang: Principal) -> None:
    key = hub.tasks()[0]["task_key"]
    with hub.store() as store:
        decide_task(store, hub.config, wang, key, "unsure")
        assert store.task(key)["status"] == "unsure"  # type: ignore[index]
    hub.run()
    with hub.store() as store:
        assert store.task(key)["status"] == "unsure"  # type: ignore[index]
        done = decide_task(store, hub.config, wang, key, "no_match")
        assert (done.state, done.closed) == ("applied", [key])
    settled(hub)


def test_the_second_of_two_is_told(hub: Hub, wang: Principal, li: Principal) -> None:
    key = hub.tasks()[0]["task_key"]
    with hub.store() as store:
        seen = task_view(store, hub.config, li, key).seen
        decide_task(store, hub.config, wang, key, "no_match")
        with pytest.raises(Overtaken, match="wang decided this already: no match") as error:
            decide_task(store, hub.config, li, key, "match")
        assert error.value.detail["by"] == "wang"
        with pytest.raises(Overtaken, match="wang decided this meanwhile"):
            decide_pair(store, hub.config, li, "match", hub.id("a"), hub.id("b"), reason="x", seen=seen)
        number = store.last_decision()
        with pytest.raises(NotAllowed):
            undo(store, hub.config, Principal.of_account("zhao", "steward"), number, reason="x")
        undo(store, hub.config, li, number, reason="x")
        with pytest.raises(Overtaken, match="undone already, by li"):
            undo(store, hub.config, wang, number, reason="x")


def test_a_split_distributes_records_and_holds_when_they_are_delivered_again(
    make_hub: MakeHub, wang: Principal, li: Principal
) -> None:
    hub = make_hub("person")
    one = {"full_name": "王建国", "phone": "13800138001", "birth_date": "1980-04-03"}
    hub.put({"a": one, "b": one, "c": one, "d": one, "x": {"full_name": "Robert Miller", "phone": "13900139009"}})
    hub.run()
    assert hub.groups() == {"a b c d", "x"}
    golden_id = hub.golden_of("a")
    parts = [[hub.id("a"), hub.id("b")], [hub.id("c"), hub.id("d")]]
    with hub.store() as store:
        with pytest.raises(NotAllowed):
            split(store, hub.config, wang, golden_id, parts, reason="two brothers")
        for wrong in ([parts[0]], [parts[0], [hub.id("c")]], [parts[0], parts[0]], [[], parts[1]]):
            with pytest.raises(Refused):
                split(store, hub.config, li, golden_id, wrong, reason="x")
        with pytest.raises(Overtaken):
            split(store, hub.config, li, golden_id, parts, reason="x", version=7)
        with pytest.raises(Unknown):
            split(store, hub.config, li, "nobody", parts, reason="x")
        done = split(store, hub.config, li, golden_id, parts, reason="two brothers", version=1)
    assert hub.groups() == {"a b", "c d", "x"} and done.state == "applied"
    assert golden_id in set(done.golden.values())
    settled(hub)
    hub.put({"a": {"email": "w@haichuan.cn"}, "c": {"email": "w@haichuan.cn"}, "e": one})
    hub.run()
    assert hub.golden_of("a") != hub.golden_of("c")
    with hub.store() as store:
        undo(store, hub.config, li, done.undo, reason="one after all")
    assert hub.golden_of("a") == hub.golden_of("c") == hub.golden_of("d") == golden_id
    settled(hub)


def test_values_are_pinned_ignored_and_set(make_hub: MakeHub, wang: Principal, li: Principal) -> None:
    hub = make_hub("organization")
    one = {"name": "青岛海川货运有限公司", "phone": "0532-85671234", "city": "青岛市", "website": "haichuan.cn"}
    other = {**one, "name": "青岛海川货运公司"}
    hub.put({"a": one, "b": other, "x": {"name": "上海盛龙商贸有限公司", "phone": "021-62345678"}})
    hub.run()
    assert hub.groups() == {"a b", "x"}
    golden_id = hub.golden_of("a")
    assert hub.values_of("a")["name"] == one["name"]
    with hub.store() as store:
        pinned = pin_value(store, hub.config, wang, golden_id, "name", hub.id("b"), reason="as on the licence")
    assert hub.values_of("a")["name"] == other["name"]
    settled(hub)
    with hub.store() as store:
        with pytest.raises(Refused, match="no record"):
            ignore_value(store, hub.config, wang, golden_id, "website", "nobody.cn", reason="x")
        with pytest.raises(Unknown, match="did you mean 'website'"):
            ignore_value(store, hub.config, wang, golden_id, "websiet", "nobody.cn", reason="x")
        ignore_value(store, hub.config, wang, golden_id, "website", "haichuan.cn", reason="sold")
        assert "website" not in hub.values_of("a")
        with pytest.raises(Refused, match="is no tax_id"):
            edit_value(store, hub.config, li, golden_id, "tax_id", "123", reason="x")
        edited = edit_value(store, hub.config, li, golden_id, "city", "烟台市", reason="moved")
        view = golden_view(store, hub.config, wang, golden_id)
    assert hub.values_of("a")["city"] == "烟台市"
    city = {row.attribute: row for row in view.values}["city"]
    assert city.steered == [edited.decision_id] and city.why["source"] == "steward"
    assert len(view.records) == 2 and view.versions[0].records == 2
    settled(hub)
    with hub.store() as store:
        undo(store, hub.config, li, edited.undo, reason="not yet")
        undo(store, hub.config, li, pinned.undo, reason="no")
    assert (hub.values_of("a")["city"], hub.values_of("a")["name"]) == ("青岛市", one["name"])
    settled(hub)
