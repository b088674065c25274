"""The records of the hub that one record is compared with: those that share a match key of a usable block."""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from matching.realtime.answer import CutBlock
from matching.realtime.contacts import ContactRoles, settle_own_values
from matching.realtime.features import Features
from matching.realtime.rules import Rules
from models.store.lookup import Lookup


@dataclass(frozen=True)
class Candidates:
    """The records to compare with, by their numbers, and the blocks that were left out."""

    records: dict[int, Features]
    cut: list[CutBlock]


def candidates_of(lookup: Lookup, rules: Rules, asked: Features, roles: ContactRoles, number: int | None) -> Candidates:
    """Reads the records under the match keys of `asked`, and settles the roles of all their contact values.

    `number` is that of `asked` where the hub holds it; it is no candidate of its own.
    """
    keys = list(rules.keys(asked))
    blocks = lookup.blocks([key.key for key in keys], [rules.caps[key.rule] for key in keys])
    columns = {rule: kind.column for kind, rule in rules.contacts}
    wanted: set[int] = set()
    holders: dict[tuple[str, str], list[int]] = {}
    cut = []
    for key, block in zip(keys, blocks, strict=True):
        # A record that is new to the hub makes its blocks larger by one.
        if len(block) + (number is None) > rules.caps[key.rule]:
            cut.append(CutBlock(rules.declaration.blocking[key.rule].name, key.values, rules.caps[key.rule]))
        else:
            wanted.update(block)
        if number is None and key.rule in columns:
            holders[columns[key.rule], key.values[0]] = block
    if number is not None:
        wanted.discard(number)
    read = wanted.union(*holders.values())
    loaded = {i: rules.features(orjson.loads(text), roles) for i, text in lookup.standards(sorted(read))}
    if number is None:
        settle_own_values(rules, lookup, roles, asked, holders, loaded)
    records = {i: features for i, features in loaded.items() if i in wanted}
    roles.learn(lookup, [asked, *records.values()])
    return Candidates(records, cut)
