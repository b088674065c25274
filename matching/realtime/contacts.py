"""Whom contact values stand for when one record comes to those that the hub holds: what a run with it would find.

What the store says of a value holds, except where the record itself uses it: then it has one holder more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import orjson

from matching.keys import key_of
from matching.profile import MOST_RECORDS, value_class
from matching.realtime.features import JUNK, OWN, Features
from matching.realtime.rules import Rules
from models.store.lookup import Lookup


class Known(dict[str, str]):
    """The roles of one contact column's values; what is not said is somebody's own."""

    def __missing__(self, value: str) -> str:
        return OWN


class ContactRoles(dict[str, Known]):
    """Contact column → value → role, as far as it was looked up."""

    def __init__(self, rules: Rules):
        super().__init__((kind.column, Known()) for kind, _ in rules.contacts)
        self.entity = rules.model.entity_type
        self._seen: dict[str, set[str]] = {column: set() for column in self}

    def learn(self, lookup: Lookup, records: Iterable[Features]) -> None:
        """Look up the contact values of these records, each value once."""
        if wanted := self.unknown(records):
            self.take(lookup.contact_roles(self.entity, wanted))

    def unknown(self, records: Iterable[Features]) -> dict[str, list[str]]:
        """Contact column → values of these records that were not looked up yet; from now on they count as known."""
        wanted: dict[str, list[str]] = {}
        for column, seen in self._seen.items():
            values = {v for record in records for v in record[column] or ()} - seen
            if values:
                seen |= values
                wanted[column] = list(values)
        return wanted

    def take(self, found: Iterable[tuple[str, str, str]]) -> None:
        """Column, value, role as the store says them."""
        for column, value, role in found:
            self[column][value] = role

    def settle(self, column: str, value: str, role: str) -> None:
        """Say what a value is, whatever the store says."""
        self._seen[column].add(value)
        if role == OWN:
            self[column].pop(value, None)
        else:
            self[column][value] = role


def settle_own_values(
    rules: Rules,
    lookup: Lookup,
    roles: ContactRoles,
    record: Features,
    holders: Mapping[tuple[str, str], list[int]],
    loaded: Mapping[int, Features],
) -> None:
    """Settle the roles of the contact values of a record that the hub does not hold yet (they are learnt already).

    `holders` names, per column and value, the records that use it, as far as they were read: one more than the block's
    cap says that there are others. `loaded` are the records that were read.
    """
    for kind, rule in rules.contacts:
        for value in record[kind.column] or ():
            known = holders.get((kind.column, value), [])
            if len(known) > rules.caps[rule]:
                # So many records share it: what identifies nobody will not be somebody's with one more.
                if roles[kind.column][value] == JUNK:
                    continue
                found = _all_holders(rules, lookup, rule, value)
                if len(found) >= MOST_RECORDS:
                    roles.settle(kind.column, value, JUNK)
                    continue
                records = [rules.features(orjson.loads(text), roles) for _, text in lookup.standards(found)]
            else:
                records = [loaded[i] for i in known if i in loaded]
            owners = {owner for r in (*records, record) if (owner := r[kind.owner]) is not None}
            roles.settle(kind.column, value, value_class(kind, len(records) + 1, sorted(owners))[0])


def _all_holders(rules: Rules, lookup: Lookup, rule: int, value: str) -> list[int]:
    key = key_of(rules.declaration, rules.declaration.blocking[rule], (value,))
    return lookup.blocks([key], [MOST_RECORDS])[0]
