"""The records of the hub that one record is compared with: those that share a match key of a usable block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import orjson

from matching.keys import RecordKey
from matching.model.compiled import DIGITS
from matching.realtime.answer import CutBlock
from matching.realtime.contacts import ContactRoles, settle_own_values
from matching.realtime.features import Features
from matching.realtime.rules import Rules
from models.store.looks import Ask
from models.store.lookup import Lookup, near_query

_FEW = 8


@dataclass(frozen=True)
class Candidates:
    """The records to compare with, by their numbers, and the blocks that were left out.

    `sharing` are those that have a contact value of the record asked about; of the contact columns in `apart` the
    others have none.
    """

    records: Mapping[int, Features]
    sharing: Set[int]
    apart: frozenset[str]
    cut: list[CutBlock]


@dataclass(frozen=True)
class Asked:
    """A record with what is needed to find those that it is compared with.

    `number` is that of the record where the hub holds it; it is no candidate of its own.
    """

    rules: Rules
    features: Features
    roles: ContactRoles
    number: int | None
    keys: Sequence[RecordKey]
    near: tuple[list[int], list[int], list[int], str, dict[str, list[str]]]
    """The arguments of `Lookup.near`."""

    @classmethod
    def of(cls, rules: Rules, standard: Mapping[str, Any], number: int | None = None) -> Asked:
        """A record of these standard values."""
        roles = ContactRoles(rules)
        features = rules.features(standard, roles)
        keys = list(rules.keys(features))
        shared = {rule for _, rule in rules.contacts}
        caps = [rules.caps[key.rule] for key in keys]
        # A new record makes its blocks larger by one; who has its contact values is read in any case.
        added = int(number is None)
        most = [cap + 1 if added and key.rule in shared else cap - added for key, cap in zip(keys, caps, strict=True)]
        near = ([key.key for key in keys], caps, most, roles.entity, roles.unknown([features]))
        return cls(rules, features, roles, number, keys, near)

    def ahead(self) -> Ask:
        """What `candidates_of` will ask of PostgreSQL first, to be asked ahead."""
        return near_query(*self.near)


def candidates_of(lookup: Lookup, question: Asked) -> Candidates:
    """Reads the records under the match keys of a record, and settles the roles of its own contact values."""
    rules, asked, roles, number = question.rules, question.features, question.roles, question.number
    keys, added = question.keys, int(number is None)
    columns = {rule: kind.column for kind, rule in rules.contacts}
    near = lookup.near(*question.near)
    apart = set(columns.values())
    wanted: set[int] = set()
    sharing: set[int] = set()
    holders: dict[tuple[str, str], list[int]] = {}
    cut = []
    for key, block in zip(keys, near.blocks, strict=True):
        contact = columns.get(key.rule)
        if len(block) + added > rules.caps[key.rule]:
            cut.append(CutBlock(rules.declaration.blocking[key.rule].name, key.values, rules.caps[key.rule]))
            apart.discard(contact or "")
        else:
            wanted.update(block)
            if contact is not None:
                sharing.update(block)
        if number is None and contact is not None:
            holders[contact, key.values[0]] = block
    if number is not None:
        wanted.discard(number)
    read = wanted.union(*holders.values())
    loaded = {i: rules.features(orjson.loads(text), roles) for i, text in near.standards if i in read}
    roles.take(near.roles)
    if number is None:
        settle_own_values(rules, lookup, roles, asked, holders, loaded)
    records = {i: features for i, features in loaded.items() if i in wanted} if len(read) > len(wanted) else loaded
    return Candidates(records, sharing, frozenset(apart), cut)


def weights_of(
    lookup: Lookup, rules: Rules, asked: Features, roles: ContactRoles, found: Candidates, floor: float
) -> dict[int, float]:
    """The match weight with each candidate that has at least `floor` bits, as a run rounds it."""
    near = {i: found.records[i] for i in found.sharing if i in found.records}
    if len(near) < len(found.records):
        may_reach = rules.pruning.apart(asked, floor, found.apart)
        near |= {i: other for i, other in found.records.items() if i not in near and may_reach(other)}
    roles.learn(lookup, near.values())
    if len(near) > _FEW:
        may_reach = rules.pruning.against(asked, floor)
        near = {i: other for i, other in near.items() if may_reach(other)}
    weigh = rules.compiled.weight
    weights = {i: round(weigh(asked, other), DIGITS) for i, other in near.items()}
    return {i: weight for i, weight in weights.items() if weight >= floor}
