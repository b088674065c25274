"""Histories of a hub, drawn by Hypothesis: any sequence of deliveries, decisions, models and runs.

A hub holds many worlds at once, each with a history of its own, so that one run carries all of them a step on. After
every run: each current record in exactly one golden record, events without a gap, and a consumer of the feed who knows
what the hub holds. At the end: the published state is that of one resolution of everything; delivering all of it again
changes nothing; and a hub that gets the same records in another order, in other batches, says the same.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from matching import resolve
from models.stewardship import PairVerdict
from models.store import Store
from serving.access import Principal
from serving.stewardship.deciding import approve, decide_pair, split, undo
from serving.stewardship.errors import Overtaken, Refused, Unknown
from serving.stewardship.values import edit_value, ignore_value, pin_value
from tests.laws.hub import VARIANTS, Dated, Hub, State, state_of
from tests.laws.world import columns, customers, row
from worlds.dice import Dice

LEAD = Principal.of_account("li", "lead_steward")
SECOND = Principal.of_account("wu", "lead_steward")
WORLDS = 60
"""Histories in one hub."""
SHRINK = "KEHU_LAWS_SHRINK" in os.environ
"""Whether Hypothesis looks for the shortest history that fails, which takes minutes; it may be of one change then."""
LEAST = 1 if SHRINK else WORLDS // 2
_CHANGES = st.tuples(
    st.integers(0, WORLDS - 1),
    st.sampled_from(
        "insert insert insert update update delete feed feed bury late again renumber renumber_again "
        "match no_match no_match unsure split pin ignore edit undo approve touch touch untouch".split()
    ),
    st.integers(0, 2**30),
)
_SURVIVORSHIP = ("source_priority", "most_recent", "most_frequent", "longest", "most_complete", "trust")


class Histories(RuleBasedStateMachine):
    """A hub's history. `make_url`, set by a subclass, gives the URL of a fresh store."""

    make_url: Callable[[Path], str]
    sequences = 0
    runs = 0

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="laws-"))
        self.clock = 100
        self.number = 0
        self.history: list[Dated] = []
        self.lived: set[int] = set()
        self.dirty = False
        self.sound = True

    @initialize(
        entity=st.sampled_from(["organization", "person"]),
        cap=st.sampled_from([200, 200, 5]),
        rules=st.lists(st.sampled_from(_SURVIVORSHIP), min_size=4, max_size=4),
        first=st.lists(_CHANGES, min_size=LEAST, max_size=WORLDS * 3),
        more=st.booleans(),
        touchpoints=st.sampled_from([False, False, True]),
        four_eyes=st.booleans(),
    )
    def begin(
        self,
        entity: str,
        cap: int,
        rules: list[str],
        first: list[tuple[int, str, int]],
        more: bool,
        touchpoints: bool,
        four_eyes: bool,
    ) -> None:
        self.entity, self.cap = entity, cap
        self.options = {"touchpoints": touchpoints, "four_eyes": four_eyes}
        self.rules = dict(zip(("name", "phone", "email", "address"), rules,
                              strict=True))  # fmt: skip
        self.hub = self._fresh("a")
        self.hub.publish_model(0)
        # A hub is seldom empty: what is there before the first change makes a later one small.
        worlds = range(WORLDS) if more else sorted({world for world, _, _ in first})
        for world in worlds:
            dice = Dice(world * 7 + len(first))
            for _ in range(5):
                self._insert(world, dice)
                self._feed(world, dice)
        self._apply(first)
        self.run()

    def _fresh(self, name: str) -> Hub:
        folder = self.folder / name
        folder.mkdir()
        return Hub(folder, type(self).make_url(folder), self.entity, self.rules, **self.options, block_cap=self.cap)

    @rule(
        changes=st.lists(_CHANGES, min_size=LEAST, max_size=WORLDS * 3),
        how=st.sampled_from("few few few many many all model".split()),
        variant=st.integers(0, VARIANTS - 1),
    )
    def change(self, changes: list[tuple[int, str, int]], how: str, variant: int) -> None:
        self._apply(changes)
        if how == "model":
            self.hub.publish_model(variant)
            self.dirty = True
        if self.dirty:
            # Few changes are looked at one by one, more of them in tables; both must come to the same.
            with mock.patch.object(resolve, "VERY_FEW_CHANGES", -1 if how == "many" else 2_000):
                self.run(full=how == "all")

    def _apply(self, changes: list[tuple[int, str, int]]) -> None:
        for world, kind, seed in changes:
            self.lived.add(world)
            getattr(self, f"_{kind}")(world, Dice(seed))

    def _insert(self, world: int, dice: Dice) -> None:
        """A row of `crm` is new, or says something else now."""
        self.hub.crm[f"{world}-{dice.below(6)}"] = row(self.entity, world, dice)
        self.dirty = True

    def _own(self, world: int) -> list[str]:
        return sorted(key for key in self.hub.crm if key.startswith(f"{world}-"))

    def _update(self, world: int, dice: Dice) -> None:
        """One column of a row of `crm` says something else, perhaps what another customer's would."""
        if not (own := self._own(world)):
            return
        key, column = dice.pick(own), dice.pick(columns(self.entity))
        value = dice.pick([*dice.pick(customers(self.entity, world))[column], ""])
        self.hub.crm[key] = {**self.hub.crm[key], column: value}
        self.dirty = True

    def _delete(self, world: int, dice: Dice) -> None:
        for key in self._own(world):
            if dice.random() < 0.4:
                del self.hub.crm[key]
                self.dirty = True

    def _now(self) -> int:
        self.clock += 1
        return self.clock

    def _tell(self, one: Dated) -> None:
        self.hub.tell(one)
        self.dirty = True

    def _feed(self, world: int, dice: Dice) -> None:
        """A row of `service` is new, or says something else now."""
        self._tell(Dated(f"{world}-{dice.below(6)}", self._now(), row(self.entity, world, dice)))

    def _bury(self, world: int, dice: Dice) -> None:
        """A tombstone, perhaps of what never was."""
        self._tell(Dated(f"{world}-{dice.below(6)}", self._now(), None))

    def _known(self, world: int) -> list[Dated]:
        return [one for one in self.history if one.key.startswith(f"{world}-")]

    def _late(self, world: int, dice: Dice) -> None:
        """A row, or a tombstone, that is older than what the hub holds."""
        if known := self._known(world):
            one = dice.pick(known)
            fresh = None if dice.random() < 0.3 else row(self.entity, world, dice)
            self._tell(Dated(one.key, -self._now(), fresh))

    def _again(self, world: int, dice: Dice) -> None:
        """A row that was delivered before."""
        if known := self._known(world):
            self._tell(dice.pick(known))

    def _renumber(self, world: int, dice: Dice) -> None:
        """The source gives an old row a new key."""
        # A touchpoint that hangs on a key which was given up goes on, which a hub that never knew the key cannot tell.
        if (own := self._own(world)) and not self.hub.touchpoints:
            key = dice.pick(own)
            self.number += 1
            new = f"{world}-n{self.number}"
            if key not in dict(self.hub.renamed):
                self.hub.crm[new] = self.hub.crm.pop(key)
                self.hub.renamed.append((key, new))
                self.dirty = True

    def _renumber_again(self, world: int, dice: Dice) -> None:
        """The source makes one row of two."""
        own = [key for key in self._own(world) if key not in dict(self.hub.renamed)]
        if len(own) > 1 and not self.hub.touchpoints:
            gone = own.pop(dice.below(len(own)))
            stays = dice.pick(own)
            del self.hub.crm[gone]
            self.hub.renamed.append((gone, stays))
            self.dirty = True

    def _match(self, world: int, dice: Dice, verdict: PairVerdict = "match") -> None:
        """A steward's word on two records, which takes effect at once, or waits for the next run."""
        with self.hub.store() as store:
            rows = store.records(self.entity, ["record_id", "source_key"]).to_pylist()
            found = sorted(r["record_id"] for r in rows if r["source_key"].startswith(f"{world}-"))
            if len(found) < 2:
                return
            one = found.pop(dice.below(len(found)))
            left, right = sorted((one, dice.pick(found)))
            if dice.random() < 0.5:
                decide_pair(store, self.hub.config, LEAD, verdict, left, right, reason="so")
            else:
                about = {"kind": "pair", "verdict": verdict, "entity_type": self.entity, "by": "wang", "reason": "so"}
                store.add_decisions([{**about, "left_id": left, "right_id": right}])
                self.dirty = True
        self.hub.read_feed()

    def _no_match(self, world: int, dice: Dice) -> None:
        self._match(world, dice, "no_match")

    def _unsure(self, world: int, dice: Dice) -> None:
        self._match(world, dice, "unsure")

    def _approve(self, world: int, dice: Dice) -> None:
        """A second steward settles what waits for one."""
        with self.hub.store() as store:
            waiting = [one["id"] for one in store.decisions().to_pylist() if one["approval"] is not None]
            if waiting:
                verdict: Any = "approve" if dice.random() < 0.7 else "reject"
                with contextlib.suppress(Refused, Overtaken):
                    approve(store, self.hub.config, SECOND, dice.pick(waiting), reason="so", verdict=verdict)
        self.hub.read_feed()

    def _touch(self, world: int, dice: Dice) -> None:
        """Something happened with a customer of the world, or says something else now, or will happen."""
        if not self.hub.touchpoints:
            return
        kind = dice.pick(["visit", "lead", "lead", "opportunity", "quote", "order"])
        day = f"2024-{dice.between(1, 8):02d}-{dice.between(1, 28):02d}"
        found = {"type": kind, "occurred_at": day, "owner": "Li", "amount": str(dice.below(9) * 1000)}
        found["status"] = dice.pick(["open", "won", "lost", "converted", ""])
        found["party_key"] = f"{world}-{dice.below(6)}"
        found["refers_to"] = f"{world}-e{dice.below(5)}" if dice.random() < 0.5 else ""
        self.hub.events[f"{world}-e{dice.below(5)}"] = found
        self.dirty = True

    def _untouch(self, world: int, dice: Dice) -> None:
        if known := sorted(key for key in self.hub.events if key.startswith(f"{world}-e")):
            del self.hub.events[dice.pick(known)]
            self.dirty = True

    def _golden(self, store: Store, world: int, dice: Dice, least: int = 1) -> tuple[str, list[int]] | None:
        """A golden record of the world with its records."""
        members: dict[str, list[int]] = {}
        for one in store.crosswalk(self.entity).to_pylist():
            if one["source_key"].startswith(f"{world}-"):
                members.setdefault(one["golden_id"], [])
        for one in store.members_of(sorted(members)).to_pylist():
            members[one["golden_id"]].append(one["record_id"])
        # The ids are drawn anew in every hub; the records are not.
        found = sorted((sorted(records), golden) for golden, records in members.items() if len(records) >= least)
        if not found:
            return None
        records, golden = dice.pick(found)
        return golden, records

    def _split(self, world: int, dice: Dice) -> None:
        with self.hub.store() as store:
            if found := self._golden(store, world, dice, 2):
                golden, records = found
                cut = dice.between(1, len(records))
                dice.shuffle(records)
                split(store, self.hub.config, LEAD, golden, [records[:cut], records[cut:]], reason="two customers")
        self.hub.read_feed()

    def _value(self, world: int, dice: Dice, kind: str) -> None:
        """A steward's word on a value of a golden record, at once."""
        with self.hub.store() as store:
            if not (found := self._golden(store, world, dice)):
                return
            golden, records = found
            attribute, record = dice.pick(columns(self.entity)), dice.pick(records)
            value = dice.pick(dice.pick(customers(self.entity, world))[attribute])
            given = (store, self.hub.config, LEAD, golden, attribute)
            with contextlib.suppress(Refused, Unknown):
                if kind == "pin":
                    pin_value(*given, record, reason="so", lasting=dice.random() < 0.5)
                elif kind == "ignore":
                    ignore_value(*given, value, reason="so", record_id=record if dice.random() < 0.3 else None)
                else:
                    edit_value(*given, value, reason="so")
        self.hub.read_feed()

    def _pin(self, world: int, dice: Dice) -> None:
        self._value(world, dice, "pin")

    def _ignore(self, world: int, dice: Dice) -> None:
        self._value(world, dice, "ignore")

    def _edit(self, world: int, dice: Dice) -> None:
        self._value(world, dice, "edit")

    def _undo(self, world: int, dice: Dice) -> None:
        with self.hub.store() as store:
            if log := store.decisions(active_only=True).to_pylist():
                undo(store, self.hub.config, LEAD, dice.pick(log)["id"], reason="not so")
        self.hub.read_feed()

    def run(self, full: bool = False) -> None:
        """Deliver what the sources hold now, and run."""
        self.sound = False
        self.dirty = False
        self.history += self.hub.service
        self.hub.deliver()
        with self.hub.store() as store:
            # An old key that its source uses again is a record of its own.
            moved = {old: new for old, new in self.hub.renamed if old not in self.hub.crm}
            before = partition(store, self.entity, moved)
            self.hub.run(full)
            ids_persist(before, partition(store, self.entity, {}), store)
        type(self).runs += 1
        self.sound = True

    def teardown(self) -> None:
        try:
            if self.sound and hasattr(self, "hub"):
                self.finish()
                type(self).sequences += len(self.lived)
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def finish(self) -> None:
        """The three laws on the history as a whole."""
        assert not (found := self.hub.verify()), found
        self._deliver_again()
        with self.hub.store() as store:
            expected = state_of(store, self.entity)
            decisions = store.decisions().to_pylist()
            about = store.records_of_decisions([one["id"] for one in decisions])
            decisions = [{**one, "records": about.get(one["id"], [])} for one in decisions]
        same(expected, self._otherwise(decisions), "in another order")

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

    def _otherwise(self, decisions: list[dict[str, Any]]) -> State:
        """The same records and decisions in a hub of their own: the feed out of order, in two deliveries."""
        dice = Dice(len(self.history))
        twin = self._fresh("b")
        twin.publish_model(self.hub.variant)
        last = {one.key: one for one in sorted(self.history, key=lambda one: one.at)}
        told = {key: [one for one in self.history if one.key == key] for key in last}
        some = {key: dice.pick(told[key]) for key in last if dice.random() < 0.8}
        twin.crm = {key: row for key, row in self.hub.crm.items() if dice.random() < 0.8}
        twin.events = {key: row for key, row in self.hub.events.items() if dice.random() < 0.8}
        twin.service = list(some.values())
        early = dice.random() < 0.5
        if early:
            say_again(twin, decisions)
        twin.deliver()
        twin.run()
        if not early:
            say_again(twin, decisions)
        twin.crm, twin.events = dict(self.hub.crm), dict(self.hub.events)
        twin.service = [last[key] if some.get(key) is not last[key] else dice.pick(told[key]) for key in last]
        twin.deliver()
        twin.run()
        type(self).runs += 2
        with twin.store() as store:
            return state_of(store, self.entity)


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
