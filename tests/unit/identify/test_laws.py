"""The laws of identity, on generated histories of inserts, deletions, merges, splits and moves."""

from __future__ import annotations

import random

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from matching.identify import identify
from tests.unit.identify.hub import Hub, by_record, clusters

SEEDS = st.integers(0, 2**32 - 1)


def partition(records: set[int], dice: random.Random, parts: int) -> list[set[int]]:
    found: dict[int, set[int]] = {}
    for record in sorted(records):
        found.setdefault(dice.randrange(parts), set()).add(record)
    return list(found.values())


class Histories(RuleBasedStateMachine):
    """Any sequence of runs; `Hub.publish` checks the invariants after each."""

    def __init__(self) -> None:
        super().__init__()
        self.hub = Hub()
        self.deleted: set[int] = set()

    @rule(seed=SEEDS, count=st.integers(1, 6))
    def insert(self, seed: int, count: int) -> None:
        start = len(self.hub.first_run)
        fresh = {(n * 7919) % 10007 for n in range(start, start + count)} - set(self.hub.first_run)
        self.hub.publish(partition(fresh, random.Random(seed), 3))

    @precondition(lambda self: self.hub.members)
    @rule(seed=SEEDS, golden=st.integers(1, 4), parts=st.integers(1, 5), delete=st.booleans(), back=st.booleans())
    def solve_again(self, seed: int, golden: int, parts: int, delete: bool, back: bool) -> None:
        dice = random.Random(seed)
        active = sorted(self.hub.golden())
        touched = dice.sample(active, min(golden, len(active)))
        records = set().union(*(self.hub.golden()[g] for g in touched))
        gone = {r for r in sorted(records) if delete and dice.random() < 0.4}
        returning = {r for r in sorted(self.deleted) if back and dice.random() < 0.5}
        self.deleted = (self.deleted | gone) - returning
        self.hub.publish(partition((records - gone) | returning, dice, parts), gone)

    @precondition(lambda self: self.hub.members)
    @rule(seed=SEEDS, parts=st.integers(1, 4))
    def undo_returns_the_old_ids(self, seed: int, parts: int) -> None:
        dice = random.Random(seed)
        before = self.hub.golden()
        chosen = dice.sample(sorted(before), min(5, len(before)))
        groups = [{chosen[i] for i in group} for group in partition(set(range(len(chosen))), dice, parts)]
        self.hub.publish([set().union(*(before[g] for g in group)) for group in groups])
        self.hub.publish([before[g] for g in chosen])
        assert self.hub.golden() == before

    @rule()
    def again(self) -> None:
        found = self.hub.solve(list(self.hub.golden().values()))
        for changes in (found.membership, found.events, found.lineage, found.aliases):
            assert changes.num_rows == 0
        assert set(found.golden["action"].to_pylist()) <= {"kept"}


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=40, stateful_step_count=12, deadline=None)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=SEEDS)
def test_a_sequence_of_merges_undone_at_once_returns_every_id(seed: int) -> None:
    dice = random.Random(seed)
    hub = Hub()
    hub.publish(partition(set(range(dice.randrange(2, 25))), dice, 8))
    first = hub.golden()
    for _ in range(dice.randrange(1, 6)):
        active = hub.golden()
        chosen = dice.sample(sorted(active), min(len(active), dice.randrange(1, 4)))
        hub.publish([set().union(*(active[g] for g in chosen))])
    hub.publish(list(first.values()))
    assert hub.golden() == first
    assert hub.aliases == {}


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS)
def test_order_of_rows_does_not_matter(seed: int) -> None:
    dice = random.Random(seed)
    old = partition(set(range(20)), dice, 6)
    new = partition(set(range(3, 24)), dice, 6)
    current = pa.table(
        {
            "record_id": pa.array([r for part in old for r in part], pa.int64()),
            "golden_id": pa.array([f"id{i}" for i, part in enumerate(old) for _ in part]),
        }
    )
    results = []
    for _ in range(2):
        dice.shuffle(new)
        rows = list(range(current.num_rows))
        dice.shuffle(rows)
        listed = clusters(*new)
        mixed = list(range(listed.num_rows))
        dice.shuffle(mixed)
        found = identify(listed.take(mixed), current.take(rows), mint=lambda n, after: [f"new{i}" for i in range(n)])
        results.append((by_record(found.members), found.events.to_pylist(), found.lineage.to_pylist()))
    assert results[0] == results[1]
