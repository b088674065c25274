"""Which id goes where: one example per rule."""

from __future__ import annotations

import pyarrow as pa
import pytest

from matching.identify import Identities, mint_ids
from matching.identify import identify as identify_with
from models.errors import StoreError
from tests.unit.identify.hub import Hub, by_record, clusters, membership, table


def identify(clusters: pa.Table, current: pa.Table, **tables: pa.Table | None) -> Identities:
    """With made-up ids that are newer than those of the examples."""
    return identify_with(clusters, current, **tables, mint=lambda count, after: [f"new{i}" for i in range(count)])


def test_new_clusters_get_new_ids_in_the_order_of_their_smallest_record() -> None:
    found = identify(clusters({7, 9}, {1, 8}, {3}), membership())
    ids = by_record(found.members)
    assert ids[1] == ids[8] and ids[7] == ids[9]
    assert ids[1] < ids[3] < ids[7]
    assert found.created.to_pylist() == [ids[1], ids[3], ids[7]]
    assert [e["type"] for e in found.events.to_pylist()] == ["created"] * 3


def test_same_input_again_changes_nothing() -> None:
    found = identify(clusters({1, 2}, {3}), membership(a={1, 2}, b={3}))
    assert found.membership.num_rows == found.events.num_rows == found.lineage.num_rows == found.aliases.num_rows == 0
    assert found.golden["action"].to_pylist() == ["kept", "kept"]


def test_the_oldest_id_survives_a_merge_even_when_it_is_the_smaller() -> None:
    found = identify(clusters({1, 2, 3, 4}), membership(b={1, 2, 3}, a={4}))
    assert set(by_record(found.members).values()) == {"a"}
    assert found.aliases.to_pylist() == [{"alias_id": "b", "golden_id": "a", "action": "add"}]
    assert found.lineage.to_pylist() == [{"child_id": "a", "parent_id": "b", "kind": "merge"}]
    assert by_record(found.membership) == {1: "a", 2: "a", 3: "a"}
    assert found.events.to_pylist() == [
        {"type": "merged", "golden_id": "a", "before": ["a", "b"], "after": ["a"]},
        {"type": "alias", "golden_id": "b", "before": ["b"], "after": ["a"]},
    ]


def test_alias_chains_are_flattened() -> None:
    aliases = table([("c", "b")], alias_id=pa.string(), golden_id=pa.string())
    found = identify(clusters({1, 2}), membership(a={1}, b={2}), aliases=aliases)
    assert found.aliases.to_pylist() == [
        {"alias_id": "b", "golden_id": "a", "action": "add"},
        {"alias_id": "c", "golden_id": "a", "action": "add"},
    ]


def test_the_largest_part_keeps_the_id_on_a_split() -> None:
    found = identify(clusters({1}, {2, 3}), membership(a={1, 2, 3}))
    ids = by_record(found.members)
    assert ids[2] == ids[3] == "a"
    assert found.created.to_pylist() == [ids[1]]
    assert found.lineage.to_pylist() == [{"child_id": ids[1], "parent_id": "a", "kind": "split"}]
    assert found.events.to_pylist()[-1] == {
        "type": "split",
        "golden_id": "a",
        "before": ["a"],
        "after": ["a", ids[1]],
    }


def test_new_records_in_a_part_do_not_count_when_a_split_is_decided() -> None:
    ids = by_record(identify(clusters({1, 10, 11, 12}, {2, 3}), membership(a={1, 2, 3})).members)
    assert ids[2] == "a"


def test_equal_parts_the_smallest_record_keeps_the_id() -> None:
    assert by_record(identify(clusters({2, 3}, {1, 4}), membership(a={1, 2, 3, 4})).members)[1] == "a"


def test_equal_parts_the_records_that_came_first_keep_the_id() -> None:
    order = table([(1, 5), (2, 4), (3, 9), (4, 9)], record_id=pa.int64(), first_run=pa.int64())
    ids = by_record(identify(clusters({2, 3}, {1, 4}), membership(a={1, 2, 3, 4}), order=order).members)
    assert ids[2] == "a"


def test_all_records_deleted_retires_the_id_and_the_same_records_revive_it() -> None:
    hub = Hub()
    hub.publish([{1, 2}])
    gone = hub.publish([], gone={1, 2})
    assert gone.retired.to_pylist() == ["g00000"]
    assert by_record(gone.membership) == {1: None, 2: None}
    back = hub.publish([{1, 2, 3}])
    assert back.revived.to_pylist() == ["g00000"]
    assert hub.golden() == {"g00000": {1, 2, 3}}


def test_a_retired_id_whose_records_come_back_to_another_becomes_its_alias() -> None:
    hub = Hub()
    hub.publish([{1, 2}, {3}])
    hub.publish([], gone={1, 2})
    hub.publish([{1, 2, 3}])
    assert hub.golden() == {"g00001": {1, 2, 3}}
    assert hub.aliases == {"g00000": "g00001"}


def test_undoing_a_merge_gives_both_ids_back_though_the_younger_was_larger() -> None:
    hub = Hub()
    hub.publish([{1}, {2, 3, 4}])
    hub.publish([{1, 2, 3, 4}])
    assert hub.aliases == {"g00001": "g00000"}
    undone = hub.publish([{1}, {2, 3, 4}])
    assert hub.golden() == {"g00000": {1}, "g00001": {2, 3, 4}}
    assert hub.aliases == {}
    assert undone.created.to_pylist() == []
    assert undone.lineage.to_pylist() == [{"child_id": "g00001", "parent_id": "g00000", "kind": "split"}]


