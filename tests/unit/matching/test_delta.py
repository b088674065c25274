"""Incremental equals full: after each run of a history the published state is that of one resolution of everything.

`Hub.run` compares (memberships, values, edges, match keys, tasks, contact profiles); what stands here says what must
have happened besides, so that no test passes because nothing changed.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from matching import delta, few, profile, resolve
from tests.unit.matching.hub import Hub
from tests.unit.matching.sample import raw

MakeHub = Callable[..., Hub]

TOLL = {"name": "青岛海川货运有限公司", "phone": "0532-85671234", "city": "青岛市"}
OTHERS = {
    "x": {"name": "上海盛龙商贸有限公司", "phone": "021-62345678", "city": "上海市"},
    "y": {"name": "成都天府酒店管理有限公司", "phone": "028-85551234", "city": "成都市"},
}


def incremental(hub: Hub) -> dict[str, Any]:
    """A run that must not have resolved everything."""
    found = hub.run()
    assert not found["full"] and found["records"] < len(hub.rows) + 1
    return found


def weight(hub: Hub, left: str, right: str) -> float | None:
    """The stored weight of a pair, None where no edge is kept."""
    with hub.store() as store:
        rows = store.edges(hub.entity).to_pylist()
    pair = sorted((hub.id(left), hub.id(right)))
    return next((row["weight"] for row in rows if [row["left_id"], row["right_id"]] == pair), None)


@pytest.fixture(params=["record by record", "in tables"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways to find what changes touch, whatever their number."""
    monkeypatch.setattr(resolve, "VERY_FEW_CHANGES", 0 if request.param == "in tables" else 1_000)


both_ways = pytest.mark.usefixtures("way")


@pytest.fixture
def persons(make_hub: MakeHub) -> Hub:
    hub = make_hub("person")
    hub.put(
        {
            "a": {"full_name": "王建国", "phone": "13800138001", "birth_date": "1980-04-03"},
            "b": {"full_name": "王建国", "email": "jianguo.wang@haichuan.cn", "address_line": "青岛市香港中路66号"},
            "x": {"full_name": "Robert Miller", "phone": "13900139009", "birth_date": "1971-01-30"},
        }
    )
    hub.run()
    assert hub.groups() == {"a", "b", "x"}
    return hub


BRIDGE = {
    "full_name": "王建国",
    "phone": "13800138001",
    "birth_date": "1980-04-03",
    "email": "jianguo.wang@haichuan.cn",
    "address_line": "青岛市香港中路66号",
}


@both_ways
def test_an_insert_that_bridges_two_clusters_and_its_deletion(persons: Hub) -> None:
    before = {key: persons.golden_of(key) for key in "abx"}
    persons.put({"c": BRIDGE})
    merged = incremental(persons)
    assert persons.groups() == {"a b c", "x"} and merged["merged"] == 1
    assert persons.golden_of("c") == min(before["a"], before["b"])
    persons.drop("c")
    split = incremental(persons)
    assert persons.groups() == {"a", "b", "x"} and split["split"] == 1
    assert {key: persons.golden_of(key) for key in "abx"} == before


def test_an_update_moves_a_record_from_one_cluster_to_another(persons: Hub) -> None:
    persons.put({"c": {**BRIDGE, "email": "", "address_line": ""}})
    incremental(persons)
    assert persons.groups() == {"a c", "b", "x"}
    persons.put({"c": {"full_name": "Robert Miller", "phone": "13900139009", "birth_date": "1971-01-30"}})
    incremental(persons)
    assert persons.groups() == {"a", "b", "c x"}


def test_what_touches_nothing_leaves_everything_else_alone(persons: Hub) -> None:
    persons.put({"z": {"full_name": "欧阳娜娜", "phone": "13700137007"}})
    found = incremental(persons)
    assert found["records"] == 1 and found["pairs_scored"] == 0 and found["created"] == 1


def test_all_members_deleted_leave_no_golden_record(persons: Hub) -> None:
    persons.put({"c": BRIDGE})
    incremental(persons)
    persons.drop("a", "b", "c")
    assert incremental(persons)["retired"] == 1
    assert persons.groups() == {"x"}
    with persons.store() as store:
        assert not store.edges("person").num_rows


@both_ways
def test_a_number_that_becomes_an_office_s_loosens_those_who_did_not_change(make_hub: MakeHub) -> None:
    hub = make_hub("organization")
    hub.put({**OTHERS, "a": TOLL, "b": {**TOLL, "name": "青岛海穿货运有限公司"}})
    hub.run()
    own = weight(hub, "a", "b")
    hub.put({key: {"phone": TOLL["phone"]} for key in OTHERS})
    incremental(hub)
    shared = weight(hub, "a", "b")
    assert own is not None and (shared is None or shared < own - 2)
    hub.put(OTHERS)
    incremental(hub)
    assert weight(hub, "a", "b") == own


