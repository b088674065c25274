"""Histories of a hub, drawn by Hypothesis: any sequence of deliveries, decisions, models and runs.

A hub holds several worlds at once, each with changes of its own, so that one run carries all of them a step on. After
every run: each current record in exactly one golden record, events without a gap, and a consumer of the feed who knows
what the hub holds. At the end: the published state is that of one resolution of everything; delivering all of it again
changes nothing; and a hub that gets the same records in another order, in other batches, says the same.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar
from unittest import mock

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from matching import resolve
from models.store import Store
from tests.laws.acts import DECIDED, DELIVERED, Acts
from tests.laws.hub import VARIANTS, Hub, State, state_of
from tests.laws.world import Row
from worlds.dice import Dice

WORLDS = 40
"""Groups of customers in one hub."""
SHRINK = "KEHU_LAWS_SHRINK" in os.environ
"""Whether Hypothesis looks for the shortest history that fails, which takes minutes; it may be of one change then."""
LEAST = 1 if SHRINK else 15
_CHANGES = st.tuples(st.integers(0, WORLDS - 1), st.sampled_from([*DELIVERED, *DECIDED]), st.integers(0, 2**30))
_SURVIVORSHIP = ("source_priority", "most_recent", "most_frequent", "longest", "most_complete", "trust")
_SHAPES = (
    *[{"entity": entity} for entity in ("organization", "organization", "person")],
    *[{"entity": entity, "touchpoints": True} for entity in ("organization", "person")],
    *[{"entity": "organization", "mixed": True, "touchpoints": touchpoints} for touchpoints in (False, True)],
)
_OF_PARTIES = ("customers", "findings")
"""Parts of a state that rest on what names a party."""


class Tally:
    """What a machine went through: histories of hubs that ended well, groups of customers in them, changes, runs."""

    def __init__(self) -> None:
        self.histories = self.groups = self.changes = self.runs = 0

    def __str__(self) -> str:
        told = f"{self.histories} histories of {self.groups} groups of customers, {self.changes} changes"
        return f"{told}, {self.runs} runs"


class Histories(Acts, RuleBasedStateMachine):
    """A hub's history. `make_url`, set by a subclass, empties the store of a folder and gives its URL."""

    make_url: Callable[[Path], str]
    home: ClassVar[Path]
    tally: ClassVar[Tally]

    def __init__(self) -> None:
        super().__init__()
        self.lived: set[int] = set()
        self.kinds: set[tuple[int, str, int]] = set()
        self.runs = 0
        self.absent: dict[str, dict[str, Row]] = {}
        self.hubs: list[Hub] = []
        self.sound = True

    @initialize(
        shape=st.sampled_from(_SHAPES),
        cap=st.sampled_from([200, 200, 5]),
        rules=st.lists(st.sampled_from(_SURVIVORSHIP), min_size=4, max_size=4),
        first=st.lists(_CHANGES, min_size=LEAST, max_size=WORLDS * 2),
        more=st.booleans(),
        four_eyes=st.booleans(),
        follows=st.booleans(),
    )
    def begin(
        self,
        shape: dict[str, Any],
        cap: int,
        rules: list[str],
        first: list[tuple[int, str, int]],
        more: bool,
        four_eyes: bool,
        follows: bool,
    ) -> None:
        self.follows = follows
        self.shape = {**shape, "four_eyes": four_eyes, "block_cap": cap}
        self.rules = dict(zip(("name", "phone", "email", "address"), rules, strict=True))
        self.hub = self._fresh("a")
        self.hub.publish_model(0)
        # A hub is seldom empty: what is there before the first change makes a later one small.
        worlds = range(WORLDS) if more else sorted({world for world, _, _ in first})
        for world in worlds:
            dice = Dice(world * 7 + len(first))
            for kind in ("insert", "feed", "insert", "feed", "insert", "person", "touch", "person", "relate", "touch"):
                self.act(world, kind, dice.below(2**30))
        self._live([change for change in first if change[1] in DELIVERED])
        self.run()

    def _fresh(self, name: str) -> Hub:
        folder = type(self).home / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        given = {name: value for name, value in self.shape.items() if name != "entity"}
        hub = Hub(folder, type(self).make_url(folder), self.shape["entity"], self.rules, **given)
        self.hubs.append(hub)
        return hub

    @rule(
        changes=st.lists(_CHANGES, min_size=LEAST, max_size=WORLDS * 2),
        how=st.sampled_from("few few few few many many all model".split()),
        variant=st.integers(0, VARIANTS - 1),
        when=st.sampled_from(["before", "resolve", "publish"]),
        missing=st.sampled_from([*[None] * 6, "crm", "rows", "people", "events"]),
    )
    def change(
        self, changes: list[tuple[int, str, int]], how: str, variant: int, when: str, missing: str | None
    ) -> None:
        """Sources and stewards say things, and a run takes them in; `when` is what the stewards say."""
        self._come_back()
        delivered = [change for change in changes if change[1] in DELIVERED]
        decided = [change for change in changes if change[1] in DECIDED]
        self._live(delivered if when != "before" else changes)
        if how == "model":
            self.hub.publish_model(variant)
            self.dirty = True
        self._go_missing(missing)
        meanwhile = {when: lambda: self._live(decided)} if when != "before" else None
        if self.dirty or meanwhile:
            # Few changes are looked at one by one, more of them in tables; both must come to the same.
            with mock.patch.object(resolve, "VERY_FEW_CHANGES", -1 if how == "many" else 2_000):
                self.run(full=how == "all", meanwhile=meanwhile, down="crm" if missing == "crm" else None)

    def _live(self, changes: list[tuple[int, str, int]]) -> None:
        for change in changes:
            self.lived.add(change[0])
            self.kinds.add(change)
            self.act(*change)
            if change[1] in DECIDED:
                self.hub.read_feed()

    def _go_missing(self, what: str | None) -> None:
        """A stream of `crm` is delivered empty, once."""
        rows = {"rows": self.hub.crm, "people": self.hub.people, "events": self.hub.events}.get(str(what))
        if rows:
            self.absent[str(what)] = dict(rows)
            rows.clear()
            self.dirty = True

    def _come_back(self) -> None:
        for what, rows in self.absent.items():
            held = {"rows": self.hub.crm, "people": self.hub.people, "events": self.hub.events}[what]
            held |= {key: row for key, row in rows.items() if key not in held}
            self.dirty = True
        self.absent.clear()

    def run(
        self, full: bool = False, meanwhile: dict[str, Callable[[], None]] | None = None, down: str | None = None
    ) -> None:
        """Deliver what the sources hold now, and run."""
        self.sound = False
        self.dirty = False
        self.history += self.hub.service
        self.hub.deliver()
        if down is not None:
            self.hub.take_down()
        store = self.hub.desk
        # An old key that its source uses again is a record of its own.
        moved = {old: new for old, new in self.hub.renamed if old not in self.hub.crm}
        before = [partition(store, entity, moved) for entity in self.hub.entities]
        self.hub.run(full, meanwhile, down)
        self.dirty = self.dirty or down is not None
        if meanwhile is None:  # what stewards say meanwhile moves records that no run has moved
            for entity, was in zip(self.hub.entities, before, strict=True):
                ids_persist(was, partition(store, entity, {}), store)
        self.runs += 1
        self.sound = True

    def teardown(self) -> None:
        try:
            if self.sound and hasattr(self, "hub"):
                self.finish()
                tally = type(self).tally
                tally.runs += self.runs
                if len(self.kinds) >= min(LEAST, 3):  # Hypothesis begins with the dullest of all histories
                    tally.histories += 1
                    tally.groups += len(self.lived)
                    tally.changes += len(self.kinds)
        finally:
            for hub in self.hubs:
                hub.close()

    def finish(self) -> None:
        """The three laws on the history as a whole."""
        if self.dirty:
            self.run()
        assert not (found := self.hub.verify()), found
        self._deliver_again()
        store = self.hub.desk
        expected = state_of(store, *self.hub.entities)
        decisions = store.decisions().to_pylist()
        about = store.records_of_decisions([one["id"] for one in decisions])
        decisions = [{**one, "records": about.get(one["id"], [])} for one in decisions]
        found = self._otherwise(decisions)
        if self.strayed:
            expected = {part: what for part, what in expected.items() if part not in _OF_PARTIES}
        same(expected, found, "in another order")

    def _deliver_again(self) -> None:
        """Everything once more, of the feed one row of each key: no change, no event."""
        seq = self.hub.consumer.seq
        for one in self.history:
            self._tell(one)
        self.hub.deliver()
        found = self.hub.run()
        counts = [{name: row[name] for name in ("inserted", "updated", "deleted", "late")} for row in found["sources"]]
        assert not any(sum(count.values()) for count in counts), counts
        assert self.hub.consumer.seq == seq, "a delivery of what is known already made events"
        self.runs += 1

    def _otherwise(self, decisions: list[dict[str, Any]]) -> State:
        """The same records and decisions in a hub of their own: the feed out of order, in one delivery or in two."""
        dice = Dice(len(self.history))
        twin, hub = self._fresh("b"), self.hub
        twin.publish_model(hub.variant)
        last = {one.key: one for one in sorted(self.history, key=lambda one: one.at)}
        told = {key: [one for one in self.history if one.key == key] for key in last}
        if dice.random() < 0.5:
            twin.renamed = list(hub.renamed)
        some: dict[str, Any] = {}
        early = dice.random() < 0.5
        if dice.random() < 0.6:
            some = {key: dice.pick(told[key]) for key in last if dice.random() < 0.8}
            for mine, theirs in _rows(twin, hub):
                mine |= {key: row for key, row in theirs.items() if dice.random() < 0.8}
            twin.service = list(some.values())
            if early:
                say_again(twin, decisions)
            twin.deliver()
            twin.run()
            self.runs += 1
        if not (early and some):
            say_again(twin, decisions)
        for mine, theirs in _rows(twin, hub):
            mine.clear()
            mine |= theirs
        # A feed comes at least once, its last word may have come before.
        twin.service = [last[key] if some.get(key) is not last[key] else dice.pick(told[key]) for key in last]
        twin.deliver()
        twin.run()
        self.runs += 1
        return state_of(twin.desk, *twin.entities)


