"""What may happen to a hub between two runs, and during one: what its sources say next, and what stewards decide.

Each is about one of the hub's worlds, and is drawn with dice of its own, so that it is the same in any order.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from models.stewardship import PairVerdict
from models.store import Store
from serving.access import Principal
from serving.stewardship.contradictions import Contradicts
from serving.stewardship.deciding import approve, decide_pair, split, undo
from serving.stewardship.errors import Overtaken, Refused, Unknown
from serving.stewardship.values import edit_value, ignore_value, pin_value
from tests.laws.hub import Dated, Hub
from tests.laws.world import Row, columns, customers, row
from worlds.dice import Dice

LEAD = Principal.of_account("li", "lead_steward")
SECOND = Principal.of_account("wu", "lead_steward")
DELIVERED = (
    "insert insert insert update update delete feed feed bury late again renumber renumber_again "
    "person person rewrite dismiss relate part touch touch untouch"
).split()
"""Kinds of what sources say; some are of mixed hubs, or of those with touchpoints, and nothing happens in others."""
DECIDED = "match no_match no_match unsure split pin ignore edit undo approve".split()
"""Kinds of what stewards say."""


class Acts:
    """The changes of a history; `dirty` says that the sources hold something that no run has read."""

    hub: Hub

    def __init__(self) -> None:
        super().__init__()
        self.clock = 100
        self.number = 0
        self.history: list[Dated] = []
        self.dirty = False
        self.strayed = False
        """Whether a touchpoint or relation may name a record by a key that its source gave up."""
        self.follows = True
        """Whether the source writes a new key wherever it wrote the old one."""

    def act(self, world: int, kind: str, seed: int) -> None:
        """Let one change happen."""
        acts: Callable[[int, Dice], None] = getattr(self, f"_{kind}")
        acts(world, Dice(seed))

    def _insert(self, world: int, dice: Dice) -> None:
        """A row of `crm` is new, or says something else now."""
        self.hub.crm[f"{world}-{dice.below(6)}"] = row(self.hub.entity, world, dice)
        self.dirty = True

    def _own(self, world: int, rows: dict[str, Row] | None = None) -> list[str]:
        return sorted(key for key in (self.hub.crm if rows is None else rows) if key.startswith(f"{world}-"))

    def _update(self, world: int, dice: Dice) -> None:
        """One column of a row of `crm` says something else, perhaps what another customer's would."""
        if own := self._own(world):
            self._write(self.hub.crm, self.hub.entity, world, dice.pick(own), dice)

    def _write(self, rows: dict[str, Row], entity: str, world: int, key: str, dice: Dice) -> None:
        column = dice.pick(columns(entity))
        value = dice.pick([*dice.pick(customers(entity, world))[column], ""])
        rows[key] = {**rows[key], column: value}
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
        self._tell(Dated(f"{world}-{dice.below(6)}", self._now(), row(self.hub.entity, world, dice)))

    def _bury(self, world: int, dice: Dice) -> None:
        """A tombstone, perhaps of what never was."""
        self._tell(Dated(f"{world}-{dice.below(6)}", self._now(), None))

    def _known(self, world: int) -> list[Dated]:
        return [one for one in self.history if one.key.startswith(f"{world}-")]

    def _late(self, world: int, dice: Dice) -> None:
        """A row, or a tombstone, that is older than what the hub holds."""
        if known := self._known(world):
            one = dice.pick(known)
            fresh = None if dice.random() < 0.3 else row(self.hub.entity, world, dice)
            self._tell(Dated(one.key, -self._now(), fresh))

    def _again(self, world: int, dice: Dice) -> None:
        """A row that was delivered before."""
        if known := self._known(world):
            self._tell(dice.pick(known))

    def _renumber(self, world: int, dice: Dice) -> None:
        """The source gives an old row a new key."""
        if own := self._own(world):
            key = dice.pick(own)
            self.number += 1
            new = f"{world}-n{self.number}"
            if key not in dict(self.hub.renamed):
                self.hub.crm[new] = self.hub.crm.pop(key)
                self._rekey(key, new)

    def _renumber_again(self, world: int, dice: Dice) -> None:
        """The source makes one row of two."""
        own = [key for key in self._own(world) if key not in dict(self.hub.renamed)]
        if len(own) > 1:
            gone = own.pop(dice.below(len(own)))
            stays = dice.pick(own)
            del self.hub.crm[gone]
            self._rekey(gone, stays)

    def _rekey(self, old: str, new: str) -> None:
        self.hub.renamed.append((old, new))
        self.dirty = True
        hub = self.hub
        named = ((hub.events, "party_key"), (hub.people, "organization_key"), (hub.relations, "to_key"))
        for rows, column in named:
            for key, one in rows.items():
                if one.get(column) == old:
                    if self.follows:
                        rows[key] = {**one, column: new}
                    else:  # the hub knows whose key it was; one that never met the old key cannot
                        self.strayed = True

    def _person(self, world: int, dice: Dice) -> None:
        """Somebody works for one of the world's organizations, or for one that nobody knows."""
        if self.hub.mixed:
            found = row("person", world, dice)
            found["organization_key"] = f"{world}-{dice.below(6)}" if dice.random() < 0.8 else ""
            self._refers(found["organization_key"])
            self.hub.people[f"{world}-p{dice.below(4)}"] = found
            self.dirty = True

    def _rewrite(self, world: int, dice: Dice) -> None:
        """One column of a person says something else."""
        if own := self._own(world, self.hub.people):
            self._write(self.hub.people, "person", world, dice.pick(own), dice)

    def _dismiss(self, world: int, dice: Dice) -> None:
        """People are no more, whatever names them."""
        for key in self._own(world, self.hub.people):
            if dice.random() < 0.4:
                del self.hub.people[key]
                self.dirty = True

    def _relate(self, world: int, dice: Dice) -> None:
        """A person and an organization have to do with each other."""
        if self.hub.mixed:
            known = self._own(world) or [f"{world}-0"]
            found = {"type": dice.pick(["drives_for", "owns", "account_team"]), "role": dice.pick(["", "regional"])}
            found["from_key"], found["to_key"] = f"{world}-p{dice.below(4)}", dice.pick(known)
            found["valid_from"] = f"2024-{dice.between(1, 8):02d}-01" if dice.random() < 0.5 else ""
            self._refers(found["to_key"])
            self.hub.relations[f"{world}-r{dice.below(3)}"] = found
            self.dirty = True

    def _part(self, world: int, dice: Dice) -> None:
        if known := self._own(world, self.hub.relations):
            del self.hub.relations[dice.pick(known)]
            self.dirty = True

    def _touch(self, world: int, dice: Dice) -> None:
        """Something happened with a customer of the world, or says something else now, or will happen."""
        if not self.hub.touchpoints:
            return
        kind = dice.pick(["visit", "lead", "lead", "opportunity", "quote", "order"])
        day = f"2024-{dice.between(1, 8):02d}-{dice.between(1, 28):02d}"
        found = {"type": kind, "occurred_at": day, "owner": "Li", "amount": str(dice.below(9) * 1000)}
        found["status"] = dice.pick(["open", "won", "lost", "converted", ""])
        found["party_key"] = f"{world}-{dice.below(6)}"
        if self.hub.mixed:
            found["party_key"] = dice.pick([found["party_key"], found["party_key"], f"{world}-p{dice.below(4)}"])
            found["contact_key"] = f"{world}-p{dice.below(4)}" if dice.random() < 0.5 else ""
        self._refers(found["party_key"])
        found["refers_to"] = f"{world}-e{dice.below(5)}" if dice.random() < 0.5 else ""
        self.hub.events[f"{world}-e{dice.below(5)}"] = found
        self.dirty = True

    def _refers(self, key: str) -> None:
        """Something names an organization that may have gone on under another key."""
        if key in dict(self.hub.renamed):
            self.strayed = True

    def _untouch(self, world: int, dice: Dice) -> None:
        if known := sorted(key for key in self.hub.events if key.startswith(f"{world}-e")):
            del self.hub.events[dice.pick(known)]
            self.dirty = True

    def _entity(self, dice: Dice) -> str:
        return dice.pick(self.hub.entities)

    def _match(self, world: int, dice: Dice, verdict: PairVerdict = "match") -> None:
        """A steward's word on two records, which takes effect at once, or waits for the next run."""
        store, entity = self.hub.desk, self._entity(dice)
        rows = store.records(entity, ["record_id", "source_key"]).to_pylist()
        found = sorted(r["record_id"] for r in rows if r["source_key"].startswith(f"{world}-"))
        if len(found) < 2:
            return
        one = found.pop(dice.below(len(found)))
        left, right = sorted((one, dice.pick(found)))
        if dice.random() < 0.6:
            more: dict[str, Any] = {}
            if verdict == "match":
                # Perhaps in spite of what speaks against it, perhaps one record alone.
                more = {"despite": dice.random() < 0.7, "only": dice.pick([None, None, "left", "right"])}
            with contextlib.suppress(Contradicts, Refused):
                decide_pair(store, self.hub.config, LEAD, verdict, left, right, reason="so", **more)
        else:
            about = {"kind": "pair", "verdict": verdict, "entity_type": entity, "by": "wang", "reason": "so"}
            store.add_decisions([{**about, "left_id": left, "right_id": right}])
            self.dirty = True

    def _no_match(self, world: int, dice: Dice) -> None:
        self._match(world, dice, "no_match")

    def _unsure(self, world: int, dice: Dice) -> None:
        self._match(world, dice, "unsure")

    def _approve(self, world: int, dice: Dice) -> None:
        """A second steward settles what waits for one."""
        store = self.hub.desk
        waiting = [one["id"] for one in store.decisions().to_pylist() if one["approval"] is not None]
        if waiting:
            verdict: Any = "approve" if dice.random() < 0.7 else "reject"
            with contextlib.suppress(Refused, Overtaken):
                approve(store, self.hub.config, SECOND, dice.pick(waiting), reason="so", verdict=verdict)

    def _golden(self, store: Store, world: int, dice: Dice, least: int = 1) -> tuple[str, list[int]] | None:
        """A golden record of the world with its records."""
        members: dict[str, list[int]] = {}
        for one in store.crosswalk(self._entity(dice)).to_pylist():
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
        store = self.hub.desk
        if found := self._golden(store, world, dice, 2):
            golden, records = found
            cut = dice.between(1, len(records))
            dice.shuffle(records)
            split(store, self.hub.config, LEAD, golden, [records[:cut], records[cut:]], reason="two customers")

    def _value(self, world: int, dice: Dice, kind: str) -> None:
        """A steward's word on a value of a golden record."""
        store = self.hub.desk
        if not (found := self._golden(store, world, dice)):
            return
        golden, records = found
        (held,) = store.golden_by_id([golden]).to_pylist()
        entity = held["entity_type"]
        attribute, record = dice.pick(columns(entity)), dice.pick(records)
        value = dice.pick(dice.pick(customers(entity, world))[attribute])
        given = (store, self.hub.config, LEAD, golden, attribute)
        with contextlib.suppress(Refused, Unknown):
            if kind == "pin":
                pin_value(*given, record, reason="so", lasting=dice.random() < 0.5)
            elif kind == "ignore":
                ignore_value(*given, value, reason="so", record_id=record if dice.random() < 0.3 else None)
            else:
                edit_value(*given, value, reason="so")

    def _pin(self, world: int, dice: Dice) -> None:
        self._value(world, dice, "pin")

    def _ignore(self, world: int, dice: Dice) -> None:
        self._value(world, dice, "ignore")

    def _edit(self, world: int, dice: Dice) -> None:
        self._value(world, dice, "edit")

    def _undo(self, world: int, dice: Dice) -> None:
        store = self.hub.desk
        if log := store.decisions(active_only=True).to_pylist():
            undo(store, self.hub.config, LEAD, dice.pick(log)["id"], reason="not so")