@both_ways
def test_a_number_of_many_identifies_nobody(make_hub: MakeHub) -> None:
    hub = make_hub("organization")
    names = (
        "天府酒店 盛龙商贸 海川货运 Siemens Kuehne 众诚投资 恒通汽修 宏达建筑 Volvo 顺达食品 安吉服装 德邦物流".split()
    )
    hub.put({name: {"name": f"{name}有限公司", "phone": TOLL["phone"]} for name in names[:10]})
    hub.run()
    with hub.store() as store:
        assert store.contact_profiles("organization")["role"].to_pylist() == ["shared"]
    hub.put({name: {"name": f"{name}有限公司", "phone": TOLL["phone"]} for name in names[10:]})
    incremental(hub)
    with hub.store() as store:
        assert store.contact_profiles("organization")["role"].to_pylist() == ["junk"]
    hub.drop(*names[:3])
    incremental(hub)
    with hub.store() as store:
        assert store.contact_profiles("organization")["role"].to_pylist() == ["shared"]


@both_ways
def test_a_value_in_more_records_than_are_read_identifies_nobody(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (profile, delta, few):
        monkeypatch.setattr(module, "MOST_RECORDS", 4)
    hub = make_hub("organization")
    hub.put({**OTHERS, **{str(i): TOLL for i in range(4)}})
    hub.run()
    before = weight(hub, "0", "1")
    hub.put({"4": TOLL})
    incremental(hub)
    after = weight(hub, "0", "1")
    assert before is not None and (after is None or after < before)
    hub.put({"5": TOLL, "6": TOLL})
    incremental(hub)
    hub.drop("6", "5", "4")
    incremental(hub)
    assert weight(hub, "0", "1") == before


@both_ways
def test_a_block_that_outgrows_its_cap_and_shrinks_again(make_hub: MakeHub) -> None:
    hub = make_hub("person", "full_name birth_date", matching={"person": {"block_cap": 3}})
    names = ["王建国", "王建军", "王建民", "王建华"]
    hub.put({str(i): {"full_name": "王建国", "birth_date": "1980-04-03"} for i in range(3)})
    hub.put({"x": {"full_name": names[1], "birth_date": "1980-04-03"}})
    hub.run()
    assert hub.groups() == {"0 1 2", "x"}
    hub.put({"3": {"full_name": "王建国", "birth_date": "1980-04-03"}})
    found = incremental(hub)
    assert hub.groups() == {"0", "1", "2", "3", "x"}
    assert found["cut"]["name"] == 1 and any("name (1)" in message for message in found["messages"])
    hub.drop("0", "1")
    incremental(hub)
    assert hub.groups() == {"2 3", "x"}


def test_stewards_words_are_resolved_incrementally_and_undone(persons: Hub) -> None:
    persons.put({"c": BRIDGE})
    incremental(persons)
    persons.decide("no-match", "a", "c")
    incremental(persons)
    assert not any("a" in group and "c" in group for group in persons.groups())
    persons.undo_last()
    incremental(persons)
    assert persons.groups() == {"a b c", "x"}
    persons.decide("match", "b", "x")
    incremental(persons)
    assert any("b" in group and "x" in group for group in persons.groups())


def test_a_decision_on_a_deleted_record_waits_for_its_return(persons: Hub) -> None:
    gone = persons.rows["x"]
    persons.decide("match", "a", "x")
    persons.drop("x")
    incremental(persons)
    assert persons.groups() == {"a", "b"}
    persons.put({"x": gone})
    incremental(persons)
    assert persons.groups() == {"a x", "b"}


@both_ways
@pytest.mark.parametrize(("entity", "cap"), [("person", 200), ("organization", 200), ("organization", 6)])
def test_a_history_of_changes_ends_where_one_run_would(make_hub: MakeHub, entity: str, cap: int) -> None:
    rng = random.Random(cap)
    drawn = [{k: v for k, v in row.items() if k != "record_id" and v} for row in raw(entity, 90, 3)]
    columns = " ".join(dict.fromkeys(name for row in drawn for name in row))
    hub = make_hub(entity, columns, matching={entity: {"block_cap": cap}})
    hub.put({str(i): drawn[i] for i in range(50)})
    hub.run()
    for step in range(3):
        here = sorted(hub.rows)
        hub.drop(*rng.sample(here, 4))
        hub.put({str(i): drawn[i] for i in range(50 + step * 8, 58 + step * 8)})
        for key in rng.sample(sorted(hub.rows), 5):
            column, row = rng.choice(columns.split()), rng.choice(drawn)
            hub.put({key: {column: row.get(column, "")}})
        left, right = rng.sample(sorted(set(here) & set(hub.rows)), 2)
        hub.decide(rng.choice(["match", "no-match"]), left, right)
        found = hub.run()
        assert not found["full"] and found["touched"]
