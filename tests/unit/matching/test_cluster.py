from __future__ import annotations

import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.cluster import BETWEEN, BRIDGE, CLIP, STEWARD, UNDECIDED, components, solve_component

WEIGHTS = st.integers(2, 7).flatmap(
    lambda n: st.lists(
        st.sampled_from([-12.0, -5.0, 1.0, 4.5, 9.0]), min_size=n * (n - 1) // 2, max_size=n * (n - 1) // 2
    ).map(lambda w: (n, w))
)


def pairs(n: int, values: list[float]) -> dict[tuple[int, int], float]:
    keys = [(i, j) for i in range(n) for j in range(i + 1, n)]
    return dict(zip(keys, values, strict=True))


def partition(cluster: dict[int, int]) -> set[frozenset[int]]:
    return {frozenset(r for r in cluster if cluster[r] == c) for c in set(cluster.values())}


def test_components_are_numbered_over_sorted_records() -> None:
    nodes, label = components(np.array([5, 9]), np.array([7, 2]))
    assert nodes.tolist() == [2, 5, 7, 9]
    assert label[0] == label[3] != label[1] == label[2]


def test_no_edges_no_components() -> None:
    nodes, label = components(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))
    assert len(nodes) == len(label) == 0


def test_records_that_all_agree_are_one_cluster_named_by_the_smallest() -> None:
    assert set(solve_component([1, 2, 3], {(1, 2): 9, (1, 3): 8, (2, 3): 7}, auto=4, cohesion=0).cluster.values()) == {
        1
    }


def test_a_bridge_against_which_the_rest_speaks_is_refused_and_told() -> None:
    weights = {(1, 2): 11.0, (3, 4): 11.0, (2, 3): 5.0, (1, 3): -9.0, (1, 4): -9.0, (2, 4): -9.0}
    solution = solve_component([1, 2, 3, 4], weights, auto=4, cohesion=0)
    assert partition(solution.cluster) == {frozenset({1, 2}), frozenset({3, 4})}
    (refusal,) = solution.refused
    assert (refusal.left_id, refusal.right_id, refusal.weight) == (2, 3, 5.0) and "disagree" in refusal.reason


def test_a_forbidden_pair_keeps_whole_clusters_apart() -> None:
    weights = {(1, 2): 11.0, (2, 3): 10.0, (1, 3): 9.0}
    solution = solve_component([1, 2, 3], weights, auto=4, cohesion=0, forbidden={(1, 3): "two valid tax ids"})
    assert partition(solution.cluster) == {frozenset({1, 2}), frozenset({3})}
    assert [r.reason for r in solution.refused] == ["two valid tax ids"]


def test_a_record_that_fits_two_customers_equally_joins_neither_and_is_told() -> None:
    # Father and son of one name, and two records that do not say which of them is meant.
    weights = {(1, 2): -3.0, (1, 3): 8.0, (1, 4): 8.0, (2, 3): 8.0, (2, 4): 8.2, (3, 4): 8.0}
    solution = solve_component([1, 2, 3, 4], weights, auto=4, cohesion=0, forbidden={(1, 2): "two dates of birth"})
    assert partition(solution.cluster) == {frozenset({1}), frozenset({2}), frozenset({3, 4})}
    assert {r.reason for r in solution.refused} == {BETWEEN}


def test_a_record_that_fits_one_of_two_customers_better_joins_it() -> None:
    weights = {(1, 2): -3.0, (1, 3): 8.0, (2, 3): 8.0 + UNDECIDED}
    solution = solve_component([1, 2, 3], weights, auto=4, cohesion=0, forbidden={(1, 2): "two dates of birth"})
    assert partition(solution.cluster) == {frozenset({1}), frozenset({2, 3})}


def test_a_steward_s_match_outranks_the_model() -> None:
    solution = solve_component([1, 2], {(1, 2): -9.0}, auto=4, cohesion=0, must=[(1, 2)])
    assert partition(solution.cluster) == {frozenset({1, 2})}


def test_a_match_that_would_join_what_another_steward_keeps_apart_is_a_conflict() -> None:
    solution = solve_component(
        [1, 2, 3],
        {(1, 2): 9.0, (1, 3): 9.0, (2, 3): 9.0},
        auto=4,
        cohesion=0,
        must=[(1, 2)],
        forbidden={(1, 2): STEWARD},
    )
    assert solution.cluster[1] != solution.cluster[2]
    assert [(r.left_id, r.right_id, r.kind) for r in solution.refused] == [(1, 2, "conflict")]