def _rows(one: Hub, other: Hub) -> list[tuple[dict[str, Row], dict[str, Row]]]:
    """The rows of `crm` in two hubs, stream by stream."""
    names = ("crm", "events", "people", "relations")
    return [(getattr(one, name), getattr(other, name)) for name in names]


def say_again(hub: Hub, decisions: list[dict[str, Any]]) -> None:
    """Append a log of decisions to that of another hub."""
    with hub.store() as store:
        numbers: dict[int, int] = {}
        for one in decisions:
            values = {name: value for name, value in one.items() if name != "id" and value is not None}
            for name in ("undoes", "approves"):
                if name in values:
                    values[name] = numbers[values[name]]
            (numbers[one["id"]],) = store.add_decisions([values])


def partition(store: Store, entity: str, renamed: dict[str, str]) -> dict[str, frozenset[str]]:
    """The records of each golden record, those that got another key under it."""
    found: dict[str, set[str]] = {}
    for record in store.crosswalk(entity).to_pylist():
        key = record["source_key"]
        while record["source"] == "crm" and key in renamed:
            key = renamed[key]
        found.setdefault(record["golden_id"], set()).add(f"{record['source']}:{key}")
    return {number: frozenset(records) for number, records in found.items()}


def ids_persist(before: dict[str, frozenset[str]], after: dict[str, frozenset[str]], store: Store) -> None:
    """The same records keep their id; an id that is no more leads to one that is there, or is known as retired."""
    of = {records: number for number, records in after.items()}
    counts = Counter(record for records in before.values() for record in records)
    for number, records in before.items():
        # Where a source made one row of two, their golden ids meet, and the older one goes on.
        if all(counts[record] == 1 for record in records):
            assert of.get(records, number) == number, f"{sorted(records)} was {number} and is {of[records]}"
    aliases = {row["alias_id"]: row["golden_id"] for row in store.aliases().to_pylist()}
    gone = before.keys() - after.keys() - aliases.keys()
    assert set(store.golden_by_id(sorted(gone))["status"].to_pylist()) <= {"retired"}
    assert not aliases.keys() & after.keys()
    assert not set(aliases.values()) & aliases.keys()


def same(left: Any, right: Any, words: str) -> None:
    """Fails with what differs between two states."""
    odd = {
        (part, key): (left[part].get(key), right[part].get(key))
        for part in left
        for key in sorted(left[part].keys() | right[part].keys())
        if left[part].get(key) != right[part].get(key)
    }
    assert not odd, f"{words}: " + "; ".join(
        f"{part} {key}: {a} / {b}" for (part, key), (a, b) in list(odd.items())[:6]
    )