def test_a_tree_of_merges_can_be_undone_at_once_and_step_by_step() -> None:
    for steps in ([[{1}, {2}, {3, 4}]], [[{1}, {2, 3, 4}], [{1}, {2}, {3, 4}]]):
        hub = Hub()
        hub.publish([{1}, {2}, {3, 4}])
        hub.publish([{1}, {2, 3, 4}])
        hub.publish([{1, 2, 3, 4}])
        assert hub.aliases == {"g00001": "g00000", "g00002": "g00000"}
        for step in steps:
            hub.publish(step)
        assert hub.golden() == {"g00000": {1}, "g00001": {2}, "g00002": {3, 4}}


def test_an_alias_goes_with_its_own_members_when_its_target_splits() -> None:
    hub = Hub()
    hub.publish([{1, 2, 3}, {4, 5}, {6, 7, 8}])
    hub.publish([{1, 2, 3}, {4, 5, 6, 7, 8}])
    hub.publish([{1, 2, 3, 4, 5, 6, 7, 8}])
    assert hub.aliases == {"g00001": "g00000", "g00002": "g00000"}
    hub.publish([{1, 2, 3}, {4, 5, 6, 7, 8}])
    assert hub.aliases == {"g00002": "g00001"}


def test_a_part_with_too_few_former_members_gets_a_new_id() -> None:
    hub = Hub()
    hub.publish([{1, 2, 3}, {4, 5, 6}])
    hub.publish([{1, 2, 3, 4, 5, 6}])
    hub.publish([{1, 2, 3, 5, 6}, {4, 7, 8}])
    assert hub.golden()["g00002"] == {4, 7, 8}
    assert hub.aliases == {"g00001": "g00000"}


def test_a_split_in_which_every_part_could_take_an_old_id_keeps_the_id_alive() -> None:
    hub = Hub()
    hub.publish([{1}, {2, 3}, {4, 5}])
    hub.publish([{1, 2, 3, 4, 5}])
    hub.publish([{2, 3}, {4, 5}], gone={1})
    assert hub.golden() == {"g00000": {2, 3}, "g00002": {4, 5}}
    assert hub.aliases == {"g00001": "g00000"}


def test_merge_and_split_in_one_run() -> None:
    hub = Hub()
    hub.publish([{11}])
    hub.publish([{1, 2, 3, 4, 5, 6, 7}])
    found = hub.publish([{1, 2, 3, 4, 11}, {5, 6, 7}])
    assert hub.golden() == {"g00000": {1, 2, 3, 4, 11}, "g00002": {5, 6, 7}}
    assert {(r["child_id"], r["parent_id"], r["kind"]) for r in found.lineage.to_pylist()} == {
        ("g00000", "g00001", "merge"),
        ("g00002", "g00001", "split"),
    }
    assert [e["type"] for e in found.events.to_pylist()] == ["created", "merged", "split", "alias"]


def test_a_record_that_moves_between_two_that_stay_leaves_both_ids() -> None:
    found = identify(clusters({1, 2}, {3, 4, 5}), membership(a={1, 2, 3}, b={4, 5}))
    assert by_record(found.membership) == {3: "b"}
    assert found.golden["action"].to_pylist() == ["kept", "kept"]
    assert found.events.to_pylist() == [{"type": "split", "golden_id": "a", "before": ["a"], "after": ["a", "b"]}]


def test_empty_tables_may_come_without_types() -> None:
    nothing = {name: pa.array([], pa.null()) for name in ("record_id", "golden_id", "from_run", "to_run", "alias_id")}
    empty = pa.table(nothing)
    found = identify(clusters({1}), empty, history=empty, aliases=empty, order=empty)
    assert found.created.to_pylist() == ["new0"]
    assert identify(clusters(), empty).members.num_rows == 0


@pytest.mark.parametrize(
    ("found", "current", "aliases"),
    [
        (clusters({1}, {1}), membership(), None),
        (clusters({1}), membership(a={1}, b={1}), None),
        (clusters({1}), membership(a={1}), [("a", "b")]),
        (clusters({1}), membership(a={1}), [("c", "a"), ("c", "b")]),
    ],
    ids=["two clusters", "two ids", "alias in use", "alias with two targets"],
)
def test_contradictory_input_is_refused(
    found: pa.Table, current: pa.Table, aliases: list[tuple[str, str]] | None
) -> None:
    rows = None if aliases is None else table(aliases, alias_id=pa.string(), golden_id=pa.string())
    with pytest.raises(StoreError):
        identify(found, current, aliases=rows)


def test_minted_ids_ascend_and_are_distinct() -> None:
    made = mint_ids(5000)
    assert made == sorted(set(made))
    assert mint_ids(1)[0] > made[-1]
    assert all(one[14] == "7" for one in made)


def test_minted_ids_are_newer_than_the_newest_even_when_the_clock_lags() -> None:
    future = "ffff0000-0000-7fff-bfff-ffffffffffff"
    made = mint_ids(100, after=future)
    assert min(made) > future
    assert made == sorted(set(made))
    assert mint_ids(0, after=future) == []