def test_a_steward_s_no_match_holds_also_where_a_hard_rule_forbids_the_same_clusters() -> None:
    # 1 and 2 join first; then the rule on 1 and 3 must not hide what a steward said about 2 and 3.
    forbidden = {(1, 3): "two valid tax ids", (2, 3): STEWARD}
    solution = solve_component([1, 2, 3, 4], {}, auto=4, cohesion=0, must=[(1, 2), (1, 4), (3, 4)], forbidden=forbidden)
    assert partition(solution.cluster) == {frozenset({1, 2, 4}), frozenset({3})}
    assert [(r.left_id, r.right_id, r.kind) for r in solution.refused] == [(3, 4, "conflict")]


def test_a_hard_rule_yields_to_a_steward_s_match_and_holds_against_the_model() -> None:
    forbidden = {(1, 2): "two valid tax ids"}
    assert solve_component([1, 2], {(1, 2): 20.0}, auto=4, cohesion=0, forbidden=forbidden).cluster == {1: 1, 2: 2}
    said = solve_component([1, 2], {(1, 2): -9.0}, auto=4, cohesion=0, must=[(1, 2)], forbidden=forbidden)
    assert said.cluster == {1: 1, 2: 1} and said.refused == []


def test_what_a_steward_told_apart_is_no_refusal_to_be_told() -> None:
    solution = solve_component([1, 2], {(1, 2): 20.0}, auto=4, cohesion=0, forbidden={(1, 2): STEWARD})
    assert solution.cluster == {1: 1, 2: 2} and solution.refused == []


GROUPS = {(1, 2): 9.0, (3, 4): 9.0, (2, 3): 9.0, (1, 3): 3.0, (1, 4): 3.0, (2, 4): 3.0}


def test_one_pair_that_joins_two_groups_is_a_weak_bridge() -> None:
    solution = solve_component([1, 2, 3, 4], GROUPS, auto=4, cohesion=0)
    assert partition(solution.cluster) == {frozenset({1, 2}), frozenset({3, 4})}
    assert [(r.left_id, r.right_id, r.kind) for r in solution.refused] == [(2, 3, "weak_bridge")]


def test_a_bridge_holds_with_a_second_pair_or_when_it_is_very_certain() -> None:
    assert set(solve_component([1, 2, 3, 4], {**GROUPS, (1, 3): 4.0}, auto=4, cohesion=0).cluster.values()) == {1}
    certain = {**GROUPS, (2, 3): 4 + BRIDGE}
    assert set(solve_component([1, 2, 3, 4], certain, auto=4, cohesion=0).cluster.values()) == {1}


def test_a_single_record_needs_no_second_pair() -> None:
    weights = {(1, 2): 9.0, (2, 3): 5.0, (1, 3): 1.0}
    assert set(solve_component([1, 2, 3], weights, auto=4, cohesion=0).cluster.values()) == {1}


def test_cohesion_is_what_pairs_say_without_the_prior() -> None:
    weights = {(1, 2): 12.0, (1, 3): 12.0, (2, 3): -9.0}
    assert len(partition(solve_component([1, 2, 3], weights, auto=4, cohesion=6).cluster)) == 2
    # A prior of -9 bits is in every weight: records 2 and 3 say nothing about each other.
    assert len(partition(solve_component([1, 2, 3], weights, auto=4, cohesion=6, prior=-9).cluster)) == 1


def test_one_pair_s_say_is_bounded() -> None:
    weights = {(1, 2): 12.0, (1, 3): 200.0, (2, 3): -11.5}
    assert partition(solve_component([1, 2, 3], weights, auto=4, cohesion=1).cluster) == {
        frozenset({1, 3}),
        frozenset({2}),
    }
    # Unbounded, 200 bits between 1 and 3 would not let 2 go either: only the order of merging hangs on them.
    assert len(partition(solve_component([1, 2, 3], {**weights, (1, 2): 200.0}, auto=4, cohesion=1).cluster)) == 2


def test_a_pair_never_scored_counts_as_strong_disagreement() -> None:
    solution = solve_component([1, 2, 3], {(1, 2): 4.5, (2, 3): 4.5}, auto=4, cohesion=0)
    assert len(partition(solution.cluster)) == 2 and CLIP > 4.5


@settings(max_examples=150, deadline=None)
@given(WEIGHTS, st.integers(0, 1000))
def test_the_order_of_pairs_and_members_changes_nothing(case: tuple[int, list[float]], seed: int) -> None:
    n, values = case
    weights = pairs(n, values)
    items = list(weights.items())
    random.Random(seed).shuffle(items)
    members = list(range(n))
    random.Random(seed + 1).shuffle(members)
    one = solve_component(range(n), weights, auto=4, cohesion=0)
    two = solve_component(members, dict(items), auto=4, cohesion=0)
    assert one.cluster == two.cluster
    assert sorted((r.left_id, r.right_id) for r in one.refused) == sorted((r.left_id, r.right_id) for r in two.refused)


