"""A record that goes on under another key stays in its golden record; several that become one bring theirs together."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.unit.matching.hub import Hub

MakeHub = Callable[..., Hub]

ONE = {"name": "青岛海川货运有限公司", "phone": "0532-85671234", "city": "青岛市"}
OTHER = {"name": "上海盛龙商贸有限公司", "phone": "021-62345678", "city": "上海市"}


@pytest.fixture
def hub(make_hub: MakeHub) -> Hub:
    hub = make_hub("organization", rekey=True)
    hub.put({"1": ONE, "2": ONE, "3": OTHER, "4": {"name": "成都天府酒店管理有限公司"}})
    hub.run()
    assert hub.groups() == {"1 2", "3", "4"}
    return hub


def events(hub: Hub, after: int) -> list[str]:
    with hub.store() as store:
        return list(store.events_after(after)["type"].to_pylist())


def last_event(hub: Hub) -> int:
    with hub.store() as store:
        return max(store.events_after(0)["seq"].to_pylist())


@pytest.mark.parametrize("full", [False, True])
def test_a_golden_id_outlives_the_key_of_its_only_record(hub: Hub, full: bool) -> None:
    before, seq = hub.golden_of("3"), last_event(hub)
    hub.rekey("3", "N3")
    hub.run(full)
    assert hub.golden_of("N3") == before
    assert events(hub, seq) == []
    hub.drop("N3")
    hub.run()
    hub.put({"N3": OTHER})
    hub.run()
    assert hub.golden_of("N3") == before  # a retired id comes back to the record under its new key


def test_a_record_with_a_new_key_and_a_new_name_leaves_as_it_would_have_left(hub: Hub) -> None:
    before = hub.golden_of("1")
    hub.rekey("2", "N2")
    hub.put({"N2": OTHER})
    found = hub.run()
    assert hub.groups() == {"1", "3 N2", "4"} and found["split"] == 1
    assert hub.golden_of("1") == before


def test_records_that_became_one_bring_their_golden_records_together(hub: Hub) -> None:
    seq, older = last_event(hub), min(hub.golden_of("3"), hub.golden_of("4"))
    hub.rekey("3", "4")
    found = hub.run()
    assert hub.groups() == {"1 2", "4"} and found["merged"] == 1
    assert hub.golden_of("4") == older
    assert events(hub, seq)[:2] == ["merged", "alias"]
    with hub.store() as store:
        assert store.golden_by_id([older])["records"].to_pylist() == [1]
    assert hub.verify() == []


@pytest.mark.parametrize("verdict", ["match", "no-match"])
def test_a_stewards_word_holds_for_the_record_under_its_new_key_at_once(hub: Hub, verdict: str) -> None:
    hub.decide(verdict, *(("3", "4") if verdict == "match" else ("1", "2")))
    hub.run()
    hub.rekey(*(("3", "N") if verdict == "match" else ("2", "N")))
    found = hub.run()
    assert not found["full"]
    assert hub.groups() == ({"1 2", "4 N"} if verdict == "match" else {"1", "N", "3", "4"})


def test_an_old_key_that_is_used_again_is_a_record_of_its_own_to_its_end(hub: Hub) -> None:
    ids = {key: hub.golden_of(key) for key in ("1", "3", "4")}
    hub.rekey("3", "N3")
    hub.run()
    hub.put({"3": hub.rows["4"]})  # the file still says that 3 is N3 now
    hub.run()
    assert hub.groups() == {"1 2", "3 4", "N3"} and hub.golden_of("4") == ids["4"]
    seq = last_event(hub)
    hub.drop("3")
    hub.run()
    assert hub.groups() == {"1 2", "4", "N3"}
    assert (hub.golden_of("1"), hub.golden_of("4"), hub.golden_of("N3")) == (ids["1"], ids["4"], ids["3"])
    assert not {"merged", "alias", "created", "retired"} & set(events(hub, seq))
    assert hub.verify() == []


def test_a_renumbering_that_was_taken_back_can_be_made_again(hub: Hub) -> None:
    before = hub.golden_of("3")
    for present, absent in (("N3", "3"), ("3", "N3"), ("N3", "3")):
        if hub.renamed:
            hub.rows[present] = hub.rows.pop(absent)
        else:
            hub.rekey(absent, present)
        hub.run()
        assert hub.golden_of(present) == before