@settings(max_examples=150, deadline=None)
@given(WEIGHTS, st.sets(st.tuples(st.integers(0, 6), st.integers(0, 6)).filter(lambda p: p[0] < p[1]), max_size=3))
def test_forbidden_pairs_never_share_a_cluster(case: tuple[int, list[float]], bans: set[tuple[int, int]]) -> None:
    n, values = case
    forbidden = {p: "no" for p in bans if p[1] < n}
    solution = solve_component(range(n), pairs(n, values), auto=4, cohesion=0, forbidden=forbidden)
    assert all(solution.cluster[a] != solution.cluster[b] for a, b in forbidden)
    assert set(solution.cluster) == set(range(n))


@settings(max_examples=100, deadline=None)
@given(
    WEIGHTS,
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)).filter(lambda p: p[0] < p[1]), max_size=4),
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)).filter(lambda p: p[0] < p[1]), max_size=3),
    st.integers(0, 1000),
)
def test_stewards_words_hold_or_are_told_as_a_conflict_in_any_order(
    case: tuple[int, list[float]], match: list[tuple[int, int]], apart: list[tuple[int, int]], seed: int
) -> None:
    n, values = case
    weights = pairs(n, values)
    must = [p for p in match if p[1] < n]
    forbidden = {p: STEWARD for p in apart if p[1] < n}
    one = solve_component(range(n), weights, auto=4, cohesion=0, must=must, forbidden=forbidden)
    shuffled = random.Random(seed).sample(must, len(must))
    bans = dict(random.Random(seed).sample(list(forbidden.items()), len(forbidden)))
    two = solve_component(reversed(range(n)), weights, auto=4, cohesion=0, must=shuffled, forbidden=bans)
    assert one.cluster == two.cluster
    assert all(one.cluster[a] != one.cluster[b] for a, b in forbidden)
    told = {(r.left_id, r.right_id) for r in one.refused if r.kind == "conflict"}
    broken = {p for p in must if one.cluster[p[0]] != one.cluster[p[1]]}
    assert told <= broken
    assert {frozenset(one.cluster[r] for r in p) for p in broken} == {
        frozenset(one.cluster[r] for r in p) for p in told
    }


RULE = "two valid tax ids"
# Two customers of two records each; 1 and 3 have a tax id each, 2 and 4 none.
SIDES = {(1, 2): 20.0, (3, 4): 20.0, (1, 3): -30.0, (1, 4): -9.0, (2, 3): -9.0, (2, 4): 1.0}


def test_a_steward_s_match_joins_whole_customers_and_what_it_did_not_know_is_a_conflict() -> None:
    solution = solve_component([1, 2, 3, 4], SIDES, auto=4, cohesion=0, must=[(2, 4)], forbidden={(1, 3): RULE})
    assert partition(solution.cluster) == {frozenset({1, 2, 3, 4})} and solution.refused == []
    (doubt,) = solution.doubtful
    assert (doubt.left_id, doubt.right_id, doubt.kind) == (1, 3, "conflict") and RULE in doubt.reason
    rest = {"auto": 4, "cohesion": 0, "forbidden": {(1, 3): RULE}}
    for known in ({"despite": {(2, 4): {RULE}}, "must": [(2, 4)]}, {"must": [(2, 4), (1, 3)]}):
        assert solve_component([1, 2, 3, 4], SIDES, **rest, **known).doubtful == []  # type: ignore[arg-type]
    # Another rule than the one that was known is told all the same.
    other = solve_component([1, 2, 3, 4], SIDES, **rest, must=[(2, 4)], despite={(2, 4): {"another"}})  # type: ignore[arg-type]
    assert [d.kind for d in other.doubtful] == ["conflict"]


def test_who_lies_between_two_customers_joins_them_when_a_steward_says_that_they_are_one() -> None:
    weights = {(1, 2): -3.0, (1, 3): 8.0, (2, 3): 8.0}
    known = {"forbidden": {(1, 2): RULE}, "auto": 4, "cohesion": 0}
    assert len(partition(solve_component([1, 2, 3], weights, **known).cluster)) == 3  # type: ignore[arg-type]
    assert len(partition(solve_component([1, 2, 3], weights, **known, must=[(1, 2)]).cluster)) == 1  # type: ignore[arg-type]


def test_what_stewards_say_of_others_holds_through_what_the_machine_joins() -> None:
    # 1 is with 2 and 3 with 4 by the machine; one steward joins 1 and 3, another tells 2 and 4 apart.
    weights = {(1, 2): 20.0, (3, 4): 19.0, (1, 3): 0.0, (1, 4): 0.0, (2, 3): 0.0, (2, 4): 0.0}
    solution = solve_component([1, 2, 3, 4], weights, auto=4, cohesion=0, must=[(1, 3)], forbidden={(2, 4): STEWARD})
    assert partition(solution.cluster) == {frozenset({1, 2, 3}), frozenset({4})} and solution.refused == []
